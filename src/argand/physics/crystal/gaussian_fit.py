"""Atoms of a density box by fitting Gaussians to it, or to the few numbers of its linear code.

An atom at the highest peak of what is left unexplained is added (orthogonal matching pursuit: Pati et al.,
Asilomar 1993), then all places and charges are refined together by damped Gauss-Newton steps (Levenberg-
Marquardt; Mamandipoor et al., IEEE Trans. Signal Process. 64, 5066, 2016), until nothing is left or another
atom explains no more than noise would. So neighbours that merge into one maximum come apart: where atoms
are is not read from maxima. Places are in Å from a corner, charges in electrons.
"""

import time
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.special import erf

from argand.errors import InputError
from argand.physics.crystal.gaussian_target import CodeTarget, DensityTarget, Target
from argand.physics.crystal.linear_code import Code, LinearCode, Volume
from argand.physics.crystal.structure import MAX_Z
from argand.physics.crystal.voxel_box import Atoms, Box
from argand.typing import Points3

SECONDS = 3.0
"""Of computing for a box, beyond which what is there is taken. By hand."""
REACH = 0.5
"""Å beyond the box in which atoms are looked for: those reach in most. By hand."""
_STEP = 0.25
"""Å between the points at which an atom may begin, at most; refinement bridges them. By hand."""
_LEAST, _MOST, _FLOOR = 0.3, 110.0, 0.6
"""Electrons of an atom while it is fitted, and those below which it is none in the end."""
CONVERGED = 1e-5
"""Root of the unexplained over all squares, at which nothing is left: single precision leaves 1e-6."""
_STEPS, _FINAL_STEPS = 8, 60
"""Refinement steps after each new atom, and in the end, at most. By hand."""
_GAIN = 6.0
"""Least gain of an atom: what it explains for each of its four numbers, over what is left for each free one.

The F statistic of 4 numbers is above 6 by chance in less than one of a thousand; by hand."""


@dataclass(frozen=True)
class FittedAtoms:
    """Places in Å, charges in electrons, and their standard deviations by what is left unexplained.

    `misfit` is the root of the unexplained over all squares of what was fitted.
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
        """With the elements whose atomic numbers are nearest to the charges."""
        return Atoms(self.places, np.clip(np.rint(self.charges), 1, MAX_Z).astype(np.uint8))

    @property
    def probability(self) -> Float[np.ndarray, " atom"]:
        """That the charge is the nearest whole number, for normal errors."""
        off = self.charges - np.clip(np.rint(self.charges), 1, MAX_Z)
        width = np.sqrt(2.0) * np.maximum(self.charge_spread, 1e-9)
        return 0.5 * (erf((0.5 - off) / width) + erf((0.5 + off) / width))


def fit_atoms(density: Volume, box: Box = Box(), seconds: float = SECONDS) -> FittedAtoms:
    """Atoms of a density in e/Å³; InputError for another box, for what is not finite or empty."""
    return _Pursuit(DensityTarget(box, density), seconds).solve()


def fit_code(code: LinearCode, numbers: Code, seconds: float = SECONDS) -> FittedAtoms:
    """Atoms of a linear code, without a density between; InputError for what is no code."""
    return _Pursuit(CodeTarget(code, numbers), seconds).solve()


class _Pursuit:
    """The search on one target, for so many seconds of this thread's own time."""

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
        """Atoms added one by one, then refined together."""
        places, charges = np.zeros((0, 3)), np.zeros(0)
        left = self.target.total
        most = (self.target.count - 1) // 4
        while len(charges) < most and time.thread_time() < self._end:
            new_place, new_charge = self._peak(places, charges)
            if new_charge <= 0:
                break
            trial = np.concatenate([places, new_place]), np.append(charges, new_charge)
            trial_places, trial_charges, now = self.refine(*trial, _STEPS)
            kept = trial_charges > _LEAST * 1.01
            if not kept.all():
                trial_places, trial_charges, now = self.refine(trial_places[kept], trial_charges[kept], _STEPS)
            free = max(self.target.count - 4 * len(trial_charges), 1)
            gain = (left - now) / 4 / max(now / free, 1e-300)
            if gain < _GAIN:
                break
            places, charges, left = trial_places, trial_charges, now
            if np.sqrt(left / self.target.total) < CONVERGED:
                break
        kept = charges > _FLOOR
        places, charges, left = self.refine(places[kept], charges[kept], _FINAL_STEPS)
        return self._told(places, charges, left)

    def _peak(self, places: Points3, charges: np.ndarray) -> tuple[Points3, float]:
        """Where one more atom explains most, and its charge."""
        along = self.target.along(self._profiles, places, charges)
        gain = np.maximum(along, 0.0) ** 2 / self._norms
        best = np.unravel_index(int(gain.argmax()), gain.shape)
        charge = float(along[best] / self._norms[best])
        return self._axis[list(best)][None], float(np.clip(charge, 0 if charge <= 0 else _LEAST, _MOST))

    def refine(self, places: Points3, charges: np.ndarray, steps: int) -> tuple[Points3, np.ndarray, float]:
        """Places and charges of least squares near those given, and the squares that they leave."""
        if not len(charges):
            return places, charges, self.target.total
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
            if settled:
                break
        return places, charges, left

    def _told(self, places: Points3, charges: np.ndarray, left: float) -> FittedAtoms:
        if not len(charges):
            raise InputError("nothing in the density could be an atom")
        normal, _, _ = self.target.normal(places, charges)
        free = max(self.target.count - 4 * len(charges), 1)
        # Rounding of single precision is always there.
        variance = left / free + self.target.total * 1e-14
        diagonal = np.diag(normal)
        normal[np.diag_indices_from(normal)] += 1e-12 * diagonal
        spread = np.sqrt(np.maximum(variance * np.diag(np.linalg.pinv(normal, hermitian=True)), 0.0)).reshape(-1, 4)
        place = np.sqrt((spread[:, :3] ** 2).mean(1))
        return FittedAtoms(places, charges, place, spread[:, 3], float(np.sqrt(left / self.target.total)))


def _solved(normal: np.ndarray, slope: np.ndarray, damping: float) -> Float[np.ndarray, "atom 4"]:
    """Shifts by the damped normal equations."""
    diagonal = np.diag(normal)
    # Scaled to a diagonal of 1, so that Å and electrons count alike.
    root = np.sqrt(np.maximum(diagonal, 1e-12 * diagonal.max()))
    matrix = normal / (root[:, None] * root)
    matrix[np.diag_indices_from(matrix)] += damping + 1e-11
    try:
        step = cho_solve(cho_factor(matrix, check_finite=False), slope / root, check_finite=False)
    except LinAlgError:
        step = slope / root / (1 + damping)
    return (step / root).reshape(-1, 4)
