"""Which lattice counts as evidence: priors on tilt, and flat spheres."""

import numpy as np
import pytest

from argand.physics.crystal.cell import Cell
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.panel import Panel
from argand.physics.still.reflection import Spread
from argand.physics.still.spot import Spots, find_spots
from argand.physics.still.still import Crystal, Diffuse, Still, expose
from argand.systems.geometry.refine.lattice import TILT_PRIOR, is_flat, lattice_prior, try_lattice
from argand.systems.geometry.refine.options import PLAIN, Options

ELECTRONS = BeamGeometry((268.4, 249.7), 1450.0, 0.0251, (0.055, 0.055))
START = ELECTRONS.with_centre((271.0, 248.0))


def turned(about_x: float, about_y: float) -> np.ndarray:
    """A small rotation of the crystal in degrees, as product of two."""
    x, y = np.radians([about_x, about_y])
    first = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    return np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]]) @ first


def electron_spots(about_x: float, about_y: float, seed: int = 0) -> Spots:
    """Spots of an electron still whose beam is that far from the c axis."""
    spread = Spread(mosaic=1e-3, divergence=1e-4, bandwidth=1e-6, domain=500.0)
    crystal = Crystal(Cell(38, 44, 52), turned(about_x, about_y), spread, 3000.0, 15.0, 2.4, 0.07)
    still = Still(
        ELECTRONS, Panel("four chips", (512, 512), 0.055), 1, crystal, Diffuse(air=0, water=0, flat=600)
    )
    image, live, _ = expose(still, np.random.default_rng(seed))
    return find_spots(image, live > 0.95)[0]


@pytest.mark.parametrize("off", [(0.3, -0.2), (0.0, 0.8)])
def test_an_electron_still_near_a_zone_axis_is_centred_by_its_net(off: tuple[float, float]):
    fit = try_lattice(electron_spots(*off), START, 2.0, PLAIN)
    assert fit is not None
    assert fit.basis is None
    assert np.hypot(*np.subtract(fit.geometry.beam_centre_px, ELECTRONS.beam_centre_px)) < 0.2
    assert fit.margin > 10.0
    assert fit.stretch == 1.0
    assert fit.stretch_sigma == 0.01


def test_friedel_pairs_tell_the_centre_where_the_network_does_not():
    spots, far = electron_spots(0.1, 0.05), ELECTRONS.with_centre((282.0, 236.0))
    fit = try_lattice(spots, far, 12.0, PLAIN)
    assert fit is not None
    assert np.hypot(*np.subtract(fit.geometry.beam_centre_px, ELECTRONS.beam_centre_px)) < 0.2


def test_spots_at_random_are_no_net():
    px = np.random.default_rng(0).uniform(0, 512, (120, 2))
    spots = Spots(px, np.ones(120), np.ones(120), np.ones(120, int))
    assert try_lattice(spots, START, 2.0, PLAIN) is None


def test_a_stated_largest_tilt_narrows_the_prior():
    assert lattice_prior(10.0, PLAIN).tilt == TILT_PRIOR
    assert lattice_prior(10.0, Options(max_tilt_deg=0.6)).tilt == pytest.approx(np.radians(0.2))
    assert lattice_prior(1.0, PLAIN).centre_px == 3.0
    assert lattice_prior(1000.0, PLAIN).centre_px == 60.0


def test_electrons_alone_have_a_flat_sphere():
    assert is_flat(ELECTRONS)
    assert not is_flat(BeamGeometry((0.0, 0.0), 100.0, 0.2, (0.1, 0.1)))
