"""Conventional cells of lattices with known rotations (International Tables A, 3.1.3)."""

from itertools import product

import numpy as np
from jaxtyping import Int

from argand.typing import Matrix3

SMALL = np.array([index for index in product(range(-4, 5), repeat=3) if any(index)])
"""Lattice vectors searched for axes: indices up to 4 in the reduced cell, set by hand.

Axes of conventional cells have smaller indices there.
"""

Group = tuple[Int[np.ndarray, "3 3"], ...]
Axes = Int[np.ndarray, "3 3"]


def conventional_setting(metric: Matrix3, group: Group) -> tuple[Axes, str] | None:
    """Axes (rows of indices in the primitive cell of `metric`) and centring letter of the conventional cell.

    `group` are the lattice's rotations. Monoclinic lattices have unique axis b, as P or C with the least
    oblique cell; rhombohedral ones have hexagonal axes. None if the group is not that of a lattice.
    """
    order = len(group)
    if order == 1:
        return _same_sense(np.eye(3, dtype=int), metric), "P"
    if order == 2:
        return _monoclinic(metric, _turned_about(metric, group, 2)[0])
    if order in (6, 12):
        return _hexagonal(metric, _turned_about(metric, group, 3)[0])
    if order == 4:
        axes = sorted(_turned_about(metric, group, 2), key=lambda axis: _square(metric, axis))
    elif order == 8:
        fourfold = _turned_about(metric, group, 4)[0]
        across = _shortest_across(metric, fourfold)
        other = next(v for v in across if abs(v @ metric @ across[0]) < 1e-3 * _square(metric, v))
        axes = [across[0], other, fourfold]
    else:
        axes = _turned_about(metric, group, 4)
    if len(axes) != 3:
        return None
    return _centred(np.array(axes), metric)


def _square(metric: Matrix3, vector: np.ndarray) -> float:
    return float(vector @ metric @ vector)


def _same_sense(axes: Axes, metric: Matrix3) -> Axes:
    """The axes made right-handed (assuming those of the metric are)."""
    return axes if np.linalg.det(axes) > 0 else -axes


def _turned_about(metric: Matrix3, group: Group, fold: int) -> list[np.ndarray]:
    """Shortest lattice vectors along the `fold`-fold rotation axes of the group."""
    trace = {2: -1, 3: 0, 4: 1}[fold]
    found: list[np.ndarray] = []
    for op in group:
        if np.trace(op) != trace:
            continue
        along = SMALL[(SMALL @ op.T == SMALL).all(axis=1)]
        if not len(along):
            continue
        axis = min(along, key=lambda v: (round(_square(metric, v), 6), tuple(-v)))
        if not any((np.cross(axis, other) == 0).all() for other in found):
            found.append(axis)
    return found


def _shortest_across(metric: Matrix3, axis: np.ndarray) -> list[np.ndarray]:
    """Lattice vectors perpendicular to an axis, shortest first."""
    size = np.sqrt(np.einsum("ni,ij,nj->n", SMALL, metric, SMALL) * _square(metric, axis))
    flat = SMALL[np.abs(SMALL @ metric @ axis) < 1e-4 * size]
    return sorted(flat, key=lambda v: (round(_square(metric, v), 6), tuple(-v)))


def _monoclinic(metric: Matrix3, axis: np.ndarray) -> tuple[Axes, str] | None:
    across = _shortest_across(metric, axis)
    first = across[0]
    second = next(v for v in across if np.cross(first, v).any())
    # Obtuse beta, as usual.
    if first @ metric @ second > 0:
        second = -second
    index = round(abs(float(np.linalg.det([first, axis, second]))))
    choices = [(first, second)]
    if index == 2:
        # C-centred if the first of the three shortest vectors is half of a + b of the lattice.
        third = -(first + second)
        choices = [(x, y) for x in (first, second, third) for y in (first, second, third) if x is not y]
        choices = [(x, y) for x, y in choices if not np.any((x + axis) % 2)]
    if not choices or index > 2:
        return None

    def oblique(pair: tuple[np.ndarray, np.ndarray]) -> float:
        x, y = pair
        return abs(float(x @ metric @ y)) / np.sqrt(_square(metric, x) * _square(metric, y))

    x, y = min(choices, key=oblique)
    if x @ metric @ y > 1e-9:
        y = -y
    if index == 1 and _square(metric, x) > _square(metric, y):
        x, y = y, x
    axes = np.array([x, axis, y])
    # Reversing b preserves beta.
    axes = axes if np.linalg.det(axes) > 0 else np.array([x, -axis, y])
    return axes, "P" if index == 1 else "C"


def _hexagonal(metric: Matrix3, axis: np.ndarray) -> tuple[Axes, str] | None:
    across = _shortest_across(metric, axis)
    first = across[0]
    size = _square(metric, first)
    # At 120 degrees: a·b = -a²/2.
    second = next((v for v in across if abs(v @ metric @ first + size / 2) < 1e-3 * size), None)
    if second is None:
        return None
    axes = np.array([first, second, axis])
    axes = axes if np.linalg.det(axes) > 0 else np.array([first, second, -axis])
    index = round(float(np.linalg.det(axes)))
    return (axes, {1: "P", 3: "R"}[index]) if index in (1, 3) else None


def _centred(axes: Axes, metric: Matrix3) -> tuple[Axes, str] | None:
    """Right-handed orthogonal axes with their centring; a one-face-centred cell is reoriented to C."""
    index = round(abs(float(np.linalg.det(axes))))
    if index not in (1, 2, 4):
        return None
    if index == 2:
        faces = [i for i in range(3) if not np.any((axes[(i + 1) % 3] + axes[(i + 2) % 3]) % 2)]
        if faces:
            i = faces[0]
            rest = sorted((axes[(i + 1) % 3], axes[(i + 2) % 3]), key=lambda v: _square(metric, v))
            return _same_sense(np.array([*rest, axes[i]]), metric), "C"
    return _same_sense(axes, metric), {1: "P", 2: "I", 4: "F"}[index]
