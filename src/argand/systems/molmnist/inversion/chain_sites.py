"""Which sites have a chain, under one pose: first any share between none and one, then whole chains."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Complex, Float
from torch import Tensor

from argand.systems.molmnist.inversion.chain_counts import (
    Light,
    SeenPattern,
    changed_costs,
    linearised,
    misfits,
)

_LOOSE = 0.02
"""Variance that every occupancy has at least while it is not a whole number. By hand."""
_INNER = 4
"""Steps of the sites under one pose at most. By hand: the pose changes after them."""
_FLIPS = 40
"""Changes of single sites at most in a round. By hand: more than that are another start."""
_SWAPPED = 10
"""Chains and empty sites, those cheapest to change, of which pairs are exchanged. By hand, for time."""


def relaxed(
    seen: SeenPattern, waves: Complex[Tensor, "pixel site"], sites: Tensor, light: Light, held: Tensor
) -> Tensor:
    """Occupancies between 0 and 1 by Gauss-Newton, held to the network's chances."""
    chance = held.sigmoid().flatten()
    active = _active(sites, held)
    weight = 1 / (chance[active] * (1 - chance[active]) + _LOOSE)
    now = sites.flatten().clone()
    cost = _relaxed_cost(seen, waves, now, chance, weight, active, light)
    for _ in range(_INNER):
        left, columns = linearised(seen, waves, now, active, light)
        matrix = columns.T @ columns + torch.diag(weight)
        step = torch.linalg.solve(matrix, columns.T @ left - weight * (now[active] - chance[active]))
        for share in (1.0, 0.4, 0.15):
            moved = now.clone()
            moved[active] = (now[active] + share * step).clamp(0, 1)
            after = _relaxed_cost(seen, waves, moved, chance, weight, active, light)
            if after < cost:
                now, cost = moved, after
                break
        else:
            break
    return now.reshape(sites.shape)


def _relaxed_cost(
    seen: SeenPattern,
    waves: Complex[Tensor, "pixel site"],
    now: Tensor,
    chance: Tensor,
    weight: Tensor,
    active: Tensor,
    light: Tensor,
) -> float:
    left = misfits(seen, (waves @ now.to(waves.dtype)).abs().square()[None], light)[0]
    return float(left.square().sum() + (weight * (now - chance)[active].square()).sum())


def _active(sites: Tensor, held: Tensor) -> Bool[Tensor, " site"]:
    """Sites that may have a chain: those that the network holds possible, and those beside chains."""
    beside = F.max_pool2d((sites > 0.5).float()[None, None], 3, 1, 1)[0, 0] > 0
    return (beside | (held > -3.5)).flatten()


def flipped(
    seen: SeenPattern, waves: Complex[Tensor, "pixel site"], sites: Tensor, light: Light, held: Tensor
) -> Tensor:
    """Whole chains, set and taken away one by one while that lowers the cost."""
    now = (sites > 0.5).float().flatten()
    for _ in range(_FLIPS):
        gain, _ = flip_costs(seen, waves, now, light, held)
        best = int(gain.argmin())
        if float(gain[best]) < 0 and (now.sum() > 1 or now[best] < 0.5):
            now[best] = 1 - now[best]
            continue
        pair, cost = _best_swap(seen, waves, now, gain, light, held)
        if cost >= 0:
            break
        now[pair] = 1 - now[pair]
    return now.reshape(sites.shape)


def _best_swap(
    seen: SeenPattern,
    waves: Complex[Tensor, "pixel site"],
    now: Tensor,
    gain: Float[Tensor, " site"],
    light: Light,
    held: Tensor,
) -> tuple[Tensor, float]:
    """The chain and the empty site whose exchange lowers the cost most, of those cheapest by themselves."""
    taken = torch.where(now > 0.5, gain, torch.inf).argsort()[:_SWAPPED]
    set_ = torch.where(now < 0.5, gain, torch.inf).argsort()[:_SWAPPED]
    first, second = (one.flatten() for one in torch.meshgrid(taken, set_, indexing="ij"))
    wave = waves @ now.to(waves.dtype)
    cost = changed_costs(seen, wave, waves[:, second] - waves[:, first], light)
    prior = held.flatten()
    cost = cost + prior[first] - prior[second]
    best = int(cost.argmin())
    return torch.stack([first[best], second[best]]), float(cost[best])


def flip_costs(
    seen: SeenPattern, waves: Complex[Tensor, "pixel site"], now: Tensor, light: Light, held: Tensor
) -> tuple[Float[Tensor, " site"], Bool[Tensor, " site"]]:
    """What a change of each site adds to the cost (infinite where none may be), and which may change."""
    active = _active(now.reshape(held.shape), held)
    sign = 1 - 2 * now[active]
    cost = changed_costs(seen, waves @ now.to(waves.dtype), waves[:, active] * sign, light)
    gain = torch.full_like(now, torch.inf)
    gain[active] = cost - sign * held.flatten()[active]
    return gain, active
