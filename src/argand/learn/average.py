"""Moving average of a network's weights, which generalises better than the weights of the last step."""

import copy
from collections.abc import Callable

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


class WeightAverage:
    """Exponential moving average of weights and running statistics.

    The averaged weights give activations that differ from the running statistics of batch normalisation, so
    `renormalise` recomputes these before the average is used (as torch's update_bn, after Izmailov et al.,
    UAI 2018).

    The decay grows to `decay` as (1 + n) / (10 + n) with the number of updates n, so that the random initial
    weights are forgotten quickly: the rule of TensorFlow's ExponentialMovingAverage. The default of `decay`,
    about 1000 steps, was chosen by hand.
    """

    def __init__(self, network: nn.Module, decay: float = 0.999) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False).eval()
        self.decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Move the average towards the network's weights after update number `step`, counted from 1."""
        weight = 1 - min(self.decay, (1 + step) / (10 + step))
        current = network.state_dict()
        for name, mean in self.network.state_dict().items():
            if mean.is_floating_point():
                mean.lerp_(current[name].to(mean.dtype), weight)
            else:
                mean.copy_(current[name])

    @property
    def normalises(self) -> bool:
        """Whether the network has batch normalisation layers."""
        return any(self._normalisations())

    def _normalisations(self) -> list[_BatchNorm]:
        return [one for one in self.network.modules() if isinstance(one, _BatchNorm)]

    @torch.no_grad()
    def renormalise(self, run: Callable[[nn.Module], object]) -> None:
        """Recompute the statistics of batch normalisation from the batches that `run` passes through the
        network.

        Everything else, such as dropout, stays in evaluation mode.
        """
        layers = self._normalisations()
        kept = [layer.momentum for layer in layers]
        for layer in layers:
            layer.reset_running_stats()
            # None: the arithmetic mean over all batches.
            layer.momentum = None
            layer.train()
        run(self.network)
        for layer, momentum in zip(layers, kept, strict=True):
            layer.momentum = momentum
            layer.eval()
