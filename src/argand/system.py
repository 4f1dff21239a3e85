"""The interface of a system, the list of systems, and how a configuration is stored.

A system is a frozen dataclass; its fields are its whole configuration. Its module, `argand.systems.<name>`,
provides `SYSTEM` (that class), `PRESETS` (named instances), `load_predictor(path)` (from weights),
`selftest()`, and the module `cli`, where `app` contains the verbs of `argand <name>`.
"""

import difflib
import importlib
import pkgutil
import sys
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from types import ModuleType, NoneType, UnionType
from typing import Any, Literal, Protocol, TypeVar, Union, get_args, get_origin, runtime_checkable

from argand.errors import ConfigError

if typing.TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor, nn

SYSTEMS = {
    "geometry": "argand.systems.geometry",
    "patterson": "argand.systems.patterson",
    "crystals": "argand.systems.crystals",
    "molmnist": "argand.systems.molmnist",
}
"""Name of each system -> its module."""

Sample = dict[str, "np.ndarray"]
"""One simulated physical sample, or the network's inputs from it: named arrays of fixed shapes."""

Batch = dict[str, "Tensor"]
"""Samples stacked into named tensors `[batch, ...]`."""

Schedule = Callable[[float], float]
"""Learning-rate factor as a function of progress, from 0 (start) to 1 (budget used up)."""

T = TypeVar("T")


@runtime_checkable
class System(Protocol):
    """One of argand's systems; the result of each method depends only on the fields and the arguments."""

    def simulate(self, index: int, seed: int) -> Sample:
        """Simulate sample number `index`: images, labels, parameters; determined by index and seed."""
        ...

    def inputs(self, sample: Sample) -> Sample:
        """The features and labels that the network trains on, in the same shapes for all samples."""
        ...

    def network(self) -> "nn.Module":
        """A network with random initial weights from torch's global generator."""
        ...

    def loss(
        self, network: "nn.Module", batch: Batch, generator: "torch.Generator | None" = None
    ) -> "tuple[Tensor, Batch]":
        """Scalar loss and detached metrics; the first metric (lower is better) selects the best weights.

        The generator, seeded by the step, is for augmentation; it is None in validation. Runs under autocast:
        compute likelihoods from `output.float()`.
        """
        ...

    def optimiser(self, network: "nn.Module") -> "tuple[torch.optim.Optimizer, Schedule | None]":
        """Optimiser of the network's weights, and the learning-rate schedule of a run."""
        ...


@runtime_checkable
class BatchSimulator(Protocol):
    """Optional interface of a system that simulates samples faster together than one by one."""

    def many_inputs(self, indices: range, seed: int) -> list[Sample]:
        """`inputs(simulate(index, seed))` for each index; determined by the indices and the seed."""
        ...


def inputs_of(system: System, indices: range, seed: int) -> list[Sample]:
    """The network's inputs for the samples with these indices."""
    if isinstance(system, BatchSimulator):
        return system.many_inputs(indices, seed)
    return [system.inputs(system.simulate(index, seed)) for index in indices]


def system_module(name: str) -> ModuleType:
    """Module of the system `name`; raises ConfigError for an unknown name."""
    if name not in SYSTEMS:
        raise ConfigError(f"unknown system '{name}'{near_match(name, SYSTEMS)}")
    return importlib.import_module(SYSTEMS[name])


def loaded_late(
    package: str, homes: Mapping[str, tuple[str, str | None]]
) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """The `__all__`, `__getattr__` and `__dir__` of a package that imports names on first access.

    This keeps `argand --help` fast, while `dir` still lists all names. `homes` maps each name to its module
    in the package and its name there; None stands for the module itself.
    """

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, attribute = homes[name]
        home = importlib.import_module(f"{package}.{module}")
        return home if attribute is None else getattr(home, attribute)

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return sorted(homes), find, names


def listed_modules(
    package: str, path: Iterable[str]
) -> tuple[list[str], Callable[[str], ModuleType], Callable[[], list[str]]]:
    """The `__all__`, `__getattr__` and `__dir__` of a package that exports only its modules.

    Modules are imported on first access. `path` is the package's `__path__`.
    """
    modules = sorted(found.name for found in pkgutil.iter_modules(path))

    def find(name: str) -> ModuleType:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return importlib.import_module(f"{package}.{name}")

    return modules, find, lambda: sorted({*vars(sys.modules[package]), *modules})


def preset(name: str, presets: Mapping[str, T]) -> T:
    """The preset `name`; raises ConfigError with the closest match for an unknown name."""
    if name not in presets:
        known = ", ".join(presets)
        raise ConfigError(f"unknown preset '{name}'{near_match(name, presets)}; presets: {known}")
    return presets[name]


def near_match(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the known name closest to a mistyped one, or an empty string."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean '{matches[0]}'?" if matches else ""


def to_config(value: Any) -> Any:
    """Configuration as plain dicts, lists, strings and numbers, ready for JSON.

    Accepts (nested) dataclasses, tuples, lists, dicts, strings, numbers and None; else ConfigError.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_config(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_config(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_config(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ConfigError(
        f"a configuration cannot contain a {type(value).__name__}; use numbers, strings or dataclasses"
    )


def from_config(cls: type[T], config: Mapping[str, Any]) -> T:
    """Rebuild a dataclass `cls` from the output of `to_config`; missing keys take their defaults.

    Raises ConfigError for an unknown key (naming the closest match), a missing one, or a wrong value.
    """
    hints = typing.get_type_hints(cls)
    known = {field.name: field for field in fields(cls) if field.init}  # pyright: ignore[reportArgumentType]
    for key in config:
        if key not in known:
            raise ConfigError(f"{cls.__name__} has no setting '{key}'{near_match(key, known)}")
    for name, field in known.items():
        if name not in config and field.default is MISSING and field.default_factory is MISSING:
            raise ConfigError(f"{cls.__name__} needs the setting '{name}'")
    return cls(**{key: _read(hints[key], value, f"{cls.__name__}.{key}") for key, value in config.items()})


def _read(hint: Any, value: Any, where: str) -> Any:
    """Convert a JSON value to the annotated type `hint`."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if is_dataclass(hint) and isinstance(hint, type) and isinstance(value, Mapping):
        return from_config(hint, value)
    if origin in (Union, UnionType):
        return _read_union(arguments, value, where)
    if origin is Literal and value in arguments:
        return value
    if origin in (tuple, list) and isinstance(value, list | tuple):
        return _read_sequence(origin, arguments, value, where)
    if origin is dict and isinstance(value, Mapping):
        return {key: _read(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    return _read_scalar(hint, value, where)


def _read_union(options: tuple[Any, ...], value: Any, where: str) -> Any:
    """Value of the first option that accepts it; the last option's error if none does."""
    if value is None and NoneType in options:
        return None
    options = tuple(option for option in options if option is not NoneType)
    for option in options[:-1]:
        try:
            return _read(option, value, where)
        except ConfigError:
            continue
    return _read(options[-1], value, where)


def _read_sequence(origin: Any, arguments: tuple[Any, ...], value: Any, where: str) -> Any:
    """Tuple or list, each item converted to its annotated type."""
    if origin is tuple and Ellipsis not in arguments:
        if len(arguments) != len(value):
            raise ConfigError(f"{where} takes {len(arguments)} values, not {len(value)}")
        return tuple(_read(hint, item, where) for hint, item in zip(arguments, value, strict=True))
    return origin(_read(arguments[0], item, where) for item in value)


def _read_scalar(hint: Any, value: Any, where: str) -> Any:
    """Number, string or boolean; an int is accepted as a float, never the reverse."""
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    boolean_matches = isinstance(value, bool) == (hint is bool)
    if isinstance(hint, type) and isinstance(value, hint) and boolean_matches:
        return value
    name = (
        " or ".join(map(repr, get_args(hint)))
        if get_origin(hint) is Literal
        else getattr(hint, "__name__", hint)
    )
    raise ConfigError(f"{where} cannot be {value!r}; it takes {name}")


def system_name(system: System) -> str:
    """Name under which the system's module is listed; the name of its class if it is not listed."""
    module = type(system).__module__
    listed = (name for name, path in SYSTEMS.items() if module == path or module.startswith(f"{path}."))
    return next(listed, type(system).__name__)
