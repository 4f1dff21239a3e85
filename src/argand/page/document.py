"""A page as one HTML file: its head, its parts, and the scripts of the views that it contains."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path

from argand import __version__
from argand.io.atomic import write_text
from argand.page.markup import policy, text
from argand.page.parts import commands, fold, glossary, links

PAGE = "index.html"
SCRIPT = "argand-page.js"
"""The script that pages lying together share."""
_VIEWS = re.compile(r'<figure class="view" data-view="(\w+)"')
"""Names are escaped, so that none can look like this."""
_IMAGE = ("image_pixels", "image_geometry", "image_scale", "image_marks", "image", "image_controls")
_PLOT = ("plot_scale", "plot_frame", "plot_heat", "plot_lines", "plot_points", "plot")
_STRUCTURE = (
    "crystal",
    "packing",
    "polyhedra",
    "isosurface",
    "gl",
    "scene",
    "camera",
    "measure",
    "structure_frames",
    "structure_drawing",
    "structure_controls",
    "structure",
)
_PARTS = {
    "chains": ("plot_scale", "chains"),
    "image": _IMAGE,
    "item": ("item",),
    "plot": _PLOT,
    "sections": ("cell_grid", "section_drawing", "sections"),
    "structure": _STRUCTURE,
}
"""Views -> the scripts they need, in order."""
_LOADING = {"image"}
"""Views whose scripts load others: pixels that lie beside the page."""
_LOADER = f"""const script = document.createElement("script");
script.src = "{SCRIPT}";
document.head.append(script);"""


@dataclass(frozen=True)
class Document:
    """What a page says. Parts, lead, links and `near` are HTML; the rest is plain text."""

    title: str
    lead: str
    """What the page shows, in which units."""
    parts: Sequence[str]
    words: Mapping[str, str] = field(default_factory=dict)
    """Words of the page, explained."""
    commands: Sequence[str] = ()
    """Commands that repeat the run."""
    files: Sequence[str] = ()
    """Links to the files of the run."""
    near: Sequence[str] = ()
    """Links to pages before, after and above this one."""


def write_document(page: Path, document: Document, *, shared: bool = False) -> Path:
    """Write a page. It is one file; or, if `shared`, its script is a file beside it for all pages there."""
    body = "\n".join(_body(document))
    views = set(_VIEWS.findall(body))
    code = script_of(sorted(views))
    if shared:
        code = script_of(sorted(_PARTS))
        _share(page.parent / SCRIPT, code)
        start = _LOADER
        rules = policy([start], trusts_loaded=True)
    else:
        start, rules = code, policy([code], trusts_loaded=bool(views & _LOADING))
    lines = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
        rules,
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{text(document.title)}</title><style>{_shipped('page.css')}</style></head>",
        f"<body><main>{body}</main>",
        f"<script>{start}</script>",
        "</body></html>\n",
    ]
    write_text(page, "\n".join(lines))
    return page


def _share(path: Path, code: str) -> None:
    """Write the shared script unless it is there already: a run has hundreds of pages."""
    if not (path.is_file() and path.read_bytes() == code.encode()):
        write_text(path, code)


def script_of(views: Sequence[str]) -> str:
    """The script of a page with these kinds of views."""
    names = dict.fromkeys(name for one in views for name in _PARTS[one])
    return "\n".join(_shipped(f"{name}.js") for name in ("page", *names))


def _body(document: Document) -> list[str]:
    near = (
        f'<nav class="near" aria-label="other pages">{"".join(document.near)}</nav>' if document.near else ""
    )
    after = []
    if document.files:
        after.append(fold("Files", links(document.files), opened=True))
    if document.commands:
        after.append(fold("The command that repeats this", commands(document.commands)))
    if document.words:
        after.append(glossary(document.words))
    return [
        f'<div class="top"><div><h1>{text(document.title)}</h1>',
        f'<p class="lead">{document.lead}</p></div></div>',
        near,
        *document.parts,
        f'<section class="card">{"".join(after)}</section>' if after else "",
        f"<footer>argand {__version__}</footer>",
    ]


@cache
def _shipped(name: str) -> str:
    return (files("argand") / "page" / "data" / name).read_text(encoding="utf-8")
