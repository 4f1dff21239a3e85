"""How well argand finds the beam centre of real images, against their known truth.

    python benchmarks/geometry_real.py --data FOLDER --json benchmarks/results/geometry_real.json --opponents

FOLDER holds the images and truth.csv with the columns file, beam_x_px, beam_y_px and sigma_px. Each image is
answered by itself; images whose names differ in the last number only are pooled as well. No beam centre of a
header is used.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import geometry_classical as classical
import numpy as np
import typer
from geometry_opponents import OPPONENTS
from report import as_table, read_truth, write_report
from rich.console import Console
from rich.progress import track
from rich.table import Table

from argand.io.image import Frame, read_frame
from argand.systems.geometry.predict import Predictor, load
from argand.systems.geometry.refine.prediction import Prediction

GOALS: dict[str, dict[str, float]] = {
    "thau_3_2": {
        "unanswered": 0,
        "median_error_px": 1.0,
        "worst_error_px": 2.0,
        "scatter_px": 0.5,
        "pooled_error_px": 1.0,
    },
    "l-cyst_04": {"worst_error_px": 2.0, "pooled_error_px": 1.0},
    "l-cyst_01": {"worst_error_px": 3.0},
    "adsc": {"worst_error_px": 8.0},
}
"""What each series' figures are to stay within; a series without answers is never wrong."""
MOONSHOTS: dict[str, dict[str, float]] = {"thau_3_2": {"scatter_px": 0.2}}
"""What is hoped for beyond the goals."""
IMAGE_HEADINGS = {
    "file": "image",
    "path": "evidence",
    "beam_centre_px": "centre",
    "error_px": "error",
    "sigma_px": "sigma",
    "header_error_px": "header",
    "network_error_px": "network",
    "spots": "spots",
    "seconds": "s",
}
SERIES_HEADINGS = {
    "series": "series",
    "images": "images",
    "unanswered": "unanswered",
    "median_error_px": "median",
    "worst_error_px": "worst",
    "scatter_px": "scatter",
    "pooled_error_px": "pooled",
    "pooled_sigma_px": "± pooled",
    "truth_sigma_px": "± truth",
    "seconds": "s",
}
METHOD_HEADINGS = {
    "series": "series",
    "opponent": "method",
    "images": "images",
    "answered": "answered",
    "median_error_px": "median",
    "worst_error_px": "worst",
    "median_seconds": "s",
}


@dataclass(frozen=True)
class Answered:
    """One image's prediction and truth."""

    file: str
    prediction: Prediction
    truth_px: np.ndarray
    truth_sigma_px: float

    @property
    def error_px(self) -> float | None:
        """Distance between the true centre and a reliable answer."""
        return distance(self.prediction.beam_centre_px, self.truth_px)


def distance(centre: tuple[float, float] | None, truth: np.ndarray) -> float | None:
    """Distance between two positions in px, None without the first."""
    return None if centre is None else float(np.hypot(*(np.asarray(centre) - truth)))


def series_of(file: str) -> str:
    """The name that images of one geometry share."""
    return re.sub(r"_\d+$", "", file.split(".")[0])


def measure(
    predictor: Predictor, data: Path, truths: list[dict[str, str]]
) -> tuple[list[Answered], dict[str, Any]]:
    """Answers to the images of one series, and its summary."""
    frames, answers = [], []
    for truth in truths:
        frame = read_frame(data / truth["file"])
        place = np.array([float(truth["beam_x_px"]), float(truth["beam_y_px"])])
        prediction = predictor.predict(data / truth["file"])
        frames.append(frame)
        answers.append(Answered(truth["file"], prediction, place, float(truth["sigma_px"])))
    return answers, summarise(answers, pool(predictor, frames, answers))


def pool(predictor: Predictor, frames: Sequence[Frame], answers: Sequence[Answered]) -> Prediction | None:
    """The answer of several images together; None for a single one."""
    if len(frames) < 2:
        return None
    return predictor.pool(frames, [answer.prediction for answer in answers])


def summarise(answers: Sequence[Answered], pooled: Prediction | None) -> dict[str, Any]:
    """Figures of one series; `scatter_px` is the rms distance of its centres from their mean."""
    errors = [answer.error_px for answer in answers if answer.error_px is not None]
    centres = np.array([a.prediction.beam_centre_px for a in answers if a.prediction.beam_centre_px])
    around = centres - centres.mean(axis=0) if len(centres) > 1 else None
    figures = {
        "series": series_of(answers[0].file),
        "images": len(answers),
        "unanswered": len(answers) - len(errors),
        "median_error_px": float(np.median(errors)) if errors else None,
        "worst_error_px": max(errors, default=None),
        "scatter_px": None if around is None else float(np.sqrt((around**2).sum(axis=1).mean())),
        "pooled_error_px": None if pooled is None else distance(pooled.beam_centre_px, answers[0].truth_px),
        "pooled_sigma_px": pooled.sigma_px if pooled else None,
        "truth_sigma_px": answers[0].truth_sigma_px,
        "seconds": float(np.median([answer.prediction.seconds for answer in answers])),
    }
    return {**figures, "missed": " ".join(missed(figures)) or "nothing"}


def missed(figures: dict[str, Any]) -> list[str]:
    """Names of the figures that a series' goals are not met in."""
    return [
        name
        for name, limit in GOALS.get(figures["series"], {}).items()
        if (name != "worst_error_px" if figures[name] is None else figures[name] > limit)
    ]


def image_row(answer: Answered) -> dict[str, Any]:
    """One image for the table and the JSON file."""
    prediction = answer.prediction
    return {
        "file": answer.file,
        "path": prediction.path,
        "beam_centre_px": prediction.beam_centre_px,
        "error_px": answer.error_px,
        "sigma_px": prediction.sigma_px,
        "header_error_px": distance(prediction.header_beam_centre_px, answer.truth_px),
        "network_error_px": distance(prediction.network_centre_px, answer.truth_px),
        "spots": prediction.spots,
        "seconds": prediction.seconds,
        "reason": prediction.reason,
    }


def images_table(rows: Sequence[dict[str, Any]]) -> Table:
    """The images' answers and errors in 80 columns."""
    shown = [
        row | {"file": row["file"].split(".")[0], "beam_centre_px": rounded(row["beam_centre_px"])}
        for row in rows
    ]
    return as_table("One image at a time: errors in px", shown, IMAGE_HEADINGS)


def rounded(centre: tuple[float, float] | None) -> str | None:
    """A centre to a tenth of a px."""
    return None if centre is None else " ".join(f"{value:.1f}" for value in centre)


def remarks(answers: Sequence[Answered], summary: Sequence[dict[str, Any]]) -> list[str]:
    """Lines below the tables: why images got no answer, what headers confuse, and the goals missed."""
    lines = [f"{a.file}: {a.prediction.reason}" for a in answers if a.prediction.reason]
    for name, notes in notes_of(answers).items():
        lines += [f"{name}: {note}" for note in notes]
    return lines + [f"{one['series']}: goals missed: {one['missed']}" for one in summary]


def notes_of(answers: Sequence[Answered]) -> dict[str, list[str]]:
    """What was noted of each series, each note once."""
    notes: dict[str, list[str]] = {}
    for answer in answers:
        known = notes.setdefault(series_of(answer.file), [])
        known += [note for note in answer.prediction.notes if note not in known]
    return notes


def against_opponents(data: Path, answers: Sequence[Answered], names: list[str], console: Console) -> list:
    """Summary of each series for argand and for the classical methods."""
    total = len(names) * len(answers)
    bar = track(
        classical.measure(data, names), "classical methods", total=total, console=console, transient=True
    )
    ours = [
        {
            "file": a.file,
            "opponent": "argand",
            "error_px": a.error_px,
            "seconds": a.prediction.seconds,
        }
        for a in answers
    ]
    return sorted(classical.summarise([*ours, *bar]), key=lambda row: row["series"])


def main(
    data: Annotated[Path, typer.Option(help="Folder with the images and truth.csv")],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well")] = None,
    opponents: Annotated[bool, typer.Option(help="Ask the classical methods as well")] = False,
    weights: Annotated[Path | None, typer.Option(help="Weights to measure instead of argand's own")] = None,
) -> None:
    """Print each image's answer and error, then each series' figures and the goals that it misses."""
    if not (data / "truth.csv").is_file():
        raise typer.BadParameter(f"{data} has no truth.csv")
    predictor, console = load(weights), Console()
    series: dict[str, list[dict[str, str]]] = {}
    for truth in read_truth(data / "truth.csv"):
        series.setdefault(series_of(truth["file"]), []).append(truth)
    answers, summary = [], []
    for truths in series.values():
        found, figures = measure(predictor, data, truths)
        answers += found
        summary.append(figures)
    rows = [image_row(answer) for answer in answers]
    console.print(images_table(rows), "", as_table("Series: errors in px", summary, SERIES_HEADINGS), "")
    console.print(*remarks(answers, summary), sep="\n", markup=False, highlight=False)
    report: dict[str, Any] = {"goals": GOALS, "moonshots": MOONSHOTS, "series": summary}
    report |= {"images": rows, "notes": notes_of(answers)}
    if opponents:
        report["dials"] = classical.dials_version()
        report["methods"] = against_opponents(data, answers, list(OPPONENTS), console)
        console.print("", as_table("Side by side: errors in px", report["methods"], METHOD_HEADINGS))
    elif json_file and json_file.is_file():
        # The classical methods do not depend on the weights: an earlier run's stay.
        earlier = json.loads(json_file.read_text(encoding="utf-8"))
        report |= {key: earlier[key] for key in ("dials", "methods") if key in earlier}
    if json_file:
        write_report(json_file, report)


if __name__ == "__main__":
    typer.run(main)
