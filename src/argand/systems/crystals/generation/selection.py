"""Whether a candidate is kept, with its figures, or rejected, with the reason."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from argand.errors import ArgandError, ConfigError
from argand.physics.crystal.overlap import touching
from argand.physics.crystal.space_group import rotations, space_group
from argand.physics.crystal.structure import MIN_DISTANCE, MIN_VOLUME_PER_ATOM, Structure, closest_pair
from argand.systems.crystals.database.fingerprint_index import FingerprintIndex, load_index
from argand.systems.crystals.database.latents import text_of_latent
from argand.systems.crystals.energy.phases import load_phases
from argand.systems.crystals.energy.relaxation import Effort
from argand.systems.crystals.energy.stability import relaxed_with_energy
from argand.systems.crystals.generation.candidates import Candidate, Prior, Sample, sampled
from argand.systems.crystals.generation.element_assignment import plausibility
from argand.systems.crystals.generation.framework_index import load_frameworks
from argand.systems.crystals.generation.occupation_training import load_occupation
from argand.systems.crystals.latent.representation import Representation

Record = dict[str, Any]
TOO_NEAR, KNOWN, REPEATED = "atoms too near", "known", "repeated"
NOT_RELAXED, NO_REFERENCE, ABOVE, FAILED = "not relaxed", "no reference", "above the hull", "failed"
IMPLAUSIBLE, ASYMMETRIC, KNOWN_FRAMEWORK = "implausible", "of low symmetry", "known framework"


@dataclass(frozen=True)
class Wishes:
    """What a sample must be to be kept: new and no repetition, in a new framework; relaxed, near the hull.

    `keep_below` is in eV for an atom; `least_plausibility` is a geometric mean over atoms, `least_rotations`
    the order of the point group. ConfigError for a distance from the hull of what is not relaxed.
    """

    new: bool = False
    new_framework: bool = False
    relax: bool = False
    keep_below: float | None = None
    least_plausibility: float = 0.0
    least_rotations: int = 1
    effort: Effort = field(default_factory=Effort)

    def __post_init__(self) -> None:
        if self.keep_below is not None and not self.relax:
            raise ConfigError("only what is relaxed has an energy to keep it by; add --relax")


@dataclass(frozen=True)
class Selection:
    """All that the outcome of a candidate rests on; `index` and `phases`: the shipped ones without others."""

    prior: Prior
    wishes: Wishes
    representation: Representation
    index: Path | None = None
    phases: Path | None = None

    def outcome(self, candidate: Candidate) -> Record:
        """The record of a draw: `rejected` says why it is rejected; one that is kept has its structure.

        The strict test of distances comes first, and once more after relaxation; whether a crystal is known
        is asked before it, as that is quicker, and after it.
        """
        about: Record = {"draw": candidate.number, "prototype": candidate.origin}
        try:
            one = sampled(candidate, self.prior, self.representation)
            about["formula"] = one.structure.formula
            return {**about, **self._tested(one)}
        except ArgandError as error:
            return {**about, "rejected": FAILED, "reason": " ".join(str(error).split())}

    def _tested(self, one: Sample) -> Record:
        known, structure, energy = load_index(self.index), one.structure, {}
        order = rotations(structure)
        if order < self.wishes.least_rotations:
            return {"rejected": ASYMMETRIC, "rotations": order}
        chance = mean_plausibility(structure)
        if chance < self.wishes.least_plausibility:
            return {"rejected": IMPLAUSIBLE, "plausibility": chance}
        reason = self._refused(structure, known)
        if reason:
            return reason
        if self.wishes.relax:
            structure, energy = relaxed_with_energy(structure, load_phases(self.phases), self.wishes.effort)
            reason = self._unstable(energy) or self._refused(structure, known)
            if reason:
                return {**energy, **reason}
        return {
            **described(structure, known),
            "trusted": one.trusted,
            "reason": one.reason,
            "confidence": one.decoded.confidence,
            "misfit": one.decoded.misfit,
            "plausibility": chance,
            **energy,
            "structure": to_plain(structure),
            "latent": text_of_latent(one.latent),
        }

    def _refused(self, structure: Structure, known: FingerprintIndex) -> Record | None:
        if not is_strictly_valid(structure):
            return {"rejected": TOO_NEAR}
        if self.wishes.new_framework and not has_new_framework(structure):
            return {"rejected": KNOWN_FRAMEWORK}
        name = known.same_as(structure) if self.wishes.new else None
        return None if name is None else {"rejected": KNOWN, "known_as": name}

    def _unstable(self, energy: Record) -> Record | None:
        if energy["relaxation"] != "converged":
            return {"rejected": NOT_RELAXED}
        if self.wishes.keep_below is None:
            return None
        if energy["above_hull"] is None:
            return {"rejected": NO_REFERENCE}
        return {"rejected": ABOVE} if energy["above_hull"] > self.wishes.keep_below else None


def described(structure: Structure, known: FingerprintIndex) -> Record:
    """What there is to say of a crystal without its energy: validity by both tests, symmetry, what it is
    like.

    Distances of atoms in Å, volumes in Å³; that to the nearest known structure is one of fingerprints.
    """
    nearest, symmetry = known.nearest(structure)[0], space_group(structure)
    return {
        "formula": structure.formula,
        "atoms": len(structure),
        "valid_loose": is_valid(structure),
        "valid_strict": is_strictly_valid(structure),
        "space_group": None if symmetry is None else f"{symmetry[0]} ({symmetry[1]})",
        "shortest_distance": closest_pair(structure)[2],
        "volume_per_atom": structure.volume / len(structure),
        "nearest": nearest["name"],
        "nearest_formula": nearest["formula"],
        "nearest_distance": nearest["distance"],
        "known_as": known.same_as(structure),
        "new_framework": has_new_framework(structure),
    }


def has_new_framework(structure: Structure) -> bool | None:
    """Whether no known structure has this framework; None where spglib finds none in it."""
    known = load_frameworks().known(structure)
    return None if known is None else not known


def is_valid(structure: Structure) -> bool:
    """The loose test: all atoms, images included, are farther than 0.5 Å apart, and the cell has room."""
    roomy = structure.volume > MIN_VOLUME_PER_ATOM * len(structure)
    return roomy and closest_pair(structure)[2] > MIN_DISTANCE


def is_strictly_valid(structure: Structure) -> bool:
    """The strict test: also no two atoms nearer than 0.7 of the sum of their covalent radii."""
    return is_valid(structure) and not touching(structure)


def mean_plausibility(structure: Structure) -> float:
    """Geometric mean over atoms of the network's probabilities, 0 for what it does not take."""
    chance = plausibility(_occupation(), [structure])[0]
    # The billionth keeps one hopeless atom from making it 0.
    return 0.0 if chance is None else float(np.exp(np.log(chance + 1e-9).mean()))


@cache
def _occupation() -> Any:
    return load_occupation()


def to_plain(structure: Structure) -> Record:
    """The structure for JSON."""
    return {
        "lattice": structure.lattice.tolist(),
        "species": structure.species.tolist(),
        "frac_coords": structure.frac_coords.tolist(),
    }


def from_plain(plain: Record) -> Structure:
    """The structure of a record."""
    species = np.array(plain["species"], np.uint8)
    return Structure(np.array(plain["lattice"], float), species, np.array(plain["frac_coords"], float))
