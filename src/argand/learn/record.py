"""Output of a training run in its folder: its state, its best weights and its log."""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from argand import __version__
from argand.errors import InputError
from argand.io.weights import BEST_NAME, read_header, save_weights
from argand.learn.budget import Budget
from argand.learn.checkpoint import FILE_NAME, save_checkpoint
from argand.learn.device import hardware
from argand.learn.log import CURVE_NAME, TENSORBOARD, RunLog
from argand.learn.log import FILE_NAME as LOG_NAME
from argand.system import System, system_name, to_config

logger = logging.getLogger(__name__)


def holds_run(folder: Path) -> bool:
    """Whether a folder contains a training run that can be resumed."""
    return (folder / FILE_NAME).exists()


def remove_run(folder: Path) -> None:
    """Remove the files that a training run wrote to a folder, and nothing else."""
    for name in (FILE_NAME, BEST_NAME, LOG_NAME, CURVE_NAME):
        (folder / name).unlink(missing_ok=True)
    events = folder / TENSORBOARD
    for path in events.glob("events.out.tfevents.*"):
        path.unlink(missing_ok=True)
    if events.is_dir() and not any(events.iterdir()):
        events.rmdir()


@dataclass(frozen=True)
class Settings:
    """Settings that must be the same when a run is resumed; `start` describes the initial weights.

    `batch_size` and `workers` are per process, of `world` processes.
    """

    batch_size: int
    seed: int
    workers: int
    replay: int
    world: int
    val_count: int
    val_every_steps: int
    average: bool
    clip_norm: float | None
    precision: str
    start: str | None = None

    @property
    def samples_per_step(self) -> int:
        """Samples simulated for each step by all processes together."""
        return self.batch_size // self.replay * self.world


@dataclass
class Best:
    """The best validation result so far, and the name of the metric that selects it."""

    metric: str = ""
    value: float = float("inf")
    step: int = 0


class RunRecord:
    """The folder of a run, with its system and settings."""

    def __init__(self, folder: Path, system: System, settings: Settings, device: str) -> None:
        self.folder, self.system, self.settings, self.device = folder, system, settings, device
        self.best = Best()
        self.log: RunLog | None = None
        self.resumed_step = 0
        self.note = ""

    @property
    def identity(self) -> dict[str, Any]:
        """System, configuration and settings as plain values."""
        return {
            "system": system_name(self.system),
            "config": to_config(self.system),
            "settings": asdict(self.settings),
        }

    def open(self, saved: Mapping[str, Any] | None, writes: bool) -> None:
        """Start or continue the log; `writes` is true only in the first process of a run."""
        if writes:
            self.log = RunLog(self.folder, saved["step"] if saved else None)

    def resume(self, saved: Mapping[str, Any]) -> None:
        """Restore the step of the run, and its best result if its weights still exist."""
        self.best = Best(**saved["best"])
        self.resumed_step = saved["step"]
        if self.best.step:
            try:
                read_header(self.folder / BEST_NAME)
            except InputError as error:
                logger.warning("%s; the next validation writes new ones", error)
                self.best = Best(self.best.metric)

    def close(self) -> None:
        """Close the log."""
        if self.log:
            self.log.close()

    def samples_here(self, budget: Budget) -> int:
        """Samples since the run was started or resumed."""
        return (budget.step - self.resumed_step) * self.settings.samples_per_step

    def report(self, budget: Budget, optimiser: torch.optim.Optimizer, **metrics: dict[str, float]) -> None:
        """Log the metrics of `train` or `val` at the current step."""
        samples = budget.step * self.settings.samples_per_step
        record = {"step": budget.step, "samples": samples, "seconds": round(budget.seconds, 3)}
        for part, values in metrics.items():
            name = self.best.metric if self.best.metric in values else "loss"
            self.note = f"{part} {name} {values[name]:.4g}"
        if self.log:
            self.log.write({**record, "lr": optimiser.param_groups[0]["lr"], **metrics})

    def keep_best(self, budget: Budget, network: nn.Module, metric: str, means: dict[str, float]) -> None:
        """Save the network's weights if `metric` is the lowest so far."""
        if not means[metric] < self.best.value:
            return
        self.best = Best(metric, means[metric], budget.step)
        if not self.log:
            return
        header = {
            **{key: self.identity[key] for key in ("system", "config")},
            "seed": self.settings.seed,
            "version": __version__,
            "training": self._training(budget),
            "figures": {"validation": means},
        }
        save_weights(self.folder / BEST_NAME, network.state_dict(), header)

    def _training(self, budget: Budget) -> dict[str, Any]:
        """How the weights were trained, for their header."""
        samples = budget.step * self.settings.samples_per_step
        made = {
            "steps": budget.step,
            "samples": samples,
            "seconds": round(budget.seconds),
            "max_seconds": budget.max_seconds,
            "max_steps": budget.max_steps,
            "device": self.device,
            "hardware": hardware(self.device),
        }
        return {**made, **asdict(self.settings)}

    def save(
        self, budget: Budget, network: nn.Module, optimiser: torch.optim.Optimizer, average: nn.Module | None
    ) -> None:
        """Write the checkpoint that a resumed run starts from."""
        if not self.log:
            return
        content = {
            "identity": json.dumps(self.identity),
            "step": budget.step,
            "seconds": budget.seconds,
            "reserve_seconds": budget.reserve_seconds,
            "best": asdict(self.best),
            "network": network.state_dict(),
            "optimiser": optimiser.state_dict(),
            "average": average.state_dict() if average else None,
        }
        save_checkpoint(self.folder / FILE_NAME, content)
