"""Models and maps of placed molecules, in the terms of all other answers."""

import numpy as np

from argand.physics.phasing.dual_space import recipe_for
from argand.physics.phasing.fourier import Grid, Map
from argand.physics.phasing.model_building import OWN_U_BELOW, Builder
from argand.physics.phasing.refinement import RefinedModel, evaluate, refine
from argand.systems.patterson.solution.molecule.verdict import Answer
from argand.systems.patterson.solution.reflections import CrystalData

_CYCLES = 6
"""Cycles of refinement on fine data, each atom with its own U; by hand, as many as mostly change
something."""


def modelled(crystal: CrystalData, answer: Answer) -> RefinedModel:
    """The model of an answer against all data; with data that carry a U for each atom these are refined."""
    data = crystal.observed
    model = evaluate(answer.atoms, data)
    if data.d_min >= OWN_U_BELOW:
        return model
    refined = refine(answer.atoms, data, _CYCLES)
    return refined if refined.r1 < model.r1 else model


def density_of(crystal: CrystalData, model: RefinedModel) -> Map:
    """Electron density in e/Å³ of the measured amplitudes with the model's phases."""
    data = crystal.observed
    grid = Grid(
        crystal.group, crystal.group, data.orthogonalisation, data.d_min, recipe_for(data.d_min).spacing
    )
    return Builder(data, data, grid, crystal.content, max(crystal.atoms, 1.0)).observed_density(model)


def correlation_of(crystal: CrystalData, model: RefinedModel) -> float:
    """Correlation of observed and calculated amplitudes."""
    observed = np.sqrt(np.clip(crystal.observed.intensity, 0, None))
    return float(np.corrcoef(observed, np.abs(model.calculated))[0, 1])
