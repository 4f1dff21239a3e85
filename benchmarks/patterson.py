"""The patterson system on simulated maps: the published accuracy test, harder maps, and other methods.

    python benchmarks/patterson.py --json benchmarks/results/patterson.json

`--corner WEIGHTS` adds the memory test, with weights that were trained with a corner kept empty
(`argand patterson train empty-corner`).
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from report import as_table, write_report
from rich.console import Console

from argand.machine import available_cores
from argand.systems.patterson.evaluate import EVALUATION_SEED, iteration_alone, measure
from argand.systems.patterson.maps.phase_iteration import STAGES
from argand.systems.patterson.predict import BATCH, Predictor, load
from argand.systems.patterson.presets import PRESETS
from argand.systems.patterson.simulate import AtomSet, simulate_batch

PAPER = AtomSet()
CONDITIONS = {
    "5 % noise": replace(PAPER, noise=(0.05, 0.05)),
    "20 % noise": replace(PAPER, noise=(0.2, 0.2)),
    "10 % of reflections missing": replace(PAPER, missing=0.1),
    "half of the resolution": replace(PAPER, resolution=0.5),
    "third of the resolution": replace(PAPER, resolution=1 / 3),
    "20 atoms": replace(PAPER, atoms=20, box=50, inner_box=15.12),
    "50 atoms": replace(PAPER, atoms=50, box=68, inner_box=20.52),
}
"""Boxes grow with the atoms, at the same density."""
FEWER = {"50 atoms": 5}
"""Conditions that take long are measured on so many times fewer maps."""
FLIPPING_ROUNDS, AT_ONCE = 50, 200
"""Rounds from each start of charge flipping, where more help no further, and of input-output without looking
at the peaks in between."""
RIVALS = (
    ("hybrid input-output", False, STAGES),
    (f"input-output, {AT_ONCE} rounds at once", False, (AT_ONCE,)),
    ("charge flipping", True, (FLIPPING_ROUNDS,)),
)
"""Name, whether charges are flipped, rounds up to each check of the peaks."""
KEYS = (
    "matched",
    "atoms",
    "mean_voxel",
    "solved",
    "verified",
    "wrongly_verified",
    "tries",
    "ms_per_map",
    "cpu_ms_per_map",
)

Row = dict[str, Any]


def row(what: str, maps: str, settings: AtomSet, count: int, solver: Any) -> Row:
    """Figures of one solver on one kind of map."""
    figures = measure(settings, count, EVALUATION_SEED, solver)
    paths = ", ".join(f"{path} {number}" for path, number in sorted(figures["paths"].items()))
    return {"answer": what, "maps": maps, "count": count, **{key: figures[key] for key in KEYS}, "by": paths}


def published(predictor: Predictor, count: int, classical: int) -> Iterator[Row]:
    """The published accuracy test by our stages, and by iteration alone on fewer maps."""
    yield row("read, first vector", "published", PAPER, count, lambda m, n: predictor.read(m, n, 1))
    yield row("read, best of 4 vectors", "published", PAPER, count, predictor.read)
    yield row("refined", "published", PAPER, count, predictor.solve)
    for name, flipping, stages in RIVALS:
        yield row(name, "published", PAPER, classical, iteration_alone(PAPER, flipping, stages))


def harder(predictor: Predictor, count: int) -> Iterator[Row]:
    """Conditions that the paper did not try; with and without the network."""
    for name, settings in CONDITIONS.items():
        maps = max(4, count // FEWER.get(name, 1))
        yield row("refined", name, settings, maps, predictor.solve)
        fewer = max(4, maps // 4)
        yield row("hybrid input-output", name, settings, fewer, iteration_alone(settings))


def memory(predictor: Predictor, count: int) -> Iterator[Row]:
    """Maps like those trained on, and maps with an atom where training never had one."""
    for corner in ("empty", "filled"):
        settings = replace(PAPER, corner=corner)
        for what, vectors in (("read, first vector", 1), ("read, best of 4 vectors", 4)):
            name = f"reserved corner {corner}"
            yield row(what, name, settings, count, lambda m, n, v=vectors: predictor.read(m, n, v))
        yield row("refined", f"reserved corner {corner}", settings, count, predictor.solve)


def simulator(count: int) -> Iterator[Row]:
    """Processor time of simulated pairs, as published and as our training takes them."""
    best = PRESETS["best"]
    makers: dict[str, Callable[[range], Any]] = {
        "density and Patterson map": lambda indices: simulate_batch(PAPER, indices, EVALUATION_SEED),
        "features and target of training": lambda indices: best.many_inputs(indices, EVALUATION_SEED),
    }
    for what, make in makers.items():
        make(range(BATCH))
        idle = time.process_time()
        for first in range(0, count, BATCH):
            make(range(first, first + BATCH))
        milliseconds = 1000 * (time.process_time() - idle) / len(range(0, count, BATCH)) / BATCH
        yield {"pairs": what, "cpu_ms_per_pair": milliseconds, "pairs_per_core_second": 1000 / milliseconds}


def main(
    count: Annotated[int, typer.Option(help="Maps of the published test.")] = 500,
    classical: Annotated[int, typer.Option(help="Maps for iteration alone on the published test.")] = 64,
    harder_count: Annotated[int, typer.Option(help="Maps of each other condition.")] = 200,
    corner: Annotated[Path | None, typer.Option(help="Weights trained with an empty corner.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Weights to measure instead of argand's own.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well.")] = None,
) -> None:
    """Print one row for each kind of map and answer; every row as soon as it is measured."""
    predictor, console, rows = load(weights), Console(width=180), []
    pairs = list(simulator(classical))
    console.print(as_table("Simulator", pairs))
    parts = [published(predictor, count, classical), harder(predictor, harder_count)]
    if corner is not None:
        parts.append(memory(load(corner), harder_count))
    for part in parts:
        for figures in part:
            rows.append(figures)
            console.print(as_table(f"{figures['maps']}: {figures['answer']}", [figures]))
            if json_file:
                machine = {"cores": available_cores(), "torch_threads": torch.get_num_threads()}
                report = {**machine, "seed": EVALUATION_SEED, "simulator": pairs, "rows": rows}
                write_report(json_file, report)
    console.print(as_table("Patterson maps", rows))


if __name__ == "__main__":
    typer.run(main)
