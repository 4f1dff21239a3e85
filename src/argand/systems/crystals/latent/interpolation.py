"""Ways through the space of latents: between two structures, and away from one."""

from collections.abc import Mapping, Sequence

import gemmi
import numpy as np
from jaxtyping import Float

from argand.errors import ConfigError, InputError
from argand.physics.crystal.reciprocal import waves
from argand.physics.crystal.structure import Structure, checked, wrapped
from argand.systems.crystals.latent.decoding import Decoded
from argand.systems.crystals.latent.overlap_relaxation import relax_overlaps
from argand.systems.crystals.latent.representation import (
    HEAD,
    Latent,
    Representation,
    head_of,
    lattice_between,
)
from argand.typing import Vector3

_ALIGNED_ON = 12
"""Points along each axis of the origins that are tried first. By hand: with indices up to 4 the overlap has
features of an eighth of the cell and more, so that a point is near each maximum."""


def interpolate(
    representation: Representation, first: Structure, second: Structure, steps: int, tries: int = 10
) -> list[Decoded]:
    """Structures decoded from vectors on the way from the first to the second, both ends included.

    Cell, number of atoms and coefficients change evenly; the second is moved to the origin at which its atoms
    lie best on those of the first. The default of few repairs is by hand: a vector of no crystal leaves
    a misfit whatever is repaired; with it 20 ways of benchmarks/crystals_samples.py are valid throughout. All
    elements are those of the ends; atoms that decode too near to each other part. Raises ConfigError for
    fewer than two steps.
    """
    if steps < 2:
        raise ConfigError(f"an interpolation of {steps} steps has no two ends; give --steps 2 or more")
    moved = aligned(first, second)
    among = np.union1d(first.species, second.species)
    return [
        relax_overlaps(representation, between(representation, first, moved, share), tries, among)
        for share in np.linspace(0.0, 1.0, steps)
    ]


def between(representation: Representation, first: Structure, second: Structure, share: float) -> Latent:
    """The vector at `share` (0 to 1) of the way; both structures are read in the cell that lies there.

    The number of atoms is rounded.
    """
    lattice = lattice_between(first.lattice, second.lattice, share)
    count = int(np.rint((1 - share) * len(first) + share * len(second)))
    head = head_of(lattice, count)
    ends = [representation.encode_in(head, one) for one in (first, second)]
    mixed = (1 - share) * ends[0] + share * ends[1]
    return np.concatenate([head, mixed[HEAD:]]).astype(np.float32)


def aligned(first: Structure, second: Structure) -> Structure:
    """The second structure moved so that its atoms, in fractions of the cell, lie best on the first's.

    Best is where Σ t(h) F₁(h) F₂(h)* exp(-2πi h·s) is highest, with t(h) = exp(-0.1 h²) and indices up to 4:
    rough places decide, not details. Both are by hand. The grid is halved eight times, to 1/3072 of the cell.
    """
    line = np.arange(-4, 5)
    hkl = np.stack(np.meshgrid(line, line, line, indexing="ij"), -1).reshape(-1, 3)
    taper = np.exp(-0.1 * (hkl**2).sum(1))
    ends = [waves(hkl, one.frac_coords).sum(1) for one in (first, second)]
    overlap = taper * ends[0] * np.conj(ends[1])

    def score(shifts: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, " n"]:
        return (np.conj(waves(hkl, shifts)).T @ overlap).real

    shift, step = np.zeros(3), 1.0 / _ALIGNED_ON
    axis = np.arange(_ALIGNED_ON) * step
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    near = np.stack(np.meshgrid(*[np.array([-0.5, 0.0, 0.5])] * 3, indexing="ij"), -1).reshape(-1, 3)
    for tried in (grid, *[None] * 8):
        places = shift + near * step if tried is None else tried
        shift = places[int(np.argmax(score(places)))]
        step = step if tried is not None else step / 2
    return Structure(second.lattice, second.species, wrapped(second.frac_coords + shift))


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

    ConfigError for a share below zero.
    """
    if noise < 0:
        raise ConfigError(f"a noise of {noise:g} is below zero")
    error = np.random.default_rng(seed).standard_normal(len(latent) - HEAD)
    size = noise * float(np.sqrt(np.mean(latent[HEAD:] ** 2)))
    return np.concatenate([latent[:HEAD], latent[HEAD:] + size * error]).astype(np.float32)


def read_substitutions(texts: Sequence[str]) -> dict[str, str]:
    """`Na=K` as a pair of elements; ConfigError for what is none."""
    pairs = {}
    for text in texts:
        old, found, new = text.partition("=")
        if not found:
            raise ConfigError(f"'{text}' is no substitution; write it such as Na=K")
        for symbol in (old, new):
            _atomic_number(symbol)
        pairs[old] = new
    return pairs


def _atomic_number(symbol: str) -> int:
    number = gemmi.Element(symbol).atomic_number
    if number == 0 or symbol == "D":
        raise ConfigError(f"no element is called '{symbol}'")
    return number


def _stretch(strain: Sequence[float]) -> Vector3:
    if len(strain) not in (0, 1, 3):
        raise ConfigError(f"{len(strain)} strains: give one for all axes, or one for each of a, b and c")
    values = np.zeros(3) if not strain else np.broadcast_to(np.array(strain, float), 3)
    # By hand: a share above a half is likelier a number of per cent.
    if (np.abs(values) > 0.5).any():
        raise ConfigError("a strain beyond 0.5 in size is no alteration; give shares, such as 0.02")
    return values
