"""The joint search for the elements of all atoms, and the probability of each."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import gemmi
import numpy as np
from jaxtyping import Float

from argand.physics.crystal.atom import Atoms, is_hydrogen
from argand.physics.phasing.element_assignment import Candidates, Network, SiteCosts
from argand.physics.phasing.element_choice import (
    EXCESS,
    MISSING,
    choice_under_content,
    free_choice,
    probabilities,
    probabilities_under_content,
    with_all,
)
from argand.physics.phasing.element_evidence import Evidence, number_evidence
from argand.physics.phasing.hydrogen_site import neighbours
from argand.physics.phasing.refinement import Observed

_REACH = 3.0
"""Largest distance in Å of atom pairs considered."""
_STEP = 0.02
"""Step of the logarithm of the scale: a sixth of the way from carbon to nitrogen."""
_ROUNDS = 4
"""Most rounds of fit and choice; set by hand, a bound on time: most converge after two."""
_WIDE, _UNDER_CONTENT, _NEAR = (1.2, 5), (0.5, 5), (0.3, 3)
"""Range of the logarithm of the scale and number of scales tried.

In the first round without and with a content, and in later ones, when the scale is nearly right; set by hand.
"""
_MANY = 20
"""Fewer elements than this were named by the user and must each occur; set by hand."""
_UNSETTLED = 0.15
"""If the logarithm of the last scale exceeds this, numbers and elements are inconsistent."""
_LARGEST_MISFIT = 10.0
"""Weighted mean square residual beyond which no element is certain; correct models have 0.2 to 6.

On the half for choosing; weights as in `refinement`.
"""
_PARAMETERS, _FEWEST = 5, 2
"""Parameters per atom, and fewest reflections per parameter for certain elements; the latter set by hand."""
_CARBON_BOND, _ORGANIC = 1.65, 0.3
"""Longest C-C bond in Å, and the share of atoms with one below which the scale is unknown.

If the contents are unknown, carbon is the reference for atomic numbers. On the half for choosing.
"""
SURE = 0.95
"""Least probability of an element for it not to be called uncertain."""


@dataclass(frozen=True)
class Named:
    """Elements of atoms, their probabilities, the scale of apparent numbers, and the total cost.

    `atoms` and `misfit` come from the fit of numbers; `contradicted` counts atoms that scatter much more like
    another element than the one the content left for them.
    """

    elements: tuple[str, ...]
    probability: Float[np.ndarray, " n"]
    scale: float
    cost: float
    atoms: Atoms
    misfit: float
    contradicted: int = 0


def named(
    evidence: Evidence,
    data: Observed,
    candidates: Candidates,
    content: Mapping[str, float] | None,
    scales: Float[np.ndarray, " s"],
) -> Named:
    """The lowest-cost elements at the best of several scales."""
    costs, pairs = SiteCosts(evidence, candidates), _pairs(evidence.atoms, data)
    best = None
    for scale in scales:
        unary = costs.at(float(scale)) + (0.0 if content else candidates.prior)
        network = Network(unary, candidates.symbols, pairs)
        chosen = choice_under_content(network, evidence.atoms, content) if content else free_choice(network)
        if not content and len(candidates.symbols) < _MANY:
            chosen = with_all(network, chosen)
        total = network.total(chosen)
        if not content and len(candidates.symbols) < _MANY:
            total += MISSING * len(set(range(len(candidates.symbols))) - set(chosen))
        if best is None or total < best[0]:
            best = total, chosen, network, float(scale)
    assert best is not None
    total, chosen, network, scale = best
    if content:
        sure = probabilities_under_content(network, chosen, evidence.atoms)
    else:
        sure = probabilities(network, chosen)
    elements = tuple(candidates.symbols[one] for one in chosen)
    return Named(elements, sure, scale, total, evidence.atoms, evidence.misfit)


def likely_scales(
    evidence: Evidence, candidates: Candidates, middle: float, reach: float, most: int
) -> Float[np.ndarray, " s"]:
    """Scales at which numbers best match elements: the lowest minima within exp(reach) of `middle`."""
    grid = middle * np.exp(np.arange(-reach, reach + 1e-9, _STEP))
    total = SiteCosts(evidence, candidates).coarse(grid)
    near = np.array([total[max(0, i - 2) : i + 3].min() for i in range(len(grid))])
    minima = np.flatnonzero(total <= near)
    minima = minima[np.argsort(total[minima], kind="stable")][:most]
    return grid[minima]


def _pairs(atoms: Atoms, data: Observed) -> list[tuple[int, int, float]]:
    """Directed pairs within `_REACH`, with their lengths in Å."""
    reach = np.full((len(atoms), len(atoms)), _REACH)
    bonds = neighbours(atoms.frac, data.group, data.orthogonalisation, reach)
    return [
        (int(i), int(j), float(d)) for i, j, d in zip(bonds.first, bonds.second, bonds.length, strict=True)
    ]


def name_elements(
    atoms: Atoms,
    data: Observed,
    content: Mapping[str, float] | None = None,
    elements: tuple[str, ...] = (),
) -> Named:
    """Determine the elements of a model's atoms from measured intensities.

    `content` counts the non-hydrogen atoms of the asymmetric unit; without it `elements` lists those that
    occur, and without either all may. Numbers are fitted starting from the model's elements, elements chosen,
    and numbers fitted again from these, until nothing changes. The data decide whether hydrogen is present.
    """
    symbols = tuple(content) if content else tuple(one for one in elements if not is_hydrogen(one))
    options = [Candidates.of(symbols, hydrogen) for hydrogen in (True, False)]
    evidence = number_evidence(atoms, data, _numbers(atoms.elements), (5, 3))
    middle, (reach, most) = 1.0, _WIDE
    if content:
        filled = float(_numbers(tuple(content)) @ np.array(list(content.values())))
        middle, (reach, most) = float(evidence.numbers @ atoms.occupancy) / filled, _UNDER_CONTENT
    before: tuple[str, ...] = ()
    for _ in range(_ROUNDS):
        tried = []
        for candidates in options:
            scales = likely_scales(evidence, candidates, middle, reach, most)
            tried.append(named(evidence, data, candidates, content, scales))
        which = int(np.argmin([one.cost for one in tried]))
        best, options = tried[which], [options[which]]
        if best.elements == before:
            break
        before, middle, (reach, most) = best.elements, 1.0, _NEAR
        start = replace(evidence.atoms, elements=best.elements)
        last, evidence = evidence, number_evidence(start, data, _numbers(best.elements), (3, 3))
    else:
        evidence = last
    if content:
        best = replace(best, contradicted=_contradicted(best, evidence, options[0].hydrogen, content))
    if _doubtful(best, data, bool(symbols)):
        return replace(best, probability=np.minimum(best.probability, 0.5))
    return best


def _numbers(elements: tuple[str, ...]) -> Float[np.ndarray, " n"]:
    return np.array([gemmi.Element(element).atomic_number for element in elements], float)


def _doubtful(found: Named, data: Observed, told: bool) -> bool:
    """Whether no element of a model is certain: `told` means that the contents were partly known."""
    few = len(data.hkl) < _FEWEST * _PARAMETERS * len(found.atoms)
    strained = abs(np.log(found.scale)) > _UNSETTLED or found.misfit > _LARGEST_MISFIT
    return bool(few or strained or (not told and _carbon_share(found, data) < _ORGANIC))


def _contradicted(found: Named, evidence: Evidence, hydrogen: bool, content: Mapping[str, float]) -> int:
    """Number of atoms for which another element fits much better by density, or that exceed the content."""
    names, occupancy = np.array(found.elements), found.atoms.occupancy
    excess = sum(max(0.0, occupancy[names == one].sum() - count) for one, count in content.items())
    everything = Candidates.of((), hydrogen)
    cost = SiteCosts(evidence, everything).at(found.scale)
    own = np.array([cost[row, everything.symbols.index(one)] for row, one in enumerate(found.elements)])
    return max(int((own - cost.min(1) > EXCESS).sum()), int(excess))


def _carbon_share(found: Named, data: Observed) -> float:
    """Share of carbon atoms bonded to carbon."""
    carbon = np.array(found.elements) == "C"
    bonded = {i for i, j, d in _pairs(found.atoms, data) if carbon[i] and carbon[j] and d < _CARBON_BOND}
    return len(bonded) / len(carbon)
