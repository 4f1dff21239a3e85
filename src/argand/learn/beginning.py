"""A training that begins from the weights of an earlier one."""

import hashlib
from pathlib import Path

from torch import nn

from argand.errors import InputError
from argand.io.weights import load_weights, weights_file


def described(start: Path) -> str:
    """Name and SHA-256 (its first twelve digits) of a file of weights, and what its header says of its
    training.

    Raises InputError where there is no such file.
    """
    start = weights_file(start)
    _, header = load_weights(start)
    training = header.get("training", {})
    digest = hashlib.sha256(start.read_bytes()).hexdigest()[:12]
    return f"{start.name}, SHA-256 {digest}, {training.get('samples', 'unknown')} samples"


def begin_from(network: nn.Module, start: Path) -> None:
    """Give a network the weights of a file that it has by name and shape; InputError where it has none."""
    state, _ = load_weights(start)
    own = network.state_dict()
    fitting = {name: value for name, value in state.items() if name in own and own[name].shape == value.shape}
    if not fitting:
        raise InputError(f"{start}: none of its weights fits this network; name weights of one like it")
    network.load_state_dict(fitting, strict=False)
