"""A structure, its vector, the density that the vector describes, and the decoded structure, in one picture.

python benchmarks/crystals_figure.py CIF --out docs/figures/crystals.png

docs/figures/crystals.png is of examples/data/crystals/LiFePO4_mp-19017.cif.
"""

from itertools import product
from pathlib import Path
from typing import Annotated, Any

import gemmi
import matplotlib as mpl
import numpy as np
import typer
from ase.data.colors import jmol_colors
from report import few_colours

from argand.io.structure import read_structure
from argand.physics.crystal.comparison import compare
from argand.physics.crystal.reciprocal import waves
from argand.physics.crystal.structure import Structure
from argand.systems.crystals.latent.decoding import encode_verified
from argand.systems.crystals.latent.representation import Latent, Representation

AXES = (0, 2, 1)
"""Of the cell: to the right, upwards, and towards the eye."""
TILT = np.array([0.13, 0.09])
"""How far what is nearer to the eye is moved, so that atoms behind each other are seen."""
GRID = (80, 40, 40)
NEAR = 0.02


def flat(structure: Structure, frac: np.ndarray) -> np.ndarray:
    """Positions in the picture in Å, and the depth."""
    lengths = np.linalg.norm(structure.lattice, axis=1)
    scaled = (frac * lengths)[:, AXES]
    return np.column_stack([scaled[:, :2] + scaled[:, 2:] * TILT, scaled[:, 2]])


def draw_cell(axes: Any, structure: Structure) -> None:
    """Edges of the cell."""
    for start in product((0, 1), repeat=3):
        for axis in range(3):
            if start[axis] == 0:
                end = [value + (k == axis) for k, value in enumerate(start)]
                line = flat(structure, np.array([start, end], float))
                axes.plot(line[:, 0], line[:, 1], color="#999", lw=0.8, zorder=-10)
    axes.set_aspect("equal")
    axes.axis("off")


def draw_atoms(axes: Any, structure: Structure) -> None:
    """Balls, with images of those on the cell's faces, and a legend."""
    for z, place in zip(structure.species.tolist(), structure.frac_coords, strict=True):
        choices = [(0, 1) if x < NEAR else (0, -1) if x > 1 - NEAR else (0,) for x in place]
        for shift in product(*choices):
            x, y, depth = flat(structure, (place + np.array(shift))[None])[0]
            ball = {"facecolor": jmol_colors[z], "edgecolor": "#333", "lw": 0.7, "zorder": -depth}
            radius = 0.28 + 0.28 * gemmi.Element(z).covalent_r
            axes.add_patch(mpl.patches.Circle((x, y), radius, **ball))
    for z in np.unique(structure.species).tolist():
        ball = {"s": 60, "color": jmol_colors[z], "edgecolors": "#333", "label": gemmi.Element(z).name}
        axes.scatter([], [], **ball)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=8, frameon=False, handletextpad=0.1)


def draw_density(axes: Any, structure: Structure, latent: Latent, representation: Representation) -> None:
    """The sum of the latent's waves, its highest value on each line of sight."""
    content = representation.read(latent)
    grid = np.stack(np.meshgrid(*[np.arange(n) / n for n in GRID], indexing="ij"), -1)
    taper = np.exp(-(np.linalg.norm(content.hkl @ np.linalg.inv(content.lattice).T, axis=1) ** 2))
    values = np.zeros(grid.shape[:3])
    for plane in range(GRID[0]):
        wave = waves(content.hkl, grid[plane].reshape(-1, 3))
        values[plane] = (np.conj(wave).T @ (taper * content.density)).real.reshape(GRID[1:])
    lengths = np.linalg.norm(structure.lattice, axis=1)
    extent = (0, lengths[AXES[0]], 0, lengths[AXES[1]])
    seen = values.max(axis=AXES[2]).T
    axes.imshow(seen, origin="lower", extent=extent, cmap="magma", interpolation="bicubic", vmin=0)
    axes.axis("off")


def main(
    file: Annotated[Path, typer.Argument(help="A structure.")],
    out: Annotated[Path, typer.Option(help="The picture.")],
) -> None:
    """Draw the picture."""
    from matplotlib import pyplot as plt

    # As given: the density is drawn in the cell of the structure.
    representation, structure = Representation(as_given=True), read_structure(file)
    latent, decoded = encode_verified(representation, structure)
    found = compare(decoded.structure, structure)
    figure, ((given, vector), (density, back)) = plt.subplots(2, 2, figsize=(8, 5.4), layout="constrained")
    for axes, shown in ((given, structure), (back, decoded.structure)):
        draw_cell(axes, shown)
        draw_atoms(axes, shown)
    draw_density(density, structure, latent, representation)
    vector.plot(np.asarray(latent), color="#2a78b8", lw=0.6)
    vector.set(xlabel="index", ylabel="value", title=f"its vector: {len(latent)} numbers")
    given.set_title(f"{file.stem.replace('_', ', ')}: {len(structure)} atoms")
    density.set_title("density that the vector describes")
    back.set_title(f"decoded: {found.found} atoms, {found.species_right} elements correct")
    figure.savefig(out, dpi=100)
    few_colours(out)


if __name__ == "__main__":
    typer.run(main)
