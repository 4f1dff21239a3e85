"""A model of crystals that other processes can import: its vector is the structure, number by number."""

import os
import signal
from dataclasses import dataclass
from typing import Any

import numpy as np

from argand.physics.crystal.structure import Structure
from argand.systems.crystals.latent.decoded import Decoded

Latent = np.ndarray


@dataclass(frozen=True)
class QuickModel:
    """Encodes what there is; fails at one volume of a cell, and ends its process at another, in Å³."""

    broken: float = 0.0
    deadly: float = 0.0

    @property
    def config(self) -> dict[str, Any]:
        """Nothing to configure."""
        return {"model": "quick"}

    def encode(self, structure: Structure) -> Latent:
        """Lattice, species and places."""
        if abs(structure.volume - self.deadly) < 0.1:
            os.kill(os.getpid(), signal.SIGKILL)
        if abs(structure.volume - self.broken) < 0.1:
            raise MemoryError("too large for this machine")
        parts = (structure.lattice.ravel(), structure.species, structure.frac_coords.ravel())
        return np.concatenate(parts).astype(np.float32)

    def verified(self, structure: Structure) -> tuple[Latent, Decoded | None]:
        """The vector, and what it decodes to."""
        return self.rebuilt(structure)

    def decode(self, latent: Latent, tries: int = 0) -> Decoded:
        """The structure of a vector."""
        count = (len(latent) - 9) // 4
        lattice, places = latent[:9].reshape(3, 3).astype(float), latent[9 + count :].reshape(-1, 3)
        structure = Structure(lattice, latent[9 : 9 + count].astype(np.uint8), places.astype(float))
        return Decoded(structure, 0.0, np.ones(count), np.zeros(count))

    def rebuilt(self, structure: Structure, tries: int = 0) -> tuple[Latent, Decoded]:
        """The vector, and what it decodes to."""
        latent = self.encode(structure)
        return latent, self.decode(latent)

    def between(self, first: Structure, second: Structure, steps: int, tries: int) -> list[Decoded]:
        """Not asked for."""
        raise NotImplementedError

    def add_noise(self, latent: Latent, noise: float, seed: int) -> Latent:
        """Not asked for."""
        raise NotImplementedError


class Poison(str):
    """A text that ends the process that it is sent to."""

    def __reduce__(self) -> tuple[Any, tuple]:
        return die, ()


def die() -> None:
    """End this process as the system ends one that takes too much memory."""
    os.kill(os.getpid(), signal.SIGKILL)
