"""What the published networks learn from: squared errors of densities, then entropies of labels."""

import torch
import torch.nn.functional as F
from jaxtyping import UInt8
from torch import Tensor

from argand.systems.crystals.network import AttentionSegmenter, Vectors, Volume

EMPTY_SHARE = 0.1
"""Of the empty voxels, drawn in training; each stands for ten, so that the loss is right in the mean. By
hand."""

Metrics = dict[str, Tensor]


def density_loss(
    decoded: Volume, density: Volume, mean: Vectors, log_variance: Vectors, kl_weight: float
) -> tuple[Tensor, Metrics]:
    """Mean squared error and weighted divergence from the normal distribution, both for a voxel.

    The divergence is that of a diagonal Gaussian (Kingma & Welling, arXiv 1312.6114, appendix B), over the
    number of voxels. Squares are (e/Å³)².

    The first metric is the share of the boxes' variance that is left unexplained.
    """
    squared = (decoded - density).square().mean()
    divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
    spread = (density - density.mean((1, 2, 3, 4), keepdim=True)).square().mean()
    loss = squared + kl_weight * divergence / density[0].numel()
    metrics = {"unexplained": squared / spread, "squared_error": squared, "divergence": divergence}
    return loss, {name: value.detach() for name, value in metrics.items()}


def species_loss(
    segmenter: AttentionSegmenter,
    decoded: Volume,
    labels: UInt8[Tensor, "batch x y z"],
    generator: torch.Generator | None,
) -> tuple[Tensor, Metrics]:
    """Cross-entropy of a voxel; also how many voxels of balls have a wrong element, emptiness aside.

    With a generator, few of the empty voxels are drawn and stand for all: 95 scores of every voxel would take
    most of a step.
    """
    share = 1.0 if generator is None else EMPTY_SHARE
    drawn = torch.rand(labels.shape, generator=generator, device=labels.device) < share
    kept = (labels > 0) | drawn
    scores = segmenter.scores_of(segmenter.features(decoded).movedim(1, -1)[kept]).float()
    wanted = labels[kept].long()
    weights = torch.where(wanted > 0, 1.0, 1.0 / share)
    loss = (weights * F.cross_entropy(scores, wanted, reduction="none")).sum() / labels.numel()
    with torch.no_grad():
        inside = wanted > 0
        count = inside.sum().clamp(min=1)
        wrong = ((scores[:, 1:].argmax(1) + 1 != wanted) & inside).sum() / count
        missed = ((scores.argmax(1) == 0) & inside).sum() / count
    return loss, {"cross_entropy": loss.detach(), "species_error": wrong, "missed": missed}
