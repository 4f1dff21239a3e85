"""The model `paper`: boxes of 10 Å as published."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from argand.errors import ConfigError, InputError
from argand.physics.crystal.structure import Structure
from argand.systems.crystals.latent.decoded import Decoded
from argand.systems.crystals.latent.decoding import TRIES
from argand.systems.crystals.latent.interpolation import ignored, require_noise, require_steps
from argand.systems.crystals.latent.representation import Latent


@dataclass(frozen=True)
class PublishedModel:
    """The published interface: a box of 10 Å, of the crystal or its single cell, as 300 numbers, and atoms.

    What it decodes is the box: its atoms in a cubic cell of that side, since the vector knows no lattice.
    Without `weights` the numbers are the linear code and atoms are fitted to them, which is what works best
    (README); with weights they are what those networks make of the box. `code` says which, so that vectors
    of one are not read as those of the other.
    """

    weights: str = ""
    view: Literal["repeating", "single"] = "repeating"
    seed: int = 0
    code: Literal["", "linear"] = "linear"

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ConfigError(f"a seed of {self.seed} is negative; give 0 or more")

    @property
    def config(self) -> dict[str, Any]:
        """Its fields."""
        return {"model": "paper", **asdict(self)}

    def encode(self, structure: Structure) -> Latent:
        """The vector of the box, which is turned, and its origin drawn, as the seed says."""
        from argand.systems.crystals.published.decoder import encode_box

        rng = np.random.default_rng(self.seed)
        return encode_box(_coder(self.weights), structure, self.view == "single", rng)[0]

    def encode_density(self, density: Float[np.ndarray, "n n n"]) -> Latent:
        """The vector of a box of density in e/Å³; InputError for another number of voxels."""
        coder = _coder(self.weights)
        if density.shape != (coder.box.voxels,) * 3:
            raise InputError(
                f"a box of {density.shape} voxels; give one of {coder.box.voxels} along each axis"
            )
        return coder.latents(density[None])[0]

    def verified(self, structure: Structure) -> tuple[Latent, Decoded | None]:
        """The vector of the box, which is not decoded: it is computed, and no other would be better."""
        return self.encode(structure), None

    def decode(self, latent: Latent, tries: int = TRIES) -> Decoded:
        """The atoms in the box of a vector; the fit has its own restarts."""
        from argand.systems.crystals.published.decoder import decode_box

        return decode_box(_coder(self.weights), latent)

    def rebuilt(self, structure: Structure, tries: int = TRIES) -> tuple[Latent, Decoded]:
        """The vector of the box, and the atoms decoded from it."""
        latent = self.encode(structure)
        return latent, self.decode(latent)

    def between(
        self,
        first: Structure,
        second: Structure,
        steps: int,
        tries: int,
        tell: Callable[[int], None] = ignored,
    ) -> list[Decoded]:
        """Vectors mixed evenly, and decoded; ConfigError for fewer than two steps."""
        require_steps(steps)
        ends = self.encode(first), self.encode(second)
        shares = np.linspace(0.0, 1.0, steps, dtype=np.float32)
        found = []
        for share in shares:
            found.append(self.decode((1 - share) * ends[0] + share * ends[1]))
            tell(len(found))
        return found

    def drawn(self, count: int, seed: int, prior: str = "mixture") -> list[Any]:
        """New boxes as `published.sampling.sample_boxes` draws them: Decoded, or the reason for none."""
        from argand.systems.crystals.published.sampling import sample_boxes

        return sample_boxes(_coder(self.weights), count, seed, prior)

    def add_noise(self, latent: Latent, noise: float, seed: int) -> Latent:
        """Noise of this share of the vector's root mean square."""
        require_noise(noise)
        error = np.random.default_rng(seed).standard_normal(len(latent))
        return (latent + noise * np.sqrt(np.mean(latent**2)) * error).astype(np.float32)


@cache
def _coder(weights: str) -> Any:
    from argand.systems.crystals.published.decoder import LinearCoder, load_coder

    return load_coder(Path(weights)) if weights else LinearCoder()
