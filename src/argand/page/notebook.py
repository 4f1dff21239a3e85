"""Notebook display of an answer, a predictor or a data set: a picture and a short table."""

import base64
from collections.abc import Mapping

from argand.page.markup import text

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
    lines = "".join(
        f'<tr><th style="{_CELL}">{text(name)}</th><td style="{_CELL}{colour}">{text(value)}</td></tr>'
        for name, value in rows.items()
    )
    table = f"<div><b>{text(title)}</b><table>{lines}</table>{f'<p>{text(note)}</p>' if note else ''}</div>"
    return f'<div style="display:flex;gap:1.5em;align-items:flex-start">{_image(picture)}{table}</div>'


def _image(picture: bytes | None) -> str:
    if picture is None:
        return ""
    data = base64.b64encode(picture).decode()
    return f'<img alt="" style="max-width:420px" src="data:image/png;base64,{data}">'
