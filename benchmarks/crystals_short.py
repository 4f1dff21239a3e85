"""How short the vector of a crystal can be: match rate against numbers over the structure's own 4n + 6.

    python benchmarks/crystals_short.py --data CRYSTALS --json benchmarks/results/crystals_short.json \
        --figure docs/figures/crystals_short.png

CRYSTALS is a folder of the parquet files mp_20, mpts_52, perov_5 and carbon_24. Settings are chosen on mp_20
val (the rows `choice`), all else is reported on structures that were in sight of no choice. The numbers of
vectors without symmetry over 4n + 6 (`sizes`) are those of all structures of a set. Needs the extra `bench`.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, median
from typing import Annotated, Any

import crystals
import numpy as np
import typer
from pyarrow import parquet
from report import as_table, few_colours, write_report
from rich.console import Console

from argand.errors import InputError
from argand.learn.device import processor_name
from argand.machine import available_cores
from argand.physics.crystal.comparison import STRICT, compare, match
from argand.physics.crystal.structure import Structure, checked
from argand.physics.crystal.supercell import folded
from argand.progress import ProgressDisplay
from argand.systems.crystals.database.fingerprint import fingerprint
from argand.systems.crystals.latent.decoding import decode
from argand.systems.crystals.latent.representation import Representation
from argand.systems.crystals.latent.symmetric import decoding as symmetric
from argand.systems.crystals.latent.symmetric.orbit import orbits_of, site_of
from argand.systems.crystals.latent.symmetric.representation import WHOLE, SymmetricRepresentation
from argand.systems.crystals.latent.symmetric.setting import as_given, setting_of

SEED, SEEN_SEED, SEEN = 7, 11, 400
"""Structures that are reported are drawn by the first seed; the first 400 drawn by the second were looked at
while the method was made, and are left out of what is reported."""
NUMBERS = (64, 32, 16, 24, 48, 128)
CUT_NUMBERS = (32, 64, 128, 256, 512)
PEER_NUMBERS = 256
"""Numbers of the latents of FTCP and CDVAE: `latent_dim` in the models of their public code."""
IN_PLACE = (0.05, 0.01, 0.02)
"""Distance over (V/N)^(1/3), share of a length, and angle in radians, within which atoms paired in one cell
need no StructureMatcher: its tolerances are 0.1 (strict), 0.3 and 0.17."""
NOISES = (0.01, 0.05)
DEFAULT = SymmetricRepresentation()
CHOICES = [
    *(replace(DEFAULT, species_share=share) for share in (0.1, 0.2, 0.3)),
    replace(DEFAULT, tolerance=0.1),
    replace(DEFAULT, keeps_setting=not DEFAULT.keeps_setting),
]

NO_LIMIT = 10_000
"""Count that means no limit."""
DISTINCT = "carbon_24 test"
"""Set in which distinct structures are counted."""

Coding = Callable[[Structure, np.random.Generator], tuple[int, Structure]]
"""Numbers of a structure's vector, and what comes back of it; InputError where the vector is too short."""


@dataclass(frozen=True)
class Outcome:
    """Numbers over 4n + 6, the rms distance over (V/N)^(1/3) of a match, and processor time."""

    ratio: float
    numbers: int
    rmse: float | None
    seconds: float


def sample(folder: Path, file: str, split: str, count: int, seed: int, atoms: int = 0) -> list[Structure]:
    """Structures of a set, drawn by the seed; of so many atoms, where that is asked for."""
    table = parquet.read_table(folder / f"{file}.parquet")
    rows = np.flatnonzero(table["split"].to_numpy() == split)
    seen = np.random.default_rng(SEEN_SEED).permutation(rows)[:SEEN]
    if seed != SEEN_SEED and split == "val":
        rows = np.setdiff1d(rows, seen)
    if atoms:
        rows = rows[table["n_atoms"].to_numpy()[rows] == atoms]
    drawn = np.random.default_rng(seed).permutation(rows)[:count]
    return [
        checked(np.array(row["lattice"]), np.array(row["species"]), np.array(row["frac_coords"]))
        for row in table.take(drawn).to_pylist()
    ]


def shaken(representation: SymmetricRepresentation, latent: np.ndarray, noise: float, rng: Any) -> np.ndarray:
    """Noise on coefficients as a share of their root mean square, and on what is left of the rounded cell."""
    error = noise * rng.standard_normal(len(latent))
    start = representation.head_size(latent)
    error[start:] *= np.sqrt(np.mean(latent[start:] ** 2))
    first = WHOLE + round(float(latent[3]))
    cell = latent[first:start]
    # As in benchmarks/crystals.py: the fine cell has a range of one either way, and the coarse one stays.
    moved = np.clip(cell + error[first:start] / np.sqrt(12), np.rint(cell) - 0.49, np.rint(cell) + 0.49)
    return np.concatenate([latent[:first], moved, (latent + error)[start:]]).astype(np.float32)


def rounded(representation: SymmetricRepresentation, latent: np.ndarray, bits: int) -> np.ndarray:
    """Coefficients rounded to so many bits."""
    start = representation.head_size(latent)
    unit = np.abs(latent[start:]).max() / (2 ** (bits - 1) - 1)
    return np.concatenate([latent[:start], np.rint(latent[start:] / unit) * unit]).astype(np.float32)


def by_symmetry(representation: SymmetricRepresentation, noise: float = 0.0, bits: int = 0) -> Coding:
    """Vectors of one length for cells of up to 20 atoms, as they are, with noise, or rounded."""

    def code(structure: Structure, rng: np.random.Generator) -> tuple[int, Structure]:
        standard = representation.standardised(structure)
        latent = representation.encode(standard)
        given = shaken(representation, latent, noise, rng) if noise else latent
        given = rounded(representation, given, bits) if bits else given
        found = symmetric.decode(representation, given).structure
        # In the cell of the truth: another description of it, which is compared faster.
        is_placed = representation.keeps_setting
        return len(latent), found if is_placed else as_given(found, standard.multiples, standard.shift)

    return code


def by_symmetry_verified(representation: SymmetricRepresentation) -> Coding:
    """Longer ones where a structure does not come back."""

    def code(structure: Structure, rng: np.random.Generator) -> tuple[int, Structure]:
        latent, decoded = symmetric.encode_verified(representation, structure)
        given = representation.standardised(structure)
        return len(latent), as_given(decoded.structure, given.multiples, given.shift)

    return code


def without_symmetry(numbers: int) -> Coding:
    """The vector of `best` cut to so many numbers."""
    # As `representation_of` chooses, which refuses vectors below 64.
    representation = Representation(numbers, next(d for n, d in ((400, 4), (200, 2), (0, 1)) if numbers >= n))

    def code(structure: Structure, rng: np.random.Generator) -> tuple[int, Structure]:
        latent = representation.encode(structure)
        return len(latent), decode(representation, latent).structure

    return code


def by_orbits(most: int) -> Coding:
    """Group, counts and free cell; element, site and free coordinates of each orbit, where these fit."""

    def code(structure: Structure, rng: np.random.Generator) -> tuple[int, Structure]:
        given = DEFAULT.standardised(structure)
        setting, standard = setting_of(given.hall), given.structure
        places = standard.frac_coords[orbits_of(setting, standard)]
        sites = [site_of(setting, standard.lattice, place, 1e-3) for place in places]
        numbers = 2 + len(setting.free) + sum(2 + len(site.free) for site in sites)
        if numbers > most:
            raise InputError("too few numbers")
        return numbers, as_given(standard, given.multiples, given.shift)

    return code


def own_numbers(most: int) -> Coding:
    """Cell, elements and coordinates as they are, where these fit."""

    def code(structure: Structure, rng: np.random.Generator) -> tuple[int, Structure]:
        if 4 * len(structure) + 6 > most:
            raise InputError("too few numbers")
        return 4 * len(structure) + 6, structure

    return code


def matched(decoded: Structure, truth: Structure) -> float | None:
    """As `match`, which is not asked where all atoms lie on those of the truth."""
    found = compare(decoded, truth)
    distance = found.rms_distance / (truth.volume / len(truth)) ** (1 / 3)
    errors = (distance, found.length_error, found.angle_error)
    if found.is_exact and all(error < most for error, most in zip(errors, IN_PLACE, strict=True)):
        return distance
    return match(decoded, truth)


def outcomes_of(structures: Sequence[Structure], coding: Coding, most: int) -> Iterator[Outcome]:
    """Each structure through its vector; one without a vector counts as one of `most` numbers."""
    rng = np.random.default_rng(SEED)
    for truth in structures:
        own, start = 4 * len(truth) + 6, time.process_time()
        try:
            numbers, decoded = coding(truth, rng)
            spent = time.process_time() - start
            rmse = matched(decoded, truth)
        except InputError:
            numbers, rmse, spent = most, None, time.process_time() - start
        yield Outcome(numbers / own, numbers, rmse, spent)


def figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Shares and means; a strict match has a distance within the strict tolerance."""
    matched = [one.rmse for one in outcomes if one.rmse is not None]
    return {
        "structures": len(outcomes),
        "match_rate": len(matched) / len(outcomes),
        "strict_match_rate": sum(rmse <= STRICT for rmse in matched) / len(outcomes),
        "rmse": fmean(matched) if matched else None,
        "ratio": fmean(one.ratio for one in outcomes),
        "ratio_median": median(one.ratio for one in outcomes),
        "numbers_mean": fmean(one.numbers for one in outcomes),
        "cpu_s": fmean(one.seconds for one in outcomes),
    }


def sizes_of(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    """Numbers of vectors without symmetry, and of peers, over 4n + 6: means over all structures of a set."""
    file, split, least, most = crystals.SETS[name]
    table = parquet.read_table(folder / f"{file}.parquet", columns=["split", "n_atoms"])
    atoms = table["n_atoms"].to_numpy()
    atoms = atoms[(table["split"].to_numpy() == split) & (atoms >= least) & (atoms <= most)].astype(int)
    for numbers, representation in crystals.LATENTS.items():
        sizes = {count: representation.size(count) for count in set(atoms.tolist())}
        yield {
            "set": name,
            "latent": numbers,
            "structures": len(atoms),
            "over_own": fmean(sizes[count] / (4 * count + 6) for count in atoms.tolist()),
            "peers_over_own": fmean(PEER_NUMBERS / (4 * count + 6) for count in atoms.tolist()),
        }


def distinct_share(structures: Sequence[Structure]) -> float:
    """Share of structures that StructureMatcher, with its defaults, finds equal to no earlier one.

    Asked are the three earlier ones of the same number of atoms in the smallest cell whose fingerprints are
    most alike: with more the share could be somewhat lower.
    """
    from pymatgen.analysis.structure_matcher import StructureMatcher

    matcher = StructureMatcher()
    kept: dict[int, list[tuple[np.ndarray, Any]]] = {}
    for structure in structures:
        smallest = folded(structure)
        small = structure if smallest is None else smallest.primitive
        likeness, foreign = fingerprint(small), small.to_pymatgen()
        known = kept.setdefault(len(small), [])
        order = np.argsort([np.linalg.norm(likeness - other) for other, _ in known])[:3]
        if not any(matcher.fit(foreign, known[number][1]) for number in order):
            known.append((likeness, foreign))
    return sum(map(len, kept.values())) / len(structures)


HEADINGS = {
    "set": "set",
    "coding": "coding",
    "numbers": "numbers",
    "structures": "n",
    "match_rate": "match",
    "strict_match_rate": "strict",
    "ratio": "over own",
    "numbers_mean": "mean numbers",
    "cpu_s": "s",
}


def trials() -> Iterator[tuple[str, str, int, Coding]]:
    """Set, coding, numbers and what does it, of all that is reported."""
    yield "mp_20 test, 20 atoms", "symmetric", 64, by_symmetry(DEFAULT)
    yield "mp_20 test, 20 atoms", "without symmetry", 64, without_symmetry(64)
    yield "mp_20 test, 20 atoms", "orbits, exactly", 64, by_orbits(64)
    for numbers in NUMBERS:
        short = replace(DEFAULT, numbers=numbers)
        yield "mp_20 test", "symmetric", numbers, by_symmetry(short)
        yield "mp_20 test", "orbits, exactly", numbers, by_orbits(numbers)
        yield "mp_20 test", "own numbers", numbers, own_numbers(numbers)
    for numbers in CUT_NUMBERS:
        yield "mp_20 test", "without symmetry", numbers, without_symmetry(numbers)
    for name in ("mpts_52 val", "perov_5 test", "carbon_24 test"):
        yield name, "symmetric", 64, by_symmetry(DEFAULT)
    for noise in NOISES:
        yield "mp_20 test", f"symmetric, {100 * noise:g} % noise", 64, by_symmetry(DEFAULT, noise)
    for bits in (16, 8):
        yield "mp_20 test", f"symmetric, {bits} bits", 64, by_symmetry(DEFAULT, bits=bits)
    for name in SETS:
        yield name, "symmetric, longer where needed", 64, by_symmetry_verified(DEFAULT)
        yield name, "orbits, exactly", NO_LIMIT, by_orbits(NO_LIMIT)
    shortest = replace(DEFAULT, numbers=24)
    yield "mp_20 test", "symmetric, longer where needed", 24, by_symmetry_verified(shortest)


SETS = {
    "mp_20 test": ("mp_20", "test", 0),
    "mp_20 test, 20 atoms": ("mp_20", "test", 20),
    "mpts_52 val": ("mpts_52", "val", 0),
    "perov_5 test": ("perov_5", "test", 0),
    "carbon_24 test": ("carbon_24", "test", 0),
}


def draw(rows: Sequence[dict[str, Any]], file: Path) -> None:
    """The curve of match rate against numbers over the structure's own."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 4), layout="constrained")
    styles = {
        "symmetric": ("o-", "#0b5fa5", "symmetric vector"),
        "without symmetry": ("s-", "#b0532b", "vector without symmetry"),
        "orbits, exactly": ("^--", "#4a8f3c", "exact list of orbits, where it fits"),
        "own numbers": ("x--", "#777777", "list of all parameters, where it fits"),
    }
    for coding, (style, colour, label) in styles.items():
        own = [r for r in rows if r["coding"] == coding and r["set"] == "mp_20 test"]
        own = sorted((r for r in own if r["numbers"] < NO_LIMIT), key=lambda r: r["numbers"])
        ratios, rates = [r["budget_ratio"] for r in own], [100 * r["match_rate"] for r in own]
        axes.plot(ratios, rates, style, color=colour, label=label, ms=5)
    for row in (r for r in rows if r["coding"] == "symmetric" and r["set"] == "mp_20 test"):
        place = (row["budget_ratio"], 100 * row["match_rate"])
        axes.annotate(str(row["numbers"]), place, (4, -11), textcoords="offset points", fontsize=8)
    axes.axvline(1, color="#bbb", lw=0.8)
    axes.set(xscale="log", ylim=(0, 103), xlabel="numbers allowed / (4n + 6), mean over structures")
    axes.set(ylabel="structures that match (%)", title="mp_20 test: how short can the vector be?")
    ticks = (0.25, 0.5, 1, 2, 4, 8, 16)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.legend(frameon=False, fontsize=9, loc="lower right")
    figure.savefig(file, dpi=110)
    few_colours(file)


def main(
    data: Annotated[Path, typer.Option(help="Folder of the parquet files.")],
    count: Annotated[int, typer.Option(help="Structures of mp_20; half of other sets.", min=2)] = 300,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well.")] = None,
    figure: Annotated[Path | None, typer.Option(help="Draw the curve here.")] = None,
) -> None:
    """Print one row for each choice, set and coding, as soon as it is measured."""
    console, rows, choice = Console(width=180), [], []
    machine = {"processor": processor_name(), "cores": available_cores(), "seed": SEED}

    def measure(structures: list[Structure], about: dict[str, Any], coding: Coding) -> dict[str, Any]:
        with ProgressDisplay(f"{about['set']}: {about['coding']}", "structures") as display:
            found = []
            for outcome in outcomes_of(structures, coding, about["numbers"]):
                found.append(outcome)
                display.update(len(found) / len(structures), len(found))
        budget = fmean(about["numbers"] * max(1, len(s) / 20) / (4 * len(s) + 6) for s in structures)
        row = {**about, **figures(found), "budget_ratio": budget}
        console.print(as_table(f"{about['set']}: {about['coding']}", [row], HEADINGS))
        return row

    about = {"sizes": [row for name in crystals.SETS for row in sizes_of(data, name)]}
    about["distinct_share"] = {DISTINCT: distinct_share(crystals.sample(data, DISTINCT, 10_000))}
    console.print(as_table("vectors without symmetry", about["sizes"]), about["distinct_share"])
    seen = sample(data, "mp_20", "val", count, SEEN_SEED)
    for one in CHOICES:
        setting = f"share {one.species_share:g}, tolerance {one.tolerance:g} Å"
        setting += ", setting kept" if one.keeps_setting else ""
        choice.append(measure(seen, {"set": "mp_20 val", "coding": setting, "numbers": 64}, by_symmetry(one)))
    known: dict[str, list[Structure]] = {}
    for name, coding, numbers, code in trials():
        file, split, atoms = SETS[name]
        if name not in known:
            many = count if file == "mp_20" else count // 2
            known[name] = sample(data, file, split, many, SEED, atoms)
        rows.append(measure(known[name], {"set": name, "coding": coding, "numbers": numbers}, code))
        if json_file:
            write_report(json_file, {**machine, **about, "choice": choice, "rows": rows})
    if figure:
        draw(rows, figure)


if __name__ == "__main__":
    typer.run(main)
