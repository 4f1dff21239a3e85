"""The state of a training run on disk: tensors and plain values only, so that reading it runs no code."""

import os
import pickle
from collections.abc import Mapping
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
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise InputError(f"{path}: damaged checkpoint; start again without --resume") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"{path}: not a checkpoint of this version; start again without --resume")
    return content


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
