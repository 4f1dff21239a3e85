"""Hard images: the ranking is right, and the parameter that makes them hard is found."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from quick_predictor import QuickPredictor

from argand.crew import HERE, Machines
from argand.errors import ConfigError, InputError
from argand.io.image import Frame
from argand.learn.simulate import simulate_to_file
from argand.systems.geometry.difficulty.explanation import explain
from argand.systems.geometry.difficulty.ranking import preset_case, stored_case
from argand.systems.geometry.difficulty.run import rank_hard
from argand.systems.geometry.files.batch import Stated
from argand.systems.geometry.presets import PRESETS
from argand.systems.geometry.refine.options import PLAIN, Options
from argand.systems.geometry.refine.prediction import Prediction

STATED = Stated(1.0, 150.0, (0.1, 0.1))


def test_the_parameter_behind_the_errors_is_found():
    rng = np.random.default_rng(3)
    parameters = {name: rng.uniform(50, 700, 80) for name in ("distance_mm", "spots", "tilt_deg")}
    errors = np.where(parameters["distance_mm"] > 400, 4.0, 0.5) * rng.lognormal(0, 0.3, 80)
    first, *rest = explain(parameters, errors)
    assert first.parameter == "distance_mm"
    assert first.threshold == pytest.approx(400, abs=25)
    assert first.correlation > 0.6
    assert first.share > 0.6 > 3 * max(other.share for other in rest)
    assert first.median_below < 1 < 3 < first.median_above


def test_images_without_an_estimate_count_as_the_hardest():
    spots = np.arange(40.0)
    errors = np.where(spots < 12, np.inf, 1.0)
    (only,) = explain({"spots": spots, "always_the_same": np.ones(40)}, errors)
    assert (only.parameter, only.threshold, only.median_below) == ("spots", 11.5, np.inf)
    assert only.share == pytest.approx(1.0)


def test_few_images_explain_nothing():
    assert explain({"spots": np.arange(5.0)}, np.arange(5.0)) == []


class OffByDistance:
    """Knows the truth of simulated stills and misses it by a hundredth of their distance in px."""

    def __init__(self, truths: dict[int, np.ndarray]) -> None:
        self.truths = truths

    def predict_frame(self, frame: Frame, options: Options = PLAIN) -> Prediction:
        from argand.systems.geometry.predict import nominal_geometry

        fast, slow = self.truths[frame.index]
        geometry = nominal_geometry(frame).with_centre((fast + frame.distance_mm / 100, slow))
        nothing = dict.fromkeys(("network_centre_px", "network_sigma_px", "network_tilt_deg", "rms_px"))
        return Prediction(
            frame.path, frame.index, frame.shape, frame.index != 1, "", "network", geometry, 0.5, None,
            False, None, spots=3, indexed=0, seconds=0.1, **nothing,
        )  # fmt: skip

    def pool(self, frames: Sequence[Frame], predictions: Sequence[Prediction]) -> Prediction:
        raise AssertionError("each image is judged alone")


def test_a_simulated_set_is_ranked_by_its_errors_in_detector_px(tmp_path: Path):
    system = PRESETS["tiny"]
    simulate_to_file(system, tmp_path / "set.h5", 12, 4, machines=HERE, quiet=True)
    samples = [system.simulate(index, 4) for index in range(12)]
    predictor = OffByDistance({i: sample["beam_centre_px"] for i, sample in enumerate(samples)})
    report, failures = rank_hard([str(tmp_path / "set.h5")], predictor, STATED, tmp_path / "out")
    expected = sorted((float(s["distance_mm"] / 100 * s["binning"]) for s in samples), reverse=True)
    assert failures == []
    assert [entry["error_px"] for entry in report["ranking"]] == pytest.approx(expected)
    assert (report["ranked_by"], report["abstained"]) == ("error", 1)
    assert report["explanations"][0]["share"] > 0.3
    assert json.loads((tmp_path / "out" / "hard.json").read_text()) == report
    assert (tmp_path / "out" / "hard.png").read_bytes().startswith(b"\x89PNG")


def _count(file: h5py.File) -> None:
    file.attrs["count"] = 10**12


def _other(file: h5py.File) -> None:
    file.attrs["provenance"] = '{"system": "patterson"}'


def _axes(file: h5py.File) -> None:
    del file["wavelength"]
    file["wavelength"] = np.ones((3, 2))


def _lack(file: h5py.File) -> None:
    del file["image"]


@pytest.mark.parametrize("harm", [_count, _other, _axes, _lack])
def test_a_damaged_set_is_named_before_its_images_are_judged(tmp_path: Path, harm: Callable[..., None]):
    out = tmp_path / "set.h5"
    simulate_to_file(PRESETS["tiny"], out, 3, 4, machines=HERE, quiet=True)
    with h5py.File(out, "a") as file:
        harm(file)
    with pytest.raises(InputError, match=r"set\.h5: (a )?(damaged )?data set"):
        rank_hard([str(out)], OffByDistance({}), STATED, tmp_path / "out")


def test_an_image_of_a_set_that_cannot_be_read_is_told(tmp_path: Path):
    out = tmp_path / "set.h5"
    simulate_to_file(PRESETS["tiny"], out, 2, 4, machines=HERE, quiet=True)
    with h5py.File(tmp_path / "set.shards" / "00000000.h5", "a") as shard:
        shard["binning"][1] = 0
        chunk = shard["image"].id.get_chunk_info_by_coord((0, 0, 0))
    with (tmp_path / "set.shards" / "00000000.h5").open("r+b") as file:
        file.seek(chunk.byte_offset)
        file.write(bytes(chunk.size))
    with pytest.raises(ConfigError, match="no image has an answer"):
        rank_hard([str(out)], OffByDistance({}), STATED, tmp_path / "out")
    for index in (0, 1):
        with pytest.raises(InputError, match="damaged"):
            stored_case(out, index)


def test_processes_change_no_ranking(tmp_path: Path, write_image: Callable[..., Path]):
    simulate_to_file(PRESETS["tiny"], tmp_path / "set.h5", 5, 4, machines=HERE, quiet=True)
    images = [str(write_image(tmp_path / f"{number}.npy", (20 + number, 40))) for number in range(4)]
    (tmp_path / "junk.cbf").write_bytes(b"junk")
    quick = QuickPredictor(tmp_path / "log.txt")
    for sources in ([str(tmp_path / "set.h5")], [*images, str(tmp_path / "junk.cbf")]):
        one, two = (
            rank_hard(sources, quick, STATED, tmp_path / "out", machines=Machines(number))
            for number in (1, 2)
        )
        assert two == one


def test_a_preset_is_judged_on_full_frames_with_its_parameters():
    case = preset_case("standard", 5, 0)
    binned = PRESETS["standard"].simulate(0, 5)
    assert case.frame.shape == (2460, 2460)
    np.testing.assert_allclose(case.truth_px, 3 * binned["beam_centre_px"])
    assert case.parameters["spot_scale"] == float(binned["spot_scale"])
    assert case.parameters["pixel_size_mm"] == pytest.approx(0.172)
    assert case.parameters["detector_side_px"] == 2460
    brightest = np.unravel_index(np.argmax(case.frame.data), case.frame.shape)
    assert case.frame.mask[brightest]


def test_real_images_are_ranked_by_uncertainty_and_bad_ones_told(
    tmp_path: Path, write_image: Callable[..., Path], predictor: object, monkeypatch: pytest.MonkeyPatch
):
    names = ["sure.npy", "unsure.npy", "blank.npy"]
    files = [str(write_image(tmp_path / n, None if n == "blank.npy" else (60, 45))) for n in names]
    (tmp_path / "junk.cbf").write_bytes(b"junk")
    answer = predictor.predict_frame

    def doubtful(frame: Frame, options: Options = PLAIN) -> Prediction:
        return replace(answer(frame), sigma_px=3.0 if "unsure" in frame.path else 0.1)

    monkeypatch.setattr(predictor, "predict_frame", doubtful)
    report, failures = rank_hard([*files, str(tmp_path / "junk.cbf")], predictor, STATED, tmp_path / "out")
    assert [entry["name"] for entry in report["ranking"]] == ["blank.npy", "unsure.npy", "sure.npy"]
    assert report["ranked_by"] == "sigma"
    assert len(failures) == 1


def test_nothing_to_rank_is_told(tmp_path: Path, predictor: object):
    (tmp_path / "junk.cbf").write_bytes(b"junk")
    with pytest.raises(ConfigError, match="nothing to rank"):
        rank_hard([str(tmp_path / "junk.cbf")], predictor, STATED, tmp_path / "out")
