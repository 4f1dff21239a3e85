"""The page of a run in one HTML file: each Patterson map and its atoms in 3-D, or the solved crystals."""

from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from argand.io.cell_map import read_cell_map
from argand.page.shell import MOST, PAGE, write_html
from argand.page.surface import surfaces
from argand.runs.record import RESULTS, Record, read_results
from argand.systems.patterson.solution.page import write_solve_page

REACH = 16
"""Half the side, in voxels, of the part of the map that is drawn about its origin. By hand: along an axis
vectors of an inner box of 12 reach 12."""


def write_page(folder: Path) -> Path:
    """Write the page of what predict or solve left in `folder`; InputError when there is neither."""
    return _write_maps(folder) if (folder / RESULTS).exists() else write_solve_page(folder)


def _write_maps(folder: Path) -> Path:
    """Write the page of answered maps."""
    records = read_results(folder)
    solved = sum(record["solved"] for record in records)
    parts = [f"<h1>Patterson maps: {solved} of {len(records)} solved</h1>", _table(records)]
    drawn = [record for record in records if "map" in record][:MOST]
    for number, record in enumerate(drawn):
        parts.append(f"<h2>{escape(Path(record['file']).name)}</h2>")
        parts.append(scene(folder, record).to_html(full_html=False, include_plotlyjs=number == 0))
    foot = "Positions in voxels; a Patterson map tells neither place nor hand."
    return write_html(folder / PAGE, "Patterson maps", parts, foot)


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
    figure.add_trace(_surfaces(read_cell_map(folder / record["map"]).values), 1, 1)
    figure.add_trace(_atoms(np.array(record["positions_voxel"])), 1, 2)
    figure.update_layout(height=520, margin={"l": 0, "r": 0, "t": 30, "b": 0}, showlegend=False)
    figure.update_scenes(aspectmode="data")
    return figure


def _surfaces(patterson: np.ndarray) -> Any:
    """Surfaces of equal height about the origin, whose own peak (3 voxels for radius 1, by hand) is cut.

    At 0.3 and 0.7 of the highest peak beyond, by hand.
    """
    middle = [side // 2 for side in patterson.shape]
    reach = [min(REACH, half - 1) for half in middle]
    near = np.fft.fftshift(patterson)
    near = near[tuple(slice(m - r, m + r + 1) for m, r in zip(middle, reach, strict=True))]
    steps = np.mgrid[tuple(slice(-r, r + 1) for r in reach)].reshape(3, -1)
    outside = np.linalg.norm(steps, axis=0).reshape(near.shape) > 3
    top = float(near[outside].max())
    return surfaces(steps, near.clip(max=top).round(3), (0.3 * top, 0.7 * top), "Blues")


def _atoms(positions: np.ndarray) -> Any:
    from plotly.graph_objects import Scatter3d

    x, y, z = positions.T
    marker = {"size": 11, "color": z, "colorscale": "Reds", "line": {"width": 1, "color": "#333"}}
    text = [f"{number}: {a:.2f} {b:.2f} {c:.2f}" for number, (a, b, c) in enumerate(positions, 1)]
    return Scatter3d(x=x, y=y, z=z, mode="markers", marker=marker, text=text, hoverinfo="text")
