"""Network weights in one safetensors file; its header contains all that is needed to rebuild and judge it.

The header is a JSON object under the metadata key `argand`: `system` (its name), `config` (its whole
configuration, `argand.system.to_config`), `seed`, `version` of argand, `training` (on what and for how long)
and `figures` (measured errors).
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import get_ident
from typing import Any, TypeVar

import safetensors
import torch
from safetensors.torch import save
from torch.nn.modules.module import register_module_parameter_registration_hook

from argand.errors import ConfigError, InputError
from argand.io.atomic import make_folder, write_bytes
from argand.io.plain_name import plain_name
from argand.system import from_config

T = TypeVar("T")
N = TypeVar("N", bound=torch.nn.Module)

SUFFIX = ".safetensors"
FILE_NAME = "model.safetensors"
"""File name of the weights in a folder of `argand/weights`."""
BEST_NAME = "best.safetensors"
"""File name of the best weights in the folder of a training run."""

REQUIRED = ("system", "config", "seed", "version")
"""Required header entries."""

_LARGEST = 2**14
"""Largest integer in a configuration. By hand: detector sizes and network widths are smaller."""
_METADATA_KEY = "argand"
_SCALE, _LEVELS = ":scale", 127
"""Name suffix of the scales of a packed tensor, and the largest eight-bit integer."""


def weights_file(path: Path | str) -> Path:
    """The weights file itself, or that of a folder: `model.safetensors`, or the best weights of a training
    run."""
    path = Path(path)
    if path.suffix == SUFFIX:
        return path
    return next((path / name for name in (FILE_NAME, BEST_NAME) if (path / name).is_file()), path / FILE_NAME)


def save_weights(path: Path, state: Mapping[str, torch.Tensor], header: Mapping[str, Any]) -> Path:
    """Write tensors and header to the file `path`, or to `model.safetensors` if `path` is a folder.

    The write is atomic. Raises InputError for a header without the required entries.
    """
    target = path if path.suffix == SUFFIX else path / FILE_NAME
    missing = [key for key in REQUIRED if key not in header]
    if missing:
        raise InputError(f"{target}: the weights' header lacks {', '.join(missing)}")
    make_folder(target.parent)
    # Clones, since safetensors rejects tensors that share memory.
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in state.items()}
    write_bytes(target, save(tensors, metadata={_METADATA_KEY: json.dumps(header)}))
    return target


def load_weights(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Load tensors and header from the weights file, or folder, `path` (see `weights_file`).

    Raises InputError, naming the file, if it is missing, damaged or not written by argand.
    """
    source = weights_file(path)
    try:
        with _open(source) as file:
            header = _header(source, file.metadata())
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no iterator)
        state = _unpacked(tensors)
    except (safetensors.SafetensorError, RuntimeError, ValueError) as error:
        told = " ".join(str(error).split())[:200]
        raise InputError(f"{source}: damaged weights ({told}); download or train them again") from error
    for name, tensor in state.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise InputError(f"{source}: '{name}' contains non-finite numbers; download or train them again")
    return state, header


def system_of(cls: type[T], header: Mapping[str, Any], source: Path) -> T:
    """Build the system of class `cls` from the configuration in a header; InputError, naming the file, if
    that fails."""
    try:
        _require_usual(header["config"])
        return from_config(cls, header["config"])
    except (ConfigError, ArithmeticError, RecursionError, TypeError, ValueError) as error:
        told = " ".join(str(error).split())[:200]
        raise InputError(
            f"{source}: its configuration cannot be used ({told}); give other weights"
        ) from error


def network_of(build: Callable[[], N], state: Mapping[str, torch.Tensor], source: Path) -> N:
    """The network that `build` returns, with the tensors loaded; InputError if they do not fit.

    Building stops as soon as the network needs more weights than there are, before it fills the memory.
    """
    try:
        with _no_more_than(state, source):
            network = build()
    except (ArithmeticError, LookupError, MemoryError, RuntimeError, TypeError, ValueError) as error:
        told = " ".join(str(error).split())[:200]
        raise InputError(f"{source}: no network can be built from it ({told}); give other weights") from error
    restore(network, state, source)
    return network


@contextmanager
def _no_more_than(state: Mapping[str, torch.Tensor], source: Path) -> Iterator[None]:
    """Raise InputError as soon as modules made here have more parameters, or more numbers, than the tensors.

    torch calls the hook when memory for a parameter is set aside, which costs nothing, but not written yet.
    """
    here, numbers, left = get_ident(), sum(tensor.numel() for tensor in state.values()), len(state)

    def count(module: torch.nn.Module, name: str, parameter: torch.nn.Parameter | None) -> None:
        nonlocal numbers, left
        if get_ident() != here or parameter is None:
            return
        numbers, left = numbers - parameter.numel(), left - 1
        if numbers < 0 or left < 0:
            raise InputError(f"{source}: its configuration is that of a larger network; give other weights")

    hook = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()


def _require_usual(config: Any) -> None:
    """ConfigError for integers in a configuration that are too large for any network."""
    parts = list(config.values()) if isinstance(config, Mapping) else config
    for part in parts if isinstance(parts, list) else [parts]:
        if isinstance(part, Mapping | list):
            _require_usual(part)
        elif isinstance(part, int) and abs(part) > _LARGEST:
            raise ConfigError(f"{part:.3g} is too large for the size of a network or of its input")


def packed(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Quantise tensors to a quarter of their size: weights become eight-bit integers.

    Each row (output) has its own scale, stored under `_SCALE`; the error is at most half a step, 1/254 of the
    row's largest weight. Vectors are unchanged. `load_weights` restores floats, which pack to exactly the
    same file.
    """
    found: dict[str, torch.Tensor] = {}
    for name, tensor in state.items():
        if tensor.dim() < 2 or not tensor.is_floating_point():
            found[name] = tensor
            continue
        rows = tensor.detach().float().flatten(1)
        scale = (rows.abs().amax(1) / _LEVELS).clamp_min(torch.finfo(torch.float32).tiny)
        found[name] = (rows / scale[:, None]).round().to(torch.int8).reshape(tensor.shape)
        found[name + _SCALE] = scale
    return found


def is_packed(path: Path) -> bool:
    """Whether the weights of this file are stored in eight bits; errors as for `load_weights`."""
    with _open(weights_file(path)) as file:
        return any(name.endswith(_SCALE) for name in file.keys())  # noqa: SIM118 (no iterator)


def _unpacked(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Invert `packed`."""
    found = {}
    for name, tensor in tensors.items():
        if name.endswith(_SCALE):
            continue
        scale = tensors.get(name + _SCALE)
        found[name] = tensor if scale is None else tensor * scale.reshape(-1, *[1] * (tensor.dim() - 1))
    return found


def read_header(path: Path) -> dict[str, Any]:
    """Header of a weights file or folder, without its tensors; InputError as for `load_weights`."""
    source = weights_file(path)
    with _open(source) as file:
        return _header(source, file.metadata())


def restore(network: torch.nn.Module, state: Mapping[str, torch.Tensor], source: Path) -> None:
    """Load tensors into a network with exactly these names and shapes; InputError if they differ."""
    own = network.state_dict()
    for name in sorted(own.keys() ^ state.keys()):
        raise InputError(f"{source}: '{name}' is on one side only; give the weights of this network")
    for name, tensor in state.items():
        if tensor.shape != own[name].shape:
            raise InputError(
                f"{source}: '{name}' has shape {tuple(tensor.shape)}, the network {tuple(own[name].shape)}"
            )
    network.load_state_dict(dict(state))


def _open(source: Path) -> Any:
    """Open a safetensors file; InputError if it is missing or damaged."""
    if not source.is_file():
        raise InputError(f"{source}: no weights found; give a .safetensors file or the folder of a run")
    try:
        with plain_name(source) as name:
            return safetensors.safe_open(name, framework="pt")
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{source}: damaged weights ({error}); download or train them again") from error


def _header(source: Path, metadata: Mapping[str, str] | None) -> dict[str, Any]:
    """Parse the header from the file's metadata; InputError if it is incomplete."""
    try:
        header = json.loads((metadata or {})[_METADATA_KEY])
    except (KeyError, ValueError, RecursionError) as error:
        raise InputError(f"{source}: not weights of argand, its header is missing or damaged") from error
    if not isinstance(header, dict):
        raise InputError(f"{source}: not weights of argand, its header is not a JSON object")
    missing = [key for key in REQUIRED if key not in header]
    if missing:
        raise InputError(f"{source}: the weights' header lacks {', '.join(missing)}")
    if not isinstance(header["config"], dict) or not isinstance(header["system"], str):
        raise InputError(f"{source}: the weights' header is damaged: config or system has the wrong type")
    return header
