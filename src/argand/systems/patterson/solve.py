"""From measured intensities to atoms: tries from random phases until a model fits, or time is spent.

The truth is nowhere in here: whether a structure is solved is judged by R1 of the model alone.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from argand.physics.atom import Atoms, Radiation
from argand.physics.bond import crowded
from argand.physics.fourier import Map
from argand.physics.model import OWN_U_BELOW, Builder, assembled
from argand.physics.phasing import Amplitudes, Recipe, Search, recipe_for
from argand.physics.refine import Refined
from argand.physics.symmetry import inverse_d_squared
from argand.physics.wilson import expected_intensity
from argand.systems.patterson.crystal import Crystal, read_crystal
from argand.systems.patterson.tries import Tries

PATH = "dual-space iteration"
PHASING_D_MIN = 0.84
"""Finer data, in Å, are used in refinement only."""
_CLEAR = 0.16
"""A model of this R1 ends the search at once."""
_WORTH_A_LOOK = 0.03
_HOPE = 0.15
_TIDY = 2.5
"""A misplaced atom has a U of more times the median; such a model is not yet the end."""
_PATIENCE = 4
"""Tries for a better model after one that is believed."""
_LARGEST_R1, _LARGEST_R1_COARSE = 0.25, 0.18
"""Coarse data, which carry no U for each atom, are fitted by wrong models better, and by right ones too."""
_GOOD = 0.7
"""R1 below this share of its limit leaves no doubt."""
_FEWEST = 15
_LEAST_FOUND = 0.85
_MOST_VOLUME = 50.0
_MOST_CROWDED = 0.15
_LEAST_SUPPORT, _MOST_VAGUE = 0.4, 0.35


class Try(NamedTuple):
    """One line of the log: seconds since the start, correlation of the try, best R1 so far."""

    seconds: float
    correlation: float
    r1: float


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
    log: tuple[Try, ...] = ()

    @property
    def atoms(self) -> Atoms:
        """Elements, fractional places, isotropic U in Å², and crystallographic occupancies."""
        return self.model.atoms

    @property
    def r1(self) -> float:
        """R1 of reflections with F² > 2σ(F²)."""
        return self.model.r1

    def summary(self) -> dict[str, Any]:
        """Figures in plain values."""
        return {
            "solved": self.solved,
            "reason": self.reason,
            "r1": round(self.model.r1, 4),
            "r1_all": round(self.model.r1_all, 4),
            "n_atoms": len(self.model.atoms),
            "expected_atoms": round(self.crystal.atoms, 2),
            "reflections": len(self.crystal.observed.hkl),
            "spacegroup": self.crystal.group.name,
            "radiation": self.crystal.observed.radiation,
            "d_min": round(self.crystal.observed.d_min, 3),
            "path": self.path,
            "attempts": self.attempts,
            "seconds": round(self.seconds, 2),
            "correlation": round(self.correlation, 3),
            "completeness": round(self.crystal.completeness, 3),
            "notes": list(self.crystal.notes),
        }


def largest_r1(crystal: Crystal, model: Refined) -> float:
    """R1 up to which a model is believed: few reflections for its parameters are fitted by wrong ones too.

    What a fit of p parameters leaves of n reflections shrinks with 1 - p/n.
    """
    share = 1 - free_parameters(crystal, model) / len(crystal.observed.hkl)
    coarse = crystal.observed.d_min >= OWN_U_BELOW
    return (_LARGEST_R1_COARSE if coarse else _LARGEST_R1) * max(share, 0.0)


def verdict(crystal: Crystal, model: Refined, builder: Builder) -> tuple[bool, str]:
    """Whether a model is believed, and why.

    By its R1, where a formula is known by its completeness, by the distances of its atoms, and where R1 is
    near its limit by whether atoms come back where they are left out: heavy ones alone can make R1 low.
    """
    most = largest_r1(crystal, model)
    if len(crystal.observed.hkl) < _FEWEST:
        return False, f"{len(crystal.observed.hkl)} reflections are too few to tell"
    if model.r1 > most:
        count = f"{len(crystal.observed.hkl)} reflections and {free_parameters(crystal, model)} parameters"
        return False, f"R1 {model.r1:.3f} is above {most:.2f}, the most for {count}"
    found = float(model.atoms.occupancy.sum())
    if crystal.content and found < _LEAST_FOUND * crystal.atoms:
        return False, f"only {found:.1f} of {crystal.atoms:.1f} atoms found"
    space = crystal.volume / max(found * crystal.group.order, 1e-9)
    if not crystal.content and space > _MOST_VOLUME:
        return False, f"{space:.0f} Å³ of the cell for each atom found are more than any crystal has"
    near = crowded(model.atoms, crystal.group, crystal.orthogonalisation)
    if near.mean() > _MOST_CROWDED:
        return False, f"{near.sum()} atoms are nearer to each other than bonds are"
    if model.r1 > _GOOD * most:
        vague = builder.support(model) < _LEAST_SUPPORT
        if vague.mean() > _MOST_VAGUE:
            return False, f"{vague.sum()} of {len(vague)} atoms do not come back where they are left out"
    return True, f"R1 {model.r1:.3f} is within {most:.2f}"


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
    workers: int = 1,
) -> Solution:
    """Try until a model's R1 is clear or `time_limit` seconds are over; `watch` hears of each try.

    With more `workers` other processes make tries too; what is found changes with their number only by how
    far the time goes. They are spawned: a script needs the usual `if __name__ == "__main__"` then.
    """
    started = time.monotonic()
    hunt = _Hunt(crystal, recipe or recipe_for(crystal.observed.d_min), seed, workers)
    log: list[Try] = []
    try:
        while not hunt.is_over and (hunt.best is None or time.monotonic() - started < time_limit):
            correlation = hunt.attempt()
            r1 = 1.0 if hunt.best is None else hunt.best.r1
            log.append(Try(round(time.monotonic() - started, 2), round(correlation, 3), round(r1, 4)))
            watch(hunt.attempts, r1)
    finally:
        hunt.tries.close()
    assert hunt.best is not None
    model = hunt.best
    solved, reason = hunt.verdict
    density = hunt.builder.observed_density(model)
    model = replace(model, atoms=assembled(model.atoms, crystal.group, crystal.orthogonalisation))
    seconds = time.monotonic() - started
    found = (hunt.correlation, hunt.attempts, seconds, PATH, tuple(log))
    return Solution(crystal, model, density, solved, reason, *found)


def solve_file(
    path: Path | str,
    cell: str | Sequence[float] | None = None,
    spacegroup: str | None = None,
    formula: str | None = None,
    *,
    units: float | None = None,
    d_min: float | None = None,
    radiation: Radiation | None = None,
    time_limit: float = 30.0,
    seed: int = 0,
    workers: int = 1,
) -> Solution:
    """Solve from a file of reflections (.hkl, .cif, .fcf, .mtz, also gzipped).

    `cell` is six numbers in Å and degrees, or these as text; cell and space group go before the file's.
    Raises InputError for what cannot be read or does not fit together.
    """
    crystal = read_crystal(path, cell, spacegroup, formula, d_min, units, radiation)
    return solve(crystal, time_limit, seed, workers=workers)


class _Hunt:
    """Tries so far: the best model, its phases' correlation, and the tries since it was found."""

    def __init__(self, crystal: Crystal, recipe: Recipe, seed: int, workers: int = 1) -> None:
        self.crystal = crystal
        self.search, self.builder = _prepared(crystal, recipe)
        self.tries = Tries(self.search, crystal.atoms, seed, workers)
        self.best: Refined | None = None
        self.verdict = (False, "nothing tried yet")
        self.correlation = self._highest = -1.0
        self.attempts = self._since = 0

    @property
    def is_over(self) -> bool:
        """Whether the best model is clear and tidy, or believed and not improved for some tries."""
        if self.best is None or not self.verdict[0]:
            return False
        clear = min(_CLEAR, _GOOD * largest_r1(self.crystal, self.best))
        u_iso = self.best.atoms.u_iso
        tidy = u_iso.max() <= _TIDY * np.median(u_iso)
        return bool(self.best.r1 <= clear and tidy) or self._since >= _PATIENCE

    def attempt(self) -> float:
        """One more try, and its correlation; a model is built where that is about the best so far."""
        phased = self.tries.next()
        self.attempts, self._since = self.attempts + 1, self._since + 1
        if self.best is not None and phased.correlation < self._highest - _WORTH_A_LOOK:
            return phased.correlation
        self._highest = max(self._highest, phased.correlation)
        model = self.builder.first(self.search.symmetric.weighted(phased.calculated))
        if self.best is None or model.r1 < self.best.r1 + _HOPE:
            model = self.builder.complete(model)
        if self.best is None or model.r1 < self.best.r1:
            self.best, self.correlation, self._since = model, phased.correlation, 0
            self.verdict = verdict(self.crystal, model, self.builder)
        return phased.correlation


def _prepared(crystal: Crystal, recipe: Recipe) -> tuple[Search, Builder]:
    """Search and builder of a crystal; phasing leaves out the finest reflections."""
    data = crystal.observed
    squared = inverse_d_squared(data.hkl, data.orthogonalisation)
    coarse = squared <= PHASING_D_MIN**-2
    hkl, intensity = data.hkl[coarse], np.clip(data.intensity[coarse], 0.0, None)
    expected = expected_intensity(hkl, data.intensity[coarse], crystal.group, data.orthogonalisation)
    amplitudes = Amplitudes(hkl, np.sqrt(intensity / expected), np.sqrt(intensity))
    search = Search(amplitudes, crystal.group, data.orthogonalisation, recipe)
    grid = search.symmetric.grid
    return search, Builder(data, data.part(coarse), grid, crystal.content, crystal.atoms)
