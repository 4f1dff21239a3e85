"""Whether a model of a crystal is trusted: the probability that it is right, from all the evidence together.

The probability is that of a logistic fit to models of known truth, of which `data/acceptance.json` keeps the
coefficients; `benchmarks/patterson_verdict.py` makes the models, fits and writes the file.
"""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from argand.io.resource import system_data
from argand.systems.patterson.solution.validation import Evidence

ACCEPTED, CLEAR = 0.8, 0.97
"""Probabilities from which a model is trusted, and from which it ends the search. In cross-validation on the
crystals that the fit was made on, about one trusted model in sixty is wrong (the figures are in
`data/acceptance.json`)."""
_FEWEST = 15
"""Reflections below which nothing is trusted: four atoms, a scale and a U have 14 parameters."""
_LEAST_FOUND = 0.85
"""Least share of the formula's atoms other than hydrogen in a model that is trusted. By hand: with less,
what is missing is more than an error of the formula or a small molecule of solvent."""
_MOST_OVERLAPPING = 0.15
"""Largest share of atoms that may be nearer to another than bonds are: disorder does that too. By hand."""
_MOST_VOLUME = 50.0
"""Most Å³ of the cell for each atom found, without a formula; 18 are usual."""
_ELECTRON_SCALE = 0.5
"""Right models of electron diffraction have R1 of 0.2 to 0.35 by the kinematic theory (its measured
refinements), twice that of X-rays without hydrogens and anisotropy."""
_SMALLEST_R1 = 0.003
"""By hand, so that the logarithm of a fit of simulated data without errors stays finite."""
_COARSE = 1.3
"""Å; coarser data carry no U for each atom (`OWN_U_BELOW`), and R1 has another scale there."""


@dataclass(frozen=True)
class Verdict:
    """Whether a model is trusted, whether it is clear enough to end the search, its probability, and why."""

    trusted: bool
    clear: bool
    probability: float
    reason: str


NOTHING = Verdict(False, False, 0.0, "no model yet")


def features(one: Evidence) -> dict[str, float]:
    """Input of the logistic fit: the evidence on scales on which it adds up, each bounded."""
    # What a fit of p parameters leaves of n reflections shrinks with √(1 - p/n) in amplitude.
    freedom = np.sqrt(max(1 - one.parameters, 0.02))
    r1 = one.r1 * (_ELECTRON_SCALE if one.electrons else 1.0) / freedom - one.noise
    r1 = float(np.log(max(r1, _SMALLEST_R1)))
    return {
        "R1": r1,
        "R1 of coarse data": r1 * (one.d_min > _COARSE),
        "hydrogen": one.hydrogen,
        "resolution": one.d_min,
        "electrons": float(one.electrons),
        "vague atoms": min(one.vague, 0.5),
        "least support": float(np.clip(one.support, -0.2, 1.0)),
        "unexplained peak": min(one.unexplained, 1.5),
        "leftover": float(np.log(np.clip(one.leftover, 0.05, 5.0))),
        "crowded atoms": min(one.crowded, 0.5),
        "atoms found": abs(1 - one.found) if one.found is not None else 0.0,
        "no formula": float(one.found is None),
        "parameters": float(np.log(max(one.parameters, 1e-3))),
    }


def probability(one: Evidence) -> float:
    """Probability that a model is right, 0 to 1."""
    fit, seen = _fit(), features(one)
    total = fit["intercept"] + sum(fit["coefficients"][name] * value for name, value in seen.items())
    return float(1 / (1 + np.exp(-np.clip(total, -50, 50))))


def verdict(one: Evidence) -> Verdict:
    """Whether a model of this evidence is trusted, and why."""
    share = probability(one)
    against = _forbidding(one)
    if against:
        return Verdict(False, False, share, against)
    told = f"R1 = {one.r1:.3f}, {100 * share:.0f} % likely to be right (limit {100 * ACCEPTED:.0f} %)"
    if share < ACCEPTED:
        return Verdict(False, False, share, f"{told}: {_weakest(one)}")
    return Verdict(True, share >= CLEAR, share, told)


def _forbidding(one: Evidence) -> str:
    """Evidence against the model that nothing outweighs; empty where there is none."""
    if one.reflections < _FEWEST:
        return f"{one.reflections} reflections are too few (at least {_FEWEST} needed)"
    if one.found is not None and one.found < _LEAST_FOUND:
        limit = f"limit {100 * _LEAST_FOUND:.0f} %"
        return f"only {100 * one.found:.0f} % of the atoms of the formula were found ({limit})"
    if one.overlapping > _MOST_OVERLAPPING:
        return f"{100 * one.overlapping:.0f} % of the atoms are closer to another atom than any bond length"
    if one.found is None and one.volume > _MOST_VOLUME:
        return f"{one.volume:.0f} Å³ per atom found are too many for a crystal (limit {_MOST_VOLUME:.0f} Å³)"
    return ""


def _weakest(one: Evidence) -> str:
    """The strongest evidence against a model, compared with what is usual for correct ones."""
    fit, seen = _fit(), features(one)
    usual = {name: fit["coefficients"][name] * (value - fit["usual"][name]) for name, value in seen.items()}
    words = {
        "R1": f"R1 is high for data with a noise of {one.noise:.3f}",
        "R1 of coarse data": f"R1 is high for data to {one.d_min:.2f} Å",
        "vague atoms": f"{100 * one.vague:.0f} % of the atoms do not reappear in omit maps",
        "least support": "an atom does not reappear in its omit map",
        "unexplained peak": f"a difference peak {one.unexplained:.1f} times the lightest atom is unexplained",
        "leftover": f"the highest difference peak is {one.leftover:.1f} times the lightest atom",
        "crowded atoms": f"{100 * one.crowded:.0f} % of the atoms are closer to another than a bond length",
        "atoms found": f"{100 * (one.found or 1):.0f} % of the atoms of the formula were found",
        "parameters": f"{one.reflections} reflections are few for this number of parameters",
    }
    told = min((name for name in usual if name in words), key=lambda name: usual[name])
    return words[told]


@cache
def _fit() -> dict[str, Any]:
    return json.loads(system_data("patterson", "acceptance.json").read_text(encoding="utf-8"))
