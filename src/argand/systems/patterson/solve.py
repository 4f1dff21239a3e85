"""From measured intensities to atoms: tries from random phases until a model fits, or time is spent.

The truth is nowhere in here: whether a structure is solved is judged by R1 of the model alone.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from argand.physics.fourier import Map
from argand.physics.model import Builder, assembled
from argand.physics.phasing import Amplitudes, Phased, Recipe, Search
from argand.physics.refine import Observed, Refined
from argand.physics.symmetry import inverse_d_squared
from argand.physics.wilson import expected_intensity
from argand.systems.patterson.crystal import Crystal

PATH = "dual-space iteration"
PHASING_D_MIN = 0.8
"""Finer data, in Å, are used in refinement only."""
_CLEAR = 0.16
"""A model of this R1 ends the search at once."""
_COUNT_SPREAD = 0.15
_WORTH_A_LOOK = 0.03
_PATIENCE = 4
"""Tries for a better model after one that is believed."""
_LEAST_SURPLUS = 1.3
_LEAST_FOUND = 0.85


@dataclass(frozen=True)
class Solution:
    """The best model, whether it is to be believed and why, the map of its phases, and what it took."""

    crystal: Crystal
    model: Refined
    density: Map
    solved: bool
    reason: str
    correlation: float
    attempts: int
    seconds: float
    path: str = PATH

    def summary(self) -> dict[str, Any]:
        """Figures in plain values."""
        return {
            "solved": self.solved,
            "reason": self.reason,
            "r1": round(self.model.r1, 4),
            "r1_all": round(self.model.r1_all, 4),
            "n_atoms": len(self.model.atoms),
            "spacegroup": self.crystal.group.name,
            "d_min": round(self.crystal.observed.d_min, 3),
            "path": self.path,
            "attempts": self.attempts,
            "seconds": round(self.seconds, 2),
            "correlation": round(self.correlation, 3),
            "completeness": round(self.crystal.completeness, 3),
            "notes": list(self.crystal.notes),
        }


def largest_r1(d_min: float) -> float:
    """R1 up to which a model of data to d_min Å is believed: fewer data are fitted more easily."""
    return float(np.interp(d_min, [1.2, 1.5, 2.0], [0.25, 0.20, 0.13]))


def verdict(crystal: Crystal, model: Refined) -> tuple[bool, str]:
    """Whether a model is believed, and why: by its R1, and where a formula is known by its completeness."""
    believed = largest_r1(crystal.observed.d_min)
    free = free_parameters(crystal, model)
    if len(crystal.observed.hkl) < _LEAST_SURPLUS * free:
        return False, f"{len(crystal.observed.hkl)} reflections are too few to test {free} parameters"
    if model.r1 > believed:
        return (
            False,
            f"R1 {model.r1:.3f} is above {believed:.2f}, the most for {crystal.observed.d_min:.2f} Å",
        )
    found = float(model.atoms.occupancy.sum())
    if crystal.content and found < _LEAST_FOUND * crystal.atoms:
        return False, f"only {found:.1f} of {crystal.atoms:.1f} atoms found"
    return True, f"R1 {model.r1:.3f} is within {believed:.2f}"


def free_parameters(crystal: Crystal, model: Refined) -> int:
    """Coordinates that the sites leave free, a scale and a U."""
    sites = (crystal.group.site(place, crystal.orthogonalisation) for place in model.atoms.frac)
    return 2 + sum(round(float(np.trace(projector))) for projector, _, _ in sites)


def solve(
    crystal: Crystal,
    time_limit: float = 30.0,
    seed: int = 0,
    recipe: Recipe | None = None,
    watch: Callable[[int, float], None] = lambda attempts, r1: None,
) -> Solution:
    """Try until a model's R1 is clear or `time_limit` seconds are over; `watch` hears of each try."""
    started = time.monotonic()
    recipe = recipe or Recipe()
    search, builder = _prepared(crystal, recipe)
    believed = largest_r1(crystal.observed.d_min)
    best: tuple[Refined, Phased] | None = None
    highest, attempts, since = -1.0, 0, 0
    while best is None or not (
        time.monotonic() - started >= time_limit
        or (
            verdict(crystal, best[0])[0] and (best[0].r1 <= min(_CLEAR, 0.7 * believed) or since >= _PATIENCE)
        )
    ):
        rng = np.random.default_rng([seed, attempts])
        phased = search.attempt(crystal.atoms * rng.uniform(1 - _COUNT_SPREAD, 1 + _COUNT_SPREAD), rng)
        attempts, since = attempts + 1, since + 1
        if best is None or phased.correlation > highest - _WORTH_A_LOOK:
            highest = max(highest, phased.correlation)
            model = builder.first(search.symmetric.weighted(phased.calculated))
            if best is None or model.r1 < best[0].r1 + 0.15:
                model = builder.complete(model)
            if best is None or model.r1 < best[0].r1:
                best, since = (model, phased), 0
        watch(attempts, best[0].r1)
    model, phased = best
    solved, reason = verdict(crystal, model)
    density = builder.observed_density(model)
    model = replace(model, atoms=assembled(model.atoms, crystal.group, crystal.orthogonalisation))
    return Solution(
        crystal, model, density, solved, reason, phased.correlation, attempts, time.monotonic() - started
    )


def _prepared(crystal: Crystal, recipe: Recipe) -> tuple[Search, Builder]:
    """Search and builder of a crystal; phasing leaves out the finest reflections."""
    data = crystal.observed
    squared = inverse_d_squared(data.hkl, data.orthogonalisation)
    coarse = squared <= PHASING_D_MIN**-2
    hkl, intensity = data.hkl[coarse], np.clip(data.intensity[coarse], 0.0, None)
    expected = expected_intensity(hkl, data.intensity[coarse], crystal.group, data.orthogonalisation)
    amplitudes = Amplitudes(hkl, np.sqrt(intensity / expected), np.sqrt(intensity))
    search = Search(amplitudes, crystal.group, data.orthogonalisation, recipe)
    phasing = Observed(hkl, data.intensity[coarse], data.sigma[coarse], data.group, data.orthogonalisation)
    content = crystal.content
    return search, Builder(data, phasing, search.symmetric.grid, content, crystal.atoms)
