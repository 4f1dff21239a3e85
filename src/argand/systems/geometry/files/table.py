"""The tables that verbs print."""

from collections.abc import Callable, Iterable
from typing import Any

from rich.table import Table
from rich.text import Text

from argand.runs.table import best_guess, plain_table
from argand.systems.geometry.files.record import Record
from argand.systems.geometry.files.text import angles, cell, crystals, label, number, pair, verdict

_STAGES = ("constant", "network", "refined", "answered")
_FIGURES = {
    "centre_mean_px": "centre mean, px",
    "centre_median_px": "median, px",
    "centre_p90_px": "90 %, px",
    "pitch_deg": "pitch mean, °",
    "yaw_deg": "yaw mean, °",
    "count": "stills",
}


def prediction_table(records: Iterable[Record], wide: bool = True) -> Table:
    """One line for each answer, with the header's centre beside the predicted one.

    The best guess of an answer that is not trusted is dim and labelled. Columns that follow from others
    (PONI, the shift in mm) and those of the sample are only in the `wide` table.
    """
    columns = [column for column in _COLUMNS if wide or column not in _WIDE_ONLY]
    table = plain_table("image", *columns)
    for record in records:
        name = Text(label(record), style="bold" if record.get("pooled") else "cyan")
        table.add_row(name, *(_COLUMNS[column](record) for column in columns))
    return table


def _centre(record: Record) -> Text:
    if record["trusted"]:
        return Text(pair(record.get("beam_centre_px")), style="bold green")
    guess = pair(record.get("best_guess_px"))
    return best_guess(f"best guess {guess}" if guess else "")


def _sigma(record: Record) -> Text:
    sigma = number(record.get("sigma_px"))
    return Text(sigma) if record["trusted"] else best_guess(sigma)


def _evidence(record: Record) -> Text:
    """Which evidence decided, or that the answer is not trusted."""
    return Text(record["path"]) if record["trusted"] else Text(verdict(record), style="red")


def _of_sample(told: Callable[[Record], str]) -> Callable[[Record], Text]:
    """A column of the sample, which rests on the geometry: dim where that is not trusted."""
    return lambda record: Text(told(record)) if record["trusted"] else best_guess(told(record))


_COLUMNS: dict[str, Callable[[Record], Text | str]] = {
    "header, px": lambda record: Text(pair(record.get("header_beam_centre_px")), style="yellow"),
    "beam centre, px": _centre,
    "± px": _sigma,
    "shift, px": lambda record: pair(record.get("shift_px"), sign="+"),
    "shift, mm": lambda record: pair(record.get("shift_mm"), 3, "+"),
    "pitch, yaw": lambda record: angles(record.get("tilt_deg")),
    "PONI, px": lambda record: pair(record.get("poni_px")),
    "d, Å": _of_sample(lambda record: number(record.get("resolution"))),
    "cell, Å": _of_sample(cell),
    "lattices": _of_sample(crystals),
    "evidence": _evidence,
    "s": lambda record: number(record.get("seconds")),
}
_WIDE_ONLY = ("shift, mm", "PONI, px", "d, Å", "cell, Å", "lattices")


def record_line(record: Record) -> str:
    """One answer in a line of text."""
    if not record["trusted"]:
        guess = pair(record.get("best_guess_px"))
        told = f"; best guess {guess} px" if guess else ""
        return f"{label(record)}: {verdict(record)}, {record['reason']}{told}"
    shift = record.get("shift_px")
    moved = f", shift {pair(shift, sign='+')} px" if shift else ""
    sigma = number(record.get("sigma_px"))
    return f"{label(record)}: {pair(record['beam_centre_px'])} ± {sigma} px{moved}"


def evaluation_table(result: dict[str, Any]) -> Table:
    """Errors of each stage on simulated stills, for each kind of evidence that was evaluated."""
    table = plain_table(
        "evidence", "answer", *_FIGURES.values(), title=f"{result['preset']}, seed {result['seed']}"
    )
    _add_figures(table, "none", "constant", result["constant"])
    for kind, figures in result["evidence"].items():
        for stage in _STAGES[1:]:
            _add_figures(table, kind, stage, figures[stage])
    return table


def _add_figures(table: Table, kind: str, stage: str, figures: dict[str, Any]) -> None:
    cells = (figures.get(key) for key in _FIGURES)
    table.add_row(kind, stage, *("–" if cell is None else f"{cell:.3g}" for cell in cells))


def explanation_table(report: dict[str, Any], most: int = 8) -> Table | None:
    """The parameters that best explain which images are hard; None where nothing was explained."""
    if not report["explanations"]:
        return None
    what = report["ranked_by"]
    headings = ("parameter", "explains", "correlation", "threshold", f"median {what} below", "above")
    table = plain_table(*headings, title=f"What makes {what} large")
    for one in report["explanations"][:most]:
        medians = (one["median_below"], one["median_above"])
        below, above = ("no estimate" if value is None else f"{value:.3g} px" for value in medians)
        share, threshold = f"{100 * one['share']:.0f} %", f"{one['threshold']:.3g}"
        table.add_row(one["parameter"], share, f"{one['correlation'] or 0:+.2f}", threshold, below, above)
    return table


def worst_table(report: dict[str, Any], most: int = 12) -> Table:
    """The hardest images."""
    table = plain_table("hardest", "error, px", "± px")
    table.add_column("verdict")
    for entry in report["ranking"][:most]:
        verdict_text = Text("trusted") if entry["trusted"] else Text(entry["reason"], style="red")
        shown = Text if entry["trusted"] else best_guess
        figures = (number(entry[key], 3) for key in ("error_px", "sigma_px"))
        table.add_row(entry["name"], *map(shown, figures), verdict_text)
    return table
