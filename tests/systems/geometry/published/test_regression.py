"""What the poster's networks see and say is in the units that their errors are reported in."""

import numpy as np
import pytest
import torch
from torch import nn

from argand.systems.geometry.published.regression import (
    CENTRE_UNIT,
    published_image,
    published_loss,
    published_predict,
    published_target,
)


class Fixed(nn.Module):
    """Says the same of every image."""

    def __init__(self, answer: np.ndarray) -> None:
        super().__init__()
        self.answer = torch.as_tensor(answer, dtype=torch.float32)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.answer.expand(len(image), -1)


SAMPLE = {
    "shape": np.array([80.0, 160.0]),
    "beam_centre_px": np.array([84.0, 38.0]),
    "tilt_deg": np.array([1.5, -0.5]),
}
IMAGE = np.random.default_rng(0).poisson(20.0, (80, 160)).astype(np.float32)
LIVE = np.ones_like(IMAGE)


def test_a_network_that_says_the_label_predicts_the_centre():
    network = Fixed(published_target(SAMPLE, "centre"))
    assert published_predict(network, IMAGE, LIVE, 2, "centre") == pytest.approx(SAMPLE["beam_centre_px"])


def test_a_network_that_says_the_label_predicts_the_tilt():
    network = Fixed(published_target(SAMPLE, "tilt"))
    assert published_predict(network, IMAGE, LIVE, 2, "tilt") == pytest.approx(SAMPLE["tilt_deg"])


def test_a_network_of_both_says_centre_and_tilt_and_tells_their_errors_apart():
    label = published_target(SAMPLE, "both")
    found = published_predict(Fixed(label), IMAGE, LIVE, 2, "both")
    assert found == pytest.approx([*SAMPLE["beam_centre_px"], *SAMPLE["tilt_deg"]])
    wrong = torch.from_numpy(label + np.array([1.0, 0.0, 0.0, 0.5], np.float32))[None]
    batch = {"image": torch.from_numpy(published_image(IMAGE, LIVE, 1))[None], "target": wrong}
    _, metrics = published_loss(Fixed(label), batch)
    assert float(metrics["centre_l1"]) == pytest.approx(0.5)
    assert float(metrics["tilt_l1"]) == pytest.approx(0.25)
    assert float(metrics["l1"]) == pytest.approx(0.375)


def test_the_middle_of_the_image_is_the_zero_of_the_centre():
    middle = {**SAMPLE, "beam_centre_px": np.array([80.0, 40.0])}
    assert published_target(middle, "centre") == pytest.approx([0, 0])


def test_loss_is_the_mean_error_in_units_of_the_label():
    wrong = {**SAMPLE, "beam_centre_px": SAMPLE["beam_centre_px"] + [160 * CENTRE_UNIT, 0]}
    batch = {
        "image": torch.from_numpy(published_image(IMAGE, LIVE, 1))[None],
        "target": torch.from_numpy(published_target(wrong, "centre"))[None],
    }
    loss, metrics = published_loss(Fixed(published_target(SAMPLE, "centre")), batch)
    assert float(loss) == pytest.approx(0.5)
    assert float(metrics["l1"]) == pytest.approx(0.5)


def test_every_image_has_the_same_mean_and_variance():
    for level in (1.0, 1000.0):
        value = published_image(np.float32(level) * IMAGE, LIVE, 2)
        assert value.shape == (1, 40, 80)
        assert (value.mean(), value.std()) == pytest.approx((0, 1), abs=1e-4)


def test_counts_of_dead_pixels_are_not_seen():
    live = LIVE.copy()
    live[10:14, 20:30] = 0
    spoilt = IMAGE.copy()
    spoilt[10:14, 20:30] = 1e6
    assert np.array_equal(published_image(IMAGE, live, 4), published_image(spoilt, live, 4))
