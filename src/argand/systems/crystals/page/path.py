"""Curves along the path between two structures, whose cursor is the step that is shown."""

from collections.abc import Sequence

import numpy as np

from argand.page.plot import Series, lines, plot_view
from argand.systems.crystals.latent.decoded import TRUSTED
from argand.systems.crystals.page.run import Item
from argand.systems.crystals.page.table import GROUP

_SHARE = "share of the path, %"


def curves(items: Sequence[Item]) -> str:
    """Confidence, volume for an atom, and shortest distance, over the share of the path."""
    shares = np.array([100 * one.record["share"] for one in items])
    trusted = np.array([one.trusted for one in items])
    confidence = np.array([one.record["confidence"] for one in items])
    volume = np.array([one.structure.volume / len(one.structure) for one in items])
    shortest = np.array([one.record["shortest_distance"] for one in items])
    limit = Series(f"limit of trust, {TRUSTED:g}", [0.0, 100.0], [TRUSTED, TRUSTED])
    plots = [
        lines([*_marked("confidence", shares, confidence, trusted), limit],
              title="confidence", x=_SHARE, y="confidence"),
        lines(_marked("volume", shares, volume, trusted),
              title="volume", x=_SHARE, y="volume, Å³/atom"),
        lines(_marked("shortest distance", shares, shortest, trusted),
              title="shortest distance of two atoms", x=_SHARE, y="distance, Å"),
    ]  # fmt: skip
    count = int((~trusted).sum())
    told = f"{count} of {len(items)} steps are not trusted" if count else "all steps are trusted"
    caption = (
        f"The cursor is at the step shown; a click shows another. {told[0].upper()}{told[1:]}: a vector "
        "between two crystals belongs to neither."
    )
    label = f"confidence, volume for an atom, and shortest distance along the path; {told}"
    return plot_view(plots, label, caption, height=260, group=GROUP)


def _marked(name: str, x: np.ndarray, y: np.ndarray, trusted: np.ndarray) -> list[Series]:
    """A line through all steps, and where there are some the points of those that are not trusted."""
    whole = Series(name, x, y)
    return [whole] if trusted.all() else [whole, Series("not trusted", x, np.where(trusted, np.nan, y))]
