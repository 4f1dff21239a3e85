"""Models by their names, and by what is kept beside their vectors."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from argand.errors import ConfigError, InputError
from argand.io.resource import shipped_weights
from argand.system import from_config
from argand.systems.crystals.latent.representation import Representation, representation_of
from argand.systems.crystals.latent.symmetric.representation import SymmetricRepresentation
from argand.systems.crystals.models.boxes import PublishedModel
from argand.systems.crystals.models.fourier import FourierModel
from argand.systems.crystals.models.interface import Model
from argand.systems.crystals.models.symmetric import SymmetricModel

PAPER_WEIGHTS = shipped_weights("crystals-paper")
MODELS = ("best", "symmetric", "paper")


def named_model(
    name: str = "best",
    numbers: int | None = None,
    weights: Path | None = None,
    is_single: bool = False,
    as_given: bool = False,
    keeps_setting: bool = False,
) -> Model:
    """The model `best` of 512 numbers or so many, `symmetric` (64), or `paper`: the linear code, or weights'.

    With `as_given`, `best` encodes crystals in the setting that they have, not in their canonical one.
    `symmetric` keeps the cell and origin given, if that is asked for; `paper` has its own weights or others.
    ConfigError for an unknown name, too few numbers, or options of another model.
    """
    if name not in MODELS:
        raise ConfigError(f"unknown model '{name}'; choose {', '.join(MODELS)}")
    if name != "paper" and (weights is not None or is_single):
        raise ConfigError("weights and single cells belong to the published interface; add --model paper")
    if name != "symmetric" and keeps_setting:
        raise ConfigError("only the model symmetric has a choice to keep the setting; add --model symmetric")
    if name == "best":
        length = Representation() if numbers is None else representation_of(numbers)
        return FourierModel(replace(length, as_given=as_given))
    if as_given:
        raise ConfigError(f"the model {name} has no canonical setting; omit --as-given")
    if name == "symmetric":
        short = SymmetricRepresentation(keeps_setting=keeps_setting)
        return SymmetricModel(short if numbers is None else replace(short, numbers=numbers))
    own = PublishedModel(view="single" if is_single else "repeating")
    return own if weights is None else replace(own, weights=str(weights), code="")


def model_of(config: Mapping[str, Any]) -> Model:
    """The model that made latents; InputError or ConfigError where the configuration is of none."""
    if "model" not in config:
        return FourierModel(from_config(Representation, config))
    fields = {key: value for key, value in config.items() if key != "model"}
    if config["model"] == "symmetric":
        return SymmetricModel(from_config(SymmetricRepresentation, fields))
    if config["model"] != "paper":
        raise InputError(f"vectors of an unknown model '{config['model']}'")
    if not config.get("weights") and config.get("code") != "linear":
        raise InputError("vectors of networks that argand no longer ships; encode the structures again")
    return from_config(PublishedModel, fields)
