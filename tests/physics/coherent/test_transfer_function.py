"""How far phases of several starts agree, and how they are brought to lie alike first."""

import math

import pytest
import torch

from argand.physics.coherent.pattern import reciprocal_axes
from argand.physics.coherent.projection import Window
from argand.physics.coherent.transfer_function import aligned, phase_transfer

WINDOW = Window(48.0, 48)
EVERYWHERE = torch.ones(1, 48, 25, dtype=torch.bool)


def spectrum(seed: int = 0) -> torch.Tensor:
    """That of a blob without symmetry."""
    place = torch.arange(48.0) - 24
    inside = (place[:, None] ** 2 + 2 * place**2 < 150).float()
    return torch.fft.rfft2(inside * torch.rand(1, 48, 48, generator=torch.Generator().manual_seed(seed)))


def moved(waves: torch.Tensor, slow: float, fast: float) -> torch.Tensor:
    along, across = reciprocal_axes(WINDOW)
    turn = slow * along + fast * across
    return waves * torch.polar(torch.ones_like(turn), -turn)


@pytest.mark.parametrize("turned", [False, True])
def test_an_object_is_moved_and_turned_back_by_fractions_of_a_pixel(turned: bool):
    waves = spectrum()
    away = moved(waves.conj() if turned else waves, 7.3, -11.6)
    inner = (slice(None), slice(0, 20), slice(0, 20))
    torch.testing.assert_close(aligned(away, waves, WINDOW)[inner], waves[inner], rtol=1e-2, atol=0.2)


def test_starts_that_agree_transfer_all_phases():
    waves = spectrum()
    # A wave of odd phase everywhere, beside which place and hand alone differ.
    starts = [waves, *(aligned(moved(waves.conj(), s, 3.0 * s), waves, WINDOW) for s in (1.0, 2.25, 5.5))]
    found = phase_transfer(torch.stack(starts), EVERYWHERE, WINDOW)
    assert float(found.value[0, :20].min()) > 0.99
    assert float(found.resolution[0]) == pytest.approx(2 * math.pi / float(found.q[-1]), rel=1e-3)


@pytest.mark.parametrize("starts", [4, 16])
def test_random_phases_transfer_as_little_as_a_random_walk(starts: int):
    generator = torch.Generator().manual_seed(1)
    turn = 2 * math.pi * torch.rand(starts, 1, 48, 25, generator=generator)
    found = phase_transfer(torch.polar(torch.ones_like(turn), turn), EVERYWHERE, WINDOW)
    # The mean length of a walk of so many steps, over their number.
    expected = math.sqrt(math.pi / 4 / starts)
    assert float(found.value[0, 5:].mean()) == pytest.approx(expected, rel=0.05)


def test_the_resolution_is_where_phases_stop_agreeing():
    generator = torch.Generator().manual_seed(2)
    turn = 2 * math.pi * torch.rand(16, 1, 48, 25, generator=generator)
    along, across = reciprocal_axes(WINDOW)
    turn = turn * (torch.hypot(along, across) > 1.0)
    found = phase_transfer(torch.polar(torch.ones_like(turn), turn), EVERYWHERE, WINDOW)
    assert float(found.resolution[0]) == pytest.approx(2 * math.pi / 1.0, rel=0.15)


def test_pixels_that_are_not_measured_do_not_count():
    waves = spectrum()
    other = waves.clone()
    measured = EVERYWHERE.clone()
    measured[0, :3, :3] = False
    other[~measured] *= -1
    assert float(phase_transfer(torch.stack([waves, other]), measured, WINDOW).value[0, 3:].min()) > 0.99
    assert phase_transfer(torch.stack([waves, other]), measured, WINDOW).value[0, 0].isnan()
