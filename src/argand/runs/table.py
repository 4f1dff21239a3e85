"""Tables that verbs print."""

from rich.table import Table
from rich.text import Text


def plain_table(*headings: str, title: str | None = None) -> Table:
    """An empty table without rules: names in the first column, right-aligned numbers in the others."""
    table = Table(title=title, title_justify="left", box=None, header_style="dim", padding=(0, 2, 0, 0))
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="left" if place == 0 else "right", overflow="fold")
    return table


def best_guess(text: str) -> Text:
    """Dim text for a number of an answer that is not trusted."""
    return Text(text, style="dim")
