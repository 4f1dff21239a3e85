"""What a coherent pattern of one object tells before its phases: mates, outline, and what counts allow."""

import pytest
import torch

from argand.physics.coherent.pattern import (
    CountedMagnitudes,
    autocorrelation_support,
    dilated,
    filled,
    friedel_mean,
)
from argand.physics.coherent.projection import Window
from argand.physics.sphere.phase_iteration import Magnitudes, error_reduction, hybrid_input_output

WINDOW = Window(64.0, 64)


def diamond(half: float = 12.0) -> torch.Tensor:
    """A rhombus with rough contents about the middle."""
    place = torch.arange(64) - 32
    inside = (place[:, None].abs() / half + place[None].abs() / (0.7 * half)) <= 1
    return (inside * (1 + torch.rand(64, 64, generator=torch.Generator().manual_seed(0))))[None]


def pattern(shape: torch.Tensor) -> torch.Tensor:
    return torch.fft.fftshift(torch.fft.fft2(shape).abs() ** 2, dim=(1, 2))


def live(radius: float = 0.5) -> torch.Tensor:
    place = torch.arange(64) - 32
    return place[:, None] ** 2 + place**2 >= radius**2


def test_means_over_mates_keep_what_is_measured_of_either():
    shape = diamond()
    half = torch.fft.rfft2(shape).abs() ** 2
    torch.testing.assert_close(friedel_mean(pattern(shape), live(0)), half, rtol=1e-3, atol=1e-1)
    seen = live(0)
    seen[40, 20] = False
    torch.testing.assert_close(friedel_mean(pattern(shape), seen), half, rtol=1e-3, atol=1e-1)
    assert friedel_mean(pattern(shape), live())[0].isnan().nonzero().tolist() == [[0, 0]]


def test_a_hidden_centre_is_filled_by_guiniers_law():
    shape = diamond(6.0)
    whole = torch.fft.rfft2(shape).abs() ** 2
    whole_again = filled(friedel_mean(pattern(shape), live(1.5)), WINDOW)
    assert float(whole_again[0, 0, 0] / whole[0, 0, 0]) == pytest.approx(1, abs=0.1)


def test_a_gap_is_filled_by_what_is_around_it():
    seen = torch.stack([live(0.5), live(0.5)])
    seen[1, 20:24] = False
    seen[1, 41:45] = False
    half = friedel_mean(pattern(diamond()).repeat(2, 1, 1), seen)
    whole = filled(half, WINDOW)
    torch.testing.assert_close(whole[0][half[1].isfinite()], whole[1][half[1].isfinite()])
    gap = half[1].isnan() & half[0].isfinite()
    # The mean of a ring, not nothing.
    assert 0.5 < float(whole[1][gap].sum() / whole[0][gap].sum()) < 2


@pytest.mark.parametrize("photons", [None, 1e5])
def test_half_of_the_autocorrelation_holds_the_object(photons: float | None):
    shape = diamond()
    seen = pattern(shape) * live()
    if photons:
        seen = torch.poisson(seen * photons / seen.sum(), generator=torch.Generator().manual_seed(1))
    support, known = autocorrelation_support(friedel_mean(seen, live()), WINDOW, 2)
    support = torch.fft.fftshift(support, dim=(1, 2))
    assert known.all()
    assert (shape > 0)[~support].sum() <= 0.02 * (shape > 0).sum()
    assert support.sum() < 2.5 * (shape > 0).sum()


def test_an_object_too_large_for_the_window_gets_half_of_it():
    support, known = autocorrelation_support(friedel_mean(pattern(diamond(30.0)), live()), WINDOW, 2)
    assert not known.any()
    assert float(support.float().mean()) == pytest.approx(0.5, abs=0.02)


def test_counts_without_noise_lead_to_the_same_amplitudes():
    shape = diamond()
    half = torch.fft.rfft2(shape).abs() ** 2
    lenient = CountedMagnitudes(half, torch.ones(64, 33))
    torch.testing.assert_close(lenient(shape), shape, rtol=1e-3, atol=1e-3)
    off = shape + 0.3 * torch.rand(1, 64, 64, generator=torch.Generator().manual_seed(2))
    spectra = [torch.fft.rfft2(one).abs() for one in (shape, lenient(off), off)]
    assert (spectra[1] - spectra[0]).norm() < 0.7 * (spectra[2] - spectra[0]).norm()


def test_a_step_towards_counts_makes_them_likelier():
    shape = diamond()
    expected = torch.fft.rfft2(shape).abs() ** 2 / 2000
    counts = torch.poisson(expected, generator=torch.Generator().manual_seed(3))
    weight = torch.full((64, 33), 2000**0.5)

    def cost(density: torch.Tensor) -> float:
        intensity = torch.fft.rfft2(density).abs() ** 2 / 2000
        return float((intensity - counts * intensity.clamp_min(1e-9).log()).sum())

    off = torch.rand(1, 64, 64, generator=torch.Generator().manual_seed(4))
    once = CountedMagnitudes(counts, weight)(off)
    assert cost(CountedMagnitudes(counts, weight)(once)) < cost(once) < cost(off)


def test_a_plane_object_is_found_from_its_pattern():
    shape = diamond()
    magnitudes = Magnitudes(friedel_mean(pattern(shape), live()))
    support = torch.fft.ifftshift(dilated(shape > 0, 1), dim=(1, 2))
    residuals = []
    for seed in range(3):
        start = magnitudes.start(torch.Generator().manual_seed(seed))
        density = error_reduction(
            magnitudes, hybrid_input_output(magnitudes, start, support, 200), support, 40
        )
        off = torch.fft.rfft2(density).abs() - torch.fft.rfft2(shape).abs()
        residuals.append(float(off[magnitudes.measured].norm() / torch.fft.rfft2(shape).abs().norm()))
    assert min(residuals) < 0.02


def test_margins_reach_as_far_as_they_say():
    point = torch.zeros(1, 9, 9, dtype=torch.bool)
    point[0, 4, 4] = True
    assert dilated(point, 0).sum() == 1
    assert dilated(point, 2).nonzero()[:, 1:].amin(0).tolist() == [2, 2]
    assert dilated(point, 2).sum() == 25
