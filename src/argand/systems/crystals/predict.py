"""Crystal structures as vectors and back, from Python: `argand.load("crystals")`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from argand.errors import InputError
from argand.io.crystal import read_structure
from argand.physics.crystal.structure import Structure, checked
from argand.systems.crystals.decode import TRIES, Decoded
from argand.systems.crystals.evaluate import compare
from argand.systems.crystals.latent import Latent
from argand.systems.crystals.model import Model, named_model
from argand.systems.crystals.space import altered
from argand.systems.crystals.stock import prototypes

Source = Any
"""A file (CIF, POSCAR, extended XYZ), a Structure of argand, or one of pymatgen."""


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
        return self.decode(self.model.shaken(latent, noise, seed) if noise else latent)


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
    """Our representation, which has no weights; or the published networks with weights of a file or folder.

    `"paper"` stands for those that ship with argand. Raises InputError where weights cannot be read.
    """
    if weights is None:
        return Predictor(named_model())
    return Predictor(named_model("paper", weights=None if str(weights) == "paper" else Path(weights)))


def selftest() -> str:
    """Rebuild the built-in prototypes from their vectors and say how it went."""
    predictor, structures = load(), prototypes()
    errors = []
    for structure in structures:
        comparison = compare(predictor.reconstruct(structure).structure, structure)
        if not comparison.is_exact:
            raise RuntimeError(f"{structure.formula} does not come back from its vector")
        errors.append(comparison.rms_distance)
    return f"{len(structures)} structures rebuilt from their vectors, atoms within {max(errors):.1g} Å"
