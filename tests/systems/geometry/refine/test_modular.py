"""Answers for detectors of many panels: the whole detector moves to where the evidence puts it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from argand.io.expt_stills import write_expt_panels
from argand.io.geom_panels import read_geom, write_geom_panels
from argand.io.image import Frame, with_panels
from argand.physics.still.modular import PanelSet, RigidMotion
from argand.physics.still.modular_layout import LAYOUTS, Drawn
from argand.physics.still.modular_still import expose_panels
from argand.physics.still.projection import plane_of
from argand.runs.record import to_record
from argand.systems.geometry.files.batch import FrameAnswer, Stated
from argand.systems.geometry.files.outputs import RunFolder
from argand.systems.geometry.files.run import predict_files
from argand.systems.geometry.predict import load
from argand.systems.geometry.presets import STANDARD
from argand.systems.geometry.refine.modular import answer_panels, assembled
from argand.systems.geometry.refine.prediction import Prediction
from argand.systems.geometry.simulate import draw_still
from argand.systems.geometry.view import write_page


def frame_of(drawn: Drawn, images: list[np.ndarray]) -> Frame:
    data = np.zeros((int(np.prod(drawn.raw_shape[:-1])), drawn.raw_shape[-1]), np.float32)
    for place, image in zip(drawn.panels.places(drawn.raw_shape), images, strict=True):
        data[place] = image
    frame = Frame("a.h5", 0, data, np.ones(data.shape, bool), wavelength=0.98, raw_shape=drawn.raw_shape)
    return with_panels(frame, drawn.panels)


def beam_only(drawn: Drawn, true: PanelSet, on: int, px: tuple[int, int]) -> Frame:
    """A frame with counts in one pixel (fast, slow) of panel `on`."""
    images = [np.zeros(panel.shape) for panel in true.panels]
    images[on][px[1], px[0]] = 1e4
    return frame_of(drawn, images)


@pytest.fixture
def centroid(predictor: object) -> Callable[[Frame], Prediction]:
    """Takes the centroid of all counts for the beam."""

    def answer(frame: Frame) -> Prediction:
        slow, fast = np.indices(frame.shape) + 0.5
        weight = np.where(frame.data > 1.0, frame.data, 0).astype(float)
        centre = [float((weight * axis).sum() / weight.sum()) for axis in (fast, slow)]
        found = predictor.predict_frame(frame)  # pyright: ignore[reportAttributeAccessIssue]
        geometry = replace(found.geometry, pitch=0.0, yaw=0.0).with_centre((centre[0], centre[1]))
        return replace(found, geometry=geometry)

    return answer


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_pixel_that_the_beam_meets_comes_to_lie_in_the_beam(
    name: str, centroid: Callable[[Frame], Prediction]
) -> None:
    drawn = LAYOUTS[name](np.random.default_rng(4), 150.0, 8)
    middles = np.array([panel.middle_mm() for panel in drawn.panels.panels])
    # A panel that is some way off, so that the detector has to move.
    on = int(np.argsort(np.hypot(*middles[:, :2].T))[2])
    found = answer_panels(beam_only(drawn, drawn.panels, on, (5, 6)), centroid)
    assert found.trusted
    assert found.moved_panels is not None
    met = found.moved_panels.panels[on].px_from_direction(np.array([0.0, 0.0, 1.0]))
    assert np.allclose(met, (5.5, 6.5), rtol=0, atol=0.15)
    assert found.header_beam_centre_px == plane_of(drawn.panels).beam_px
    assert found.geometry is not None
    moved = np.subtract(found.geometry.beam_centre_px, found.header_beam_centre_px)
    assert found.shift_px == pytest.approx(tuple(moved))


def test_the_plane_of_the_answer_moves_the_panels_as_they_were_moved(
    fits_schema: Callable[[Any], None],
) -> None:
    """A simulated still of a detector that is shifted and tilted, answered by the shipped weights."""
    rng = np.random.default_rng(5)
    drawn = LAYOUTS["jungfrau-4m"](rng, 150.0, 2)
    upright = plane_of(drawn.panels).geometry(0.98)
    fast, slow = upright.beam_centre_px
    truth = replace(upright.with_centre((fast + 9.0, slow - 6.5)), pitch=0.004, yaw=-0.006)
    true = drawn.panels.moved(RigidMotion.to_geometry(upright, truth))
    still = draw_still(replace(STANDARD, spot_scale=(2e4, 2e4), cell_length=(60.0, 90.0)), rng)
    still = replace(still, geometry=replace(still.geometry, wavelength=0.98))
    answer = load().predict_frame(frame_of(drawn, expose_panels(still, true, rng)))
    assert answer.path == "lattice"
    geometry = answer.geometry
    assert geometry is not None
    assert np.allclose(geometry.beam_centre_px, truth.beam_centre_px, rtol=0, atol=0.15)
    assert np.allclose(
        np.degrees([geometry.pitch, geometry.yaw]), np.degrees([0.004, -0.006]), rtol=0, atol=0.15
    )
    assert answer.shape == plane_of(drawn.panels).shape
    record = to_record(answer.to_dict())
    assert record["panels"] == 8
    fits_schema(record)


def test_panels_that_do_not_settle_are_no_answer(predictor: object) -> None:
    drawn = LAYOUTS["pilatus-12m"](np.random.default_rng(4), 250.0, 8)
    frame = beam_only(drawn, drawn.panels, 3, (5, 6))
    turns = iter(range(100))

    def never_sure(flat: Frame) -> Prediction:
        found = predictor.predict_frame(flat)  # pyright: ignore[reportAttributeAccessIssue]
        centre = np.array(flat.shape[::-1]) / 2 + (20.0 if next(turns) % 2 else -20.0, 0.0)
        return replace(found, geometry=found.geometry.with_centre((float(centre[0]), float(centre[1]))))

    found = answer_panels(frame, never_sure)
    assert not found.trusted
    assert found.reason.startswith("the positions of the panels do not converge")


def test_a_flat_image_of_panels_is_a_frame_like_any_other() -> None:
    drawn = LAYOUTS["cspad"](np.random.default_rng(4), 150.0, 4)
    frame = frame_of(drawn, [np.ones(panel.shape) for panel in drawn.panels.panels])
    flat = assembled(frame, drawn.panels)
    assert flat.panels is None
    assert flat.shape == plane_of(drawn.panels).shape
    assert 0.5 < flat.mask.mean() < 1.0
    assert np.median(flat.data[flat.mask]) == pytest.approx(1.0, rel=0.02)


@pytest.mark.parametrize("kind", ["geom", "expt"])
def test_files_of_a_run_hold_the_panels_where_they_were_found(
    tmp_path: Path, centroid: Callable[[Frame], Prediction], kind: str
) -> None:
    drawn = LAYOUTS["jungfrau-4m"](np.random.default_rng(4), 150.0, 8)
    frame = beam_only(drawn, drawn.panels, 5, (20, 30))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["entry/data/data"] = np.round(frame.data).astype(np.int32).reshape(1, *drawn.raw_shape)
    write_geom_panels(tmp_path / "a.geom", drawn.panels, 0.98)
    (tmp_path / "a.geom").write_text("; of the day\n" + (tmp_path / "a.geom").read_text())
    if kind == "expt":
        write_expt_panels(tmp_path / "a.expt", drawn.panels, 0.98, ["a.h5"], (0, 1e6))

    class Panels:
        def predict_frame(self, frame: Frame, options: object = None) -> Prediction:
            return answer_panels(frame, centroid)

        def pool(self, *given: object) -> Prediction:
            raise AssertionError("one frame needs no pooling")

    stated = Stated(geometry=tmp_path / f"a.{kind}")
    with RunFolder(tmp_path / "out", page=write_page) as run:
        predict_files([str(tmp_path / "a.h5")], Panels(), stated, run, print)
    (record,) = run.records
    assert record["downloads"] == ["a_000000.expt", "a_000000.geom"]
    assert record["beam_panel"]["name"] == "p5"
    assert (tmp_path / "out" / record["overlay"]).is_file()
    assert "beam on panel" in (tmp_path / "out" / "index.html").read_text()
    new = tmp_path / "out" / "a_000000.geom"
    assert ("; of the day" in new.read_text()) == (kind == "geom")
    met = read_geom(new).panels.panels[5].px_from_direction(np.array([0.0, 0.0, 1.0]))
    assert np.allclose(met, (20.5, 30.5), rtol=0, atol=0.05)
    again = FrameAnswer(frame, answer_panels(with_panels(frame, read_geom(new).panels), centroid))
    assert again.prediction.shift_px is not None
    assert np.hypot(*again.prediction.shift_px) < 0.05
