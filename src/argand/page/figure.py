"""Plotly figures in a page: a placeholder for each, and the drawing that fills them."""

import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from argand.page.shell import Drawing


def place(number: int) -> str:
    """HTML element in which figure `number`, from 0, is drawn."""
    return f'<div id="figure-{number}"></div>'


def drawing_of(figures: Sequence[Any]) -> Drawing:
    """The drawing of Plotly figures, in the order of their placeholders."""
    code = (files("argand") / "page" / "data" / "figures.js").read_text(encoding="utf-8")
    # With Python's own JSON: the faster engine, if installed, rejects names that are not UTF-8.
    return Drawing([json.loads(figure.to_json(engine="json")) for figure in figures], code)
