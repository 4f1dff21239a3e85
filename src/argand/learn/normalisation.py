"""Batch normalisation over the batches of all processes, so that several give the same result as one."""

from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm


def share_statistics(network: nn.Module, accelerator: str) -> nn.Module:
    """Make a network's batch normalisations use mean and variance over the batches of all processes.

    Names and values of its weights and statistics do not change. torch has such layers only for GPUs; on the
    CPU, `SharedBatchNorm` is used.
    """
    if accelerator == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(network)
    for layer in network.modules():
        if type(layer) in (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d):
            layer.__class__ = SharedBatchNorm
    return network


class SharedBatchNorm(_BatchNorm):
    """Batch normalisation with mean and variance over all processes; one all-reduce in each direction.

    Input and output [batch, channel, ...]; all processes must call it equally often.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  torch's name
        """Normalise, in at least single precision, and update the running statistics."""
        if not self.training or not distributed.is_initialized():
            return super().forward(input)
        mean, variance, count = _moments(input.float())
        self._keep(mean.detach(), variance.detach() * count / (count - 1).clamp(min=1))
        shape = [1, -1, *[1] * (input.ndim - 2)]
        scale = torch.rsqrt(variance + self.eps)
        whole = (input.float() - mean.view(shape)) * scale.view(shape)
        if self.affine:
            whole = whole * self.weight.view(shape) + self.bias.view(shape)
        return whole.to(input.dtype)

    def _check_input_dim(self, input: Tensor) -> None:  # noqa: A002  torch's name
        """Accept any number of dimensions: the original layer fixed it."""

    def _keep(self, mean: Tensor, variance: Tensor) -> None:
        """Update the running statistics; without a momentum they are the arithmetic mean over all batches."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        share = 1 / self.num_batches_tracked.item() if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
        self.running_var.lerp_(variance.to(self.running_var.dtype), share)


def _moments(values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and variance [channel] over all processes, and the number of values in each.

    Chan, Golub & LeVeque, Am. Stat. 37, 242 (1983): the moments of each process, about its own mean, are
    combined; in double precision the difference of squares loses no significant digits.
    """
    axes = [0, *range(2, values.ndim)]
    own = values.mean(axes).double()
    spread = values.var(axes, correction=0).double()
    count = own.new_full((1,), values.numel() / values.shape[1])
    total, squares, counts = _Sum.apply(  # pyright: ignore[reportGeneralTypeIssues]
        torch.cat([count * own, count * (spread + own.square()), count])
    ).split([len(own), len(own), 1])
    mean = total / counts
    return mean.float(), (squares / counts - mean.square()).clamp(min=0).float(), counts.float()


class _Sum(torch.autograd.Function):
    """Sum over all processes; each one's values enter the loss of all, so gradients are summed too."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        """The sums."""
        return _summed(values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """The sum of all gradients."""
        return _summed(gradient)


def _summed(values: Tensor) -> Tensor:
    total = values.clone()
    distributed.all_reduce(total)
    return total
