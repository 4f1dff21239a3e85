"""The number format must be the one that is measured to be faster."""

from types import SimpleNamespace

import pytest
import torch

from argand.learn import device
from argand.learn.device import Compute, channels_last, choose_compute, convolution_speed


@pytest.mark.parametrize(("ratio", "precision"), [(0.5, "32-true"), (1.1, "32-true"), (3.0, "bf16-mixed")])
def test_the_processor_computes_in_the_faster_format(
    monkeypatch: pytest.MonkeyPatch, ratio: float, precision: str
):
    speeds = {torch.float32: 100.0, torch.bfloat16: 100.0 * ratio}
    monkeypatch.setattr(device, "convolution_speed", lambda _, dtype=torch.float32: speeds[dtype])
    assert choose_compute("cpu") == Compute("cpu", precision)
    assert choose_compute("cpu", measure=False) == Compute("cpu", "32-true")


def test_a_convolution_is_timed_by_the_fastest_of_at_least_three_repeats(monkeypatch: pytest.MonkeyPatch):
    looks = iter([0.0, 1.0, 5.0, 5.0, 7.0, 8.0, 11.0, 11.0])
    monkeypatch.setattr(device, "time", SimpleNamespace(perf_counter=lambda: next(looks)))
    # 4 images of 64 x 64 px, 64 channels in and out, 9 products and 9 sums each, in 2 s.
    assert convolution_speed(seconds=0.0) == pytest.approx(4 * 64 * 64 * 64 * 64 * 18 / 2.0 / 1e9)


def test_images_are_put_in_channels_last_order():
    batch = {"image": torch.zeros(2, 3, 4, 5), "label": torch.zeros(2)}
    placed = channels_last(batch)
    assert placed["image"].is_contiguous(memory_format=torch.channels_last)
    assert placed["image"].shape == (2, 3, 4, 5)
