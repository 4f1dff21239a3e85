"""Weights for molecules of one's own, scored on the test split of their set beside what is trivial.

Shapes are scored as of the leaderboard, classes by the share that is right.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import ndimage

from argand.errors import InputError
from argand.systems.molmnist.benchmark.dataset import Pairs, open_pairs
from argand.systems.molmnist.benchmark.scores import TrueShapes
from argand.systems.molmnist.predict import Predictor, load

Row = dict[str, Any]
Images = Float[np.ndarray, "n slow fast"]
Answer = tuple[str, Images, Int[np.ndarray, " n"] | None, float]
"""Name, shapes, classes where it finds them, and the processor seconds that it took."""

_LEARNED = 1000
"""Training pairs at most that class means are made of. By hand: many times what a mean needs."""


def evaluate_set(path: Path, weights: Path | None, count: int, baselines: bool) -> list[Row]:
    """Rows for the leaderboard: the weights, with and without the fit, on the first test pairs of a set.

    With `baselines` also nothing anywhere, and the mean training shape of the true class, as it lies and
    turned to the true rotation. InputError for a set without test pairs, or weights for other classes.
    """
    pairs = open_pairs(path, "test")
    if not len(pairs):
        raise InputError(f"{path}: has no test pairs; simulate 20 or more of each molecule")
    pairs.rows = pairs.rows[:count]
    kinds = np.array([pairs.system.kind_of(pairs.source[int(row)]) for row in pairs.rows])
    answers = [] if weights is None else list(_found(_checked(weights, pairs), pairs))
    if baselines or weights is None:
        answers += list(_trivial(pairs, open_pairs(path, "train"), kinds))
    return [row for answer in answers for row in _rows(path.stem, answer, pairs, kinds)]


def _checked(weights: Path, pairs: Pairs) -> Predictor:
    predictor = load(weights)
    if not isinstance(predictor, Predictor):
        raise InputError(f"{weights}: knows bundles of cellulose, and no molecule; name weights of the set")
    known, asked = predictor.system.kinds, pairs.system.kinds
    if known != asked:
        raise InputError(f"{weights}: knows {', '.join(known)}, and the set shows {', '.join(asked)}")
    return predictor


def _found(predictor: Predictor, pairs: Pairs) -> Iterator[Answer]:
    """The network alone, and with the fit."""
    window, patterns = pairs.system.imaging.window, pairs.arrays("pattern")
    lives = _lives(pairs)
    began = time.process_time()
    alone = [
        predictor.network_shapes(one[None], live, window.side)
        for one, live in zip(patterns, lives, strict=True)
    ]
    shapes, kinds = (np.concatenate(parts) for parts in zip(*alone, strict=True))
    yield "network", shapes, kinds, time.process_time() - began
    began = time.process_time()
    found = [
        predictor.predict_many(one[None], live, window.side)[0]
        for one, live in zip(patterns, lives, strict=True)
    ]
    numbers = np.array([predictor.system.kinds.index(str(answer.fibril)) for answer in found])
    yield "network + fit", np.stack([answer.shape for answer in found]), numbers, time.process_time() - began


def _lives(pairs: Pairs) -> list[np.ndarray]:
    """Measured pixels of each pattern."""
    samples = [pairs.source[int(row)] for row in pairs.rows]
    return [np.asarray(sample.get("live", pairs.system.imaging.live), bool) for sample in samples]


def _trivial(pairs: Pairs, training: Pairs, kinds: Int[np.ndarray, " n"]) -> Iterator[Answer]:
    """What needs no network."""
    shapes = pairs.arrays("shape").astype(np.float32)
    yield "zeros", np.zeros_like(shapes), None, 0.0
    training.rows = training.rows[:_LEARNED]
    known = training.arrays("shape").astype(np.float32)
    turns = training.arrays("rotation_deg")
    numbers = np.array([training.system.kind_of(training.source[int(row)]) for row in training.rows])
    there = [kind for kind in range(len(pairs.system.kinds)) if (numbers == kind).any()]
    mean = {kind: known[numbers == kind].mean(0) for kind in there}
    yield "class mean, told class", np.stack([mean[kind] for kind in kinds]), None, 0.0
    back = np.stack([turned(shape, -float(turn)) for shape, turn in zip(known, turns, strict=True)])
    aligned = {kind: back[numbers == kind].mean(0) for kind in there}
    true = zip(kinds, pairs.arrays("rotation_deg"), strict=True)
    told = [turned(aligned[kind], float(turn)) for kind, turn in true]
    yield "turned class mean, told class and rotation", np.stack(told), None, 0.0


def turned(image: Float[np.ndarray, "slow fast"], degrees: float) -> Float[np.ndarray, "slow fast"]:
    """An image [slow, fast] turned from fast towards slow about its middle."""
    return ndimage.rotate(image, -degrees, reshape=False, order=1)


def _rows(name: str, answer: Answer, pairs: Pairs, kinds: Int[np.ndarray, " n"]) -> Iterator[Row]:
    model, shapes, found, spent = answer
    each = {
        "condition": name,
        "model": model,
        "count": len(pairs),
        "cpu_ms_per_pattern": 1000 * spent / len(pairs),
    }
    truth = TrueShapes(
        torch.from_numpy(pairs.arrays("shape").astype(np.float32)), pairs.system.imaging.window
    )
    scores = truth.scores(torch.from_numpy(shapes.astype(np.float32)))
    names = pairs.system.kinds
    by_class = {
        names[kind]: float(scores["psnr_db"].numpy()[kinds == kind].mean())
        for kind in sorted(set(kinds.tolist()))
    }
    means = {key: float(values.mean()) for key, values in scores.items()}
    yield each | {"task": "inversion", "beyond_class_mean_db": None, **means, "psnr_db_by_class": by_class}
    if found is not None:
        yield each | {"task": "kind", "accuracy": float((found == kinds).mean())}
