"""Crystal structures as vectors and back, from Python: `argand.load("crystals")`.

Three models of one interface stand behind it: Fourier coefficients, those that the space group leaves free,
and boxes of 10 Å as published.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from argand.errors import ConfigError, InputError
from argand.io.foreign_structure import foreign_structure
from argand.io.structure import read_structure
from argand.physics.crystal.comparison import compare
from argand.physics.crystal.structure import Structure, checked
from argand.systems.crystals.database.dataset import prototypes
from argand.systems.crystals.database.fingerprint import fingerprint
from argand.systems.crystals.latent.decoding import TRIES, Decoded
from argand.systems.crystals.latent.interpolation import altered, require_noise
from argand.systems.crystals.latent.likeness import Descriptor, descriptor, distance
from argand.systems.crystals.latent.representation import Latent
from argand.systems.crystals.models.fourier import FourierModel
from argand.systems.crystals.models.interface import Model
from argand.systems.crystals.models.named import MODELS, named_model

if TYPE_CHECKING:
    from argand.systems.crystals.database.latent_dataset import LatentDataset
    from argand.systems.crystals.generation.candidates import Sample

Source = Any
"""A file (CIF, POSCAR, extended XYZ), a Structure of argand or of pymatgen, or an ase.Atoms."""

VOLUMES = ("network", "keep")
"""What a crystal takes whose elements are replaced: as the network of occupations expects, or what it had."""


@dataclass(frozen=True)
class Changed:
    """A structure altered; `scale` is by what its lengths changed with the elements, `volume` who said so."""

    structure: Structure
    scale: float
    volume: str


class Predictor:
    """Structures as vectors, and what can be done with these.

    A decoded structure comes as `Decoded`: `structure` (lattice in Å, species, frac_coords), `confidence`
    and the `misfit` behind it. All methods raise InputError for what is no crystal structure.
    """

    def __init__(self, model: Model) -> None:
        self.model = model

    def encode(self, source: Source, as_given: bool = False) -> Latent:
        """The vector of a structure, float32: in its canonical setting, or in that which it is given in.

        ConfigError for the latter with a model other than best.
        """
        if not as_given:
            return self.model.encode(structure_of(source))
        model = self._fourier("a vector in the setting that is given")
        return FourierModel(replace(model.representation, as_given=True)).encode(structure_of(source))

    def decode(self, latent: Latent, tries: int = TRIES) -> Decoded:
        """The structure of a vector; `tries` repairs are tried where it does not explain the vector."""
        return self.model.decode(np.asarray(latent, np.float32), tries)

    def reconstruct(self, source: Source, tries: int = TRIES) -> Decoded:
        """What the vector of a structure alone says."""
        return self.model.rebuilt(structure_of(source), tries)[1]

    def interpolate(self, first: Source, second: Source, steps: int = 9, tries: int = 10) -> list[Decoded]:
        """Structures on the straight way between two vectors; both ends are the structures as given."""
        return self.model.between(structure_of(first), structure_of(second), steps, tries)

    def descriptor(self, latent: Latent) -> Descriptor:
        """As `latent.likeness.descriptor`; ConfigError for a model other than best."""
        return descriptor(self._fourier("a descriptor").representation, latent)

    def distance(self, first: Float[np.ndarray, " first"], second: Float[np.ndarray, " second"]) -> float:
        """As `latent.likeness.distance`; ConfigError for a model other than best."""
        return distance(self._fourier("a distance").representation, first, second)

    def _fourier(self, what: str) -> FourierModel:
        if not isinstance(self.model, FourierModel):
            raise ConfigError(f'the model best alone gives {what}: argand.load("crystals")')
        return self.model

    def alter(
        self,
        source: Source,
        substitute: Mapping[str, str] | None = None,
        strain: Sequence[float] = (),
        noise: float = 0.0,
        seed: int = 0,
        volume: str = "network",
    ) -> Decoded:
        """The structure, elements replaced (`{"Na": "K"}`), stretched by shares of lengths, and shaken.

        Elements replaced take the volume that the network of occupations expects, or with `keep` that of the
        structure.
        """
        given = self.changed(source, substitute, strain, volume).structure
        return self.shaker(given, noise)(seed)

    def changed(
        self,
        source: Source,
        substitute: Mapping[str, str] | None = None,
        strain: Sequence[float] = (),
        volume: str = "network",
    ) -> Changed:
        """What `alter` encodes, and by how much the volume of elements replaced changed its lengths.

        ConfigError for a volume that is none.
        """
        if volume not in VOLUMES:
            raise ConfigError(f"a volume of '{volume}' is not known; give {' or '.join(VOLUMES)}")
        structure = structure_of(source)
        new = altered(structure, substitute, strain)
        if not substitute or volume == "keep":
            return Changed(new, 1.0, "keep")
        from argand.systems.crystals.generation.volume import predicted_scale  # torch, for one option

        scale = predicted_scale(structure, new)
        if scale is None:
            return Changed(new, 1.0, "keep")
        return Changed(checked(scale * new.lattice, new.species, new.frac_coords), scale, "network")

    def shaker(self, structure: Structure, noise: float) -> Callable[[int], Decoded]:
        """What gives, by a seed, that which the structure's vector decodes to with noise, or without any.

        ConfigError for a noise that is none.
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
        """The known structures most like one: name, formula and distance, nearest first.

        Known are the 60,000 of the shipped index, or what `argand crystals index` wrote. InputError where
        that cannot be read.
        """
        from argand.systems.crystals.database.fingerprint_index import load_index

        return load_index(None if index is None else Path(index)).nearest(structure_of(source), most)

    def sample(self, count: int = 10, seed: int = 0, **prior: Any) -> list["Sample"]:
        """New crystals, fixed by the seed: `decoded`, `latent`, and the known one that each began with.

        Further arguments are those of `generation.candidates.Prior`. ConfigError for a model other than best.
        """
        if not isinstance(self.model, FourierModel):
            raise ConfigError('new crystals are drawn by the model best: argand.load("crystals")')
        from argand.systems.crystals.generation.candidates import Prior
        from argand.systems.crystals.generation.sampling import draw

        return draw(Prior(**prior), self.model.representation, count, seed)

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
            rows.append(StoredLatent(name, file, len(structure), self.model.encode(structure)))
        return LatentDataset.of(rows, self.model.config)

    def __repr__(self) -> str:
        said = ", ".join(f"{key} {value}" for key, value in self.model.config.items() if key != "model")
        return f"<Predictor of crystals, model {self.model.config.get('model', 'best')}: {said}>"


def structure_of(source: Source) -> Structure:
    """The structure itself, or read from a file; InputError for anything else."""
    if isinstance(source, Structure):
        return source
    if isinstance(source, str | Path):
        return read_structure(source)
    found = foreign_structure(source)
    if found is not None:
        return found
    kind = type(source).__name__
    raise InputError(
        f"a {kind} is no crystal structure; give a file, an ase.Atoms, or a Structure of argand or pymatgen"
    )


def load(weights: Path | str | None = None) -> Predictor:
    """Our representation; or, for `"paper"`, the published interface by what answers best, the linear code.

    `"symmetric"` stands for our short one. None of these has weights; those of a file or folder are taken for
    networks under the published interface. InputError where they cannot be read.
    """
    if weights is None or str(weights) in MODELS:
        return Predictor(named_model(str(weights or "best")))
    return Predictor(named_model("paper", weights=Path(weights)))


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
