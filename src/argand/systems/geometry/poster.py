"""The published attempt: whole image in, two numbers out, L1 loss (poster of Lin et al.)."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from argand.physics.spot import block_sum

IMAGE_CHANNELS = 1
CENTRE_SCALE = 10.0
"""Downsampled px to one unit of the network's output."""


def poster_image(image: np.ndarray, live: np.ndarray, shrink: int) -> np.ndarray:
    """Logarithm of the counts, gaps at zero, scaled to about one: [1, slow, fast] float32.

    `shrink` sums blocks of pixels first; the poster used 820x820, at which a network of 18 layers
    takes seconds an image without a GPU.
    """
    total = np.where(live > 0.5, image, 0.0)
    if shrink > 1:
        total = block_sum(total, shrink)
    value = np.log1p(total)
    return (value / max(float(value.mean()), 1e-6) - 1.0)[None].astype(np.float32)


def poster_target(sample: dict[str, np.ndarray], target: str) -> np.ndarray:
    """Centre about the image's middle in units of CENTRE_SCALE px, or (pitch, yaw) in degrees."""
    if target == "tilt":
        return sample["tilt_deg"].astype(np.float32)
    middle = sample["shape"][::-1] / 2.0
    return ((sample["beam_centre_px"] - middle) / CENTRE_SCALE).astype(np.float32)


def poster_loss(network: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    """L1 loss; the metric is in downsampled px per axis for centres, degrees for tilts (scaled back)."""
    loss = functional.l1_loss(network(batch["image"]), batch["target"])
    return loss, {"l1": loss.detach()}


@torch.no_grad()
def poster_predict(network: nn.Module, image: np.ndarray, live: np.ndarray, shrink: int, target: str) -> np.ndarray:
    """Answer for one image: centre (fast, slow) in its px, or (pitch, yaw) in degrees."""
    answer = network(torch.from_numpy(poster_image(image, live, shrink))[None])[0].numpy()
    if target == "tilt":
        return answer
    return answer * CENTRE_SCALE + np.array(image.shape[::-1]) / 2.0
