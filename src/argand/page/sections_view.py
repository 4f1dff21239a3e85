"""Views of maps of a cell, Patterson maps and densities, as sections across one of its axes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from argand.errors import InputError
from argand.page.packed_density import MAX_VOXELS, coarser
from argand.page.view import packed, view
from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.harker_section import HarkerSection
from argand.typing import Matrix3

_SYMMETRIC = 0.01
"""Of the largest value: the most by which a map with an inversion centre at its origin may differ from its
inverse. By hand, for maps that were rounded."""


@dataclass(frozen=True)
class SectionMark:
    """A place in a map with a label: a peak or an atom, at a height of the map."""

    label: str
    frac: Sequence[float]
    height: float


@dataclass(frozen=True)
class SectionMap:
    """A map whose sections are drawn.

    `values` [x, y, z] are on a grid over the whole cell, index 0 at the origin; the rows of `lattice` are a,
    b and c, in `length_unit`.
    """

    values: np.ndarray
    lattice: Matrix3
    top: float
    """Height that is drawn in full colour, and of which contours are fractions."""
    centred: bool = True
    """Whether the origin is drawn in the middle, as of a Patterson map; else in a corner."""
    reach: tuple[int, int, int] | None = None
    """Points on either side of the origin that are drawn, with coordinates in points; None: the whole cell,
    with coordinates in fractions of it."""
    letters: str = "uvw"
    length_unit: str = "Å"
    heights: tuple[str, float, int] = ("height", 1.0, 2)
    """What heights are called, in which unit; the factor to that unit, and decimals."""
    marks: Sequence[SectionMark] = ()
    symmetry: Group | None = None
    """Symmetry of the map, by which marks are repeated."""
    harker: Sequence[HarkerSection] = ()
    group: str | None = None
    """Marks follow the item of this group, the first being number 1."""
    levels: int = 1023
    """Steps from the least to the largest value. By hand: finer than the width of a contour line."""
    start: tuple[int, float] = (2, 0.0)
    """Axis across which the first section lies, and its height."""


def sections_view(
    drawn: SectionMap, label: str, caption: str = "", *, height: int = 440, name: str = "section"
) -> str:
    """The element of a view of sections through a map.

    `label` (plain text) says what it shows, `caption` (HTML) stands under it, `height` is that of the drawing
    in px, `name` that of saved pictures. Raises InputError for values that are no map.
    """
    return view("sections", _packed_map(drawn) | {"name": name}, label, caption, height)


def _packed_map(drawn: SectionMap) -> dict[str, Any]:
    values = np.asarray(drawn.values, np.float64)
    if values.ndim != 3 or min(values.shape) < 2 or not np.isfinite(values).all():
        raise InputError("not a map of finite values in three directions")
    told = {
        "lattice": np.asarray(drawn.lattice, float).round(6).tolist(),
        "top": float(drawn.top) or 1.0,
        "sigma": float(values.std()),
        "centred": drawn.centred,
        "letters": list(drawn.letters),
        "unit": drawn.length_unit,
        "heights": list(drawn.heights),
        "marks": [[one.label, *map(float, one.frac), float(one.height)] for one in drawn.marks],
        "harker": [_told_section(one) for one in drawn.harker],
        "group": drawn.group,
        "start": list(drawn.start),
        "operations": _told_operations(drawn.symmetry),
    }
    if drawn.reach is None:
        half = drawn.centred and _is_centrosymmetric(values)
        small = coarser(values, 2 * MAX_VOXELS if half else MAX_VOXELS)
        kept = small[: small.shape[0] // 2 + 1] if half else small
        told |= {"size": small.shape, "half": half, "points": small.shape}
        return told | {"low": [-0.5] * 3 if drawn.centred else [0.0] * 3} | _packed_values(kept, drawn.levels)
    near = _about_origin(values, drawn.reach)
    half = _is_centrosymmetric(near)
    kept = near[: drawn.reach[0] + 1] if half else near
    told |= {"size": near.shape, "half": half, "points": [1, 1, 1], "low": [-one for one in drawn.reach]}
    return told | _packed_values(kept, drawn.levels)


def _packed_values(values: np.ndarray, levels: int) -> dict[str, Any]:
    """Whole numbers, as differences along z, which pack better: value = lowest + step * number."""
    lowest = float(values.min())
    step = (float(values.max()) - lowest) / levels or 1.0
    whole = np.rint((values - lowest) / step).astype(np.int16)
    return {"values": packed(np.diff(whole, axis=2, prepend=np.int16(0))), "lowest": lowest, "step": step}


def _about_origin(values: np.ndarray, reach: tuple[int, int, int]) -> np.ndarray:
    """The part within `reach` points of the origin, which is at index 0; others wrap round."""
    for axis, far in enumerate(reach):
        values = np.take(values, [*range(far + 1), *range(-far, 0)], axis=axis)
    return values


def _is_centrosymmetric(values: np.ndarray) -> bool:
    inverse = np.roll(np.flip(values), 1, (0, 1, 2))
    return bool(np.abs(values - inverse).max() <= _SYMMETRIC * np.abs(values).max())


def _told_section(section: HarkerSection) -> dict[str, Any]:
    equations = [[*row, float(value)] for row, value in section.equations]
    return {"operators": list(section.operators), "words": section.words, "equations": equations}


def _told_operations(group: Group | None) -> list[list[float]]:
    """Rotation and translation of each operator; of the identity alone without a group."""
    if group is None:
        return [[1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]]
    pairs = zip(group.rotations, group.translations, strict=True)
    return [[*rotation.ravel().tolist(), *translation.tolist()] for rotation, translation in pairs]
