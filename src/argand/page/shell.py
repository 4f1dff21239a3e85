"""The shell of a page: its head, its style, its foot, and tables and links of its parts."""

from html import escape
from pathlib import Path

from argand import __version__
from argand.io.atomic import write_text

PAGE = "index.html"
MOST = 12
"""Items that are drawn on a page; its table has all."""
STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:1180px;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse}td,th{padding:.2em .9em;text-align:left;border-bottom:1px solid #ddd}
.good{color:#070}.bad{color:#b00}"""


def write_html(page: Path, title: str, parts: list[str], foot: str) -> Path:
    """Write a page of these parts."""
    head = f'<!doctype html><meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    lines = [head, *parts, f"<p>argand {__version__}. {foot}</p>"]
    write_text(page, "\n".join(lines))
    return page


def table(head: tuple[str, ...], rows: list[list[str]]) -> str:
    """A table of these headings and rows of HTML cells."""
    top = "<tr>" + "".join(f"<th>{name}" for name in head) + "</tr>" if head else ""
    return f"<table>{top}{''.join('<tr><td>' + '<td>'.join(row) + '</tr>' for row in rows)}</table>"


def link(path: Path) -> str:
    """A link to a file that lies beside the page."""
    return f'<a href="{escape(path.name)}">{escape(path.name)}</a>'
