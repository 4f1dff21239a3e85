"""Overlays and the page of a run: rings where Bragg's law puts them, and all that a reader needs offline."""

import os
import re
from dataclasses import replace
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from argand.errors import InputError
from argand.io.image import Frame
from argand.physics.still.detector import BeamGeometry
from argand.runs.course import Failure
from argand.systems.geometry import view
from argand.systems.geometry.files.batch import FrameAnswer
from argand.systems.geometry.files.outputs import RunFolder
from argand.systems.geometry.files.overlay import (
    ALARM_COLOUR,
    FOUND_COLOUR,
    HEADER_COLOUR,
    draw_overlay,
    overlay_figure,
    ring_px,
    ring_spacings,
    shrink,
)

TILTED = BeamGeometry((1200.0, 1300.0), 250.0, 0.98, (0.172, 0.172), pitch=0.02, yaw=-0.05)


def share_of(path: Path, colour: str) -> float:
    """Share of a picture's pixels that are close to a colour."""
    picture = matplotlib.image.imread(path)[..., :3]
    return float((np.abs(picture - np.array(to_rgb(colour))).max(axis=-1) < 0.06).mean())


def test_every_point_of_a_ring_scatters_at_its_spacing():
    px = ring_px(TILTED, 2.5)
    spacing = 1 / np.linalg.norm(TILTED.q_from_px(px), axis=1)
    np.testing.assert_allclose(spacing, 2.5, rtol=1e-9)
    assert np.ptp(np.linalg.norm(px - TILTED.beam_centre_px, axis=1)) > 5


def test_rings_reach_the_corners_but_not_beyond():
    spacings = ring_spacings(TILTED, (2527, 2463))
    corners = np.array([(0.0, 0.0), (2463.0, 0.0), (0.0, 2527.0), (2463.0, 2527.0)])
    finest = (1 / np.linalg.norm(TILTED.q_from_px(corners), axis=1)).min()
    assert spacings == sorted(spacings, reverse=True)
    assert finest * 0.95 < spacings[-1] < finest * 1.3


def test_a_shrunk_image_keeps_lone_bright_pixels_and_gaps():
    image = np.zeros((2000, 1000))
    image[1501, 502] = 900
    mask = np.ones(image.shape, bool)
    mask[300:330] = False
    small, step = shrink(image, mask)
    assert max(small.shape) <= 900
    assert small[1501 // step, 502 // step] >= 450
    assert np.isnan(small[315 // step]).all()
    assert np.isfinite(small[1000 // step]).all()


def test_old_and_new_centre_are_marked_where_they_are(frame: Frame, predictor: object):
    prediction = predictor.predict_frame(frame)
    near = overlay_figure(frame, prediction).axes[1]
    marked = {line.get_color(): (line.get_xdata()[0], line.get_ydata()[0]) for line in near.lines}
    assert marked[HEADER_COLOUR] == frame.header_beam_centre_px
    assert marked[FOUND_COLOUR] == prediction.beam_centre_px
    (ellipse,) = near.patches
    assert sorted((ellipse.width, ellipse.height)) == pytest.approx([6 * 0.2, 6 * 0.3])


def test_an_unreliable_answer_is_under_a_red_banner_without_rings(
    tmp_path: Path, frame: Frame, predictor: object
):
    good = predictor.predict_frame(frame)
    bad = replace(good, trusted=False, reason="too few spots " * 30)
    draw_overlay(tmp_path / "good.png", frame, good)
    draw_overlay(tmp_path / "bad.png", frame, bad)
    assert share_of(tmp_path / "bad.png", ALARM_COLOUR) > 0.005
    assert share_of(tmp_path / "good.png", ALARM_COLOUR) == 0
    assert len(overlay_figure(frame, bad).axes[0].lines) == 1
    assert share_of(tmp_path / "good.png", FOUND_COLOUR) > 0


@pytest.mark.parametrize("name", [b"n\xff.cbf", b"$\\frac$.cbf", b"a_$b^c$.cbf", b"{0}%s.cbf"])
def test_names_of_any_letters_are_drawn(tmp_path: Path, frame: Frame, predictor: object, name: bytes):
    answer = replace(predictor.predict_frame(frame), file=os.fsdecode(name))
    draw_overlay(tmp_path / "good.png", frame, answer)
    reason = f"{answer.file}: too few spots"
    draw_overlay(tmp_path / "bad.png", frame, replace(answer, trusted=False, reason=reason))
    assert {path.name for path in tmp_path.iterdir()} == {"good.png", "bad.png"}


@pytest.mark.parametrize("centre", [(-30.0, 45.0), (500.0, 500.0)])
def test_a_centre_off_the_image_is_drawn_without_failing(
    tmp_path: Path, frame: Frame, predictor: object, centre: tuple[float, float]
):
    prediction = predictor.predict_frame(frame)
    moved = replace(prediction, geometry=prediction.geometry.with_centre(centre), covariance=None)
    draw_overlay(tmp_path / "off.png", frame, moved)
    assert (tmp_path / "off.png").stat().st_size > 10_000


def test_an_image_without_header_centre_or_answer_is_drawn(tmp_path: Path, frame: Frame, predictor: object):
    bare = replace(predictor.predict_frame(frame), header_beam_centre_px=None, geometry=None, trusted=False)
    draw_overlay(tmp_path / "bare.png", frame, bare)
    assert (tmp_path / "bare.png").stat().st_size > 10_000


@pytest.fixture
def run_folder(tmp_path: Path, frame: Frame, predictor: object) -> Path:
    """A run with a good answer, one without, and a file that failed."""
    good = FrameAnswer(frame, predictor.predict_frame(frame))
    weak = replace(good.prediction, file="weak<1>.cbf", trusted=False, reason="spots & rings are missing")
    with RunFolder(tmp_path / "run", page=view.write_page) as run:
        run.add(good)
        run.add(FrameAnswer(replace(frame, path="weak<1>.cbf"), weak))
        run.add(Failure("junk.cbf", "junk.cbf: not an image; give another"))
    return tmp_path / "run"


def test_the_page_tells_all_and_needs_no_network(run_folder: Path):
    page = (run_folder / "index.html").read_text()
    for told in ("a.cbf.bz2", "60.50, 45.50", "59.00, 48.00", "+1.50, -2.50", "not an image; give another"):
        assert told in page
    assert "spots &amp; rings are missing" in page
    assert "weak&lt;1&gt;.cbf" in page
    assert page.count("data:image/jpeg;base64,") == 2
    assert re.findall(r"(?:src|href)=\"(?:https?:)?//", page) == []
    assert {"a.expt", "a.poni", "a.geom", "a.xds"} <= set(re.findall(r"href=\"([^\"]+)\" download", page))


def test_the_page_is_made_again_from_the_run_alone(run_folder: Path):
    page = (run_folder / "index.html").read_text()
    (run_folder / "index.html").unlink()
    view.write_page(run_folder)
    assert (run_folder / "index.html").read_text() == page


def test_pictures_get_smaller_as_they_get_many(run_folder: Path):
    assert view.picture_width(3) > view.picture_width(100) > view.picture_width(5000) >= 300
    large = view.embedded(run_folder / "a.png", 1160)
    assert len(view.embedded(run_folder / "a.png", 400)) < 0.5 * len(large)


def test_a_folder_without_a_run_is_told(tmp_path: Path):
    with pytest.raises(InputError, match=r"contains no results\.jsonl"):
        view.write_page(tmp_path)
