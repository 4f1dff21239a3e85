"""What speaks for and against a model of a crystal, without the truth."""

from dataclasses import dataclass

import gemmi
import numpy as np

from argand.physics.crystal.atom import is_hydrogen
from argand.physics.crystal.bond import crowded
from argand.physics.phasing.model_building import Builder
from argand.physics.phasing.refinement import Observed, RefinedModel
from argand.systems.patterson.solution.reflections import CrystalData

_LEAST_SUPPORT = 0.4
"""An atom is vague where less than this share of its density comes back in a map made without it. By hand, a
little below the half that a right atom of a crystal without an inversion centre has (`omit_support`)."""
_USUAL_HYDROGEN = 0.15
"""Of sucrose it is 0.16, of benzene 0.16, of caffeine 0.12."""


@dataclass(frozen=True)
class Evidence:
    """What speaks for and against a model.

    `noise` is what R1 a perfect model would have by the sigmas, `hydrogen` the share of amplitude that
    hydrogens left out would scatter at zero angle, `parameters` those of the model over the reflections.
    `found` atoms over those of the contents, None where these are not known; `volume` in Å³ is what the cell
    has for each atom found. `crowded` and `vague` are shares of the atoms, `support` is that of the least
    supported. `unexplained` is the highest peak of the difference map that could be an atom, `leftover` the
    highest of all, over the height of the lightest atom.
    """

    reflections: int
    d_min: float
    electrons: bool
    r1: float
    noise: float
    hydrogen: float
    parameters: float
    found: float | None
    volume: float
    crowded: float
    vague: float
    support: float
    unexplained: float
    leftover: float


def evidence(crystal: CrystalData, model: RefinedModel, builder: Builder) -> Evidence:
    """The evidence on a model."""
    data, found = crystal.observed, float(model.atoms.occupancy.sum())
    support = builder.support(model)
    unexplained, leftover = builder.unexplained(model)
    return Evidence(
        len(data.hkl),
        data.d_min,
        data.radiation == "electron",
        model.r1,
        _noise(data),
        _hydrogen(crystal),
        free_parameters(crystal, model) / len(data.hkl),
        found / crystal.atoms if crystal.content else None,
        crystal.volume / max(found * crystal.group.order, 1e-9),
        float(crowded(model.atoms, crystal.group, crystal.orthogonalisation).mean()),
        float((support < _LEAST_SUPPORT).mean()),
        float(support.min()),
        unexplained,
        leftover,
    )


def _noise(data: Observed) -> float:
    """R1 that the sigmas alone leave: the mean of |x| is √(2/π) σ, and σ(F) = σ(F²) / 2F."""
    strong = data.strong
    amplitude = np.sqrt(np.clip(data.intensity[strong], 1e-12, None))
    spread = np.sqrt(2 / np.pi) * data.sigma[strong] / (2 * amplitude)
    return float(spread.sum() / max(amplitude.sum(), 1e-12))


def _hydrogen(crystal: CrystalData) -> float:
    """√(Σ f² of hydrogens / Σ f² of all); a usual organic crystal's where the contents are not known."""
    if not crystal.cell_content:
        return _USUAL_HYDROGEN
    power = {name: n * gemmi.Element(name).atomic_number ** 2 for name, n in crystal.cell_content.items()}
    light = sum(value for name, value in power.items() if is_hydrogen(name))
    return float(np.sqrt(light / max(sum(power.values()), 1e-12)))


def free_parameters(crystal: CrystalData, model: RefinedModel) -> int:
    """Coordinates that the sites leave free, a scale and a U."""
    sites = (crystal.group.site(place, crystal.orthogonalisation) for place in model.atoms.frac)
    return 2 + sum(round(float(np.trace(projector))) for projector, _, _ in sites)
