"""The figures of an evaluation are those of errors that are known beforehand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from quick_predictor import QuickPredictor

from argand.crew import Machines
from argand.errors import ConfigError
from argand.io.image import Frame
from argand.learn.stream import VALIDATION_OFFSET
from argand.physics.still.detector import BeamGeometry
from argand.systems.geometry.difficulty.stills import Outcome, evaluation_set
from argand.systems.geometry.evaluate import (
    EVALUATION_SEED,
    coverage,
    draw_coverage,
    evaluate_preset,
    summarise,
)
from argand.systems.geometry.presets import STANDARD
from argand.systems.geometry.refine.options import PLAIN, Options
from argand.systems.geometry.refine.prediction import Prediction
from argand.systems.geometry.simulate import draw_still

TRUTH = BeamGeometry((103.0, 96.0), 200.0, 1.0, (0.1, 0.1), np.radians(0.5), np.radians(-1.0))
SHAPE = (200, 200)


def prediction(geometry: BeamGeometry | None, trusted: bool = True, sigma: float = 1.0) -> Prediction:
    """A prediction of this geometry, which the network knew as well."""
    known = geometry is not None
    return Prediction(
        file="",
        index=0,
        shape=SHAPE,
        trusted=trusted,
        reason="" if trusted else "blank",
        path="network" if known else "none",
        geometry=geometry,
        sigma_px=sigma if known else None,
        tilt_sigma_deg=(0.5, 0.5) if known else None,
        tilt_measured=known,
        header_beam_centre_px=None,
        network_centre_px=geometry.beam_centre_px if known else None,
        network_sigma_px=sigma if known else None,
        network_tilt_deg=(float(np.degrees(geometry.pitch)), float(np.degrees(geometry.yaw)))
        if known
        else None,
        spots=0,
        indexed=0,
        rms_px=None,
        seconds=0.5,
    )


def outcome(shift: tuple[float, float], binning: int = 1, **settings) -> Outcome:
    """An outcome whose centre is wrong by `shift` and whose pitch by a quarter of a degree."""
    centre = (TRUTH.beam_centre_px[0] + shift[0], TRUTH.beam_centre_px[1] + shift[1])
    wrong = replace(TRUTH, beam_centre_px=centre, pitch=TRUTH.pitch + np.radians(0.25))
    return Outcome(0, TRUTH, SHAPE, binning, {"both": prediction(wrong, **settings)})


class Oracle:
    """Knows how each still of the standard set was made."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def predict_frame(self, frame: Frame, options: Options = PLAIN) -> Prediction:
        """The truth."""
        self.frames.append(frame)
        rng = np.random.default_rng([EVALUATION_SEED, frame.index])
        return prediction(draw_still(evaluation_set("standard", full=False), rng).geometry)


@pytest.fixture(scope="module")
def oracle_result() -> tuple[dict, Oracle]:
    oracle = Oracle()
    found = evaluate_preset("standard", 2, predictor=oracle, full=False, evidence=("both", "spots"))
    return found, oracle


def test_processes_change_no_figure(tmp_path: Path):
    quick = QuickPredictor(tmp_path / "log.txt")

    def figures(machines: Machines) -> dict:
        found = evaluate_preset("standard", 5, predictor=quick, full=False, machines=machines)
        found["evidence"]["both"]["seconds"] = 0.0
        return found

    assert figures(Machines(2)) == figures(Machines(1))


def test_perfect_predictor_has_no_error(oracle_result):
    figures = oracle_result[0]["evidence"]["spots"]
    for stage in ("network", "refined", "answered"):
        for name in ("centre_mean_px", "centre_p90_px", "centre_axis_px", "pitch_deg", "yaw_deg"):
            assert figures[stage][name] == pytest.approx(0, abs=1e-9)
    assert figures["share_answered"] == 1
    assert figures["calibration"]["far"] == 0


def test_frames_tell_a_predictor_what_a_file_would_but_not_the_centre(oracle_result):
    frame = oracle_result[1].frames[0]
    assert frame.shape == (820, 820)
    assert frame.header_beam_centre_px is None
    assert frame.distance_mm == pytest.approx(250)
    assert frame.pixel_size_mm == pytest.approx((0.516, 0.516))
    assert not frame.mask.all()
    assert frame.data[frame.mask].mean() > 1


def test_full_frames_show_the_same_still_on_the_detectors_own_pixels():
    drawn = [
        draw_still(evaluation_set("standard", full), np.random.default_rng([EVALUATION_SEED, 3]))
        for full in (True, False)
    ]
    assert drawn[0].shape == (2460, 2460)
    assert drawn[0].geometry.beam_centre_px == pytest.approx(3 * np.array(drawn[1].geometry.beam_centre_px))
    assert drawn[0].crystal.cell == drawn[1].crystal.cell


def test_constant_answer_is_wrong_by_half_the_range_of_the_labels():
    found = []
    for index in range(400):
        still = draw_still(STANDARD, np.random.default_rng([EVALUATION_SEED, index]))
        found.append(Outcome(index, still.geometry, still.shape, still.binning, {}))
    figures = summarise(found)["constant"]
    # Uniform within 17 px and 3 degrees; the standard error of each mean is 0.14 px and 0.04 degrees.
    assert figures["centre_axis_px"] == pytest.approx(8.5, abs=0.6)
    assert figures["pitch_deg"] == pytest.approx(1.5, abs=0.2)
    assert figures["yaw_deg"] == pytest.approx(1.5, abs=0.2)


def test_errors_are_in_pixels_of_the_detector():
    figures = summarise([outcome((3.0, -4.0), binning=2)])["evidence"]["both"]["refined"]
    assert figures["centre_mean_px"] == pytest.approx(10)
    assert figures["centre_axis_px"] == pytest.approx(7)
    assert figures["pitch_deg"] == pytest.approx(0.25)
    assert figures["yaw_deg"] == pytest.approx(0)


def test_stills_without_a_reliable_answer_count_in_the_estimate_only():
    found = [outcome((0.0, 1.0)), outcome((0.0, 9.0), trusted=False)]
    figures = summarise(found)["evidence"]["both"]
    assert figures["refined"]["centre_mean_px"] == pytest.approx(5)
    assert figures["answered"]["centre_mean_px"] == pytest.approx(1)
    assert figures["share_answered"] == 0.5
    assert figures["reasons"] == {"blank": 1}


def test_stills_without_any_answer_have_no_error():
    found = [Outcome(0, TRUTH, SHAPE, 1, {"both": prediction(None, trusted=False)})]
    figures = summarise(found)["evidence"]["both"]
    assert figures["network"]["count"] == 0
    assert figures["refined"]["centre_mean_px"] is None
    assert figures["calibration"]["rms"] is None
    assert figures["calibration"]["coverage"] == []


def test_errors_are_compared_with_the_sigma_that_was_stated():
    rng = np.random.default_rng(5)
    found = [outcome(tuple(0.2 * rng.standard_normal(2)), binning=3, sigma=0.2) for _ in range(2000)]
    result = summarise(found)["evidence"]["both"]["calibration"]
    assert result["rms"] == pytest.approx(1, abs=0.05)
    assert result["within"] == pytest.approx([0.683, 0.954, 0.997], abs=0.02)
    assert result["tilt_rms"] == pytest.approx(np.sqrt(0.5**2 / 2))


def test_confident_errors_are_counted():
    found = [outcome((0.0, 0.1)), outcome((0.0, 4.0), sigma=2.0), outcome((1.0, 0.0), sigma=0.1)]
    result = summarise(found)["evidence"]["both"]["calibration"]
    assert result["far_px"] == pytest.approx(1 / 3)
    assert result["far_sigma"] == pytest.approx(1 / 3)
    assert result["far"] == pytest.approx(2 / 3)


def test_coverage_takes_the_most_certain_first():
    sigma = np.array([0.3, 0.1, np.nan, 0.2])
    centre = np.array([[3.0, 0.0], [1.0, 0.0], [9.0, 0.0], [0.0, 2.0]])
    rows = {round(row["coverage"], 2): row for row in coverage(centre, sigma)}
    assert rows[0.25]["worst_px"] == 1
    assert rows[0.5]["worst_px"] == 2
    assert rows[0.75]["median_px"] == 2
    assert 1.0 not in rows


def test_coverage_is_drawn(tmp_path):
    result = {"preset": "standard", **summarise([outcome((0.0, 0.1 * i + 0.1)) for i in range(20)])}
    draw_coverage(tmp_path / "coverage.png", [result])
    assert (tmp_path / "coverage.png").read_bytes().startswith(b"\x89PNG")


def test_evaluation_uses_stills_that_no_run_trains_or_validates_on():
    assert EVALUATION_SEED not in (0, 1, VALIDATION_OFFSET, VALIDATION_OFFSET + 1)


def test_unknown_preset_is_refused_with_the_near_match():
    with pytest.raises(ConfigError, match="standard"):
        evaluate_preset("standart", 1, predictor=Oracle())
