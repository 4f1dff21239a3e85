"""Point atoms of equal weight from a few low-order Fourier coefficients, phases included.

Peaks of the residual are added as atoms and all positions refined (matching pursuit with Newton steps:
Mamandipoor et al., IEEE Trans. Signal Process. 64, 5066, 2016); the residual then shows which atom is wrong,
and that atom is moved to a residual peak. The number of atoms is known, so a misfit of zero ends the search.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Complex, Float
from scipy.fft import irfftn, next_fast_len
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from argand.physics.crystal.reciprocal import Indices, Places, single_waves, wave_sums, waves
from argand.physics.crystal.structure import reduced_lattice
from argand.typing import Matrix3

PEAK_SHARE = 0.7
"""Peaks above this fraction of the highest are added together.

Set by hand, for speed; only overall results are benchmarked (`benchmarks/crystals.py`,
`benchmarks/crystals_others.py`).
"""
CONVERGED = 1e-6
"""Misfit, relative to that of random atoms, reached only by the true positions.

Set by hand: far above the rounding of single precision (1e-14), far below that of one wrong atom among N,
about 2/N; where it is reached, all atoms are correct (`benchmarks/crystals.py`).
"""
_OVERSAMPLING = 1.6
"""Grid points of the map along an axis relative to the minimum for all coefficients.

Set by hand: a maximum is then within a sixth of the shortest period of a grid point along an axis. Only
overall results are benchmarked (`benchmarks/crystals.py`, `benchmarks/crystals_others.py`).
"""
_TAPER = 1.0
"""Exponent of the map's taper at the highest |h|: coefficients there weigh 1/e of those at 0.

Set by hand: ripples beside peaks are reduced, peaks widen slightly. Only overall results are benchmarked
(`benchmarks/crystals.py`, `benchmarks/crystals_others.py`).
"""
_NOISE_PEAK, _NOISE_MISFIT, _PATIENCE = 5.0, 0.05, 4
"""Limits by which noise is told from a wrong atom: restarts then end.

With no residual peak above so many standard deviations, and a misfit below this, so many restarts without
gain show that noise is left: it has peaks of 3 to 4.5, a wrong atom of 7 to 12 (measured on 40 crystals; no
command is kept for it). `benchmarks/crystals.py` measures vectors with noise. """
_FROM_BEST, _MORE_LEAVING, _CHANCE = 0.7, 1.2, 0.15
"""Fraction of restarts that begin with the best atoms; scale of how many leave beyond one; what chance adds.

Set by hand, for speed; only overall results are benchmarked (`benchmarks/crystals.py`,
`benchmarks/crystals_others.py`).
"""
_APART, _WRONG = 0.6, -0.4
"""In large cells, least distance in Å between atoms added together; all atoms of less support are removed
together.

Set by hand: less than half of a bond. Only overall results are benchmarked (`benchmarks/crystals.py`,
`benchmarks/crystals_others.py`).
"""
_DIRECT, _CG_STEPS, _CG_GAIN = 40, 30, 1e-4
"""Atoms up to which normal equations are solved directly; beyond, steps and gain of conjugate gradients.

Set by hand, for speed; only overall results are benchmarked (`benchmarks/crystals.py`,
`benchmarks/crystals_others.py`).
"""
_MOST_DAMPED = 1e4
"""Damping relative to the curvature at which steps are negligible and refinement ends; set by hand."""
_STEPS = 4
"""Steps of a refinement between additions of atoms.

Set by hand, for speed; only overall results are benchmarked (`benchmarks/crystals.py`,
`benchmarks/crystals_others.py`).
"""
_FINAL_STEPS = 40
"""Most refinement steps once all atoms are placed; set by hand, a bound on time."""
_REFINED, _ALWAYS_REFINED, _MOST_WAVES = 12, 1000, 6_000_000
"""Bounds on the number of coefficients used to refine positions.

Coefficients per atom, and least total, used for refinement while atoms are added: more do not improve it and
take longer. At the end all are used, up to this many waves (48 MB in single precision). Set by hand, for
speed; only overall results are benchmarked (`benchmarks/crystals.py`, `benchmarks/crystals_others.py`).
"""


@dataclass(frozen=True)
class Found:
    """Positions, and the squared misfit of the coefficients relative to that of random atoms."""

    frac: Places
    misfit: float


class Pursuit:
    """The search for `count` atoms of weight 1 with coefficients `observed` at `hkl`.

    `lattice` has its vectors in Å as rows, `hkl` one of each pair h, -h, `observed` as from `wave_sums`;
    `seconds` of this thread's CPU time.
    """

    def __init__(
        self,
        lattice: Matrix3,
        hkl: Indices,
        observed: Complex[np.ndarray, " hkl"],
        count: int,
        seconds: float = float("inf"),
    ) -> None:
        self._end = time.thread_time() + seconds
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
        self._few = max(_REFINED * count, _ALWAYS_REFINED)
        self._many = max(self._few, _MOST_WAVES // count)
        mixed = np.random.default_rng(0).permutation(len(hkl))
        self._mixed = mixed if len(hkl) > self._few else np.arange(len(hkl))

    @property
    def is_late(self) -> bool:
        """Whether this thread's CPU time is used up."""
        return time.thread_time() > self._end

    def solve(self, tries: int, seed: int = 0) -> Found:
        """The atoms, after at most `tries` restarts; the best places met where none explain all.

        Late, there are no further restarts, and atoms not yet there are put on the highest peaks as they are.
        """
        rng = np.random.default_rng(seed)
        best = self.grow(np.zeros((0, 3)), rng)
        last, idle = best, 0
        for _ in range(tries):
            if self.is_late or best.misfit < CONVERGED or (idle >= _PATIENCE and self._is_noise(best)):
                break
            last = self._repaired(best if rng.random() < _FROM_BEST else last, rng)
            # Set by hand: one per cent of the misfit counts as a gain.
            idle = 0 if last.misfit < 0.99 * best.misfit else idle + 1
            if last.misfit < best.misfit:
                best = last
        return Found(best.frac @ self._change, best.misfit)

    def grow(self, frac: Places, rng: np.random.Generator) -> Found:
        """Add atoms to those given until all are placed, refining in between and at the end."""
        while len(frac) < self.count:
            share = 0.0 if self.is_late else PEAK_SHARE
            peaks = self._peaks(self._residual(frac), self.count - len(frac), share)
            # In fractions of the cell: atoms on symmetric positions have zero gradient and might never leave
            # them.
            jitter = 1e-3 * rng.standard_normal(peaks.shape)
            frac = self.refine(np.concatenate([frac, peaks + jitter]), _STEPS, self._few).frac
        found = self.refine(frac, _FINAL_STEPS, self._many)
        return Found(found.frac, self._misfit(self._residual(found.frac)))

    def _repaired(self, found: Found, rng: np.random.Generator) -> Found:
        """Remove the worst atoms, mostly one or two, and complete the set again."""
        support = self.support(found.frac)
        # By hand: never more than a third of the atoms, which are what makes restarts cheaper than a new
        # start.
        leaving = 1 + min(int(rng.exponential(_MORE_LEAVING)), self.count // 3)
        if self.count > _DIRECT:
            leaving = max(leaving, int((support < _WRONG).sum()))
        order = np.argsort(support + _CHANCE * rng.standard_normal(len(support)))
        return self.grow(found.frac[order[leaving:]], rng)

    def support(self, frac: Places) -> Float[np.ndarray, " atom"]:
        """Residual at each atom: near 0 for a correct atom, negative for a wrong one."""
        rows = self._mixed[: self._many]
        wave = waves(self.hkl[rows], frac)
        tapered = self._taper[rows] * self._residual(frac)[rows] / self._taper[rows].sum()
        return (tapered @ np.conj(wave)).real

    def _is_noise(self, found: Found) -> bool:
        """Whether the residual is as flat as noise."""
        highest = np.abs(self._map(self._residual(found.frac))).max()
        # Each coefficient's error has the mean square misfit · N; the map sums its real part, which has half
        # of it.
        spread = np.sqrt(found.misfit * self.count * (self._taper**2).sum() / 2)
        return found.misfit < _NOISE_MISFIT and bool(highest < _NOISE_PEAK * spread)

    def _residual(self, frac: Places) -> Complex[np.ndarray, " hkl"]:
        if len(frac) <= _DIRECT:
            return self.observed - waves(self.hkl, frac).sum(1)
        return self.observed - wave_sums(self.hkl, frac)

    def peaks(
        self, residual: Complex[np.ndarray, " hkl"], most: int
    ) -> tuple[Places, Float[np.ndarray, " peak"]]:
        """The highest local maxima of the map of the coefficients, in the given cell, and their heights."""
        places, heights = self._maxima(residual)
        return places[:most] @ self._change, heights[:most]

    def _peaks(self, residual: Complex[np.ndarray, " hkl"], most: int, share: float) -> Places:
        """Highest local maxima of the residual map, above PEAK_SHARE of the highest, at least one."""
        places, heights = self._maxima(residual)
        places = places[: most if self.count <= _DIRECT else 4 * most]
        places = places[heights[: len(places)] >= share * heights[0]]
        return places if self.count <= _DIRECT else places[self._apart(places)][:most]

    def _maxima(self, residual: Complex[np.ndarray, " hkl"]) -> tuple[Places, Float[np.ndarray, " peak"]]:
        """All local maxima of the residual map in the reduced cell, highest first, and their heights."""
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
        order = np.argsort(-values)
        return np.stack(np.unravel_index(index[order], size), axis=1) / np.array(size), values[order]

    def _apart(self, places: Places) -> list[int]:
        """Positions in descending order, without those close to an earlier one: an atom can have two
        maxima."""
        kept: list[int] = []
        for number, place in enumerate(places):
            apart = places[kept] - place
            apart -= np.rint(apart)
            if not kept or (((apart @ self._lattice) ** 2).sum(1) > _APART**2).all():
                kept.append(number)
        return kept

    def _map(self, residual: Complex[np.ndarray, " hkl"]) -> Float[np.ndarray, "x y z"]:
        """Σ F exp(-2 pi i h·x) over the sphere, tapered so that a single atom has height 1."""
        n = self._shape
        spectrum = np.zeros((n[0], n[1], n[2] // 2 + 1), complex)
        # Half, as h and -h are both set; conjugate, as the package uses the minus sign for a map and numpy
        # the plus.
        value = 0.5 * self._taper * np.conj(residual)
        for sign, one in ((1, value), (-1, np.conj(value))):
            h, k, l = (sign * self.hkl).T  # noqa: E741  the field's letter
            kept = l >= 0
            spectrum[h[kept], k[kept], l[kept]] = one[kept]
        return np.asarray(irfftn(spectrum, n, norm="forward", overwrite_x=True))

    def refine(self, frac: Places, steps: int, most: int) -> Found:
        """Least-squares positions near those given (Levenberg-Marquardt), on at most `most` coefficients."""
        # Set by hand, like the factors below: less damping after a gain, much more after none.
        damping = 1e-3
        rows = self._mixed[:most]
        hkl, observed = self.hkl[rows], self.observed[rows]
        # The coefficients are in single precision; with few atoms, speed does not matter.
        wave_of = waves if len(frac) <= _DIRECT else single_waves
        wave = wave_of(hkl, frac)
        residual = observed - wave.sum(1)
        misfit = self._misfit(residual)
        shifts = _shifts(hkl, wave, residual)
        for _ in range(steps):
            trial = frac + shifts(damping)
            wave = wave_of(hkl, trial)
            residual = observed - wave.sum(1)
            new = self._misfit(residual)
            if new >= misfit:
                damping *= 10
                if damping > _MOST_DAMPED or self.is_late:
                    break
                continue
            # 1e-14 is rounding; a gain of a thousandth is not worth another step.
            settled = misfit - new < 1e-3 * misfit or new < 1e-14
            frac, misfit, damping = trial, new, max(damping / 8, 1e-9)
            if settled or self.is_late:
                break
            shifts = _shifts(hkl, wave, residual)
        return Found(frac, misfit)

    def _misfit(self, residual: Complex[np.ndarray, " hkl"]) -> float:
        return float(np.vdot(residual, residual).real) / (self.count * len(residual))


def _shifts(hkl: Indices, wave: np.ndarray, residual: np.ndarray) -> Callable[[float], Places]:
    """Shifts of all positions from their normal equations, as a function of the damping."""
    if wave.shape[1] <= _DIRECT:
        return partial(_solved, *_normal(hkl, wave, residual))
    return partial(_iterated, hkl, wave, residual)


def _normal(hkl: Indices, wave: np.ndarray, residual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Normal matrix and right-hand side for the shifts of positions."""
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
    """The same by conjugate gradients, without forming the matrix of many atoms.

    All atoms share the 3 x 3 block on the diagonal, 4 pi² Σ h hᵀ, used as preconditioner.
    """
    h = 2 * np.pi * hkl.astype(float)
    block = h.T @ h
    inverse = np.linalg.inv(block * (1 + damping))

    def forward(step: Places) -> np.ndarray:
        return ((wave @ step.astype(wave.dtype)) * h).sum(1)

    def backward(values: np.ndarray) -> Places:
        return np.real(wave.T @ (np.conj(values)[:, None] * h).astype(wave.dtype)).astype(float)

    # Derivatives are i h exp(2 pi i h·x); the factor i is moved to the residual.
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
