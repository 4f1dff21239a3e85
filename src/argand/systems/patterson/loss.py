"""Squared errors of predicted densities."""

from jaxtyping import Float
from torch import Tensor


def relative_error(prediction: Tensor, target: Tensor) -> Float[Tensor, ""]:
    """Squared error over that of predicting nothing; 0 is perfect, 1 is worth nothing."""
    return (prediction - target).square().sum() / target.square().sum()


def density_loss(prediction: Tensor, target: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Mean squared error, as published, and the relative error as the metric."""
    loss = (prediction - target).square().mean()
    return loss, {"relative_error": relative_error(prediction, target).detach()}
