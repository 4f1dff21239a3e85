"""The network that knows which elements fit the sites of a structure, and how large its cell then is.

Trained on hidden elements: some kinds of sites are shown without their element, and the network says which
they are from the places of all atoms and from the other elements. With all orders of hiding trained alike,
elements are drawn one kind after another (Uria et al., ICML 2014).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from argand.physics.crystal.structure import MAX_Z
from argand.systems.crystals.generation.local_environment import MOST_KINDS

HIDDEN = MAX_Z + 1
"""Stands for an element that is not shown."""
_RADIAL = 16
"""Gaussians of the distance. By hand: 0.12 apart and as wide, six times the noise of training."""
_NEAREST, _FARTHEST = 0.4, 2.2
"""Range of the radial functions, in cube roots of the volume for an atom. By hand: touching spheres of close
packing are at 1.12, and atoms evenly spread have 16 within 1.56."""
_TOKENS = 3
"""What a kind of site is told besides: its share of atoms, whether it is hidden, atoms in the cell."""


@dataclass(frozen=True)
class OccupationShape:
    """Sizes of the network: numbers for an atom, layers of messages and of attention among kinds.

    By hand, for the 40 minutes on two cores in which the shipped weights were trained; none was compared.
    """

    width: int = 96
    layers: int = 3
    attention: int = 2
    heads: int = 4


class Messages(nn.Module):
    """Neighbours tell an atom what they are, weighted by their distance; then its kind's mean does."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.before, self.after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.filters = nn.Linear(2 * _RADIAL, width, bias=False)
        self.values, self.mix = nn.Linear(width, width), nn.Linear(2 * width, width)
        self.inner, self.outer = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, atoms: Tensor, near: Tensor, radial: Tensor, group: Tensor, groups: int) -> Tensor:
        """Atoms [n, width], neighbours [n, k], radial functions [n, k, 2 r], groups [n]."""
        seen = self.before(atoms)
        told = (self.filters(radial) * self.values(seen)[near]).sum(1)
        kind = pooled(seen, group, groups)[group]
        atoms = atoms + self.mix(torch.cat([told, kind], 1))
        return atoms + self.outer(F.silu(self.inner(self.after(atoms))))


class OccupationNetwork(nn.Module):
    """Species, some hidden, and neighbours to logits of the kinds' elements and the logarithm of the size."""

    centres: Tensor

    def __init__(self, shape: OccupationShape) -> None:
        super().__init__()
        width = shape.width
        self.embedding = nn.Embedding(HIDDEN + 1, width)
        self.layers = nn.ModuleList(Messages(width) for _ in range(shape.layers))
        self.tokens = nn.Linear(width + _TOKENS, width)
        block = nn.TransformerEncoderLayer(
            width, shape.heads, 2 * width, dropout=0.0, batch_first=True, norm_first=True
        )
        self.attention = nn.TransformerEncoder(block, shape.attention, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.elements, self.size = nn.Linear(width, MAX_Z), nn.Linear(width, 1)
        centres = torch.linspace(_NEAREST, _FARTHEST, _RADIAL)
        self.register_buffer("centres", centres, persistent=False)

    def forward(
        self, species: Tensor, kinds: Tensor, neighbours: Tensor, distance: Tensor
    ) -> tuple[Tensor, Tensor]:
        """[batch, atom], twice, and [batch, atom, neighbour], twice, to [batch, kind, element], [batch].

        Distances are in cube roots of the volume for an atom; what comes out are logits, column Z - 1 for
        element Z, and the logarithm of that unit in Å.
        """
        batch, padded = species.shape
        real = species.reshape(-1) > 0
        number = real.cumsum(0) - 1
        start = torch.arange(batch, device=species.device) * padded
        near = number[(neighbours.long() + start[:, None, None]).reshape(-1, neighbours.shape[-1])[real]]
        first = torch.arange(batch, device=species.device) * MOST_KINDS
        group = (kinds.long() + first[:, None]).reshape(-1)[real]
        shown = species.reshape(-1)[real].long()
        radial = self._radial(distance.reshape(-1, distance.shape[-1])[real], group[near] == group[:, None])
        atoms = self.embedding(shown)
        for layer in self.layers:
            atoms = layer(atoms, near, radial, group, batch * MOST_KINDS)
        return self._read(atoms, shown, group, batch)

    def _radial(self, distance: Tensor, same: Tensor) -> Tensor:
        """Gaussians of the distance that end at the farthest neighbour, once more for the same kind."""
        width = (_FARTHEST - _NEAREST) / (_RADIAL - 1)
        weight = (1 - (distance / distance[:, -1:].clamp(min=1e-3)) ** 2).clamp(min=0) ** 2
        bells = torch.exp(-0.5 * ((distance[..., None] - self.centres) / width) ** 2) * weight[..., None]
        return torch.cat([bells, bells * same[..., None]], -1)

    def _read(self, atoms: Tensor, shown: Tensor, group: Tensor, batch: int) -> tuple[Tensor, Tensor]:
        """What the atoms of each kind say together, after the kinds have heard each other."""
        groups = batch * MOST_KINDS
        counts = torch.zeros(groups, device=atoms.device).index_add(0, group, torch.ones_like(shown).float())
        counts = counts.reshape(batch, MOST_KINDS)
        total = counts.sum(1, keepdim=True)
        hidden = pooled((shown == HIDDEN).to(atoms.dtype)[:, None], group, groups).reshape(counts.shape)
        # 20: LARGEST, so that the number of atoms is a share.
        told = torch.stack([counts / total, hidden, (total / 20).expand_as(counts)], -1)
        tokens = pooled(atoms, group, groups).reshape(batch, MOST_KINDS, -1)
        empty = counts == 0
        tokens = self.attention(self.tokens(torch.cat([tokens, told], -1)), src_key_padding_mask=empty)
        tokens = self.norm(tokens)
        size = (self.size(tokens)[..., 0] * counts / total).sum(1)
        return self.elements(tokens), size


def pooled(values: Tensor, group: Tensor, groups: int) -> Tensor:
    """Mean of the values [n, width] of each group; zero for an empty one."""
    total = torch.zeros(groups, values.shape[1], device=values.device, dtype=values.dtype)
    ones = torch.ones_like(values[:, :1])
    count = torch.zeros(groups, 1, device=values.device, dtype=values.dtype).index_add(0, group, ones)
    return total.index_add(0, group, values) / count.clamp(min=1)
