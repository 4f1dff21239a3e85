"""Panels in space: rays, motions, places in raw arrays, projection to one flat image."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argand.errors import InputError
from argand.physics.still.detector import BeamGeometry, tilt_rotation
from argand.physics.still.modular import PanelSet, PlanePanel, RigidMotion
from argand.physics.still.modular_layout import LAYOUTS, pilatus_12m
from argand.physics.still.projection import VirtualPlane, assemble, plane_of, projection_error_px

FLAT = BeamGeometry((30.25, 18.5), 100.0, 1.0, (0.1, 0.1))


def flat_panel(geometry: BeamGeometry, shape: tuple[int, int] = (40, 60)) -> PlanePanel:
    steps = geometry.axes[:, :2].T * np.array(geometry.pixel_size_mm)[:, None]
    frame = np.array([geometry.lab_from_px(np.zeros(2)), *steps])
    return PlanePanel.at("a", frame, shape)


@given(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2), st.floats(0, 60), st.floats(0, 40))
def test_a_panel_is_met_where_the_same_flat_detector_is(
    pitch: float, yaw: float, fast: float, slow: float
) -> None:
    geometry = BeamGeometry((20.0, 10.0), 100.0, 1.0, (0.1, 0.12), pitch, yaw)
    panel, px = flat_panel(geometry), np.array([fast, slow])
    lab = panel.lab_from_px(px)
    assert np.allclose(lab, geometry.lab_from_px(px), rtol=0, atol=1e-9)
    assert np.allclose(panel.px_from_direction(lab * 0.3), px, rtol=0, atol=1e-6)
    assert np.isnan(panel.px_from_direction(-lab)).all()


def test_the_motion_to_a_geometry_puts_every_pixel_where_it_says() -> None:
    found = BeamGeometry((32.0, 15.0), 101.5, 1.0, (0.1, 0.1), 0.02, -0.01)
    motion = RigidMotion.to_geometry(FLAT, found)
    px = np.array([(0.0, 0.0), (60.0, 0.0), (17.0, 33.0)])
    assert np.allclose(motion.position(FLAT.lab_from_px(px)), found.lab_from_px(px), rtol=0, atol=1e-9)
    panel = flat_panel(FLAT)
    again = RigidMotion.between(panel, panel.moved(motion))
    assert np.allclose(again.rotation, motion.rotation, rtol=0, atol=1e-12)
    assert np.allclose(again.shift_mm, motion.shift_mm, rtol=0, atol=1e-9)


def test_panels_lie_in_raw_arrays_where_they_say() -> None:
    frame = flat_panel(FLAT).frame
    stacked = PanelSet(tuple(PlanePanel.at(f"p{n}", frame, (4, 6), (1, 2), (n,)) for n in range(3)))
    raw = np.arange(3 * 5 * 8).reshape(3, 5, 8)
    for number, place in enumerate(stacked.places(raw.shape)):
        assert np.array_equal(raw.reshape(-1, 8)[place], raw[number, 1:5, 2:8])
    with pytest.raises(InputError, match="panel p2 of the geometry is outside the image of 2 x 5 x 8 px"):
        stacked.places((2, 5, 8))
    with pytest.raises(InputError, match="is outside the image of 15 x 8 px"):
        stacked.places((15, 8))


def test_the_beam_is_said_to_meet_the_right_panel_and_pixel() -> None:
    panels = PanelSet((flat_panel(FLAT.with_centre((-9.0, 3.0))), flat_panel(FLAT)))
    assert panels.beam_position() == ("a", pytest.approx((30.25, 18.5)))
    assert PanelSet(panels.panels[:1]).beam_position() is None
    assert panels.at_distance(130.0).distance_mm == pytest.approx(130.0)


def test_a_flat_panel_on_whole_pixels_is_projected_to_itself() -> None:
    panels = PanelSet((flat_panel(FLAT.with_centre((30.0, 18.0))),))
    counts = np.random.default_rng(1).poisson(5.0, (40, 60)).astype(float)
    mask = np.ones(counts.shape, bool)
    mask[7, 9] = False
    plane = plane_of(panels)
    image, live = assemble(counts, mask, counts.shape, panels, plane)
    first = np.subtract(plane.beam_px, (30.0, 18.0)).astype(int)
    inside = (slice(first[1], first[1] + 40), slice(first[0], first[0] + 60))
    assert np.allclose(live[inside], mask, rtol=0, atol=1e-4)
    assert np.allclose(image[inside][mask], counts[mask], rtol=1e-4)
    assert live.sum() == pytest.approx(mask.sum(), rel=1e-5)


@pytest.mark.parametrize("name", LAYOUTS)
def test_counts_and_centroids_survive_the_projection(name: str) -> None:
    rng = np.random.default_rng(3)
    drawn = LAYOUTS[name](rng, 200.0, 4)
    plane = plane_of(drawn.panels)
    raw = np.zeros((int(np.prod(drawn.raw_shape[:-1])), drawn.raw_shape[-1]))
    panel, place = drawn.panels.panels[1], drawn.panels.places(drawn.raw_shape)[1]
    at = np.array([panel.shape[1] // 2, panel.shape[0] // 2])
    raw[place][at[1], at[0]] = 100.0
    image, live = assemble(raw, np.ones(raw.shape, bool), drawn.raw_shape, drawn.panels, plane)
    counts = image * live
    assert counts.sum() == pytest.approx(100.0, rel=1e-4)
    slow, fast = np.mgrid[: plane.shape[0], : plane.shape[1]] + 0.5
    centroid = [(counts * axis).sum() / counts.sum() for axis in (fast, slow)]
    assert np.allclose(centroid, plane.px_from_lab(panel.lab_from_px(at + 0.5)), rtol=0, atol=0.02)


def test_the_plane_covers_the_solid_angle_that_the_panels_do() -> None:
    drawn = pilatus_12m(np.random.default_rng(1), 250.0, 8)
    plane = plane_of(drawn.panels)
    pixels = np.ones((int(np.prod(drawn.raw_shape[:-1])), drawn.raw_shape[-1]))
    _, live = assemble(pixels, pixels > 0, drawn.raw_shape, drawn.panels, plane)
    lab = plane.geometry(1.0).lab_from_px(plane.geometry(1.0).pixel_centres(plane.shape))
    on_plane = (live * lab[..., 2] / np.linalg.norm(lab, axis=-1) ** 3).sum() * plane.pixel_size_mm**2
    expected = 0.0
    for panel in drawn.panels.panels:
        px = np.stack(np.meshgrid(*(np.arange(n) + 0.5 for n in panel.shape[::-1])), axis=-1)
        r = panel.lab_from_px(px)
        seen = np.hypot(r[..., 0], r[..., 1]) < 1.2 * r[..., 2]
        expected += (np.abs(r @ panel.normal) / np.linalg.norm(r, axis=-1) ** 3)[seen].sum()
    assert on_plane == pytest.approx(expected, rel=0.01)


def test_only_panels_out_of_the_plane_make_the_image_wrong_after_a_shift() -> None:
    shift = RigidMotion(np.eye(3), np.array([2.0, -1.0, 0.0]))
    flat = PanelSet((flat_panel(FLAT), flat_panel(FLAT.with_centre((-40.0, 3.0)))))
    assert projection_error_px(flat, plane_of(flat), shift) < 1e-9
    curved = pilatus_12m(np.random.default_rng(1), 250.0, 8).panels
    assert projection_error_px(curved, plane_of(curved), shift) > 0.3
    still = RigidMotion(tilt_rotation(0.0, 0.0), np.zeros(3))
    assert projection_error_px(curved, plane_of(curved), still) < 1e-9


def test_panels_that_do_not_face_the_sample_are_refused() -> None:
    behind = flat_panel(FLAT).moved(RigidMotion(np.eye(3), np.array([0.0, 0.0, -300.0])))
    with pytest.raises(InputError, match="no panel is downstream of the sample"):
        plane_of(PanelSet((behind,)))
    plane = plane_of(PanelSet((flat_panel(FLAT),)))
    assert plane == VirtualPlane(plane.distance_mm, plane.pixel_size_mm, (45, 65), (33.0, 21.0))
