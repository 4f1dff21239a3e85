"""Conversions between the units of files and ours."""

import pytest

from argand.units import wavelength_from_energy


@pytest.mark.parametrize(("energy_kev", "wavelength"), [(12.398419843320026, 1.0), (8.0478, 1.54060)])
def test_a_photon_of_12_4_kev_has_a_wavelength_of_one_angstrom(energy_kev: float, wavelength: float):
    assert wavelength_from_energy(energy_kev) == pytest.approx(wavelength, rel=1e-5)
