"""From a symmetric vector back to atoms, and the vectors from which a structure comes back."""

import time
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int

from argand.errors import InputError
from argand.physics.crystal.structure import Structure, wrapped
from argand.systems.crystals.latent.decoded import Decoded
from argand.systems.crystals.latent.decoding import SECONDS, TRIES, is_same
from argand.systems.crystals.latent.representation import Latent
from argand.systems.crystals.latent.symmetric.orbit import images_of
from argand.systems.crystals.latent.symmetric.orbit_pursuit import OrbitPursuit, Orbits
from argand.systems.crystals.latent.symmetric.representation import (
    GROWTH,
    SymmetricContent,
    SymmetricRepresentation,
    element_weights,
)
from argand.systems.crystals.latent.symmetric.setting import Standard, as_given

_ROUNDING = 1e-4
"""Error of coefficients that is always there, as in the decoder without symmetry."""
_ANYWHERE = 1.0
"""Å; how far a place is off that no coefficient holds, as in `physics.crystal.reciprocal`."""
_SURE = 0.9
"""Least confidence of what came back, as in the decoder without symmetry."""


def decode(
    representation: SymmetricRepresentation,
    latent: Latent,
    tries: int = TRIES,
    seconds: float = SECONDS,
) -> Decoded:
    """The structure of a vector by the primitive cell of its standard setting; InputError for no vector.

    `seconds` are those of this thread's processor.
    """
    return decode_content(representation.read(latent), tries, seconds)


def decode_content(content: SymmetricContent, tries: int = TRIES, seconds: float = SECONDS) -> Decoded:
    """The structure that explains the coefficients best, of those found in so many seconds of computing.

    Places orbit by orbit, then the element of each orbit by least squares.
    """
    search = OrbitPursuit(
        content.setting,
        content.lattice,
        content.stars,
        content.density,
        content.count,
        content.orbits,
        seconds,
    )
    found = search.solve(tries)
    if not found.sites:
        raise InputError("no atoms with such a symmetry make these coefficients")
    noise = float(np.sqrt(min(found.misfit, 1.0) * content.count)) + _ROUNDING
    kinds, probability, unexplained = _elements(content, search, found, noise)
    images = [images_of(content.setting, site.place) for site in found.sites]
    counts = [len(one) for one in images]
    species = np.repeat(content.elements[kinds], counts)
    structure = Structure(content.lattice, species, wrapped(np.concatenate(images)))
    misfit = float(np.sqrt(0.5 * (min(found.misfit, 1.0) + unexplained)))
    spread, copies = _spread(content, search, found, noise), 1
    if content.multiples is not None and content.shift is not None:
        copies = round(float(np.linalg.det(content.multiples)))
        structure = as_given(structure, content.multiples, content.shift)
    sure, moves = (np.tile(np.repeat(one, counts), copies) for one in (probability, spread))
    return Decoded(structure, misfit, sure, moves)


def _elements(
    content: SymmetricContent, search: OrbitPursuit, found: Orbits, noise: float
) -> tuple[Int[np.ndarray, " orbit"], Float[np.ndarray, " orbit"], float]:
    """Which element each orbit has, how sure that is, and what it leaves unexplained of the species."""
    known = element_weights(len(content.elements))
    if len(known) == 1:
        return np.zeros(len(found.sites), int), np.ones(len(found.sites)), 0.0
    root = content.species_stars.root
    sums = search.sums(found.sites, content.species_stars) / root[:, None]
    wanted = content.species / root
    atoms = np.array([site.atoms for site in found.sites], float)
    design = np.concatenate([sums.real, sums.imag, atoms[None]])
    target = np.concatenate([wanted.real, wanted.imag, [content.total]])
    inverse = np.linalg.inv(design.T @ design + noise**2 * np.eye(len(atoms)))
    weights = inverse @ (design.T @ target)
    apart = (weights[:, None] - known) ** 2
    kinds = apart.argmin(1)
    left = target - design @ known[kinds]
    scale = content.count * max(float(np.mean(known[kinds] ** 2)), 1e-3)
    unexplained = float(left @ left) / (len(wanted) + 1) / scale
    doubt = max(noise, float(np.sqrt(unexplained * content.count)))
    spread = np.maximum(doubt * np.sqrt(np.diag(inverse)), 1e-6)
    chance = np.exp(-0.5 * (apart - apart.min(1, keepdims=True)) / spread[:, None] ** 2)
    return kinds, 1.0 / chance.sum(1), unexplained


def _spread(
    content: SymmetricContent, search: OrbitPursuit, found: Orbits, noise: float
) -> Float[np.ndarray, " orbit"]:
    """Standard deviation in Å of the places of each orbit, by linear propagation."""
    matrix = search.normal(found.sites)[0]
    ends = np.cumsum([len(site.free) for site in found.sites])
    spreads = []
    if len(matrix):
        lengths = np.linalg.norm(content.lattice, axis=1).mean()
        covariance = noise**2 * np.linalg.inv(
            matrix + (noise * lengths / _ANYWHERE) ** 2 * np.eye(len(matrix))
        )
    for site, end in zip(found.sites, ends, strict=True):
        if not len(site.free):
            spreads.append(0.0)
            continue
        part = covariance[end - len(site.free) : end, end - len(site.free) : end]
        moves = site.free @ content.lattice
        spreads.append(float(np.sqrt(np.trace(moves.T @ part @ moves))))
    return np.array(spreads)


def encode_verified(
    representation: SymmetricRepresentation,
    structure: Structure,
    tries: int = TRIES,
    seconds: float = SECONDS,
) -> tuple[Latent, Decoded]:
    """The first vector of a structure from which it comes back, and what comes back.

    Longer ones are tried in turn; where none brings the structure back, the surest is given. What comes back
    must be within 0.02 Å of what was given, in the cell that was given. InputError where no space group is
    found.
    """
    end = time.thread_time() + seconds
    given = representation.standardised(structure)
    best: tuple[Latent, Decoded] | None = None
    for step in range(len(GROWTH)):
        try:
            latent = representation.encode(given, step)
        except InputError:
            continue
        left = end - time.thread_time()
        decoded = decode(representation, latent, tries, left if step == len(GROWTH) - 1 else 0.3 * left)
        is_back = comes_back(decoded, given, structure, representation.keeps_setting)
        decoded = replace(decoded, comes_back=is_back)
        if decoded.confidence > _SURE and is_back:
            return latent, decoded
        if best is None or decoded.confidence > best[1].confidence:
            best = latent, decoded
    if best is None:
        raise InputError(f"{representation.numbers} numbers are too few for {structure.formula}; give more")
    return best


def comes_back(decoded: Decoded, given: Standard, structure: Structure, is_placed: bool = False) -> bool:
    """Whether what was decoded is the structure, all elements right and within 0.02 Å, in the cell given."""
    found = decoded.structure
    placed = found if is_placed else as_given(found, given.multiples, given.shift)
    return is_same(placed, structure)
