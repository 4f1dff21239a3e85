"""Atoms, cells and beam geometry out of scattering data, with neural networks that know physics."""

from typing import Any

__version__ = "0.1.0"


def load(name: str, weights: Any = None) -> Any:
    """Predictor of the system `name` with its shipped weights, or with those in the folder `weights`.

    Raises ConfigError for an unknown system and InputError for weights that cannot be read.
    """
    from argand.system import system_module

    module = system_module(name)
    return module.load_predictor() if weights is None else module.load_predictor(weights)
