"""What vectors of crystals mean: how far they move with the setting, what is nearest, and what they tell.

    python benchmarks/crystals_likeness.py --data CRYSTALS --json benchmarks/results/crystals_likeness.json

CRYSTALS is a folder of the parquet files mp_20 and mp_pool. All is shown for a half by which things were
chosen (mp_pool without benchmarks' rows) and for one that is reported (mp_20 test, mpts_52 val). Energies of
formation are learnt from those of `--energies`, an .npy file of eV/atom for each row of mp_pool, not a number
where there is none; without it CHGNet computes those that are needed (the extras `energy` and `bench`).
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any

import crystals_formation
import numpy as np
import spglib
import typer
from pyarrow import parquet
from report import as_table, write_report
from rich.console import Console

from argand.learn.device import processor_name
from argand.machine import available_cores
from argand.physics.crystal.alignment import changed
from argand.physics.crystal.canonical import canonical
from argand.physics.crystal.cell import random_rotation
from argand.physics.crystal.comparison import compare
from argand.physics.crystal.structure import Structure, checked
from argand.physics.crystal.supercell import unfolded
from argand.systems.crystals.database.dataset import from_parquet
from argand.systems.crystals.database.fingerprint import fingerprint
from argand.systems.crystals.generation.occupation_dataset import is_held_out
from argand.systems.crystals.generation.volume import predicted_scale
from argand.systems.crystals.latent.decoding import encode_verified
from argand.systems.crystals.latent.likeness import descriptor, distance
from argand.systems.crystals.latent.representation import SETTING, Representation

SEED = 23
BEST, AS_GIVEN = Representation(), Representation(as_given=True)
LARGEST = 20
CELL = np.array([[1, 1, 0], [0, 1, 0], [-1, 0, 1]])
SUPERCELL = np.array([[1, 1, 0], [-1, 1, 0], [0, 0, 1]])
RANKED = 10
"""Nearest by fingerprint, among which the distance of vectors chooses."""
CHIRAL = 10
"""Structures added that differ from their mirror images, since few do."""
SHAKEN = ((0.02, 0.005), (0.1, 0.01))
"""Standard deviations of the noise: of positions along each axis in Å, and of strains."""
FAMILIES = (
    (3, 11, 19, 37, 55), (12, 20, 38, 56), (22, 40, 72), (13, 31, 49), (14, 32, 50), (15, 33, 51),
    (8, 16, 34, 52), (9, 17, 35, 53), (25, 26, 27, 28), (57, 59, 60, 62, 65, 68), (29, 47, 79),
)  # fmt: skip
"""Elements that replace each other: columns of the periodic table, and neighbours in rows of metals."""

Rows = list[dict[str, Any]]
Change = Callable[[Structure, np.random.Generator], Structure]


def halves(folder: Path, count: int) -> dict[str, list[Structure]]:
    """So many structures of up to 20 atoms of each half."""
    pool, rng = from_parquet(folder / "mp_pool.parquet", LARGEST), np.random.default_rng(SEED)
    chosen = [pool[int(row)] for row in rng.permutation(len(pool))[:count]]
    table = parquet.read_table(folder / "mp_20.parquet")
    rows = rng.permutation(np.flatnonzero(table["split"].to_numpy() == "test"))[:count]
    reported = [structure_of(one) for one in table.take(rows).to_pylist()]
    return {"choose": chosen, "report": reported}


def structure_of(entry: Mapping[str, Any]) -> Structure:
    """The structure of a row of a parquet file."""
    return checked(np.array(entry["lattice"]), np.array(entry["species"]), np.array(entry["frac_coords"]))


def shaken(structure: Structure, rng: np.random.Generator, places: float, strain: float) -> Structure:
    """Noise added to cell and positions."""
    lattice = structure.lattice @ (np.eye(3) + strain * rng.standard_normal((3, 3)))
    moved = places * rng.standard_normal((len(structure), 3)) @ np.linalg.inv(lattice)
    return Structure(lattice, structure.species, structure.frac_coords + moved)


def substituted(structure: Structure, rng: np.random.Generator) -> Structure | None:
    """One element replaced by another of its family that is not there; None where none can be."""
    there = set(structure.species.tolist())
    pairs = [(old, new) for family in FAMILIES for old in family for new in family]
    ways = [(old, new) for old, new in pairs if old in there and new not in there]
    if not ways:
        return None
    old, new = ways[int(rng.integers(len(ways)))]
    species = np.where(structure.species == old, new, structure.species).astype(np.uint8)
    after = Structure(structure.lattice, species, structure.frac_coords)
    scale = predicted_scale(structure, after) or 1.0
    return Structure(scale * structure.lattice, species, structure.frac_coords)


SETTINGS: Mapping[str, Change] = {
    "another origin": lambda one, rng: Structure(one.lattice, one.species, one.frac_coords + rng.random(3)),
    "another cell": lambda one, _: changed(one, CELL, np.zeros(3)),
    "other axes": lambda one, _: changed(one, np.eye(3, dtype=int)[[1, 2, 0]], np.zeros(3)),
    "turned": lambda one, rng: Structure(one.lattice @ random_rotation(rng), one.species, one.frac_coords),
    "supercell": lambda one, _: unfolded(one, SUPERCELL),
    **{f"shaken by {a} Å": lambda one, rng, a=a, b=b: shaken(one, rng, a, b) for a, b in SHAKEN},
    "mirror image": lambda one, _: checked(one.lattice @ np.diag([1, 1, -1]), one.species, one.frac_coords),
}


def is_chiral(structure: Structure) -> bool:
    """Whether no operation of the crystal reverses the hand."""
    cell = (structure.lattice.tolist(), structure.frac_coords.tolist(), structure.species.tolist())
    found = spglib.get_symmetry_dataset(cell)
    return found is not None and all(np.linalg.det(one) > 0 for one in found.rotations)


def plain(first: np.ndarray, second: np.ndarray) -> float:
    """Euclid's distance of two vectors' numbers; what lengths differ by counts as it is."""
    size = max(len(first), len(second))
    ends = [np.pad(one, (0, size - len(one))) for one in (first, second)]
    return float(np.linalg.norm(ends[0] - ends[1]))


def vector(structure: Structure) -> np.ndarray:
    """Of the first step, in the canonical setting."""
    return BEST.encode_setting(canonical(structure))


def moved_rows(half: str, structures: Sequence[Structure], count: int) -> Rows:
    """How far each change of the setting moves vectors, over how far away the next other crystal is.

    Of the first `count` structures, and some further ones that differ from their mirror images.
    """
    rng, rows = np.random.default_rng(SEED), []
    structures = [*structures[:count], *[one for one in structures[count:] if is_chiral(one)][:CHIRAL]]
    given, vectors = [AS_GIVEN.encode(one) for one in structures], [vector(one) for one in structures]
    described = np.array([descriptor(BEST, one) for one in vectors])
    others = [next_other(number, given, vectors, described) for number in range(len(structures))]
    for name, change in SETTINGS.items():
        found = []
        for number, one in enumerate(structures):
            if name == "mirror image" and not is_chiral(one):
                continue
            other = change(one, rng)
            latent = vector(other)
            found.append(
                (
                    plain(AS_GIVEN.encode(other), given[number]) / others[number][0],
                    plain(latent[:-SETTING], vectors[number][:-SETTING]) / others[number][1],
                    distance(BEST, vectors[number], latent) / others[number][2],
                    float(np.linalg.norm(descriptor(BEST, latent) - described[number])) / others[number][3],
                )
            )
        kinds = ("as given", "canonical", "distance", "descriptor")
        for kind, values in zip(kinds, np.array(found).reshape(-1, 4).T, strict=True):
            about = {"half": half, "change": name, "by": kind, "structures": len(values)}
            if len(values):
                rows.append({**about, "median": float(np.median(values)), "largest": float(values.max())})
    return rows


def next_other(
    number: int, given: Sequence[np.ndarray], vectors: Sequence[np.ndarray], described: np.ndarray
) -> tuple[float, float, float, float]:
    """Distances to the nearest other crystal: of vectors as given and canonical, laid on it, of descriptors.

    Laid on it are the ten nearest by descriptor.
    """
    rest = [one for one in range(len(vectors)) if one != number]
    apart = np.linalg.norm(described[rest] - described[number], axis=1)
    near = [rest[row] for row in np.argsort(apart)[:RANKED]]
    return (
        min(plain(given[one], given[number]) for one in rest),
        min(plain(vectors[one][:-SETTING], vectors[number][:-SETTING]) for one in rest),
        min(distance(BEST, vectors[number], vectors[one]) for one in near),
        float(apart.min()),
    )


def retrieval_rows(half: str, structures: Sequence[Structure], asked: int) -> Rows:
    """How often the crystal that a changed one came from is the nearest of all."""
    rng, rows = np.random.default_rng(SEED + 1), []
    prints = np.array([fingerprint(one) for one in structures])
    vectors = [vector(one) for one in structures]
    given = [AS_GIVEN.encode(one) for one in structures]
    described = np.array([descriptor(BEST, one) for one in vectors])
    changes: dict[str, Callable[[Structure], Structure | None]] = {
        f"shaken by {SHAKEN[1][0]} Å": lambda one: shaken(one, rng, *SHAKEN[1]),
        "shaken, supercell, another origin": lambda one: unfolded(shaken(one, rng, *SHAKEN[1]), SUPERCELL),
        "an element replaced": lambda one: substituted(one, rng),
    }
    for name, change in changes.items():
        right: dict[str, list[bool]] = {}
        for number, one in enumerate(structures):
            other = change(one) if len(right.get("fingerprint", ())) < asked else None
            if other is None:
                continue
            latent = vector(other)
            by_print = np.linalg.norm(prints - fingerprint(other), axis=1)
            near = np.argsort(by_print)[:RANKED]
            plains = [plain(AS_GIVEN.encode(other), v) for v in given]
            laid = lambda row, latent=latent: distance(BEST, latent, vectors[row])  # noqa: E731
            best = {
                "as given": int(np.argmin(plains)),
                "fingerprint": int(near[0]),
                "descriptor": int(np.argmin(np.linalg.norm(described - descriptor(BEST, latent), axis=1))),
                "distance, of ten by fingerprint": min(near, key=laid),
            }
            for kind, row in best.items():
                right.setdefault(kind, []).append(row == number)
        for kind, values in right.items():
            about = {"half": half, "change": name, "by": kind, "among": len(structures)}
            rows.append({**about, "asked": len(values), "first": fmean(values)})
    return rows


def rebuilt_rows(half: str, structures: Sequence[Structure]) -> Rows:
    """Structures through their vectors, in the setting in which they are given."""
    found = []
    for one in structures:
        latent, decoded = encode_verified(BEST, one)
        found.append((compare(decoded.structure, one), len(latent)))
    exact = [pair for pair, _ in found if pair.is_exact]
    worst = max(pair.rms_distance for pair in exact)
    about = {"half": half, "structures": len(found), "all_right": len(exact) / len(found)}
    return [{**about, "worst_rms": worst, "largest_latent": max(size for _, size in found)}]


def volume_rows(folder: Path, count: int) -> Rows:
    """Volumes of crystals that differ from another one of the same symmetry by one element.

    The formulas were not used to train the network of occupations.
    """
    table = parquet.read_table(folder / "mp_20.parquet")
    keys = ("split", "lattice", "species", "frac_coords", "formula", "spacegroup")
    entries = table.select(keys).to_pylist()
    order, alike = np.random.default_rng(SEED).permutation(len(entries)), {}
    rows = []
    for half in ("val", "test"):
        alike.clear()
        errors: dict[str, list[float]] = {"keep": [], "network": []}
        for entry in (entries[row] for row in order):
            if entry["split"] == half and len(errors["keep"]) < count and is_held_out(structure_of(entry)):
                _compare_volumes(entry, alike, errors)
        name = "choose" if half == "val" else "report"
        rows += [
            {"half": name, "volume": kind, "pairs": len(values), "median_error": float(np.median(values))}
            for kind, values in errors.items()
        ]
    return rows


def _compare_volumes(entry: Mapping[str, Any], alike: dict[Any, Any], errors: dict[str, list[float]]) -> None:
    """Relative errors of the volume that an earlier entry's gives, if it differs by one element."""
    one = structure_of(entry)
    names = [part.rstrip("0123456789") for part in entry["formula"].split()]
    counts = [part[len(name) :] for part, name in zip(entry["formula"].split(), names, strict=True)]
    shared = dict(zip(names, counts, strict=True))
    for left in names:
        rest = tuple(sorted((name, count) for name, count in shared.items() if name != left))
        key = (entry["spacegroup"], len(one), rest, shared[left])
        before = alike.setdefault(key, (one, left))
        if before[1] == left:
            continue
        old, new = np.array([_number(before[1]), _number(left)], np.uint8)
        species = np.where(before[0].species == old, new, before[0].species)
        after = Structure(before[0].lattice, species, before[0].frac_coords)
        scale = predicted_scale(before[0], after)
        if scale is not None:
            for kind, factor in (("keep", 1.0), ("network", scale**3)):
                errors[kind].append(abs(factor * before[0].volume / one.volume - 1))


def _number(symbol: str) -> int:
    from gemmi import Element

    return Element(symbol).atomic_number


def main(
    data: Annotated[Path, typer.Option(help="Folder of the parquet files.")],
    count: Annotated[int, typer.Option(help="Structures of each half put into other settings.")] = 24,
    among: Annotated[int, typer.Option(help="Structures among which the nearest is looked for.")] = 300,
    rebuilt: Annotated[int, typer.Option(help="Structures that are rebuilt, of each half.")] = 300,
    learn: Annotated[int, typer.Option(help="Structures to learn energies from.")] = 2500,
    energies: Annotated[Path | None, typer.Option(help="Energies of mp_pool's rows, an .npy file.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well.")] = None,
) -> None:
    """Print a table of each part as soon as it is measured."""
    console = Console(width=180)
    report: dict[str, Any] = {"processor": processor_name(), "cores": available_cores(), "seed": SEED}
    sets = halves(data, max(among, rebuilt, count))

    def both(part: Callable[..., Rows], size: int, *more: int) -> Rows:
        return [row for half, found in sets.items() for row in part(half, found[:size], *more)]

    parts: dict[str, Callable[[], Rows]] = {
        "settings": lambda: both(moved_rows, among, count),
        "rebuilt": lambda: both(rebuilt_rows, rebuilt),
        "volumes": lambda: volume_rows(data, 2 * count),
        "nearest": lambda: both(retrieval_rows, among, count),
        "formation": lambda: crystals_formation.errors(data, energies, learn, BEST),
    }
    for name, part in parts.items():
        report[name] = part()
        console.print(as_table(name, report[name]))
        if json_file:
            write_report(json_file, report)


if __name__ == "__main__":
    typer.run(main)
