"""What the benchmarks share: the known truth of the real images, and tables of their figures."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

Report = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One line of a table."""

    what: str
    where: str
    goal: str
    measured: str
    others: str = ""


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
    told = ",\n".join(f"{json.dumps(key)}: {_lines(value)}" for key, value in report.items())
    path.write_text("{\n" + told + "\n}\n", encoding="utf-8")


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
