"""Header centres that are wrong are named, with the reading that makes them right; others are left alone."""

from dataclasses import replace

import numpy as np
import pytest

from argand.physics.still.detector import BeamGeometry
from argand.systems.geometry.refine.header_check import header_note, with_header_note
from argand.systems.geometry.refine.prediction import Prediction

SHAPE = (2527, 2463)
FOUND = (1261.0, 1308.0)
PIXEL = 0.172


def answer(header: tuple[float, float] | None, sigma: float = 0.3, trusted: bool = True) -> Prediction:
    """An answer at FOUND on a 6M detector whose header says something else."""
    return Prediction(
        file="a.cbf",
        index=0,
        shape=SHAPE,
        trusted=trusted,
        reason="" if trusted else "not enough evidence",
        path="lattice",
        geometry=BeamGeometry(FOUND, 250.0, 1.0, (PIXEL, PIXEL)),
        sigma_px=sigma,
        tilt_sigma_deg=None,
        tilt_measured=False,
        header_beam_centre_px=header,
        network_centre_px=None,
        network_sigma_px=None,
        network_tilt_deg=None,
        spots=0,
        indexed=0,
        rms_px=None,
        seconds=0.0,
    )


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ((1309.0, 1260.0), "exchanged, (1260.0, 1309.0)"),
        ((FOUND[0] * PIXEL, FOUND[1] * PIXEL), "taken as mm, (1261.0, 1308.0)"),
        ((FOUND[1] * PIXEL, FOUND[0] * PIXEL), "taken as mm and exchanged, (1261.0, 1308.0)"),
        ((2463 - 1261.0, 1308.0), "counted from the other end of the fast axis, (1261.0, 1308.0)"),
        ((1261.0, 2527 - 1308.0), "counted from the other end of the slow axis, (1261.0, 1308.0)"),
        ((2463 - 1261.0, 2527 - 1308.0), "counted from the opposite corner, (1261.0, 1308.0)"),
        ((1219.0, 1261.0), "exchanged and counted from the other end of the slow axis, (1261.0, 1308.0)"),
    ],
)
def test_the_reading_that_makes_a_header_right_is_named(header: tuple[float, float], words: str) -> None:
    note = header_note(answer(header))
    assert note is not None
    assert f"px from the predicted one; {words}, it would be " in note
    assert note.startswith(f"the header's beam centre ({header[0]:.1f}, {header[1]:.1f}) px is ")


def test_off_the_detector_with_and_without_another_reading() -> None:
    off = (FOUND[0] / PIXEL + 2.0, FOUND[1] / PIXEL)
    note = header_note(answer(off))
    assert note == (
        f"the header's beam centre ({off[0]:.1f}, {off[1]:.1f}) px lies off the detector; "
        "taken as px instead of mm, (1261.3, 1308.0), it would be 0.3 px from the predicted one"
    )
    lost = "the header's beam centre (-900.0, 700.0) px lies off the detector"
    assert header_note(answer((-900.0, 700.0))) == lost
    assert header_note(answer((-900.0, 700.0), sigma=500.0, trusted=False)) == lost


@pytest.mark.parametrize("header", [None, FOUND, (1266.0, 1303.0), (1400.0, 1000.0), (1231.5, 1263.5)])
def test_headers_that_are_right_or_wrong_in_no_known_way_are_left_alone(
    header: tuple[float, float] | None,
) -> None:
    assert header_note(answer(header)) is None
    assert with_header_note(answer(header)).notes == ()


def test_nothing_is_said_where_the_answer_knows_less_than_the_header() -> None:
    swapped = (FOUND[1], FOUND[0])
    assert header_note(answer(swapped, sigma=40.0, trusted=False)) is None
    note = header_note(answer(swapped, sigma=3.0, trusted=False))
    assert note is not None
    assert note.endswith("it would be 0.0 px from the best guess")
    assert header_note(replace(answer(swapped), geometry=None)) is None


def test_a_beam_that_misses_the_detector_as_the_header_says_is_no_error() -> None:
    right = answer((-30.0, 1300.0))
    assert right.geometry is not None
    assert header_note(replace(right, geometry=right.geometry.with_centre((-31.0, 1302.0)))) is None


def test_few_headers_seem_right_by_chance() -> None:
    """A header that is off in any direction is hardly ever taken for one that was written in another way."""
    random = np.random.default_rng(1)
    said = 0
    for _ in range(500):
        angle, far = random.uniform(0, 2 * np.pi), random.uniform(12, 300)
        header = (FOUND[0] + far * np.cos(angle), FOUND[1] + far * np.sin(angle))
        said += header_note(answer(header)) is not None
    assert said <= 0.03 * 500
