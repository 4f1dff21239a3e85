"""Crystals unlike those of the usual sets, rebuilt from their latent vectors alone.

    python benchmarks/crystals_others.py --data CRYSTALS --molecules REFLECTIONS

CRYSTALS is a folder of the parquet files, curated_cofs and mp_pool among them, REFLECTIONS one of measured
crystals, of which only the CIFs are read. The rest is made here.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from pyarrow import parquet
from report import as_table, write_report
from rich.console import Console

from argand.errors import InputError
from argand.io.structure import read_structure
from argand.learn.device import processor_name
from argand.machine import available_cores
from argand.physics.crystal.comparison import compare
from argand.physics.crystal.structure import Structure, checked, distances
from argand.physics.crystal.supercell import unfolded
from argand.systems.crystals.latent.decoding import encode_verified
from argand.systems.crystals.latent.representation import Representation

RESULTS = Path(__file__).parent / "results" / "crystals_others.json"
SEED = 11
FRAMEWORKS = (
    "cof-08013N2", "cof-09010N2", "cof-08010N2", "cof-09000N3", "cof-13040N3", "cof-14020N2",
)  # fmt: skip
LARGE = ((150, 1), (201, 2), (301, 1), (401, 1))
"""Least atoms of cells of mp_pool, and how many of each are drawn."""
COMPOUND = np.array([[0, 0, 0], [0.5, 0.5, 0.5]])
FLUORITE = np.array([[0.0] * 3, [0.25] * 3, [0.75] * 3])
FACE = np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])


def layer() -> Structure:
    """Graphene with 15 Å between layers."""
    a = 2.46
    lattice = np.array([[a, 0, 0], [-a / 2, a * np.sqrt(3) / 2, 0], [0, 0, 15.0]])
    return checked(lattice, np.array([6, 6]), np.array([[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.5]]))


def shaken(structure: Structure, size: float) -> Structure:
    """All atoms moved at random by about so many Å."""
    steps = size * np.random.default_rng(SEED).standard_normal((len(structure), 3))
    places = structure.frac_coords + steps @ np.linalg.inv(structure.lattice)
    return checked(structure.lattice, structure.species, places)


def boxed(symbols: list[int], cart: list[list[float]], length: float) -> Structure:
    """A molecule alone in a cube."""
    return checked(length * np.eye(3), np.array(symbols), np.array(cart) / length + 0.5)


def random_cell(lattice: np.ndarray, count: int, apart: float) -> Structure:
    """Atoms of any kind at random, no two nearer than `apart`."""
    generator = np.random.default_rng(SEED)
    places = np.zeros((0, 3))
    while len(places) < count:
        place = generator.random(3)
        left = places - place
        # Neighbours across all faces: skewed cells have near images beyond the nearest fractions.
        images = (left - np.rint(left))[:, None] + np.stack(np.meshgrid(*[[-1, 0, 1]] * 3), -1).reshape(-1, 3)
        if np.linalg.norm(images @ lattice, axis=-1).min(initial=np.inf) > apart:
            places = np.concatenate([places, place[None]])
    return checked(lattice, generator.integers(1, 95, count), places)


def made() -> Iterator[tuple[str, str, Structure]]:
    """Kind, name and structure of what is made here."""
    halite = checked(5.64 * FACE, np.array([11, 17]), COMPOUND)
    for times in (1, 2, 3, 5):
        yield "graphene", f"{times} x {times}", unfolded(layer(), np.diag([times, times, 1]))
    yield "graphene", "5 x 5, shaken by 0.02 Å", shaken(unfolded(layer(), np.diag([5, 5, 1])), 0.02)
    cube = np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]])
    for times in (1, 2, 3):
        yield "supercell", f"NaCl, cubic, {times}³", unfolded(halite, times * cube)
    yield "supercell", "NaCl, cubic, 2³, shaken by 0.02 Å", shaken(unfolded(halite, 2 * cube), 0.02)
    yield "supercell", "NaCl, skewed, 12 times", unfolded(halite, np.array([[2, 1, 0], [0, 2, 3], [0, 0, 3]]))
    yield "slab", "NaCl, 3 double layers and 15 Å", slab()
    yield "molecule", "water in 12 Å", boxed([8, 1, 1], [[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]], 12.0)
    ring = [[r * np.cos(t), r * np.sin(t), 0] for r in (1.39, 2.48) for t in np.arange(6) * np.pi / 3]
    for length in (10.0, 15.0):
        yield "molecule", f"benzene in {length:g} Å", boxed([6] * 6 + [1] * 6, ring, length)
    yield "one atom", "Po", checked(3.35 * np.eye(3), np.array([84]), np.zeros((1, 3)))
    yield "actinides", "PuO2", checked(5.4 * FACE, np.array([94, 8, 8]), FLUORITE)
    yield "elongated", "3.5 x 3.5 x 60 Å", random_cell(np.diag([3.5, 3.5, 60.0]), 30, 1.8)
    skewed = np.array([[6.0, 0, 0], [5.0, 3.5, 0], [9.0, 4.0, 5.0]])
    yield "skewed", "angles of 30 to 45°", random_cell(skewed, 6, 1.8)
    yield "random", "60 atoms", random_cell(np.diag([9.0, 10.0, 11.0]), 60, 1.7)


def slab() -> Structure:
    """A film of rock salt."""
    a, layers = 5.64, 6
    places, species = [], []
    for z in range(layers):
        for x, y, kind in ((0, 0, 0), (0.5, 0.5, 0), (0.5, 0, 1), (0, 0.5, 1)):
            places.append([x * a, y * a, z * a / 2 + 5.0])
            species.append((11, 17)[(kind + z) % 2])
    lattice = np.diag([a, a, layers * a / 2 + 15.0])
    return checked(lattice, np.array(species), np.array(places) @ np.linalg.inv(lattice))


def stored(folder: Path) -> Iterator[tuple[str, str, Structure]]:
    """Covalent frameworks and large cells."""
    table = parquet.read_table(folder / "curated_cofs.parquet")
    names = table["material_id"].to_pylist()
    chosen = [table.slice(names.index(name), 1) for name in FRAMEWORKS]
    pool = parquet.read_table(folder / "mp_pool.parquet")
    atoms, generator = pool["n_atoms"].to_numpy(), np.random.default_rng(SEED)
    for least, many in LARGE:
        rows = generator.permutation(np.flatnonzero((atoms >= least) & (atoms < least + 50)))
        chosen.append(pool.take(rows[:many]))
    for part in chosen:
        for row in part.to_pylist():
            kind = "framework" if row["material_id"].startswith("cof") else "large cell"
            lattice, species, places = (np.array(row[key]) for key in ("lattice", "species", "frac_coords"))
            yield kind, row["material_id"], checked(lattice, species, places)


def molecular(folder: Path) -> Iterator[tuple[str, str, Structure | InputError]]:
    """Measured crystals, or the reason why one is refused."""
    for path in sorted(folder.glob("*.cif")):
        try:
            yield "measured", path.stem, read_structure(path)
        except InputError as error:
            yield "measured", path.stem, error


def rebuilt(structure: Structure) -> dict[str, Any]:
    """Figures of one structure through its vector; the largest error in Å is that to the nearest atom."""
    start = time.thread_time()
    latent, decoded = encode_verified(Representation(), structure)
    seconds = time.thread_time() - start
    comparison = compare(decoded.structure, structure)
    both = np.concatenate([structure.frac_coords, decoded.structure.frac_coords])
    apart = distances(structure.lattice, both)[: len(structure), len(structure) :]
    return {
        "atoms": len(structure),
        "latent": len(latent),
        "found": comparison.found,
        "species_right": comparison.species_right,
        "largest_error": float(apart.min(1).max()),
        "confidence": decoded.confidence,
        "cpu_s": seconds,
    }


def main(
    data: Annotated[Path, typer.Option(help="Folder of the parquet files.")],
    molecules: Annotated[Path, typer.Option(help="Folder of CIFs of measured crystals.")],
    json_file: Annotated[Path, typer.Option("--json", help="Where the figures go.")] = RESULTS,
) -> None:
    """Print one row for each structure; the file is written after each."""
    console, rows, refused = Console(width=160), [], []
    machine = {"processor": processor_name(), "cores": available_cores()}
    for source in (made(), stored(data), molecular(molecules)):
        for kind, name, found in source:
            if isinstance(found, InputError):
                refused.append({"name": name, "reason": str(found).replace(f"{molecules}/", "")})
                continue
            rows.append({"kind": kind, "name": name, **rebuilt(found)})
            console.print(*rows[-1].values())
            exact = sum(row["atoms"] == row["species_right"] for row in rows)
            doubted = sum(row["atoms"] != row["species_right"] and row["confidence"] < 0.9 for row in rows)
            counts = {"structures": len(rows), "all_right": exact, "wrong_and_doubted": doubted}
            write_report(json_file, {**machine, **counts, "rows": rows, "refused": refused})
    console.print(as_table("others", rows))
    console.print(f"all right: {exact} of {len(rows)}; refused: {len(refused)}")


if __name__ == "__main__":
    typer.run(main)
