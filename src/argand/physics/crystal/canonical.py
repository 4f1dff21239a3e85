"""One setting of a crystal that does not depend on how it was given: smallest cell, order of axes, origin.

Of all right-handed cells of nearly the least edges, and all origins, the setting is taken in which short axes
come first, angles are acute, and atoms lie best on a fixed lopsided template. All three are smooth functions
of the crystal, so that a small distortion does not change the choice, but where two settings are about
equally good; settings that are equally good for a reason are alike by symmetry.
"""

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from jaxtyping import Complex, Float, Int

from argand.physics.crystal.bond import covalent_radii
from argand.physics.crystal.reciprocal import Indices, Places, half_box, wave_sums, waves
from argand.physics.crystal.structure import Structure, reduced_lattice, wrapped
from argand.physics.crystal.supercell import Multiples, folded
from argand.typing import Matrix3, Vector3

_HIGHEST = 3
"""Index up to which settings are compared: rough places decide, not details. By hand."""
_TAPER = 0.1
"""Coefficients weigh exp(-0.1 h²). By hand: at the highest index along an axis 0.4."""
_GRID = 16
"""Points along each axis of the origins that are tried first. By hand: twice as many as the coefficients have
periods and more, so that a point is near each maximum."""
_NEAR = 0.8
"""Share of the highest value on the grid above which its maxima are refined. By hand: off a maximum by half a
step along every axis, a wave of the highest index has lost a fifth."""
_MOST_REFINED = 64
"""Maxima that are refined, highest first. By hand: more are there in symmetric crystals alone, where all of
them are one."""
_NEWTON_STEPS = 12
"""By hand: from a point of the grid half as many reach rounding."""
_LONGER, _ACUTE, _FITTING = 10.0, 0.3, 0.3
"""What edges beyond the least cost (on the sum of squares), what acute angles (sum of cosines) and the
template are worth, beside the logarithm of the longest axis over the shortest. By hand: fits of different
settings differ by a twentieth and more, as axes do of which one is 2 % longer."""
_TEMPLATE = np.array([[0.0, 0.0, 0.0], [0.27, 0.14, 0.06], [0.1, 0.36, 0.19], [0.62, 0.23, 0.45]])
_TEMPLATE_WEIGHTS = np.array([1.0, 0.6, 0.4, 0.3])
"""Places and weights of the template. By hand: no symmetry leaves it as it is, the heaviest is the origin."""


@dataclass(frozen=True)
class Setting:
    """A crystal in its canonical cell, and how it was given: cell vectors M times these, places moved.

    Places of the crystal as given are those of `structure` plus `shift`, in fractions of its cell.
    """

    structure: Structure
    multiples: Multiples
    shift: Vector3


def canonical(structure: Structure) -> Setting:
    """The canonical setting of a crystal; its mirror image has another, but where they are one.

    Supercells are reduced to their smallest cell, as `supercell.folded` finds it.
    """
    smallest = folded(structure)
    cell, multiples = structure, np.eye(3, dtype=int)
    if smallest is not None:
        cell, multiples = smallest.primitive, smallest.multiples
    if np.linalg.det(multiples) < 0:
        cell = Structure(-cell.lattice, cell.species, -cell.frac_coords)
        multiples = -multiples
    changes, merits = _cells(cell.lattice)
    weights = covalent_radii(cell.species.tolist())[:, None]
    hkl = half_box(np.full(3, _HIGHEST))
    target = (waves(hkl, _TEMPLATE) @ _TEMPLATE_WEIGHTS / _TEMPLATE_WEIGHTS.sum())[:, None]
    chosen, shift = best_fit(target, hkl, cell.frac_coords, weights / weights.sum(), changes, merits)
    change = changes[chosen]
    places = cell.frac_coords @ _inverse(change) + shift
    return Setting(
        Structure(change @ cell.lattice, cell.species, wrapped(places)),
        multiples @ _inverse(change),
        wrapped(-shift),
    )


def best_fit(
    target: Complex[np.ndarray, "hkl channel"],
    hkl: Indices,
    frac: Places,
    weights: Float[np.ndarray, "atom channel"],
    changes: Int[np.ndarray, "cell 3 3"],
    merits: Float[np.ndarray, " cell"],
) -> tuple[int, Vector3]:
    """Which change of the cell, and which shift after it, lays atoms best on a target.

    Best is the highest of the cell's merit plus 0.3 of the overlap Σ t(h) Re F₀(h) F(h)* with t(h) =
    exp(-0.1 h²), relative to Σ t(h). `target` are coefficients at indices of a half box up to 3, cells are
    `changes` times that of the places, and shifts are fractions of the new cell.
    """
    taper = np.exp(-_TAPER * (hkl**2).sum(1))
    # h·(x M⁻¹) = (h M⁻ᵀ)·x: coefficients of all cells are coefficients of the first one at other indices.
    moved = np.stack([hkl @ _inverse(change).T for change in changes])
    values = _at(moved.reshape(-1, 3), frac, weights).reshape(*moved.shape[:2], -1)
    overlap = taper * np.einsum("hc,khc->kh", target, np.conj(values)) * (_FITTING / taper.sum())
    grid = _maps(hkl, overlap)
    least = merits + grid.max((1, 2, 3))
    # A maximum between points is higher than the grid says, never by more than this.
    most = merits + grid.max((1, 2, 3)) / _NEAR
    able = np.flatnonzero(most >= least.max())
    which, starts = _maxima(grid[able], merits[able])
    which = able[which]
    shifts, fits = _climbed(hkl, overlap[which], starts)
    best = int(np.argmax(merits[which] + fits))
    return int(which[best]), shifts[best]


def _at(
    hkl: Indices, frac: Places, weights: Float[np.ndarray, "atom channel"]
) -> Complex[np.ndarray, "hkl channel"]:
    """Coefficients at indices of which many are the same."""
    low = hkl.min(0)
    sizes = hkl.max(0) - low + 1
    flat = np.ravel_multi_index(tuple((hkl - low).T), tuple(sizes))
    unique, back = np.unique(flat, return_inverse=True)
    indices = np.stack(np.unravel_index(unique, tuple(sizes)), 1) + low
    return np.stack([wave_sums(indices, frac, column) for column in weights.T], 1)[back]


def _maps(hkl: Indices, overlap: Complex[np.ndarray, "cell hkl"]) -> Float[np.ndarray, "cell n n n"]:
    """Overlaps at all shifts of the grid."""
    volume = np.zeros((len(overlap), _GRID, _GRID, _GRID), complex)
    volume[:, hkl[:, 0] % _GRID, hkl[:, 1] % _GRID, hkl[:, 2] % _GRID] = overlap
    return np.fft.fftn(volume, axes=(1, 2, 3)).real


def _maxima(
    grid: Float[np.ndarray, "cell n n n"], merits: Float[np.ndarray, " cell"]
) -> tuple[Int[np.ndarray, " peak"], Float[np.ndarray, "peak 3"]]:
    """Cells and shifts of those maxima of the grid that may be the highest between its points."""
    top = (merits[:, None, None, None] + grid).max()
    candidate = merits[:, None, None, None] + grid / _NEAR >= top
    for axis in (1, 2, 3):
        for step in (-1, 1):
            candidate &= grid >= np.roll(grid, step, axis)
    found = np.stack(np.nonzero(candidate), 1)
    value = merits[found[:, 0]] + grid[tuple(found.T)]
    found = found[np.argsort(-value, kind="stable")[:_MOST_REFINED]]
    return found[:, 0], found[:, 1:] / _GRID


def _climbed(
    hkl: Indices, overlap: Complex[np.ndarray, "peak hkl"], shifts: Float[np.ndarray, "peak 3"]
) -> tuple[Float[np.ndarray, "peak 3"], Float[np.ndarray, " peak"]]:
    """Newton's method uphill from each shift; where the curvature is none of a maximum, along the slope."""
    turn = -2j * np.pi * hkl
    pairs = turn[:, :, None] * turn[:, None, :]

    def at(places: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        wave = overlap * np.conj(waves(hkl, places)).T
        return wave.sum(1).real, (wave @ turn).real, np.einsum("ph,hij->pij", wave, pairs).real

    value, slope, curvature = at(shifts)
    damping = np.zeros(len(shifts))
    for _ in range(_NEWTON_STEPS):
        bend, axes = np.linalg.eigh(curvature)
        # The size of each curvature stands for it, so that every step leads uphill.
        size = np.maximum(np.abs(bend), 1e-6 * np.abs(bend).max(1, keepdims=True) + 1e-30)
        size += damping[:, None] * np.abs(bend).max(1, keepdims=True)
        step = np.einsum("pij,pj->pi", axes, np.einsum("pji,pj->pi", axes, slope) / size)
        tried = at(shifts + np.clip(step, -0.5 / _GRID, 0.5 / _GRID))
        better = tried[0] >= value
        shifts = np.where(better[:, None], shifts + np.clip(step, -0.5 / _GRID, 0.5 / _GRID), shifts)
        value = np.where(better, tried[0], value)
        slope = np.where(better[:, None], tried[1], slope)
        curvature = np.where(better[:, None, None], tried[2], curvature)
        damping = np.where(better, 0.0, 4 * damping + 0.1)
    return shifts, value


def _cells(lattice: Matrix3) -> tuple[Int[np.ndarray, "cell 3 3"], Float[np.ndarray, " cell"]]:
    """Changes to the cells that may be the canonical one, and their merits."""
    reduced, change = reduced_lattice(lattice)
    change = np.rint(change).astype(int)
    if np.linalg.det(change) < 0:
        reduced, change = -reduced, -change
    tried = _unimodular()
    metric = np.einsum("kia,ab,kjb->kij", tried, reduced @ reduced.T, tried, optimize=True)
    square = np.einsum("kii->ki", metric)
    length = np.sqrt(square)
    total = square.sum(1)
    cosines = sum(metric[:, i, j] / (length[:, i] * length[:, j]) for i, j in ((0, 1), (0, 2), (1, 2)))
    merits = np.log(length[:, 2] / length[:, 0]) + _ACUTE * cosines - _LONGER * (total / total.min() - 1)
    # The fit to the template is worth 0.3 at most, and never less than nothing.
    kept = merits >= merits.max() - _FITTING
    return tried[kept] @ change, merits[kept]


@cache
def _unimodular() -> Int[np.ndarray, "n 3 3"]:
    """All changes of a cell of determinant 1 by numbers -1, 0, 1: in a reduced cell all short ones."""
    rows = np.array(list(product((-1, 0, 1), repeat=3)))
    triples = rows[np.array(list(product(range(len(rows)), repeat=3)))]
    return triples[np.rint(np.linalg.det(triples)) == 1]


def _inverse(change: Int[np.ndarray, "3 3"]) -> Int[np.ndarray, "3 3"]:
    return np.rint(np.linalg.inv(change)).astype(int)
