"""Answers without a network, trivial and classical: what a model has to beat.

Each baseline answers like a model. Some are told what no model is: the true class and rotation, the true
outline or phases, or I(0) before it was normalised away; their names say so.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from argand.physics.coherent.pattern import dilated
from argand.physics.coherent.phase_retrieval import retrieve
from argand.systems.molmnist.benchmark.azimuthal_match import KnownPatterns, Matched
from argand.systems.molmnist.benchmark.ceiling import true_phases
from argand.systems.molmnist.benchmark.conditions import Trials
from argand.systems.molmnist.benchmark.ridge import Ridge, nearest_profiles, pattern_features
from argand.systems.molmnist.benchmark.training import Training, turned_each
from argand.systems.molmnist.inversion.polar import Polar

OUTLINE_MARGIN = 1.0
"""Å around the true shape, for the baseline that is told it; by hand, one standard deviation of the blur."""

AGREED = "prtf_resolution_a"
"""What iterative answers have besides: the resolution up to which their starts agree."""
BaselineAnswer = dict[str, np.ndarray]


def zeros(trials: Trials, training: Training) -> BaselineAnswer:
    """Nothing anywhere."""
    return {"shape": np.zeros_like(trials.shapes)}


def class_mean(trials: Trials, training: Training) -> BaselineAnswer:
    """Mean shape of training pairs of the true class, turned to the true rotation, and its mean figures."""
    row = training.classes.nearest(trials.truth)
    turns = torch.from_numpy(np.radians(trials.pose["rotation_deg"])).float()
    shapes = turned_each(training.classes.shapes[torch.from_numpy(row)], turns).numpy()
    return {"shape": shapes, **_told(training.classes.truth, row)}


def class_mean_found(trials: Trials, training: Training) -> BaselineAnswer:
    """The same of the class, at the turn, whose mean pattern explains the pattern best."""
    row, turns = _matched(training.classes.patterns, trials).best()
    shapes = turned_each(training.classes.shapes[row], turns).numpy()
    return {"shape": shapes, **_told(training.classes.truth, row.numpy())}


def nearest_pair(trials: Trials, training: Training) -> BaselineAnswer:
    """The one training pair whose pattern, at its best turn, explains the pattern best."""
    row, turns = _matched(training.pairs, trials).best()
    return {
        "shape": turned_each(training.shapes[row], turns).numpy(),
        **_told(training.truth, row.numpy()),
    }


def _matched(known: KnownPatterns, trials: Trials) -> Matched:
    step = 2 * np.pi / trials.window.side
    return known.match(torch.from_numpy(trials.patterns), torch.from_numpy(trials.live).float(), step)


def _told(truth: dict[str, np.ndarray], row: Int[np.ndarray, " n"]) -> BaselineAnswer:
    return {name: values[row] for name, values in truth.items()}


def regression(trials: Trials, training: Training) -> BaselineAnswer:
    """Ridge regression on radial profile and azimuthal amplitudes; kinds are those of the highest value.

    Numbers of chains are regressed as logarithms, twists within the fibril that is found.
    """
    rows = pattern_features(trials.patterns, trials.live, trials.window, Polar()).rows()
    known, truth = training.features.rows(), training.truth
    kind = next(name for name in ("outline", "fibril", "kind") if name in truth)
    kinds = np.unique(truth[kind])
    found = kinds[Ridge(known, (truth[kind][:, None] == kinds).astype(float))(rows).argmax(1)]
    answer: BaselineAnswer = {kind: found}
    if "chains" in truth:
        targets = np.stack([np.log(truth["chains"]), truth["turn_deg"]], 1)
        chains, turn = Ridge(known, targets)(rows).T
        return answer | {"chains": np.exp(chains), "turn_deg": np.maximum(turn, 0)}
    if kind == "kind":
        return answer
    twist = np.zeros(len(rows))
    for one in np.unique(found):
        here, there = found == one, truth["fibril"] == one
        twist[here] = Ridge(known[there], truth["twist_deg_per_nm"][there, None])(rows[here])[:, 0]
    return answer | {"twist_deg_per_nm": twist}


def nearest_profile(trials: Trials, training: Training) -> BaselineAnswer:
    """What is true of the training pair with the most similar radial profile."""
    features = pattern_features(trials.patterns, trials.live, trials.window, Polar())
    return _told(training.truth, nearest_profiles(features.profile, training.features.profile))


def forward_alone(trials: Trials, training: Training) -> BaselineAnswer:
    """The fibril of the nearest number of electrons, which is the root of I(0)."""
    electrons = trials.shapes.sum((1, 2), dtype=float)
    away = np.abs(np.log(electrons[:, None] / training.electrons[None]))
    return {"fibril": training.truth["fibril"][away.argmin(1)]}


def iterated(trials: Trials, training: Training) -> BaselineAnswer:
    """Hybrid input-output and error reduction, the support from the autocorrelation."""
    return _retrieved(trials, None)


def iterated_within(trials: Trials, training: Training) -> BaselineAnswer:
    """The same within the true outline."""
    margin = round(OUTLINE_MARGIN / trials.window.pixel)
    return _retrieved(trials, dilated(torch.from_numpy(trials.shapes) > 0, margin))


def _retrieved(trials: Trials, support: Tensor | None) -> BaselineAnswer:
    """Shapes, and the resolution in Å up to which the starts agree."""
    patterns, live = torch.from_numpy(trials.patterns), torch.from_numpy(trials.live)
    found = retrieve(patterns, live, trials.window.side, support)
    answer = {"shape": found.shape.nan_to_num(0.0).numpy()}
    return answer if found.transfer is None else answer | {AGREED: found.transfer.resolution.numpy()}


def phases_told(trials: Trials, training: Training) -> BaselineAnswer:
    """The measured amplitudes with the true phases; see `true_phases`."""
    return {"shape": true_phases(trials)}


@dataclass(frozen=True)
class Baseline:
    """A baseline, and what it answers, so that one which no task asks for need not run."""

    answer: Callable[[Trials, Training], BaselineAnswer]
    kinds: tuple[str, ...]


_FIGURES = ("fibril", "twist_deg_per_nm", "chains", "outline", "turn_deg", "kind")
CLASS_MEAN = "turned class mean (class and rotation told)"
BASELINES = {
    "zeros": Baseline(zeros, ("shape",)),
    CLASS_MEAN: Baseline(class_mean, ("shape", *_FIGURES)),
    "turned class mean (found)": Baseline(class_mean_found, ("shape", *_FIGURES)),
    "nearest pair": Baseline(nearest_pair, ("shape", *_FIGURES)),
    "ridge regression": Baseline(regression, _FIGURES),
    "nearest radial profile": Baseline(nearest_profile, _FIGURES),
    "phase retrieval": Baseline(iterated, ("shape",)),
    "phase retrieval (true outline told)": Baseline(iterated_within, ("shape",)),
    "measured amplitudes (true phases told)": Baseline(phases_told, ("shape",)),
    "I(0) alone (told)": Baseline(forward_alone, ("fibril",)),
}
