"""The Patterson map of measured intensities, sharpened and without its origin."""

from argand.physics.phasing.fourier import Grid, Map
from argand.physics.phasing.patterson_map import VectorPeak, vector_map, vector_peaks
from argand.physics.phasing.wilson import expected_intensity
from argand.systems.patterson.solution.reflections import CrystalData

SPACING = 0.3
"""Most Å between the points of the map: by hand, half of FINEST."""
FINEST = 0.6
"""Å, by hand; data beyond add nothing that a map of this step can show."""


def patterson(crystal: CrystalData) -> tuple[Map, list[VectorPeak]]:
    """The sharpened Patterson map without its origin, Σ (E² - 1) cos 2πh·u, and its peaks."""
    data = crystal.observed
    grid = Grid(
        crystal.group, crystal.group.lattice, data.orthogonalisation, max(data.d_min, FINEST), SPACING
    )
    expected = expected_intensity(data.hkl, data.intensity, crystal.group, data.orthogonalisation)
    density = vector_map(data.hkl, data.intensity / expected - 1, grid)
    return density, vector_peaks(density, grid)
