"""Trainings that are compared: variants of the published problem, and networks, each at the same compute.

Compute is counted in minutes of one core. How many steps a network makes of it is measured once, on the
published maps, and kept, so that all variants of a network train for the same number of steps.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from argand.errors import ConfigError
from argand.io.atomic import make_folder, write_text
from argand.learn.checkpoint import FILE_NAME
from argand.learn.device import Compute, channels_last, fast_order
from argand.learn.log import read_log
from argand.learn.stream import collate
from argand.learn.train import train
from argand.system import preset
from argand.systems.patterson.presets import PRESETS
from argand.systems.patterson.simulate import AtomSet
from argand.systems.patterson.system import Patterson

TRAINING_SEED = 1
"""Seed of all trainings, so that they see the same maps in the same order. Any would do."""
TIMED_STEPS = 5
"""Steps that are timed, of which the fastest counts, after one that is not. By hand."""
DRAWN = 60
"""Most points of a curve that are kept. By hand."""
NETWORKS = {
    "paper": preset("paper", PRESETS),
    "paper-small": preset("paper-small", PRESETS),
    "fourier": preset("fourier", PRESETS),
    "superposition": replace(preset("best", PRESETS), atoms=AtomSet()),
}
"""The networks, all on the published maps; `paper-small` is the published network on smaller ones, which it
learns in minutes of a core."""


@dataclass(frozen=True)
class Variant:
    """What differs from a network's own maps: images left out, so many times the atoms, the inner box's
    side."""

    inversion: bool = True
    atoms: int = 1
    inner_box: float = 1.0

    def of(self, atoms: AtomSet) -> AtomSet:
        """The maps that differ so from these."""
        changed = replace(atoms, atoms=self.atoms * atoms.atoms, inversion=self.inversion)
        return replace(changed, inner_box=self.inner_box * atoms.inner_box)


VARIANTS = {
    "no images": Variant(inversion=False),
    "no images, twice the atoms": Variant(inversion=False, atoms=2),
    "twice the atoms": Variant(atoms=2),
    "inner box 1.5 times": Variant(inner_box=1.5),
    "inner box twice": Variant(inner_box=2.0),
}
"""Those of the paper's figures 8 and 9 (there 10 and 20 atoms, inner boxes of 12, 18 and 24), and twice the
atoms with their images besides."""


@dataclass(frozen=True)
class Effort:
    """How a network is trained: maps in a step, validation maps, steps between validations, number format.

    The published network takes seconds for a map of its own size on a processor, so it gets the most steps of
    them. On smaller maps bf16 makes two steps where fp32 makes one and a half.
    """

    batch: int
    validation: int
    every: int
    precision: Literal["fp32", "bf16"] = "fp32"


EFFORTS = {
    "paper": Effort(1, 8, 20),
    "paper-small": Effort(8, 64, 30, "bf16"),
    "fourier": Effort(8, 128, 25),
    "superposition": Effort(8, 128, 25),
}
"""By hand."""


@dataclass(frozen=True)
class Arm:
    """One training: a network, on the published maps or on a variant of them."""

    network: str
    variant: str = ""

    @property
    def name(self) -> str:
        """What it is, in words."""
        return f"{self.network}, {self.variant}" if self.variant else self.network

    @property
    def system(self) -> Patterson:
        """Its configuration."""
        base = NETWORKS[self.network]
        return replace(base, atoms=VARIANTS[self.variant].of(base.atoms)) if self.variant else base


def _arms(network: str, left_out: Sequence[str]) -> list[Arm]:
    return [Arm(network), *(Arm(network, variant) for variant in VARIANTS if variant not in left_out)]


ABLATION = {
    "small": _arms("paper-small", ("twice the atoms",)),
    "paper": [
        # A superposition shows an atom and its image alike: without images there is nothing to learn from.
        *_arms("superposition", ("no images", "no images, twice the atoms")),
        *_arms("paper", ("twice the atoms",)),
    ],
}
"""What the published figures 7, 8 and 9 compare, by the size of maps, and by superpositions what makes sense
there."""


def arms_of(size: str) -> list[Arm]:
    """What the figures compare on maps of this size; ConfigError for one that there is none of."""
    if size not in ABLATION:
        raise ConfigError(f"unknown size '{size}'; give {' or '.join(ABLATION)}")
    return ABLATION[size]


COMPARED = [Arm(network) for network in ("paper", "fourier", "superposition")]
Curve = dict[str, Any]


def train_arms(arms: list[Arm], runs: Path, minutes: float, tell: Callable[[str], None]) -> list[Curve]:
    """The learning curve of each arm after `minutes` of one core; a finished arm is not trained again.

    An arm that was stopped goes on where it was.
    """
    curves = []
    for arm in arms:
        seconds = seconds_per_step(arm.network, runs)
        effort, steps = EFFORTS[arm.network], max(1, round(60 * minutes / seconds))
        folder = runs / f"{arm.name} {steps}".replace(",", "").replace(" ", "-")
        tell(f"{arm.name}: {steps} steps of {effort.batch}, {seconds:.2f} s each")
        train(
            arm.system,
            folder,
            max_time=None,
            max_steps=steps,
            batch_size=effort.batch,
            seed=TRAINING_SEED,
            workers=0,
            accelerator="cpu",
            resume=(folder / FILE_NAME).exists(),
            val_count=effort.validation,
            val_every_steps=effort.every,
            precision=effort.precision,
            quiet=True,
        )
        curves.append(curve_of(arm, folder, seconds))
    return curves


def curve_of(arm: Arm, folder: Path, seconds: float) -> Curve:
    """Squared error over that of predicting nothing, in training and validation, as it was logged."""
    records = read_log(folder / "log.jsonl")
    parts = {
        part: _thinned([[one["step"], one[part]["relative_error"]] for one in records if part in one])
        for part in ("train", "val")
    }
    return {
        "arm": arm.name,
        "run": str(folder),
        "network": arm.network,
        "variant": arm.variant,
        "weights": sum(parameter.numel() for parameter in arm.system.network().parameters()),
        "steps": records[-1]["step"],
        "batch": EFFORTS[arm.network].batch,
        "validation_maps": EFFORTS[arm.network].validation,
        "seconds_per_step": seconds,
        "core_minutes": records[-1]["step"] * seconds / 60,
        "mean_map": mean_map_error(arm.system),
        "hand_unknown": hand_unknown_error(arm.system),
        **parts,
    }


def _thinned(points: list[list[float]]) -> list[list[float]]:
    """A curve [step, error] of at most `DRAWN` points, each the mean of its neighbours up to it."""
    width = -(-len(points) // DRAWN)
    parts = [points[first : first + width] for first in range(0, len(points), width)]
    return [[part[-1][0], round(sum(error for _, error in part) / len(part), 5)] for part in parts]


def seconds_per_step(network: str, runs: Path) -> float:
    """Processor time of a step on the published maps: as it was measured for these runs, or measured now."""
    path = runs / "seconds_per_step.json"
    known: dict[str, float] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if network not in known:
        make_folder(runs)
        known[network] = time_step(NETWORKS[network], EFFORTS[network])
        write_text(path, json.dumps(known))
    return known[network]


def time_step(system: Patterson, effort: Effort) -> float:
    """Seconds of processor time, the least of a few steps: simulation, both passes, the optimiser.

    The least, since what else the machine does can only add to it.
    """
    network = fast_order(system.network())
    optimiser, _ = system.optimiser(network)
    compute = Compute("cpu", "bf16-mixed" if effort.precision == "bf16" else "32-true")
    times = []
    for number in range(TIMED_STEPS + 1):
        began = time.process_time()
        indices = range(number * effort.batch, (number + 1) * effort.batch)
        samples = channels_last(collate(system.many_inputs(indices, TRAINING_SEED)))
        with compute.autocast():
            loss, _ = system.loss(network, samples)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        times.append(time.process_time() - began)
    return min(times[1:])


def mean_map_error(system: Patterson, maps: int = 128) -> float:
    """Error of the best answer that is the same for all maps, their mean, over that of predicting nothing.

    Squared errors; of 128 maps by default (by hand), of seed 0.
    """
    wanted = _targets(system, maps)
    mean = wanted.mean(0, keepdim=True)
    # The mean of the other maps: each map's own share in the mean is taken out.
    others = (mean * maps - wanted) / (maps - 1)
    return float((others - wanted).square().sum() / wanted.square().sum())


def hand_unknown_error(system: Patterson, maps: int = 128) -> float | None:
    """Error of the best answer that knows all but the hand, over that of predicting nothing; None with
    images.

    A Patterson map is the same for a structure and its inversion image, so that squared errors are least for
    the mean of the two: half where they do not overlap. Of the maps of `mean_map_error`.
    """
    if system.atoms.inversion:
        return None
    wanted = _targets(system, maps)
    best = (wanted + wanted.flip(2, 3, 4)) / 2
    return float((best - wanted).square().sum() / wanted.square().sum())


def _targets(system: Patterson, maps: int) -> Float[Tensor, "maps 1 x y z"]:
    return torch.cat([collate(system.many_inputs(range(i, i + 32), 0))["target"] for i in range(0, maps, 32)])
