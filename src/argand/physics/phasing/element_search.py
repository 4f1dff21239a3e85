"""The search for the elements of all atoms together, and how sure each of them is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import gemmi
import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import Bounds, LinearConstraint, milp

from argand.physics.crystal.atom import Atoms
from argand.physics.phasing.element_assignment import Candidates, Network, SiteCosts
from argand.physics.phasing.element_evidence import Evidence, number_evidence
from argand.physics.phasing.hydrogen_site import neighbours
from argand.physics.phasing.refinement import Observed

_EXCESS = 8.0
"""Cost of an atom more of an element than a formula has; by hand, in nats: what a clear misfit costs."""
_REACH = 3.0
"""Å within which pairs of atoms are looked at."""
_KEPT = 14.0
"""Elements whose density alone costs this much more than the best are not looked at; by hand, in nats."""
_MOST_KEPT = 10
_STEP = 0.02
"""Steps of the scale, as logarithms: a sixth of the way from carbon to nitrogen."""
_ROUNDS = 4
_MANY = 20
"""Fewer elements than this were named by the user, each of which is somewhere; by hand."""
_MISSING = 12.0
"""Most that is paid for an element that was named and found nowhere; by hand, in nats."""
_UNSETTLED = 0.15
"""A last scale that differs by more than this logarithm from 1 tells that numbers and elements do not fit."""
_LARGEST_MISFIT = 10.0
"""Weighted mean square of what is left beyond which no element is sure; right models have 0.2 to 6.

On the half for choosing; weights as in `refinement`.
"""
_PARAMETERS, _FEWEST = 5, 2
"""Parameters of an atom, and reflections for each of them below which no element is sure; the latter by hand."""
_CARBON_BOND, _ORGANIC = 1.65, 0.3
"""Longest bond in Å of two carbon atoms, and the share of atoms with one below which the scale is not known.

With nothing known of the contents it is carbon's number that the others are measured by. On the half for choosing.
"""
SURE = 0.95
"""Probability of an element from which on it is not called uncertain."""


@dataclass(frozen=True)
class Named:
    """Elements of atoms, how probable each is, the scale of apparent numbers, and the cost of the whole.

    `atoms` and `misfit` are of the fit of numbers; `contradicted` atoms scatter much more like another element than
    like that which the content left for them.
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
    """The cheapest elements at the best of some scales."""
    costs, pairs = SiteCosts(evidence, candidates), _pairs(evidence.atoms, data)
    best = None
    for scale in scales:
        unary = costs.at(float(scale)) + (0.0 if content else candidates.prior)
        network = Network(unary, candidates.symbols, pairs)
        chosen = _under_content(network, evidence.atoms, content) if content else _free(network)
        if not content and len(candidates.symbols) < _MANY:
            chosen = _with_all(network, chosen)
        total = network.total(chosen)
        if not content and len(candidates.symbols) < _MANY:
            total += _MISSING * len(set(range(len(candidates.symbols))) - set(chosen))
        if best is None or total < best[0]:
            best = total, chosen, network, float(scale)
    assert best is not None
    total, chosen, network, scale = best
    gaps = _swap_gaps(network, chosen, evidence.atoms) if content else _gaps(network, chosen)
    elements = tuple(candidates.symbols[one] for one in chosen)
    return Named(elements, gaps, scale, total, evidence.atoms, evidence.misfit)


def likely_scales(
    evidence: Evidence, candidates: Candidates, middle: float, reach: float, most: int
) -> Float[np.ndarray, " s"]:
    """Scales at which numbers fall on elements best: the lowest minima within a factor exp(reach) of `middle`."""
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


def _kept(network: Network) -> list[list[int]]:
    """Elements that each site may be, the likeliest first."""
    kept = []
    for row in network.unary:
        order = np.argsort(row, kind="stable")[:_MOST_KEPT]
        kept.append([int(one) for one in order if row[one] <= row[order[0]] + _KEPT])
    return kept


def _free(network: Network) -> list[int]:
    """Each atom in turn becomes what fits it and its neighbours best, until none changes."""
    chosen = [int(one) for one in network.unary.argmin(1)]
    kept = _kept(network)
    for _ in range(8):
        changed = False
        for atom, options in enumerate(kept):
            if len(options) == 1:
                continue
            costs = [network.environment(atom, one, chosen) for one in options]
            best = options[int(np.argmin(costs))]
            if best != chosen[atom] and min(costs) < costs[options.index(chosen[atom])] - 1e-9:
                chosen[atom], changed = best, True
        if not changed:
            break
    return chosen


def _with_all(network: Network, chosen: list[int]) -> list[int]:
    """The same with each element of the list at least once, where that is not too dear."""
    for element in range(len(network.symbols)):
        if element in chosen:
            continue
        grown = [
            np.inf if chosen.count(chosen[atom]) == 1 else network.change(chosen, {atom: element})
            for atom in range(len(chosen))
        ]
        if min(grown) < _MISSING:
            chosen[int(np.argmin(grown))] = element
    return chosen


def _gaps(network: Network, chosen: list[int]) -> Float[np.ndarray, " n"]:
    """Probability of each atom's element among those it may be, the others as they are."""
    probability = np.ones(len(chosen))
    for atom, options in enumerate(_kept(network)):
        costs = np.array([network.environment(atom, one, chosen) for one in options])
        own = network.environment(atom, chosen[atom], chosen)
        others = np.array([one != chosen[atom] for one in options])
        probability[atom] = 1 / (1 + np.exp(own - costs[others]).sum()) if others.any() else 1.0
    return probability


def _under_content(network: Network, atoms: Atoms, content: Mapping[str, float]) -> list[int]:
    """Elements whose numbers are those of the content: by assignment, then by swaps."""
    counts = np.array([content.get(symbol, 0.0) for symbol in network.symbols])
    chosen = _assigned(network.unary, atoms.occupancy, counts)
    best, best_cost = chosen, network.total(chosen)
    for _ in range(3):
        cost = np.array(
            [
                [network.environment(atom, one, chosen) for one in range(len(counts))]
                for atom in range(len(chosen))
            ]
        )
        new = _assigned(cost, atoms.occupancy, counts)
        if new == chosen:
            break
        chosen = new
        total = network.total(chosen)
        if total < best_cost:
            best, best_cost = chosen, total
    return _swapped(network, list(best), atoms)


def _assigned(
    cost: Float[np.ndarray, "n m"], occupancy: Float[np.ndarray, " n"], counts: Float[np.ndarray, " m"]
) -> list[int]:
    """The cheapest elements with at most so many of each; what is more costs `_EXCESS` an atom."""
    n, m = cost.shape
    objective = np.concatenate([cost.ravel() - cost.min(), np.full(m, _EXCESS)])
    one_each = np.zeros((n, n * m + m))
    for atom in range(n):
        one_each[atom, atom * m : (atom + 1) * m] = 1
    limited = np.zeros((m, n * m + m))
    for element in range(m):
        limited[element, element : n * m : m] = occupancy
        limited[element, n * m + element] = -1
    bounds = Bounds(0, np.concatenate([np.ones(n * m), np.full(m, np.inf)]))
    whole = np.concatenate([np.ones(n * m), np.zeros(m)])
    limits = [LinearConstraint(one_each, 1, 1), LinearConstraint(limited, -np.inf, counts + 0.02)]
    found = milp(objective, constraints=limits, integrality=whole, bounds=bounds, options={"mip_rel_gap": 1e-4, "time_limit": 1.0})
    if found.x is None:
        return [int(one) for one in cost.argmin(1)]
    return [int(one) for one in found.x[: n * m].reshape(n, m).argmax(1)]


def _partners(network: Network, chosen: list[int], atoms: Atoms, most: float) -> list[tuple[int, int]]:
    """Pairs of atoms of unlike elements and like occupancies whose swap density does not forbid."""
    own = network.unary[np.arange(len(chosen)), chosen]
    pairs = []
    for i in range(len(chosen)):
        for j in range(i + 1, len(chosen)):
            if chosen[i] == chosen[j] or abs(atoms.occupancy[i] - atoms.occupancy[j]) > 0.01:
                continue
            grown = network.unary[i, chosen[j]] + network.unary[j, chosen[i]] - own[i] - own[j]
            if grown < most:
                pairs.append((i, j))
    return pairs


def _swapped(network: Network, chosen: list[int], atoms: Atoms) -> list[int]:
    """Swaps of two atoms' elements as long as one lowers the cost."""
    for _ in range(4):
        changed = False
        for i, j in _partners(network, chosen, atoms, _KEPT):
            if chosen[i] != chosen[j] and network.change(chosen, {i: chosen[j], j: chosen[i]}) < -1e-9:
                chosen[i], chosen[j] = chosen[j], chosen[i]
                changed = True
        if not changed:
            break
    return chosen


def _swap_gaps(network: Network, chosen: list[int], atoms: Atoms) -> Float[np.ndarray, " n"]:
    """Probability of each atom's element among what swaps with others make of it."""
    odds = np.zeros(len(chosen))
    for i, j in _partners(network, chosen, atoms, _KEPT):
        grown = network.change(chosen, {i: chosen[j], j: chosen[i]})
        odds[i] += np.exp(min(-grown, 20.0))
        odds[j] += np.exp(min(-grown, 20.0))
    return 1 / (1 + odds)


def name_elements(
    atoms: Atoms,
    data: Observed,
    content: Mapping[str, float] | None = None,
    elements: tuple[str, ...] = (),
) -> Named:
    """Elements of a model's atoms from measured intensities."""
    symbols = tuple(content) if content else tuple(one for one in elements if one not in ("H", "D"))
    options = [Candidates.of(symbols, hydrogen) for hydrogen in (True, False)]
    numbers = np.array([gemmi.Element(element).atomic_number for element in atoms.elements], float)
    evidence = number_evidence(atoms, data, numbers, (5, 3))
    best: Named | None = None
    for number in range(_ROUNDS):
        reach, most = (1.2, 5) if number == 0 else (0.3, 3)
        found = None
        middle = 1.0
        if content and number == 0:
            filled = sum(gemmi.Element(one).atomic_number * count for one, count in content.items())
            middle, reach = float(evidence.numbers @ atoms.occupancy) / filled, 0.5
        for candidates in options:
            scales = likely_scales(evidence, candidates, middle, reach, most)
            one = named(evidence, data, candidates, content, scales)
            if found is None or one.cost < found.cost:
                found, used = one, candidates
        options = [used]
        assert found is not None
        settled = best is not None and found.elements == best.elements
        best = found
        if settled:
            break
        numbers = np.array([gemmi.Element(element).atomic_number for element in best.elements], float)
        evidence = number_evidence(replace(evidence.atoms, elements=best.elements), data, numbers, (3, 3))
    assert best is not None
    if content:
        best = replace(best, contradicted=_contradicted(best, evidence, used.hydrogen, content))
    doubtful = abs(np.log(best.scale)) > _UNSETTLED or best.misfit > _LARGEST_MISFIT
    doubtful |= len(data.hkl) < _FEWEST * _PARAMETERS * len(atoms)
    if doubtful or (not symbols and _carbon_share(best, data) < _ORGANIC):
        return replace(best, probability=np.minimum(best.probability, 0.5))
    return best


def _contradicted(
    found: Named, evidence: Evidence, hydrogen: bool, content: Mapping[str, float]
) -> int:
    """How many atoms another element would fit much better by density alone, or how many the content is exceeded by."""
    names, occupancy = np.array(found.elements), found.atoms.occupancy
    excess = sum(max(0.0, occupancy[names == one].sum() - count) for one, count in content.items())
    everything = Candidates.of((), hydrogen)
    cost = SiteCosts(evidence, everything).at(found.scale)
    own = np.array([cost[row, everything.symbols.index(one)] for row, one in enumerate(found.elements)])
    return max(int((own - cost.min(1) > _EXCESS).sum()), int(excess))


def _carbon_share(found: Named, data: Observed) -> float:
    """Share of the atoms that are carbon bonded to carbon."""
    carbon = np.array(found.elements) == "C"
    bonded = {i for i, j, d in _pairs(found.atoms, data) if carbon[i] and carbon[j] and d < _CARBON_BOND}
    return len(bonded) / len(carbon)
