"""The published attempt: whole image in, centre or tilt out, L1 loss (poster of Lin et al.)."""

from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from argand.physics.still.spot import block_sum

Target = Literal["centre", "tilt", "both"]
"""Target of a network. The poster trained one network for each; with `both`, one network learns all four."""
NUMBERS = {"centre": 2, "tilt": 2, "both": 4}
"""Outputs of a network for each target: two along the fast and the slow axis, pitch and yaw, or all four."""

IMAGE_CHANNELS = 1
"""The counts alone: no mask, no known distance."""
CENTRE_UNIT = 1 / 400
"""One unit of the network's output as a share of the image's side: about 2 of the poster's 820 px. By hand,
so that centres within 17 px of 2460 give targets of a few units, as tilts in degrees do."""


def published_image(image: np.ndarray, live: np.ndarray, shrink: int) -> np.ndarray:
    """Logarithm of the counts, scaled to zero mean and unit variance: [1, slow, fast] float32.

    `shrink` sums blocks of pixels first; the poster used 820x820, at which a network of 18 layers
    takes seconds per image without a GPU. Pixels less than half live count as zero.
    """
    total = np.where(live > 0.5, image, 0.0)
    if shrink > 1:
        total = block_sum(total, shrink)
    value = np.log1p(total)
    return ((value - value.mean()) / max(float(value.std()), 1e-3))[None].astype(np.float32)


def published_target(sample: dict[str, np.ndarray], target: Target) -> np.ndarray:
    """Centre (fast, slow) about the middle in CENTRE_UNIT of a side, (pitch, yaw) in degrees, or both."""
    tilt = sample["tilt_deg"].astype(np.float32)
    sides = sample["shape"][::-1]
    centre = ((sample["beam_centre_px"] / sides - 0.5) / CENTRE_UNIT).astype(np.float32)
    return {"centre": centre, "tilt": tilt, "both": np.concatenate([centre, tilt])}[target]


def published_loss(network: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    """L1 loss in the units of `published_target`, also used as the metric.

    If a network learns both, `centre_l1` and `tilt_l1` are its parts.
    """
    error = (network(batch["image"]) - batch["target"]).abs()
    loss = error.mean()
    metrics = {"l1": loss.detach()}
    if error.shape[1] == NUMBERS["both"]:
        metrics |= {"centre_l1": error[:, :2].mean().detach(), "tilt_l1": error[:, 2:].mean().detach()}
    return loss, metrics


@torch.no_grad()
def published_predict(
    network: nn.Module, image: np.ndarray, live: np.ndarray, shrink: int, target: Target
) -> np.ndarray:
    """Prediction for one image [slow, fast]: centre (fast, slow) in its px, (pitch, yaw) in degrees, or all
    four.

    `network` is in evaluation mode.
    """
    answer = network(torch.from_numpy(published_image(image, live, shrink))[None])[0].numpy()
    if target != "tilt":
        answer[:2] = (0.5 + answer[:2] * CENTRE_UNIT) * np.array(image.shape[::-1])
    return answer
