"""Moving average of a network's weights, which generalises better than the last step's."""

import copy

import torch
from torch import nn


class WeightAverage:
    """Exponential moving average of weights and running statistics.

    The decay grows from 0.1 to `decay` as (1 + n) / (10 + n) over the first updates n, so that the random
    start is forgotten quickly: the rule of TensorFlow's ExponentialMovingAverage. The default of
    `decay`, some 1000 steps, is by hand.
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
