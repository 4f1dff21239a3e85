"""How well argand finds beam centre and tilt on simulated stills not used for training.

    python benchmarks/geometry_simulated.py --count 100 --card --json FILE --processes 2

Full frames of each preset, from the background alone, the Bragg spots alone (both of fewer stills), and all.
Two halves are measured: `choose`, on which limits and factors were chosen, and
`report`, which nothing was chosen on. A preset that is measured again replaces its figures in the JSON file;
the others are kept. With --card the figures of `report` are kept in the header of the weights as well, and
the card beside them is written.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from report import as_table, write_report
from rich.console import Console
from rich.progress import track

from argand.systems.geometry.card import keep_figures
from argand.systems.geometry.difficulty.stills import Outcome, StillWork, evaluation_set
from argand.systems.geometry.evaluate import (
    CHOICE_SEED,
    EVALUATION_SEED,
    EVIDENCE,
    draw_coverage,
    summarise,
)
from argand.systems.geometry.predict import WEIGHTS, Predictor, load

PRESETS = ("standard", "varied-distance", "flat-background", "binary", "long-distance", "realistic")
HALVES = {"choose": CHOICE_SEED, "report": EVALUATION_SEED}

_predictor: Predictor | None = None
"""The predictor of this process: loading it takes longer than a still."""


def begin(weights: Path | None) -> None:
    """Load the predictor of a process, which has one thread."""
    global _predictor
    torch.set_num_threads(1)
    _predictor = load(weights)


def one(preset: str, index: int, seed: int, full: bool, parts: bool) -> Outcome:
    """One still of a preset, from all evidence, and with `parts` from the background and the spots alone."""
    assert _predictor is not None
    evidence = EVIDENCE if parts else EVIDENCE[:1]
    return StillWork(preset, evaluation_set(preset, full), seed, _predictor, evidence).outcome(index)


def measure(
    preset: str, half: str, count: int, parts: int, full: bool, pool: ProcessPoolExecutor, console: Console
) -> dict[str, Any]:
    """Figures of one preset, with a progress bar; the first `parts` stills from each kind of evidence."""
    seed = HALVES[half]
    jobs = [pool.submit(one, preset, index, seed, full, index < parts) for index in range(count)]
    bar = track(as_completed(jobs), f"{preset}, {half}", total=count, console=console, transient=True)
    found = sorted((job.result() for job in bar), key=lambda outcome: outcome.index)
    figures = summarise([strip(outcome) for outcome in found])
    figures["evidence"] |= {
        kind: summarise([strip(outcome, kind) for outcome in found[:parts]])["evidence"][kind]
        for kind in EVIDENCE[1:]
        if parts
    }
    return {"preset": preset, "seed": seed, "full": full, "parts": parts, **figures}


def strip(outcome: Outcome, kind: str = EVIDENCE[0]) -> Outcome:
    """The outcome with the answer from one kind of evidence alone."""
    chosen = {name: answer for name, answer in outcome.predictions.items() if name == kind}
    return replace(outcome, predictions=chosen)


def error_rows(result: dict[str, Any]) -> list[dict[str, Any]]:
    """One row for each kind of evidence and stage: centre in px of the full detector, tilt in degrees."""
    stages = [("-", "constant", result["constant"])]
    for kind, figures in result["evidence"].items():
        stages += [(kind, stage, figures[stage]) for stage in ("network", "refined", "answered")]
    return [
        {
            "evidence": kind,
            "stage": stage,
            "stills": figures["count"],
            "mean": figures["centre_mean_px"],
            "median": figures["centre_median_px"],
            "90 %": figures["centre_p90_px"],
            "along an axis": figures["centre_axis_px"],
            "pitch": figures["pitch_deg"],
            "yaw": figures["yaw_deg"],
        }
        for kind, stage, figures in stages
    ]


def trust_rows(result: dict[str, Any]) -> list[dict[str, Any]]:
    """One row for each kind of evidence: share answered, and how far to trust the answers."""
    rows = []
    for kind, figures in result["evidence"].items():
        calibration = figures["calibration"]
        rows.append(
            {
                "evidence": kind,
                "answered": figures["share_answered"],
                "> 5 sigma": calibration["far_sigma"],
                "> 3 px": calibration["far_px"],
                "rms / sigma": calibration["rms"],
                "within 1 2 3 sigma": calibration["within"],
                "tilt rms / sigma": calibration["tilt_rms"],
                "by evidence: answers, rms, tilt rms": _by_path(calibration["paths"]),
                "seconds": figures["seconds"],
            }
        )
    return rows


def _by_path(paths: dict[str, Any]) -> str:
    """Number of answers and errors over sigma for each evidence that decided."""
    text = lambda value: "-" if value is None else f"{value:.2f}"  # noqa: E731
    return "; ".join(
        f"{path} {one['count']} {text(one['rms'])} {text(one['tilt_rms'])}" for path, one in paths.items()
    )


def earlier(path: Path | None) -> dict[str, dict[str, dict[str, Any]]]:
    """Results that the JSON file holds already, by half and preset."""
    kept: dict[str, Any] = {} if path is None or not path.is_file() else json.loads(path.read_text("utf-8"))
    return {half: {one["preset"]: one for one in kept.get(half, [])} for half in HALVES}


def tables(results: dict[str, dict[str, dict[str, Any]]]) -> Iterator[Any]:
    """Errors and trust of each preset, one half after the other."""
    for half, presets in results.items():
        for name, result in presets.items():
            title = f"{name}, {half} (seed {result['seed']})"
            yield as_table(f"{title}: errors in px and degrees", error_rows(result))
            yield as_table(f"{title}: trust", trust_rows(result))


def main(
    count: Annotated[int, typer.Option(help="Stills of each preset and half")] = 100,
    parts: Annotated[int, typer.Option(help="Stills also answered from parts of the evidence")] = 24,
    preset: Annotated[list[str] | None, typer.Option(help="Only this one; may be repeated")] = None,
    half: Annotated[list[str] | None, typer.Option(help="Only this half; may be repeated")] = None,
    full: Annotated[bool, typer.Option(help="Full frames instead of the presets' own binning")] = True,
    weights: Annotated[Path | None, typer.Option(help="Weights to measure instead of argand's own")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well")] = None,
    figure: Annotated[Path | None, typer.Option(help="Draw error against coverage here")] = None,
    card: Annotated[bool, typer.Option("--card", help="Keep the figures with the weights")] = False,
    processes: Annotated[int, typer.Option(help="Processes, one thread each", min=1)] = 1,
) -> None:
    """Print errors and calibration for each half, preset, kind of evidence and stage."""
    console, results = Console(), earlier(json_file)
    with ProcessPoolExecutor(processes, get_context("spawn"), begin, (weights,)) as pool:
        for name in preset or PRESETS:
            for which in half or HALVES:
                result = measure(name, which, count, min(parts, count), full, pool, console)
                results[which][name] = result
                if json_file:
                    write_report(json_file, {key: list(value.values()) for key, value in results.items()})
                if card and which == "report":
                    keep_figures(weights or WEIGHTS, result)
    for table in tables(results):
        console.print(table)
    if figure:
        figure.parent.mkdir(parents=True, exist_ok=True)
        draw_coverage(figure, list(results["report"].values()))


if __name__ == "__main__":
    typer.run(main)
