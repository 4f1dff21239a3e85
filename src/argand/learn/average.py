"""Moving average of a network's weights, which generalises better than the last step's."""

import copy
from collections.abc import Callable

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


class WeightAverage:
    """Exponential moving average of weights and running statistics.

    Averaged weights make other activations than those whose statistics batch normalisation has kept, so
    `renormalise` measures these anew before the average is used (as update_bn does after Izmailov et al., UAI
    2018).

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

    @property
    def normalises(self) -> bool:
        """Whether the network has statistics to measure."""
        return any(self._normalisations())

    def _normalisations(self) -> list[_BatchNorm]:
        return [one for one in self.network.modules() if isinstance(one, _BatchNorm)]

    @torch.no_grad()
    def renormalise(self, run: Callable[[nn.Module], object]) -> None:
        """Take the statistics of batch normalisation from what `run` sends through the network.

        Everything else, such as dropout, stays as in use.
        """
        layers = self._normalisations()
        kept = [layer.momentum for layer in layers]
        for layer in layers:
            layer.reset_running_stats()
            # None: the plain mean over all batches.
            layer.momentum = None
            layer.train()
        run(self.network)
        for layer, momentum in zip(layers, kept, strict=True):
            layer.momentum = momentum
            layer.eval()
