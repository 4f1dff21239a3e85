"""Docstrings of argand are plain text with code in single backticks; autodoc wants reStructuredText."""

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

CODE = re.compile(r"(`[^`]+`)", re.DOTALL)
"""Code in single backticks; it may go on in the next line."""
NAME = re.compile(r"argand(\.\w+)+")
"""A name of the package, which becomes a link."""
MARKUP = re.compile(r"(\\|\*|\||(?<=\w)_(?!\w)|(?<=tcp)(?=://)|^(?=(?:[-+•]|\(?\w\)|\w\.)\s))", re.MULTILINE)
"""What reStructuredText would take for emphasis, a substitution, a reference, a link or a list."""


def setup(app: Any) -> dict[str, bool]:
    """Connect the hooks with Sphinx."""
    app.connect("autodoc-process-docstring", process)
    app.connect("autodoc-skip-member", skip_field)
    return {"parallel_read_safe": True}


def process(app: Any, what: str, name: str, thing: object, options: Any, lines: list[str]) -> None:
    """Replace the lines of a docstring by their reStructuredText, in place."""
    lines[:] = rst(lines)


def skip_field(app: Any, what: str, name: str, thing: object, skip: bool, options: Any) -> bool | None:
    """Leave out fields of named tuples, whose docstring is Python's own."""
    return True if (getattr(thing, "__doc__", None) or "").startswith("Alias for field") else None


def rst(lines: list[str]) -> list[str]:
    """Lines of plain text as reStructuredText: paragraphs, and indented ones as they stand."""
    paragraphs = [list(group) for blank, group in groupby(lines, lambda line: not line.strip()) if not blank]
    return [line for paragraph in paragraphs for line in _paragraph(paragraph)]


def _paragraph(lines: list[str]) -> Iterator[str]:
    if all(line.startswith(" ") for line in lines):
        yield from ("::", "", *(f"    {line}" for line in lines), "")
    else:
        yield from ("".join(_pieces("\n".join(line.strip() for line in lines))).split("\n"))
        yield ""


def _pieces(text: str) -> Iterator[str]:
    pieces = CODE.split(text)
    for number, piece in enumerate(pieces):
        if number % 2 == 0:
            yield MARKUP.sub(r"\\\1", piece).replace("`", r"\`")
            continue
        before, after = pieces[number - 1][-1:], pieces[number + 1][:1]
        content = " ".join(piece[1:-1].split())
        code = f":py:obj:`{content}`" if NAME.fullmatch(content) else f"``{content}``"
        yield (r"\ " if before and not before.isspace() else "") + code
        yield r"\ " if after and not after.isspace() else ""
