"""The sample from the spots of a frame: hit, resolution, unit cell, Bravais lattices, second lattice."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from argand.physics.crystal.bravais import Lattice, bravais_lattices, symmetry_is_known
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.lattice import LatticeFit, fit_lattice
from argand.physics.still.lattice_refinement import Prior
from argand.physics.still.spot import Spots
from argand.systems.geometry.refine.hit import HIT_SPOTS
from argand.systems.geometry.refine.lattice import LATTICE_SPOTS
from argand.typing import Matrix3

SPOTS_WITHIN = 0.95
"""Share of the spots within the resolution. By hand: one in twenty may not be a reflection."""
SECOND_SHARE, SECOND_RMS_PX = 0.4, 1.0
"""Least share of the remaining spots that a second lattice must explain beyond chance, and its largest
residual in px. By hand: two false ones of 37 simulated stills had 1.5 px and more, true ones some tenths."""
SECOND_PRIOR = Prior(1.0, np.radians(0.1))
"""Prior of centre and tilt for a second lattice, about those of the first. By hand."""
SAME = 0.1
"""Largest deviation from whole numbers of the matrix between two bases of one lattice. By hand."""


@dataclass(frozen=True)
class Sample:
    """The sample as one frame shows it.

    `hit`: at least HIT_SPOTS spots. `resolution` (Å): 95 % of the indexed spots (of all spots without a
    lattice) have a larger d; None without a hit. `unit_cell` is the conventional cell of the most likely
    Bravais lattice as a, b, c (Å), alpha, beta, gamma (degrees), with its standard deviations, which include
    that of the distance; `bravais` are the symbols of the lattices that agree with the spots, most likely
    first, none if the cell is too uncertain. `lattices` is the number of lattices found, 0 to 2.
    """

    hit: bool
    resolution: float | None = None
    indexed_share: float | None = None
    lattices: int = 0
    unit_cell: tuple[float, ...] | None = None
    unit_cell_sigma: tuple[float, ...] | None = None
    bravais: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Its numbers by the names of the fields."""
        return {**vars(self), "bravais": list(self.bravais)}


NOTHING = Sample(False)
"""The sample of a frame without an analysis of its spots."""


def describe_sample(spots: Spots, geometry: BeamGeometry, lattice: LatticeFit | None) -> Sample:
    """The sample from its spots in the geometry found, with the lattice if there is one."""
    hit = len(spots) >= HIT_SPOTS
    if lattice is None:
        return Sample(hit, _resolution(spots, geometry) if hit else None)
    seen = spots.select(lattice.explained)
    resolution = _resolution(seen, geometry) if hit else None
    share = lattice.indexed / lattice.offered
    if lattice.basis is None or lattice.basis_covariance is None:
        return Sample(hit, resolution, share, 1)
    # As for the centre: unexplained spots mean that the model is incomplete.
    covariance = lattice.basis_covariance * lattice.offered / lattice.indexed
    likely = bravais_lattices(lattice.basis, covariance)
    known = symmetry_is_known(lattice.basis, covariance)
    cell, sigma = cell_numbers(likely[0])
    return Sample(
        hit,
        resolution,
        share,
        2 if has_second_lattice(spots, lattice) else 1,
        cell,
        sigma,
        tuple(one.symbol for one in likely) if known else (),
    )


def _resolution(spots: Spots, geometry: BeamGeometry) -> float:
    """d in Å below which one spot in twenty is."""
    return float(1.0 / np.quantile(np.linalg.norm(geometry.q_from_px(spots.px), axis=1), SPOTS_WITHIN))


def cell_numbers(lattice: Lattice) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """a, b, c (Å), alpha, beta, gamma (degrees) and their standard deviations."""
    cell, sigma = lattice.cell, lattice.sigma
    angles = np.degrees([cell.alpha, cell.beta, cell.gamma]).tolist()
    return (*cell.lengths, *angles), (*sigma[:3], *np.degrees(sigma[3:]).tolist())


def has_second_lattice(spots: Spots, first: LatticeFit) -> bool:
    """Whether the spots that a lattice does not explain lie on a second one."""
    rest = spots.px[~first.explained]
    if len(rest) < LATTICE_SPOTS or first.basis is None:
        return False
    fit = fit_lattice(rest, first.geometry, SECOND_PRIOR)
    if fit is None or fit.basis is None or fit.rms_px > SECOND_RMS_PX:
        return False
    enough = fit.indexed >= max(LATTICE_SPOTS, (SECOND_SHARE + fit.chance) * fit.offered)
    return bool(enough and not _same(first.basis, fit.basis))


def _same(first: Matrix3, second: Matrix3) -> bool:
    """Whether one basis is an integer combination of the other: one crystal, found twice."""
    changes = (np.linalg.solve(first, second), np.linalg.solve(second, first))
    return any(bool(np.abs(change - np.rint(change)).max() < SAME) for change in changes)
