"""Tables on the screen."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text


def answer_table(records: Sequence[Mapping[str, Any]]) -> Table:
    """One line for each pattern."""
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for heading in ("pattern", "fibril", "twist, °/nm", "rotation, °", "residual", "expected", "verdict"):
        table.add_column(heading, justify="left" if heading in ("pattern", "verdict") else "right")
    for record in records:
        table.add_row(*_cells(record))
    return table


def _cells(record: Mapping[str, Any]) -> list[str | Text]:
    if record.get("failed"):
        return [Text(record["file"], style="cyan"), *[""] * 5, Text("no answer", style="red")]
    verdict = Text("believed", style="green")
    if not record["believed"]:
        verdict = Text(f"not believed: {record['reason']}", style="red")
    for note in record["notes"]:
        verdict.append(f"; {note}", style="yellow")
    return [
        Text(record["name"], style="cyan"),
        f"{record['fibril']} ({record['probability']:.2f})",
        f"{record['twist_deg_per_nm']:.2f} ± {record['twist_sd_deg_per_nm']:.2f}",
        f"{record['rotation_deg']:.1f}",
        f"{record['residual']:.3f}",
        f"{record['expected_residual']:.3f}",
        verdict,
    ]
