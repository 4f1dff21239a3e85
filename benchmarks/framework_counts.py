"""The trivial network of frameworks: counts of the training crystals by space group and Wyckoff letter.

It offers what the trained one does, so that likelihoods and draws of both come from the same code.
"""

from typing import Any

import torch
from torch import Tensor

from argand.physics.crystal.structure import MAX_Z
from argand.physics.crystal.wyckoff import GROUPS
from argand.systems.crystals.generation.framework import MOST_SITES, PARTS
from argand.systems.crystals.generation.framework_dataset import ABSENT
from argand.systems.crystals.generation.framework_network import END, FrameworkNetwork, FrameworkShape

PRIOR = 0.1
"""Added to counts of letters and groups, so that nothing legal is impossible."""
BACK_OFF = 20.0
"""Counts that the frequencies over all groups weigh, where a letter of a group is rare."""
NARROWEST = 0.02
"""Least width of a normal distribution of a number of the cell."""


class CountNetwork(FrameworkNetwork):
    """Letters given group and last letter; elements and coordinates by group and letter; cells by group."""

    def __init__(self, arrays: dict[str, Any]) -> None:
        super().__init__(FrameworkShape(width=4, layers=1, heads=1))
        batch = {name: torch.from_numpy(values) for name, values in arrays.items()}
        group = batch["group"].long() - 1
        there = batch["letters"] != ABSENT
        letters = batch["letters"].long().masked_fill(~there, END)
        rows, columns = there.nonzero(as_tuple=True)
        self.group_counts = torch.bincount(group, minlength=GROUPS) + PRIOR
        self._count_letters(group, letters)
        self._count_elements(group[rows], letters[rows, columns], batch["elements"].long()[rows, columns])
        self._count_places(group[rows], letters[rows, columns], batch["places"].long()[rows, columns])
        self._measure_cells(group, batch["cell"])

    def _count_letters(self, group: Tensor, letters: Tensor) -> None:
        """After the start (row END) and each letter; letters [n, orbit] with END where there is none."""
        end = torch.full_like(letters[:, :1], END)
        before, after = torch.cat([end, letters], 1), torch.cat([letters, end], 1)
        # The first slot follows the start, and slots after the first end follow nothing.
        is_real = before != END
        is_real[:, 0] = True
        self.letter_counts = torch.full((GROUPS, END + 1, END + 1), PRIOR)
        at = tuple(part[is_real] for part in (group[:, None].expand_as(before), before, after))
        self.letter_counts.index_put_(at, torch.ones(len(at[0])), accumulate=True)

    def _count_elements(self, group: Tensor, letters: Tensor, elements: Tensor) -> None:
        overall = torch.bincount(elements - 1, minlength=MAX_Z) + PRIOR
        counts = BACK_OFF * (overall / overall.sum()).expand(GROUPS, END, MAX_Z)
        one = torch.ones(len(group))
        self.element_counts = counts.clone().index_put_((group, letters, elements - 1), one, accumulate=True)

    def _count_places(self, group: Tensor, letters: Tensor, places: Tensor) -> None:
        self.place_counts = torch.full((GROUPS, END, 3, PARTS), BACK_OFF / PARTS)
        for number in range(3):
            at = (group, letters, torch.full_like(group, number), places[:, number])
            self.place_counts.index_put_(at, torch.ones(len(group)), accumulate=True)

    def _measure_cells(self, group: Tensor, cell: Tensor) -> None:
        self.means, self.widths = cell.mean(0).repeat(GROUPS, 1), cell.std(0).repeat(GROUPS, 1)
        for number in group.unique().tolist():
            inside = cell[group == number]
            if len(inside) > BACK_OFF:
                self.means[number] = inside.mean(0)
                self.widths[number] = inside.std(0).clamp(min=NARROWEST)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Of each slot its group and the letter of its orbit, [batch, slot, 2]."""
        letters = batch["letters"].long().clamp(max=END - 1)
        slots = torch.zeros(len(letters), 2 * MOST_SITES + 2, 2)
        slots[..., 0] = (batch["group"].float() - 1)[:, None]
        slots[:, MOST_SITES + 2 :, 1] = letters.float()
        return slots

    def group_logits(self) -> Tensor:
        """Logarithms of the counts."""
        return self.group_counts.log()

    def letter_logits(self, hidden: Tensor, group: Tensor, letters: Tensor) -> Tensor:
        """As of the trained network."""
        before = torch.cat([torch.full_like(letters[:, :1], END), letters], 1)
        logits = self.letter_counts[group[:, None], before].log()
        return logits.masked_fill(~self.legal_letters(group, letters), -torch.inf)

    def element_logits(self, hidden: Tensor, group: Tensor, letters: Tensor, least: Tensor) -> Tensor:
        """As of the trained network."""
        logits = self.element_counts[group, letters].log()
        return logits.masked_fill(torch.arange(1, MAX_Z + 1) < least[..., None], -torch.inf)

    def place_logits(self, hidden: Tensor, u: Tensor, number: int) -> Tensor:
        """As of the trained network."""
        group, letters = hidden.long().unbind(-1)
        return self.place_counts[group, letters, number].log()

    def cell_mixture(self, hidden: Tensor, cell: Tensor, number: int) -> tuple[Tensor, Tensor, Tensor]:
        """As of the trained network, of one normal distribution."""
        group = hidden[..., 0].long()
        mean = self.means[group, number][:, None]
        return torch.zeros_like(mean), mean, self.widths[group, number][:, None]
