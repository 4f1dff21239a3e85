"""From an image to its beam centre: right where the evidence suffices, silent where it does not."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from argand.errors import InputError
from argand.io.image import Frame, read_frame
from argand.physics.still.calibrant import CALIBRANTS
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.panel import Panel
from argand.physics.still.still import Diffuse, Still, expose
from argand.systems.geometry.network import EvidenceKind
from argand.systems.geometry.predict import Predictor, load, nominal_geometry, sum_frames
from argand.systems.geometry.presets import PRESETS
from argand.systems.geometry.refine.options import Options
from argand.systems.geometry.refine.prediction import Prediction
from argand.systems.geometry.simulate import draw_still

THAUMATIN = Path(__file__).parents[3] / "examples" / "data" / "thau_3_2_0006.cbf.bz2"
THAUMATIN_CENTRE_PX = (1261.42, 1307.24)
"""As the README beside the image says."""
POWDER = BeamGeometry((507.3, 489.6), 200.0, 1.0, (0.2, 0.2))


@pytest.fixture(scope="module")
def shipped_predictor() -> Predictor:
    return load()


def standard_still(seed: int, geometry: BeamGeometry | None = None) -> tuple[Frame, BeamGeometry]:
    """A simulated image as if read from a file, and its true geometry."""
    rng = np.random.default_rng(seed)
    still = draw_still(PRESETS["standard"].stills, rng)
    still = replace(still, geometry=geometry or still.geometry)
    counts, live, _ = expose(still, rng)
    return as_frame(counts, still.geometry, live > 0.99), still.geometry


def as_frame(counts: np.ndarray, geometry: BeamGeometry, mask: np.ndarray | None = None) -> Frame:
    mask = np.ones(counts.shape, bool) if mask is None else mask
    known = geometry.pixel_size_mm, geometry.distance_mm, geometry.wavelength
    return Frame("simulated", 0, counts, mask, *known)


@pytest.fixture(scope="module")
def standard() -> tuple[Frame, BeamGeometry]:
    return standard_still(7)


@pytest.fixture(scope="module")
def sibling(standard: tuple[Frame, BeamGeometry]) -> Frame:
    """Another crystal on the detector of `standard`."""
    return standard_still(8, standard[1])[0]


@pytest.fixture(scope="module")
def answers(
    shipped_predictor: Predictor, standard: tuple[Frame, BeamGeometry], sibling: Frame
) -> tuple[Prediction, Prediction]:
    """Of `standard` and its sibling."""
    return shipped_predictor.predict_frame(standard[0]), shipped_predictor.predict_frame(sibling)


@pytest.fixture(scope="module")
def powder() -> Frame:
    """Powder rings about a beam that is met 8 px from the middle, without any spots."""
    rings = tuple((1 / d, 8e-4, 400.0) for d in (7.0, 5.0, 4.1, 3.5, 2.9, 2.4))
    still = Still(POWDER, Panel("square", (1000, 1000), 0.2), diffuse=Diffuse(rings=rings))
    counts, live, _ = expose(still, np.random.default_rng(1))
    return as_frame(counts, POWDER, live > 0.99)


def miss_px(answer: Prediction, truth: tuple[float, float]) -> float:
    """Distance of the predicted centre from the truth; infinite where there is no reliable answer."""
    found = answer.beam_centre_px
    return float(np.hypot(*np.subtract(found, truth))) if found else np.inf


def test_a_still_with_spots_is_answered_by_its_lattice_with_tilt(
    standard: tuple[Frame, BeamGeometry], answers: tuple[Prediction, Prediction]
):
    truth = standard[1]
    for answer in answers:
        assert (answer.path, answer.reason) == ("lattice", "")
        assert miss_px(answer, truth.beam_centre_px) < 0.3
        assert answer.tilt_deg is not None
        assert answer.tilt_deg["pitch"] == pytest.approx(np.degrees(truth.pitch), abs=0.1)
        assert answer.tilt_deg["yaw"] == pytest.approx(np.degrees(truth.yaw), abs=0.1)
        assert answer.geometry is not None
        assert answer.geometry.distance_mm == pytest.approx(250.0)
        assert answer.geometry.wavelength == truth.wavelength
        assert answer.spots >= answer.indexed > 15


def test_a_header_off_the_detector_is_named_for_a_frame_and_for_the_pool(
    shipped_predictor: Predictor, standard: tuple[Frame, BeamGeometry], answers: tuple[Prediction, Prediction]
):
    frame, truth = standard
    header = (2 * frame.shape[1] - truth.beam_centre_px[0], truth.beam_centre_px[1])
    said = f"the header's beam centre ({header[0]:.1f}, {header[1]:.1f}) px lies off the detector"
    frame = replace(frame, header_beam_centre_px=header)
    assert shipped_predictor.predict_frame(frame).notes == (said,)
    given = [replace(answer, header_beam_centre_px=header) for answer in answers]
    assert said in shipped_predictor.pool([frame, frame], given).notes


def test_the_bundled_image_is_answered_to_a_pixel(shipped_predictor: Predictor):
    if not THAUMATIN.exists():
        pytest.skip(f"{THAUMATIN} is not there")
    answer = shipped_predictor.predict(THAUMATIN)
    assert answer.path == "lattice"
    assert miss_px(answer, THAUMATIN_CENTRE_PX) < 1.0
    assert answer.file == str(THAUMATIN)
    assert answer.header_beam_centre_px == pytest.approx((1261.61, 1306.96), abs=0.01)


def real_image(shared_data: Path, name: str) -> tuple[Path, tuple[float, float]]:
    """Path and true beam centre (fast, slow) px of one of the real images; the test is skipped without it."""
    path = shared_data / "geometry" / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    with (path.parent / "truth.csv").open() as file:
        truth = next(row for row in csv.DictReader(file) if row["file"] == name)
    return path, (float(truth["beam_x_px"]), float(truth["beam_y_px"]))


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_real_stills_are_answered_to_two_pixels(shared_data: Path, shipped_predictor: Predictor, number: int):
    path, truth = real_image(shared_data, f"thau_3_2_000{number}.cbf.bz2")
    assert miss_px(shipped_predictor.predict(path), truth) < 2.0


@pytest.mark.parametrize(
    ("name", "tolerance_px"),
    [("l-cyst_04_00001.cbf", 2.0), ("l-cyst_04_00002.cbf", 2.0), ("adsc.img.bz2", 12.0)],
)
def test_a_poor_real_image_is_answered_rightly_or_not_at_all(
    shared_data: Path, shipped_predictor: Predictor, name: str, tolerance_px: float
):
    path, truth = real_image(shared_data, name)
    answer = shipped_predictor.predict(path)
    assert answer.reason or miss_px(answer, truth) < tolerance_px


@pytest.mark.parametrize("number", [1, 2])
def test_a_detector_that_is_swung_out_is_not_answered(
    shared_data: Path, shipped_predictor: Predictor, number: int
):
    path, _ = real_image(shared_data, f"l-cyst_01_0000{number}.cbf")
    answer = shipped_predictor.predict(path)
    assert (answer.beam_centre_px, answer.trusted) == (None, False)
    assert "swung out" in answer.reason
    assert any("foot of the perpendicular" in note for note in answer.notes)


def test_a_blank_image_is_not_answered(shipped_predictor: Predictor):
    counts = np.random.default_rng(3).poisson(0.002, (600, 700)).astype(np.int32)
    answer = shipped_predictor.predict_frame(as_frame(counts, POWDER))
    assert answer.beam_centre_px is None
    assert "near-blank" in answer.reason
    assert answer.to_dict()["unreliable_estimate_px"] is not None


def test_even_counts_everywhere_are_not_answered(shipped_predictor: Predictor):
    counts = np.random.default_rng(4).poisson(5.0, (600, 700)).astype(np.int32)
    answer = shipped_predictor.predict_frame(as_frame(counts, POWDER))
    assert answer.beam_centre_px is None
    assert answer.reason


@pytest.mark.parametrize(
    ("field", "option"),
    [("wavelength", "--wavelength"), ("distance_mm", "--distance"), ("pixel_size_mm", "--pixel-size")],
)
def test_a_missing_number_is_named_with_its_option_and_file(
    shipped_predictor: Predictor, standard: tuple[Frame, BeamGeometry], field: str, option: str
):
    with pytest.raises(InputError, match=rf"^simulated: .* give {option}$"):
        shipped_predictor.predict_frame(replace(standard[0], **{field: None}))


def test_all_missing_numbers_are_named_at_once(shipped_predictor: Predictor):
    with pytest.raises(InputError, match=r"array.*give --wavelength --distance --pixel-size$"):
        shipped_predictor.predict(np.ones((100, 100), np.int32))


def test_an_image_without_usable_pixels_is_an_error(
    shipped_predictor: Predictor, standard: tuple[Frame, BeamGeometry]
):
    with pytest.raises(InputError, match="every pixel is masked"):
        shipped_predictor.predict(standard[0], mask=np.zeros(standard[0].shape, bool))


def test_a_mask_of_another_shape_is_an_error(
    shipped_predictor: Predictor, standard: tuple[Frame, BeamGeometry]
):
    with pytest.raises(InputError, match="the mask has 10 x 20 pixels"):
        shipped_predictor.predict(standard[0], mask=np.ones((10, 20), bool))


def test_a_tiny_array_is_an_error(shipped_predictor: Predictor):
    with pytest.raises(InputError, match="too small an image"):
        shipped_predictor.predict(
            np.ones((63, 200), np.int32), wavelength=1.0, distance_mm=200.0, pixel_size_mm=0.1
        )


@pytest.mark.parametrize(
    ("numbers", "complaint"),
    [
        ({"wavelength": -1.0}, "wavelength of -1 Å"),
        ({"distance_mm": 2.0}, "distance of 2 mm"),
        ({"pixel_size_mm": 172.0}, "pixel size of 172 mm is not between 0.004 and 4 mm"),
    ],
)
def test_a_number_in_another_unit_is_an_error(
    shipped_predictor: Predictor,
    standard: tuple[Frame, BeamGeometry],
    numbers: dict[str, float],
    complaint: str,
):
    with pytest.raises(InputError, match=complaint):
        shipped_predictor.predict(standard[0], **numbers)


def test_an_array_that_is_no_image_is_an_error(shipped_predictor: Predictor):
    with pytest.raises(InputError, match="3 dimensions"):
        shipped_predictor.predict(np.ones((2, 100, 100)))


@pytest.mark.parametrize("distance_mm", [330.0, 375.0])
def test_a_wrong_distance_is_named_instead_of_an_answer(shipped_predictor: Predictor, distance_mm: float):
    if not THAUMATIN.exists():
        pytest.skip(f"{THAUMATIN} is not there")
    answer = shipped_predictor.predict(THAUMATIN, distance_mm=distance_mm)
    assert not answer.trusted
    assert "check the distance" in answer.reason
    assert answer.fitted_distance_mm == pytest.approx(347.0, abs=1.0)


def test_a_file_that_is_missing_is_an_error(shipped_predictor: Predictor, tmp_path: Path):
    with pytest.raises(InputError, match=r"nothing\.cbf: no such file"):
        shipped_predictor.predict(tmp_path / "nothing.cbf")


def test_weights_of_a_missing_file_are_an_error(tmp_path: Path):
    with pytest.raises(InputError, match=r"nothing\.safetensors"):
        load(tmp_path / "nothing.safetensors")


def test_an_array_with_its_numbers_is_answered_like_a_file(
    shipped_predictor: Predictor, standard: tuple[Frame, BeamGeometry], answers: tuple[Prediction, Prediction]
):
    frame, truth = standard
    array = np.where(frame.mask, frame.data, -1).astype(np.int32)
    answer = shipped_predictor.predict(
        array, wavelength=truth.wavelength, distance_mm=250, pixel_size_mm=truth.pixel_size_mm[0]
    )
    assert answer.beam_centre_px == pytest.approx(answers[0].beam_centre_px, abs=0.01)
    assert answer.file == "array"
    assert answer.seconds > 0


def test_the_callers_numbers_replace_those_of_the_file(
    shipped_predictor: Predictor, standard: tuple[Frame, BeamGeometry]
):
    frame = replace(standard[0], distance_mm=77.0, wavelength=2.0)
    answer = shipped_predictor.predict(
        frame,
        distance_mm=250.0,
        wavelength=standard[1].wavelength,
        options=Options("background", refine=False),
    )
    assert answer.geometry is not None
    assert (answer.geometry.distance_mm, answer.geometry.wavelength) == (250.0, standard[1].wavelength)


def test_powder_is_answered_by_its_rings(shipped_predictor: Predictor, powder: Frame):
    answer = shipped_predictor.predict_frame(powder)
    assert answer.path == "rings"
    assert miss_px(answer, POWDER.beam_centre_px) < 0.3


def test_a_named_calibrant_gives_the_distance_that_is_written(shipped_predictor: Predictor):
    rings = tuple((float(s), 8e-4, 400.0) for s in CALIBRANTS["CeO2"].s(0.75))
    still = Still(POWDER, Panel("square", (1000, 1000), 0.2), diffuse=Diffuse(rings=rings))
    counts, live, _ = expose(still, np.random.default_rng(1))
    frame = as_frame(counts, replace(POWDER, distance_mm=1.03 * POWDER.distance_mm), live > 0.99)
    answer = shipped_predictor.predict_frame(frame, Options(calibrant="ceo2"))
    assert answer.stated_geometry is not None
    assert answer.stretch_sigma is not None
    assert answer.fitted_distance_mm == answer.stated_geometry.distance_mm
    assert answer.fitted_distance_mm == pytest.approx(POWDER.distance_mm, rel=1e-3)
    assert answer.stretch_sigma < 1e-3
    assert "the distance is fitted to the rings of CeO2" in answer.notes[-1]


def test_the_name_of_another_powder_costs_the_distance_but_not_the_centre(
    shipped_predictor: Predictor, powder: Frame
):
    answer = shipped_predictor.predict_frame(powder, Options(calibrant="Ni"))
    assert miss_px(answer, POWDER.beam_centre_px) < 0.3
    assert answer.fitted_distance_mm is None
    assert "the rings are not those of Ni" in answer.notes[-1]


@pytest.mark.parametrize(
    ("evidence", "paths"), [("background", ("network", "rings")), ("spots", ("lattice",))]
)
def test_each_kind_of_evidence_can_stand_alone(
    shipped_predictor: Predictor,
    standard: tuple[Frame, BeamGeometry],
    evidence: EvidenceKind,
    paths: tuple[str, ...],
):
    answer = shipped_predictor.predict_frame(standard[0], Options(evidence))
    assert answer.path in paths
    assert answer.geometry is not None
    assert np.hypot(*np.subtract(answer.geometry.beam_centre_px, standard[1].beam_centre_px)) < 5.0


def test_without_refinement_the_network_answers(
    shipped_predictor: Predictor, standard: tuple[Frame, BeamGeometry]
):
    answer = shipped_predictor.predict_frame(standard[0], Options(refine=False))
    assert answer.path == "network"
    assert answer.geometry is not None
    assert answer.geometry.beam_centre_px == answer.network_centre_px
    assert not answer.tilt_measured


def test_the_headers_centre_has_no_say(
    shipped_predictor: Predictor, standard: tuple[Frame, BeamGeometry], answers: tuple[Prediction, Prediction]
):
    frame = replace(standard[0], header_beam_centre_px=(100.0, 700.0))
    assert nominal_geometry(frame).beam_centre_px == (410.0, 410.0)
    answer = shipped_predictor.predict_frame(frame)
    assert answer.geometry == answers[0].geometry
    assert answer.shift_px is not None


def test_pooling_lies_between_its_frames_and_is_surer_than_each(
    shipped_predictor: Predictor,
    standard: tuple[Frame, BeamGeometry],
    sibling: Frame,
    answers: tuple[Prediction, Prediction],
):
    pooled = shipped_predictor.pool([standard[0], sibling], answers)
    centres = np.array([answer.beam_centre_px for answer in answers])
    sigmas = [answer.sigma_px for answer in answers if answer.sigma_px is not None]
    assert pooled.sigma_px is not None
    assert pooled.sigma_px < min(sigmas)
    # Centre and tilt are correlated, so that the mean may leave the box of both by a little.
    assert np.all(pooled.beam_centre_px > centres.min(axis=0) - 0.2 * max(sigmas))
    assert np.all(pooled.beam_centre_px < centres.max(axis=0) + 0.2 * max(sigmas))
    assert (pooled.file, pooled.frames, pooled.path) == ("pooled", 2, "lattice")
    assert pooled.indexed == sum(answer.indexed for answer in answers)


def test_answers_that_contradict_each_other_are_pooled_with_a_larger_error(
    shipped_predictor: Predictor, standard: tuple[Frame, BeamGeometry], answers: tuple[Prediction, Prediction]
):
    geometry = answers[0].geometry
    assert geometry is not None
    fast, slow = geometry.beam_centre_px
    far = replace(answers[0], geometry=geometry.with_centre((fast + 20.0, slow)))
    agreeing = shipped_predictor.pool([standard[0]] * 2, [answers[0], answers[0]])
    pooled = shipped_predictor.pool([standard[0]] * 2, [answers[0], far])
    assert pooled.geometry is not None
    assert pooled.geometry.beam_centre_px == pytest.approx((fast + 10.0, slow))
    assert pooled.sigma_px > 5 * agreeing.sigma_px


def test_frames_without_an_answer_are_summed(
    shipped_predictor: Predictor, standard: tuple[Frame, BeamGeometry], answers: tuple[Prediction, Prediction]
):
    frame = standard[0]
    thinned = [
        replace(
            frame, data=np.random.default_rng(seed).binomial(frame.data.astype(int), 0.5).astype(np.int32)
        )
        for seed in (1, 2)
    ]
    thinned[1] = replace(thinned[1], notes=("a note",))
    silent = replace(answers[0], trusted=False, reason="too weak")
    pooled = shipped_predictor.pool(thinned, [silent, silent])
    assert (pooled.file, pooled.frames, pooled.notes) == ("pooled", 2, ("a note",))
    assert miss_px(pooled, standard[1].beam_centre_px) < 0.3


def test_frames_of_different_shapes_are_not_pooled(
    shipped_predictor: Predictor, standard: tuple[Frame, BeamGeometry], answers: tuple[Prediction, Prediction]
):
    frame = standard[0]
    smaller = replace(frame, data=frame.data[:-10], mask=frame.mask[:-10])
    silent = replace(answers[0], trusted=False)
    with pytest.raises(InputError, match="different shapes"):
        shipped_predictor.pool([frame, smaller], [silent, silent])


def test_a_sum_keeps_the_pixels_that_every_frame_has():
    first = np.full((80, 90), 3, np.int32)
    first[0, 0] = -1
    second = np.full((80, 90), 40_000, np.uint16)
    mask = np.ones((80, 90), bool)
    mask[5, 6] = False
    total = sum_frames([as_frame(first, POWDER, first >= 0), as_frame(second, POWDER, mask)])
    assert total.data[1, 1] == 40_003
    assert np.argwhere(~total.mask).tolist() == [[0, 0], [5, 6]]


def test_a_frame_read_from_a_file_is_left_as_it_was(
    shipped_predictor: Predictor, tmp_path: Path, standard: tuple[Frame, BeamGeometry]
):
    np.save(tmp_path / "still.npy", standard[0].data)
    frame = read_frame(tmp_path / "still.npy")
    before, mask = frame.data.copy(), frame.mask.copy()
    shipped_predictor.predict(
        frame, wavelength=0.98, distance_mm=250.0, pixel_size_mm=(0.5, 0.5), options=Options(refine=False)
    )
    np.testing.assert_array_equal(frame.data, before)
    np.testing.assert_array_equal(frame.mask, mask)
    assert frame.wavelength is None
