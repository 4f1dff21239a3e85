"""Training that starts from the weights of an earlier run."""

import hashlib
from pathlib import Path

from torch import nn

from argand.errors import InputError
from argand.io.weights import load_weights, weights_file


def described(start: Path) -> str:
    """Name, SHA-256 (first twelve digits) and number of training samples of a weights file.

    Raises InputError if there is no such file.
    """
    start = weights_file(start)
    _, header = load_weights(start)
    training = header.get("training", {})
    digest = hashlib.sha256(start.read_bytes()).hexdigest()[:12]
    return f"{start.name}, SHA-256 {digest}, {training.get('samples', 'unknown')} samples"


def begin_from(network: nn.Module, start: Path) -> None:
    """Load the weights that match a network in name and shape; InputError if none does."""
    state, _ = load_weights(start)
    own = network.state_dict()
    fitting = {name: value for name, value in state.items() if name in own and own[name].shape == value.shape}
    if not fitting:
        raise InputError(f"{start}: no weights that fit this network; give those of a similar one")
    network.load_state_dict(fitting, strict=False)
