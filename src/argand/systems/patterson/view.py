"""The page of a run in one HTML file: each Patterson map and its atoms in 3-D, or the solved crystals."""

from pathlib import Path
from typing import Any

import numpy as np

from argand.errors import InputError
from argand.io.cell_map import read_cell_map
from argand.page.figure import drawing_of, place
from argand.page.markup import best_guess, link, text
from argand.page.shell import MOST, PAGE, left_out, table, write_html
from argand.page.surface import surfaces
from argand.runs.fields import COUNT, FLAG, NUMBER, TEXT, Fields, file_of, listed, maybe, usable_records
from argand.runs.record import RESULTS, Record, read_results
from argand.systems.patterson.solution.page import write_solve_page

REACH = 16
"""Half the side, in voxels, of the part of the map that is drawn about its origin. By hand: along an axis
vectors of an inner box of 12 reach 12."""
LEAST_SIDE = 6
"""Of a map that is drawn: within a smaller one all is as near the origin as its own peak."""


def write_page(folder: Path) -> Path:
    """Write the page of what predict or solve left in `folder`; InputError when there is neither."""
    return _write_maps(folder) if (folder / RESULTS).exists() else write_solve_page(folder)


def _write_maps(folder: Path) -> Path:
    """Write the page of answered maps."""
    records, told = usable_records(read_results(folder), _fields, folder / RESULTS)
    trusted = sum(record["trusted"] for record in records)
    parts = [f"<h1>Patterson maps: {trusted} of {len(records)} trusted</h1>", *left_out(told)]
    head = ("map", "answer", "found by", "residual", "attempts", "atoms", "reason")
    parts.append(table(head, [_row(folder, record) for record in records]))
    figures = []
    for record in [record for record in records if record.get("map")][:MOST]:
        guess = "" if record["trusted"] else ": best guess, not trusted"
        parts.append(f"<h2>{text(Path(record['file']).name)}{guess}</h2>")
        try:
            figures.append(scene(folder, record))
            parts.append(place(len(figures) - 1))
        except InputError as error:
            parts += left_out([str(error)])
    foot = "Positions in voxels; a Patterson map determines neither origin nor hand."
    return write_html(folder / PAGE, "Patterson maps", parts, foot, drawing=drawing_of(figures))


def _fields(record: Record) -> Fields:
    """What a record must have: an answer, or the reason why there is none."""
    about = {"file": TEXT, "trusted": FLAG, "reason": TEXT, "map": maybe(TEXT), "failed": maybe(FLAG)}
    if record.get("failed"):
        return about
    counted = {"path": TEXT, "residual": maybe(NUMBER), "attempts": COUNT}
    return about | counted | {"positions_voxel": listed(listed(NUMBER, 3)), "xyz": maybe(TEXT)}


def _row(folder: Path, record: Record) -> list[str]:
    name = text(Path(record["file"]).name)
    why = text(record["reason"])
    if record.get("failed"):
        return [name, '<span class="bad">failed</span>', "", "", "", "", why]
    residual = "" if record.get("residual") is None else f"{record['residual']:.4f}"
    cells = [text(record["path"]), residual, str(record["attempts"]), _atoms_link(folder, record)]
    if record["trusted"]:
        return [name, '<span class="good">trusted</span>', *cells, why]
    return [name, '<span class="bad">best guess</span>', *map(best_guess, cells), f"not trusted: {why}"]


def _atoms_link(folder: Path, record: Record) -> str:
    """How many atoms were found, as a link to their file where it is there."""
    count = len(record["positions_voxel"])
    try:
        return link(file_of(folder, record.get("xyz") or "").name, count)
    except InputError:
        return str(count)


def scene(folder: Path, record: Record) -> Any:
    """Plotly figure: surfaces of the Patterson map on the left, atoms on the right.

    Raises InputError where the map is gone, damaged or no Patterson map.
    """
    from plotly.graph_objects import Figure
    from plotly.subplots import make_subplots

    path = file_of(folder, record["map"])
    values = read_cell_map(path).values
    if min(values.shape) < LEAST_SIDE or not np.isfinite(values).all():
        raise InputError(f"{path}: no Patterson map that can be drawn; predict again with --force")
    figure: Figure = make_subplots(
        1, 2, specs=[[{"type": "scene"}] * 2], subplot_titles=("Patterson map", "atoms")
    )
    figure.add_trace(_surfaces(values), 1, 1)
    figure.add_trace(_atoms(np.array(record.get("positions_voxel") or [], float).reshape(-1, 3)), 1, 2)
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
