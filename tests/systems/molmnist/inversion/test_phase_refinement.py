"""Going on from an answered shape, with patterns that are exact and with photon counts."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from argand.physics.coherent.pattern import low_part, with_low_part
from argand.physics.coherent.phase_retrieval import gaussian
from argand.physics.coherent.projection import Window
from argand.systems.molmnist.benchmark.scores import TrueShapes
from argand.systems.molmnist.inversion.phase_refinement import (
    Q_POLISH,
    refined_shapes,
)
from argand.systems.molmnist.presets import PRESETS
from argand.systems.molmnist.simulate import Imaging

SIDE, SIZE = 80.0, 80


def pair(window: Window | None = None, **changes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shape, pattern and mask of one variant."""
    imaging = replace(Imaging(window or Window(SIDE, SIZE)), **changes)
    sample = replace(PRESETS["tiny"], imaging=imaging).simulate(1, 0)
    return sample["shape"].astype(np.float32)[None], sample["pattern"][None], imaging.live


def without_atoms(shape: np.ndarray) -> np.ndarray:
    """The shape without what single atoms add, as a fit of a few directions leaves it."""
    size = shape.shape[-1]
    soft = torch.fft.rfft2(torch.from_numpy(shape)) * gaussian(Window(SIDE, size), 0.7)
    return torch.fft.irfft2(soft, s=(size, size)).clamp_min(0).numpy()


def psnr(found: np.ndarray, shape: np.ndarray) -> float:
    truth = TrueShapes(torch.from_numpy(shape), Window(SIDE, shape.shape[-1]))
    return float(truth.scores(torch.from_numpy(found))["psnr_db"][0])


def test_an_exact_pattern_mends_a_shape():
    shape, pattern, live = pair()
    start = without_atoms(shape)
    assert psnr(refined_shapes(pattern, live, start, 50, SIDE), shape) > psnr(start, shape) + 5


@pytest.mark.parametrize("rounds", [1, 2])
def test_one_round_or_two_mend_a_shape_as_well(rounds: int):
    shape, pattern, live = pair()
    start = without_atoms(shape)
    found = refined_shapes(pattern, live, start, rounds, SIDE)
    assert psnr(found, shape) > psnr(start, shape)
    # Outside of the outline nothing is left but what the soft edge makes.
    outside = (shape == 0) & (start < 1e-3 * start.max())
    assert np.abs(found[outside]).max() < 0.2 * start.max()


def test_many_counts_mend_a_shape_and_few_leave_it():
    shape, pattern, live = pair(photons=1e7, beam_stop=0.1)
    start = without_atoms(shape)
    many = refined_shapes(pattern, live, start, 20, SIDE)
    assert psnr(many, shape) > psnr(start, shape) + 2
    _, pattern, live = pair(photons=1e3, beam_stop=0.1)
    few = refined_shapes(pattern, live, start, 20, SIDE)
    assert psnr(few, shape) > psnr(start, shape) - 0.1
    assert np.abs(few - start).max() < 0.5 * np.abs(many - start).max()


@pytest.mark.parametrize("photons", [None, 1e6])
def test_electrons_are_kept(photons: float | None):
    shape, pattern, live = pair(photons=photons)
    start = without_atoms(shape)
    found = refined_shapes(pattern, live, start, 10, SIDE)
    assert found.sum() == pytest.approx(start.sum(), rel=0.02)


@pytest.mark.parametrize(("size", "few"), [(80, 80), (80, 64), (81, 64), (81, 45), (80, 45)])
def test_a_grid_of_fewer_pixels_holds_the_low_frequencies(size: int, few: int):
    image = torch.randn(2, size, size, generator=torch.Generator().manual_seed(0))
    spectrum = torch.fft.rfft2(image)
    low = low_part(spectrum, few)
    assert low.shape == (2, few, few // 2 + 1)
    torch.testing.assert_close(with_low_part(spectrum, low), spectrum)
    turned = torch.fft.irfft2(with_low_part(spectrum, -low), s=(size, size))
    again = torch.fft.rfft2(turned)
    inner = (few - 1) // 2
    torch.testing.assert_close(again[:, :inner, :inner], -spectrum[:, :inner, :inner], rtol=1e-3, atol=1e-2)


def test_finer_pixels_change_nothing_below_the_highest_q_that_is_followed():
    window = Window(SIDE, 2 * SIZE)
    shape, pattern, live = pair(window)
    start = without_atoms(shape)
    found = refined_shapes(pattern, live, start, 20, SIDE)
    moved = np.fft.fftshift(np.fft.fft2(found - start))[0]
    beyond = (
        np.maximum(*np.meshgrid(*[np.abs(np.arange(-SIZE, SIZE)) * 2 * np.pi / SIDE] * 2)) > 1.1 * Q_POLISH
    )
    assert np.abs(moved[beyond]).max() < 1e-2 * np.abs(moved).max()
    assert psnr(found, shape) > psnr(start, shape) + 2
