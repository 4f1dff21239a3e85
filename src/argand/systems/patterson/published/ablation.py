"""Trainings that are compared: variants of the published problem, and networks, each at the same compute.

Compute is counted in minutes of one core. How many steps a network makes of it is measured once, on the
published maps, and kept, so that all variants of a network train for the same number of steps.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from argand.io.atomic import write_text
from argand.learn.checkpoint import FILE_NAME
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
NETWORKS = {
    "paper": preset("paper", PRESETS),
    "fourier": preset("fourier", PRESETS),
    "superposition": replace(preset("best", PRESETS), atoms=AtomSet()),
}
"""The networks, all on the published maps."""
VARIANTS: dict[str, dict[str, Any]] = {
    "no images, 10 atoms": {"inversion": False},
    "no images, 20 atoms": {"inversion": False, "atoms": 20},
    "20 atoms": {"atoms": 20},
    "inner box 18": {"inner_box": 18.0},
    "inner box 24": {"inner_box": 24.0},
}
"""What differs from the published maps: 10 atoms and their images, inner box 12. The variants are those of
the paper's figures 8 and 9, and 20 atoms with their images besides."""


@dataclass(frozen=True)
class Effort:
    """How a network is trained: maps in a step, validation maps, steps between validations.

    The published network takes seconds for a map on a processor, so it gets the most steps of them.
    """

    batch: int
    validation: int
    every: int


EFFORTS = {
    "paper": Effort(1, 8, 20),
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
        return replace(base, atoms=replace(base.atoms, **VARIANTS[self.variant])) if self.variant else base


ABLATION = [
    Arm("superposition"),
    *(Arm("superposition", variant) for variant in ("20 atoms", "inner box 18", "inner box 24")),
    Arm("paper"),
    *(Arm("paper", variant) for variant in VARIANTS if variant != "20 atoms"),
]
"""What the published figures 7, 8 and 9 compare, and by superpositions what makes sense there."""
COMPARED = [Arm(network) for network in NETWORKS]
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
            precision="fp32",
            quiet=True,
        )
        curves.append(curve_of(arm, folder, seconds))
    return curves


def curve_of(arm: Arm, folder: Path, seconds: float) -> Curve:
    """Squared error over that of predicting nothing, in training and validation, as it was logged."""
    records = read_log(folder / "log.jsonl")
    parts = {
        part: [
            [record["step"], round(record[part]["relative_error"], 5)] for record in records if part in record
        ]
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
        **parts,
    }


def seconds_per_step(network: str, runs: Path) -> float:
    """Processor time of a step on the published maps: as it was measured for these runs, or measured now."""
    path = runs / "seconds_per_step.json"
    known: dict[str, float] = json.loads(path.read_text()) if path.is_file() else {}
    if network not in known:
        runs.mkdir(parents=True, exist_ok=True)
        known[network] = time_step(NETWORKS[network], EFFORTS[network].batch)
        write_text(path, json.dumps(known))
    return known[network]


def time_step(system: Patterson, batch: int) -> float:
    """Seconds of processor time, the least of a few steps: simulation, both passes, the optimiser.

    The least, since what else the machine does can only add to it.
    """
    from argand.learn.device import channels_last, fast_order

    network = fast_order(system.network())
    optimiser, _ = system.optimiser(network)
    times = []
    for number in range(TIMED_STEPS + 1):
        began = time.process_time()
        samples = collate(system.many_inputs(range(number * batch, (number + 1) * batch), TRAINING_SEED))
        loss, _ = system.loss(network, channels_last(samples))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        times.append(time.process_time() - began)
    return min(times[1:])


def mean_map_error(system: Patterson, maps: int = 128) -> float:
    """Error of the best answer that is the same for all maps, their mean, over that of predicting nothing.

    Squared errors; of 128 maps by default (by hand), of seed 0.
    """
    wanted = torch.cat(
        [collate(system.many_inputs(range(i, i + 32), 0))["target"] for i in range(0, maps, 32)]
    )
    mean = wanted.mean(0, keepdim=True)
    # The mean of the other maps: each map's own share in the mean is taken out.
    others = (mean * maps - wanted) / (maps - 1)
    return float((others - wanted).square().sum() / wanted.square().sum())
