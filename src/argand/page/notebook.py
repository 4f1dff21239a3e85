"""Notebook display of an answer, a predictor or a data set: a picture and a short table."""

import base64
from collections.abc import Mapping

from argand.page.markup import text

_BOX = "display:flex;flex-wrap:wrap;gap:1em 1.5em;align-items:flex-start"
_TABLE = "flex:1 1 260px;min-width:min(260px,100%)"
"""Beside a picture where there is room for it, else below. By hand: in less, names and values break."""
_IMAGE = "flex:none;max-width:min(620px,100%);height:auto"
"""A picture of several panels stays legible. By hand: 570 px are those of three panels."""
_CELL = "text-align:left;padding:.1em .8em .1em 0"


def html_card(
    title: str,
    rows: Mapping[str, str],
    picture: bytes | None = None,
    note: str | None = None,
    trusted: bool = True,
) -> str:
    """HTML card with a title, a table of names and values, a PNG beside it and a note below; text is escaped.

    The values of an answer that is not `trusted` are grey.
    """
    colour = "" if trusted else ";color:#767676"
    below = f"<p>{text(note)}</p>" if note else ""
    lines = "".join(
        f'<tr><th style="{_CELL}">{text(name)}</th><td style="{_CELL}{colour}">{text(value)}</td></tr>'
        for name, value in rows.items()
    )
    table = f'<div style="{_TABLE}"><b>{text(title)}</b><table>{lines}</table>{below}</div>'
    return f'<div style="{_BOX}">{_image(picture)}{table}</div>'


def _image(picture: bytes | None) -> str:
    if picture is None:
        return ""
    data = base64.b64encode(picture).decode()
    return f'<img alt="" style="{_IMAGE}" src="data:image/png;base64,{data}">'
