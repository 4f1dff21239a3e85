"""Numbers by which structures are compared, whatever cells they are described in."""

import logging
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from jaxtyping import Float

from argand.physics.crystal.reciprocal import half_box, waves
from argand.physics.crystal.structure import Structure
from argand.runs.course import Failure, attempted
from argand.systems.crystals.latent.element_codes import code_weights

_EDGES = np.linspace(0.0, 0.6, 25)
"""1/Å; shells in which coefficients are compared, whatever their directions. By hand: 24 of 0.025,
up to spacings of 1.7 Å. The shipped index was made with them."""
_DIMS = 4
"""Of the elements' codes, those of the vectors of 512 numbers."""

Measure = Callable[[Structure], Float[np.ndarray, " size"]]
"""Numbers of a structure, such as its `fingerprint`."""
Measured = tuple[str, Structure, Float[np.ndarray, " size"]]
"""A structure under its name, with its numbers."""

logger = logging.getLogger(__name__)


def measured(named: Iterable[tuple[str, Structure]], measure: Measure) -> Iterator[Measured]:
    """Structures with their numbers by `measure`; one that has none, for any reason, is told and left out."""
    for name, structure in named:
        # One of many structures must not end what is done with the others.
        (row,) = attempted(name, lambda structure=structure: [measure(structure)])
        if isinstance(row, Failure):
            logger.warning("left out: %s", row.message)
        else:
            yield name, structure, row


def fingerprint(structure: Structure) -> Float[np.ndarray, " size"]:
    """Numbers that no turn, shift, reflection or choice of the cell changes: what there is, and how dense.

    The mean code of the species, the logarithm of the volume for an atom, and the mean |F|² for an atom of
    places and of species in shells of reciprocal space, which smooth edges keep steady under strain. 4
    numbers of the codes (times 4, by hand: species weigh most), 1 of density, 24 and 24 of shells.
    """
    # Points a tenth beyond the last shell still reach into it over its smooth edge.
    bounds = np.floor(_EDGES[-1] * 1.1 * np.linalg.norm(structure.lattice, axis=1)).astype(int)
    hkl = half_box(bounds)
    lengths = np.linalg.norm(hkl @ np.linalg.inv(structure.lattice).T, axis=1)
    hkl, lengths = hkl[lengths < _EDGES[-1] * 1.1], lengths[lengths < _EDGES[-1] * 1.1]
    codes = code_weights(structure.species, _DIMS)
    wave = waves(hkl, structure.frac_coords)
    strength = np.stack([np.abs(wave.sum(1)) ** 2, (np.abs(wave @ codes) ** 2).sum(1)], axis=1)
    width = _EDGES[1] - _EDGES[0]
    near = np.exp(-0.5 * ((_EDGES[1:, None] - lengths) / width) ** 2)
    # Points in a shell of reciprocal space number its volume times the cell's; half of them are listed (2π,
    # not 4π), and the Gaussian's integral is width √(2π).
    expected = 2 * np.pi * _EDGES[1:] ** 2 * width * np.sqrt(2 * np.pi) * structure.volume
    shells = np.log1p(near @ strength / expected[:, None] / len(structure))
    density = np.log(structure.volume / len(structure))
    return np.concatenate([4 * codes.mean(0), [density], shells.T.ravel()])
