"""The joint choice of elements with the lowest cost, free or under a given content, and their
probabilities."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from argand.physics.crystal.atom import Atoms
from argand.physics.phasing.element_assignment import Network

EXCESS = 8.0
"""Cost of an extra atom of an element beyond the formula; set by hand, in nats: that of a clear misfit."""
MISSING = 12.0
"""Largest cost accepted to place a named element that was not found; set by hand, in nats."""
_KEPT = 14.0
"""Elements with a density cost this much above the best are not considered; set by hand, in nats."""
_MOST_KEPT = 10
"""Most elements considered for one site; set by hand, a bound on time."""

_ROUNDING = 0.02
"""Atoms by which a count may be exceeded, since cell contents are rounded; set by hand."""
_LIMITS = {"mip_rel_gap": 1e-4, "time_limit": 1.0}
"""Relative gap and seconds at which the assignment stops; set by hand, bounds on time."""


def _kept(network: Network) -> list[list[int]]:
    """Possible elements of each site, most likely first."""
    kept = []
    for row in network.unary:
        order = np.argsort(row, kind="stable")[:_MOST_KEPT]
        kept.append([int(one) for one in order if row[one] <= row[order[0]] + _KEPT])
    return kept


def free_choice(network: Network) -> list[int]:
    """Set each atom in turn to the element that best fits it and its neighbours, until none changes."""
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


def with_all(network: Network, chosen: list[int]) -> list[int]:
    """The choice with each listed element at least once, unless the cost is too high."""
    for element in range(len(network.symbols)):
        if element in chosen:
            continue
        grown = [
            np.inf if chosen.count(chosen[atom]) == 1 else network.change(chosen, {atom: element})
            for atom in range(len(chosen))
        ]
        if min(grown) < MISSING:
            chosen[int(np.argmin(grown))] = element
    return chosen


def probabilities(network: Network, chosen: list[int]) -> Float[np.ndarray, " n"]:
    """Probability of each atom's element among its alternatives, with the other atoms fixed."""
    probability = np.ones(len(chosen))
    for atom, options in enumerate(_kept(network)):
        costs = np.array([network.environment(atom, one, chosen) for one in options])
        own = network.environment(atom, chosen[atom], chosen)
        others = np.array([one != chosen[atom] for one in options])
        probability[atom] = 1 / (1 + np.exp(own - costs[others]).sum()) if others.any() else 1.0
    return probability


def choice_under_content(network: Network, atoms: Atoms, content: Mapping[str, float]) -> list[int]:
    """Elements with the counts of the content: by assignment, then by swaps."""
    counts = np.array([content.get(symbol, 0.0) for symbol in network.symbols])
    chosen = assigned(network.unary, atoms.occupancy, counts)
    best, best_cost = chosen, network.total(chosen)
    for _ in range(3):
        rows = [
            [network.environment(atom, one, chosen) for one in range(len(counts))]
            for atom in range(len(chosen))
        ]
        new = assigned(np.array(rows), atoms.occupancy, counts)
        if new == chosen:
            break
        chosen = new
        total = network.total(chosen)
        if total < best_cost:
            best, best_cost = chosen, total
    return _swapped(network, list(best), atoms)


def assigned(
    cost: Float[np.ndarray, "n m"], occupancy: Float[np.ndarray, " n"], counts: Float[np.ndarray, " m"]
) -> list[int]:
    """Lowest-cost elements with at most these counts; each excess atom costs `EXCESS`."""
    from scipy.optimize import Bounds, milp  # slow to import, and needed with a formula alone

    n, m = cost.shape
    objective = np.concatenate([cost.ravel() - cost.min(), np.full(m, EXCESS)])
    one_each = np.zeros((n, n * m + m))
    for atom in range(n):
        one_each[atom, atom * m : (atom + 1) * m] = 1
    limited = np.zeros((m, n * m + m))
    for element in range(m):
        limited[element, element : n * m : m] = occupancy
        limited[element, n * m + element] = -1
    highest = np.concatenate([np.ones(n * m), np.full(m, np.inf)])
    whole = np.concatenate([np.ones(n * m), np.zeros(m)])
    # Exactly one element per atom, and at most the counts of the content.
    rows = np.vstack([one_each, limited])
    least = np.concatenate([np.ones(n), np.full(m, -np.inf)])
    most = np.concatenate([np.ones(n), counts + _ROUNDING])
    limits: Any = (rows, least, most)
    bounds: Any = (np.zeros(n * m + m), highest)
    found = milp(objective, constraints=limits, integrality=whole, bounds=Bounds(*bounds), options=_LIMITS)
    if found.x is None:
        return [int(one) for one in cost.argmin(1)]
    return [int(one) for one in found.x[: n * m].reshape(n, m).argmax(1)]


def _partners(network: Network, chosen: list[int], atoms: Atoms, most: float) -> list[tuple[int, int]]:
    """Pairs of atoms of different elements and equal occupancies whose swap the density allows."""
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
    """Swap the elements of two atoms as long as that lowers the cost."""
    for _ in range(4):
        changed = False
        for i, j in _partners(network, chosen, atoms, _KEPT):
            if chosen[i] != chosen[j] and network.change(chosen, {i: chosen[j], j: chosen[i]}) < -1e-9:
                chosen[i], chosen[j] = chosen[j], chosen[i]
                changed = True
        if not changed:
            break
    return chosen


def probabilities_under_content(network: Network, chosen: list[int], atoms: Atoms) -> Float[np.ndarray, " n"]:
    """Probability of each atom's element among those reachable by swaps."""
    odds = np.zeros(len(chosen))
    for i, j in _partners(network, chosen, atoms, _KEPT):
        grown = network.change(chosen, {i: chosen[j], j: chosen[i]})
        odds[i] += np.exp(min(-grown, 20.0))
        odds[j] += np.exp(min(-grown, 20.0))
    return 1 / (1 + odds)
