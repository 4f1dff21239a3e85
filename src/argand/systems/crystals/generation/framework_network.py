"""The network that draws frameworks: a transformer over the orbits of a crystal, one after the other.

The order is: space group; letter and element of each orbit; the cell; the places of the orbits that are not
fixed. Masks leave no probability to what is not a crystal of the group. In the spirit of CrystalFormer (Cao
et al., arXiv 2403.15734) and of the Wyckoff transformer (Kazeev et al., arXiv 2503.02407).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from argand.physics.crystal.structure import MAX_Z
from argand.physics.crystal.wyckoff import GROUPS
from argand.systems.crystals.generation.framework import MOST_SITES, PARTS
from argand.systems.crystals.generation.framework_dataset import ABSENT
from argand.systems.crystals.generation.framework_tables import SITE_FEATURES, site_tables
from argand.systems.crystals.generation.wyckoff_table import LETTERS

END = len(LETTERS)
"""Drawn in place of a letter after the last orbit."""
WAVES = 6
"""Sines and cosines that tell a coordinate. By hand: the shortest period is a sixth of the cell."""
_QUICK = 10.0
"""Factor on the logits of groups, which are learned from nothing: their rate is that of the weights else,
and takes a thousand steps. By hand."""
_CELL = 6
"""Numbers of a cell: its size, two ratios, three cosines."""
_SLOTS = 2 * MOST_SITES + 2
"""Tokens of a crystal: group, orbits, end, places of the orbits."""
_MIXTURE = 12
"""Normal distributions of each number of the cell; by hand."""
_NARROWEST = 0.004
"""Least width of one of them: without it a cubic-like cell is learned without bound. By hand, 0.4 % of a
ratio."""


@dataclass(frozen=True)
class FrameworkShape:
    """Sizes of the network. By hand, for 50 minutes of one core; none was compared."""

    width: int = 128
    layers: int = 4
    heads: int = 4


class Block(nn.Module):
    """Attention to earlier tokens and a layer of two, on the tokens of all crystals end to end."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.ask, self.mix = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.inner, self.outer = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, tokens: Tensor, rows: Tensor, columns: Tensor, shape: tuple[int, int]) -> Tensor:
        """Tokens [n, width]; their crystal and number in it, each [n]; how many of both there are."""
        asked = self.ask(self.before(tokens))
        padded = asked.new_zeros(*shape, asked.shape[-1])
        padded[rows, columns] = asked
        parts = padded.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        heard = F.scaled_dot_product_attention(parts[0], parts[1], parts[2], is_causal=True)
        tokens = tokens + self.mix(heard.transpose(1, 2).flatten(2)[rows, columns])
        return tokens + self.outer(F.silu(self.inner(self.after(tokens))))


class FrameworkNetwork(nn.Module):
    """Arrays as of `framework_dataset.arrays_of` as tensors, to logits of each choice given those before."""

    features: Tensor
    sites: Tensor
    freedom: Tensor
    origin: Tensor
    axes: Tensor
    free_cell: Tensor

    def __init__(self, shape: FrameworkShape) -> None:
        super().__init__()
        width = shape.width
        tables = site_tables()
        for name in ("features", "sites", "freedom", "origin", "axes", "free_cell"):
            self.register_buffer(name, getattr(tables, name), persistent=False)
        self.groups = nn.Parameter(torch.zeros(GROUPS))
        self.group, self.letter = nn.Embedding(GROUPS, width), nn.Embedding(END + 1, width)
        self.element = nn.Embedding(MAX_Z + 1, width)
        self.filled, self.kind = nn.Embedding(MOST_SITES + 1, width), nn.Embedding(_SLOTS, width)
        self.site, self.cell = nn.Linear(SITE_FEATURES, width), nn.Linear(_CELL, width)
        self.earlier = nn.Linear(6 * WAVES, width)
        for table in (self.group, self.letter, self.element, self.filled, self.kind):
            nn.init.normal_(table.weight, std=0.3)
        self.blocks = nn.ModuleList(Block(width, shape.heads) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(width)
        self.letters, self.by_group = nn.Linear(width, END + 1), nn.Embedding(GROUPS, END + 1)
        nn.init.zeros_(self.by_group.weight)
        self.of_element, self.elements = nn.Linear(width, width), nn.Linear(width, MAX_Z)
        self.of_place = nn.ModuleList(nn.Linear(width + 2 * WAVES * j, width) for j in range(3))
        self.places = nn.ModuleList(nn.Linear(width, PARTS) for _ in range(3))
        self.of_cell = nn.ModuleList(nn.Linear(width + j, width) for j in range(_CELL))
        self.numbers = nn.ModuleList(nn.Linear(width, 3 * _MIXTURE) for _ in range(_CELL))
        # By hand: over the range of the numbers, and as wide as it takes to fill it.
        means, widths = torch.linspace(-1.0, 2.0, _MIXTURE), torch.full((_MIXTURE,), -1.5)
        for head in self.numbers:
            assert isinstance(head, nn.Linear)
            head.bias.data[_MIXTURE:] = torch.cat([means, widths])

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """What is known at each slot, [batch, slot, width]: group, orbits, end, places of the orbits.

        A slot knows the choices before it alone: what is not drawn yet may be anything.
        """
        group, letters = batch["group"].long() - 1, batch["letters"].long()
        there = letters != ABSENT
        letters = letters.masked_fill(~there, END)
        known = letters.clamp(max=END - 1)
        free = there & (self.freedom[group[:, None], known] > 0)
        orbit = self.site_of(group[:, None], letters) + self.element(batch["elements"].long() * there)
        filled = self.filled(self.filled_sites(group, letters).clamp(0, MOST_SITES))
        start = torch.zeros_like(orbit[:, :1])
        final = (self.letter.weight[END] + filled[:, -1])[:, None]
        placed = (
            orbit + self.cell(batch["cell"])[:, None] + self._earlier(group, known, free, batch["places"])
        )
        slots = torch.cat([start, orbit + filled, final, placed], 1) + self.kind.weight
        slots = slots + self.group(group)[:, None]
        ones = torch.ones_like(there[:, :1])
        valid = torch.cat([ones, there, ones, free], 1)
        rows, columns = valid.nonzero(as_tuple=True)
        place = (valid.cumsum(1) - 1)[rows, columns]
        shape = (len(valid), int(place.max()) + 1)
        tokens = slots[rows, columns]
        for block in self.blocks:
            tokens = block(tokens, rows, place, shape)
        return torch.zeros_like(slots).index_put((rows, columns), self.norm(tokens))

    def group_logits(self) -> Tensor:
        """Logits of the groups (column number - 1)."""
        return _QUICK * self.groups

    def site_of(self, group: Tensor, letters: Tensor) -> Tensor:
        """The tokens of positions; of `END` nothing but its name."""
        described = self.site(self.features[group, letters.clamp(max=END - 1)])
        return self.letter(letters) + described * (letters < END)[..., None]

    def filled_sites(self, group: Tensor, letters: Tensor) -> Tensor:
        """Sites of the primitive cell up to each orbit, it included; groups from 0, [batch, orbit]."""
        sites = self.sites[group[:, None], letters.clamp(max=END - 1)] * (letters < END)
        return sites.cumsum(1)

    def _earlier(self, group: Tensor, letters: Tensor, free: Tensor, places: Tensor) -> Tensor:
        """For each orbit the point of the last free one before it."""
        u = places.float() / PARTS
        at = (group[:, None], letters)
        point = self.origin[at] + (self.axes[at] @ u[..., None])[..., 0]
        number = torch.arange(free.shape[1], device=free.device).expand_as(free)
        last = torch.where(free, number, -1).cummax(1).values
        last = F.pad(last[:, :-1], (1, 0), value=-1)
        chosen = point.gather(1, last.clamp(min=0)[..., None].expand_as(point))
        return self.earlier(waves(chosen).flatten(2)) * (last >= 0)[..., None]

    def letter_logits(self, hidden: Tensor, group: Tensor, letters: Tensor) -> Tensor:
        """Logits of the letter after each of the first slots [batch, 1 + orbit, END + 1], masked.

        `hidden` are the first slots, `group` from 0, `letters` [batch, orbit] with END where there is none.
        """
        logits = self.letters(hidden) + self.by_group.weight[group][:, None]
        return logits.masked_fill(~self.legal_letters(group, letters), -torch.inf)

    def legal_letters(self, group: Tensor, letters: Tensor) -> Tensor:
        """Which letters may follow each of the first slots, the end being the last of them.

        Those of the group, in their order, without freedom once, and with room in a cell of `MOST_SITES`.
        """
        last = F.pad(letters, (1, 0), value=0)[..., None]
        room = MOST_SITES - F.pad(self.filled_sites(group, letters), (1, 0))[..., None]
        sites, freedom = self.sites[group][:, None], self.freedom[group][:, None]
        name = torch.arange(END, device=last.device)
        first = torch.zeros_like(last, dtype=torch.bool)
        first[:, 0] = True
        repeats = (name == last) & (freedom == 0) & ~first
        legal = (sites > 0) & (sites <= room) & (name >= last) & ~repeats
        return torch.cat([legal, ~first], -1)

    def element_logits(self, hidden: Tensor, group: Tensor, letters: Tensor, least: Tensor) -> Tensor:
        """Logits of elements (column Z - 1) on these letters; none below atomic number `least`."""
        known = self.site_of(group, letters)
        logits = self.elements(F.silu(self.of_element(hidden + known)))
        return logits.masked_fill(
            torch.arange(1, MAX_Z + 1, device=hidden.device) < least[..., None], -torch.inf
        )

    def place_logits(self, hidden: Tensor, u: Tensor, number: int) -> Tensor:
        """Logits of the steps of free coordinate `number`, given those before it in `u` [..., 3]."""
        told = torch.cat([hidden, waves(u[..., :number]).flatten(-2)], -1)
        return self.places[number](F.silu(self.of_place[number](told)))

    def cell_mixture(self, hidden: Tensor, cell: Tensor, number: int) -> tuple[Tensor, Tensor, Tensor]:
        """Log weights, means and widths of the normal distributions of a number of the cell."""
        told = torch.cat([hidden, cell[..., :number]], -1)
        weight, mean, width = self.numbers[number](F.silu(self.of_cell[number](told))).float().chunk(3, -1)
        return weight.log_softmax(-1), mean, width.clamp(max=2.0).exp() + _NARROWEST


def waves(u: Tensor) -> Tensor:
    """Cosines and sines of coordinates [..., n], [..., n, 2 `WAVES`]."""
    turn = 2 * torch.pi * u[..., None] * torch.arange(1, WAVES + 1, device=u.device)
    return torch.cat([turn.cos(), turn.sin()], -1)


def log_likelihood(network: FrameworkNetwork, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Natural logarithms of the probability of each crystal's group, letters, elements, cell and places.

    Each [batch]; of the cell it is a density in the numbers of `Framework.cell`.
    """
    hidden = network(batch)
    group, letters = batch["group"].long() - 1, batch["letters"].long()
    there = letters != ABSENT
    letters = letters.masked_fill(~there, END)
    elements = batch["elements"].long()
    found = {"group": network.group_logits().log_softmax(0)[group]}
    first = hidden[:, : MOST_SITES + 1]
    logits = network.letter_logits(first, group, letters).float().log_softmax(-1)
    following = F.pad(letters, (0, 1), value=END)
    asked = F.pad(there, (1, 0), value=True)
    chance = logits.gather(-1, following[..., None])[..., 0]
    found["letters"] = chance.masked_fill(~asked, 0.0).sum(1)
    rows, columns = there.nonzero(as_tuple=True)
    same = (columns > 0) & (letters[rows, columns] == letters[rows, (columns - 1).clamp(min=0)])
    least = torch.where(same, elements[rows, (columns - 1).clamp(min=0)], 1)
    logits = network.element_logits(first[rows, columns], group[rows], letters[rows, columns], least)
    chance = logits.float().log_softmax(-1).gather(-1, elements[rows, columns, None] - 1)[:, 0]
    found["elements"] = _summed(chance, rows, len(group))
    found["cell"] = _cell_likelihood(network, hidden[:, MOST_SITES + 1], batch["cell"], group)
    freedom = network.freedom[group[:, None], letters.clamp(max=END - 1)] * there
    found["places"] = _place_likelihood(network, hidden[:, MOST_SITES + 2 :], batch["places"], freedom)
    return found


def _cell_likelihood(network: FrameworkNetwork, hidden: Tensor, cell: Tensor, group: Tensor) -> Tensor:
    total = torch.zeros(len(group), device=hidden.device)
    for number in range(_CELL):
        weight, mean, width = network.cell_mixture(hidden, cell, number)
        off = (cell[:, number, None] - mean) / width
        density = weight - 0.5 * off**2 - width.log() - 0.9189385
        total = total + density.logsumexp(-1) * network.free_cell[group, number]
    return total


def _place_likelihood(network: FrameworkNetwork, hidden: Tensor, places: Tensor, freedom: Tensor) -> Tensor:
    total = torch.zeros(len(places), device=hidden.device)
    for number in range(3):
        rows, columns = (freedom > number).nonzero(as_tuple=True)
        steps = places[rows, columns].long()
        logits = network.place_logits(hidden[rows, columns], steps.float() / PARTS, number)
        chance = logits.float().log_softmax(-1).gather(-1, steps[:, number, None])[:, 0]
        total = total + _summed(chance, rows, len(places))
    return total


def _summed(values: Tensor, rows: Tensor, count: int) -> Tensor:
    return torch.zeros(count, device=values.device).index_add(0, rows, values)
