"""Networks by name."""

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import nn

from argand.errors import ConfigError
from argand.nn.cnn import BaselineCNN
from argand.nn.resnet import ResNet
from argand.nn.vit import VisionTransformer

NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "cnn4": BaselineCNN,
    "resnet18": partial(ResNet, depth=18),
    "resnet34": partial(ResNet, depth=34),
    "resnet50": partial(ResNet, depth=50),
    "vit": VisionTransformer,
}
"""Networks that `create_network` builds, by name."""


def create_network(name: str, in_channels: int, out_channels: int, **options: Any) -> nn.Module:
    """Build a network: [batch, in_channels, slow, fast] to [batch, out_channels].

    `options` are the keyword arguments of its class. Raises ConfigError for an unknown name or option.
    """
    if name not in NETWORKS:
        raise ConfigError(f"unknown network {name!r}; choose one of {', '.join(NETWORKS)}")
    try:
        return NETWORKS[name](in_channels, out_channels, **options)
    except TypeError as error:
        raise ConfigError(f"network {name}: {error}; see its keyword arguments") from error
