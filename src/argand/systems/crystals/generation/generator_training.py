"""What the networks that draw crystals have in common in training: optimiser and weights."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from argand.io.weights import load_weights, network_of, system_of


def short_run_optimiser(
    network: nn.Module, learning_rate: float, weight_decay: float
) -> tuple[torch.optim.Optimizer, Any]:
    """AdamW, with a warm-up and a half cosine down to a hundredth."""
    settings: dict[str, Any] = {"lr": learning_rate, "weight_decay": weight_decay}
    # Betas by hand: a shorter memory of squares than usual, for short runs. In one kernel: the loop over
    # tensors takes an eighth of a step otherwise.
    return torch.optim.AdamW(network.parameters(), betas=(0.9, 0.98), fused=True, **settings), _course


def _course(progress: float) -> float:
    """Factor on the learning rate: up in the first 3 %, down along half a cosine, to 1 %. By hand."""
    return max(min(progress / 0.03, 0.5 * (1 + float(np.cos(np.pi * progress)))), 0.01)


def trained_network(system: type[Any], weights: Path) -> Any:
    """The network of a system with the weights of a file; InputError as these have it."""
    state, header = load_weights(weights)
    return network_of(system_of(system, header, weights).network, state, weights).eval()
