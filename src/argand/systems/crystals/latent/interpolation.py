"""Paths through the space of latents: between two structures, and away from one."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import gemmi
import numpy as np
from jaxtyping import Float

from argand.errors import ConfigError, InputError
from argand.physics.crystal.alignment import aligned
from argand.physics.crystal.canonical import Setting, as_given, canonical
from argand.physics.crystal.structure import Structure, checked
from argand.systems.crystals.latent.decoded import Decoded
from argand.systems.crystals.latent.decoding import verified_step
from argand.systems.crystals.latent.element_codes import code_weights
from argand.systems.crystals.latent.overlap_relaxation import relax_overlaps
from argand.systems.crystals.latent.representation import (
    HEAD,
    Latent,
    Representation,
    head_of,
    lattice_between,
)
from argand.typing import Vector3


def ignored(done: int) -> None:
    """Take no notice of how much is done."""


_MOST_NOISE = 10.0
"""Of a vector's size. By hand: beyond, nothing of the vector is left."""


def interpolate(
    representation: Representation,
    first: Structure,
    second: Structure,
    steps: int,
    tries: int = 10,
    tell: Callable[[int], None] = ignored,
) -> list[Decoded]:
    """Structures from the first to the second: both ends as they are given, decoded ones between.

    Cell, number of atoms and coefficients change linearly, at indices of a step that gives both ends back.
    Both are in their canonical settings, the second in the cell and with the origin that lie best on the
    first; what is between comes in the setting in which the first is given. Between a crystal and itself all
    steps are that crystal. The default of few restarts is by hand: a vector that belongs to no crystal leaves
    a misfit whatever is tried; with it 20 interpolations of benchmarks/crystals_samples.py are valid
    throughout. All elements are those of the ends; atoms that decode too near to each other are moved apart.
    `tell` is called with the number of structures done. Raises ConfigError for fewer than two steps.
    """
    require_steps(steps)
    setting, other = _common(representation, first, second)
    here = setting.structure
    moved = aligned(here, other.structure, partial(_channels, representation))
    kind = max(verified_step(representation, one) for one in (here, moved))
    among = np.union1d(first.species, second.species)
    found = [_exactly(first)]
    for share in np.linspace(0.0, 1.0, steps)[1:-1]:
        tell(len(found))
        mixed = between(representation, here, moved, share, kind)
        found.append(relax_overlaps(representation, mixed, tries, among).restored(setting))
    tell(steps)
    return [*found, _exactly(second)]


def require_steps(steps: int) -> None:
    """ConfigError for fewer structures than the two ends."""
    if steps < 2:
        raise ConfigError(f"{steps} steps are too few for two ends; give --steps 2 or more")


def between(
    representation: Representation, first: Structure, second: Structure, share: float, step: int = 0
) -> Latent:
    """The vector at `share` (0 to 1) of the path; both structures are read in the cell that lies there.

    The number of atoms is rounded. `step` is that of the indices, or the last that such a cell has.
    """
    lattice = lattice_between(first.lattice, second.lattice, share)
    count = int(np.rint((1 - share) * len(first) + share * len(second)))
    head = head_of(lattice, count)
    step = min(step, representation.steps(count) - 1)
    ends = [representation.encode_in(head, one, step) for one in (first, second)]
    mixed = (1 - share) * ends[0] + share * ends[1]
    return np.concatenate([head, mixed[HEAD:]]).astype(np.float32)


def _common(representation: Representation, first: Structure, second: Structure) -> tuple[Setting, Setting]:
    """Settings of both in which they are compared: the canonical ones, or those they are given in.

    The latter where only they have cells of one number of atoms, as a supercell and a distorted one have.
    """
    found = canonical(first), canonical(second)
    sizes = [len(one.structure) for one in found]
    if representation.as_given or (len(first) == len(second) and sizes[0] != sizes[1]):
        return as_given(first), as_given(second)
    return found


def _channels(representation: Representation, structure: Structure) -> Float[np.ndarray, "atom channel"]:
    """What atoms weigh in an alignment: 1, and the codes of their elements."""
    codes = code_weights(structure.species, representation.code_dims)
    return np.concatenate([np.ones((len(structure), 1)), codes], axis=1)


def _exactly(structure: Structure) -> Decoded:
    """An end, which is the structure given: nothing was decoded for it."""
    return Decoded(structure, 0.0, np.ones(len(structure)), np.zeros(len(structure)))


def altered(
    structure: Structure, substitute: Mapping[str, str] | None = None, strain: Sequence[float] = ()
) -> Structure:
    """The structure with elements replaced, and stretched: one number for all axes, or one for each.

    Raises ConfigError for an unknown element or strain, InputError for an element that is not there.
    """
    species = structure.species.copy()
    for old, new in (substitute or {}).items():
        chosen = structure.species == _atomic_number(old)
        if not chosen.any():
            raise InputError(f"there is no {old} in {structure.formula} to replace by {new}")
        species[chosen] = _atomic_number(new)
    lattice = structure.lattice * (1.0 + _stretch(strain))[:, None]
    return checked(lattice, species, structure.frac_coords)


def add_noise(latent: Latent, noise: float, seed: int) -> Latent:
    """The vector with Gaussian noise of this share of its coefficients' root mean square; cell and N stay.

    The vector has no numbers of its setting (`Representation.parts`), which get no noise. ConfigError for a
    share below zero.
    """
    require_noise(noise)
    error = np.random.default_rng(seed).standard_normal(len(latent) - HEAD)
    size = noise * float(np.sqrt(np.mean(latent[HEAD:] ** 2)))
    return np.concatenate([latent[:HEAD], latent[HEAD:] + size * error]).astype(np.float32)


def require_noise(noise: float) -> None:
    """ConfigError for a share of noise below zero, or so large that nothing of a vector is left."""
    if not 0 <= noise <= _MOST_NOISE:
        raise ConfigError(f"a noise of {noise:g} is not from 0 to {_MOST_NOISE:g}; give such as 0.02")


def read_substitutions(texts: Sequence[str]) -> dict[str, str]:
    """`Na=K` as a pair of elements; ConfigError for what is none."""
    pairs = {}
    for text in texts:
        old, found, new = text.partition("=")
        if not found:
            raise ConfigError(f"'{text}' is not a pair of elements; write it such as Na=K")
        for symbol in (old, new):
            _atomic_number(symbol)
        pairs[old] = new
    return pairs


def _atomic_number(symbol: str) -> int:
    number = gemmi.Element(symbol).atomic_number
    if number == 0 or symbol == "D":
        raise ConfigError(f"unknown element '{symbol}'; write a substitution such as Na=K")
    return number


def _stretch(strain: Sequence[float]) -> Vector3:
    if len(strain) not in (0, 1, 3):
        raise ConfigError(f"{len(strain)} strains: give one for all axes, or three for a, b and c")
    values = np.zeros(3) if not strain else np.broadcast_to(np.array(strain, float), 3)
    # By hand: a fraction above a half is more likely a number of per cent; nan is refused too.
    if not (np.abs(values) <= 0.5).all():
        raise ConfigError("a strain beyond 0.5 in size is not accepted; give fractions, such as 0.02")
    return values
