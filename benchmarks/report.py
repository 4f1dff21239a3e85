"""What the benchmarks share: the known truth of the real images, and tables of their figures."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from rich.table import Table

Report = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One line of a table: a quantity, the data, the goal, and the result.

    `others` is what it is compared with, `chosen` the result on the data that settings were chosen on.
    """

    what: str
    where: str
    goal: str
    measured: str
    others: str = ""
    chosen: str = ""


def judged(value: float | None, limit: float | None, unit: str, digits: int = 2) -> tuple[str, str]:
    """Goal and measured value as texts; a value beyond its goal says so."""
    goal = "" if limit is None else f"≤ {limit:g}{unit}"
    if value is None:
        return goal, "no answer"
    missed = limit is not None and value > limit
    return goal, f"{value:.{digits}f}{unit}" + (" (goal missed)" if missed else "")


def read_truth(path: Path) -> list[dict[str, str]]:
    """Rows of truth.csv, which has at least the columns file, beam_x_px, beam_y_px and sigma_px."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def as_table(
    title: str, rows: Sequence[Mapping[str, Any]], headings: Mapping[str, str] | None = None
) -> Table:
    """A table with the keys of the rows as its columns, or with those that have a heading alone."""
    headings = headings or {key: key.replace("_", " ") for key in rows[0]}
    table = Table(title=title, title_justify="left", box=None, header_style="dim", padding=(0, 1, 0, 0))
    for key, heading in headings.items():
        table.add_column(heading, justify="left" if isinstance(rows[0][key], str) else "right")
    for row in rows:
        table.add_row(*(_text(row[key]) for key in headings))
    return table


def write_report(path: Path, report: Mapping[str, Any]) -> None:
    """Write the figures as JSON, a row a line; the folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(f"{json.dumps(key)}: {_lines(value)}" for key, value in report.items())
    path.write_text("{\n" + lines + "\n}\n", encoding="utf-8")


def few_colours(picture: Path) -> None:
    """Write a PNG again with a palette of 64 colours, which takes a third of the space."""
    with Image.open(picture) as image:
        small = image.convert("RGB").quantize(64)
    small.save(picture, optimize=True)


def _lines(value: Any) -> str:
    """JSON with a line for each item of a list or dict of several."""
    plain = lambda item: json.dumps(item, separators=(",", ":"))  # noqa: E731
    if isinstance(value, dict) and len(value) > 1:
        return "{\n" + ",\n".join(f" {json.dumps(key)}:{plain(item)}" for key, item in value.items()) + "\n}"
    if isinstance(value, list | tuple) and len(value) > 1:
        return "[\n" + ",\n".join(f" {plain(item)}" for item in value) + "\n]"
    return plain(value)


def _text(value: object) -> str:
    if isinstance(value, tuple | list):
        return " ".join(_text(item) for item in value)
    if value is None:
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
