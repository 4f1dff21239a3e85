"""A few pairs of a data set side by side: shapes above their patterns."""

import io
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool
from torch import Tensor

_DECADES = 6
"""Of intensity below the brightest pixel that are drawn. By hand, for the eye."""
_INCHES = 1.4
"""Side of each picture. By hand, for the eye."""


def contact_sheet(pairs: Sequence[Mapping[str, Tensor]], live: Bool[np.ndarray, "slow fast"]) -> bytes:
    """PNG of pairs as `Pairs` gives them; `live` are the measured pixels where a pair has no mask of its own.

    Patterns are on a logarithmic scale, with grey where nothing was measured; the slow axis points upwards.
    """
    from matplotlib.colors import LogNorm, PowerNorm  # slow to import, and only notebooks draw a sheet
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_INCHES * len(pairs), 2 * _INCHES), layout="constrained")
    for column, pair in zip(figure.subplots(2, len(pairs), squeeze=False).T, pairs, strict=True):
        shape, pattern = (np.asarray(pair[name])[0] for name in ("shape", "pattern"))
        seen = np.where(np.asarray(pair["live"])[0] if "live" in pair else live, pattern, np.nan)
        top = max(float(np.nanmax(seen)), 1e-30)
        low = max(float(np.nanmin(seen[seen > 0], initial=top)), top * 10.0**-_DECADES)
        column[0].imshow(shape, origin="lower", cmap="magma", norm=PowerNorm(0.5))
        column[1].imshow(
            np.maximum(seen, low), origin="lower", cmap="inferno", norm=LogNorm(low, max(top, 1.01 * low))
        )
        for axes in column:
            axes.set(xticks=[], yticks=[], facecolor="grey")
    content = io.BytesIO()
    figure.savefig(content, dpi=70, format="png")
    return content.getvalue()
