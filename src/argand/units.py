"""Constants and conversions. Lengths in Å, energies in keV, angles in radians unless stated otherwise."""

HC_KEV_ANGSTROM = 12.398419843320026
"""Planck constant times speed of light in keV Å (CODATA 2018, exact)."""

JOULES_PER_KEV = 1.602176634e-16
"""A thousand electron volts in joules (SI 2019, exact)."""


def wavelength_from_energy(energy_kev: float) -> float:
    """Photon wavelength in Å from its energy in keV."""
    return HC_KEV_ANGSTROM / energy_kev
