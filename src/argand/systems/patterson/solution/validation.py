"""Whether a model of a crystal is to be believed, without the truth."""

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


def verdict(crystal: CrystalData, model: RefinedModel, builder: Builder) -> tuple[bool, str]:
    """Whether a model is believed, and why.

    By its R1, where a formula is known by its completeness, by the distances of its atoms, and where R1 is
    near its limit by whether atoms come back where they are left out: heavy ones alone can make R1 low. The
    cheap questions come first.
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
    if model.r1 > GOOD * most:
        vague = builder.support(model) < _LEAST_SUPPORT
        if vague.mean() > _MOST_VAGUE:
            return False, f"{vague.sum()} of {len(vague)} atoms do not come back where they are left out"
    return True, f"R1 {model.r1:.3f} is within {most:.2f}"


def free_parameters(crystal: CrystalData, model: RefinedModel) -> int:
    """Coordinates that the sites leave free, a scale and a U."""
    sites = (crystal.group.site(place, crystal.orthogonalisation) for place in model.atoms.frac)
    return 2 + sum(round(float(np.trace(projector))) for projector, _, _ in sites)
