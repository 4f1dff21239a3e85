"""Least-squares refinement of isotropic atoms against measured intensities."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Complex, Float, Int

from argand.physics.crystal.atom import Atoms, Radiation, atom_sizes, structure_factors
from argand.physics.crystal.symmetry import Group, index_key, inverse_d_squared
from argand.typing import Matrix3, Miller

U_RANGE = (0.002, 0.4)
"""Least and largest refined U in Å².

Set by hand: the first is below that of cooled crystals, the second reduces a form factor at 1 Å by exp(-8).
"""
_LARGEST_MOVE = 0.15
"""Largest shift along an axis per cycle in Å; set by hand, a tenth of a bond, so that steps cannot
diverge."""
_LARGEST_U_STEP = 0.03
"""Largest change of U per cycle in Å²; set by hand, about `model_building.START_U`, so that steps cannot
diverge."""
_ENOUGH = 8
"""Reflections per parameter used in a cycle; of more, a regular part is skipped for speed. Set by hand, the
least ratio required by journals; only overall results are benchmarked (`benchmarks/patterson_solver.py`)."""
_OUTLYING = 4.0
"""Robust standard deviations at which a reflection's weight is halved.

Set by hand: hardly any normal error is as large; only overall results are benchmarked
(`benchmarks/patterson_solver.py`).
"""


@dataclass(frozen=True)
class Observed:
    """Unique reflections to refine against: indices, F² and its sigma on any scale, and the crystal."""

    hkl: Miller
    intensity: Float[np.ndarray, " n"]
    sigma: Float[np.ndarray, " n"]
    group: Group
    orthogonalisation: Matrix3
    radiation: Radiation = "xray"

    @property
    def strong(self) -> Bool[np.ndarray, " n"]:
        """F > 4 σ(F), that is F² > 2 σ(F²)."""
        return self.intensity > 2 * self.sigma

    @cached_property
    def multiplicity(self) -> Float[np.ndarray, " n"]:
        """Number of reflections of the full sphere that each represents, including Friedel mates."""
        keys = index_key(self.group.equivalents(self.hkl))
        keys = np.sort(np.concatenate([keys, index_key(-self.group.equivalents(self.hkl))]), axis=0)
        return 1.0 + (np.diff(keys, axis=0) != 0).sum(0)

    def part(self, chosen: Bool[np.ndarray, " n"] | Int[np.ndarray, " m"]) -> "Observed":
        """The chosen reflections."""
        values = self.hkl[chosen], self.intensity[chosen], self.sigma[chosen]
        return replace(self, hkl=values[0], intensity=values[1], sigma=values[2])

    @property
    def d_min(self) -> float:
        """Resolution in Å."""
        return float(1 / np.sqrt(inverse_d_squared(self.hkl, self.orthogonalisation).max()))


@dataclass(frozen=True)
class RefinedModel:
    """Atoms, the scale of F_c to F_o, F_c of each reflection, and R1 of the strong and of all reflections."""

    atoms: Atoms
    scale: float
    calculated: Complex[np.ndarray, " n"]
    r1: float
    r1_all: float


def evaluate(atoms: Atoms, data: Observed) -> RefinedModel:
    """R1 = Σ ||F_o| - k|F_c|| / Σ |F_o| at the best scale k, over F > 4 σ(F) as in SHELXL, and over all."""
    calculated = structure_factors(atoms, data.hkl, data.group, data.orthogonalisation, data.radiation)
    return _measured(atoms, data, calculated)


def refine(
    atoms: Atoms, data: Observed, cycles: int = 4, common_u: bool = False, tether: float = 0.0
) -> RefinedModel:
    """Gauss-Newton on F² with SHELXL's weights; shifts forbidden by a special position are left out.

    With `common_u` all atoms share the change of U. A `tether` in Å restrains positions to the start of each
    cycle, as needed for small data sets. Weights: 1/(σ² + (0.1 P)²), P = (max(F_o², 0) + 2 F_c²) / 3.

    Runs all `cycles` without a convergence test: the caller bounds the time.
    """
    whole, every = data, len(data.hkl) // (_ENOUGH * (3 * len(atoms) + (1 if common_u else len(atoms)) + 1))
    if every > 1:
        # Sorted by resolution, so that each part covers the full range.
        order = np.argsort(inverse_d_squared(data.hkl, data.orthogonalisation), kind="stable")
        parts = [whole.part(order[first::every]) for first in range(every)]
    for cycle in range(cycles):
        data = parts[cycle % every] if every > 1 else whole
        calculated, slopes = _intensity_slopes(atoms, data)
        scale = _scale(np.abs(calculated), data)
        fitted = scale**2 * np.abs(calculated) ** 2
        mean = (np.maximum(data.intensity, 0) + 2 * fitted) / 3
        # 0.1 is SHELXL's initial weight; the last term, set by hand, keeps a sigma of 0 from dominating.
        root = 1 / np.sqrt(data.sigma**2 + (0.1 * mean) ** 2 + (1e-4 * data.intensity.max()) ** 2)
        root *= _trust((data.intensity - fitted) * root)
        design = scale**2 * slopes
        if common_u:
            design = np.column_stack([design[:, : 3 * len(atoms)], design[:, 3 * len(atoms) :].sum(1)])
        design = np.column_stack([design, 2 * fitted]) * root[:, None].astype(np.float32)
        step = _solve(design, (data.intensity - fitted) * root, 3 * len(atoms), tether)
        atoms = _moved(atoms, step, data)
    return evaluate(atoms, whole)


def _trust(deviation: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Factors on the square roots of the weights: outlying reflections count less (Cauchy)."""
    # 1.48 times the median of |x| is the standard deviation of a normal distribution.
    usual = 1.48 * float(np.median(np.abs(deviation)))
    return 1 / np.sqrt(1 + (deviation / max(_OUTLYING * usual, 1e-12)) ** 2)


def _solve(
    design: Float[np.ndarray, "n k"], rest: Float[np.ndarray, " n"], positions: int, tether: float
) -> Float[np.ndarray, " k"]:
    """Gauss-Newton step; a small ridge stabilises free origins, special sites and correlated pairs."""
    normal = (design.T @ design).astype(float)
    diagonal = np.diag(normal).copy()
    # Set by hand, not measured: reduces a step by a thousandth where the data determine it.
    ridge = 1e-3 * diagonal + 1e-9 * max(diagonal.max(), 1e-12)
    if tether:
        variance = (rest**2).mean()
        ridge[:positions] += variance / tether**2
    return np.linalg.solve(normal + np.diag(ridge), design.T @ rest)


def _moved(atoms: Atoms, step: Float[np.ndarray, " k"], data: Observed) -> Atoms:
    """Atoms after a step of positions in Å, then U, then the scale."""
    count = len(atoms)
    moves = np.clip(step[: 3 * count].reshape(count, 3), -_LARGEST_MOVE, _LARGEST_MOVE)
    moves = moves @ np.linalg.inv(data.orthogonalisation).T
    # Below 1 beyond rounding: only for atoms on special positions.
    for number in np.flatnonzero(atoms.occupancy < 0.999):
        moves[number] = data.group.site(atoms.frac[number], data.orthogonalisation)[0] @ moves[number]
    change = np.clip(step[3 * count : -1], -_LARGEST_U_STEP, _LARGEST_U_STEP)
    return replace(atoms, frac=atoms.frac + moves, u_iso=np.clip(atoms.u_iso + change, *U_RANGE))


def _intensity_slopes(
    atoms: Atoms, data: Observed
) -> tuple[Complex[np.ndarray, " n"], Float[np.ndarray, "n k"]]:
    """F_c, and the derivatives of |F_c|²: with respect to each atom's x, y, z in Å, atom by atom, then each
    U."""
    rotations, translations, centred = data.group.generating
    inverse = np.linalg.inv(data.orthogonalisation)
    factor = data.group.lattice_factor(data.hkl)[:, None] * (2 if centred else 1)
    size = (atom_sizes(atoms, data.hkl, data.orthogonalisation, data.radiation) * factor).astype(np.float32)
    images = np.einsum("ni,oij->onj", data.hkl, rotations)
    turns = 2 * np.pi * (data.hkl @ translations.T).T[:, :, None]
    angles = (2 * np.pi * (images @ atoms.frac.T) + turns).astype(np.float32)
    sine, cosine = np.sin(angles), np.cos(angles)
    real = cosine.sum(0) * size
    first = real.sum(1)[:, None]
    if centred:
        turned, total, radial = -first * sine * size, first[:, 0] + 0j, first * real
    else:
        imaginary = sine.sum(0) * size
        second = imaginary.sum(1)[:, None]
        turned = (second * cosine - first * sine) * size
        total, radial = (first + 1j * second)[:, 0], first * real + second * imaginary
    slopes = np.empty((len(data.hkl), 4 * len(atoms)), np.float32)
    by_place = np.einsum("ona,onx->nax", turned, (images @ inverse).astype(np.float32), optimize=True)
    # d|F|²/dx = 2 Re(F* dF/dx) with dF/dx = 2πi h F_j.
    slopes[:, : 3 * len(atoms)] = 4 * np.pi * by_place.reshape(len(data.hkl), -1)
    squared = inverse_d_squared(data.hkl, data.orthogonalisation)[:, None]
    # d/dU of exp(-8π² U sin²θ/λ²), where sin²θ/λ² = 1/(4 d²).
    slopes[:, 3 * len(atoms) :] = 2 * radial * (-2 * np.pi**2 * squared)
    return total.astype(complex), slopes


def _scale(calculated: Float[np.ndarray, " n"], data: Observed) -> float:
    """Scale that fits |F_c| to |F_o| over the strong reflections."""
    observed, strong = np.sqrt(np.clip(data.intensity, 0, None)), data.strong
    # Weak data still need a scale.
    if not strong.any():
        strong = observed >= 0
    return float(observed[strong] @ calculated[strong] / max(calculated[strong] @ calculated[strong], 1e-20))


def _measured(atoms: Atoms, data: Observed, calculated: Complex[np.ndarray, " n"]) -> RefinedModel:
    observed, strong = np.sqrt(np.clip(data.intensity, 0, None)), data.strong
    scale = _scale(np.abs(calculated), data)
    error = np.abs(observed - scale * np.abs(calculated))
    r1 = error[strong].sum() / max(observed[strong].sum(), 1e-12)
    return RefinedModel(atoms, scale, calculated, float(r1), float(error.sum() / max(observed.sum(), 1e-12)))
