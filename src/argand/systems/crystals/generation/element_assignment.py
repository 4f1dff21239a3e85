"""Elements for the kinds of sites of structures: sampled from the network of occupations, or rated by it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from argand.physics.crystal.structure import MAX_Z, Structure
from argand.systems.crystals.generation.local_environment import fits, kinds_of, local_environment
from argand.systems.crystals.generation.occupation_network import HIDDEN

SWEEPS = 2
"""Times that every kind is drawn again after the first, given all others (Gibbs sampling). By hand; no other
number is on record. benchmarks/crystals_samples.py measures what comes out: 87 % valid compositions, of the
data 89 %."""
_BATCH = 128
"""Structures asked of the network at a time. It decides on the random numbers too: another one draws
others."""


@dataclass
class _Sites:
    """Some structures as tensors; `there` counts the kinds of each."""

    species: Tensor
    kinds: Tensor
    neighbours: Tensor
    distance: Tensor
    there: Tensor

    def ask(self, network: Any) -> tuple[Tensor, Tensor]:
        """Logits of the elements of each kind, and log sizes."""
        with torch.inference_mode():
            return network(self.species, self.kinds, self.neighbours, self.distance)

    def show(self, rows: Tensor, kind: Tensor, element: Tensor | int) -> None:
        """Let the atoms of one kind in each row be of an element."""
        chosen = (self.kinds[rows] == kind[:, None]) & (self.species[rows] > 0)
        species = self.species[rows]
        values = torch.as_tensor(element).expand(len(rows))[:, None].expand_as(species)
        self.species[rows] = torch.where(chosen, values, species)


def assign_elements(
    network: Any, structures: Sequence[Structure], seed: int, temperature: float = 1.0
) -> list[Structure]:
    """The structures with new elements for all kinds of sites, and cells of the size that fits these.

    First one kind after another in random order, then each again given the others; different kinds get
    different elements. Below a temperature of 1 likely elements are preferred. Structures must be such
    as `fits` takes. Any order will do, as all were trained alike (Uria et al., ICML 2014).
    """
    generator = torch.Generator().manual_seed(seed)
    made = []
    for first in range(0, len(structures), _BATCH):
        part = structures[first : first + _BATCH]
        sites = _sites(part)
        sites.species = torch.where(sites.species > 0, HIDDEN, 0)
        for _ in range(1 + SWEEPS):
            _sweep(network, sites, temperature, generator)
        sizes = np.exp(sites.ask(network)[1].numpy().astype(float))
        found = sites.species.numpy()
        made += [_resized(*one) for one in zip(part, found, sizes, strict=True)]
    return made


def kind_probabilities(
    network: Any, structures: Sequence[Structure], all_hidden: bool = False
) -> list[Float[np.ndarray, "kind element"]]:
    """Probability of each element (column Z - 1) for each kind, in order of the kinds' atomic numbers.

    Each kind is rated given all others, or, with `all_hidden`, from the positions of atoms alone.
    """
    found: list[np.ndarray] = []
    for first in range(0, len(structures), _BATCH):
        sites = _sites(structures[first : first + _BATCH])
        true = sites.species.clone()
        chance = torch.zeros(len(true), int(sites.there.max()), MAX_Z)
        for kind in range(chance.shape[1]):
            hidden = (true > 0) & ((sites.kinds == kind) | all_hidden)
            sites.species = torch.where(hidden, HIDDEN, true)
            chance[:, kind] = sites.ask(network)[0][:, kind].float().softmax(1)
        found += [row[:there].numpy() for row, there in zip(chance, sites.there.tolist(), strict=True)]
    return found


def predicted_sizes(network: Any, structures: Sequence[Structure]) -> Float[np.ndarray, " n"]:
    """(V/N)^(1/3) in Å that the network expects of structures with the elements they have.

    Structures must be such as `fits` takes; their own volume does not count.
    """
    return np.exp(_sites(structures).ask(network)[1].numpy().astype(float))


def plausibility(network: Any, structures: Sequence[Structure]) -> list[Float[np.ndarray, " atom"] | None]:
    """Probability of each atom's element given all other kinds; None for what the network does not take.

    All atoms of one element are hidden together. Probabilities of a network, never calibrated.
    """
    asked = [number for number, one in enumerate(structures) if fits(one)]
    chances = kind_probabilities(network, [structures[number] for number in asked])
    found: list[np.ndarray | None] = [None] * len(structures)
    for number, chance in zip(asked, chances, strict=True):
        species = structures[number].species.astype(int)
        found[number] = chance[kinds_of(structures[number].species), species - 1].astype(float)
    return found


def _sweep(network: Any, sites: _Sites, temperature: float, generator: torch.Generator) -> None:
    """Draw every kind of every structure once, in random orders."""
    most = int(sites.there.max())
    # Random numbers in order, with those of kinds that are not there last.
    rank = torch.rand(len(sites.there), most, generator=generator)
    rank = rank + 2.0 * (torch.arange(most) >= sites.there[:, None])
    order = rank.argsort(1)
    for step in range(most):
        rows = torch.nonzero(sites.there > step)[:, 0]
        kind = order[rows, step]
        sites.show(rows, kind, HIDDEN)
        logits = sites.ask(network)[0][rows, kind].float() / temperature
        # Column Z - 1 is element Z: the columns of 0 (no atom) and of HIDDEN fall away.
        taken = torch.zeros(len(rows), HIDDEN + 1, dtype=torch.bool)
        taken.scatter_(1, sites.species[rows], True)
        logits = logits.masked_fill(taken[:, 1:HIDDEN], -torch.inf)
        drawn = torch.multinomial(logits.softmax(1), 1, generator=generator)[:, 0]
        sites.show(rows, kind, drawn + 1)


def _sites(structures: Sequence[Structure]) -> _Sites:
    found = [local_environment(structure) for structure in structures]
    columns = [np.stack([getattr(one, name) for one in found]) for name in ("species", "kinds")]
    species, kinds = (torch.from_numpy(column.astype(np.int64)) for column in columns)
    neighbours = torch.from_numpy(np.stack([one.neighbours for one in found]).astype(np.int64))
    distance = torch.from_numpy(np.stack([one.distance for one in found]))
    there = torch.tensor([int(kinds_of(structure.species).max()) + 1 for structure in structures])
    return _Sites(species, kinds, neighbours, distance, there)


def _resized(structure: Structure, species: np.ndarray, size: float) -> Structure:
    """The structure with other species, and `size`³ Å³ for an atom."""
    now = (structure.volume / len(structure)) ** (1 / 3)
    elements = species[: len(structure)].astype(np.uint8)
    return Structure(structure.lattice * (size / now), elements, structure.frac_coords)
