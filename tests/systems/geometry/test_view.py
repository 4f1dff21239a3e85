"""Overlays and the page of a run: rings where Bragg's law puts them, and all that a reader needs offline."""

import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from argand.errors import InputError
from argand.io.image import Frame
from argand.io.manifest import MANIFEST
from argand.page.pixels import shrink
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.resolution import ring_px, ring_spacings
from argand.runs.claim import claim_folder
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
    small, step = shrink(image, mask, 900)
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


def change_records(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change each record of a run."""
    records = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    for record in records:
        change(record)
    (folder / "results.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))


def test_the_pages_tell_all_and_need_no_network(run_folder: Path):
    page = (run_folder / "index.html").read_text()
    for told in ("a.cbf.bz2", "60.50, 45.50", "59.00, 48.00", "+1.50, -2.50", "not an image; give another"):
        assert told in page
    assert "spots &amp; rings are missing" in page
    assert "weak&lt;1&gt;.cbf" in page
    assert page.count("data:image/jpeg;base64,") == 2
    assert re.findall(r"(?:src|href)=\"(?:https?:)?//", page) == []
    assert {"a.page.html", "weak%3C1%3E.page.html"} <= set(re.findall(r"href=\"([^\"]+)\"", page))
    own = (run_folder / "a.page.html").read_text()
    assert {"a.expt", "a.poni", "a.geom", "a.xds"} <= set(re.findall(r"href=\"([^\"]+)\" download", own))
    assert 'href="weak%3C1%3E.page.html">next:' in own
    assert "not trusted: best guess" in (run_folder / "weak<1>.page.html").read_text()


def test_one_image_is_one_page(tmp_path: Path, frame: Frame, predictor: object):
    with RunFolder(tmp_path / "run", page=view.write_page) as run:
        run.add(FrameAnswer(frame, predictor.predict_frame(frame)))
    page = (tmp_path / "run" / "index.html").read_text()
    assert not list((tmp_path / "run").glob("*.page.html"))
    assert not (tmp_path / "run" / "argand-page.js").exists()
    assert '"code":{"dtype":"uint16"' in page
    assert "a.pixels.js" in page


def test_the_pages_are_made_again_from_the_run_alone(run_folder: Path):
    pages = {path: path.read_text() for path in run_folder.glob("*.html")}
    assert len(pages) == 3
    for path in pages:
        path.unlink()
    view.write_page(run_folder)
    assert {path: path.read_text() for path in run_folder.glob("*.html")} == pages


def test_answers_of_earlier_versions_are_shown_as_pictures(run_folder: Path):
    for path in run_folder.glob("*.js"):
        path.unlink()
    change_records(
        run_folder, lambda record: [record.pop(key, None) for key in ("image", "pixels", "geometry")]
    )
    view.write_page(run_folder)
    own = (run_folder / "a.page.html").read_text()
    assert own.count("data:image/jpeg;base64,") == 1
    assert 'href="a.png"' in own
    assert '<figure class="view"' not in own


@pytest.mark.parametrize("name", ["a.image.js", "a.pixels.js"])
def test_a_script_that_is_no_longer_data_is_not_run(run_folder: Path, name: str):
    with (run_folder / name).open("a") as script:
        script.write("alert(1)")
    view.write_page(run_folder)
    own = (run_folder / "a.page.html").read_text()
    assert "damaged (not pixels of this page)" in own
    assert name not in own.replace(f"{name}: damaged", "")


def test_pages_of_images_that_are_gone_are_removed_and_those_of_the_user_stay(run_folder: Path):
    (run_folder / "mine.page.html").write_text("of the user")
    lines = (run_folder / "results.jsonl").read_text().splitlines()
    (run_folder / "results.jsonl").write_text(f"{lines[0]}\n")
    view.write_page(run_folder)
    assert {path.name for path in run_folder.glob("*.page.html")} == {"mine.page.html"}


def test_force_removes_pages_and_pixels(run_folder: Path):
    claim_folder(run_folder, force=True)
    assert {path.name for path in run_folder.iterdir()} == {MANIFEST}


def test_only_the_first_images_have_all_their_pixels_beside_the_page(
    tmp_path: Path, frame: Frame, predictor: object, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("argand.systems.geometry.files.outputs.MOST_ZOOMED", 2)
    answer = FrameAnswer(frame, predictor.predict_frame(frame))
    with RunFolder(tmp_path / "run", (), page=view.write_page) as run:
        records = [run.add(answer) for _ in range(3)]
    assert ["pixels" in record for record in records] == [True, True, False]
    assert all((tmp_path / "run" / record["image"]).is_file() for record in records)
    assert "a-3.image.js" in (tmp_path / "run" / "a-3.page.html").read_text()


def test_no_values_of_a_record_keep_its_image_from_being_shown(run_folder: Path):
    for wrong in ({"beam_centre_px": [1, 2]}, 5, None, {}, {"pitch": "x"}):
        change_records(
            run_folder, lambda record, wrong=wrong: record.update(geometry=wrong, covariance=[[1]])
        )
        view.write_page(run_folder)
        assert 'data-view="image"' in (run_folder / "a.page.html").read_text()


def test_a_folder_without_a_run_is_told(tmp_path: Path):
    with pytest.raises(InputError, match=r"contains no results\.jsonl"):
        view.write_page(tmp_path)
