"""An answered map as its page draws it: sections through the Patterson map, and the atoms."""

from pathlib import Path
from typing import Any

import gemmi
import numpy as np

from argand.errors import InputError
from argand.io.cell_map import read_cell_map
from argand.page.sections_view import SectionMap
from argand.page.structure_view import DrawnStructure
from argand.runs.fields import file_of
from argand.runs.record import Record

REACH = 16
"""Points of a map that are drawn on either side of its origin, where its cell is not known. By hand: along an
axis vectors of an inner box of 12 reach 12."""
LEAST_SIDE = 6
"""Of a map that is drawn: within a smaller one all is as near the origin as its own peak."""
ORIGIN_RADIUS = 3.0
"""Points about the origin in which no height counts as the map's highest: its own peak, for radius 1. By
hand."""
CUT = 1.2
"""Times the highest peak beyond the origin: what is higher is cut off. By hand: the origin alone is."""
LEVELS = 127
"""Steps of the heights of a map, of about one per cent of the highest peak. By hand: a page may have hundreds
of maps, of some 10 kB each."""


def drawn_map(folder: Path, record: Record) -> SectionMap:
    """Sections of the map of a record, first the one of its highest peak beyond the origin.

    Coordinates are fractions of the cell where it is known, else points of the grid. Raises InputError where
    the map is gone, damaged or no Patterson map.
    """
    path = file_of(folder, record["map"])
    values = read_cell_map(path).values
    if min(values.shape) < LEAST_SIDE or not np.isfinite(values).all():
        raise InputError(f"{path}: no Patterson map that can be drawn; predict again with --force")
    lattice = known_lattice(record)
    x, y, z = (min(REACH, side // 2 - 1) for side in values.shape)
    reach = (x, y, z) if lattice is None else None
    top, place = _highest(values, reach or values.shape)
    scale = np.ones(3) if lattice is None else np.array(values.shape)
    return SectionMap(
        # The peak of the origin is as high as all others together, and would take most of the levels.
        values=values.clip(max=CUT * top),
        lattice=np.eye(3) if lattice is None else lattice,
        top=top,
        reach=reach,
        length_unit="voxels" if lattice is None else "Å",
        heights=("height, % of the highest,", 100 / top, 0),
        levels=LEVELS,
        # The map has an inversion centre, so that half of the sections show all.
        start=(2, float(abs(place[2]) / scale[2])),
    )


def _highest(values: np.ndarray, reach: tuple[int, ...]) -> tuple[float, np.ndarray]:
    """Height and place, in points, of the highest point within reach and beyond the peak of the origin."""
    steps = [np.rint(np.fft.fftfreq(size, 1 / size)).astype(int) for size in values.shape]
    points = np.stack(np.meshgrid(*steps, indexing="ij"), -1)
    outside = (np.linalg.norm(points, axis=-1) > ORIGIN_RADIUS) & (np.abs(points) <= np.array(reach)).all(-1)
    if not outside.any():
        return float(np.abs(values).max()) or 1.0, np.zeros(3)
    best = np.argmax(np.where(outside, values, -np.inf))
    place = points.reshape(-1, 3)[best]
    height = float(values.ravel()[best])
    return (height if height > 0 else float(np.abs(values).max()) or 1.0), place


def known_lattice(record: Record) -> np.ndarray | None:
    """Rows a, b, c in Å of the cell of a record; None where it is not known.

    Raises InputError for a cell that cannot be.
    """
    if record.get("cell") is None:
        return None
    lattice = np.array(gemmi.UnitCell(*record["cell"]).orth.mat.tolist()).T
    if not np.isfinite(lattice).all() or not abs(np.linalg.det(lattice)) > 1.0:
        raise InputError(f"{record['file']}: no cell that can be drawn; predict again with --force")
    return lattice


def drawn_atoms(record: Record, shape: tuple[int, ...]) -> DrawnStructure:
    """The atoms of a record: in their cell where it is known, else on the points of a grid of this shape."""
    places = np.array(record["positions_voxel"], float).reshape(-1, 3)
    lattice = known_lattice(record)
    names = [str(number) for number in range(1, len(places) + 1)]
    told = [" ".join(f"{value:.2f}" for value in place) for place in places]
    return DrawnStructure(
        elements=_elements(record, len(places)),
        frac=places if lattice is None else places / np.array(shape),
        lattice=lattice,
        labels=names,
        details=[f"atom {name}: {place} voxels" for name, place in zip(names, told, strict=True)],
        trusted=record["trusted"],
    )


def _elements(record: Record, count: int) -> list[str]:
    """Equal atoms of maps without a cell are of no known element."""
    found: list[Any] = record.get("elements") or ["X"] * count
    return [str(one) for one in found]
