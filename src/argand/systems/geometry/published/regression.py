"""The published attempt: whole image in, two numbers out, L1 loss (poster of Lin et al.)."""

from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from argand.physics.still.spot import block_sum

Target = Literal["centre", "tilt"]

IMAGE_CHANNELS = 1
"""The counts alone: no mask, no known distance."""
CENTRE_UNIT = 1 / 400
"""One unit of the network's output as a share of the image's side: about 2 of the poster's 820 px. By hand,
so that centres within 17 px of 2460 give targets of a few units, as tilts in degrees do."""


def published_image(image: np.ndarray, live: np.ndarray, shrink: int) -> np.ndarray:
    """Logarithm of the counts, brought to zero mean and unit variance: [1, slow, fast] float32.

    `shrink` sums blocks of pixels first; the poster used 820x820, at which a network of 18 layers
    takes seconds an image without a GPU. Pixels less than half live count as zero.
    """
    total = np.where(live > 0.5, image, 0.0)
    if shrink > 1:
        total = block_sum(total, shrink)
    value = np.log1p(total)
    return ((value - value.mean()) / max(float(value.std()), 1e-3))[None].astype(np.float32)


def published_target(sample: dict[str, np.ndarray], target: Target) -> np.ndarray:
    """Centre (fast, slow) about the middle in CENTRE_UNIT of a side, or (pitch, yaw) in degrees."""
    if target == "tilt":
        return sample["tilt_deg"].astype(np.float32)
    sides = sample["shape"][::-1]
    return ((sample["beam_centre_px"] / sides - 0.5) / CENTRE_UNIT).astype(np.float32)


def published_loss(network: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    """L1 loss in the units of `published_target`, which is the metric as well."""
    loss = functional.l1_loss(network(batch["image"]), batch["target"])
    return loss, {"l1": loss.detach()}


@torch.no_grad()
def published_predict(
    network: nn.Module, image: np.ndarray, live: np.ndarray, shrink: int, target: Target
) -> np.ndarray:
    """Answer for one image [slow, fast]: centre (fast, slow) in its px, or (pitch, yaw) in degrees.

    `network` is in evaluation mode.
    """
    answer = network(torch.from_numpy(published_image(image, live, shrink))[None])[0].numpy()
    if target == "tilt":
        return answer
    return (0.5 + answer * CENTRE_UNIT) * np.array(image.shape[::-1])
