"""Phase retrieval of shapes: from nothing, from an outline, and from a start that is roughly right."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from argand.errors import InputError
from argand.physics.coherent.phase_retrieval import (
    MeasuredMagnitudes,
    gaussian,
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
    found = retrieve(pattern, live, 80.0)
    assert psnr(found.shape, shape) > 30
    assert float(found.residual[0]) < 0.1


def test_more_starts_are_never_further_from_the_pattern():
    _, pattern, live = pair()
    settings: dict[str, Any] = {"rounds": 20, "settling": 5}
    one, two = (retrieve(pattern, live, 80.0, starts=count, **settings) for count in (1, 2))
    assert (two.residual <= one.residual).all()
    with pytest.raises(InputError, match="one start or more"):
        retrieve(pattern, live, 80.0, starts=0)


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
