"""The cell and origin in which a crystal best overlaps a given one.

The criterion is smooth: the overlap of low-order coefficients plus a merit of the cell. Its maxima are found
on a grid of origins, for all cells, and refined by Newton's method.
"""

from collections.abc import Callable
from functools import cache
from itertools import product

import numpy as np
from jaxtyping import Complex, Float, Int

from argand.physics.crystal.reciprocal import Indices, half_box, wave_sums, waves
from argand.physics.crystal.structure import Structure, reduced_lattice, wrapped
from argand.typing import Matrix3, Vector3

HIGHEST = 3
"""Index up to which settings are compared: rough places decide, not details. By hand; of 2, 3 and 4 it
changes fewest settings of 200 distorted cells of the pool."""
FIT = 0.3
"""Weight of a perfect overlap relative to the merits of cells. Set by hand."""
_TAPER = 0.1
"""Coefficients weigh exp(-0.1 h²). Set by hand: 0.4 at the highest index along an axis."""
_GRID = 16
"""Grid points along each axis for trial origins. Set by hand: more than twice the periods of the
coefficients, so that a point is near each maximum."""
_NEAR = 0.8
"""Fraction of the highest grid value above which maxima are refined. Set by hand: half a step off a maximum
along every axis, a wave of the highest index has lost a fifth."""
_MOST_REFINED = 64
"""Largest number of maxima refined, highest first. Set by hand: only symmetric crystals have more, and those
are equivalent."""
_NEWTON_STEPS = 12
"""Set by hand: from a grid point, half as many reach rounding error."""
_MISFIT = 1.0
"""Penalty for a strain of 1 between two cells. Set by hand: the weight of three perfect overlaps."""
_ABOUT_AS_LIKE = 0.1
"""Largest difference in merit from the most similar cell. Set by hand: a strain of 0.2."""

Values = Callable[[Indices], Complex[np.ndarray, "hkl channel"]]
"""Coefficients of a crystal at any indices."""
Changes = Int[np.ndarray, "cell 3 3"]
"""Cells as integer matrices M of determinant 1: their vectors are M times those of a first cell."""


def low_indices() -> Indices:
    """The indices at which settings are compared: half of a box."""
    return half_box(np.full(3, HIGHEST))


def values_of(structure: Structure, weights: Float[np.ndarray, "atom channel"]) -> Values:
    """Coefficients of atoms with the given weights."""

    def values(hkl: Indices) -> Complex[np.ndarray, "hkl channel"]:
        return np.stack([wave_sums(hkl, structure.frac_coords, column) for column in weights.T], 1)

    return values


def aligned(first: Structure, second: Structure, weights: Callable[[Structure], np.ndarray]) -> Structure:
    """The second crystal in the cell and origin in which it best overlaps the first.

    `weights` gives the weights of a structure's atoms, [atom, channel]; cells with a large strain relative to
    the first are not tried. The transformation preserves the hand.
    """
    ends = [weights(one) for one in (first, second)]
    ends = [one / np.sqrt((one**2).sum()) for one in ends]
    hkl, values = low_indices(), values_of(second, ends[1])
    changes, merits = similar_cells(first.lattice, second.lattice)
    chosen, shift = nearest_fit(values_of(first, ends[0])(hkl), hkl, values, changes, merits)
    return changed(second, changes[chosen], shift)


def nearest_fit(
    target: Complex[np.ndarray, "hkl channel"],
    hkl: Indices,
    values: Values,
    changes: Changes,
    merits: Float[np.ndarray, " cell"],
) -> tuple[int, Vector3]:
    """The same as `best_fit`, with the least Σ t(h) |F₀(h) − F(h)|² in place of the highest overlap.

    So a crystal is closest to itself, whatever coefficients a cell brings within the box of indices.
    """
    taper = np.exp(-_TAPER * (hkl**2).sum(1))
    strength = (np.abs(_in_cells(hkl, values, changes)) ** 2).sum(2) @ taper / taper.sum()
    return best_fit(target, hkl, values, changes, merits - 0.5 * FIT * strength)


def changed(structure: Structure, change: Int[np.ndarray, "3 3"], shift: Vector3) -> Structure:
    """The same crystal in the cell of vectors M times its own, all atoms moved by a fraction of that cell."""
    places = structure.frac_coords @ whole_inverse(change) + shift
    return Structure(change @ structure.lattice, structure.species, wrapped(places))


def whole_inverse(change: Int[np.ndarray, "3 3"]) -> Int[np.ndarray, "3 3"]:
    """The inverse of an integer matrix of determinant 1 or -1."""
    return np.rint(np.linalg.inv(change)).astype(int)


def best_fit(
    target: Complex[np.ndarray, "hkl channel"],
    hkl: Indices,
    values: Values,
    changes: Changes,
    merits: Float[np.ndarray, " cell"],
) -> tuple[int, Vector3]:
    """The change of cell, and subsequent shift, that best overlaps a crystal with a target.

    The maximised score is the cell's merit plus 0.3 times the overlap Σ t(h) Re F₀(h) F(h)* with t(h) =
    exp(-0.1 h²), relative to Σ t(h). `target` are coefficients at `hkl`, those of `low_indices`; `values`
    those of the crystal in the cell to which `changes` apply. Shifts are fractions of the new cell.
    """
    taper = np.exp(-_TAPER * (hkl**2).sum(1))
    found = _in_cells(hkl, values, changes)
    overlap = taper * np.einsum("hc,khc->kh", target, np.conj(found)) * (FIT / taper.sum())
    grid = _maps(hkl, overlap)
    highest = grid.max((1, 2, 3))
    # A maximum between grid points exceeds the grid value, but by no more than this.
    able = np.flatnonzero(merits + highest / _NEAR >= (merits + highest).max())
    which, starts = _maxima(grid[able], merits[able])
    which = able[which]
    shifts, fits = _climbed(hkl, overlap[which], starts)
    best = int(np.argmax(merits[which] + fits))
    return int(which[best]), shifts[best]


def _in_cells(hkl: Indices, values: Values, changes: Changes) -> Complex[np.ndarray, "cell hkl channel"]:
    """Coefficients at the same indices of all cells."""
    # h·(x M⁻¹) = (h M⁻ᵀ)·x: these are coefficients of the first cell at other indices, many of them repeated.
    moved = np.stack([hkl @ whole_inverse(change).T for change in changes])
    return _at(moved.reshape(-1, 3), values).reshape(*moved.shape[:2], -1)


def _at(hkl: Indices, values: Values) -> Complex[np.ndarray, "hkl channel"]:
    """Coefficients at indices, many of them repeated."""
    low = hkl.min(0)
    sizes = hkl.max(0) - low + 1
    flat = np.ravel_multi_index(tuple((hkl - low).T), tuple(sizes))
    unique, back = np.unique(flat, return_inverse=True)
    indices = np.stack(np.unravel_index(unique, tuple(sizes)), 1) + low
    return values(indices)[back]


def _maps(hkl: Indices, overlap: Complex[np.ndarray, "cell hkl"]) -> Float[np.ndarray, "cell n n n"]:
    """Overlaps at all shifts of the grid."""
    volume = np.zeros((len(overlap), _GRID, _GRID, _GRID), complex)
    volume[:, hkl[:, 0] % _GRID, hkl[:, 1] % _GRID, hkl[:, 2] % _GRID] = overlap
    return np.fft.fftn(volume, axes=(1, 2, 3)).real


def _maxima(
    grid: Float[np.ndarray, "cell n n n"], merits: Float[np.ndarray, " cell"]
) -> tuple[Int[np.ndarray, " peak"], Float[np.ndarray, "peak 3"]]:
    """Cells and shifts of the grid maxima that may be the highest between grid points."""
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
    """Newton ascent from each shift; along the gradient where the curvature is not that of a maximum."""
    turn = -2j * np.pi * hkl
    pairs = turn[:, :, None] * turn[:, None, :]

    def at(places: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        wave = overlap * np.conj(waves(hkl, places)).T
        return wave.sum(1).real, (wave @ turn).real, np.einsum("ph,hij->pij", wave, pairs).real

    value, slope, curvature = at(shifts)
    damping = np.zeros(len(shifts))
    for _ in range(_NEWTON_STEPS):
        bend, axes = np.linalg.eigh(curvature)
        # Absolute curvatures are used, so that every step leads uphill.
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


def similar_cells(first: Matrix3, second: Matrix3) -> tuple[Changes, Float[np.ndarray, " cell"]]:
    """Cells of the second lattice similar to the first, and their merits; a perfect cell would have 0.

    The strain between two is the root of the squared elements of ½ (G₁⁻½ G₂ G₁⁻½ − 1), for metrics scaled to
    equal volume.
    """
    reduced, back = right_handed_reduced(first)
    other, change = right_handed_reduced(second)
    tried = unimodular()
    metric = reduced @ reduced.T
    size, vectors = np.linalg.eigh(metric)
    root = vectors / np.sqrt(size) @ vectors.T
    scale = (abs(np.linalg.det(reduced)) / abs(np.linalg.det(other))) ** (1 / 3)
    vectors = scale * root @ tried @ other
    inner = vectors @ vectors.transpose(0, 2, 1)
    merits = -0.5 * _MISFIT * np.sqrt(((inner - np.eye(3)) ** 2).sum((1, 2)))
    kept = merits >= merits.max() - _ABOUT_AS_LIKE
    return whole_inverse(back) @ tried[kept] @ change, merits[kept]


def right_handed_reduced(lattice: Matrix3) -> tuple[Matrix3, Int[np.ndarray, "3 3"]]:
    """A reduced cell of the same hand as the lattice, and an integer matrix M: reduced = M lattice."""
    reduced, change = reduced_lattice(lattice)
    change = np.rint(change).astype(int)
    return (reduced, change) if np.linalg.det(change) > 0 else (-reduced, -change)


@cache
def unimodular() -> Changes:
    """All changes of cell of determinant 1 with elements -1, 0, 1: in a reduced cell, all short ones."""
    rows = np.array(list(product((-1, 0, 1), repeat=3)))
    triples = rows[np.array(list(product(range(len(rows)), repeat=3)))]
    return triples[np.rint(np.linalg.det(triples)) == 1]
