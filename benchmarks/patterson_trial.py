"""One other program on one crystal at one resolution: its trials, compared with the truth."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

# Loads cctbx, which must come before gemmi.
from patterson_phasing_programs import OPPONENTS, Attempt, Opponent
from patterson_sets import Kind, Part, load
from patterson_truth import Comparison, compare, in_cell, unnamed

from argand.errors import InputError
from argand.physics.crystal.atom import Atoms
from argand.physics.crystal.symmetry import Group, inverse_d_squared
from argand.physics.phasing.dual_space import Expansion, origin_scores, phase_factor, recipe_for
from argand.physics.phasing.fourier import Coefficients, Grid
from argand.physics.phasing.model_building import Builder
from argand.physics.phasing.peak import between_points
from argand.physics.phasing.refinement import RefinedModel
from argand.physics.phasing.wilson import normalised
from argand.systems.patterson.solution.acceptance import verdict
from argand.systems.patterson.solution.reflections import CrystalData, prepare
from argand.systems.patterson.solution.structure_search import PHASING_D_MIN
from argand.systems.patterson.solution.validation import evidence

_TOLERANCE = 0.03
"""Å by which data may end before the resolution that is wanted."""
_CLEAR = 0.16
"""A trusted model of this R1 ends the trials."""
_HOPE = 0.15
_PATIENCE = 5
"""Limits after which no further models are built: a tiny crystal has hundreds of trials."""
_ORIGINS_PER_D = 6
"""How fine origins are tried: scores change twice as fast as the map, so its grid would miss the best."""


@dataclass
class Judge:
    """Makes models from phases, and knows the truth, which has no part in the models."""

    crystal: CrystalData
    truth: Atoms
    chemical: np.ndarray
    builder: Builder = field(init=False)
    whole: Grid = field(init=False)
    best: RefinedModel | None = None

    def __post_init__(self) -> None:
        data, group = self.crystal.observed, self.crystal.group
        coarse = inverse_d_squared(data.hkl, data.orthogonalisation) <= PHASING_D_MIN**-2
        phasing = data.part(coarse)
        frame = (data.orthogonalisation, phasing.d_min, recipe_for(data.d_min).spacing)
        grid = Grid(group, group, *frame)
        self.whole = Grid(group.lattice, group.lattice, *frame)
        self._origins = Grid(group, group, *frame[:2], phasing.d_min / _ORIGINS_PER_D)
        self.builder = Builder(data, phasing, grid, self.crystal.content, self.crystal.atoms)
        structure = np.sqrt(np.clip(phasing.intensity, 0.0, None))
        sharp = normalised(phasing.hkl, phasing.intensity, group, data.orthogonalisation)
        mean = np.sqrt((structure**2).mean())
        known = np.sqrt(sharp * structure / max(float(mean), 1e-12))
        self._amplitude = np.abs(Expansion(phasing.hkl, grid).full(known.astype(complex)))

    def model(self, attempt: Attempt) -> RefinedModel:
        """Our model of an attempt's phases; completed where it may be the best so far."""
        model = self.builder.first(self._amplitude * phase_factor(self._placed(attempt)))
        if self.best is None or model.r1 < self.best.r1 + _HOPE:
            model = self.builder.complete(model)
        if self.best is None or model.r1 < self.best.r1:
            self.best = model
        return model

    def _placed(self, attempt: Attempt) -> Coefficients:
        """Structure factors at the origin of the group, which free ones are moved to and averaged over."""
        grid = self.builder.grid
        if not attempt.free:
            return Expansion(attempt.hkl, grid).full(attempt.factors)
        coefficients = Expansion(attempt.hkl, self.whole).full(attempt.factors)
        coefficients = coefficients[~grid.symmetry.absent(self.whole.hkl)]
        if grid.group.order == len(grid.group.centrings):
            return coefficients
        scores = origin_scores(self._origins, coefficients)
        best = np.array(np.unravel_index(int(np.argmax(scores)), scores.shape))
        shift = between_points(scores, best[None])[0][0]
        return grid.average(grid.spectrum(grid.shifted(coefficients, shift)))

    @property
    def is_over(self) -> bool:
        """Whether the best model is trusted, and clear by its R1 alone."""
        if self.best is None or self.best.r1 > _CLEAR:
            return False
        return verdict(evidence(self.crystal, self.best, self.builder)).trusted

    def of_model(self, model: RefinedModel) -> Comparison:
        """Our model compared with the truth."""
        group, cell = self.crystal.group, self.crystal.orthogonalisation
        return compare(model.atoms, self.truth, self.chemical, group, cell)

    def of_peaks(self, attempt: Attempt) -> Comparison:
        """The program's own atoms compared with the truth, in P 1 where it knows no symmetry."""
        group, cell = self.crystal.group, self.crystal.orthogonalisation
        if attempt.frac is None:
            return Comparison(0.0, 1.0, float("inf"))
        if not attempt.free:
            return compare(unnamed(attempt.frac), self.truth, self.chemical, group, cell)
        frac, chemical = in_cell(self.truth.frac, self.chemical, group, cell)
        return compare(unnamed(attempt.frac), unnamed(frac), chemical, Group.from_name("P 1"), cell)


def measure(
    folder: Path, part: Part, kind: Kind, name: str, d_min: float, opponent: str, limit: float
) -> dict[str, Any] | None:
    """Figures of one program on one crystal, d_min 0 takes all data; None where that has no data so fine or
    is left out.
    """
    one = load(folder, kind, part, name)
    if one is None:
        return None
    row: dict[str, Any] = {"group": one.spacegroup, "grade": one.grade, "atoms": len(one.truth)}
    try:
        asked = one.formula, d_min or None, 1.0, one.radiation
        crystal = prepare(one.measured, one.cell, one.spacegroup, *asked)
    except InputError as error:
        return row | {"note": str(error)}
    if d_min and crystal.observed.d_min > d_min + _TOLERANCE:
        return None
    return row | run(OPPONENTS[opponent](crystal), Judge(crystal, one.truth, one.chemical), limit)


def run(opponent: Opponent, judge: Judge, limit: float) -> dict[str, Any]:
    """Tries until the program and our R1 both say solved, or so many seconds of the program are over."""
    begun, spent, number, told = time.process_time(), 0.0, 0, False
    answer: Attempt | None = None
    while spent < limit and not (answer is not None and answer.claimed and judge.is_over):
        started = time.process_time()
        attempt = opponent.attempt(number, limit - spent)
        spent, number = spent + time.process_time() - started, number + 1
        if time.process_time() - begun < _PATIENCE * limit or judge.best is None:
            model = judge.model(attempt)
            # One of higher R1 than another is not looked at: that takes seconds in large groups.
            told |= model is judge.best and judge.of_model(model).solved
        # Its answer is the first try that it believes in, or the best where there is none.
        if answer is None or (not answer.claimed and attempt.rank > answer.rank):
            answer = attempt
    assert answer is not None
    assert judge.best is not None
    own, built = judge.of_peaks(answer), judge.of_model(judge.best)
    figures = {"own": own.solved, "built": built.solved, "told": told or own.solved}
    figures |= {"claimed": answer.claimed, "tries": number, "seconds": spent, "merit": answer.merit}
    figures |= {"own_found": own.found, "own_false": own.false}
    return figures | {"built_found": built.found, "built_false": built.false, "built_r1": judge.best.r1}
