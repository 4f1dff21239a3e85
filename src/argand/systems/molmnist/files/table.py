"""Tables on the screen."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

HEADINGS = (
    "pattern",
    "found",
    "turn, °",
    "|twist|, °/nm",
    "rotation, °",
    "window, Å",
    "residual",
    "expected",
    "verdict",
)


def answer_table(records: Sequence[Mapping[str, Any]]) -> Table:
    """One line for each pattern."""
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    if any(record.get("twist_deg_per_nm") is not None for record in records):
        table.caption, table.caption_justify = "|twist|: no projection shows the hand", "left"
    for heading in HEADINGS:
        table.add_column(heading, justify="left" if heading in ("pattern", "verdict") else "right")
    for record in records:
        table.add_row(*_cells(record))
    return table


def _cells(record: Mapping[str, Any]) -> list[str | Text]:
    if record.get("failed"):
        return [
            Text(record["file"], style="cyan"),
            *[""] * (len(HEADINGS) - 2),
            Text("no answer", style="red"),
        ]
    verdict = Text("believed", style="green")
    if not record["believed"]:
        verdict = Text(f"not believed: {record['reason']}", style="red")
    for note in record["notes"]:
        verdict.append(f"; {note}", style="yellow")
    return [
        Text(record["name"], style="cyan"),
        found_text(record),
        turn_text(record),
        twist_text(record) or "not told",
        f"{record['rotation_deg']:.1f}",
        f"{record['window_side_angstrom']:.1f}, {record['window_from']}",
        f"{record['residual']:.3f}",
        f"{record['expected_residual']:.3f}",
        verdict,
    ]


def found_text(record: Mapping[str, Any]) -> str:
    """The fibril with its probability, or the chains with their outline."""
    if record.get("chains") is None:
        return "" if record["fibril"] is None else f"{record['fibril']} ({record['probability']:.2f})"
    said = f"{record['chains']:.1f} ± {record['chains_sd']:.1f} chains"
    return f"{said}, {record['fibril'] or record['outline']}"


def turn_text(record: Mapping[str, Any]) -> str:
    """The turn between the ends in degrees; empty where it is not asked for."""
    turn = record.get("turn_deg")
    return "" if turn is None else f"{turn:.0f} ± {record['turn_sd_deg']:.0f}"


def twist_text(record: Mapping[str, Any]) -> str:
    """|Twist| and its standard deviation in degrees/nm; empty where the pattern does not tell it."""
    if record["twist_deg_per_nm"] is None:
        return ""
    return f"{record['twist_deg_per_nm']:.2f} ± {record['twist_sd_deg_per_nm']:.2f}"
