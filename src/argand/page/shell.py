"""The frame of a page: head, style and footer, tables and messages, and the scripts that draw."""

import base64
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from argand import __version__
from argand.io.atomic import write_text
from argand.page.markup import policy, script_json, text

PAGE = "index.html"
MOST = 8
"""Items drawn on a page; its table lists all. Each has two 3-D views, and Chromium keeps 16 alive
(`kMaxGLActiveContexts`): with more, the first ones go blank."""
MOST_TOLD = 20
"""Most lines on a page about skipped items. By hand: more add nothing new."""
STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:1180px;margin:2em auto;padding:0 1em;color:#222;
overflow-wrap:anywhere}
table{border-collapse:collapse}td,th{padding:.2em .9em;text-align:left;border-bottom:1px solid #ddd}
footer{margin:1em 0}.good{color:#070}.bad{color:#b00}.best-guess{color:#767676}"""


@dataclass(frozen=True)
class Drawing:
    """A Plotly drawing in a page: values, and the code that draws them, where they are called `DATA`.

    Values are never part of the code, so that the hashes of the scripts that may run are fixed. In the code,
    `plain` escapes a name so that Plotly shows it literally.
    """

    data: Any
    code: str


def write_html(
    page: Path,
    title: str,
    parts: Sequence[str],
    foot: str,
    style: str = STYLE,
    drawing: Drawing | None = None,
) -> Path:
    """Write a self-contained page of these parts (HTML); `title` is plain text."""
    data, scripts = ([], []) if drawing is None else _scripts(drawing)
    lines = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
        policy(scripts),
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{text(title)}</title><style>{style}</style></head>",
        "<body><main>",
        *parts,
        f"<footer>argand {__version__} · {foot}</footer></main>",
        *data,
        "</body></html>",
    ]
    write_text(page, "\n".join(lines))
    return page


def left_out(told: Sequence[str]) -> list[str]:
    """HTML lines saying what could not be shown, and why."""
    more = [f"and {len(told) - MOST_TOLD} more"] if len(told) > MOST_TOLD else []
    return [f'<p class="bad">{text(line)}</p>' for line in [*told[:MOST_TOLD], *more]]


def table(head: tuple[str, ...], rows: list[list[str]]) -> str:
    """A table with these headings and rows of HTML cells."""
    top = "<tr>" + "".join(f"<th>{name}" for name in head) + "</tr>" if head else ""
    return f"<table>{top}{''.join('<tr><td>' + '<td>'.join(row) + '</tr>' for row in rows)}</table>"


def _scripts(drawing: Drawing) -> tuple[list[str], list[str]]:
    """The HTML elements of a drawing, and the scripts that it runs."""
    plotly, packed = _plotly()
    code, start = _shipped("prelude.js") + drawing.code, _shipped("loader.js")
    elements = [
        f'<script type="application/json" id="data">{script_json(drawing.data)}</script>',
        f'<script type="text/plain" id="plotly">{packed}</script>',
        f'<script type="text/plain" id="page">{code}</script>',
        f'<script type="module">{start}</script>',
    ]
    return elements, [plotly, code, start]


@cache
def _plotly() -> tuple[str, str]:
    """Plotly's code, plain and compressed to a third of its size."""
    code = (files("plotly") / "package_data" / "plotly.min.js").read_bytes()
    return code.decode(), base64.b64encode(gzip.compress(code, 9, mtime=0)).decode()


def _shipped(name: str) -> str:
    return (files("argand") / "page" / "data" / name).read_text(encoding="utf-8")
