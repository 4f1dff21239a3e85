"""Atoms of a density box by fitting Gaussians to it, or to its linear code.

An atom is added at the highest peak of the residual (orthogonal matching pursuit: Pati et al., Asilomar
1993), then all positions and charges are refined together by damped Gauss-Newton steps (Levenberg- Marquardt;
Mamandipoor et al., IEEE Trans. Signal Process. 64, 5066, 2016), until nothing is left or another atom
explains no more than noise would. So neighbours that merge into one maximum are resolved: positions are not
read from maxima. Positions are in Å from a corner, charges in electrons.
"""

import time
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.ndimage import maximum_filter
from scipy.special import erf

from argand.errors import InputError
from argand.physics.crystal.gaussian_target import CodeTarget, DensityTarget, Target
from argand.physics.crystal.linear_code import Code, LinearCode, Volume
from argand.physics.crystal.structure import MAX_Z
from argand.physics.crystal.voxel_box import PUBLISHED_BOX, Atoms, Box
from argand.typing import Points3

SECONDS = 2.0
"""Computing time per box, after which the current atoms are returned. Set by hand."""
REACH = 2.5
"""Å beyond the box in which atoms are sought: these contribute most. Set by hand."""
_STEP = 0.4
"""Largest spacing in Å of trial positions for an atom; refinement bridges it. Set by hand."""
_LEAST, _MOST, _FLOOR = 0.3, 110.0, 0.6
"""Least and largest charge of an atom during the fit, and the least in the result, in electrons."""
CONVERGED = 1e-5
"""Root of the residual over the total sum of squares at convergence: single precision leaves 1e-6."""
_RIDGE = 1e-11
"""Added to a diagonal of 1, so that the equations of coincident atoms can be solved. Set by hand, above
rounding."""
_STEPS, _FINAL_STEPS = 8, 60
"""Most refinement steps after each new atom, and at the end. Set by hand."""
_NOISE = 0.05
"""Misfit above which atoms are added regardless of their gain: no noise is as large. Set by hand."""
_PEAK_SHARE, _PEAK_WINDOW = 0.7, 5
"""Peaks with at least this fraction of the highest peak's gain are added together; grid points along the side
of the cube in which each is the maximum. Set by hand, for speed."""
_MOST_ATOMS = 0.25
"""Most atoms per fitted number: beyond, the four unknowns per atom outnumber the data."""
_MERGED = 0.6
"""Distance in Å below which two atoms are tried as one: less than any bond. Set by hand."""
_PATIENCE, _LEAVING = 8, 1.5
"""Restarts without gain that end the search, and the scale of how many atoms leave in one beyond the first.
By hand."""
_PEAK = 16.0
"""Sum of squares explained by the best further atom, over the residual per degree of freedom, that noise does
not reach: the largest of some thousand squared normal deviates is about 14."""
_GAIN = 8.0
"""Least gain of an atom: squares explained per parameter (four), over the residual per degree of freedom.

The F statistic for 4 parameters exceeds 6 by chance in less than one case in a thousand; set by hand."""


@dataclass(frozen=True)
class FittedAtoms:
    """Positions in Å, charges in electrons, and their standard deviations estimated from the residual.

    `misfit` is the root of the residual over the total sum of squares.
    """

    places: Points3
    charges: Float[np.ndarray, " atom"]
    place_spread: Float[np.ndarray, " atom"]
    charge_spread: Float[np.ndarray, " atom"]
    misfit: float

    def __len__(self) -> int:
        return len(self.charges)

    def inside(self, box: Box) -> "FittedAtoms":
        """The atoms whose centres are in the box."""
        kept = ((self.places >= 0) & (self.places < box.side)).all(1)
        names = ("places", "charges", "place_spread", "charge_spread")
        return replace(self, **{name: getattr(self, name)[kept] for name in names})

    @property
    def atoms(self) -> Atoms:
        """The atoms as elements with atomic numbers nearest to the charges."""
        return Atoms(self.places, np.clip(np.rint(self.charges), 1, MAX_Z).astype(np.uint8))

    @property
    def probability(self) -> Float[np.ndarray, " atom"]:
        """Probability that the nearest integer is the atomic number, for normal errors."""
        off = self.charges - np.clip(np.rint(self.charges), 1, MAX_Z)
        width = np.sqrt(2.0) * np.maximum(self.charge_spread, 1e-9)
        return 0.5 * (erf((0.5 - off) / width) + erf((0.5 + off) / width))


def fit_atoms(density: Volume, box: Box = PUBLISHED_BOX, seconds: float = SECONDS) -> FittedAtoms:
    """Atoms of a density in e/Å³; InputError for a box of another shape, non-finite values or an empty
    density."""
    return _Pursuit(DensityTarget(box, density), seconds).solve()


def fit_code(code: LinearCode, numbers: Code, seconds: float = SECONDS) -> FittedAtoms:
    """Atoms of a linear code, fitted directly; InputError for an invalid code."""
    return _Pursuit(CodeTarget(code, numbers), seconds).solve()


@dataclass(frozen=True)
class _Trial:
    """Positions, charges, and the residual sum of squares."""

    places: Points3
    charges: Float[np.ndarray, " atom"]
    left: float


class _Pursuit:
    """The search on one target, limited in seconds of this thread's CPU time."""

    def __init__(self, target: Target, seconds: float) -> None:
        self._end = time.thread_time() + seconds
        self.target = target
        box = target.box
        points = int(np.ceil((box.side + 2 * REACH) / min(_STEP, box.sigma / 2))) + 1
        self._axis = np.linspace(-REACH, box.side + REACH, points)
        self._low, self._high = -REACH, box.side + REACH
        if not target.total > 0:
            raise InputError("the density is empty; there are no atoms to find")
        self._profiles, self._norms = target.on_grid(self._axis)

    def solve(self) -> FittedAtoms:
        """Atoms added from scratch, then improved by partial restarts as long as that helps."""
        rng = np.random.default_rng(0)
        best = self.pruned(self.grown(_Trial(np.zeros((0, 3)), np.zeros(0), self.target.total)))
        idle = 0
        while not self.is_done(best) and idle < _PATIENCE and not self.is_noise(best):
            trial = self.pruned(self.grown(self.without_some(best, rng)))
            idle = idle + 1 if self.score(trial) >= self.score(best) else 0
            best = min(best, trial, key=self.score)
        return self._told(best)

    @property
    def is_late(self) -> bool:
        """Whether this thread's CPU time is used up."""
        return time.thread_time() > self._end

    def misfit(self, trial: _Trial) -> float:
        """Root of the residual over the total sum of squares."""
        return float(np.sqrt(trial.left / self.target.total))

    def is_done(self, trial: _Trial) -> bool:
        """Whether the fit has converged or time is up."""
        return self.misfit(trial) < CONVERGED or self.is_late

    def is_noise(self, trial: _Trial) -> bool:
        """Whether no peak of the residual exceeds the noise."""
        free = max(self.target.count - 4 * len(trial.charges), 1)
        return self.misfit(trial) < _NOISE and float(self._gains(trial)[0].max()) < _PEAK * trial.left / free

    def score(self, trial: _Trial) -> float:
        """Negative log-likelihood of the data given these atoms, with a penalty for more atoms."""
        left = max(trial.left, self.target.total * CONVERGED**2)
        return 0.5 * self.target.count * float(np.log(left)) + 0.5 * _GAIN * 4 * len(trial.charges)

    def grown(self, trial: _Trial) -> _Trial:
        """Add atoms at the highest peaks, refining all after each addition, until only noise is left."""
        most = int(self.target.count * _MOST_ATOMS)
        while len(trial.charges) < most and not self.is_done(trial):
            places, charges = self._peaks(trial, most - len(trial.charges))
            if not len(charges):
                break
            more = np.concatenate([trial.places, places]), np.append(trial.charges, charges)
            new = self.kept(self.refine(*more, _STEPS), 1.01 * _LEAST)
            if self.misfit(new) < _NOISE and self.score(new) >= self.score(trial):
                break
            trial = new
        return self.kept(self.refine(trial.places, trial.charges, _FINAL_STEPS), _FLOOR)

    def kept(self, trial: _Trial, least: float) -> _Trial:
        """The atoms of at least `least` electrons, refined again if any were removed."""
        kept = trial.charges > least
        if kept.all():
            return trial
        return self.refine(trial.places[kept], trial.charges[kept], _FINAL_STEPS)

    def pruned(self, trial: _Trial) -> _Trial:
        """Merge pairs closer than any bond into one atom if that explains as much."""
        while len(trial.charges) > 1 and not self.is_late:
            apart = np.linalg.norm(trial.places[:, None] - trial.places, axis=-1)
            apart[np.tril_indices_from(apart)] = np.inf
            i, j = np.unravel_index(int(apart.argmin()), apart.shape)
            if apart[i, j] > _MERGED:
                break
            pair = [int(i), int(j)]
            charge = trial.charges[pair]
            middle = (trial.places[pair] * charge[:, None]).sum(0) / charge.sum()
            places = np.concatenate([np.delete(trial.places, pair, 0), middle[None]])
            merged = self.refine(
                places, np.append(np.delete(trial.charges, pair), charge.sum()), _FINAL_STEPS
            )
            if self.score(merged) > self.score(trial):
                break
            trial = merged
        return trial

    def without_some(self, trial: _Trial, rng: np.random.Generator) -> _Trial:
        """The atoms without a few neighbouring ones, since wrong atoms compensate for each other."""
        if len(trial.charges) < 2:
            return trial
        centre = trial.places[rng.integers(len(trial.charges))]
        near = np.argsort(((trial.places - centre) ** 2).sum(1))
        gone = near[: 1 + min(int(rng.exponential(_LEAVING)), len(near) // 2)]
        return self.refine(np.delete(trial.places, gone, 0), np.delete(trial.charges, gone), 0)

    def _peaks(self, trial: _Trial, most: int) -> tuple[Points3, np.ndarray]:
        """Positions where further atoms explain most, and their charges."""
        gain, charges = self._gains(trial)
        is_top = (
            (gain == maximum_filter(gain, _PEAK_WINDOW)) & (gain >= _PEAK_SHARE * gain.max()) & (gain > 0)
        )
        index = np.argwhere(is_top)
        index = index[np.argsort(-gain[is_top])[:most]]
        return self._axis[index], charges[tuple(index.T)]

    def _gains(self, trial: _Trial) -> tuple[Float[np.ndarray, "x y z"], Float[np.ndarray, "x y z"]]:
        """Sum of squares that an atom at each grid point would explain, and its charge."""
        along = self.target.along(self._profiles, trial.places, trial.charges)
        charges = np.clip(along / self._norms, _LEAST, _MOST)
        return charges * (2 * along - charges * self._norms), charges

    def refine(self, places: Points3, charges: np.ndarray, steps: int) -> _Trial:
        """Least-squares positions and charges near those given, and the residual sum of squares."""
        if not len(charges):
            return _Trial(places, charges, self.target.total)
        damping = 1e-3
        normal, slope, left = self.target.normal(places, charges)
        for _ in range(steps):
            shift = _solved(normal, slope, damping)
            new_places = np.clip(places + shift[:, :3], self._low, self._high)
            new_charges = np.clip(charges + shift[:, 3], _LEAST, _MOST)
            now = self.target.normal(new_places, new_charges)
            if now[2] >= left:
                damping *= 8
                if damping > 1e5:
                    break
                continue
            settled = left - now[2] < 1e-4 * left and damping < 1e-2
            places, charges = new_places, new_charges
            normal, slope, left = now
            damping = max(damping / 6, 1e-12)
            if settled or self.is_late:
                break
        return _Trial(places, charges, left)

    def _told(self, trial: _Trial) -> FittedAtoms:
        places, charges, left = trial.places, trial.charges, trial.left
        if not len(charges):
            raise InputError("no part of the density resembles an atom")
        normal, _, _ = self.target.normal(places, charges)
        free = max(self.target.count - 4 * len(charges), 1)
        # Single-precision rounding is always present.
        variance = left / free + self.target.total * 1e-14
        root = np.sqrt(np.diag(normal))
        scaled = normal / (root[:, None] * root)
        scaled[np.diag_indices_from(scaled)] += _RIDGE
        inverse = np.maximum(np.diag(np.linalg.inv(scaled)), 0.0)
        spread = (np.sqrt(variance * inverse) / root).reshape(-1, 4)
        place = np.sqrt((spread[:, :3] ** 2).mean(1))
        return FittedAtoms(places, charges, place, spread[:, 3], float(np.sqrt(left / self.target.total)))


def _solved(normal: np.ndarray, slope: np.ndarray, damping: float) -> Float[np.ndarray, "atom 4"]:
    """Shifts from the damped normal equations."""
    diagonal = np.diag(normal)
    # Scaled to a diagonal of 1, so that Å and electrons are comparable.
    root = np.sqrt(np.maximum(diagonal, 1e-12 * diagonal.max()))
    matrix = normal / (root[:, None] * root)
    matrix[np.diag_indices_from(matrix)] += damping + _RIDGE
    try:
        step = cho_solve(cho_factor(matrix, check_finite=False), slope / root, check_finite=False)
    except LinAlgError:
        step = slope / root / (1 + damping)
    return (step / root).reshape(-1, 4)
