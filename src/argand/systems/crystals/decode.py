"""From a vector back to atoms: places by deconvolution, species from their own coefficients."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from argand.physics.pursuit import Pursuit
from argand.physics.reciprocal import place_spread, waves
from argand.physics.structure import Structure, wrapped
from argand.systems.crystals.evaluate import compare
from argand.systems.crystals.latent import Content, Latent, Representation
from argand.systems.crystals.species import amplitudes, code_weights, nearest

TRIES = 100
"""Repairs tried where the places do not explain the coefficients."""
_FEW = 15
"""Repairs after which a longer vector is tried instead."""
_ALL_TRIES = 200
"""Atoms up to which all repairs are tried; beyond, as many as take the same time."""
_ROUNDING = 1e-4
"""Error of coefficients that is always there, with much to spare for single precision."""
_LOOSE = 0.25
"""Å; an atom whose place is so uncertain is worth half."""
_SAME, _SURE = 0.02, 0.9
"""Å between a structure and what came back of it, root mean square; and the least confidence."""


@dataclass(frozen=True)
class Decoded:
    """A structure read from a vector, and how far it explains the vector.

    `misfit` is the root mean square of what the structure leaves unexplained of the coefficients of places
    and of species, relative to atoms at random; `probability` that of each atom's species, and `spread` the
    standard deviation of its place in Å, by how well the coefficients determine them.
    """

    structure: Structure
    misfit: float
    probability: Float[np.ndarray, " atom"]
    spread: Float[np.ndarray, " atom"]

    @property
    def confidence(self) -> float:
        """1 where all is explained and every atom is sure, towards 0 where nothing is."""
        placed = 1.0 / (1.0 + (self.spread / _LOOSE) ** 2)
        return max(0.0, 1.0 - self.misfit) * float((placed * self.probability).mean())


def decode(representation: Representation, latent: Latent, tries: int = TRIES) -> Decoded:
    """The structure of a vector; InputError for a vector that is none."""
    return decode_content(representation.read(latent), tries)


def decode_content(content: Content, tries: int = TRIES) -> Decoded:
    """The structure that explains the coefficients best."""
    search = Pursuit(content.lattice, content.hkl, content.density, content.count)
    found = search.solve(int(np.ceil(tries * min(1.0, (_ALL_TRIES / content.count) ** 2))))
    noise = float(np.sqrt(found.misfit * content.count)) + _ROUNDING
    wave = waves(content.species_hkl, found.frac)
    weights, spread = amplitudes(wave, content.species, content.totals, noise)
    species, _ = nearest(weights, spread)
    exact = code_weights(species, content.totals.shape[0])
    left = np.concatenate([content.species - wave @ exact, (content.totals - exact.sum(0))[None]])
    scale = content.count * max(float(np.mean(exact**2)), 1e-3)
    unexplained = float(np.mean(np.abs(left) ** 2)) / scale
    misfit = float(np.sqrt(0.5 * (found.misfit + unexplained)))
    # Species that leave more unexplained than places do are less sure than the places' error says.
    doubt = max(noise, float(np.sqrt(unexplained * content.count)))
    probability = nearest(weights, spread * doubt / noise)[1]
    places = place_spread(content.lattice, content.hkl, found.frac, noise)
    return Decoded(Structure(content.lattice, species, wrapped(found.frac)), misfit, probability, places)


def faithful(
    representation: Representation, structure: Structure, tries: int = TRIES
) -> tuple[Latent, Decoded]:
    """The first vector of a structure from which it comes back, and what comes back from the vector.

    Vectors of further steps are tried in turn; where none brings the structure back, the surest is given.
    """
    best: tuple[Latent, Decoded] | None = None
    last = representation.steps(len(structure)) - 1
    for step in range(last + 1):
        latent = representation.encode(structure, step)
        decoded = decode(representation, latent, tries if step == last else min(tries, _FEW))
        if decoded.confidence > _SURE and _is_same(decoded.structure, structure):
            return latent, decoded
        if best is None or decoded.confidence > best[1].confidence:
            best = latent, decoded
    assert best is not None
    return best


def _is_same(decoded: Structure, truth: Structure) -> bool:
    comparison = compare(decoded, truth)
    return comparison.is_exact and comparison.rms_distance < _SAME
