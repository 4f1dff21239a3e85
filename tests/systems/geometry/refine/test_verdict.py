"""When an answer is trusted, and what is said where it is not."""

import re
from dataclasses import replace

import numpy as np
import pytest

from argand.io.image import Frame
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.features import Features, extract_features
from argand.physics.still.lattice import LatticeFit
from argand.physics.still.ring import RingFit
from argand.physics.still.spot import Spots
from argand.systems.geometry.refine.options import Options
from argand.systems.geometry.refine.prediction import Prediction
from argand.systems.geometry.refine.swung import SWUNG_LIMIT_DEG
from argand.systems.geometry.refine.verdict import average, decide, lattice_doubts

GEOMETRY = BeamGeometry((60.0, 45.0), 200.0, 1.0, (0.1, 0.1))
COVARIANCE = np.diag([0.01, 0.01, 1e-6, 1e-6])


def a_lattice(margin: float = 100.0, stretch: float = 1.001, stretch_sigma: float = 1e-4) -> LatticeFit:
    return LatticeFit(
        geometry=GEOMETRY,
        basis=np.eye(3) / 50,
        basis_covariance=1e-12 * np.eye(9),
        explained=np.arange(100) < 80,
        covariance=COVARIANCE,
        indexed=80,
        offered=100,
        rms_px=0.2,
        margin=margin,
        rival_px=(70.0, 45.0),
        stretch=stretch,
        stretch_sigma=stretch_sigma,
        chance=0.0,
    )


def some_rings() -> RingFit:
    return RingFit(GEOMETRY.with_centre((61.0, 45.0)), COVARIANCE, 5)


@pytest.fixture
def bright() -> Frame:
    image = np.random.default_rng(0).poisson(5, (90, 120)).astype(np.int32)
    return Frame("bright.cbf", 0, image, np.ones(image.shape, bool), (0.1, 0.1), 200.0, 1.0, None)


def seen_of(frame: Frame) -> Features:
    return extract_features(frame.data, frame.mask)


def test_a_sound_lattice_decides(bright: Frame):
    answer = decide(bright, seen_of(bright), GEOMETRY, 5.0, a_lattice(), None)
    assert (answer.path, answer.trusted) == ("lattice", True)
    assert re.fullmatch(
        r"a lattice that explains 80 of \d+ spots gives the centre to ±0\.11 px", answer.reason
    )
    assert answer.fitted_distance_mm == pytest.approx(200.2)
    assert answer.notes == ()


def test_unexplained_spots_widen_the_uncertainty(bright: Frame):
    def sigma(fit: LatticeFit) -> float:
        answer = decide(bright, seen_of(bright), GEOMETRY, 5.0, fit, None)
        assert answer.sigma_px
        return answer.sigma_px

    assert sigma(replace(a_lattice(), offered=800)) > 2 * sigma(a_lattice())


def test_a_distance_off_by_a_per_cent_is_a_note(bright: Frame):
    answer = decide(bright, seen_of(bright), GEOMETRY, 5.0, a_lattice(stretch=0.99), None)
    assert answer.trusted
    assert answer.notes == ("the spots fit a distance of 198.0 mm; 200 mm was given",)


@pytest.mark.parametrize(
    ("fit", "reason"),
    [
        (a_lattice(margin=9.0), "ambiguous lattice: a centre at (70.0, 45.0) px"),
        (a_lattice(stretch=1.05), "distance of 210.0 mm, not of 200 mm"),
        (a_lattice(stretch=0.95), "distance of 190.0 mm, not of 200 mm"),
    ],
)
def test_a_doubtful_lattice_is_an_estimate_and_no_answer(bright: Frame, fit: LatticeFit, reason: str):
    assert reason in lattice_doubts(fit)
    answer = decide(bright, seen_of(bright), GEOMETRY.with_centre((50.0, 50.0)), 5.0, fit, None)
    assert reason in answer.reason
    assert answer.beam_centre_px is None
    assert answer.geometry == GEOMETRY


def test_rings_stand_in_for_a_doubtful_lattice(bright: Frame):
    answer = decide(bright, seen_of(bright), GEOMETRY, 5.0, a_lattice(margin=1.0), some_rings())
    assert (answer.path, answer.trusted) == ("rings", True)
    assert answer.reason.startswith("5 sharp rings have this centre in common")


def test_rings_that_disagree_withhold_the_answer_and_say_so(bright: Frame):
    doubt = "inner and outer rings differ by 2.1 px, 9 of their sigma"
    answer = decide(bright, seen_of(bright), GEOMETRY, 5.0, None, replace(some_rings(), doubt=doubt))
    assert not answer.trusted
    assert answer.reason == f"5 sharp rings that do not agree: {doubt}"


def test_three_rings_stand_against_a_network_that_is_too_sure_but_two_do_not(bright: Frame):
    far = replace(some_rings(), geometry=GEOMETRY.with_centre((85.0, 45.0)))
    assert decide(bright, seen_of(bright), GEOMETRY, 2.0, None, replace(far, rings=3)).path == "rings"
    few = decide(bright, seen_of(bright), GEOMETRY, 2.0, None, replace(far, rings=2))
    assert (few.path, few.trusted) == ("network", False)
    assert "2 sharp rings, which are too few" in few.reason
    named = replace(far, rings=2, distance_mm=200.0, distance_sigma_mm=0.1)
    assert decide(bright, seen_of(bright), GEOMETRY, 2.0, None, named, Options(calibrant="Si")).trusted


def test_a_tilt_without_a_lever_is_not_reported(bright: Frame):
    answer = decide(bright, seen_of(bright), GEOMETRY, 5.0, None, replace(some_rings(), tilt_measured=False))
    assert answer.trusted
    assert answer.tilt_deg is None


def test_calibrated_frames_are_pooled_at_the_median_of_their_distances(bright: Frame):
    def calibrated(mm: float) -> Prediction:
        fit = replace(
            some_rings(),
            geometry=replace(GEOMETRY, distance_mm=mm),
            distance_mm=mm,
            distance_sigma_mm=0.1,
        )
        return decide(bright, seen_of(bright), GEOMETRY, 5.0, None, fit, Options(calibrant="Si"))

    pooled = average([calibrated(mm) for mm in (203.0, 204.0, 206.0)])
    assert pooled.geometry is not None
    assert pooled.geometry.distance_mm == pooled.fitted_distance_mm == 204.0


def test_rings_worse_than_the_network_do_not_count(bright: Frame):
    answer = decide(bright, seen_of(bright), GEOMETRY, 0.05, None, some_rings())
    assert answer.path == "network"


def test_a_network_that_is_not_sure_is_no_answer(bright: Frame):
    sure = decide(bright, seen_of(bright), GEOMETRY, 1.0, None, None)
    unsure = decide(bright, seen_of(bright), GEOMETRY, 3.0, None, None)
    assert sure.trusted
    assert "±3.0 px" in unsure.reason


def test_a_blank_image_is_called_so_wherever_its_centre_seems_to_be(bright: Frame):
    blank = replace(bright, data=np.zeros_like(bright.data))
    answer = decide(blank, seen_of(blank), GEOMETRY.with_centre((-500.0, 0.0)), 0.5, None, None)
    assert answer.reason.startswith("near-blank image")


def test_a_centre_off_the_detector_is_no_answer(bright: Frame):
    answer = decide(bright, seen_of(bright), GEOMETRY.with_centre((-50.0, 45.0)), 0.5, None, None)
    assert "outside the detector" in answer.reason


def test_the_average_names_its_distance_once(bright: Frame):
    seen = replace(seen_of(bright), spots=Spots(*(np.empty((0, 2)), *[np.empty(0)] * 3)))
    answers = [
        decide(bright, seen, GEOMETRY, 5.0, a_lattice(stretch=stretch), None)
        for stretch in (0.985, 0.986, 0.987)
    ]
    mean = average(answers)
    assert mean.fitted_distance_mm == pytest.approx(197.2)
    assert mean.notes == ("the spots fit a distance of 197.2 mm; 200 mm was given",)


def test_a_tilt_that_was_not_measured_is_not_written(bright: Frame):
    tilted = replace(GEOMETRY, pitch=0.02)
    vague = replace(a_lattice(), geometry=tilted, covariance=np.diag([0.01, 0.01, 1e-3, 1e-3]))
    answer = decide(bright, seen_of(bright), GEOMETRY, 5.0, vague, None)
    assert answer.trusted
    assert answer.tilt_deg is None
    assert answer.poni_px == answer.beam_centre_px
    assert answer.stated_geometry == GEOMETRY
    assert answer.geometry == tilted


@pytest.mark.parametrize("side", [-1, 1])
def test_a_swung_out_detector_is_answered_by_a_lattice_alone(bright: Frame, side: int):
    swung = replace(bright, two_theta_deg=side * (SWUNG_LIMIT_DEG + 0.1))
    assert "show no lattice" in decide(swung, seen_of(swung), GEOMETRY, 0.5, None, None).reason
    off_the_detector = replace(a_lattice(), geometry=GEOMETRY.with_centre((-500.0, 45.0)))
    assert decide(swung, seen_of(swung), GEOMETRY, 5.0, off_the_detector, None).trusted
    inside = replace(bright, two_theta_deg=side * (SWUNG_LIMIT_DEG - 0.1))
    assert not decide(inside, seen_of(inside), GEOMETRY, 5.0, off_the_detector, None).trusted
    assert decide(inside, seen_of(inside), GEOMETRY, 0.5, None, None).trusted


def test_the_limit_of_the_distance_knows_its_own_uncertainty():
    assert lattice_doubts(a_lattice(stretch=1.028, stretch_sigma=0.001))
    assert not lattice_doubts(a_lattice(stretch=1.028, stretch_sigma=0.01))


def test_the_fitted_distance_stands_where_it_is_asked_for(bright: Frame):
    fit, wanted = a_lattice(stretch=1.05), Options(use_fitted_distance=True)
    answer = decide(bright, seen_of(bright), GEOMETRY, 5.0, fit, None, wanted)
    assert answer.trusted
    assert answer.geometry is not None
    assert answer.geometry.distance_mm == pytest.approx(210.0)
    assert answer.notes == (
        "the distance is the one fitted to the spots, 210.00 ± 0.02 mm; 200 mm was given",
    )
    unknown = replace(fit, stretch=1.01, stretch_sigma=0.01)
    answer = decide(bright, seen_of(bright), GEOMETRY, 5.0, unknown, None, wanted)
    assert answer.geometry == GEOMETRY
    pooled = average([decide(bright, seen_of(bright), GEOMETRY, 5.0, fit, None, wanted)] * 2, wanted)
    assert pooled.geometry is not None
    assert pooled.geometry.distance_mm == pytest.approx(210.0)


def test_a_fit_that_leaves_more_than_two_pixels_is_no_answer(bright: Frame):
    for variance, trusted in ((1.8**2, True), (2.2**2, False)):
        # 100 spots, of which the lattice explains 80; and its own 0.2 px of scatter count for 0.04 px.
        fit = replace(a_lattice(), covariance=0.8 * np.diag([variance, variance, 1e-6, 1e-6]))
        answer = decide(bright, seen_of(bright), GEOMETRY, 5.0, fit, None)
        assert (answer.trusted, "only to ±2.2 px (limit 2 px)" in answer.reason) == (trusted, not trusted)


def test_an_average_is_as_uncertain_as_its_members_scatter(bright: Frame):
    fits = [replace(a_lattice(), geometry=GEOMETRY.with_centre((x, 45.0))) for x in (59.0, 61.0)]
    mean = average([decide(bright, seen_of(bright), GEOMETRY, 5.0, fit, None) for fit in fits])
    assert mean.beam_centre_px == pytest.approx((60.0, 45.0))
    # Half the variance v of each, times chi² = (1 + 1) / v over 4 numbers of one more answer than needed.
    assert mean.covariance is not None
    assert mean.covariance[0, 0] == pytest.approx(0.25)


def test_an_origin_far_from_what_the_network_is_sure_of_is_no_answer(bright: Frame):
    start = GEOMETRY.with_centre((GEOMETRY.beam_centre_px[0] - 30.0, GEOMETRY.beam_centre_px[1]))
    assert decide(bright, seen_of(bright), start, 6.1, a_lattice(), None).trusted
    answer = decide(bright, seen_of(bright), start, 5.9, a_lattice(), None)
    assert answer.reason == (
        "the lattice's origin is 30 px from the network's centre, which is known to ±5.9 px"
    )
    # The network was trained neither on electrons nor on swung-out detectors.
    electrons = replace(start, wavelength=0.02)
    assert decide(bright, seen_of(bright), electrons, 5.9, a_lattice(), None).trusted
    swung = replace(bright, two_theta_deg=30.0)
    assert decide(swung, seen_of(bright), start, 5.9, a_lattice(), None).trusted
