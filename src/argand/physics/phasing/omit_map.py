"""Omit maps: the difference density at an atom's position without the atom, unbiased evidence for it."""

import numpy as np
from jaxtyping import Complex, Float

from argand.physics.crystal.atom import Atoms, atom_sizes
from argand.physics.phasing.dual_space import phase_factor
from argand.physics.phasing.refinement import Observed

_DOMINANT = 0.5
"""An atom with more than this share of the scattering power is not tested: without it there are no phases.
Set by hand."""
_LARGEST = 2_000_000
"""Reflections times atoms processed at once; set by hand, a bound on memory (32 MB per array)."""


def single_factors(atoms: Atoms, data: Observed) -> Complex[np.ndarray, "n atoms"]:
    """Structure factors of each atom alone with its equivalents, occupancy and displacement: their sum is
    F_c."""
    rotations, translations, centred = data.group.generating
    factor = data.group.lattice_factor(data.hkl)[:, None]
    size = atom_sizes(atoms, data.hkl, data.orthogonalisation, data.radiation) * factor
    total = np.zeros(size.shape, np.complex64)
    for rotation, translation in zip(rotations, translations, strict=True):
        cycles = (data.hkl @ rotation) @ atoms.frac.T + (data.hkl @ translation)[:, None]
        angles = (2 * np.pi * (cycles - np.rint(cycles))).astype(np.float32)
        total += np.exp(1j * angles)
    return ((2 * total.real if centred else total) * size).astype(np.complex64)


def omit_support(
    atoms: Atoms, scale: float, data: Observed, dominant: float = _DOMINANT
) -> Float[np.ndarray, " atoms"]:
    """Fraction of each atom's density recovered at its position in an F_o - F_c map without it.

    Near 1 for a correct atom phased by the others, about a half if all phases come from few others without an
    inversion centre (Luzzati, Acta Cryst. 6, 142, 1953); small for a wrong atom among correct ones. 1 for an
    atom of more than `dominant` of the scattering power. `scale` is that of F_c to F_o. Map values at a
    position are sums over unique reflections: Σ m Re(D A*) with the amplitudes A of a unit scatterer there
    and the multiplicity m of each reflection.
    """
    observed = np.sqrt(np.clip(data.intensity, 0, None)) / max(scale, 1e-12)
    count = max(1, _LARGEST // max(len(data.hkl), 1))
    shares, total = [], np.zeros(len(data.hkl), complex)
    groups = [np.arange(first, min(first + count, len(atoms))) for first in range(0, len(atoms), count)]
    for chosen in groups:
        total += single_factors(atoms.take(chosen), data).sum(1)
    for chosen in groups:
        part = atoms.take(chosen)
        alone = single_factors(part, data)
        without = total[:, None] - alone
        size = np.abs(without)
        difference = (observed[:, None] - size) * phase_factor(without)
        # Scattering of a point: the atom without its form factor and displacement.
        point = alone / np.maximum(_sizes(part, data), 1e-9)
        weight = data.multiplicity[:, None]
        back = (weight * (difference * point.conj()).real).sum(0)
        shares.append(back / np.maximum((weight * (alone * point.conj()).real).sum(0), 1e-12))
    support = np.concatenate(shares).astype(float)
    return np.where(_power(atoms, data) > dominant, 1.0, support)


def _sizes(atoms: Atoms, data: Observed) -> Float[np.ndarray, "n atoms"]:
    return atom_sizes(atoms, data.hkl, data.orthogonalisation, data.radiation)


def _power(atoms: Atoms, data: Observed) -> Float[np.ndarray, " atoms"]:
    """Shares of the scattering power, Σ occupancy f² at zero angle and rest."""
    still = Atoms(atoms.elements, atoms.frac, np.zeros(len(atoms)), np.ones(len(atoms)))
    forward = atom_sizes(still, np.zeros((1, 3), int), data.orthogonalisation, data.radiation)[0]
    power = atoms.occupancy * forward**2
    return power / power.sum()
