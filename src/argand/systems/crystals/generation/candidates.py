"""Candidates for new crystals: composed by a generator, given noise as latents where it does so, decoded."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from argand.errors import ConfigError
from argand.physics.crystal.picture import facts_html
from argand.physics.crystal.structure import Structure
from argand.systems.crystals.generation.element_assignment import assign_elements
from argand.systems.crystals.generation.occupation_training import load_occupation
from argand.systems.crystals.generation.structure_templates import load_templates
from argand.systems.crystals.latent.decoded import Decoded
from argand.systems.crystals.latent.decoding import decode
from argand.systems.crystals.latent.interpolation import add_noise, require_noise
from argand.systems.crystals.latent.overlap_relaxation import relax_overlaps
from argand.systems.crystals.latent.representation import Latent, Representation

SUBSTITUTION, FRAMEWORKS = "substitution", "frameworks"
GENERATORS = (SUBSTITUTION, FRAMEWORKS)
"""Elements on the places of known crystals; groups, places and elements all drawn."""
_CHUNKS = {SUBSTITUTION: 32, FRAMEWORKS: 128}
"""Candidates composed at a time: as many as a network does at once, or few enough to begin soon. Each chunk
has a seed of its own: another number draws others."""


@dataclass(frozen=True)
class Prior:
    """How new crystals are drawn: `noise` on latents as a share of their size; `temperature` of elements.

    `tries` are restarts. Defaults by hand. benchmarks/crystals_samples.py shows what temperature buys: 1.0
    gives 87 % valid compositions and 86 % new ones, 0.7 gives 89 and 80 %, the default with noise and
    decoding 87 and 85 %. With 1 % noise structures come back whole (benchmarks/crystals.py). What the other
    generator draws has no noise. ConfigError for an unknown generator, a temperature that is not above zero,
    or noise below it.
    """

    temperature: float = 0.8
    noise: float = 0.01
    tries: int = 3
    generator: str = SUBSTITUTION

    def __post_init__(self) -> None:
        if self.generator not in GENERATORS:
            raise ConfigError(f"unknown generator '{self.generator}'; choose {' or '.join(GENERATORS)}")
        if not 0 < self.temperature < np.inf:
            raise ConfigError(f"a temperature of {self.temperature:g} is not above 0; give such as 0.8")
        require_noise(self.noise)


@dataclass(frozen=True)
class Candidate:
    """A composed crystal, the number of its draw from 0, what its places come from, and a seed for noise."""

    number: int
    origin: str
    composed: Structure
    noise_seed: int

    def __str__(self) -> str:
        return f"draw {self.number}"


@dataclass(frozen=True, repr=False)
class Sample:
    """A latent drawn at random, the known crystal it began with, its structure, and the crystal itself."""

    prototype: str
    latent: Latent
    decoded: Decoded
    structure: Structure

    @property
    def trusted(self) -> bool:
        """Whether the latent decodes to a structure that explains it."""
        return self.decoded.trusted

    @property
    def reason(self) -> str:
        """Why it is trusted, or why not."""
        return self.decoded.reason

    def to_dict(self) -> dict[str, Any]:
        """What is said of the decoded structure, the crystal itself, and its prototype, in plain values."""
        return {**self.decoded.to_dict(), **self.structure.to_dict(), "prototype": self.prototype}

    def to_dataframe(self) -> Any:
        """A pandas DataFrame with a row for each atom of the crystal."""
        return self.structure.to_dataframe()

    def to_cif(self, name: str = "") -> str:
        """The text of a CIF of the crystal, with confidence and misfit."""
        return replace(self.decoded, structure=self.structure).to_cif(name)

    def to_ase(self) -> Any:
        """The crystal as an `ase.Atoms`."""
        return self.structure.to_ase()

    def to_pymatgen(self) -> Any:
        """The crystal as a `pymatgen.core.Structure`."""
        return self.structure.to_pymatgen()

    def __repr__(self) -> str:
        told = "trusted" if self.trusted else "best guess"
        return f"<Sample {self.structure!r}, prototype {self.prototype or 'none'}, {told}>"

    def _repr_html_(self) -> str:
        facts = [*self.structure.facts, ("prototype", self.prototype or "none")]
        facts.append(("trusted" if self.trusted else "best guess", self.reason))
        return facts_html(facts, self.structure.picture, is_sure=self.trusted)


def candidates(prior: Prior, seed: int, first: int = 0, weights: Path | None = None) -> Iterator[Candidate]:
    """Candidates without end, from draw number `first` on, fixed by the seed whatever the first is.

    InputError where there are no weights.
    """
    size = _CHUNKS[prior.generator]
    for chunk in range(first // size, 2**31):
        rng = np.random.default_rng([seed, chunk])
        composed = _composed(prior, size, rng, weights)
        seeds = rng.integers(2**31, size=size)
        for place, (origin, structure) in enumerate(composed):
            number = chunk * size + place
            if number >= first:
                yield Candidate(number, origin, structure, int(seeds[place]))


def _composed(
    prior: Prior, size: int, rng: np.random.Generator, weights: Path | None
) -> list[tuple[str, Structure]]:
    """One chunk of a generator."""
    if prior.generator == FRAMEWORKS:
        from argand.systems.crystals.generation.framework_sampling import compose_frameworks

        return compose_frameworks(size, int(rng.integers(2**31)), prior.temperature, weights)
    network, prototypes = load_occupation(weights), load_templates()
    rows = rng.integers(len(prototypes), size=size)
    skeletons = [prototypes[int(row)] for row in rows]
    composed = assign_elements(network, skeletons, int(rng.integers(2**31)), prior.temperature)
    return [(prototypes.names[int(row)], one) for row, one in zip(rows, composed, strict=True)]


def sampled(candidate: Candidate, prior: Prior, representation: Representation) -> Sample:
    """The crystal that a candidate becomes: decoded from its noisy latent, or as it was composed.

    What a network of frameworks composes is left as symmetric as it is. InputError for what has no latent.
    """
    latent = representation.encode(candidate.composed)
    if prior.generator == FRAMEWORKS:
        decoded = decode(representation, latent, prior.tries)
        return Sample(candidate.origin, latent, decoded, candidate.composed)
    latent = add_noise(latent, prior.noise, candidate.noise_seed)
    decoded = relax_overlaps(representation, latent, prior.tries)
    return Sample(candidate.origin, latent, decoded, decoded.structure)
