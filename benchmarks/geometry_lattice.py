"""From the lattice of a still: centres for electrons, upright and swung-out detectors, and unit cells.

    python benchmarks/geometry_lattice.py --json benchmarks/results/geometry_lattice.json --data FOLDER

Each figure is given twice: on stills used to choose limits, and on those that are reported. FOLDER,
if given, has simtbx_ed_0001.img.bz2 and truth.csv. A group that is measured again replaces its figures in the
JSON file; the others are kept.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import gemmi
import numpy as np
import typer
from crystal_stills import cell_stills, swung_stills, upright_stills
from electron_stills import simulate_electrons
from report import as_table, read_truth, write_report
from rich.console import Console

from argand.io.image import Frame, read_frame
from argand.physics.crystal.cell import Cell
from argand.physics.still.detector import BeamGeometry
from argand.systems.geometry.evaluate import CHOICE_SEED, EVALUATION_SEED, FAR_PX, FAR_SIGMA
from argand.systems.geometry.predict import Predictor, load
from argand.systems.geometry.refine.options import PLAIN, Options
from argand.systems.geometry.refine.prediction import Prediction

SEEDS = {"choose": CHOICE_SEED, "report": EVALUATION_SEED}
UPRIGHT = Options(max_tilt_deg=0.5)
SAME_LENGTH = 0.01
"""Relative error of the lengths of the reduced cell up to which a cell is right. By hand: the 1 % that the
stated distance is taken to be known to."""

Stills = Iterable[tuple[Frame, BeamGeometry]]


def centre_figures(stills: Stills, predictor: Predictor, options: Options = PLAIN) -> dict[str, Any]:
    """Shares answered, within 1 px, and confidently wrong, and the median error of those answered."""
    answers = [(predictor.predict_frame(frame, options), truth) for frame, truth in stills]
    found = [(p, _error(p, truth)) for p, truth in answers if p.trusted]
    errors = np.array([error for _, error in found])
    wrong = [error > FAR_PX or error > FAR_SIGMA * np.sqrt(2) * (p.sigma_px or 0.0) for p, error in found]
    return {
        "stills": len(answers),
        "answered": len(found) / len(answers),
        "within 1 px": int(np.count_nonzero(errors < 1.0)) / len(answers),
        "median error": float(np.median(errors)) if len(found) else None,
        "worst error": float(errors.max()) if len(found) else None,
        "wrong": int(np.sum(wrong)),
    }


def _error(prediction: Prediction, truth: BeamGeometry) -> float:
    assert prediction.beam_centre_px is not None
    return float(np.hypot(*np.subtract(prediction.beam_centre_px, truth.beam_centre_px)))


def electrons(count: int, seed: int, zone: bool) -> Iterator[tuple[Frame, BeamGeometry]]:
    """Frames and true geometries of simulated electron stills."""
    for index in range(count):
        still = simulate_electrons(index, seed, zone)
        yield still.frame, still.still.geometry


def cell_figures(count: int, seed: int, predictor: Predictor) -> dict[str, Any]:
    """Shares of stills of the fourteen Bravais lattices with a cell, the right one, and the right lattice."""
    cells = right = lattices = doubled = 0
    pulls: list[float] = []
    for frame, _, cell, symbol in cell_stills(count, seed):
        sample = predictor.predict_frame(frame).sample
        doubled += sample.lattices > 1
        if sample.unit_cell is None or sample.unit_cell_sigma is None:
            continue
        cells += 1
        found = as_cell(sample.unit_cell, (sample.bravais or ("aP",))[0][1])
        error = reduced_lengths(found) / reduced_lengths(cell) - 1.0
        right += bool(np.abs(error).max() < SAME_LENGTH)
        if sample.bravais[:1] == (symbol,):
            lattices += 1
            sigma = np.cbrt(found.volume) * float(
                np.mean(np.divide(sample.unit_cell_sigma[:3], found.lengths))
            )
            pulls.append((np.cbrt(found.volume) - np.cbrt(cell.volume)) / sigma)
    return {
        "stills": count,
        "with a cell": cells / count,
        "right cell": right / count,
        "right lattice": lattices / count,
        "rms / sigma": float(np.sqrt(np.mean(np.square(pulls)))),
        "false second": doubled,
    }


def as_cell(numbers: Sequence[float], centring: str) -> Cell:
    """A cell of lengths in Å and angles in degrees."""
    a, b, c = numbers[:3]
    alpha, beta, gamma = (float(np.radians(angle)) for angle in numbers[3:])
    return Cell(a, b, c, alpha, beta, gamma, centring)


def reduced_lengths(cell: Cell) -> np.ndarray:
    """Lengths in Å of the Niggli-reduced primitive cell."""
    angles = np.degrees([cell.alpha, cell.beta, cell.gamma])
    vector = gemmi.GruberVector(gemmi.UnitCell(*cell.lengths, *angles), cell.centring)
    vector.niggli_reduce(epsilon=1e-3 * cell.a)
    return np.array(vector.cell_parameters()[:3])


def electron_file(folder: Path, predictor: Predictor) -> dict[str, Any]:
    """The simulated electron still of another program, with its exact truth."""
    name = "simtbx_ed_0001.img.bz2"
    truth = next(row for row in read_truth(folder / "truth.csv") if row["file"] == name)
    found = predictor.predict_frame(read_frame(folder / name))
    centre = (float(truth["beam_x_px"]), float(truth["beam_y_px"]))
    error = None
    if found.beam_centre_px is not None:
        error = float(np.hypot(*np.subtract(found.beam_centre_px, centre)))
    return {
        "file": name,
        "answered": found.trusted,
        "error_px": error,
        "sigma_px": found.sigma_px,
        "stretch": found.stretch,
        "stretch_sigma": found.stretch_sigma,
    }


def groups(count: int, predictor: Predictor) -> dict[str, Callable[[int], dict[str, Any]]]:
    """What is measured, by name: figures of the stills of a seed."""
    return {
        "electrons near a zone axis": lambda seed: centre_figures(electrons(count, seed, True), predictor),
        "electrons in any orientation": lambda seed: centre_figures(electrons(count, seed, False), predictor),
        "upright": lambda seed: centre_figures(upright_stills(count, seed), predictor),
        "upright with --max-tilt 0.5": lambda seed: centre_figures(
            upright_stills(count, seed), predictor, UPRIGHT
        ),
        "swung out": lambda seed: centre_figures(swung_stills(count, seed), predictor),
        "cells": lambda seed: cell_figures(count, seed, predictor),
    }


def main(
    count: Annotated[int, typer.Option(help="Stills of each group and seed")] = 98,
    group: Annotated[list[str] | None, typer.Option(help="Only this one; may be repeated")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the electron still of another program")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well")] = None,
) -> None:
    """Print the figures of both seeds."""
    predictor, console = load(), Console(width=140)
    known = json_file is not None and json_file.is_file()
    report: dict[str, Any] = json.loads(json_file.read_text(encoding="utf-8")) if known and json_file else {}
    measures = groups(count, predictor)
    for name in group or measures:
        report[name] = [{"seed": column, **measures[name](seed)} for column, seed in SEEDS.items()]
        console.print(as_table(f"{name}: shares of all stills, px", report[name]))
        if json_file is not None:
            write_report(json_file, report)
    if data is not None:
        report["electron file"] = electron_file(data, predictor)
        console.print(as_table("Electrons, another program's still", [report["electron file"]]))
        if json_file is not None:
            write_report(json_file, report)


if __name__ == "__main__":
    typer.run(main)
