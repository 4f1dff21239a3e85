"""What every model of crystals can do."""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from argand.physics.crystal.structure import Structure
from argand.systems.crystals.latent.decoded import Decoded
from argand.systems.crystals.latent.decoding import TRIES
from argand.systems.crystals.latent.interpolation import ignored
from argand.systems.crystals.latent.representation import Latent


@runtime_checkable
class Model(Protocol):
    """What the verbs need."""

    @property
    def config(self) -> dict[str, Any]:
        """What is kept beside latents, for `model_of` to make the model again."""
        ...

    def encode(self, structure: Structure) -> Latent:
        """The vector of a structure, float32; InputError for one that it has no vector for."""
        ...

    def verified(self, structure: Structure) -> tuple[Latent, Decoded | None]:
        """The vector, and what it decodes to; None where encoding does not decode."""
        ...

    def decode(self, latent: Latent, tries: int = TRIES) -> Decoded:
        """The structure of a vector; InputError for a vector that is none."""
        ...

    def rebuilt(self, structure: Structure, tries: int = TRIES) -> tuple[Latent, Decoded]:
        """The vector of a structure, and what is decoded from it."""
        ...

    def between(
        self,
        first: Structure,
        second: Structure,
        steps: int,
        tries: int,
        tell: Callable[[int], None] = ignored,
    ) -> list[Decoded]:
        """Structures by linear interpolation from the first vector to the second, both ends included."""
        ...

    def add_noise(self, latent: Latent, noise: float, seed: int) -> Latent:
        """The vector with Gaussian noise of this share of its size."""
        ...
