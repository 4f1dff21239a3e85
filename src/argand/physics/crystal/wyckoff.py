"""Wyckoff positions of the space groups: points, lines and planes with site symmetry.

Derived from the operations of a group. Every set of fixed points is `{x : M x = c mod 1}` with primitive
integer rows M; one of each class under the group is a Wyckoff position. Letters are spglib's.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from itertools import combinations, product
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from argand.typing import Matrix3, Points3

GROUPS = 230
"""Space group types in three dimensions."""
_PARTS = 24
"""All points without free coordinates lie on 24ths of the cell in spglib's settings: thirds, quarters and
eighths do (International Tables, volume A)."""
_SMALL = np.array(list(product((0, 1, -1, 2, -2), repeat=3)))
"""Integer vectors, which include the normals and axes of crystals."""
_BY_SIZE = _SMALL[np.lexsort([*(_SMALL.T < 0), np.abs(_SMALL).sum(1)])]
"""The same vectors, shortest first, then those with fewest minus signs."""
GENERIC = np.array([0.1234567, 0.3141593, 0.4297317])
"""Coordinates of a general position; set by hand."""


@dataclass(frozen=True)
class Operations:
    """Rotations [n, 3, 3] and translations [n, 3] of a group in the standard setting, including centring."""

    rotations: Int[np.ndarray, "n 3 3"]
    translations: Float[np.ndarray, "n 3"]

    @property
    def centrings(self) -> int:
        """Lattice points of the conventional cell."""
        return int((self.rotations == np.eye(3, dtype=int)).all((1, 2)).sum())

    def images(self, point: Float[np.ndarray, "3"]) -> Points3:
        """Images of a point under all operations, one per row, not wrapped."""
        return self.rotations @ point + self.translations


@dataclass(frozen=True)
class Position:
    """One representative of a Wyckoff position: `origin` + `axes` u, with u in [0, 1) for its points.

    `axes` is [3, freedom]; `readout` [freedom, 3] gives u of a point, and only its points satisfy `normals` x
    = `offsets` mod 1. `multiplicity` counts the sites in the conventional cell.
    """

    multiplicity: int
    normals: Int[np.ndarray, "fixed 3"]
    offsets: Float[np.ndarray, " fixed"]

    @property
    def freedom(self) -> int:
        """Number of free coordinates."""
        return 3 - len(self.normals)

    @cached_property
    def readout(self) -> Int[np.ndarray, "freedom 3"]:
        """Integer rows that complete `normals` to a matrix of determinant 1 or -1."""
        return _completion(self.normals)

    @property
    def axes(self) -> Int[np.ndarray, "3 freedom"]:
        """Directions of the free coordinates."""
        return self._basis[:, len(self.normals) :]

    @property
    def origin(self) -> Float[np.ndarray, "3"]:
        """The point at u = 0."""
        return self._basis[:, : len(self.normals)] @ self.offsets

    @cached_property
    def _basis(self) -> Int[np.ndarray, "3 3"]:
        both = np.concatenate([self.normals, self.readout])
        return np.rint(np.linalg.inv(both)).astype(int)

    def point(self, free: np.ndarray) -> Float[np.ndarray, "3"]:
        """The point with these free coordinates."""
        return self.origin + self.axes @ np.asarray(free, float).reshape(self.freedom)

    def holds(self, points: Points3, tolerance: float = 1e-3) -> np.ndarray:
        """Which points [n, 3] lie on this representative, within a fraction of the cell."""
        apart = points @ self.normals.T - self.offsets
        return np.all(np.abs(apart - np.round(apart)) < tolerance, axis=1)


@cache
def hall_numbers() -> dict[int, int]:
    """spglib's Hall number of the standard setting of each group: the first of its settings."""
    import spglib

    found: dict[int, int] = {}
    for number in range(1, 531):
        setting = spglib.get_spacegroup_type(number)
        assert setting is not None
        found.setdefault(setting.number, number)
    return found


@cache
def operations(group: int) -> Operations:
    """Operations of a space group, 1 to 230, in spglib's standard setting."""
    import spglib

    found = spglib.get_symmetry_from_database(hall_numbers()[group])
    assert found is not None
    return Operations(found["rotations"].astype(int), found["translations"].astype(float))


@cache
def primitive_vectors(group: int) -> Matrix3:
    """Short vectors of the primitive cell (rows) in terms of the conventional one."""
    ops = operations(group)
    pure = (ops.rotations == np.eye(3, dtype=int)).all((1, 2))
    vectors = (ops.translations[pure][:, None] + np.array(list(product((-1, 0, 1), repeat=3)))).reshape(-1, 3)
    vectors = vectors[np.argsort((vectors**2).sum(1), kind="stable")][1:]
    for rows in combinations(range(len(vectors)), 3):
        chosen = vectors[list(rows)]
        if abs(np.linalg.det(chosen) - 1 / ops.centrings) < 1e-6:
            return chosen
    raise AssertionError(f"group {group} has no primitive cell")


def derived_positions(group: int) -> list[Position]:
    """All Wyckoff positions of a group, lowest multiplicity first, without letters."""
    ops = operations(group)
    found: dict[tuple[Any, ...], Position] = {}
    for point in [*_special_points(ops), *_points_on_loci(ops), GENERIC]:
        key, position = classified(ops, point)
        found.setdefault(key, position)
    return [found[key] for key in sorted(found, key=lambda key: (found[key].multiplicity, key))]


def classified(ops: Operations, point: Float[np.ndarray, "3"]) -> tuple[tuple[Any, ...], Position]:
    """A key shared by all points of a Wyckoff position, and its representative: the first by that key."""
    apart = ops.images(point) - point
    fixing = (np.abs(apart - np.round(apart)) < 1e-5).all(1)
    normals = _normals(ops.rotations[fixing])
    keys = {}
    for rotation, image in zip(ops.rotations, ops.images(point), strict=True):
        turned = _canonical(normals @ np.rint(np.linalg.inv(rotation)).astype(int))
        steps = np.rint(turned @ image * _PARTS).astype(int) % _PARTS
        keys[(turned.tobytes(), steps.tobytes())] = (turned, steps)
    turned, steps = min(keys.values(), key=lambda one: _simplicity(*one))
    position = Position(len(ops.rotations) // int(fixing.sum()), turned, steps / _PARTS)
    return (3 - len(turned), tuple(steps.tolist()), tuple(turned.ravel().tolist())), position


def _simplicity(normals: np.ndarray, steps: np.ndarray) -> tuple[Any, ...]:
    """Sort key: smallest for the smallest offsets, then the simplest normals."""
    size = np.abs(normals).sum()
    return steps.sum(), size, (normals < 0).sum(), steps.tolist(), normals.tolist()


def _normals(rotations: np.ndarray) -> Int[np.ndarray, "fixed 3"]:
    """Canonical basis of the integer rows m for which the site symmetry fixes m x."""
    rows = (rotations - np.eye(3, dtype=int)).reshape(-1, 3)
    return _canonical(rows[np.abs(rows).sum(1) > 0])


def _canonical(rows: np.ndarray) -> Int[np.ndarray, "fixed 3"]:
    """A basis of all integer vectors in the span of the rows, depending only on that span."""
    rank = np.linalg.matrix_rank(rows) if len(rows) else 0
    if rank == 0:
        return np.zeros((0, 3), int)
    if rank == 3:
        return np.eye(3, dtype=int)
    if rank == 1:
        return _primitive(rows[0])[None]
    first = rows[0]
    other = next(row for row in rows if np.cross(first, row).any())
    axis = _primitive(np.cross(first, other))
    inside = _BY_SIZE[(_BY_SIZE @ axis == 0) & (np.abs(_BY_SIZE).sum(1) > 0)]
    for number, one in enumerate(inside):
        for two in inside[:number]:
            if abs(np.cross(two, one)).tolist() == abs(axis).tolist():
                return np.stack([_primitive(two), _primitive(one)])
    raise AssertionError(f"no basis of the plane across {axis}")


def _primitive(row: np.ndarray) -> np.ndarray:
    """The row without a common factor, its first non-zero number positive."""
    row = row // np.gcd.reduce(row)
    return row * np.sign(row[np.flatnonzero(row)[0]])


def _completion(normals: np.ndarray) -> Int[np.ndarray, "freedom 3"]:
    """Unit rows that complete the rows to a basis of all integer vectors."""
    units = np.eye(3, dtype=int)
    for mask in product((0, 1), repeat=3):
        chosen = units[np.flatnonzero(mask)]
        both = np.concatenate([normals, chosen])
        if len(both) == 3 and abs(round(np.linalg.det(both))) == 1:
            return chosen
    raise AssertionError(f"no unit vectors complete {normals.tolist()}")


def _special_points(ops: Operations) -> list[np.ndarray]:
    """One of each class of points without free coordinates."""
    grid = np.array(list(product(range(_PARTS), repeat=3)), np.int16)
    shift = np.rint(ops.translations * _PARTS).astype(np.int16)
    count, trace = np.zeros(len(grid), int), np.zeros(len(grid), int)
    images = []
    for rotation, move in zip(ops.rotations.astype(np.int16), shift, strict=True):
        image = (grid @ rotation.T + move) % _PARTS
        fixed = (image == grid).all(1)
        count += fixed
        trace += fixed * int(np.trace(rotation))
        images.append(image)
    # The mean trace of the site-symmetry rotations is the number of free coordinates.
    left = trace == 0
    number = np.array([_PARTS * _PARTS, _PARTS, 1])
    chosen = []
    for row in np.flatnonzero(left):
        if left[row]:
            chosen.append(grid[row] / _PARTS)
            for image in images:
                left[int(image[row] @ number)] = False
    return chosen


def _points_on_loci(ops: Operations) -> list[np.ndarray]:
    """Generic points of the axes and mirror planes of single operations."""
    found = {}
    steps = np.array(list(product((-1, 0, 1, 2), repeat=3)))
    for rotation, move in zip(ops.rotations, ops.translations, strict=True):
        freedom = rotation - np.eye(3)
        rank = np.linalg.matrix_rank(freedom)
        if rank in (0, 3):
            continue
        right = -(move + steps)
        start = right @ np.linalg.pinv(freedom).T
        solved = np.abs(start @ freedom.T - right).max(1) < 1e-6
        free = np.eye(3) - np.linalg.pinv(freedom) @ freedom
        normals = _canonical(np.rint(freedom).astype(int)[np.abs(freedom).sum(1) > 0])
        for point in start[solved]:
            key = (normals.tobytes(), (np.rint(normals @ point * _PARTS).astype(int) % _PARTS).tobytes())
            if key not in found:
                found[key] = point + free @ GENERIC
    return list(found.values())
