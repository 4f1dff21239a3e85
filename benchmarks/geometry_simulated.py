"""How well argand finds beam centre and tilt on simulated stills that it was not trained on.

    python benchmarks/geometry_simulated.py --count 60 --card --json FILE

Full frames of each preset, from the background alone, the Bragg spots alone, and both. A preset that is
measured again replaces its figures in the JSON file; the others are kept. With --card the figures are kept in
the header of the weights as well, and the card beside them is written.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from report import as_table, write_report
from rich.console import Console
from rich.progress import track

from argand.systems.geometry.card import keep_figures
from argand.systems.geometry.evaluate import (
    EVALUATION_SEED,
    EVIDENCE,
    FramePredictor,
    draw_coverage,
    outcomes,
    summarise,
)
from argand.systems.geometry.predict import WEIGHTS, load

PRESETS = ("standard", "varied-distance", "flat-background", "binary", "long-distance", "realistic")


def measure(
    predictor: FramePredictor, preset: str, count: int, full: bool, console: Console
) -> dict[str, Any]:
    """Figures of one preset, with a progress bar."""
    found = outcomes(preset, range(count), predictor=predictor, full=full, evidence=EVIDENCE)
    bar = track(found, preset, total=count, console=console, transient=True)
    return {"preset": preset, "seed": EVALUATION_SEED, "full": full, **summarise(list(bar))}


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
                "seconds": figures["seconds"],
            }
        )
    return rows


def earlier(path: Path | None) -> dict[str, dict[str, Any]]:
    """Results that the JSON file holds already, by preset."""
    if path is None or not path.is_file():
        return {}
    return {result["preset"]: result for result in json.loads(path.read_text(encoding="utf-8"))["presets"]}


def main(
    count: Annotated[int, typer.Option(help="Stills of each preset")] = 60,
    preset: Annotated[list[str] | None, typer.Option(help="Only this one; may be repeated")] = None,
    full: Annotated[bool, typer.Option(help="Full frames instead of the presets' own binning")] = True,
    weights: Annotated[Path | None, typer.Option(help="Weights to measure instead of argand's own")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well")] = None,
    figure: Annotated[Path | None, typer.Option(help="Draw error against coverage here")] = None,
    card: Annotated[bool, typer.Option("--card", help="Keep the figures with the weights")] = False,
) -> None:
    """Print errors and calibration for each preset, kind of evidence and stage."""
    predictor, console = load(weights), Console()
    results = earlier(json_file)
    for name in preset or PRESETS:
        results[name] = measure(predictor, name, count, full, console)
        if json_file:
            write_report(json_file, {"presets": list(results.values())})
        if card:
            keep_figures(weights or WEIGHTS, results[name])
    measured = list(results.values())
    for result in measured:
        console.print(as_table(f"{result['preset']}: errors in px and degrees", error_rows(result)))
        console.print(as_table(f"{result['preset']}: trust", trust_rows(result)))
    if figure:
        figure.parent.mkdir(parents=True, exist_ok=True)
        draw_coverage(figure, measured)


if __name__ == "__main__":
    typer.run(main)
