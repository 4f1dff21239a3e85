"""Interactive isosurfaces of a volume."""

from typing import Any

import numpy as np


def surfaces(
    places: np.ndarray,
    values: np.ndarray,
    heights: tuple[float, float],
    colours: str | list[list[float | str]],
    opacity: float = 0.4,
) -> Any:
    """Plotly isosurfaces at two levels `heights` of values [x, y, z] at positions `places` [3, x*y*z]."""
    from plotly.graph_objects import Isosurface

    return Isosurface(
        x=places[0],
        y=places[1],
        z=places[2],
        value=values.ravel(),
        isomin=heights[0],
        isomax=heights[1],
        surface_count=2,
        opacity=opacity,
        colorscale=colours,
        hoverinfo="skip",
        showscale=False,
        caps={"x_show": False, "y_show": False, "z_show": False},
    )
