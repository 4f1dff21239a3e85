"""The model `symmetric`: Fourier coefficients that the space group leaves free."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from argand.physics.crystal.structure import Structure
from argand.system import to_config
from argand.systems.crystals.latent.decoded import Decoded
from argand.systems.crystals.latent.decoding import TRIES
from argand.systems.crystals.latent.interpolation import ignored
from argand.systems.crystals.latent.representation import Latent
from argand.systems.crystals.latent.symmetric import decoding as symmetric
from argand.systems.crystals.latent.symmetric import mixing
from argand.systems.crystals.latent.symmetric.representation import SymmetricRepresentation


@dataclass(frozen=True)
class SymmetricModel:
    """Ours, short: the Fourier coefficients that the space group leaves free.

    What it decodes is the primitive cell of the standard setting, unless the representation keeps the one
    that was given.
    """

    representation: SymmetricRepresentation

    @property
    def config(self) -> dict[str, Any]:
        """The representation's."""
        return {"model": "symmetric", **to_config(self.representation)}

    def encode(self, structure: Structure) -> Latent:
        """The first vector of the structure that gives it back."""
        return symmetric.encode_verified(self.representation, structure)[0]

    def verified(self, structure: Structure) -> tuple[Latent, Decoded | None]:
        """That vector, and what it gives back."""
        return self.rebuilt(structure)

    def decode(self, latent: Latent, tries: int = TRIES) -> Decoded:
        """As `latent.symmetric.decoding.decode`."""
        return symmetric.decode(self.representation, latent, tries)

    def rebuilt(self, structure: Structure, tries: int = TRIES) -> tuple[Latent, Decoded]:
        """As `latent.symmetric.decoding.encode_verified`."""
        return symmetric.encode_verified(self.representation, structure, tries)

    def between(
        self,
        first: Structure,
        second: Structure,
        steps: int,
        tries: int,
        tell: Callable[[int], None] = ignored,
    ) -> list[Decoded]:
        """As `latent.symmetric.mixing.between`, decoded."""
        start, end = (self.representation.standardised(one) for one in (first, second))
        found = []
        for latent in mixing.between(self.representation, start, end, steps):
            found.append(self.decode(latent, tries))
            tell(len(found))
        return found

    def add_noise(self, latent: Latent, noise: float, seed: int) -> Latent:
        """As `latent.symmetric.mixing.add_noise`."""
        return mixing.add_noise(self.representation, latent, noise, seed)
