"""The published networks beside our representation on the same structures, and the ceiling of either.

    python benchmarks/crystals_paper.py --data CRYSTALS --json benchmarks/results/crystals_paper.json

CRYSTALS is a folder of the parquet files mp_20 and mpts_52. The ceiling are atoms read from perfect
densities. Needs the extra `bench`.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from crystals import sample
from report import as_table, write_report
from rich.console import Console

from argand.io.weights import read_header
from argand.learn.device import processor_name
from argand.machine import available_cores
from argand.physics.crystal.comparison import match
from argand.physics.crystal.structure import Structure
from argand.physics.crystal.voxel_box import Box
from argand.systems.crystals.evaluate import VIEWS, Trial, box_trials, cell_trials, tally
from argand.systems.crystals.predict import PAPER_WEIGHTS, named_model
from argand.systems.crystals.published.decoder import load_decoder
from argand.systems.crystals.simulate import box_sample, repeats

SETS = ("mp_20 test", "mpts_52 val")
SIZES = ((1, 8), (9, 20), (21, 52))
PUBLISHED, FINE = Box(), Box(voxels=32, sigma=0.3)
FINE_NAME = "perfect density, 32³, 0.3 Å"
SPEED_COUNT = 60
HEADINGS = {
    "model": "model",
    "view": "view",
    "atoms_of_cell": "cell",
    "structures": "n",
    "atoms": "atoms",
    "recall": "found",
    "precision": "true",
    "species_of_found": "species",
    "all_right": "all right",
    "match_rate": "match",
}


def matches(trial: Trial) -> bool:
    """Whether StructureMatcher finds the structures alike; other compositions never are."""
    if not np.array_equal(np.sort(trial.decoded.species), np.sort(trial.truth.species)):
        return False
    return match(trial.decoded, trial.truth) is not None


def rows_of(model: str, view: str, trials: Sequence[Trial]) -> Iterator[dict[str, Any]]:
    """Figures of all structures, and by size of cell."""
    matched = [matches(trial) for trial in trials]
    for name, least, most in [("all", 0, 10**6), *((f"{a}-{b}", a, b) for a, b in SIZES)]:
        part = [number for number, trial in enumerate(trials) if least <= trial.cell_atoms <= most]
        if part:
            figures = tally([trials[number].comparison for number in part])
            share = sum(matched[number] for number in part) / len(part)
            about = {"model": model, "view": view, "atoms_of_cell": name}
            yield {**about, **figures, "match_rate": share}


def simulator(structures: Sequence[Structure]) -> dict[str, float]:
    """Milliseconds of one core for a box and its labels, as training draws them, and boxes a second."""
    rng, start = np.random.default_rng(0), time.process_time()
    for structure in structures[:SPEED_COUNT]:
        is_single = not (repeats(structure, PUBLISHED) and rng.random() < 0.75)
        box_sample(structure, PUBLISHED, is_single, rng)
    each = (time.process_time() - start) / min(SPEED_COUNT, len(structures))
    return {"cpu_ms_per_box": 1e3 * each, "boxes_per_core_second": 1 / each}


def main(
    data: Annotated[Path, typer.Option(help="Folder of the parquet files.")],
    count: Annotated[int, typer.Option(help="Structures of each set.", min=3)] = 60,
    weights: Annotated[Path, typer.Option(help="Weights of the published networks.")] = PAPER_WEIGHTS,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well.")] = None,
) -> None:
    """Print one row for each model, view and size of cell."""
    console = Console(width=180)
    structures = [one for name in SETS for one in sample(data, name, count)]
    reader = load_decoder(weights)
    training = read_header(weights)["training"]
    ways = {"paper": (PUBLISHED, reader), "perfect density": (PUBLISHED, None), FINE_NAME: (FINE, None)}
    rows = list(rows_of("best", "whole cell", list(cell_trials(named_model(), structures))))
    for view in VIEWS:
        for name, (box, given) in ways.items():
            rows += rows_of(name, view, list(box_trials(structures, view, box, given)))
    console.print(as_table(f"{count} structures of each of {', '.join(SETS)}", rows, HEADINGS))
    machine = {"processor": processor_name(), "cores": available_cores()}
    about = {"sets": list(SETS), "structures_of_each_set": count, "simulator": simulator(structures)}
    steps = {
        stage: {key: one[key] for key in ("steps", "samples", "seconds")} for stage, one in training.items()
    }
    if json_file:
        write_report(json_file, {**machine, **about, "training": steps, "rows": rows})


if __name__ == "__main__":
    typer.run(main)
