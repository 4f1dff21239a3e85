"""Crystal structures as vectors and back, from Python: `argand.load("crystals")`.

Two models of one interface stand behind it: Fourier coefficients, and boxes of 10 Å as published.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from argand.errors import ConfigError, InputError
from argand.io.resource import shipped_weights
from argand.io.structure import read_structure
from argand.physics.crystal.comparison import compare
from argand.physics.crystal.structure import Structure, checked
from argand.system import from_config, to_config
from argand.systems.crystals.database.dataset import prototypes
from argand.systems.crystals.latent.decoding import TRIES, Decoded, decode, encode_verified
from argand.systems.crystals.latent.interpolation import add_noise, altered, interpolate
from argand.systems.crystals.latent.representation import Latent, Representation, representation_of

Source = Any
"""A file (CIF, POSCAR, extended XYZ), a Structure of argand, or one of pymatgen."""

PAPER_WEIGHTS = shipped_weights("crystals-paper")
MODELS = ("best", "paper")


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

    def decode(self, latent: Latent, tries: int = TRIES) -> Decoded:
        """The structure of a vector; InputError for a vector that is none."""
        ...

    def rebuilt(self, structure: Structure, tries: int = TRIES) -> tuple[Latent, Decoded]:
        """The vector of a structure, and what is decoded from it."""
        ...

    def between(self, first: Structure, second: Structure, steps: int, tries: int) -> list[Decoded]:
        """Structures on the straight way from the first to the second, both included."""
        ...

    def add_noise(self, latent: Latent, noise: float, seed: int) -> Latent:
        """The vector with Gaussian noise of this share of its size."""
        ...


@dataclass(frozen=True)
class FourierModel:
    """Ours: the whole cell by its Fourier coefficients."""

    representation: Representation

    @property
    def config(self) -> dict[str, Any]:
        """The representation's."""
        return to_config(self.representation)

    def encode(self, structure: Structure) -> Latent:
        """The first vector of the structure from which it comes back."""
        return encode_verified(self.representation, structure)[0]

    def decode(self, latent: Latent, tries: int = TRIES) -> Decoded:
        """As `latent.decoding.decode`."""
        return decode(self.representation, latent, tries)

    def rebuilt(self, structure: Structure, tries: int = TRIES) -> tuple[Latent, Decoded]:
        """As `latent.decoding.encode_verified`."""
        return encode_verified(self.representation, structure, tries)

    def between(self, first: Structure, second: Structure, steps: int, tries: int) -> list[Decoded]:
        """As `latent.interpolation.interpolate`."""
        return interpolate(self.representation, first, second, steps, tries)

    def add_noise(self, latent: Latent, noise: float, seed: int) -> Latent:
        """As `latent.interpolation.add_noise`."""
        return add_noise(latent, noise, seed)


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

    @property
    def config(self) -> dict[str, Any]:
        """Its fields."""
        return {"model": "paper", **asdict(self)}

    def encode(self, structure: Structure) -> Latent:
        """The vector of the box, which is turned, and its origin drawn, as the seed says."""
        from argand.systems.crystals.published.decoder import encode_box

        rng = np.random.default_rng(self.seed)
        return encode_box(_coder(self.weights), structure, self.view == "single", rng)[0]

    def decode(self, latent: Latent, tries: int = TRIES) -> Decoded:
        """The atoms in the box of a vector; the fit has its own repairs."""
        from argand.systems.crystals.published.decoder import decode_box

        return decode_box(_coder(self.weights), latent)

    def rebuilt(self, structure: Structure, tries: int = TRIES) -> tuple[Latent, Decoded]:
        """The vector of the box, and the atoms decoded from it."""
        latent = self.encode(structure)
        return latent, self.decode(latent)

    def between(self, first: Structure, second: Structure, steps: int, tries: int) -> list[Decoded]:
        """Vectors mixed evenly, and decoded; ConfigError for fewer than two steps."""
        if steps < 2:
            raise ConfigError(f"an interpolation of {steps} steps has no two ends; give --steps 2 or more")
        ends = self.encode(first), self.encode(second)
        shares = np.linspace(0.0, 1.0, steps, dtype=np.float32)
        return [self.decode((1 - share) * ends[0] + share * ends[1]) for share in shares]

    def drawn(self, count: int, seed: int, prior: str = "mixture") -> list[Any]:
        """New boxes as `published.sampling.sample_boxes` draws them: Decoded, or the reason for none."""
        from argand.systems.crystals.published.sampling import sample_boxes

        return sample_boxes(_coder(self.weights), count, seed, prior)

    def add_noise(self, latent: Latent, noise: float, seed: int) -> Latent:
        """Noise of this share of the vector's root mean square."""
        error = np.random.default_rng(seed).standard_normal(len(latent))
        return (latent + noise * np.sqrt(np.mean(latent**2)) * error).astype(np.float32)


@cache
def _coder(weights: str) -> Any:
    from argand.systems.crystals.published.decoder import LinearCoder, load_coder

    return load_coder(Path(weights)) if weights else LinearCoder()


def named_model(
    name: str = "best", numbers: int = 512, weights: Path | None = None, is_single: bool = False
) -> Model:
    """The model `best`, with vectors of so many numbers, or `paper`: the linear code, or what weights are of.

    ConfigError for an unknown name, too few numbers, or options of the other model.
    """
    if name not in MODELS:
        raise ConfigError(f"no model is called '{name}'; there are {', '.join(MODELS)}")
    if name == "best":
        if weights is not None or is_single:
            raise ConfigError("weights and single cells belong to boxes of 10 Å; add --model paper")
        return FourierModel(representation_of(numbers))
    own = PublishedModel(view="single" if is_single else "repeating")
    return own if weights is None else replace(own, weights=str(weights), code="")


def model_of(config: Mapping[str, Any]) -> Model:
    """The model that made latents; InputError where the configuration is of none."""
    if "model" not in config:
        return FourierModel(from_config(Representation, config))
    if config["model"] != "paper":
        raise InputError(f"latents of a model '{config['model']}', which is unknown")
    if not config.get("weights") and config.get("code") != "linear":
        raise InputError("latents of networks that argand no longer ships; encode the structures again")
    return from_config(PublishedModel, {key: value for key, value in config.items() if key != "model"})


class Predictor:
    """Structures as vectors, and what can be done with these.

    A decoded structure comes as `Decoded`: `structure` (lattice in Å, species, frac_coords), `confidence`
    and the `misfit` behind it. All methods raise InputError for what is no crystal structure.
    """

    def __init__(self, model: Model) -> None:
        self.model = model

    def encode(self, source: Source) -> Latent:
        """The vector of a structure, float32."""
        return self.model.encode(structure_of(source))

    def decode(self, latent: Latent, tries: int = TRIES) -> Decoded:
        """The structure of a vector; `tries` repairs are tried where it does not explain the vector."""
        return self.model.decode(np.asarray(latent, np.float32), tries)

    def reconstruct(self, source: Source, tries: int = TRIES) -> Decoded:
        """What the vector of a structure alone says."""
        return self.model.rebuilt(structure_of(source), tries)[1]

    def interpolate(self, first: Source, second: Source, steps: int = 9, tries: int = 10) -> list[Decoded]:
        """Structures on the straight way between two vectors, both ends included."""
        return self.model.between(structure_of(first), structure_of(second), steps, tries)

    def alter(
        self,
        source: Source,
        substitute: Mapping[str, str] | None = None,
        strain: Sequence[float] = (),
        noise: float = 0.0,
        seed: int = 0,
    ) -> Decoded:
        """The structure, elements replaced (`{"Na": "K"}`), stretched by shares of lengths, and shaken."""
        latent = self.model.encode(altered(structure_of(source), substitute, strain))
        return self.decode(self.model.add_noise(latent, noise, seed) if noise else latent)


def structure_of(source: Source) -> Structure:
    """The structure itself, or read from a file; InputError for anything else."""
    if isinstance(source, Structure):
        return source
    if isinstance(source, str | Path):
        return read_structure(source)
    if hasattr(source, "atomic_numbers") and hasattr(source, "lattice"):
        return checked(source.lattice.matrix, np.array(source.atomic_numbers), source.frac_coords)
    kind = type(source).__name__
    raise InputError(f"a {kind} is no crystal structure; give a file, or a Structure of argand or pymatgen")


def load(weights: Path | str | None = None) -> Predictor:
    """Our representation; or, for `"paper"`, the published interface by what answers best, the linear code.

    Neither has weights. Those of a file or folder are taken for networks under the published interface.
    InputError where they cannot be read.
    """
    if weights is None:
        return Predictor(named_model())
    return Predictor(named_model("paper", weights=None if str(weights) == "paper" else Path(weights)))


def selftest() -> str:
    """Rebuild the built-in prototypes from their vectors and say how it went.

    RuntimeError where one is lost.
    """
    predictor, structures = load(), prototypes()
    errors = []
    for structure in structures:
        comparison = compare(predictor.reconstruct(structure).structure, structure)
        if not comparison.is_exact:
            raise RuntimeError(f"{structure.formula} does not come back from its vector")
        errors.append(comparison.rms_distance)
    return f"{len(structures)} structures rebuilt from their vectors, atoms within {max(errors):.1g} Å"
