"""A solved crystal as its page draws it: the structure in its density, and sections through its maps."""

from pathlib import Path
from typing import Any

import gemmi
import numpy as np

from argand.errors import InputError
from argand.io.map import read_ccp4
from argand.page.sections_view import SectionMap, SectionMark
from argand.page.structure_view import Density, DrawnStructure
from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.harker_section import HarkerSection, harker_sections_of
from argand.physics.phasing.patterson_map import patterson_group

MOST_SITES, MOST_IMAGES = 1000, 20_000
"""Sites of a model that is drawn, and these times the operators. By hand: what solve finds has some hundred
sites, and the drawing takes memory with their square."""
MOST_CROWDED = 20.0
"""Sites times operators in an Å³. By hand: LiF, with two sites and 192 operators in 65 Å³, has 6."""
FARTHEST = 100.0
"""Cells from the origin that a site may be. By hand: solve puts all of them near it."""
_CONTOUR = 0.3
"""First contour of the density, over that at a usual atom. By hand: bonded atoms are joined."""
_ORIGIN_RADIUS = 0.9
"""Å about the origin in which no height counts as the map's highest. By hand: shorter than any bond but those
of hydrogen."""


def read_model(path: Path) -> gemmi.SmallStructure:
    """The model of a CIF that solve wrote; InputError where it is damaged."""
    try:
        model = gemmi.read_small_structure(str(path))
        images = len(model.sites) * len([gemmi.Op(triplet) for triplet in model.symops])
    # IndexError: of loops without columns.
    except (RuntimeError, ValueError, IndexError, OSError) as error:
        raise InputError(f"{path}: no whole CIF ({' '.join(str(error).split())})") from error
    places = _places(model)
    if not 0 < len(places) <= MOST_SITES or not (np.abs(places) < FARTHEST).all():
        raise InputError(f"{path}: no sites of a crystal that can be drawn")
    if not 0 < images < min(MOST_CROWDED * model.cell.volume, MOST_IMAGES):
        raise InputError(f"{path}: no cell and symmetry that have room for its sites")
    return model


def read_values(path: Path) -> np.ndarray:
    """A map of the whole cell [x, y, z]; InputError where it is damaged."""
    values = read_ccp4(path)[0]
    if min(values.shape) < 2 or not np.isfinite(values).all():
        raise InputError(f"{path}: no whole map of a cell; solve again with --force")
    return values


def drawn_structure(
    model: gemmi.SmallStructure, density: np.ndarray, unit: str, trusted: bool
) -> DrawnStructure:
    """Atoms with their labels, places and displacements, the symmetry of the crystal, and the density."""
    heights = atom_heights(model, density)
    operations = [gemmi.Op(triplet) for triplet in model.symops]
    return DrawnStructure(
        elements=[site.element.name for site in model.sites],
        frac=_places(model),
        lattice=lattice_of(model),
        labels=[site.label for site in model.sites],
        details=[site_words(site) for site in model.sites],
        operations=[
            ((np.array(one.rot) // one.DEN).tolist(), [value / one.DEN for value in one.tran])
            for one in operations
        ],
        trusted=trusted,
        density=Density(density, unit=unit, level=_CONTOUR * float(np.median(heights))),
    )


def patterson_sections(
    model: gemmi.SmallStructure, values: np.ndarray, peaks: list[dict[str, Any]], group: str
) -> SectionMap:
    """Sections of the sharpened Patterson map with its peaks and the Harker sections of the space group."""
    symmetry = group_of(model)
    harker = harker_sections_of(symmetry)
    top = max((peak["height"] for peak in peaks), default=0.0)
    return SectionMap(
        values=values,
        lattice=lattice_of(model),
        top=top if top > 0 else highest(values, lattice_of(model)),
        heights=("height", 1000.0, 0),
        marks=[
            SectionMark(str(number), peak["frac"], peak["height"]) for number, peak in enumerate(peaks, 1)
        ],
        symmetry=patterson_group(symmetry),
        harker=harker,
        group=group,
        start=_first_section(harker),
    )


def density_sections(model: gemmi.SmallStructure, values: np.ndarray, unit: str, group: str) -> SectionMap:
    """Sections of the density with the atoms of the whole cell."""
    heights = atom_heights(model, values)
    sites = zip(model.sites, heights, strict=True)
    return SectionMap(
        values=values,
        lattice=lattice_of(model),
        top=float(max(heights)),
        centred=False,
        letters="xyz",
        heights=(f"density, {unit},", 1.0, 1),
        marks=[SectionMark(site.label, site.fract.tolist(), height) for site, height in sites],
        symmetry=group_of(model),
        group=group,
        start=(2, float(model.sites[0].fract.z % 1.0)),
    )


def highest(values: np.ndarray, lattice: np.ndarray) -> float:
    """Height of a Patterson map beyond the peak at its origin, `lattice` with rows in Å."""
    steps = [np.fft.fftfreq(size) for size in values.shape]
    frac = np.stack(np.meshgrid(*steps, indexing="ij"), -1)
    return float(values[np.linalg.norm(frac @ lattice, axis=-1) > _ORIGIN_RADIUS].max(initial=0.0))


def atom_heights(model: gemmi.SmallStructure, values: np.ndarray) -> list[float]:
    """The density at each site, interpolated linearly."""
    grid = gemmi.FloatGrid(np.ascontiguousarray(values, np.float32))
    return [grid.interpolate_value(site.fract) for site in model.sites]


def site_words(site: gemmi.SmallStructure.Site) -> str:
    """What is told of an atom: label, fractional coordinates and displacement."""
    x, y, z = site.fract.tolist()
    return f"{site.label}: {x:.4f} {y:.4f} {z:.4f}, U {site.u_iso:.3f} Å²"


def lattice_of(model: gemmi.SmallStructure) -> np.ndarray:
    """Rows a, b, c in Å."""
    return np.array(model.cell.orth.mat.tolist()).T


def group_of(model: gemmi.SmallStructure) -> Group:
    """The operators that the CIF lists."""
    return Group.from_operations(gemmi.GroupOps([gemmi.Op(triplet) for triplet in model.symops]))


def _places(model: gemmi.SmallStructure) -> np.ndarray:
    return np.array([site.fract.tolist() for site in model.sites])


def _first_section(harker: list[HarkerSection]) -> tuple[int, float]:
    """The first Harker plane across an axis; without one, the section across c through the origin."""
    for section in harker:
        ((row, value), *lines) = section.equations
        if not lines and sum(map(abs, row)) == 1:
            return row.index(1), min(float(value), 1 - float(value))
    return 2, 0.0
