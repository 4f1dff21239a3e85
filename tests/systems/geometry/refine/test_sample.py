"""What spots say of the sample."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from argand.physics.crystal.cell import Cell, random_rotation
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.lattice import LatticeFit, fit_lattice
from argand.physics.still.lattice_refinement import Prior
from argand.physics.still.panel import Panel
from argand.physics.still.reflection import Spread
from argand.physics.still.spot import Spots
from argand.physics.still.still import Crystal, Still, bragg_spots
from argand.systems.geometry.refine.sample import HIT_SPOTS, NOTHING, describe_sample

GEOMETRY = BeamGeometry((412.3, 398.7), 200.0, 0.98, (0.344, 0.344))
PRIOR = Prior(8.0, np.radians(2.0))
TETRAGONAL = Cell(58, 58, 150)


@cache
def spots_of(seed: int) -> Spots:
    """The strongest spots of a crystal, as if measured to 0.1 px."""
    rng = np.random.default_rng(seed)
    crystal = Crystal(TETRAGONAL, random_rotation(rng), Spread(mosaic=1e-3), 3000.0, d_min=2.2)
    still = Still(GEOMETRY, Panel("square", (820, 820), 0.344), 1, crystal)
    px, counts, _ = bragg_spots(still, rng)
    order = np.argsort(-counts)[:250]
    px = px[order] + rng.normal(0, 0.1, (len(order), 2))
    return Spots(px, counts[order], np.sqrt(counts[order]), np.ones(len(order), int))


@cache
def fit_of(seed: int) -> LatticeFit:
    fit = fit_lattice(spots_of(seed).px, GEOMETRY.with_centre((414.0, 397.0)), PRIOR)
    assert fit is not None
    return fit


@pytest.mark.parametrize("seed", [0, 1])
def test_the_cell_of_a_still_comes_with_lattice_resolution_and_share(seed: int):
    fit = fit_of(seed)
    sample = describe_sample(spots_of(seed), fit.geometry, fit)
    assert sample.hit
    assert sample.bravais[0] == "tP"
    assert sample.lattices == 1
    assert sample.unit_cell is not None
    assert sample.unit_cell_sigma is not None
    error = np.subtract(sample.unit_cell, (58, 58, 150, 90, 90, 90))
    assert (np.abs(error[:3]) < 4 * np.array(sample.unit_cell_sigma[:3])).all()
    assert np.abs(error[3:]).max() < 1e-6
    assert max(sample.unit_cell_sigma[:3]) < 1.0
    assert sample.indexed_share is not None
    assert sample.indexed_share > 0.8
    d = 1 / np.linalg.norm(GEOMETRY.q_from_px(spots_of(seed).px), axis=1)
    assert sample.resolution is not None
    assert d.min() < sample.resolution < np.quantile(d, 0.1)


def test_a_second_crystal_is_counted():
    first, second = spots_of(0), spots_of(1)
    weak = second.select(np.arange(200))
    both = Spots(
        *(np.concatenate([getattr(first, n), getattr(weak, n)]) for n in ("px", "counts", "sigma", "area"))
    )
    fit = fit_lattice(both.px, GEOMETRY, PRIOR)
    assert fit is not None
    assert describe_sample(both, fit.geometry, fit).lattices == 2


def test_what_one_lattice_leaves_over_is_no_second_one():
    fit = fit_of(0)
    half = np.arange(250) % 2 == 0
    assert describe_sample(spots_of(0), fit.geometry, replace(fit, explained=half)).lattices == 1


def test_without_a_lattice_there_is_a_hit_and_a_resolution():
    sample = describe_sample(spots_of(0), GEOMETRY, None)
    assert (sample.hit, sample.lattices, sample.unit_cell, sample.bravais) == (True, 0, None, ())
    assert sample.resolution is not None
    few = spots_of(0).select(np.arange(HIT_SPOTS - 1))
    assert describe_sample(few, GEOMETRY, None) == NOTHING


def test_a_net_has_no_cell():
    fit = replace(fit_of(0), basis=None, basis_covariance=None)
    sample = describe_sample(spots_of(0), fit.geometry, fit)
    assert (sample.unit_cell, sample.bravais, sample.lattices) == (None, (), 1)
