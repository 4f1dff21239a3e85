"""The difference map of a finished model, interpolated between grid points, and its highest peaks."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float
from scipy.ndimage import map_coordinates, spline_filter

from argand.physics.phasing.dual_space import Expansion, phase_factor
from argand.physics.phasing.fourier import Grid, Map
from argand.physics.phasing.peak import PeakFinder, between_points
from argand.physics.phasing.refinement import Observed, RefinedModel
from argand.typing import Points3

_FINEST = 0.7
"""Å; reflections beyond are left out. Set by hand: hydrogen scatters almost nothing there, and bonding
density shows."""
_SPACING = 0.3
"""Largest grid spacing in Å. Set by hand: under half of `_FINEST`, with spline interpolation."""


@dataclass(frozen=True)
class DifferenceMap:
    """F_o - F_c with the phases of F_c in e/Å³ (potential in e·Å for electrons), with zero mean."""

    grid: Grid
    density: Map

    @property
    def rms(self) -> float:
        """Root of the mean square."""
        return float(np.sqrt((self.density.astype(float) ** 2).mean()))

    @cached_property
    def _splines(self) -> Map:
        return np.asarray(spline_filter(self.density.astype(float), mode="grid-wrap"))

    def at(self, frac: Points3) -> Float[np.ndarray, " n"]:
        """Values at fractional positions, by cubic splines."""
        points = (frac * self.density.shape).T
        return map_coordinates(self._splines, points, prefilter=False, mode="grid-wrap")

    def peaks(self, count: int) -> tuple[Points3, Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Positions, heights and site occupancies of at most `count` maxima, highest first."""
        finder = PeakFinder(self.grid)
        points = finder.find(self.density, count)[:count]
        frac, heights = between_points(self.density, points)
        order = np.argsort(-heights, kind="stable")
        return frac[order], heights[order], finder.occupancy[finder.flat(points)].astype(float)[order]


def difference_map(model: RefinedModel, data: Observed) -> DifferenceMap:
    """The difference map of a model evaluated against `data`."""
    d_min = max(data.d_min, _FINEST)
    grid = Grid(data.group, data.group, data.orthogonalisation, d_min, _SPACING)
    observed = np.sqrt(np.clip(data.intensity, 0, None)) / max(model.scale, 1e-12)
    difference = (observed - np.abs(model.calculated)) * phase_factor(model.calculated)
    density = grid.density(Expansion(data.hkl, grid).full(difference.astype(np.complex64)))
    volume = float(np.linalg.det(data.orthogonalisation))
    return DifferenceMap(grid, density * np.float32(density.size / volume))
