"""Showing a page in the reader's browser."""

import webbrowser
from pathlib import Path

from argand.runs.verbs import complain, say


def say_page(page: Path, open_page: bool = False) -> None:
    """Say where a page is, and open it in the browser if that is wanted."""
    say(f"page: {page}")
    if open_page:
        show_page(page)


def show_page(page: Path) -> None:
    """Open a page in the browser; where there is none, say so and leave it at that."""
    try:
        opened = webbrowser.open(page.resolve().as_uri())
    except webbrowser.Error:
        opened = False
    if not opened:
        complain(f"no browser was found here; open {page} in one")
