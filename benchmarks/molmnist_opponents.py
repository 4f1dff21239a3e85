"""Shapes of Molmnist by a public package for phase retrieval, compared with our own.

    python benchmarks/molmnist_opponents.py --json benchmarks/results/molmnist_opponents.json

Test pairs of a set in some of its conditions, the same for both, scored alike. `solvephase` (extra `bench`)
is given what ours is: amplitudes without the mean form factor of cellulose, the mask, positive objects, half
of the autocorrelation as the first support, the blurs and level of our shrink wrap, and several starts, of
which it takes the best. Both make the same number of rounds. Times are those of the processor. The file is
written after each answer.
"""

import time
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from jaxtyping import Bool, Float
from report import as_table, write_report
from rich.console import Console

from argand.learn.device import processor_name
from argand.physics.coherent.amplitude import MeasuredMagnitudes
from argand.physics.coherent.pattern import autocorrelation_support
from argand.physics.coherent.phase_retrieval import (
    MARGIN,
    ROUNDS,
    SETTLING,
    STARTS,
    WRAP_BLURS,
    WRAP_ROUNDS,
    WRAP_SHARE,
    WRAP_SHARE_COUNTED,
    retrieve,
)
from argand.physics.coherent.projection import Window
from argand.systems.molmnist.benchmark.conditions import Trials, set_conditions, unseen_pairs
from argand.systems.molmnist.benchmark.scores import TrueShapes

Image = Float[np.ndarray, "slow fast"]
Solver = Callable[[Image, Bool[np.ndarray, "slow fast"], Window, int, int], Image]
WRAP_EVERY = 20
"""Rounds between two updates of shrink wrap, the package's default and ours."""


def ours(
    pattern: Image, live: Bool[np.ndarray, "slow fast"], window: Window, rounds: int, starts: int
) -> Image:
    """The shape that `retrieve` finds."""
    seen, mask = torch.from_numpy(pattern)[None], torch.from_numpy(live)
    return retrieve(seen, mask, window.side, rounds=rounds, starts=starts).shape[0].numpy()


def solvephase(
    pattern: Image, live: Bool[np.ndarray, "slow fast"], window: Window, rounds: int, starts: int
) -> Image:
    """The object that `solvephase.cdi` finds: hybrid input-output with shrink wrap, then error reduction."""
    package = import_module("solvephase")

    seen, mask = torch.from_numpy(pattern)[None], torch.from_numpy(live)
    measured = MeasuredMagnitudes(seen, mask, window.side)
    support, _ = autocorrelation_support(measured.half, window, round(MARGIN / window.pixel))
    size = window.size
    # Both halves of the spectrum, q = 0 in the middle; NaN is not measured.
    half = torch.where(measured.exact.measured, measured.exact.amplitude, torch.nan)[0].numpy()
    mates = half[-np.arange(size) % size][:, 1 : (size + 1) // 2][:, ::-1]
    amplitude = np.fft.fftshift(np.concatenate([half, mates], 1))
    wrap = package.ShrinkwrapConfig(
        every=WRAP_EVERY,
        threshold=WRAP_SHARE_COUNTED if measured.counted else WRAP_SHARE,
        sigma=WRAP_BLURS[0] / window.pixel,
        sigma_min=WRAP_BLURS[1] / window.pixel,
        decay=float((WRAP_BLURS[1] / WRAP_BLURS[0]) ** (WRAP_EVERY / WRAP_ROUNDS)),
        stop=rounds,
    )
    found = package.cdi(
        amplitude,
        np.fft.fftshift(support[0].numpy()),
        schedule=[("hio", rounds), ("er", SETTLING)],
        starts=starts,
        constraint="positive",
        shrinkwrap=wrap,
        seed=0,
        precision="single",
    )
    density = np.fft.rfft2(np.fft.ifftshift(np.real(found.to_numpy().object)))
    return np.fft.fftshift(np.fft.irfft2(density / measured.soft.numpy(), s=(size, size))).astype(np.float32)


SOLVERS: dict[str, Solver] = {"argand": ours, "solvephase": solvephase}


def scored(solver: Solver, trials: Trials, rounds: int, starts: int) -> dict[str, Any]:
    """Mean scores of a solver on some pairs, and seconds of the processor for each."""
    began = time.process_time()
    found = [
        solver(pattern, live, trials.window, rounds, starts)
        for pattern, live in zip(trials.patterns, trials.live, strict=True)
    ]
    spent = time.process_time() - began
    truth = TrueShapes(torch.from_numpy(trials.shapes), trials.window)
    scores = truth.scores(torch.from_numpy(np.stack(found)))
    means = {name: round(float(value.mean()), 3) for name, value in scores.items()}
    return means | {"cpu_s_per_pattern": round(spent / len(trials), 2)}


def main(
    count: Annotated[int, typer.Option(help="Test patterns, of the ten fibrils in turn.", min=1)] = 20,
    name: Annotated[list[str] | None, typer.Option("--condition", help="By default two.")] = None,
    solver: Annotated[list[str] | None, typer.Option(help="By default all.")] = None,
    rounds: Annotated[int, typer.Option(help="Rounds with feedback.")] = ROUNDS,
    starts: Annotated[int, typer.Option(help="Random starts.")] = STARTS,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well.")] = None,
) -> None:
    """Print the scores of each condition as soon as it is measured."""
    torch.set_num_threads(1)
    console, rows = Console(width=140), []
    for way in set_conditions("standard", name or ("noise-free", "1e4-photons")):
        each, trials = way.name, unseen_pairs(way, count)
        for one in solver or SOLVERS:
            common = {"condition": each, "solver": one, "count": count, "rounds": rounds, "starts": starts}
            rows.append(common | scored(SOLVERS[one], trials, rounds, starts))
            console.print(as_table(each, [rows[-1]]))
            if json_file:
                head = {"processor": processor_name(), "solvephase": version("solvephase")}
                write_report(json_file, head | {"rows": rows})


if __name__ == "__main__":
    typer.run(main)
