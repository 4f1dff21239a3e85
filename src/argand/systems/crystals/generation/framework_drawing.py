"""Frameworks drawn by the network, choice by choice, with room left for every atom."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from argand.physics.crystal.structure import Structure
from argand.systems.crystals.generation.framework import MOST_SITES, PARTS
from argand.systems.crystals.generation.framework_assembly import Assembly
from argand.systems.crystals.generation.framework_dataset import ABSENT
from argand.systems.crystals.generation.framework_network import END, FrameworkNetwork

TRIES = 16
"""Times that a cell, or the place of one orbit, is drawn before a crystal is given up for lack of room. By
hand; benchmarks/crystals_frameworks.py has the share that is given up."""


@dataclass
class Drawn:
    """One draw: what was chosen, and the crystal, or None for what had no room."""

    group: int
    letters: np.ndarray
    elements: np.ndarray
    structure: Structure | None


def draw_frameworks(network: FrameworkNetwork, count: int, seed: int, temperature: float) -> list[Drawn]:
    """`count` draws of the network, fixed by the seed; below a temperature of 1 likely choices are preferred.

    The temperature divides the logits of all choices, and widens the distributions of the cell by its root.
    """
    state = _Draw(network, count, torch.Generator().manual_seed(seed), temperature)
    with torch.inference_mode():
        state.draw_orbits()
        state.draw_cells()
        for orbit in range(MOST_SITES):
            state.draw_places(orbit)
    return state.drawn()


class _Draw:
    """Draws in progress: the batch as the network takes it, and the crystals as far as they are built."""

    def __init__(
        self, network: FrameworkNetwork, count: int, generator: torch.Generator, temperature: float
    ) -> None:
        self.network, self.generator, self.temperature = network, generator, temperature
        chance = (network.group_logits() / temperature).softmax(0)
        group = torch.multinomial(chance, count, replacement=True, generator=generator)
        self.batch: dict[str, Tensor] = {
            "group": group + 1,
            "letters": torch.full((count, MOST_SITES), ABSENT),
            "elements": torch.zeros(count, MOST_SITES, dtype=torch.long),
            "places": torch.zeros(count, MOST_SITES, 3, dtype=torch.long),
            "cell": torch.zeros(count, 6),
        }
        self.built: list[Assembly | None] = [None] * count

    def draw_orbits(self) -> None:
        """Letters and elements of all orbits."""
        active = torch.arange(len(self.built))
        for slot in range(MOST_SITES + 1):
            part = self._part(active)
            group, letters = part["group"] - 1, part["letters"]
            letters = letters.masked_fill(letters == ABSENT, END)
            hidden = self.network(part)[:, : MOST_SITES + 1]
            drawn = self._choose(self.network.letter_logits(hidden, group, letters)[:, slot])
            more = drawn < END
            active, drawn, hidden, letters = active[more], drawn[more], hidden[more, slot], letters[more]
            if not len(active):
                return
            before = max(slot - 1, 0)
            same = (letters[:, before] == drawn) & (slot > 0)
            least = torch.where(same, part["elements"][more][:, before], 1)
            logits = self.network.element_logits(hidden, group[more], drawn, least)
            self.batch["letters"][active, slot] = drawn
            self.batch["elements"][active, slot] = self._choose(logits) + 1

    def draw_cells(self) -> None:
        """Cells in which the atoms without freedom have room."""
        group = self.batch["group"] - 1
        hidden = self._hidden(torch.arange(len(group)), MOST_SITES + 1)
        letters = self.batch["letters"]
        known = letters.masked_fill(letters == ABSENT, END)
        sites = self.network.filled_sites(group, known)[:, -1].tolist()
        left = torch.arange(len(group))
        for _ in range(TRIES):
            self.batch["cell"][left] = self._cells(hidden[left], group[left])
            for row in left.tolist():
                self.built[row] = self._begun(row, sites[row])
            left = torch.tensor([row for row in left.tolist() if self.built[row] is None], dtype=torch.long)
            if not len(left):
                return

    def draw_places(self, orbit: int) -> None:
        """The free coordinates of one orbit of all crystals, where its atoms have room."""
        letters = self.batch["letters"][:, orbit]
        known = letters.clamp(max=END - 1)
        freedom = self.network.freedom[self.batch["group"] - 1, known] * (letters != ABSENT)
        wanted = [row for row in freedom.nonzero()[:, 0].tolist() if self.built[row] is not None]
        if not wanted:
            return
        rows = torch.tensor(wanted)
        hidden = self._hidden(rows, MOST_SITES + 2 + orbit)
        left = torch.arange(len(rows))
        for _ in range(TRIES):
            self.batch["places"][rows[left], orbit] = self._places(hidden[left], freedom[rows[left]])
            left = torch.tensor(
                [n for n in left.tolist() if not self._put(int(rows[n]), orbit)], dtype=torch.long
            )
            if not len(left):
                return
        for row in rows[left].tolist():
            self.built[row] = None

    def drawn(self) -> list[Drawn]:
        """What came of all draws."""
        found = []
        for row, built in enumerate(self.built):
            there = int((self.batch["letters"][row] != ABSENT).sum())
            found.append(
                Drawn(
                    int(self.batch["group"][row]),
                    self.batch["letters"][row, :there].numpy(),
                    self.batch["elements"][row, :there].numpy(),
                    None if built is None else built.structure(),
                )
            )
        return found

    def _part(self, rows: Tensor) -> dict[str, Tensor]:
        return {name: values[rows] for name, values in self.batch.items()}

    def _hidden(self, rows: Tensor, slot: int) -> Tensor:
        return self.network(self._part(rows))[:, slot]

    def _choose(self, logits: Tensor) -> Tensor:
        chance = (logits.float() / self.temperature).softmax(-1)
        return torch.multinomial(chance, 1, generator=self.generator)[:, 0]

    def _cells(self, hidden: Tensor, group: Tensor) -> Tensor:
        """One cell for each; what the group fixes is as in the crystals that were learned."""
        cell = torch.zeros(len(group), 6)
        cell[:, 5] = torch.where((group >= 142) & (group < 194), -0.5, 0.0)
        for number in range(6):
            weight, mean, width = self.network.cell_mixture(hidden, cell, number)
            chosen = self._choose(weight)[:, None]
            noise = torch.randn(len(group), generator=self.generator) * self.temperature**0.5
            value = mean.gather(1, chosen)[:, 0] + noise * width.gather(1, chosen)[:, 0]
            cell[:, number] = torch.where(self.network.free_cell[group, number], value, cell[:, number])
        return cell

    def _places(self, hidden: Tensor, freedom: Tensor) -> Tensor:
        places = torch.zeros(len(hidden), 3, dtype=torch.long)
        for number in range(3):
            drawn = self._choose(self.network.place_logits(hidden, places / PARTS, number))
            places[:, number] = torch.where(freedom > number, drawn, 0)
        return places

    def _begun(self, row: int, sites: int) -> Assembly | None:
        """The crystal with the atoms that have no freedom; None where these have no room in the cell."""
        group = int(self.batch["group"][row])
        made = Assembly(group, self.batch["cell"][row].double().numpy(), sites)
        if not made.is_open:
            return None
        self.built[row] = made
        letters = self.batch["letters"][row]
        for orbit in (letters != ABSENT).nonzero()[:, 0].tolist():
            if self.network.freedom[group - 1, letters[orbit]] == 0 and not self._put(row, orbit):
                return None
        return made

    def _put(self, row: int, orbit: int) -> bool:
        """Put an orbit into its crystal; whether it had room there."""
        made = self.built[row]
        assert made is not None
        element = int(self.batch["elements"][row, orbit])
        places = made.orbit(int(self.batch["letters"][row, orbit]), self.batch["places"][row, orbit].numpy())
        if places is None or not made.has_room(places, element):
            return False
        made.add(places, element)
        return True
