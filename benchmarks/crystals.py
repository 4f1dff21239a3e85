"""Crystals rebuilt from their latent vectors alone, in sets that nothing was trained on.

    python benchmarks/crystals.py --data CRYSTALS --json benchmarks/results/crystals.json

CRYSTALS is a folder of the parquet files mp_20, mpts_52, perov_5, carbon_24 and mp_pool.
Needs the extra `bench`.
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Annotated, Any

import numpy as np
import typer
from pyarrow import parquet
from report import as_table, write_report
from rich.console import Console

from argand.learn.device import processor_name
from argand.machine import available_cores
from argand.physics.crystal.comparison import STRICT, Comparison, compare, match
from argand.physics.crystal.structure import Structure, checked
from argand.progress import ProgressDisplay
from argand.systems.crystals.latent.decoding import decode
from argand.systems.crystals.latent.representation import HEAD, Representation, representation_of

SEED = 7
SIZES = ((1, 4), (5, 8), (9, 12), (13, 20), (21, 32), (33, 52), (53, 100), (101, 200))
LATENTS = {numbers: representation_of(numbers) for numbers in (512, 256, 128)}
LARGEST_MATCHED = 52
"""Atoms up to which StructureMatcher is asked: its time grows with their third power or worse."""
NOISES = (0.01, 0.03, 0.1)
SETS = {
    "mp_20 test": ("mp_20", "test", 0, 20),
    "mpts_52 val": ("mpts_52", "val", 0, 52),
    "mp_pool, 53 to 200 atoms": ("mp_pool", "pool", 53, 200),
    "perov_5 test": ("perov_5", "test", 0, 20),
    "carbon_24 test": ("carbon_24", "test", 0, 24),
}
CHOOSING = {"mp_20 val": ("mp_20", "val", 0, 20)}
"""What limits are chosen on, where a benchmark needs such a set; nothing of it is reported alone."""


@dataclass(frozen=True)
class Outcome:
    """One structure rebuilt; `rmse` is None where it does not match, and `is_matched` where none tried."""

    comparison: Comparison
    is_matched: bool | None
    rmse: float | None
    is_strict: bool
    confidence: float
    latent_size: int
    encode_s: float
    decode_s: float


def sample(folder: Path, name: str, count: int) -> list[Structure]:
    """Structures of a set, drawn by the seed."""
    file, split, least, most = (SETS | CHOOSING)[name]
    table = parquet.read_table(folder / f"{file}.parquet")
    atoms = table["n_atoms"].to_numpy()
    rows = np.flatnonzero((table["split"].to_numpy() == split) & (atoms >= least) & (atoms <= most))
    drawn = np.random.default_rng(SEED).permutation(rows)[:count]
    return [
        checked(np.array(row["lattice"]), np.array(row["species"]), np.array(row["frac_coords"]))
        for row in table.take(drawn).to_pylist()
    ]


def noisy(latent: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    """The vector with Gaussian noise of this share of its root mean square on all that is no whole number.

    The coarse cell and the count of atoms stay; the fine cell has a range of one either way.
    """
    error = noise * rng.standard_normal(len(latent))
    error[HEAD:] *= np.sqrt(np.mean(latent[HEAD:] ** 2))
    error[6 : HEAD - 1] *= 1 / math.sqrt(12)
    error[:6], error[HEAD - 1] = 0.0, 0.0
    return (latent + error).astype(np.float32)


def rebuild(
    structures: Sequence[Structure], representation: Representation, noise: float = 0.0
) -> Iterator[Outcome]:
    """Every structure encoded and decoded; matched where it is small enough."""
    rng = np.random.default_rng(SEED)
    for truth in structures:
        start = time.process_time()
        latent = representation.encode(truth)
        encoded = time.process_time()
        given = noisy(latent, noise, rng) if noise else latent
        begun = time.process_time()
        decoded = decode(representation, given)
        done = time.process_time()
        tried = len(truth) <= LARGEST_MATCHED
        rmse = match(decoded.structure, truth) if tried else None
        strict = tried and match(decoded.structure, truth, STRICT) is not None
        yield Outcome(
            compare(decoded.structure, truth),
            rmse is not None if tried else None,
            rmse,
            strict,
            decoded.confidence,
            len(latent),
            encoded - start,
            done - begun,
        )


def figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Shares and means over some structures."""
    pairs = [one.comparison for one in outcomes]
    matched = [one.rmse for one in outcomes if one.rmse is not None]
    tried = sum(one.is_matched is not None for one in outcomes)
    found = sum(pair.found for pair in pairs)
    return {
        "structures": len(outcomes),
        "match_rate": len(matched) / tried if tried else None,
        "rmse": fmean(matched) if matched else None,
        "strict_match_rate": sum(one.is_strict for one in outcomes) / tried if tried else None,
        "all_right": fmean(pair.is_exact for pair in pairs),
        "recall": found / sum(pair.atoms for pair in pairs),
        "precision": found / sum(pair.decoded for pair in pairs),
        "species_of_found": sum(pair.species_right for pair in pairs) / max(found, 1),
        "length_error": max(pair.length_error for pair in pairs),
        "angle_error_deg": math.degrees(max(pair.angle_error for pair in pairs)),
        "least_confidence": min(one.confidence for one in outcomes),
        "latent_size": max(one.latent_size for one in outcomes),
        "encode_cpu_s": fmean(one.encode_s for one in outcomes),
        "decode_cpu_s": fmean(one.decode_s for one in outcomes),
        "decode_cpu_s_median": median(one.decode_s for one in outcomes),
        "decode_cpu_s_worst": max(one.decode_s for one in outcomes),
    }


def rows_of(name: str, numbers: int, noise: float, outcomes: Sequence[Outcome]) -> Iterator[dict[str, Any]]:
    """Figures of all structures, and by size of cell."""
    about = {"set": name, "latent": numbers, "noise": noise}
    yield {**about, "atoms": "all", **figures(outcomes)}
    for least, most in SIZES:
        part = [one for one in outcomes if least <= one.comparison.atoms <= most]
        if part and len(part) < len(outcomes):
            yield {**about, "atoms": f"{least}-{most}", **figures(part)}


HEADINGS = {
    "set": "set",
    "latent": "latent",
    "noise": "noise",
    "atoms": "atoms",
    "structures": "n",
    "match_rate": "match",
    "strict_match_rate": "strict",
    "all_right": "all right",
    "recall": "recall",
    "species_of_found": "species",
    "decode_cpu_s": "decode s",
}


def main(
    data: Annotated[Path, typer.Option(help="Folder of the parquet files.")],
    count: Annotated[int, typer.Option(help="Structures of mp_20; a third of other sets.", min=3)] = 300,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well.")] = None,
) -> None:
    """Print one row for each set and size of cell; every set as soon as it is measured."""
    console, rows = Console(width=180), []
    trials = [(name, 512, 0.0) for name in SETS]
    trials += [("mp_20 test", numbers, 0.0) for numbers in LATENTS if numbers != 512]
    trials += [("mp_20 test", 512, noise) for noise in NOISES]
    for name, numbers, noise in trials:
        many = count if name == "mp_20 test" and not noise else count // 3
        structures = sample(data, name, many)
        outcomes = []
        with ProgressDisplay(name, "structures") as display:
            for outcome in rebuild(structures, LATENTS[numbers], noise):
                outcomes.append(outcome)
                display.update(len(outcomes) / len(structures), len(outcomes))
        new = list(rows_of(name, numbers, noise, outcomes))
        rows += new
        console.print(as_table(f"{name}, latent of {numbers}, noise {noise:g}", new, HEADINGS))
        if json_file:
            machine = {"processor": processor_name(), "cores": available_cores()}
            write_report(json_file, {**machine, "seed": SEED, "rows": rows})


if __name__ == "__main__":
    typer.run(main)
