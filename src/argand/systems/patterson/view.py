"""The page of a run: Patterson map and atoms of each map in 3-D, to turn and zoom, in one HTML file."""

from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from argand import __version__
from argand.io.map import read_map
from argand.systems.patterson.run import Record, read_records

PAGE = "index.html"
REACH = 16
"""Half the side, in voxels, of the part of the map that is drawn about its origin."""
MOST = 12
"""Maps that are drawn; the table has all."""
STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:1180px;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse}td,th{padding:.2em .9em;text-align:left;border-bottom:1px solid #ddd}
.good{color:#070}.bad{color:#b00}"""


def write_page(folder: Path) -> Path:
    """Write the page of the run in `folder`; InputError when there is no run in it."""
    records = read_records(folder)
    solved = sum(record["solved"] for record in records)
    parts = [f"<h1>Patterson maps: {solved} of {len(records)} solved</h1>", _table(records)]
    drawn = [record for record in records if "map" in record][:MOST]
    for number, record in enumerate(drawn):
        parts.append(f"<h2>{escape(Path(record['file']).name)}</h2>")
        parts.append(scene(folder, record).to_html(full_html=False, include_plotlyjs=number == 0))
    foot = "Positions in voxels; a Patterson map tells neither place nor hand."
    return write_html(folder / PAGE, "Patterson maps", parts, foot)


def write_html(page: Path, title: str, parts: list[str], foot: str) -> Path:
    """Write a page of these parts."""
    head = f'<!doctype html><meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    lines = [head, *parts, f"<p>argand {__version__}. {foot}</p>"]
    page.write_text("\n".join(lines), encoding="utf-8")
    return page


def _table(records: list[Record]) -> str:
    rows = "".join(_row(record) for record in records)
    return f"<table><tr><th>map<th>answer<th>found by<th>residual<th>tries<th>atoms</tr>{rows}</table>"


def _row(record: Record) -> str:
    name = escape(Path(record["file"]).name)
    if "reason" in record:
        return f'<tr><td>{name}<td class="bad">{escape(record["reason"])}<td><td><td><td></tr>'
    verdict = '<td class="good">solved' if record["solved"] else '<td class="bad">not solved'
    atoms = f'<a href="{escape(record["xyz"])}">{len(record["positions_voxel"])}</a>'
    return (
        f"<tr><td>{name}{verdict}<td>{record['path']}<td>{record['residual']:.4f}"
        f"<td>{record['tries']}<td>{atoms}</tr>"
    )


def scene(folder: Path, record: Record) -> Any:
    """Plotly figure: surfaces of the Patterson map on the left, atoms on the right."""
    from plotly.graph_objects import Figure
    from plotly.subplots import make_subplots

    figure: Figure = make_subplots(
        1, 2, specs=[[{"type": "scene"}] * 2], subplot_titles=("Patterson map", "atoms")
    )
    figure.add_trace(_surfaces(read_map(folder / record["map"])), 1, 1)
    figure.add_trace(_atoms(np.array(record["positions_voxel"])), 1, 2)
    figure.update_layout(height=520, margin={"l": 0, "r": 0, "t": 30, "b": 0}, showlegend=False)
    figure.update_scenes(aspectmode="data")
    return figure


def _surfaces(patterson: np.ndarray) -> Any:
    """Surfaces of equal height about the origin, whose own peak is cut."""
    reach = min(REACH, len(patterson) // 2 - 1)
    near = np.fft.fftshift(patterson)
    middle = len(patterson) // 2
    near = near[(slice(middle - reach, middle + reach + 1),) * 3]
    steps = np.mgrid[(slice(-reach, reach + 1),) * 3].reshape(3, -1)
    outside = np.linalg.norm(steps, axis=0).reshape(near.shape) > 3
    top = float(near[outside].max())
    return surfaces(steps, near.clip(max=top).round(3), (0.3 * top, 0.7 * top), "Blues")


def surfaces(
    places: np.ndarray,
    values: np.ndarray,
    heights: tuple[float, float],
    colours: str | list[list[float | str]],
    opacity: float = 0.4,
) -> Any:
    """Plotly's surfaces of two heights through values [x, y, z] at `places` [3, x*y*z] of a box."""
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


def _atoms(positions: np.ndarray) -> Any:
    from plotly.graph_objects import Scatter3d

    x, y, z = positions.T
    marker = {"size": 11, "color": z, "colorscale": "Reds", "line": {"width": 1, "color": "#333"}}
    text = [f"{number}: {a:.2f} {b:.2f} {c:.2f}" for number, (a, b, c) in enumerate(positions, 1)]
    return Scatter3d(x=x, y=y, z=z, mode="markers", marker=marker, text=text, hoverinfo="text")
