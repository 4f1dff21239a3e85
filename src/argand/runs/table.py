"""The table of a verb on the screen."""

from rich.table import Table
from rich.text import Text


def plain_table(*headings: str, title: str | None = None) -> Table:
    """An empty table without lines: names in the first column, numbers to the right in the others."""
    table = Table(title=title, title_justify="left", box=None, header_style="dim", padding=(0, 2, 0, 0))
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="left" if place == 0 else "right", overflow="fold")
    return table


def best_guess(text: str) -> Text:
    """A number of an answer that is not trusted, as a table shows it: dim."""
    return Text(text, style="dim")
