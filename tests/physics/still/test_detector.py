"""Where pixels stand in the laboratory: signs and units of tilt, pivot, inverses, Bragg angles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from argand.physics.still.detector import BeamGeometry, tilt_rotation

ANGLES = st.floats(-0.6, 0.6)
PLACES = st.floats(-500.0, 3000.0)
GEOMETRIES = st.builds(
    BeamGeometry,
    st.tuples(PLACES, PLACES),
    st.floats(50.0, 1000.0),
    st.floats(0.5, 2.0),
    st.tuples(st.floats(0.05, 0.3), st.floats(0.05, 0.3)),
    ANGLES,
    ANGLES,
)


def test_pitch_turns_the_far_end_of_the_slow_axis_away_from_the_sample():
    axes = tilt_rotation(np.radians(30.0), 0.0)
    np.testing.assert_allclose(axes[:, 0], [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(axes[:, 1], [0, np.sqrt(3) / 2, 0.5], atol=1e-12)


def test_yaw_turns_the_far_end_of_the_fast_axis_towards_the_sample():
    axes = tilt_rotation(0.0, np.radians(30.0))
    np.testing.assert_allclose(axes[:, 0], [np.sqrt(3) / 2, 0, -0.5], atol=1e-12)
    np.testing.assert_allclose(axes[:, 1], [0, 1, 0], atol=1e-12)


@given(ANGLES, ANGLES)
def test_yaw_is_applied_after_pitch_about_axes_at_rest(pitch: float, yaw: float):
    expected = Rotation.from_euler("xy", [pitch, yaw]).as_matrix()
    np.testing.assert_allclose(tilt_rotation(pitch, yaw), expected, atol=1e-12)


def test_three_degrees_of_tilt_are_three_degrees():
    geometry = BeamGeometry((0.0, 0.0), 100.0, 1.0, (0.1, 0.1), pitch=np.radians(3.0))
    assert np.degrees(geometry.tilt) == pytest.approx(3.0, abs=1e-9)
    # Seen from the pivot, 1000 px further along the slow axis lie 100 mm * sin(3 degrees) further away.
    assert geometry.lab_from_px(np.array([0.0, 1000.0]))[2] - 100.0 == pytest.approx(5.2336, abs=1e-4)


@given(GEOMETRIES)
def test_direct_beam_meets_the_beam_centre_at_any_tilt(geometry: BeamGeometry):
    beam = np.array([0.0, 0.0, 1.0])
    np.testing.assert_allclose(geometry.px_from_direction(beam), geometry.beam_centre_px, atol=1e-8)
    pivot = geometry.lab_from_px(np.array(geometry.beam_centre_px))
    np.testing.assert_allclose(pivot, [0.0, 0.0, geometry.distance_mm], atol=1e-9)


@given(GEOMETRIES)
def test_poni_is_the_foot_of_the_perpendicular(geometry: BeamGeometry):
    foot = geometry.lab_from_px(np.array(geometry.poni_px))
    np.testing.assert_allclose(foot, geometry.perpendicular_distance_mm * geometry.axes[:, 2], atol=1e-7)


@given(GEOMETRIES)
def test_geometry_survives_the_way_through_its_poni(geometry: BeamGeometry):
    again = BeamGeometry.from_poni(
        geometry.poni_px,
        geometry.perpendicular_distance_mm,
        geometry.wavelength,
        geometry.pixel_size_mm,
        geometry.pitch,
        geometry.yaw,
    )
    np.testing.assert_allclose(again.beam_centre_px, geometry.beam_centre_px, atol=1e-7)
    assert again.distance_mm == pytest.approx(geometry.distance_mm)


@given(GEOMETRIES, st.lists(st.tuples(st.floats(-200, 200), st.floats(-200, 200)), min_size=1, max_size=5))
def test_a_ray_to_a_point_meets_the_detector_there(geometry: BeamGeometry, offsets: list):
    px = np.array(geometry.beam_centre_px) + np.array(offsets) * 0.1 / np.array(geometry.pixel_size_mm)
    lab = geometry.lab_from_px(px)
    np.testing.assert_allclose(geometry.px_from_direction(lab), px, atol=1e-6)
    np.testing.assert_allclose(geometry.px_from_direction(lab / 7.0), px, atol=1e-6)


def test_rays_that_miss_the_detector_are_nan():
    geometry = BeamGeometry((10.0, 10.0), 100.0, 1.0, (0.1, 0.1))
    rays = np.array([[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, 0.1, 1.0]])
    assert np.isnan(geometry.px_from_direction(rays)).all(axis=1).tolist() == [True, True, False]


def test_scattering_angle_without_tilt_is_that_of_the_right_triangle():
    geometry = BeamGeometry((100.0, 200.0), 100.0, 1.0, (0.1, 0.2))
    # 300 px of 0.1 mm and 200 px of 0.2 mm: legs of 30 and 40 mm, 50 mm in all, half the distance.
    assert geometry.two_theta(np.array([400.0, 400.0])) == pytest.approx(np.arctan(0.5))


def test_scattering_angle_under_yaw_follows_from_the_triangle_of_sample_pivot_and_point():
    yaw = np.radians(20.0)
    geometry = BeamGeometry((0.0, 0.0), 100.0, 1.0, (0.1, 0.1), yaw=yaw)
    expected = np.arctan2(50.0 * np.cos(yaw), 100.0 - 50.0 * np.sin(yaw))
    assert geometry.two_theta(np.array([500.0, 0.0])) == pytest.approx(expected)


@given(GEOMETRIES, st.floats(-100, 100), st.floats(-100, 100))
def test_scattering_vector_obeys_braggs_law_and_ends_on_the_ewald_sphere(geometry, fast, slow):
    px = np.add(geometry.beam_centre_px, [fast, slow])
    q = geometry.q_from_px(px)
    bragg = 2 * np.sin(geometry.two_theta(px) / 2) / geometry.wavelength
    assert np.linalg.norm(q) == pytest.approx(bragg, abs=1e-9)
    scattered = np.add(q, [0, 0, 1 / geometry.wavelength])
    assert np.linalg.norm(scattered) == pytest.approx(1 / geometry.wavelength)


def test_pixel_centres_are_half_a_pixel_from_the_edges_fast_first():
    centres = BeamGeometry((0.0, 0.0), 1.0, 1.0, (1.0, 1.0)).pixel_centres((2, 3))
    assert centres.shape == (2, 3, 2)
    assert centres[0, 0].tolist() == [0.5, 0.5]
    assert centres[1, 2].tolist() == [2.5, 1.5]
