"""Atoms from the network's density about a vector's midpoint: peaks, and which of each pair is the atom.

The density shows every atom and its inversion image. The vector's own two atoms, the anchors, are each
other's images; of every other pair one is an atom, and the observed map between candidates tells which:
vectors between atoms are in it, vectors from atoms to images in general are not.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from argand.physics.sphere.patterson import Cube, Map, Vectors
from argand.systems.patterson.maps.overlapping_peaks import peel
from argand.systems.patterson.maps.superposition import lone_peak

SPARE = 6
"""Candidates beyond the atoms that are needed. By hand: a false peak must be able to push out no true one."""
EXACT_LIMIT = 12
"""Atoms beside the anchors up to which all sign patterns are tried; more are grown one by one. By hand: 2048
patterns at 12, and their number doubles with each atom; benchmarks/patterson_separation.py times all patterns
of 10 beside swaps."""
ROUNDS = 3
"""Times that candidates are chosen anew by their support from those chosen before. By hand."""
CLASH = 1.4
"""Atoms are never nearer than this, in radii. By hand: spheres that do not overlap are two radii apart, and
peaks are read to a fraction of a radius."""


@dataclass(frozen=True)
class PeakAssignment:
    """Positions about the midpoint (voxels), and the mean support of the weakest atom, 1 being ideal."""

    positions: Float[Tensor, "batch atom 3"]
    support: Float[Tensor, " batch"]


def interpolate(patterson: Map, points: Vectors) -> Float[Tensor, "batch count"]:
    """The periodic map between its voxels, linearly along each axis; `points` in voxels from its origin."""
    box = patterson.shape[-1]
    low = torch.floor(points)
    part, low = points - low, low.long()
    flat, total = patterson.flatten(1), torch.zeros_like(points[..., 0])
    for corner in range(8):
        step = torch.tensor([corner >> 2 & 1, corner >> 1 & 1, corner & 1], device=points.device)
        x, y, z = ((low + step) % box).unbind(-1)
        weight = torch.where(step.bool(), part, 1 - part).prod(-1)
        total = total + flat.gather(1, (x * box + y) * box + z) * weight
    return total


def pair_support(patterson: Map, place: Vectors, radius: float) -> tuple[Tensor, Tensor]:
    """[batch, count, count] each: evidence for two candidates with the same sign, and with opposite signs.

    The map's height at their difference and at their sum, from 0 to 1 lone peak; atoms cannot overlap.
    `place` in voxels from the midpoint, `radius` in voxels.
    """
    unit = lone_peak(radius)
    apart, joined = place[:, :, None] - place[:, None], place[:, :, None] + place[:, None]
    heights = (interpolate(patterson, v.flatten(1, 2)).view(v.shape[:-1]) for v in (apart, joined))
    same, opposite = (height.div(unit).clamp(0, 1) for height in heights)
    # One clash outweighs the support of all others.
    clash, others = -float(place.shape[1]), 1 - torch.eye(place.shape[1], device=place.device)
    return (
        torch.where(apart.norm(dim=-1) < CLASH * radius, clash, same) * others,
        torch.where(joined.norm(dim=-1) < CLASH * radius, clash, opposite) * others,
    )


def read_atoms(
    density: Cube,
    patterson: Map,
    vector: Float[Tensor, "batch 3"],
    atoms: int,
    radius: float,
    sigma: float,
) -> PeakAssignment:
    """The most consistent set of `atoms` atoms: the anchors, and candidates with their hands chosen.

    `density` is about the midpoint of `vector`, a sum of Gaussians of width `sigma`; all lengths in voxels.
    """
    # The anchors are one pair of peaks, each other's image: atoms - 1 pairs in all.
    place, height = peel(density, vector / 2, atoms - 1 + SPARE, sigma)
    anchor, place, height = place[:, 0], place[:, 1:], height[:, 1:]
    order = height.argsort(1, descending=True)
    place = place.gather(1, order[..., None].expand(-1, -1, 3))
    same, opposite = pair_support(patterson, place, radius)
    chosen = choose_signs(same, opposite, height.gather(1, order), atoms - 2)
    rows = chosen.order[..., None].expand(-1, -1, 3)
    others = place.gather(1, rows) * chosen.sign[..., None]
    return PeakAssignment(torch.cat([torch.stack([-anchor, anchor], dim=1), others], dim=1), chosen.support)


@dataclass(frozen=True)
class Choice:
    """Numbers of the chosen candidates, their signs, and the least mean support among them."""

    order: Tensor
    sign: Tensor
    support: Tensor


def choose_signs(same: Tensor, opposite: Tensor, height: Tensor, count: int) -> Choice:
    """The `count` candidates and signs that support each other best; candidates come strongest first.

    Signs are found exactly over all patterns of the strongest (or by growth where these are many); then
    candidates are chosen anew by their support from the chosen. `same` and `opposite` are [batch, all, all]
    (`pair_support`), `height` [batch, all].
    """
    batch, _, _ = same.shape
    if count <= EXACT_LIMIT:
        sign = exact_signs(same[:, :count, :count], opposite[:, :count, :count])
        chosen = torch.arange(count, device=same.device).expand(batch, count)
    else:
        chosen, sign = grow_signs(same, opposite, count)
    for _ in range(ROUNDS):
        support, signs = _support(same, opposite, chosen, sign)
        best = (support + height).topk(count, dim=1).indices
        chosen, sign = best, signs.gather(1, best)
    support, _ = _support(same, opposite, chosen, sign)
    return Choice(chosen, sign, support.gather(1, chosen).amin(1))


def exact_signs(same: Tensor, opposite: Tensor) -> Float[Tensor, "batch count"]:
    """The pattern of signs with the most support among all, the first sign being +; the hand is not
    determined.

    Equal signs count `same`, others `opposite`: up to a constant the quadratic form of their difference.
    """
    count = same.shape[-1]
    patterns = sign_patterns(count, same.device)
    coupling = same - opposite
    score = torch.einsum("pi,bij,pj->bp", patterns, coupling, patterns)
    return patterns[score.argmax(1)]


def sign_patterns(count: int, device: torch.device | None = None) -> Float[Tensor, "pattern count"]:
    """All 2^(count - 1) patterns of +1 and -1 that begin with +1."""
    number = torch.arange(2 ** max(count - 1, 0), device=device)
    bits = number[:, None] >> torch.arange(max(count - 1, 0), device=device) & 1
    return torch.cat([torch.ones(len(number), 1, device=device), 1.0 - 2.0 * bits], dim=1)


def grow_signs(same: Tensor, opposite: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Candidates and signs taken one by one, each the best supported by those taken before."""
    batch, total, _ = same.shape
    state = torch.zeros(batch, total, device=same.device)
    state[:, 0] = 1.0
    order = [torch.zeros(batch, dtype=torch.long, device=same.device)]
    rows = torch.arange(batch, device=same.device)
    for _ in range(count - 1):
        plus, minus = _evidence(same, opposite, state)
        # Half (by hand) of what tells the signs apart on top: sure candidates first, vague ones by their
        # company.
        gain = torch.maximum(plus, minus) + 0.5 * (plus - minus).abs()
        pick = torch.where(state == 0, gain, -torch.inf).argmax(1)
        state[rows, pick] = torch.where(plus[rows, pick] >= minus[rows, pick], 1.0, -1.0)
        order.append(pick)
    chosen = torch.stack(order, dim=1)
    return chosen, state.gather(1, chosen)


def _evidence(same: Tensor, opposite: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Support of each candidate for + and for -, from those whose state (+1, -1 or 0) is set."""
    up, down = (state > 0).float(), (state < 0).float()
    plus = torch.einsum("bij,bj->bi", same, up) + torch.einsum("bij,bj->bi", opposite, down)
    minus = torch.einsum("bij,bj->bi", same, down) + torch.einsum("bij,bj->bi", opposite, up)
    return plus, minus


def _support(same: Tensor, opposite: Tensor, chosen: Tensor, sign: Tensor) -> tuple[Tensor, Tensor]:
    """Best mean support of every candidate by the chosen others, and the sign that has it."""
    state = torch.zeros(same.shape[:2], device=same.device).scatter(1, chosen, sign)
    plus, minus = _evidence(same, opposite, state)
    others = (chosen.shape[1] - state.abs()).clamp_min(1.0)
    return torch.maximum(plus, minus) / others, torch.where(plus >= minus, 1.0, -1.0)
