"""Views of a page: what a script draws in a browser, and the arrays that it draws from."""

import base64
import gzip
from typing import Any

import numpy as np

from argand.page.markup import script_json, text

KINDS = {"chains", "image", "item", "plot", "sections", "structure"}
"""Views there are; the script of each is `page/data/KIND.js`."""


def view(kind: str, data: Any, label: str, caption: str = "", height: int = 460, *, inside: str = "") -> str:
    """The element of a view: its data, `label` for those who cannot see it, caption (HTML), height in px.

    It is drawn when it is scrolled to, into a stage that has the HTML `inside` from the start. `kind` is one
    of KINDS; the page that contains it takes in its script.
    """
    if kind not in KINDS:
        raise ValueError(f"{kind}: no kind of view")
    under = f"<figcaption>{caption}</figcaption>" if caption else ""
    return (
        f'<figure class="view" data-view="{kind}" style="--height:{height}px">'
        f'<div class="stage" role="group" aria-label="{text(label)}">{inside}</div>'
        f'<script type="application/json">{script_json(data)}</script>{under}</figure>'
    )


def packed(values: np.ndarray) -> dict[str, Any]:
    """An array for a script, which reads it with `argand.array`: base64 of gzip, little-endian, C order."""
    plain = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<"), copy=False)
    small = gzip.compress(plain.tobytes(), 6, mtime=0)
    return {"dtype": values.dtype.name, "shape": list(values.shape), "data": base64.b64encode(small).decode()}
