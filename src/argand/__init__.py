"""Atoms, unit cells and beam geometry from scattering data, with physics-aware neural networks."""

import typing
from pathlib import Path
from typing import Any, Literal

if typing.TYPE_CHECKING:
    from argand.systems.crystals.predict import Predictor as CrystalsPredictor
    from argand.systems.geometry.predict import Predictor as GeometryPredictor
    from argand.systems.molmnist.predict import Predictor as MolmnistPredictor
    from argand.systems.patterson.predict import Predictor as PattersonPredictor

__version__ = "0.2.0"

__all__ = ["__version__", "load"]


@typing.overload
def load(name: Literal["geometry"], weights: str | Path | None = None) -> "GeometryPredictor": ...
@typing.overload
def load(name: Literal["patterson"], weights: str | Path | None = None) -> "PattersonPredictor": ...
@typing.overload
def load(name: Literal["crystals"], weights: str | Path | None = None) -> "CrystalsPredictor": ...
@typing.overload
def load(name: Literal["molmnist"], weights: str | Path | None = None) -> "MolmnistPredictor": ...
@typing.overload
def load(name: str, weights: str | Path | None = None) -> Any: ...
def load(name: str, weights: str | Path | None = None) -> Any:
    """Load the predictor of the system `name` with its shipped weights.

    `weights` is another weights file, or the folder of a training run. For crystals it may also be the name
    of a model, `best`, `symmetric` or `paper`.

    Raises ConfigError for an unknown system and InputError for weights that cannot be read.
    """
    from argand.system import system_module

    module = system_module(name)
    return module.load_predictor() if weights is None else module.load_predictor(weights)


def __dir__() -> list[str]:
    return __all__
