"""Crystal structures as vectors and back, from Python: `argand.load("crystals")`.

Three models of one interface stand behind it: Fourier coefficients, those that the space group leaves free,
and boxes of 10 Å as published.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from jaxtyping import Float

from argand.errors import ConfigError, InputError
from argand.page.notebook import html_card
from argand.physics.crystal.comparison import compare
from argand.physics.crystal.structure import Structure, checked
from argand.runs.answers import Answers
from argand.runs.course import Failure, attempted
from argand.systems.crystals.database.dataset import prototypes
from argand.systems.crystals.database.fingerprint import fingerprint
from argand.systems.crystals.database.source import Source, is_several, structure_of
from argand.systems.crystals.latent.decoded import Decoded
from argand.systems.crystals.latent.decoding import TRIES
from argand.systems.crystals.latent.interpolation import altered, require_noise
from argand.systems.crystals.latent.likeness import Descriptor, descriptor, distance
from argand.systems.crystals.latent.representation import Latent
from argand.systems.crystals.models.boxes import PublishedModel
from argand.systems.crystals.models.fourier import FourierModel
from argand.systems.crystals.models.interface import Model
from argand.systems.crystals.models.named import MODELS, named_model

if TYPE_CHECKING:
    from argand.systems.crystals.database.latent_dataset import LatentDataset
    from argand.systems.crystals.generation.candidates import Sample

VOLUMES = ("network", "keep")
"""Volume of a crystal with replaced elements: as the network of occupations predicts, or unchanged."""


@dataclass(frozen=True)
class Changed:
    """An altered structure; `scale` is the factor on lengths for new elements, `volume` where it is from."""

    structure: Structure
    scale: float
    volume: str


class Predictor:
    """Structures as vectors, and what can be done with these.

    A decoded structure comes as `Decoded`: `structure` (lattice in Å, species, frac_coords), `confidence`,
    `misfit`, `trusted` and `reason`. Methods that take a structure take a file, an ase.Atoms, a Structure of
    argand or pymatgen, an earlier answer, or an item of a data set; of a list of these they give `Answers`,
    in which inputs without an answer are failures. One input that is not a crystal structure
    raises InputError.
    """

    def __init__(self, model: Model) -> None:
        self.model = model

    @overload
    def encode(self, source: list[Any], as_given: bool = False) -> list[Latent | Failure]: ...
    @overload
    def encode(self, source: Source, as_given: bool = False) -> Latent: ...
    def encode(self, source: Source, as_given: bool = False) -> Latent | list[Latent | Failure]:
        """The vector of a structure, float32: in its canonical setting, or in that which it is given in.

        Of a list the vectors, and failures in place. A simulated box (`density` in e/Å³, [n, n, n]) is taken
        by the published interface. ConfigError for `as_given` with a model other than best.
        """
        model: Model = self.model
        if as_given:
            fourier = self._fourier("a vector in the setting that is given")
            model = FourierModel(replace(fourier.representation, as_given=True))
        if not is_several(source):
            return _encoded(model, source)
        return _vectors(source, model)

    @overload
    def decode(self, latent: list[Any], restarts: int = TRIES) -> Answers[Decoded]: ...
    @overload
    def decode(self, latent: Any, restarts: int = TRIES) -> Decoded: ...
    def decode(self, latent: Any, restarts: int = TRIES) -> Decoded | Answers[Decoded]:
        """The structure of a vector or an item of `latents`; `restarts` are restarts where it fits badly."""
        if is_several(latent):
            return Answers.of(latent, lambda one: self.decode(one, restarts))
        if isinstance(latent, Failure):
            raise InputError(latent.text)
        vector = getattr(latent, "latent", latent)
        return self.model.decode(np.asarray(vector, np.float32), restarts)

    @overload
    def reconstruct(self, source: list[Any], restarts: int = TRIES) -> Answers[Decoded]: ...
    @overload
    def reconstruct(self, source: Source, restarts: int = TRIES) -> Decoded: ...
    def reconstruct(self, source: Source, restarts: int = TRIES) -> Decoded | Answers[Decoded]:
        """The structure that the vector of a structure decodes to."""
        if is_several(source):
            return Answers.of(source, lambda one: self.reconstruct(one, restarts))
        return self.model.rebuilt(structure_of(source), restarts)[1]

    def interpolate(
        self, first: Source, second: Source, steps: int = 9, restarts: int = 10
    ) -> Answers[Decoded]:
        """Structures by linear interpolation between two vectors; both ends are the structures as given.

        ConfigError for fewer than two steps.
        """
        found = self.model.between(structure_of(first), structure_of(second), steps, restarts)
        return Answers(tuple(found))

    def descriptor(self, latent: Latent) -> Descriptor:
        """As `latent.likeness.descriptor`; ConfigError for a model other than best."""
        return descriptor(self._fourier("a descriptor").representation, latent)

    def distance(self, first: Float[np.ndarray, " first"], second: Float[np.ndarray, " second"]) -> float:
        """As `latent.likeness.distance`; ConfigError for a model other than best."""
        return distance(self._fourier("a distance").representation, first, second)

    def _fourier(self, what: str) -> FourierModel:
        if not isinstance(self.model, FourierModel):
            raise ConfigError(f'only the model best gives {what}: argand.load("crystals")')
        return self.model

    @overload
    def alter(self, source: list[Any], *args: Any, **changes: Any) -> Answers[Decoded]: ...
    @overload
    def alter(self, source: Source, *args: Any, **changes: Any) -> Decoded: ...
    def alter(
        self,
        source: Source,
        substitute: Mapping[str, str] | None = None,
        strain: Sequence[float] | float = (),
        noise: float = 0.0,
        seed: int = 0,
        volume: str = "network",
    ) -> Decoded | Answers[Decoded]:
        """The structure with elements replaced (`{"Na": "K"}`), strained, and with noise on its vector.

        `strain` is a relative change of lengths, one for all axes or three. Replaced elements take the volume
        that the network of occupations predicts, or with `keep` that of the structure.
        """
        if is_several(source):
            return Answers.of(source, lambda one: self.alter(one, substitute, strain, noise, seed, volume))
        given = self.changed(source, substitute, strain, volume).structure
        return self.noisy_copies(given, noise)(seed)

    def changed(
        self,
        source: Source,
        substitute: Mapping[str, str] | None = None,
        strain: Sequence[float] | float = (),
        volume: str = "network",
    ) -> Changed:
        """What `alter` encodes, and by how much the volume of replaced elements changed its lengths.

        ConfigError for an unknown volume.
        """
        if volume not in VOLUMES:
            raise ConfigError(f"unknown volume '{volume}'; choose {' or '.join(VOLUMES)}")
        structure = structure_of(source)
        new = altered(structure, substitute, np.atleast_1d(np.asarray(strain, float)).tolist())
        if not substitute or volume == "keep":
            return Changed(new, 1.0, "keep")
        from argand.systems.crystals.generation.volume import predicted_scale  # torch, for one option

        scale = predicted_scale(structure, new)
        if scale is None:
            return Changed(new, 1.0, "keep")
        return Changed(checked(scale * new.lattice, new.species, new.frac_coords), scale, "network")

    def noisy_copies(self, structure: Structure, noise: float) -> Callable[[int], Decoded]:
        """What decodes, for a random seed, the structure's vector with noise, or without any for 0.

        ConfigError for an invalid noise.
        """
        latent, decoded = self.model.rebuilt(structure)
        require_noise(noise)
        if not noise:
            return lambda seed: decoded
        return lambda seed: self.decode(self.model.add_noise(latent, noise, seed))

    def fingerprint(self, source: Source) -> Float[np.ndarray, " size"]:
        """Numbers that depend on no choice of the cell, as `database.fingerprint.fingerprint`."""
        return fingerprint(structure_of(source))

    def nearest(
        self, source: Source, most: int = 10, index: Path | str | None = None
    ) -> list[dict[str, Any]]:
        """The known structures that are most similar: name, formula and distance, nearest first.

        Known are the 60,000 of the shipped index, or what `argand crystals index` wrote. InputError where
        that cannot be read.
        """
        from argand.systems.crystals.database.fingerprint_index import load_index

        return load_index(None if index is None else Path(index)).nearest(structure_of(source), most)

    def sample(self, count: int = 10, seed: int = 0, **prior: Any) -> "Answers[Sample]":
        """New crystals by random seed: `structure`, `latent`, `decoded`, and the known one each began with.

        Further arguments are those of `generation.candidates.Prior`. ConfigError for a model other than best.
        """
        if not isinstance(self.model, FourierModel):
            raise ConfigError('only the model best generates crystals: argand.load("crystals")')
        from argand.systems.crystals.generation.candidates import Prior
        from argand.systems.crystals.generation.sampling import draw

        return Answers(tuple(draw(Prior(**prior), self.model.representation, count, seed)))

    def latents(self, sources: Iterable[Source], names: Sequence[str] | None = None) -> "LatentDataset":
        """A torch data set of the vectors of structures, named by their files, or 0, 1, 2 and so on.

        ConfigError where names are not as many as structures.
        """
        from argand.systems.crystals.database.latent_dataset import LatentDataset
        from argand.systems.crystals.database.latents import StoredLatent

        listed = list(sources)
        if names is not None and len(names) != len(listed):
            raise ConfigError(f"{len(names)} names for {len(listed)} structures")
        rows = []
        for number, source in enumerate(listed):
            structure, file = structure_of(source), str(source) if isinstance(source, str | Path) else ""
            name = names[number] if names is not None else Path(file).stem or str(number)
            latent, decoded = self.model.verified(structure)
            verdict = {} if decoded is None else {"trusted": decoded.trusted, "reason": decoded.reason}
            rows.append(StoredLatent(name, file, len(structure), latent, **verdict))
        return LatentDataset.of(rows, self.model.config)

    def __repr__(self) -> str:
        said = ", ".join(f"{key} {value}" for key, value in self._settings.items())
        return f"<Predictor of crystals, model {self._name}: {said}>"

    def _repr_html_(self) -> str:
        rows = {key.replace("_", " "): str(value) for key, value in self._settings.items()}
        note = "encode, decode, reconstruct, interpolate, alter, sample, nearest, fingerprint, latents"
        return html_card(f"Predictor of crystals, model {self._name}", rows, note=note)

    @property
    def _name(self) -> str:
        return str(self.model.config.get("model", "best"))

    @property
    def _settings(self) -> dict[str, Any]:
        return {key: value for key, value in self.model.config.items() if key != "model"}


def _vectors(sources: Iterable[Source], model: Model) -> list[Latent | Failure]:
    """The vector of each input, or why it has none."""
    found: list[Latent | Failure] = []
    for number, one in enumerate(sources):
        name = str(one) if isinstance(one, str | Path) else f"input {number}"
        found += attempted(name, lambda one=one: [_encoded(model, one)])
    return found


def _encoded(model: Model, source: Source) -> Latent:
    """The vector of one input."""
    if isinstance(source, Mapping) and "density" in source:
        if not isinstance(model, PublishedModel):
            raise ConfigError('a box of density is encoded by the published interface: model "paper"')
        return model.encode_density(np.asarray(source["density"], np.float32))
    return model.encode(structure_of(source))


def load(weights: Path | str | None = None) -> Predictor:
    """The predictor of the model `best`, or of `"symmetric"` (short vectors) or `"paper"` (boxes of 10 Å).

    None of these has weights. A file or folder of weights gives networks under the published interface.
    InputError where they cannot be read.
    """
    if weights is None or str(weights) in MODELS:
        return Predictor(named_model(str(weights or "best")))
    return Predictor(named_model("paper", weights=Path(weights)))


def selftest() -> str:
    """Rebuild the built-in prototypes from their vectors and say how well that worked.

    RuntimeError where one is lost.
    """
    predictor, structures = load(), prototypes()
    errors = []
    for structure in structures:
        comparison = compare(predictor.reconstruct(structure).structure, structure)
        if not comparison.is_exact:
            raise RuntimeError(f"the vector of {structure.formula} does not give the structure back")
        errors.append(comparison.rms_distance)
    return f"{len(structures)} structures rebuilt from their vectors, atoms within {max(errors):.1g} Å"
