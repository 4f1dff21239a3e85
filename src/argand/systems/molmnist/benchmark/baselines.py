"""Answers without a network, trivial and classical: what a model has to beat.

Each baseline answers like a model. Some are told what no model is: the true class, the true outline, or I(0)
before it was normalised away; their names say so.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from argand.physics.coherent.pattern import dilated, friedel_mean, images_of, spectra_of
from argand.physics.coherent.phase_retrieval import response, retrieve
from argand.systems.molmnist.benchmark.conditions import SEED, Trials, pair_numbers
from argand.systems.molmnist.fibril.fibril import FIBRILS
from argand.systems.molmnist.system import Molmnist

TRAINING = 1000
"""Training pairs of each fibril that baselines learn from: of 1,600 that `standard` has, by hand. The
README's table is of 100 (`--training` of benchmarks/molmnist_tasks.py)."""
OUTLINE_MARGIN = 1.0
"""Å around the true shape, for the baseline that is told it; by hand, one standard deviation of the blur."""

BaselineAnswer = dict[str, np.ndarray]
Profiles = Float[np.ndarray, "n ring"]


@dataclass(frozen=True)
class Training:
    """What baselines know of training pairs; means and deviations are those of a fibril."""

    profile: Profiles
    fibril: Int[np.ndarray, " n"]
    twist_deg_per_nm: Float[np.ndarray, " n"]
    forward: Float[np.ndarray, " n"]
    shape: dict[int, Float[np.ndarray, "slow fast"]]


def learn(system: Molmnist, per_fibril: int = TRAINING, tick: Callable[[], None] = lambda: None) -> Training:
    """Simulate training pairs and keep what baselines need of each; `tick` is called after each.

    They are measured as the condition's test pairs are.
    """
    profiles, kinds, twists, forward = [], [], [], []
    size = system.imaging.window.size
    total = {FIBRILS.index(name): np.zeros((size, size)) for name in system.fibrils}
    for index in pair_numbers(system, "train", per_fibril * len(system.fibrils)):
        sample = system.simulate(index, SEED)
        profiles.append(radial_profiles(sample["pattern"][None], system.imaging.live)[0])
        kinds.append(int(sample["fibril"]))
        twists.append(float(sample["twist_deg_per_nm"]))
        forward.append(float(sample["shape"].sum()) ** 2)
        total[kinds[-1]] += sample["shape"]
        tick()
    mean = {kind: image / per_fibril for kind, image in total.items()}
    return Training(np.stack(profiles), np.array(kinds), np.array(twists), np.array(forward), mean)


def radial_profiles(
    patterns: Float[np.ndarray, "n slow fast"], live: Bool[np.ndarray, "slow fast"]
) -> Profiles:
    """Roots of the mean intensity of rings one pixel wide that have live pixels, at unit length.

    Rings reach into the corners, so that all of a pattern counts; its scale does not, and a turn hardly.
    """
    size = patterns.shape[-1]
    axis = np.arange(size) - size // 2
    ring = np.rint(np.hypot(axis[:, None], axis[None])).astype(int)
    count = np.bincount(ring[live])
    sums = np.stack([np.bincount(ring[live], pattern[live]) for pattern in patterns])
    profile = np.sqrt(sums[:, count > 0] / count[count > 0])
    return profile / np.maximum(np.linalg.norm(profile, axis=1, keepdims=True), 1e-30)


def zeros(trials: Trials, training: Training) -> BaselineAnswer:
    """Nothing anywhere."""
    return {"shape": np.zeros_like(trials.shapes)}


def class_mean(trials: Trials, training: Training) -> BaselineAnswer:
    """Mean shape and twist of the training pairs of the true fibril."""
    means = {
        kind: float(training.twist_deg_per_nm[training.fibril == kind].mean())
        for kind in set(trials.fibril.tolist())
    }
    return {
        "shape": np.stack([training.shape[kind] for kind in trials.fibril.tolist()]).astype(np.float32),
        "twist_deg_per_nm": np.array([means[kind] for kind in trials.fibril.tolist()]),
    }


def iterated(trials: Trials, training: Training) -> BaselineAnswer:
    """Hybrid input-output and error reduction, the support from the autocorrelation."""
    return _retrieved(trials, None)


def iterated_within(trials: Trials, training: Training) -> BaselineAnswer:
    """The same within the true outline."""
    margin = round(OUTLINE_MARGIN / trials.window.pixel)
    return _retrieved(trials, dilated(torch.from_numpy(trials.shapes) > 0, margin))


def _retrieved(trials: Trials, support: torch.Tensor | None) -> BaselineAnswer:
    patterns, live = torch.from_numpy(trials.patterns), torch.from_numpy(trials.live)
    return {"shape": retrieve(patterns, live, trials.window.side, support).shape.numpy()}


def phases_told(trials: Trials, training: Training) -> BaselineAnswer:
    """The measured amplitudes with the true shape's phases, which no phase retrieval can know better.

    What is left is what a histogram of atoms loses. Where nothing is measured, the true amplitudes serve.
    """
    # NaN where neither a pixel nor its mate is measured.
    half = friedel_mean(torch.from_numpy(trials.patterns), torch.from_numpy(trials.live))
    measured = half.isfinite()
    true = spectra_of(torch.from_numpy(trials.shapes))
    seen = half.nan_to_num(0.0).sqrt() / response(trials.window)
    scale = (seen * true.abs() * measured).sum((1, 2)) / (seen.square() * measured).sum((1, 2))
    mixed = torch.where(measured, torch.polar(scale[:, None, None] * seen, true.angle()), true)
    return {"shape": images_of(mixed, trials.window.size).numpy()}


def forward_alone(trials: Trials, training: Training) -> BaselineAnswer:
    """The training pair of the nearest I(0), electrons squared, which a normalised pattern does not tell."""
    forward = trials.shapes.sum((1, 2), dtype=float) ** 2
    away = np.abs(np.log(forward[:, None] / training.forward[None]))
    return {"fibril": training.fibril[away.argmin(1)]}


def nearest(trials: Trials, training: Training) -> BaselineAnswer:
    """Fibril and twist of the training pair with the nearest radial profile."""
    profile = radial_profiles(trials.patterns, trials.live)
    # At unit length the largest product is the smallest distance.
    row = (profile @ training.profile.T).argmax(1)
    return {"fibril": training.fibril[row], "twist_deg_per_nm": training.twist_deg_per_nm[row]}


BASELINES: dict[str, Callable[[Trials, Training], BaselineAnswer]] = {
    "zeros": zeros,
    "class mean (true class told)": class_mean,
    "phase retrieval": iterated,
    "phase retrieval (true outline told)": iterated_within,
    "measured amplitudes (true phases told)": phases_told,
    "I(0) alone (told)": forward_alone,
    "nearest radial profile": nearest,
}
ANSWERS = {
    "zeros": ("shape",),
    "class mean (true class told)": ("shape", "twist_deg_per_nm"),
    "phase retrieval": ("shape",),
    "phase retrieval (true outline told)": ("shape",),
    "measured amplitudes (true phases told)": ("shape",),
    "I(0) alone (told)": ("fibril",),
    "nearest radial profile": ("fibril", "twist_deg_per_nm"),
}
"""What each baseline answers, so that those that a task does not ask for need not run."""
