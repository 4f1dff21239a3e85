"""Boxes of single cells and of repeating crystals, with labels, for the published networks to learn from."""

from dataclasses import dataclass

import numpy as np

from argand.errors import ConfigError, InputError
from argand.physics.crystal.structure import Structure
from argand.physics.crystal.voxel_box import Atoms, Box
from argand.systems.crystals.database.dataset import StructureDataset

MOST_ATOMS = 512
"""Places kept with a sample: more atoms than a box of 10 Å holds, at 4 Å³ for an atom of the densest solids
250. Boxes of more are refused."""
TRIES = 100
"""Structures drawn for a sample, until the box is not empty. By hand; the first box nearly always does."""


@dataclass(frozen=True)
class BoxSample:
    """Density in e/Å³, labels (atomic numbers, 0: empty), the atoms inside, and whether it is one cell."""

    density: np.ndarray
    labels: np.ndarray
    atoms: Atoms
    is_single: bool

    def arrays(self) -> dict[str, np.ndarray]:
        """The same in arrays of fixed shapes; places beyond the last atom are NaN, species 0.

        InputError for more than 512 atoms.
        """
        places = np.full((MOST_ATOMS, 3), np.nan, np.float32)
        species = np.zeros(MOST_ATOMS, np.uint8)
        count = len(self.atoms.species)
        if count > MOST_ATOMS:
            raise InputError(f"{count} atoms are in one box; {MOST_ATOMS} are kept: make the box smaller")
        places[:count], species[:count] = self.atoms.places, self.atoms.species
        return {
            "density": self.density,
            "labels": self.labels,
            "places": places,
            "species": species,
            "is_single": np.array(self.is_single),
        }


def draw(stock: StructureDataset, box: Box, repeating: float, rng: np.random.Generator) -> BoxSample:
    """A box of a structure drawn at random.

    Where its shortest edge is below the box's side, the crystal repeats in this share of the boxes, as there
    are three published origins of it to one single cell; else it is a single cell, centred. ConfigError where
    boxes stay empty.
    """
    for _ in range(TRIES):
        structure = stock[int(rng.integers(len(stock)))]
        sample = box_sample(structure, box, not (repeats(structure, box) and rng.random() < repeating), rng)
        if len(sample.atoms.species):
            return sample
    raise ConfigError(f"no atom is in {TRIES} boxes of {box.side:g} Å; the side is too small")


def repeats(structure: Structure, box: Box) -> bool:
    """Whether the crystal's shortest edge is below the side of the box."""
    return float(np.linalg.norm(structure.lattice, axis=1).min()) < box.side


def box_sample(structure: Structure, box: Box, is_single: bool, rng: np.random.Generator) -> BoxSample:
    """One box of the structure, turned at random; a repeating one from a random origin. It may be empty."""
    atoms = (box.single if is_single else box.repeating)(structure, rng)
    return BoxSample(box.density(atoms), box.labels(atoms), box.inside(atoms), is_single)
