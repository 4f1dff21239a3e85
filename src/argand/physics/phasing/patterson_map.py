"""The Patterson map of measured intensities: interatomic vectors, its peaks, and the Harker sections."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Float, Int

from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.dual_space import Expansion
from argand.physics.phasing.fourier import Grid, Map
from argand.physics.phasing.peak import PeakFinder, between_points
from argand.typing import Matrix3, Miller, Vector3

_HARKER_TOLERANCE = 0.3
"""Å from a Harker section within which a peak lies on it, and from the origin within which it is not a peak.

Set by hand: less than a step of 0.4 Å between grid points. It affects only the table of peaks, not models.
"""


@dataclass(frozen=True)
class VectorPeak:
    """A maximum of the Patterson map: fractional position, length in Å, height, Harker sections it lies
    on."""

    frac: tuple[float, float, float]
    length: float
    height: float
    harker: tuple[str, ...]


def patterson_group(group: Group) -> Group:
    """The symmetry of a group's Patterson map: rotations and centrings with the inversion added."""
    unique = {rotation.tobytes(): rotation for rotation in (*group.rotations, *-group.rotations)}
    rotations = np.array(list(unique.values()))
    # A Patterson map retains only the rotations of the operators, and the centring translations.
    count = len(group.centrings)
    return Group(
        f"Patterson of {group.name}",
        np.repeat(rotations, count, axis=0),
        np.tile(group.centrings, (len(rotations), 1)),
        group.centrings,
    )


def vector_map(hkl: Miller, coefficients: Float[np.ndarray, " n"], grid: Grid) -> Map:
    """Σ c(h) cos 2πh·u over the full sphere, divided by Σ|c| so that peaks are at most 1.

    `coefficients` of unique reflections are F² for the plain map, E² - 1 for a sharpened one without origin
    peak.
    """
    expanded = Expansion(hkl, grid)
    values = np.where(expanded.measured, coefficients[expanded.source], 0.0).astype(np.complex64)
    density = grid.density(values) * np.float32(np.prod(grid.shape))
    return density / np.float32(max(float((grid.weight * np.abs(values)).sum()), 1e-20))


def vector_peaks(density: Map, grid: Grid, count: int = 50) -> list[VectorPeak]:
    """The highest maxima of a Patterson map in its asymmetric unit, without the origin peak, highest first.

    `density` as from `vector_map`; lengths in Å, heights relative to the origin peak.
    """
    finder = PeakFinder(Grid(grid.symmetry, patterson_group(grid.symmetry), *_frame(grid)))
    points = finder.find(density, count)[:count]
    frac, heights = between_points(density, points)
    peaks = []
    for place, height in zip(frac, heights, strict=True):
        place = place - np.rint(place)
        length = float(np.linalg.norm(grid.orthogonalisation @ place))
        if length > _HARKER_TOLERANCE:
            harker = harker_sections(place, grid.symmetry, grid.orthogonalisation)
            x, y, z = (float(value) for value in place)
            peaks.append(VectorPeak((x, y, z), length, float(height), harker))
    return sorted(peaks, key=lambda peak: -peak.height)


def harker_sections(place: Vector3, group: Group, orthogonalisation: Matrix3) -> tuple[str, ...]:
    """The operators, as triplets, for which `place` could be the vector between an atom and its image.

    The vectors (R - I) x + t of an operator fill a plane or a line; a vector lies on it if its component
    along the invariant directions of R equals that of t, up to lattice vectors. The inversion, which allows
    any vector, is left out.
    """
    found = []
    for rotation, translation in zip(group.rotations, group.translations, strict=True):
        keeps = _kept_directions(rotation)
        if (rotation == np.eye(3)).all() or np.abs(keeps).max() < 1e-6:
            continue
        # Vectors are within ±1/2 and translations in [0, 1), so that lattice vectors from -1 on suffice.
        off = place - translation - np.array(list(product((-1, 0, 1, 2), repeat=3)))
        distance = np.linalg.norm(off @ keeps.T @ orthogonalisation.T, axis=1).min()
        if distance < _HARKER_TOLERANCE:
            found.append(triplet(rotation, translation))
    return tuple(found)


def _kept_directions(rotation: Int[np.ndarray, "3 3"]) -> Matrix3:
    """Projector onto the invariant vectors of a rotation: the mean of its powers."""
    power, total, order = np.eye(3, dtype=int), np.zeros((3, 3)), 0
    while order == 0 or not (power == np.eye(3)).all():
        total, order = total + power, order + 1
        power = power @ rotation
    return total / order


def triplet(rotation: Int[np.ndarray, "3 3"], translation: Vector3) -> str:
    """An operator as `-x,y+1/2,-z`."""
    import gemmi

    op = gemmi.Op("x,y,z")
    op.rot = (np.asarray(rotation) * 24).astype(int).tolist()
    op.tran = np.rint(np.asarray(translation) * 24).astype(int).tolist()
    return op.triplet()


def _frame(grid: Grid) -> tuple[Matrix3, float, float]:
    return grid.orthogonalisation, grid.d_min, grid.spacing
