"""Free refinement of the atoms of a placed molecule, restrained to its own distances."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from argand.physics.crystal.atom import form_factors
from argand.physics.crystal.symmetry import inverse_d_squared
from argand.physics.molecule.assembly import Assembly
from argand.physics.molecule.body import neighbour_lists
from argand.physics.phasing.refinement import Observed
from argand.typing import Points3

_SPREADS = (0.02, 0.04, 0.08)
"""Standard deviations in Å of 1,2-distances, 1,3-distances, and 1,4-distances across a rigid bond.

About the differences between force fields and refined structures; set by hand.
"""
_LEAST_ERROR = 0.02
"""Least error of an amplitude relative to the mean one: what isotropic atoms cannot fit. Set by hand."""
_LARGEST_MOVE = 0.2
"""Largest shift of an atom along an axis per cycle in Å; set by hand, so that steps cannot diverge."""
_U_RANGE = (0.005, 0.2)
"""Least and largest common U in Å²; as in `pose_fit`."""


@dataclass(frozen=True)
class Freed:
    """Positions in Å, common U in Å², and Σ (k F_c - F_o)² / Σ F_o²."""

    places: Points3
    u_iso: float
    residual: float


def freed(places: Points3, u_iso: float, assembly: Assembly, data: Observed, cycles: int = 8) -> Freed:
    """The atoms after `cycles` cycles, each free except for restraints to the initial molecular distances.

    Positions in Å, `u_iso` in Å². Data are weighted by the residual error, so that they move atoms as far as
    they fit.
    """
    sizes = _sizes(assembly.elements, data) * assembly.occupancy
    pairs, spreads = _restrained(assembly)
    target = np.linalg.norm(places[pairs[:, 0]] - places[pairs[:, 1]], axis=1)
    amplitude = np.sqrt(np.clip(data.intensity, 0, None))
    amplitude = amplitude / np.sqrt((amplitude**2).mean())
    best = Freed(places, u_iso, _residual(places, u_iso, sizes, data, amplitude))
    current = best
    for _ in range(cycles):
        current = _cycle(current, sizes, data, amplitude, pairs, spreads, target)
        if current.residual < best.residual:
            best = current
    return best


def _sizes(elements: tuple[str, ...], data: Observed) -> Float[np.ndarray, "n atoms"]:
    tables = form_factors(elements, inverse_d_squared(data.hkl, data.orthogonalisation) / 4, data.radiation)
    return np.column_stack([tables[element] for element in elements])


def _restrained(assembly: Assembly) -> tuple[Int[np.ndarray, "m 2"], Float[np.ndarray, " m"]]:
    """Pairs of atoms with a restrained distance, and its standard deviation in Å."""
    lists = neighbour_lists(len(assembly.elements), assembly.bonds)
    free = {tuple(sorted(pair)) for pair in assembly.axes.tolist()}
    found: dict[tuple[int, int], float] = {}
    for first, second in assembly.bonds.tolist():
        if tuple(sorted((first, second))) not in free:
            ends = ((a, b) for a in lists[first] for b in lists[second] if a != b)
            found |= {(min(a, b), max(a, b)): _SPREADS[2] for a, b in ends}
    for neighbours in lists:
        found |= {(min(a, b), max(a, b)): _SPREADS[1] for a in neighbours for b in neighbours if a != b}
    found |= {(min(a, b), max(a, b)): _SPREADS[0] for a, b in assembly.bonds.tolist()}
    return np.array(list(found), int).reshape(-1, 2), np.array(list(found.values()), float)


def _calculated(
    places: Points3, u_iso: float, sizes: np.ndarray, data: Observed
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """F, |F| and the derivatives of |F| with respect to all coordinates in Å."""
    inverse = np.linalg.inv(data.orthogonalisation)
    damped = (
        sizes * np.exp(-2 * np.pi**2 * u_iso * inverse_d_squared(data.hkl, data.orthogonalisation))[:, None]
    )
    factors = np.zeros(len(data.hkl), complex)
    slopes = np.zeros((len(data.hkl), len(places), 3), complex)
    for image, phase in zip(data.group.equivalents(data.hkl), data.group.phases(data.hkl), strict=True):
        rows = image @ inverse
        waves = damped * np.exp(1j * (2 * np.pi * (rows @ places.T) + phase[:, None]))
        factors += waves.sum(1)
        slopes += 2j * np.pi * waves[:, :, None] * rows[:, None]
    size = np.maximum(np.abs(factors), 1e-9)
    by_place = ((np.conj(factors) / size)[:, None, None] * slopes).real
    return factors, size, by_place.reshape(len(factors), -1)


def _residual(
    places: Points3, u_iso: float, sizes: np.ndarray, data: Observed, amplitude: np.ndarray
) -> float:
    return _misfit(_calculated(places, u_iso, sizes, data)[1], amplitude)


def _misfit(size: np.ndarray, amplitude: np.ndarray) -> float:
    return float(1 - (size @ amplitude) ** 2 / ((size @ size) * (amplitude @ amplitude)))


def _cycle(
    now: Freed,
    sizes: np.ndarray,
    data: Observed,
    amplitude: np.ndarray,
    pairs: np.ndarray,
    spreads: np.ndarray,
    target: np.ndarray,
) -> Freed:
    _, size, by_place = _calculated(now.places, now.u_iso, sizes, data)
    scale = float(size @ amplitude / (size @ size))
    rest = amplitude - scale * size
    weight = 1 / max(float(np.sqrt((rest**2).mean())), _LEAST_ERROR)
    by_u = -2 * np.pi**2 * inverse_d_squared(data.hkl, data.orthogonalisation) * size
    design = weight * np.column_stack([scale * by_place, scale * by_u, size])
    held = np.zeros((len(pairs), design.shape[1]))
    apart = now.places[pairs[:, 0]] - now.places[pairs[:, 1]]
    length = np.maximum(np.linalg.norm(apart, axis=1), 1e-6)
    rows = np.arange(len(pairs))
    for axis in range(3):
        held[rows, 3 * pairs[:, 0] + axis] = apart[:, axis] / length / spreads
        held[rows, 3 * pairs[:, 1] + axis] = -apart[:, axis] / length / spreads
    normal = design.T @ design + held.T @ held
    right = design.T @ (weight * rest) + held.T @ ((target - length) / spreads)
    diagonal = np.diag(normal)
    # Set by hand: free origins stay fixed, and a tether of 0.3 Å limits each coordinate.
    ridge = 1e-3 * diagonal + 1e-9 * diagonal.max()
    ridge[: 3 * len(now.places)] += 1 / 0.3**2
    step = np.linalg.solve(normal + np.diag(ridge), right)
    moves = np.clip(step[:-2], -_LARGEST_MOVE, _LARGEST_MOVE).reshape(-1, 3)
    places = now.places + moves
    u_iso = float(np.clip(now.u_iso + np.clip(step[-2], -0.02, 0.02), *_U_RANGE))
    return Freed(places, u_iso, _residual(places, u_iso, sizes, data, amplitude))
