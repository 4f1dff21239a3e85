"""What the published networks and ours learn from: errors of densities, entropies and codes of labels."""

import torch
import torch.nn.functional as F
from jaxtyping import UInt8
from torch import Tensor

from argand.systems.crystals.density.refiner import CODE_DIMS, Maps
from argand.systems.crystals.latent.element_codes import codes
from argand.systems.crystals.network import AttentionSegmenter, Vectors, Volume

EMPTY_SHARE = 0.1
"""Of the empty voxels, drawn in training: all of them say little more. By hand."""
BALL_SHARE = 0.5
"""Of the entropy, what voxels of balls weigh together, however few they are: with each voxel weighing the
same the least loss in reach calls all of them empty. By hand."""
OCCUPIED_WEIGHT = 4.0
"""Of a voxel of a ball in the entropy of occupation, beside an empty one; there are 20 times fewer. By
hand."""
KL_WEIGHT, SPECIES_WEIGHT = 5.0, 0.1
"""Of the divergence's mean over the latent, and of the entropy, beside the squared error: the published
code's joint loss."""
UNEXPLAINED_WEIGHT, LATENT_WEIGHT = 10.0, 1e-3
"""Of the share of the variance that refined densities leave, and of the divergence's mean, beside the errors
of occupation and element codes. By hand: so that none is lost beside the others."""

Metrics = dict[str, Tensor]


def density_loss(
    decoded: Volume, density: Volume, mean: Vectors, log_variance: Vectors, kl_weight: float
) -> tuple[Tensor, Metrics]:
    """Mean squared error and weighted divergence from the normal distribution, both for a voxel.

    The divergence (`divergence_of`) is over the number of voxels. Squares are (e/Å³)².

    The first metric is the share of the boxes' variance that is left unexplained.
    """
    squared = (decoded - density).square().mean()
    divergence = divergence_of(mean, log_variance).sum(1).mean()
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

    Balls and emptiness weigh the same in every batch (`BALL_SHARE`). With a generator, few of the empty
    voxels are drawn: 95 scores of every voxel would take most of a step."""
    share = 1.0 if generator is None else EMPTY_SHARE
    drawn = torch.rand(labels.shape, generator=generator, device=labels.device) < share
    kept = (labels > 0) | drawn
    scores = segmenter.scores_of(segmenter.features(decoded).movedim(1, -1)[kept]).float()
    wanted = labels[kept].long()
    inside = wanted > 0
    count = inside.sum().clamp(min=1)
    empty = (~inside).sum().clamp(min=1)
    weights = torch.where(inside, BALL_SHARE / count, (1 - BALL_SHARE) / empty)
    loss = (weights * F.cross_entropy(scores, wanted, reduction="none")).sum()
    with torch.no_grad():
        wrong = ((scores[:, 1:].argmax(1) + 1 != wanted) & inside).sum() / count
        missed = ((scores.argmax(1) == 0) & inside).sum() / count
    return loss, {"cross_entropy": loss.detach(), "species_error": wrong, "missed": missed}


def joint_loss(
    decoded: Volume,
    density: Volume,
    mean: Vectors,
    log_variance: Vectors,
    segmenter: AttentionSegmenter,
    labels: UInt8[Tensor, "batch x y z"],
    generator: torch.Generator | None,
) -> tuple[Tensor, Metrics]:
    """The published code's loss: squared error, 5 times the mean divergence, 0.1 of the entropy of voxels."""
    squared, metrics = density_loss(decoded, density, mean, log_variance, 0.0)
    entropy, others = species_loss(segmenter, decoded, labels, generator)
    divergence = divergence_of(mean, log_variance).mean()
    return squared + KL_WEIGHT * divergence + SPECIES_WEIGHT * entropy, metrics | others


def refiner_loss(
    maps: Maps,
    density: Volume,
    labels: UInt8[Tensor, "batch x y z"],
    mean: Vectors,
    log_variance: Vectors,
) -> tuple[Tensor, Metrics]:
    """Unexplained variance of densities, entropy and overlap of occupation, and codes inside balls.

    The overlap is Dice's (Milletari et al., arXiv 1606.04797); codes have squared errors. The first metric,
    which picks the best weights, is the sum of all but the divergence.
    """
    decoded, score, found = maps
    inside = (labels > 0)[:, None]
    spread = (density - density.mean((1, 2, 3, 4), keepdim=True)).square().mean()
    unexplained = (decoded - density).square().mean() / spread
    truth = inside.float()
    weight = score.new_tensor(OCCUPIED_WEIGHT)
    entropy = F.binary_cross_entropy_with_logits(score, truth, pos_weight=weight)
    chance = torch.sigmoid(score)
    overlap = 1 - (2 * (chance * truth).sum() + 1) / (chance.sum() + truth.sum() + 1)
    table = torch.from_numpy(codes(CODE_DIMS)).to(found)
    numbers = labels[labels > 0].long() - 1
    at_atoms = found.movedim(1, -1)[labels > 0]
    off = (at_atoms - table[numbers]).square().sum(1).mean() if len(numbers) else found.sum() * 0
    errors = UNEXPLAINED_WEIGHT * unexplained + entropy + overlap + off
    loss = errors + LATENT_WEIGHT * divergence_of(mean, log_variance).mean()
    with torch.no_grad():
        named = torch.cdist(at_atoms.float(), table).argmin(1)
        metrics = {
            "errors": errors,
            "unexplained": unexplained,
            "occupation_overlap": 1 - overlap,
            "missed": ((score <= 0) & inside).sum() / inside.sum().clamp(min=1),
            "species_error": (named != numbers).float().mean(),
        }
    return loss, {name: value.detach() for name, value in metrics.items()}


def divergence_of(mean: Vectors, log_variance: Vectors) -> Vectors:
    """Of each number of a diagonal Gaussian from the normal distribution (arXiv 1312.6114, appendix B)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
