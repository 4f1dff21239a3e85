"""Hydrogen positions from the geometry of the parent atom, as the riding groups of SHELXL."""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from argand.typing import Points3, Vector3


class Shape(NamedTuple):
    """SHELXL's AFIX number, the ratio of U of hydrogen to that of its parent, and bond lengths in Å."""

    afix: int
    u_ratio: float
    lengths: dict[str, float]


class Kind(Enum):
    """Riding groups with SHELXL's idealised bonds for room temperature (its manual, HFIX)."""

    TERTIARY = Shape(13, 1.2, {"C": 0.98, "N": 0.91})
    SECONDARY = Shape(23, 1.2, {"C": 0.97, "N": 0.90})
    PLANAR = Shape(43, 1.2, {"C": 0.93, "N": 0.86})
    TERMINAL = Shape(93, 1.2, {"C": 0.93, "N": 0.86})
    METHYL = Shape(137, 1.5, {"C": 0.96, "N": 0.89})
    STAGGERED = Shape(33, 1.5, {"C": 0.96, "N": 0.89})
    LINEAR = Shape(163, 1.2, {"C": 0.93})
    HYDROXYL = Shape(147, 1.5, {"O": 0.82})

    def length(self, element: str) -> float:
        """Bond from hydrogen to its parent in Å."""
        return self.value.lengths[element]


@dataclass(frozen=True)
class Candidate:
    """A possible group: index of the parent, kind, and unit vectors to each hydrogen, for each trial torsion.

    `directions` is [torsions, hydrogens, 3]; kinds that cannot rotate have one torsion.
    """

    parent: int
    kind: Kind
    directions: Float[np.ndarray, "torsions n 3"]


_TETRAHEDRAL = np.arccos(-1 / 3)
"""Angle between the corners of a tetrahedron seen from its centre, in radians: cos is -1/3."""
_SECONDARY_ANGLE = np.radians(108.0)
"""H-X-H of XH2 between two neighbours. SHELXL's lies between 107 and 109 degrees, depending on the opposite
angle."""
_TORSION_STEPS = 36
"""Number of trial torsions in a full turn, 10 degrees apart. Set by hand: hydrogen moves 0.15 Å per step."""


def tertiary(bonds: Points3) -> Float[np.ndarray, "1 1 3"]:
    """Opposite to three neighbours. `bonds` [3, 3] point from the parent to its neighbours, as below."""
    return _unit(-_unit(bonds).sum(0))[None, None]


def planar(bonds: Points3) -> Float[np.ndarray, "1 1 3"]:
    """In the plane of two neighbours, bisecting the outer angle; with one neighbour, in line with it."""
    return _unit(-_unit(bonds).sum(0))[None, None]


def secondary(bonds: Points3) -> Float[np.ndarray, "1 2 3"]:
    """Two, in the plane bisecting the angle of two neighbours, above and below the neighbours' plane."""
    first, second = _unit(bonds)
    away, normal = _unit(-first - second), _unit(np.cross(first, second))
    half = _SECONDARY_ANGLE / 2
    return np.array([[away * np.cos(half) + sign * normal * np.sin(half) for sign in (1, -1)]])


def terminal(bond: Vector3, beyond: Points3) -> Float[np.ndarray, "1 2 3"]:
    """Two at 120 degrees in the plane of the neighbour's own neighbours; `beyond` points from it to them."""
    axis, aside = _frame(bond, beyond)[:2]
    away = np.sqrt(3) / 2
    return np.array([[axis / 2 + aside * away, axis / 2 - aside * away]])


def turning(bond: Vector3, beyond: Points3, count: int) -> Float[np.ndarray, "torsions hydrogens 3"]:
    """`count` (3 of CH3, 1 of OH) at the tetrahedral angle, at torsions covering one symmetry period.

    The first is staggered: the torsions to the neighbour's nearest other neighbour are 60, 180 and 300
    degrees for three, 180 for one.
    """
    axis, aside, across = _frame(bond, beyond)
    steps = _TORSION_STEPS // count
    turns = np.pi + 2 * np.pi * (np.arange(steps)[:, None] / steps + np.arange(count)) / count
    circle = np.cos(turns)[..., None] * aside + np.sin(turns)[..., None] * across
    return -np.cos(_TETRAHEDRAL) * axis + np.sin(_TETRAHEDRAL) * circle


def _frame(bond: Vector3, beyond: Points3) -> tuple[Vector3, Vector3, Vector3]:
    """Axis away from the neighbour, the side of the neighbour's first other neighbour, and their cross
    product."""
    axis = _unit(-bond)
    reference = beyond[0] if len(beyond) else np.eye(3)[int(np.abs(axis).argmin())]
    aside = reference - (reference @ axis) * axis
    if np.linalg.norm(aside) < 1e-3 * np.linalg.norm(reference):
        # Linear, as in acetonitrile: any side will do.
        aside = np.cross(axis, np.eye(3)[int(np.abs(axis).argmin())])
    aside = _unit(aside)
    return axis, aside, np.cross(axis, aside)


def _unit(vectors: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
