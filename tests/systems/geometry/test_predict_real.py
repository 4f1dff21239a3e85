"""Real images that come with the tests are answered rightly, or not at all."""

from pathlib import Path

import numpy as np
import pytest

from argand.systems.geometry.predict import Predictor, load
from argand.systems.geometry.refine.options import Options

FRAMES = Path(__file__).parents[2] / "data" / "frames"
EXAMPLES = Path(__file__).parents[3] / "examples" / "data"
PIECE = Path(__file__).parents[3] / "src/argand/app/data/examples/thaumatin.cbf.bz2"
ADSC_CENTRE_PX, ADSC_TOLERANCE_PX = (1216.91 - 900, 1143.38 - 850), 12.0
"""The truth of this image is weak; of all others it is known to a pixel."""


@pytest.fixture(scope="module")
def shipped_predictor() -> Predictor:
    return load()


def miss_px(found: tuple[float, float] | None, truth: tuple[float, float]) -> float:
    return float(np.hypot(*np.subtract(found, truth))) if found else np.inf


def test_a_piece_of_a_real_still_is_answered_to_two_pixels(shipped_predictor: Predictor):
    """The example of the app; its middle is 57 px from where DIALS puts the beam."""
    answer = shipped_predictor.predict(PIECE)
    assert (answer.path, answer.trusted) == ("lattice", True), answer.reason
    assert miss_px(answer.beam_centre_px, (1261.42 - 1020, 1307.24 - 1070)) < 2.0


@pytest.mark.parametrize(
    ("name", "truth", "tolerance_px"),
    [
        ("l-cyst_04_00001.cbf.bz2", (729.31, 865.76), 2.0),
        ("adsc_middle.img.bz2", ADSC_CENTRE_PX, ADSC_TOLERANCE_PX),
    ],
)
def test_a_poor_real_image_is_answered_rightly_or_not_at_all(
    shipped_predictor: Predictor, name: str, truth: tuple[float, float], tolerance_px: float
):
    answer = shipped_predictor.predict(FRAMES / name)
    assert not answer.trusted or miss_px(answer.beam_centre_px, truth) < tolerance_px
    assert answer.network_centre_px is not None


def test_a_detector_that_is_swung_out_is_not_answered(shipped_predictor: Predictor):
    answer = shipped_predictor.predict(FRAMES / "l-cyst_01_00001.cbf.bz2")
    assert (answer.beam_centre_px, answer.trusted) == (None, False)
    assert "swung out" in answer.reason
    assert any("foot of the perpendicular" in note for note in answer.notes)


@pytest.mark.parametrize(
    ("path", "truth"),
    [
        (EXAMPLES / "thau_3_2_0006.cbf.bz2", (1261.42, 1307.24)),
        (FRAMES / "l-cyst_04_00001.cbf.bz2", (729.31, 865.76)),
    ],
    ids=["thaumatin", "l-cysteine"],
)
def test_the_network_alone_is_as_near_on_whole_real_images_as_it_says(
    shipped_predictor: Predictor, path: Path, truth: tuple[float, float]
):
    answer = shipped_predictor.predict(path, options=Options(refine=False))
    assert answer.network_sigma_px is not None
    assert answer.network_sigma_px < 15.0
    assert miss_px(answer.network_centre_px, truth) < 3 * answer.network_sigma_px
