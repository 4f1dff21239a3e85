"""Point atoms of equal weight from a few low-order Fourier coefficients, phases included.

Peaks of the residual are added as atoms and all places refined (matching pursuit with Newton steps:
Mamandipoor et al., IEEE Trans. Signal Process. 64, 5066, 2016); what is left then shows which atom is
wrong, and it moves to where the residual wants one. The number of atoms is known, so a misfit of zero ends
the search.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Complex, Float
from scipy.fft import irfftn, next_fast_len
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from argand.physics.reciprocal import Indices, Places, waves
from argand.physics.structure import reduced_lattice
from argand.typing import Matrix3

PEAK_SHARE = 0.7
"""Peaks of this share of the highest are added together."""
CONVERGED = 1e-6
"""Misfit, relative to that of atoms at random, that only the true places reach."""
_OVERSAMPLING = 1.6
_TAPER = 1.0
_NOISE_PEAK, _NOISE_MISFIT, _PATIENCE = 5.0, 0.05, 4
"""With no residual peak above so many standard deviations, and a misfit below this, so many repairs without
gain show that noise is left: it has peaks of 3 to 4.5, a wrong atom of 7 to 12 (measured on 40 crystals)."""
_FROM_BEST, _MORE_LEAVING, _CHANCE = 0.7, 1.2, 0.15
"""Share of repairs that begin with the best atoms; scale of how many leave beyond one; what chance adds."""
_DIRECT, _CG_STEPS, _CG_GAIN = 40, 30, 1e-4
"""Atoms up to which normal equations are solved directly; beyond, steps and gain of conjugate gradients."""
_MOST_DAMPED = 1e4
_STEPS = 4
_FINAL_STEPS = 40


@dataclass(frozen=True)
class Found:
    """Places, and the squared misfit of the coefficients relative to that of atoms at random."""

    frac: Places
    misfit: float


class Pursuit:
    """The search for `count` atoms of weight 1 whose coefficients at `hkl` are `observed`."""

    def __init__(
        self, lattice: Matrix3, hkl: Indices, observed: Complex[np.ndarray, " hkl"], count: int
    ) -> None:
        reduced, self._change = reduced_lattice(lattice)
        self._lattice = reduced
        self.hkl = np.rint(hkl @ self._change.T).astype(int)
        self.observed, self.count = observed, count
        bounds = np.abs(self.hkl).max(axis=0)
        sizes = [int(2 * _OVERSAMPLING * b) + 2 for b in bounds]
        self._shape = tuple(int(next_fast_len(size, real=True) or size) for size in sizes)
        lengths = np.linalg.norm(self.hkl @ np.linalg.inv(reduced).T, axis=1)
        taper = np.exp(-_TAPER * (lengths / lengths.max()) ** 2)
        self._taper = taper / taper.sum()
        self._scale = count * len(hkl)

    def solve(self, tries: int, seed: int = 0) -> Found:
        """The atoms, after at most `tries` repairs; the best places met where none explain all."""
        rng = np.random.default_rng(seed)
        best = self.grow(np.zeros((0, 3)), rng)
        last, idle = best, 0
        for _ in range(tries):
            if best.misfit < CONVERGED or (idle >= _PATIENCE and self._is_noise(best)):
                break
            last = self._repaired(best if rng.random() < _FROM_BEST else last, rng)
            idle = 0 if last.misfit < 0.99 * best.misfit else idle + 1
            if last.misfit < best.misfit:
                best = last
        return Found(best.frac @ self._change, best.misfit)

    def grow(self, frac: Places, rng: np.random.Generator) -> Found:
        """Atoms added to those given until all are there, refined in between and in the end."""
        while len(frac) < self.count:
            peaks = self._peaks(self._residual(frac), self.count - len(frac))
            jitter = 1e-3 * rng.standard_normal(peaks.shape)
            frac = self.refine(np.concatenate([frac, peaks + jitter]), _STEPS).frac
        return self.refine(frac, _FINAL_STEPS)

    def _repaired(self, found: Found, rng: np.random.Generator) -> Found:
        """The atoms without the worst ones, mostly one or two, and grown again."""
        support = self.support(found.frac)
        leaving = 1 + min(int(rng.exponential(_MORE_LEAVING)), self.count // 3)
        order = np.argsort(support + _CHANCE * rng.standard_normal(len(support)))
        return self.grow(found.frac[order[leaving:]], rng)

    def support(self, frac: Places) -> Float[np.ndarray, " atom"]:
        """What the residual says at each atom: near 0 where it belongs, negative where it does not."""
        wave = waves(self.hkl, frac)
        return (self._taper @ (np.conj(wave) * (self.observed - wave.sum(1))[:, None])).real

    def _is_noise(self, found: Found) -> bool:
        """Whether the residual is as flat as noise would be."""
        highest = np.abs(self._map(self._residual(found.frac))).max()
        spread = np.sqrt(found.misfit * self.count * (self._taper**2).sum() / 2)
        return found.misfit < _NOISE_MISFIT and bool(highest < _NOISE_PEAK * spread)

    def _residual(self, frac: Places) -> Complex[np.ndarray, " hkl"]:
        return self.observed - waves(self.hkl, frac).sum(1)

    def _peaks(self, residual: Complex[np.ndarray, " hkl"], most: int) -> Places:
        """Highest local maxima of the residual map, at least one."""
        density = self._map(residual)
        padded = np.pad(density, 1, mode="wrap")
        size = density.shape
        highest = np.ones(size, bool)
        for axis in range(3):
            for side in (0, 2):
                window = [slice(1, -1)] * 3
                window[axis] = slice(side, side + size[axis])
                highest &= density >= padded[tuple(window)]
        index = np.flatnonzero(highest)
        values = density.ravel()[index]
        order = np.argsort(-values)[:most]
        order = order[values[order] >= PEAK_SHARE * values[order[0]]]
        return np.stack(np.unravel_index(index[order], size), axis=1) / np.array(size)

    def _map(self, residual: Complex[np.ndarray, " hkl"]) -> Float[np.ndarray, "x y z"]:
        """Σ F exp(-2 pi i h·x) over the sphere, tapered so that an atom alone has the height 1."""
        n = self._shape
        spectrum = np.zeros((n[0], n[1], n[2] // 2 + 1), complex)
        value = 0.5 * self._taper * np.conj(residual)
        for sign, one in ((1, value), (-1, np.conj(value))):
            h, k, l = (sign * self.hkl).T  # noqa: E741  the field's letter
            kept = l >= 0
            spectrum[h[kept], k[kept], l[kept]] = one[kept]
        return np.asarray(irfftn(spectrum, n, norm="forward", overwrite_x=True))

    def refine(self, frac: Places, steps: int) -> Found:
        """Places of least squares near those given (Levenberg-Marquardt)."""
        damping = 1e-3
        wave, residual, misfit = self._at(frac)
        shifts = self._shifts(wave, residual)
        for _ in range(steps):
            trial = frac + shifts(damping)
            wave, residual, new = self._at(trial)
            if new >= misfit:
                damping *= 10
                if damping > _MOST_DAMPED:
                    break
                continue
            settled = misfit - new < 1e-3 * misfit or new < 1e-14
            frac, misfit, damping = trial, new, max(damping / 8, 1e-9)
            if settled:
                break
            shifts = self._shifts(wave, residual)
        return Found(frac, misfit)

    def _at(self, frac: Places) -> tuple[np.ndarray, np.ndarray, float]:
        """Waves, residual and misfit of some places."""
        wave = waves(self.hkl, frac)
        residual = self.observed - wave.sum(1)
        return wave, residual, self._misfit(residual)

    def _shifts(self, wave: np.ndarray, residual: np.ndarray) -> Callable[[float], Places]:
        """Shifts of all places by their normal equations, a function of the damping."""
        if wave.shape[1] <= _DIRECT:
            return partial(_solved, *_normal(self.hkl, wave, residual))
        return partial(_iterated, self.hkl, wave, residual)

    def _misfit(self, residual: Complex[np.ndarray, " hkl"]) -> float:
        return float(np.vdot(residual, residual).real) / self._scale


def _normal(hkl: Indices, wave: np.ndarray, residual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Normal matrix and right-hand side of the places' shifts."""
    slope = (2j * np.pi) * wave[:, :, None] * hkl[:, None, :]
    slope = slope.reshape(len(hkl), -1)
    stacked = np.concatenate([np.real(slope), np.imag(slope)])
    left = np.concatenate([np.real(residual), np.imag(residual)])
    return stacked.T @ stacked, left @ stacked


def _solved(normal: np.ndarray, gradient: np.ndarray, damping: float) -> Places:
    """Solution of the damped normal equations."""
    diagonal = np.diag(normal)
    matrix = normal.copy()
    matrix[np.diag_indices_from(matrix)] += damping * diagonal + 1e-9 * diagonal.mean()
    try:
        step = cho_solve(cho_factor(matrix, check_finite=False), gradient, check_finite=False)
    except LinAlgError:
        step = gradient / diagonal.max()
    return step.reshape(-1, 3)


def _iterated(hkl: Indices, wave: np.ndarray, residual: np.ndarray, damping: float) -> Places:
    """The same by conjugate gradients, which never form the matrix of many atoms.

    All atoms share the 3 x 3 block on the diagonal, 4 pi² Σ h hᵀ, which preconditions.
    """
    h = 2 * np.pi * hkl.astype(float)
    block = h.T @ h
    inverse = np.linalg.inv(block * (1 + damping))

    def forward(step: Places) -> np.ndarray:
        return ((wave @ step.astype(complex)) * h).sum(1)

    def backward(values: np.ndarray) -> Places:
        return (wave.T @ (np.conj(values)[:, None] * h)).real

    # Slopes are i h exp(2 pi i h·x); the factor i is taken over to the residual.
    left = backward(-1j * residual)
    total, ahead = np.zeros_like(left), left @ inverse
    direction, product = ahead, np.vdot(left, ahead)
    first = product
    for _ in range(_CG_STEPS):
        image = backward(forward(direction)) + damping * direction @ block
        share = product / np.vdot(direction, image)
        total, left = total + share * direction, left - share * image
        ahead = left @ inverse
        previous, product = product, np.vdot(left, ahead)
        if product < _CG_GAIN * first:
            break
        direction = ahead + (product / previous) * direction
    return total
