"""Anybody's model: a function from patterns to answers, and what is asked of it.

    predict(patterns, live, window_side) -> {"shape": ..., "fibril": ..., "twist_deg_per_nm": ...}

`patterns` float32 [n, size, size], as the detector gives them, q = 0 in pixel [size // 2, size // 2]; `live`
bool [n, size, size], False where nothing is measured; `window_side` of the shapes in Å. The answer has any
of: `shape` [n, size, size] on any scale; on `standard` `fibril` [n], numbers in FIBRILS, or
`fibril_probability` [n, 10], and `twist_deg_per_nm` [n], whose sign no projection tells; on `hard` `chains`
[n], any real number, `outline` [n], numbers in OUTLINES, or `outline_probability` [n, 4], and `turn_deg` [n],
the angle between both ends, without a sign; on a set of other objects `kind` [n], numbers of its own.
"""

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Bool, Int

from argand.errors import ConfigError, InputError
from argand.io.resource import shipped_weights
from argand.io.weights import load_weights, network_of, system_of
from argand.systems.molmnist.fibril.bundle import OUTLINES
from argand.systems.molmnist.fibril.fibril import FIBRILS
from argand.systems.molmnist.system import Molmnist

ModelAnswer = dict[str, np.ndarray]
PUBLISHED = shipped_weights("molmnist-published") / "model.safetensors"
PUBLISHED_ALIGNED = shipped_weights("molmnist-published-aligned") / "model.safetensors"
KINDS = {"fibril": len(FIBRILS), "outline": len(OUTLINES)}
"""Answers that are numbers of a kind, and how many kinds there are."""
_PROBABILITIES = {f"{kind}_probability": count for kind, count in KINDS.items()}
Model = Callable[[np.ndarray, np.ndarray, float], Mapping[str, Any]]


def find_model(name: str) -> Model:
    """The function that `module:function` names, also of the current folder; ConfigError for none."""
    module, separator, function = name.partition(":")
    if not separator or not module or not function:
        raise ConfigError(f"'{name}' is not a model; write module:function, such as mymodel:predict")
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found = getattr(importlib.import_module(module), function, None)
    except Exception as error:
        raise ConfigError(f"{module} cannot be imported: {_first_line(error)}") from error
    if not callable(found):
        raise ConfigError(f"{module} has no function '{function}'")
    return cast(Model, found)


def published_model(weights: Path = PUBLISHED) -> Model:
    """The published encoder-decoder, by default as trained on `standard`; InputError without weights."""
    state, header = load_weights(weights)
    network = network_of(system_of(Molmnist, header, weights).network, state, weights).eval()

    @torch.inference_mode()
    def predict(patterns: np.ndarray, live: np.ndarray, window_side: float) -> ModelAnswer:
        root = np.sqrt(patterns.astype(np.float32))
        root /= root.max((1, 2), keepdims=True)
        return {"shape": network(torch.from_numpy(root)[:, None])[:, 0].clamp_min(0).numpy()}

    return predict


def ask(model: Model, patterns: np.ndarray, live: np.ndarray, window_side: float) -> ModelAnswer:
    """A model's answer to a batch, checked; InputError where it raises or answers something else."""
    try:
        answer = model(patterns, live, window_side)
    except Exception as error:
        raise InputError(f"the model failed: {_first_line(error)}") from error
    if not isinstance(answer, Mapping):
        raise InputError(f"the model answered a {type(answer).__name__}; it must be a dict")
    found = {key: _checked(key, value, patterns.shape) for key, value in answer.items()}
    for name in _PROBABILITIES.keys() & found.keys():
        found.setdefault(name.removesuffix("_probability"), found.pop(name).argmax(1))
    if not found:
        raise InputError("the model answered nothing; it must have a shape, a fibril or another answer")
    return found


def _checked(key: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    """One kind of answer as an array of the right shape, all finite."""
    one = shape[:1]
    expected = {"shape": shape, **{name: (*one, count) for name, count in _PROBABILITIES.items()}}
    expected |= dict.fromkeys((*KINDS, "kind", "twist_deg_per_nm", "chains", "turn_deg"), one)
    if key not in expected:
        raise InputError(f"the model answered '{key}'; known are {', '.join(expected)}")
    try:
        found = np.asarray(value, dtype=np.float32)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"the model's '{key}' is not an array of numbers") from error
    if found.shape != expected[key]:
        raise InputError(f"the model's '{key}' is {_size(found.shape)}; it must be {_size(expected[key])}")
    if not np.isfinite(found).all():
        raise InputError(f"the model's '{key}' has values that are not finite")
    if key not in (*KINDS, "kind"):
        return found
    count = KINDS.get(key)
    if (found != found.round()).any() or found.min() < 0 or (count and found.max() >= count):
        last = f" to {count - 1}" if count else ""
        raise InputError(f"the model's '{key}' must be whole numbers from 0{last}")
    return found.astype(int)


def by_mask(
    live: Bool[np.ndarray, "n slow fast"],
) -> Iterator[tuple[Int[np.ndarray, " m"], Bool[np.ndarray, "slow fast"]]]:
    """Rows of the patterns that have one mask, and that mask, for what takes one mask at a time."""
    rows: dict[bytes, list[int]] = {}
    for row, mask in enumerate(live):
        rows.setdefault(mask.tobytes(), []).append(row)
    for some in rows.values():
        yield np.array(some), live[some[0]]


def _size(shape: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
