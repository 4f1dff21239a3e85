"""Checkpoints of training runs: tensors and plain values only, so that loading one runs no code."""

import json
import math
import os
import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

from argand.errors import ConfigError, InputError
from argand.io.atomic import written

FILE_NAME = "last.ckpt"
"""Name of the checkpoint in a run's folder."""
FORMAT = 1
"""Version of the checkpoint format; raised when older ones can no longer be read."""

_CURE = "choose another folder, or move this run away and start without --resume"
_KINDS = {
    "identity": str,
    "step": int,
    "seconds": int | float,
    "best": dict,
    "network": dict,
    "optimiser": dict,
}
"""Required entries of a run's state."""
_UNREADABLE = (pickle.UnpicklingError, RuntimeError, EOFError, OSError, LookupError, ValueError, TypeError)
_UNREADABLE += (AttributeError, ImportError, ArithmeticError, MemoryError, AssertionError)
"""Exceptions that torch raises for files that are not checkpoints, depending on their bytes."""
_QUOTED = 200
"""Most characters quoted of a torch error. By hand: it lists every weight."""


def save_checkpoint(path: Path, content: Mapping[str, Any]) -> None:
    """Write the run's state to `path`; the old file stays until the new one is complete."""
    # In memory first: torch replaces errors of the disk by its own.
    made = BytesIO()
    torch.save({"format": FORMAT, **content}, made)
    with written(path) as temporary, temporary.open("wb") as file:
        file.write(made.getbuffer())
        file.flush()
        os.fsync(file.fileno())


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Load the run's state from `path`, with tensors on the CPU; InputError if it is missing or damaged."""
    if not path.is_file():
        raise InputError(f"{path}: nothing to resume; start without --resume")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        raise InputError(f"{path}: damaged checkpoint; {_CURE}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"{path}: not a checkpoint of this version; {_CURE}")
    why = _fault(content)
    if why is not None:
        raise InputError(f"{path}: damaged checkpoint, {why}; {_CURE}")
    return content


@contextmanager
def taking_up(path: Path) -> Iterator[None]:
    """Context that raises InputError if a checkpoint does not fit the network or its optimiser."""
    try:
        yield
    except (RuntimeError, LookupError, ValueError, TypeError, AttributeError) as error:
        why = " ".join(str(error).split())[:_QUOTED]
        raise InputError(f"{path}: damaged checkpoint, its state does not fit ({why}); {_CURE}") from error


def _fault(content: Mapping[str, Any]) -> str | None:
    """What is wrong with a run's state; None if nothing is."""
    for key, kinds in _KINDS.items():
        if not isinstance(content.get(key), kinds):
            return f"'{key}' is missing"
    numbers = (content["step"], content["seconds"], content.get("reserve_seconds", 0.0))
    if not all(isinstance(one, int | float) and 0 <= one < math.inf for one in numbers):
        return "invalid steps or seconds"
    try:
        identity = json.loads(content["identity"])
    except (ValueError, RecursionError):
        return "its settings are missing"
    if not isinstance(identity, dict) or not {"precision", "workers"} <= {*identity.get("settings", ())}:
        return "its settings are missing"
    if content["best"].keys() != {"metric", "value", "step"} or math.isnan(content["best"]["value"]):
        return "its best result is missing"
    if not all(torch.isfinite(one).all() for one in _tensors([content["network"], content["optimiser"]])):
        return "its weights are not finite"
    return None


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    """All tensors in nested dicts and lists."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _tensors(item)


def require_same(saved: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Raise ConfigError naming the first setting that differs between the resumed and the saved run."""
    found = first_difference(saved, given)
    if found:
        name, old, new = found
        raise ConfigError(f"the run to resume has {name} = {old!r}, not {new!r}; use the same settings")


def first_difference(
    one: Mapping[str, Any], other: Mapping[str, Any], where: str = ""
) -> tuple[str, Any, Any] | None:
    """Name and both values of the first setting that differs; None if all are the same."""
    for key in sorted(one.keys() | other.keys()):
        old, new, name = one.get(key), other.get(key), f"{where}{key}"
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found = first_difference(old, new, f"{name}.")
            if found:
                return found
        elif old != new:
            return name, old, new
    return None
