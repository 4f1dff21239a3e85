"""reStructuredText of pages that are generated, written only where they changed."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from plain_docstrings import rst


def write(path: Path, lines: Iterable[str]) -> None:
    """Write a page, unless it is there as it would be written: Sphinx reads again what is newer."""
    text = "\n".join((".. This page is generated; see docs/conf.py.", "", *lines, ""))
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def heading(text: str, line: str) -> Iterator[str]:
    """A heading, underlined."""
    yield from (text, line * len(text), "")


def escaped(text: str) -> str:
    """One paragraph of plain text, with code in single backticks, as reStructuredText in one line."""
    return " ".join(line for line in rst(text.splitlines()) if line)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], widths: str = "auto") -> Iterator[str]:
    """A table whose cells are reStructuredText of one line each; without a head where that is empty."""
    yield from (".. list-table::", f"   :widths: {widths}", f"   :header-rows: {int(any(head))}", "")
    for row in ([head] if any(head) else []) + list(rows):
        for number, cell in enumerate(row):
            yield f"   {'*' if number == 0 else ' '} - {cell}"
    yield ""
