"""The model `best`: Fourier coefficients of the whole cell."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from argand.physics.crystal.structure import Structure
from argand.system import to_config
from argand.systems.crystals.latent.decoded import Decoded
from argand.systems.crystals.latent.decoding import TRIES, decode, encode_verified
from argand.systems.crystals.latent.interpolation import add_noise, ignored, interpolate
from argand.systems.crystals.latent.representation import Latent, Representation


@dataclass(frozen=True)
class FourierModel:
    """Ours: the whole cell by its Fourier coefficients."""

    representation: Representation

    @property
    def config(self) -> dict[str, Any]:
        """The representation's."""
        return to_config(self.representation)

    def encode(self, structure: Structure) -> Latent:
        """The first vector of the structure that gives it back."""
        return encode_verified(self.representation, structure)[0]

    def verified(self, structure: Structure) -> tuple[Latent, Decoded | None]:
        """That vector, and what it gives back."""
        return self.rebuilt(structure)

    def decode(self, latent: Latent, tries: int = TRIES) -> Decoded:
        """As `latent.decoding.decode`."""
        return decode(self.representation, latent, tries)

    def rebuilt(self, structure: Structure, tries: int = TRIES) -> tuple[Latent, Decoded]:
        """As `latent.decoding.encode_verified`."""
        return encode_verified(self.representation, structure, tries)

    def between(
        self,
        first: Structure,
        second: Structure,
        steps: int,
        tries: int,
        tell: Callable[[int], None] = ignored,
    ) -> list[Decoded]:
        """As `latent.interpolation.interpolate`."""
        return interpolate(self.representation, first, second, steps, tries, tell)

    def add_noise(self, latent: Latent, noise: float, seed: int) -> Latent:
        """As `latent.interpolation.add_noise`; how the crystal was given stays."""
        crystal, setting = self.representation.parts(latent)
        return np.concatenate([add_noise(crystal, noise, seed), setting])
