"""A simulated still is what first principles say: rings, shadows, spots and counts where they belong."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argand.physics.crystal.cell import Cell, random_rotation
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.panel import PANELS, Panel
from argand.physics.still.reflection import Spread
from argand.physics.still.still import (
    TABLE,
    Crystal,
    Diffuse,
    Still,
    Stop,
    bragg_spots,
    expected_background,
    expected_counts,
    expose,
    stop_transmission,
    trace,
)

SIDE = 820
PANEL = Panel("square", (SIDE, SIDE), 0.516)
NOTHING = Diffuse(air=0.0, water=0.0)


def geometry_with_tilt(pitch_deg: float = 0.0, yaw_deg: float = 0.0) -> BeamGeometry:
    tilt = np.radians([pitch_deg, yaw_deg])
    return BeamGeometry((418.3, 402.6), 250.0, 0.9795, (0.516, 0.516), float(tilt[0]), float(tilt[1]))


def background(still: Still) -> np.ndarray:
    return expected_background(still, trace(still.geometry, still.shape))


def crystal_still(diffuse: Diffuse = NOTHING, cell: float = 60.0) -> Still:
    orientation = random_rotation(np.random.default_rng(2))
    spread = Spread(mosaic=1e-3, domain=3000.0)
    crystal = Crystal(Cell(cell, cell * 1.1, cell * 1.3), orientation, spread, 5000.0, 20.0, 3.0, 0.6)
    return Still(geometry_with_tilt(4.0, -3.0), PANEL, 1, crystal, diffuse)


def test_a_pixel_lies_where_the_geometry_says():
    geometry = geometry_with_tilt(11.0, -8.0)
    rays = trace(geometry, (60, 50))
    lab = geometry.lab_from_px(geometry.pixel_centres((60, 50)))
    np.testing.assert_allclose(rays.x, lab[..., 0], atol=1e-4)
    np.testing.assert_allclose(rays.y, lab[..., 1], atol=1e-4)
    two_theta = geometry.two_theta(geometry.pixel_centres((60, 50)))
    np.testing.assert_allclose(rays.tan_two_theta, np.tan(two_theta), rtol=1e-5)


@pytest.mark.parametrize("d", [3.15, 3.67])
def test_water_ring_has_the_radius_of_braggs_law(d: float):
    diffuse = Diffuse(air=0.0, water=300.0, water_d=d)
    still = Still(geometry_with_tilt(), PANEL, diffuse=diffuse, polarisation=0.0)
    radius = 250.0 * np.tan(2 * np.arcsin(0.9795 / (2 * d))) / 0.516
    row = background(still)[402, 418:]
    # The first pixel of the row stands 0.2 px from the centre.
    assert np.argmax(row[60:]) + 60.2 == pytest.approx(radius, abs=1.0)


@settings(max_examples=20, deadline=None)
@given(st.floats(-15, 15), st.floats(-15, 15), st.floats(2.2, 12.0))
def test_rings_on_a_tilted_detector_are_where_their_scattering_angle_is(pitch, yaw, d):
    geometry = geometry_with_tilt(pitch, yaw)
    diffuse = replace(NOTHING, rings=((1 / d, 4e-3, 100.0),))
    image = background(Still(geometry, PANEL, diffuse=diffuse, polarisation=0.0))
    for line, along in ((image[402], 0), (image[:, 418], 1)):
        peak = np.argmax(line)
        px = [418.5, 402.5]
        px[along] = peak + 0.5
        s = 2 * np.sin(geometry.two_theta(np.array(px)) / 2) / 0.9795
        assert s == pytest.approx(1 / d, abs=2.5e-3)


def test_air_and_solid_angle_fall_as_their_laws_say():
    profile = Diffuse(air=100.0, water=0.0, air_decay=1e9, flat=7.0).profile(TABLE, 1.0)
    np.testing.assert_allclose(profile, 100.0 * np.cos(np.arctan(TABLE)) ** 3 + 7.0)


def test_polarised_background_is_weaker_along_the_horizontal():
    still = Still(geometry_with_tilt(), PANEL, diffuse=Diffuse(air=100.0, water=0.0), polarisation=1.0)
    image = background(still)
    tan2 = (350 * 0.516 / 250.0) ** 2
    beyond = image[402, 418 + 350] / image[402 + 350, 418]
    assert beyond == pytest.approx(1 - tan2 / (1 + tan2), rel=5e-3)


def test_flat_background_is_the_same_in_every_pixel():
    still = Still(geometry_with_tilt(9.0, 9.0), PANEL, diffuse=replace(NOTHING, flat=40.0), uniform=True)
    np.testing.assert_allclose(background(still), 40.0 * 0.516**2, rtol=1e-6)


def test_shadow_darkens_what_lies_beyond_its_edge():
    still = Still(geometry_with_tilt(), PANEL)
    shaded = background(replace(still, shadow=(0.0, 50.0, 0.3))) / background(still)
    edge = 418.3 + 50.0 / 0.516
    np.testing.assert_allclose(shaded[:, : int(edge) - 3], 1.0, atol=1e-5)
    np.testing.assert_allclose(shaded[:, int(edge) + 4 :], 0.3, atol=1e-5)


def test_lopsided_background_is_brighter_where_it_leans():
    still = Still(geometry_with_tilt(), PANEL, polarisation=0.0, lopsided=(0.1, 0.0))
    ratio = background(still) / background(replace(still, lopsided=(0.0, 0.0)))
    assert ratio[402, 800] > 1.05
    assert ratio[402, 40] < 0.95
    assert ratio[800, 418] == pytest.approx(1.0, abs=5e-3)


def test_beamstop_shades_a_disc_of_its_radius_and_its_arm_a_strip_to_one_side():
    geometry = replace(geometry_with_tilt(), beam_centre_px=(410.0, 410.0))
    stop = Stop(
        5.16, transmission=0.1, arm_angle=np.pi / 2, arm_width_mm=2.0, arm_transmission=0.6, edge_mm=1e-3
    )
    passed = stop_transmission(stop, trace(geometry, (SIDE, SIDE)))
    assert np.count_nonzero(passed < 0.2) == pytest.approx(np.pi * 10**2, rel=0.05)
    np.testing.assert_allclose(passed[500, [408, 411, 405, 415]], [0.6, 0.6, 1.0, 1.0], atol=1e-5)
    np.testing.assert_allclose(passed[300, 405:415], 1.0, atol=1e-5)


def test_spots_of_the_image_stand_where_they_were_predicted():
    still = crystal_still()
    px, counts, _ = bragg_spots(still, np.random.default_rng(0))
    image, number = expected_counts(still, np.random.default_rng(0))
    assert number == len(px) > 100
    apart = np.linalg.norm(px[:, None] - px[None], axis=2) + 1e9 * np.eye(len(px))
    inside = np.all((px > 10) & (px < SIDE - 10), axis=1)
    alone = np.flatnonzero((apart.min(axis=1) > 16) & inside & (counts > 5))
    assert len(alone) > 30
    for i in alone:
        fast, slow = np.floor(px[i]).astype(int)
        patch = image[slow - 6 : slow + 7, fast - 6 : fast + 7]
        rows, cols = np.mgrid[slow - 6 : slow + 7, fast - 6 : fast + 7] + 0.5
        centroid = np.array([(patch * cols).sum(), (patch * rows).sum()]) / patch.sum()
        np.testing.assert_allclose(centroid, px[i], atol=0.05)
        assert patch.sum() == pytest.approx(counts[i], rel=1e-3)


def test_centred_cells_lack_their_absent_spots():
    still = crystal_still()
    assert still.crystal is not None
    centred = replace(still, crystal=replace(still.crystal, cell=replace(still.crystal.cell, centring="F")))
    all_spots = bragg_spots(still, np.random.default_rng(0))[0]
    fewer = bragg_spots(centred, np.random.default_rng(0))[0]
    assert len(fewer) == pytest.approx(len(all_spots) / 4, rel=0.25)


def test_counts_are_photons_of_the_expected_image():
    still = crystal_still(Diffuse(air=60.0, water=60.0))
    expected, _ = expected_counts(still, np.random.default_rng(0))
    counts, live, _ = expose(still, np.random.default_rng(0))
    assert live.min() == 1.0
    normal = (counts - expected) / np.sqrt(expected)
    assert normal.mean() == pytest.approx(0.0, abs=5 / SIDE)
    assert normal.var() == pytest.approx(1.0, abs=0.02)


def test_gaps_and_overloads_hold_nothing():
    geometry = geometry_with_tilt()
    still = Still(
        geometry, PANELS["pilatus-6m"].cropped((2460, 2460)), 3, diffuse=Diffuse(air=1e4), hot_px=300
    )
    still = replace(still, panel=replace(still.panel, saturation=9000.0))
    counts, live, _ = expose(still, np.random.default_rng(0))
    gaps = still.panel.live_fraction(3) == 0
    assert gaps.any()
    assert not counts[live == 0].any()
    assert not live[gaps].any()
    assert np.count_nonzero((live == 0) & ~gaps) > 20
    assert counts.max() < 9000.0


def test_hot_pixels_count_what_is_not_there():
    still = Still(geometry_with_tilt(), PANEL, diffuse=NOTHING, hot_px=40)
    counts, live, _ = expose(still, np.random.default_rng(0))
    assert live.min() == 1.0
    assert np.count_nonzero(counts) == 40
    assert counts[counts > 0].min() >= 20


def test_dead_pixels_count_nothing_and_are_not_masked():
    still = Still(geometry_with_tilt(), PANEL, diffuse=Diffuse(flat=400.0))
    whole, *_ = expose(still, np.random.default_rng(0))
    counts, live, _ = expose(replace(still, dead_px=50), np.random.default_rng(0))
    assert live.min() == 1.0
    assert whole.min() > 0
    assert np.count_nonzero(counts == 0) == 50
    np.testing.assert_array_equal(counts[counts > 0], whole[counts > 0])


def test_a_binned_pixel_loses_the_share_of_its_dead_one():
    panel = replace(PANEL, shape=(2 * SIDE, 2 * SIDE))
    still = Still(geometry_with_tilt(), panel, 2, diffuse=Diffuse(flat=4000.0))
    whole, *_ = expose(still, np.random.default_rng(0))
    counts, *_ = expose(replace(still, dead_px=50), np.random.default_rng(0))
    assert np.unique(counts[counts != whole] / whole[counts != whole]) == pytest.approx(0.75, abs=1e-3)


def test_a_dead_pixel_of_a_ccd_reads_the_pedestal():
    panel = replace(PANELS["adsc-q4"], shape=(SIDE, SIDE))
    still = Still(geometry_with_tilt(), panel, diffuse=Diffuse(flat=4000.0), gain=2.0, pedestal=40.0)
    counts, *_ = expose(replace(still, dead_px=50), np.random.default_rng(0))
    assert np.count_nonzero(counts == 40.0) == 50


def test_binning_and_unbinning_describe_the_same_detector():
    still = Still(geometry_with_tilt(5.0, -7.0), PANELS["pilatus-2m"], 4)
    fine = still.unbinned()
    assert fine.shape == (1679, 1475)
    coarse = background(replace(still, geometry=replace(still.geometry, pixel_size_mm=(0.688, 0.688))))
    fine = replace(fine, geometry=replace(fine.geometry, pixel_size_mm=(0.172, 0.172)))
    summed = background(fine)[: 419 * 4, : 368 * 4].reshape(419, 4, 368, 4).sum(axis=(1, 3))
    np.testing.assert_allclose(coarse, summed, rtol=5e-3)


def test_direct_beam_leaks_at_the_rim_of_the_stop():
    stop = Stop(10.0, leak=1e6, transmission=0.0)
    still = Still(geometry_with_tilt(), PANEL, diffuse=NOTHING, stop=stop)
    image, _ = expected_counts(still, np.random.default_rng(3))
    rows, cols = np.nonzero(image > 1000)
    assert 1 <= len(rows) <= 3
    distance = np.hypot(cols + 0.5 - 418.3, rows + 0.5 - 402.6) * 0.516
    np.testing.assert_allclose(distance, 10.0, atol=0.6)


def test_spots_are_as_polarised_as_the_beam():
    still = crystal_still()
    still = replace(still, crystal=replace(still.crystal, scale=1e9))
    counts, px = {}, {}
    for fraction in (0.9, -0.5):
        px[fraction], counts[fraction], _ = bragg_spots(
            replace(still, polarisation=fraction), np.random.default_rng(1)
        )
    np.testing.assert_array_equal(px[0.9], px[-0.5])
    lab = still.geometry.lab_from_px(px[0.9])
    share = lab[:, :2] ** 2 / (lab**2).sum(1, keepdims=True)
    # Along x the horizontal part of the beam loses the square of the ray's x, along y the other part.
    factor = {p: 1 - (1 + p) / 2 * share[:, 0] - (1 - p) / 2 * share[:, 1] for p in (0.9, -0.5)}
    assert len(lab) > 50
    np.testing.assert_allclose(counts[0.9] / counts[-0.5], factor[0.9] / factor[-0.5], rtol=1e-9)
