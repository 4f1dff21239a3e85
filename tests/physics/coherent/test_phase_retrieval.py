"""Phase retrieval of shapes: from nothing, from an outline, and from a start that is roughly right."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from argand.errors import InputError
from argand.physics.coherent.amplitude import SOFTNESS
from argand.physics.coherent.pattern import dilated
from argand.physics.coherent.phase_retrieval import (
    MeasuredMagnitudes,
    gaussian,
    outline,
    refine_shapes,
    response,
    retrieve,
)
from argand.physics.coherent.projection import Window
from argand.systems.molmnist.benchmark.scores import TrueShapes
from argand.systems.molmnist.presets import PRESETS
from argand.systems.molmnist.simulate import Imaging

IMAGING = Imaging(Window(80.0, 80))


def pair(**changes) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    system = replace(PRESETS["tiny"], imaging=replace(IMAGING, **changes))
    sample = system.simulate(1, 0)
    return (
        torch.from_numpy(sample["shape"].astype(np.float32))[None],
        torch.from_numpy(sample["pattern"])[None],
        torch.from_numpy(system.imaging.live),
    )


def psnr(found: torch.Tensor, shape: torch.Tensor) -> float:
    return float(TrueShapes(shape, IMAGING.window).scores(found)["psnr_db"][0])


def rough(shape: torch.Tensor) -> torch.Tensor:
    """The shape blurred beyond its atoms, as a network might answer, on a scale of its own."""
    return 0.01 * torch.fft.irfft2(torch.fft.rfft2(shape) * gaussian(IMAGING.window, 1.5), s=(80, 80))


def test_the_true_shape_explains_its_pattern():
    shape, pattern, live = pair()
    measured = MeasuredMagnitudes(pattern, live, 80.0)
    found = measured.answer(measured.density(shape))
    assert not measured.counted
    assert float(found.residual[0]) < 0.3
    assert psnr(found.shape, shape) > 100


def test_the_response_is_one_at_the_centre_and_falls_off():
    found = response(IMAGING.window)
    assert float(found[0, 0]) == pytest.approx(1, abs=0.01)
    assert float(found[0, 20]) < 1


def test_a_shape_is_found_from_nothing_but_its_pattern():
    shape, pattern, live = pair()
    found = retrieve(pattern, live, 80.0, rounds=400, starts=3)
    assert psnr(found.shape, shape) > 30
    assert float(found.residual[0]) < 0.1


def test_more_starts_are_never_further_from_the_pattern():
    _, pattern, live = pair()
    settings: dict[str, Any] = {"rounds": 20, "settling": 5}
    one, two = (retrieve(pattern, live, 80.0, starts=count, **settings) for count in (1, 2))
    assert (two.residual <= one.residual).all()
    with pytest.raises(InputError, match="at least one start"):
        retrieve(pattern, live, 80.0, starts=0)


def test_a_told_outline_does_no_harm():
    shape, pattern, live = pair()
    settings: dict[str, Any] = {"rounds": 240, "starts": 2}
    alone = retrieve(pattern, live, 80.0, **settings)
    told = retrieve(pattern, live, 80.0, dilated(shape > 0, 1), **settings)
    assert psnr(told.shape, shape) > psnr(alone.shape, shape) - 0.5


def test_starts_on_counts_transfer_phases_less_far():
    _, pattern, live = pair()
    _, counts, _ = pair(photons=1e4)
    settings: dict[str, Any] = {"rounds": 160, "starts": 4}
    exact, noisy = (retrieve(seen, live, 80.0, **settings).transfer for seen in (pattern, counts))
    assert exact is not None
    assert noisy is not None
    assert exact.value[0, 1:5].min() > 0.9
    assert noisy.value[0, 12:30].mean() < exact.value[0, 12:30].mean()


def test_each_pattern_may_have_a_mask_of_its_own():
    _, pattern, live = pair()
    gap = live.clone()
    gap[:, 30:33] = False
    masks = torch.stack([live, gap])
    settings: dict[str, Any] = {"rounds": 20, "settling": 5, "starts": 1}
    # The same random numbers for both.
    both = retrieve(pattern.repeat(2, 1, 1), masks, 80.0, **settings)
    alone = retrieve(pattern, live, 80.0, **settings)
    torch.testing.assert_close(both.residual[0], alone.residual[0], rtol=1e-3, atol=1e-5)
    assert not torch.equal(both.residual[0], both.residual[1])


@pytest.mark.parametrize("photons", [0, 10, 1000])
def test_hardly_any_photons_give_a_finite_answer(photons: int):
    _, pattern, live = pair()
    gap = live.clone()
    gap[37:42], gap[:, 20:26] = False, False
    seen = pattern * gap / (pattern * gap).sum()
    counts = torch.poisson(photons * seen, generator=torch.Generator().manual_seed(0))
    found = retrieve(counts, gap, 80.0, rounds=40, starts=2)
    assert found.shape.isfinite().all()
    assert found.residual.isfinite().all()


@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_few_rounds_end_within_the_outline_and_above_nothing(rounds: int):
    shape, pattern, live = pair()
    start = rough(shape)
    found = refine_shapes(pattern, live, start, rounds, 80.0)
    soft = torch.fft.irfft2(torch.fft.rfft2(found.shape) * gaussian(IMAGING.window, SOFTNESS), s=(80, 80))
    beyond = ~outline(start, IMAGING.window)
    assert soft[beyond].abs().max() < 1e-4 * soft.max()
    assert soft.min() > -1e-4 * soft.max()


def test_polishing_makes_a_rough_shape_exact():
    shape, pattern, live = pair()
    start = rough(shape)
    found = refine_shapes(pattern, live, start, window_side=80.0)
    assert psnr(start, shape) < 30
    assert psnr(found.shape, shape) > 35


def test_the_scale_of_a_pattern_and_of_a_start_do_not_matter():
    shape, pattern, live = pair()
    start = rough(shape)
    one = refine_shapes(pattern, live, start, 10, 80.0)
    # Powers of two, as iterations with feedback magnify errors of rounding.
    other = refine_shapes(2.0**20 * pattern, live, 32 * start, 10, 80.0)
    torch.testing.assert_close(one.residual, other.residual, rtol=1e-3, atol=1e-5)
