"""The tasks of both sets, scored alike for every model and for the baselines."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import torch
from jaxtyping import Bool, Float

from argand.errors import ConfigError, InputError
from argand.physics.coherent.phase_retrieval import REFINEMENT_ROUNDS
from argand.physics.coherent.projection import Window
from argand.systems.molmnist.benchmark.board import evaluate_tasks
from argand.systems.molmnist.benchmark.figures import TASKS, TaskName
from argand.systems.molmnist.benchmark.model import Model, ModelAnswer, by_mask
from argand.systems.molmnist.fibril.bundle import OUTLINES, name_of, occupied
from argand.systems.molmnist.fibril.cellulose import cellulose
from argand.systems.molmnist.fibril.fibril import FIBRILS, build_fibril
from argand.systems.molmnist.inversion.chain_network import turn_centres
from argand.systems.molmnist.inversion.chain_reading import bundle_images, poses_of
from argand.systems.molmnist.inversion.phase_refinement import refined_shapes
from argand.systems.molmnist.predict import load
from argand.systems.molmnist.predictors.chain_predictor import ChainPredictor
from argand.systems.molmnist.predictors.fibril_predictor import FibrilPredictor
from argand.systems.molmnist.predictors.pattern_predictor import PatternPredictor
from argand.systems.molmnist.system import Molmnist

__all__ = ["evaluate_tasks", "models_of", "shipped_models", "task_names"]

NETWORK, FITTED, BUNDLES = "network", "network + fit", "bundles: "
"""Names of argand's own models, and what goes before those of the network of bundles beside others."""

Patterns = Float[np.ndarray, "n slow fast"]
Masks = Bool[np.ndarray, "n slow fast"]


def shipped_models(system: Molmnist, rounds: int = REFINEMENT_ROUNDS) -> dict[str, Model]:
    """The networks that come with argand, for pairs of this system.

    For bundles the network of bundles, alone and with the fit; for the ten fibrils the network of the ten,
    alone, with the fit and refined by phase retrieval, and also that of bundles. ConfigError for molecules of
    one's own.
    """
    if system.structures is not None:
        raise ConfigError(
            "the networks that come with argand do not know your own molecules; give weights that were "
            "trained on the set, a --model, or --baselines alone"
        )
    if system.bundles is not None:
        return _models(load().inversion, system, rounds)
    also = _models(load().inversion, system, rounds)[FITTED]
    return {**_models(load(network="ten").inversion, system, rounds), BUNDLES + FITTED: also}


def models_of(weights: Path, system: Molmnist, rounds: int = REFINEMENT_ROUNDS) -> dict[str, Model]:
    """The same of other weights of either network.

    InputError for weights that cannot be read, are of another network, or know other objects than these.
    """
    predictor = load(weights).inversion
    learnt = predictor.system if isinstance(predictor, FibrilPredictor) else None
    known = learnt.kinds if learnt and learnt.structures else ("cellulose",)
    asked = system.kinds if system.structures else ("cellulose",)
    if known != asked:
        raise InputError(f"{weights}: trained on {', '.join(known)}, but the set shows {', '.join(asked)}")
    return _models(predictor, system, rounds)


def _models(predictor: PatternPredictor, system: Molmnist, rounds: int) -> dict[str, Model]:
    """A predictor's network, alone and with all that follows it."""
    if isinstance(predictor, ChainPredictor):
        return {
            NETWORK: partial(_bundles_read, predictor, system),
            FITTED: FittedBundles(predictor, system),
        }
    assert isinstance(predictor, FibrilPredictor)
    fitted = partial(_fibrils, predictor)
    polished = partial(_polished, fitted, rounds)
    return {
        NETWORK: partial(_fibrils_read, predictor),
        FITTED: fitted,
        f"{FITTED} + {rounds} rounds": polished,
    }


def _fibrils_read(
    predictor: FibrilPredictor, patterns: Patterns, live: Masks, window_side: float
) -> ModelAnswer:
    """What the network of the ten, or of molecules, says by itself."""
    shape, kind = np.empty_like(patterns), np.empty(len(patterns), int)
    for rows, mask in by_mask(live):
        shape[rows], kind[rows] = predictor.network_shapes(patterns[rows], mask, window_side)
    return {"shape": shape, **_kinds(predictor, kind)}


def _fibrils(predictor: FibrilPredictor, patterns: Patterns, live: Masks, window_side: float) -> ModelAnswer:
    """The same with the fit, which also tells the twist of a fibril."""
    shape, kind = np.empty_like(patterns), np.empty(len(patterns), int)
    twist = np.empty(len(patterns))
    for rows, mask in by_mask(live):
        answers = predictor.predict_many(patterns[rows], mask, window_side)
        shape[rows] = np.stack([one.shape for one in answers])
        kind[rows] = [predictor.system.kinds.index(str(one.fibril)) for one in answers]
        twist[rows] = [np.nan if one.twist_deg_per_nm is None else one.twist_deg_per_nm for one in answers]
    told = {} if predictor.system.structures else {"twist_deg_per_nm": twist}
    return {"shape": shape, **_kinds(predictor, kind), **told}


def _kinds(predictor: FibrilPredictor, kind: np.ndarray) -> ModelAnswer:
    """Numbers of the predictor's own kinds as those of a set."""
    if predictor.system.structures is not None:
        return {"kind": kind}
    return {"fibril": np.array([FIBRILS.index(name) for name in predictor.system.kinds])[kind]}


def _polished(fitted: Model, rounds: int, patterns: Patterns, live: Masks, window_side: float) -> ModelAnswer:
    """Shapes of a model, gone on with by rounds of phase retrieval."""
    shape = np.asarray(fitted(patterns, live, window_side)["shape"])
    for rows, mask in by_mask(live):
        shape[rows] = refined_shapes(patterns[rows], mask, shape[rows], rounds, window_side)
    return {"shape": shape}


def _bundles_read(
    predictor: ChainPredictor, system: Molmnist, patterns: Patterns, live: Masks, window_side: float
) -> ModelAnswer:
    """What the network of bundles says by itself: its chances of the sites, in its likeliest pose."""
    window, reader = Window(window_side, patterns.shape[-1]), predictor.reader
    output = reader.asked(patterns, live & (window.q > 0), window_side)
    sites = output.site_logits.float().sigmoid()
    shapes = [
        bundle_images(reader.electrons, sites[[row]], poses_of(output, row)[[0]], window)[0].clip(0)
        for row in range(len(patterns))
    ]
    turn = torch.rad2deg(output.turn_logits.float().softmax(1) @ torch.deg2rad(turn_centres()))
    outline = output.outline_logits.float().softmax(1).numpy()
    told = chains_told(np.stack(shapes), sites.numpy(), turn.numpy(), system)
    return {"outline_probability": outline, **told}


@dataclass(frozen=True)
class FittedBundles:
    """The network of bundles with the fit, as a model; `together` patterns at a time, for the progress."""

    predictor: ChainPredictor
    system: Molmnist

    @property
    def together(self) -> int:
        """Patterns that are answered at a time."""
        return self.predictor.together

    def __call__(self, patterns: Patterns, live: Masks, window_side: float) -> ModelAnswer:
        """Answers to patterns."""
        answers = self.predictor.predict_many(patterns, live, window_side)
        outline = np.array([OUTLINES.index(str(one.outline)) for one in answers])
        turn = np.array([one.turn_deg for one in answers], float)
        sites = np.stack([np.asarray(one.sites) for one in answers])
        shapes = np.stack([one.shape for one in answers])
        return {"outline": outline, **chains_told(shapes, sites, turn, self.system)}


def chains_told(shapes: Patterns, sites: np.ndarray, turn: np.ndarray, system: Molmnist) -> ModelAnswer:
    """Shapes, number of chains and turn (degrees); in a set of the ten fibrils also which, and the twist.

    A bundle that is none of the ten counts as the one with the nearest number of chains. All fibrils of a set
    have one length, by which a turn is a twist.
    """
    chains = sites.sum((1, 2))
    answer = {"shape": shapes, "chains": chains, "turn_deg": turn}
    if system.bundles is not None:
        return answer
    known = [build_fibril(name, system.length) for name in system.fibrils]
    nearest = np.abs(chains[:, None] - [one.chains for one in known]).argmin(1)
    named = [name_of(occupied(one)) for one in sites]
    names = [
        name if name in system.fibrils else system.fibrils[near]
        for name, near in zip(named, nearest, strict=True)
    ]
    length = known[0].glucoses_per_chain * cellulose().rise
    # 10 Å to a nm.
    return answer | {
        "fibril": np.array([FIBRILS.index(name) for name in names]),
        "twist_deg_per_nm": 10 * turn / length,
    }


def task_names(name: str) -> list[TaskName]:
    """The task of this name, or all of them."""
    return [cast(TaskName, name)] if name != "all" else list(TASKS)
