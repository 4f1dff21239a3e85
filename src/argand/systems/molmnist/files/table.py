"""The table of answers on the screen."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from argand.runs.table import best_guess, plain_table
from argand.systems.molmnist.inversion.answer_text import found_text, turn_text, twist_text

HEADINGS = (
    "pattern",
    "found",
    "end-to-end twist, °",
    "|twist|, °/nm",
    "rotation, °",
    "window, Å",
    "residual",
    "expected",
    "verdict",
)


def answer_table(records: Sequence[Mapping[str, Any]]) -> Table:
    """One line for each pattern; numbers of answers that are not trusted are dim and called best guess."""
    table = plain_table(*HEADINGS)
    table.columns[-1].justify = "left"
    if any(record.get("twist_deg_per_nm") is not None for record in records):
        table.caption, table.caption_justify = "|twist|: a projection does not show the hand", "left"
    for record in records:
        table.add_row(*_cells(record))
    return table


def _cells(record: Mapping[str, Any]) -> list[str | Text]:
    if record.get("failed"):
        empty = [""] * (len(HEADINGS) - 2)
        return [Text(record["file"], style="cyan"), *empty, Text("no answer", style="red")]
    trusted = record["trusted"]
    # The reason has the residual; it would only repeat that an answer is accepted.
    verdict = Text("trusted", style="green") if trusted else Text("not trusted", style="red")
    if not trusted:
        verdict.append(f": {record['reason']}")
    for note in record["notes"]:
        verdict.append(f"; {note}", style="yellow")
    numbers = [found_text(record), turn_text(record), twist_text(record) or "unknown"]
    numbers += [f"{record['rotation_deg']:.1f}"]
    if not trusted:
        numbers[0] = f"best guess: {numbers[0]}"
    shown = numbers if trusted else [best_guess(one) if one else "" for one in numbers]
    return [
        Text(record["name"], style="cyan"),
        *shown,
        f"{record['window_side_angstrom']:.1f}, {record['window_from']}",
        f"{record['residual']:.3f}",
        f"{record['expected_residual']:.3f}",
        verdict,
    ]
