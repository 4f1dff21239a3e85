"""What a detector counts: as many photons as expected, nothing where it is blind, background as it says."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argand.errors import ConfigError
from argand.physics.coherent.exposure import Detector, Exposure, expected_shares, expose
from argand.physics.coherent.projection import Window

WINDOW = Window(60.0, 48)
ALL = np.ones((48, 48), bool)


def speckle() -> np.ndarray:
    random = np.random.default_rng(0)
    return random.exponential(1.0, (48, 48)) * np.exp(-(WINDOW.q**2)) * 1e6


@given(st.integers(0, 10_000))
def test_shares_of_measured_pixels_sum_to_one_and_blind_ones_expect_nothing(seed: int):
    detector = Detector()
    exposure = detector.draw(WINDOW, np.random.default_rng(seed))
    shares = expected_shares(speckle(), exposure, detector, WINDOW)
    assert shares.sum() == pytest.approx(1.0)
    assert shares.min() >= 0
    assert not shares[~exposure.live].any()
    assert not exposure.live[24, 24]


def test_counts_have_the_expected_sum_and_are_reproducible():
    detector, exposure = Detector(), Exposure(5000.0, 0.05, 0.3, ALL)
    sums = [expose(speckle(), exposure, detector, WINDOW, np.random.default_rng(n)).sum() for n in range(40)]
    # A sum of Poisson counts is one too; five standard errors of the mean.
    assert np.mean(sums) == pytest.approx(5000, abs=5 * np.sqrt(5000 / 40))
    assert np.std(sums) == pytest.approx(np.sqrt(5000), rel=0.4)
    again = [expose(speckle(), exposure, detector, WINDOW, np.random.default_rng(7)) for _ in range(2)]
    np.testing.assert_array_equal(again[0], again[1])
    assert again[0].dtype == np.float32
    assert (again[0] == np.rint(again[0])).all()


def test_the_background_is_the_share_that_it_says_half_flat_half_falling():
    detector = Detector()
    shares = expected_shares(
        np.where(WINDOW.q == 0, 1.0, 0.0), Exposure(1.0, 0.2, 0.0, ALL), detector, WINDOW
    )
    assert shares[24, 24] == pytest.approx(0.8, abs=0.005)
    around = np.where(WINDOW.q > 0, shares, 0.0)
    assert around.sum() == pytest.approx(0.2, abs=0.005)
    falling = np.exp(-((WINDOW.q / detector.background_q) ** 2) / 2)
    wanted = 0.1 / 48**2 + 0.1 * falling / falling.sum()
    np.testing.assert_allclose(around[WINDOW.q > 0], wanted[WINDOW.q > 0], rtol=1e-12)


def test_partial_coherence_is_a_convolution_with_a_gaussian():
    image, blur = speckle(), 0.7
    shares = expected_shares(image, Exposure(1.0, 1e-12, blur, ALL), Detector(), WINDOW)
    reach = np.arange(-6, 7)
    kernel = np.exp(-(reach**2) / (2 * blur**2))
    kernel = np.outer(kernel, kernel) / kernel.sum() ** 2
    inner = slice(6, 42)
    direct = np.zeros((36, 36))
    for i, row in enumerate(reach):
        for j, column in enumerate(reach):
            direct += kernel[i, j] * image[6 + row : 42 + row, 6 + column : 42 + column]
    seen = shares[inner, inner]
    # scipy cuts its kernel at four standard deviations.
    np.testing.assert_allclose(seen / seen.sum(), direct / direct.sum(), rtol=2e-3)
    sharp = expected_shares(image, Exposure(1.0, 1e-12, 0.0, ALL), Detector(), WINDOW)
    np.testing.assert_allclose(sharp, image / image.sum(), rtol=1e-4)


def test_gaps_and_beam_stop_are_where_they_were_drawn():
    fixed = Detector(beam_stop=(0.5, 0.5), gaps=1.0, gap_width=(0.4, 0.4), gap_place=0.0)
    live = fixed.draw(WINDOW, np.random.default_rng(0)).live
    axis = 2 * np.pi * (np.arange(48) - 24) / 60.0
    along = np.abs(axis) >= 0.2
    np.testing.assert_array_equal(live, (WINDOW.q >= 0.5) & along[:, None] & along[None])
    whole = replace(fixed, gaps=0.0, beam_stop=(0.0, 0.0)).draw(WINDOW, np.random.default_rng(0)).live
    np.testing.assert_array_equal(whole, WINDOW.q > 0)


def test_conditions_cover_their_ranges():
    detector = Detector()
    random = np.random.default_rng(1)
    drawn = [detector.draw(WINDOW, random) for _ in range(400)]
    photons = np.log10([one.photons for one in drawn])
    assert (photons.min() > 1) & (photons.max() < 6)
    np.testing.assert_allclose(np.quantile(photons, [0.25, 0.5, 0.75]), [2.25, 3.5, 4.75], atol=0.4)
    beyond = [not one.live[WINDOW.q > 0.9].all() for one in drawn]
    assert np.mean(beyond) == pytest.approx(detector.gaps, abs=0.1)


def test_shares_are_given_where_the_detector_does_not_count():
    detector, exposure = Detector(counted=False), Exposure(1e4, 0.01, 0.2, ALL)
    shares = expose(speckle(), exposure, detector, WINDOW, np.random.default_rng(0))
    np.testing.assert_allclose(shares.sum(), 1.0, rtol=1e-5)
    assert shares.dtype == np.float32


@pytest.mark.parametrize(
    "wrong", [{"photons": (0.0, 1.0)}, {"blur_px": (1.0, 0.5)}, {"background": (0.0, 0.1)}, {"gaps": 1.5}]
)
def test_ranges_that_hold_nothing_are_refused(wrong: dict):
    with pytest.raises(ConfigError):
        Detector(**wrong)
