"""The state of a training run on disk: tensors and plain values only, so that reading it runs no code."""

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
"""Number of the form of checkpoints; raised where older ones can no longer be read."""

_CURE = "name another folder, or move this run away and start without --resume"
_KINDS = {
    "identity": str,
    "step": int,
    "seconds": int | float,
    "best": dict,
    "network": dict,
    "optimiser": dict,
}
"""What a run's state must hold."""
_UNREADABLE = (pickle.UnpicklingError, RuntimeError, EOFError, OSError, LookupError, ValueError, TypeError)
_UNREADABLE += (AttributeError, ImportError, ArithmeticError, MemoryError, AssertionError)
"""What torch raises for files that are no checkpoints, by what their bytes happen to mean."""
_QUOTED = 200
"""Most letters of an error of torch that are quoted. By hand: it names every weight."""


def save_checkpoint(path: Path, content: Mapping[str, Any]) -> None:
    """Write the run's state to `path`; the file before it stays until the new one is whole."""
    # In memory first: torch hides what the disk refuses behind errors of its own.
    made = BytesIO()
    torch.save({"format": FORMAT, **content}, made)
    with written(path) as temporary, temporary.open("wb") as file:
        file.write(made.getbuffer())
        file.flush()
        os.fsync(file.fileno())


def load_checkpoint(path: Path) -> dict[str, Any]:
    """The run's state from `path`, its tensors on the CPU; InputError when it is missing or damaged."""
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
    """Tell, as InputError, that what a checkpoint holds does not fit the network or its optimiser."""
    try:
        yield
    except (RuntimeError, LookupError, ValueError, TypeError, AttributeError) as error:
        why = " ".join(str(error).split())[:_QUOTED]
        raise InputError(f"{path}: damaged checkpoint, its state does not fit ({why}); {_CURE}") from error


def _fault(content: Mapping[str, Any]) -> str | None:
    """What is wrong with a run's state, None where nothing is."""
    for key, kinds in _KINDS.items():
        if not isinstance(content.get(key), kinds):
            return f"without its '{key}'"
    numbers = (content["step"], content["seconds"], content.get("reserve_seconds", 0.0))
    if not all(isinstance(one, int | float) and 0 <= one < math.inf for one in numbers):
        return "with impossible steps or seconds"
    try:
        identity = json.loads(content["identity"])
    except (ValueError, RecursionError):
        return "without its settings"
    if not isinstance(identity, dict) or not {"precision", "workers"} <= {*identity.get("settings", ())}:
        return "without its settings"
    if content["best"].keys() != {"metric", "value", "step"} or math.isnan(content["best"]["value"]):
        return "without its best result"
    if not all(torch.isfinite(one).all() for one in _tensors([content["network"], content["optimiser"]])):
        return "with weights that are not finite"
    return None


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    """All tensors of dicts and lists in each other."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _tensors(item)


def require_same(saved: Mapping[str, Any], given: Mapping[str, Any], where: str = "") -> None:
    """Raise ConfigError naming the first setting in which a resumed run differs from the saved one."""
    for key in sorted(saved.keys() | given.keys()):
        old, new, name = saved.get(key), given.get(key), f"{where}{key}"
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            require_same(old, new, f"{name}.")
        elif old != new:
            raise ConfigError(
                f"the run to resume has {name} = {old!r}, not {new!r}; give it the same settings"
            )
