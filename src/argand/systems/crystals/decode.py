"""From a vector back to atoms: places by deconvolution, species from their own coefficients."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from argand.physics.pursuit import Pursuit
from argand.physics.reciprocal import waves
from argand.physics.structure import Structure, wrapped
from argand.systems.crystals.latent import Content, Latent, Representation
from argand.systems.crystals.species import amplitudes, code_weights, nearest

TRIES = 100
"""Repairs tried where the places do not explain the coefficients."""


@dataclass(frozen=True)
class Decoded:
    """A structure read from a vector, and how far it explains the vector.

    `misfit` is the root mean square of what the structure leaves unexplained of the coefficients of places
    and of species, relative to atoms at random; `probability` that of each atom's species.
    """

    structure: Structure
    misfit: float
    probability: Float[np.ndarray, " atom"]

    @property
    def confidence(self) -> float:
        """1 where all is explained and every species is sure, towards 0 where nothing is."""
        return max(0.0, 1.0 - self.misfit) * float(self.probability.mean())


def decode(representation: Representation, latent: Latent, tries: int = TRIES) -> Decoded:
    """The structure of a vector; InputError for a vector that is none."""
    return decode_content(representation.read(latent), tries)


def decode_content(content: Content, tries: int = TRIES) -> Decoded:
    """The structure that explains the coefficients best."""
    search = Pursuit(content.lattice, content.hkl, content.density, content.count)
    found = search.solve(tries)
    low = len(content.species)
    wave = waves(content.hkl[:low], found.frac)
    weights, spread = amplitudes(wave, content.species, content.totals)
    noise = np.sqrt(found.misfit * content.count) + 1e-4
    species, probability = nearest(weights, spread * noise)
    exact = code_weights(species, content.totals.shape[0])
    left = np.concatenate([content.species - wave @ exact, (content.totals - exact.sum(0))[None]])
    scale = content.count * max(float(np.mean(exact**2)), 1e-3)
    unexplained = float(np.mean(np.abs(left) ** 2)) / scale
    misfit = float(np.sqrt(0.5 * (found.misfit + unexplained)))
    return Decoded(Structure(content.lattice, species, wrapped(found.frac)), misfit, probability)
