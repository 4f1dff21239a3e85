"""Detectors on an arm that is swung out."""

from functools import cache

import numpy as np

from argand.io.image import Frame
from argand.physics.crystal.cell import Cell, random_rotation
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.panel import Panel
from argand.physics.still.reflection import Spread
from argand.physics.still.spot import Spots, find_spots
from argand.physics.still.still import Crystal, Diffuse, Still, expose
from argand.systems.geometry.refine.swung import SWUNG_LIMIT_DEG, is_swung, swung_starts, try_swung

NOMINAL = BeamGeometry((205.0, 205.0), 160.0, 0.6889, (0.688, 0.688))
TRUTH = BeamGeometry.from_poni((206.0, 204.5), 160.0, 0.6889, (0.688, 0.688), 0.002, np.radians(25.1))


@cache
def spots() -> Spots:
    """Of a small molecule on a detector that is out by 25.1 degrees."""
    orientation = random_rotation(np.random.default_rng(3))
    crystal = Crystal(Cell(13, 17, 21), orientation, Spread(mosaic=2e-3), 6000.0, 4.0, 0.75, 0.3)
    still = Still(TRUTH, Panel("square", (410, 410), 0.688), 1, crystal, Diffuse(air=5, water=5))
    image, live, _ = expose(still, np.random.default_rng(3))
    return find_spots(image, live > 0.95)[0]


def frame(two_theta_deg: float) -> Frame:
    image = np.zeros((410, 410), np.int32)
    stated = (0.688, 0.688), 160.0, 0.6889, (205.0, 205.0)
    return Frame("swung", 0, image, image == 0, *stated, two_theta_deg=two_theta_deg)


def test_starts_stand_where_the_beam_meets_the_tilted_plane():
    starts = list(swung_starts(frame(25.0), NOMINAL))
    reach = 160.0 * np.tan(np.radians(25.0)) / 0.688
    feet = [start for start in starts if start.beam_centre_px != (205.0, 205.0)]
    for start in feet:
        np.testing.assert_allclose(start.poni_px, (205.0, 205.0), atol=1e-9)
        apart = np.hypot(*np.subtract(start.beam_centre_px, start.poni_px))
        assert np.isclose(apart, reach)
        assert np.isclose(start.perpendicular_distance_mm, 160.0)
    assert len({start.beam_centre_px for start in feet}) == 4
    assert len(starts) == 8


def test_the_lattice_is_found_on_the_side_that_the_network_names():
    near_truth = (TRUTH.beam_centre_px[0] + 6.0, TRUTH.beam_centre_px[1] - 4.0)
    found = try_swung(spots(), frame(25.0), NOMINAL, near_truth)
    assert found.lattice is not None
    error = np.subtract(found.lattice.geometry.beam_centre_px, TRUTH.beam_centre_px)
    assert np.hypot(*error) < 0.3
    assert abs(found.lattice.geometry.yaw - TRUTH.yaw) < 2e-3


def test_a_network_between_the_sides_names_none():
    assert try_swung(spots(), frame(25.0), NOMINAL, (120.0, 120.0)).lattice is None


def test_few_spots_leave_the_start_for_an_estimate():
    few = spots().select(np.arange(10))
    found = try_swung(few, frame(25.0), NOMINAL, TRUTH.beam_centre_px)
    assert found.lattice is None
    assert np.hypot(*np.subtract(found.start.beam_centre_px, TRUTH.beam_centre_px)) < 4.0


def test_small_angles_of_the_arm_are_tilts():
    assert is_swung(frame(-SWUNG_LIMIT_DEG - 0.1))
    assert not is_swung(frame(SWUNG_LIMIT_DEG - 0.1))
