"""Scores: blind to what a pattern does not tell, and honest about the rest."""

import numpy as np
import pytest
import torch

from argand.physics.coherent.projection import Window
from argand.systems.molmnist.benchmark.scores import (
    TrueShapes,
    pearson,
    resolution,
    ring_correlation,
    ssim_map,
)

WINDOW = Window(64.0, 64)


def blobs(seed: int = 0) -> torch.Tensor:
    """Two lopsided heaps of points."""
    random = np.random.default_rng(seed)
    shape = np.zeros((2, 64, 64), np.float32)
    shape[0, 22:40, 26:38] = random.poisson(8.0, (18, 12))
    shape[1, 20:44, 18:30] = random.poisson(5.0, (24, 12))
    shape[1, 20:30, 30:40] = random.poisson(12.0, (10, 10))
    return torch.from_numpy(shape)


def moved(shapes: torch.Tensor, slow: float, fast: float) -> torch.Tensor:
    """The shapes shifted by fractions of a pixel."""
    turns = torch.fft.fftfreq(64)[:, None] * slow + torch.fft.rfftfreq(64)[None] * fast
    return torch.fft.irfft2(
        torch.fft.rfft2(shapes) * torch.polar(torch.ones_like(turns), -2 * torch.pi * turns), s=(64, 64)
    )


@pytest.mark.parametrize("shift", [(0.0, 0.0), (5.0, -7.0), (0.4, 11.3), (-20.5, 3.7)])
@pytest.mark.parametrize("turned", [False, True])
def test_shift_inversion_and_scale_cost_nothing(shift: tuple[float, float], turned: bool):
    shapes = blobs()
    found = shapes.flip(1, 2) if turned else shapes
    scores = TrueShapes(shapes, WINDOW).scores(3.7 * moved(found, *shift))
    assert scores["psnr_db"].min() > 40
    assert scores["ssim"].min() > 0.999
    assert scores["pearson"].min() > 0.9999


def test_mirror_images_are_not_the_same():
    shapes = blobs()
    assert TrueShapes(shapes, WINDOW).scores(shapes.flip(2))["psnr_db"].max() < 25


def test_nothing_at_all_scores_low():
    scores = TrueShapes(blobs(), WINDOW).scores(torch.zeros(2, 64, 64))
    assert scores["psnr_db"].max() < 12
    assert scores["pearson"].abs().max() == 0


def test_more_noise_scores_worse():
    shapes, noise = blobs(), torch.randn(2, 64, 64, generator=torch.Generator().manual_seed(0))
    means = [
        TrueShapes(shapes, WINDOW).scores(shapes + level * noise)["psnr_db"].mean()
        for level in (0.5, 2.0, 8.0)
    ]
    assert means[0] > means[1] + 6 > means[2] + 12


def test_what_lies_far_outside_the_support_is_not_counted():
    shapes = blobs()
    stray = shapes.clone()
    stray[:, 60:, 60:] = 3.0
    assert TrueShapes(shapes, WINDOW).scores(stray)["psnr_db"].min() > 40


def test_the_error_is_that_over_the_support_on_the_best_scale():
    shapes = blobs()[:1]
    truth = TrueShapes(shapes, WINDOW)
    found = shapes + torch.randn(1, 64, 64, generator=torch.Generator().manual_seed(1))
    inside = truth.support[0]
    two, one = truth.blurred[0][inside], truth.aligned(found)[0][inside]
    error = (one * (one @ two) / (one @ one) - two).square().mean()
    expected = 10 * torch.log10(two.max() ** 2 / error)
    torch.testing.assert_close(truth.scores(found)["psnr_db"][0], expected, rtol=1e-4, atol=1e-3)


def test_pearson_is_the_coefficient_of_correlation():
    first, second = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    expected = torch.corrcoef(torch.stack([first.flatten(), second.flatten()]))[0, 1]
    torch.testing.assert_close(pearson(first, second, torch.ones(1, 8, 8))[0], expected)


def test_structural_similarity_is_one_for_equal_images_and_sees_a_lost_structure():
    image = torch.rand(1, 32, 32, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(ssim_map(image, image), torch.ones(1, 32, 32))
    assert ssim_map(image, torch.full_like(image, 0.5))[:, 6:-6, 6:-6].mean() < 0.2


def rings(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    return ring_correlation(torch.fft.rfft2(first), torch.fft.rfft2(second))


def test_equal_images_are_resolved_to_two_pixels_and_noise_not_at_all():
    image, noise = torch.randn(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(rings(image, 7 * image), torch.ones(1, 33))
    assert resolution(rings(image, image), WINDOW).item() == pytest.approx(2.0)
    # Rings of noise correlate by chance, the less the more pixels they have.
    assert rings(image, noise)[0, 8:].abs().max() < 0.4
    assert resolution(rings(image, noise), WINDOW).item() > 8
    assert resolution(rings(image, torch.zeros_like(image)), WINDOW).item() == 64


@pytest.mark.parametrize("kept", [8, 20])
def test_a_low_passed_image_is_resolved_to_where_it_was_cut(kept: int):
    image = torch.randn(1, 64, 64, generator=torch.Generator().manual_seed(1))
    away = torch.hypot(torch.fft.fftfreq(64, 1 / 64)[:, None], torch.arange(33.0)[None])
    low = torch.fft.irfft2(torch.fft.rfft2(image) * (away.round() <= kept), s=(64, 64))
    assert resolution(rings(image, low), WINDOW).item() == pytest.approx(64 / (kept + 0.5), rel=5e-3)


def test_rings_correlate_as_a_sum_over_all_pixels_of_the_whole_spectrum():
    first, second = torch.rand(2, 1, 9, 9, generator=torch.Generator().manual_seed(2))
    one, two = np.fft.fft2(first[0].numpy()), np.fft.fft2(second[0].numpy())
    along = np.fft.fftfreq(9, 1 / 9)
    ring = np.rint(np.hypot(along[:, None], along[None])) == 2
    expected = (one * two.conj())[ring].real.sum()
    expected /= np.sqrt((abs(one[ring]) ** 2).sum() * (abs(two[ring]) ** 2).sum())
    assert rings(first, second)[0, 2].item() == pytest.approx(expected, rel=1e-4)


def test_resolution_is_blind_to_place_and_hand():
    shapes = blobs()
    found = TrueShapes(shapes, WINDOW).scores(moved(shapes.flip(1, 2), 3.0, -5.0))
    assert found["resolution_a"].max() < 2.2
