"""The training step of any system, as Lightning runs it, and what happens around the steps."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader

from argand.errors import ArgandError
from argand.learn.average import WeightAverage
from argand.learn.budget import Budget
from argand.learn.device import Compute, channels_last
from argand.learn.interrupt import StopSignal
from argand.learn.record import RunRecord
from argand.learn.stream import VALIDATION_OFFSET, StreamPlan, training_loader, validation_batches
from argand.progress import ProgressDisplay
from argand.system import Batch, Schedule, System

LOG_EVERY_S = 10.0
"""Seconds between records of the training metrics; by hand, no answer depends on it."""
SAVE_EVERY_S = 300.0
"""Seconds between checkpoints where no validation saves one; by hand: at most so much of a run is lost."""


class Means:
    """Running means of named scalars, kept on their device until they are asked for."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.weight = 0

    def add(self, values: Mapping[str, Tensor], weight: int = 1) -> None:
        """Take in one set of values that stands for `weight` samples or steps."""
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value.detach().float() * weight
        self.weight += weight

    def take(self) -> dict[str, float]:
        """The means so far; starts anew."""
        means = {name: total.item() / self.weight for name, total in self.sums.items()}
        self.sums, self.weight = {}, 0
        return means

    def pool(self, device: torch.device) -> None:
        """Sum over all processes of a run."""
        if not torch.distributed.is_initialized():
            return
        values = torch.stack([*self.sums.values(), torch.tensor(float(self.weight), device=device)]).double()
        torch.distributed.all_reduce(values)
        self.sums = dict(zip(self.sums, values[:-1], strict=True))
        self.weight = round(values[-1].item())


class TrainingModule(LightningModule):
    """A system's network and its training step number `budget.step`.

    Random numbers of a step are a function of seed, step and rank, so nothing of them needs to be stored.
    """

    def __init__(self, system: System, network: nn.Module, plan: StreamPlan, budget: Budget) -> None:
        super().__init__()
        self.system, self.network, self.plan, self.budget = system, network, plan, budget
        self.means = Means()
        self.progress = budget.progress
        self.rate: Schedule | None = None

    def train_dataloader(self) -> DataLoader:
        """Loader of the batches from the current step on, for this process."""
        return training_loader(
            self.system, self.plan, self.budget.step, pin_memory=self.device.type == "cuda"
        )

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The system's optimiser; its learning rates are kept as `initial_lr` of each group."""
        optimiser, self.rate = self.system.optimiser(self.network)
        for group in optimiser.param_groups:
            group["initial_lr"] = float(group["lr"])
        return optimiser

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Set the learning rate of this step."""
        factor = float(self.rate(self.progress)) if self.rate else 1.0
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = group["initial_lr"] * factor

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Loss of one batch."""
        generator = seeded(self.plan.seed, self.budget.step, self.plan.rank, device=self.device)
        loss, metrics = self.system.loss(self.network, channels_last(batch), generator)
        self.means.add({"loss": loss, **metrics})
        return loss


class TrainingKeeper(Callback):
    """Resumes, validates, logs, saves and ends a run; everything but the step itself."""

    def __init__(
        self,
        record: RunRecord,
        compute: Compute,
        stop: StopSignal,
        saved: Mapping[str, Any] | None,
        display: ProgressDisplay,
    ) -> None:
        self.record, self.compute, self.stop, self.saved, self.display = record, compute, stop, saved, display
        self.average: WeightAverage | None = None
        self.validation: list[Batch] = []
        self.logged = self.saved_at = 0.0

    def on_fit_start(self, trainer: Trainer, module: TrainingModule) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Learn this process's rank and simulate the validation samples, before the clock runs."""
        module.plan = replace(module.plan, rank=trainer.global_rank)
        self.validation = validation_batches(module.system, module.plan, self.record.settings.val_count)

    def on_train_start(self, trainer: Trainer, module: TrainingModule) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Take up the saved state and start the clock."""
        self.record.open(self.saved, writes=trainer.is_global_zero)
        if self.saved:
            module.network.load_state_dict(self.saved["network"])
            trainer.optimizers[0].load_state_dict(self.saved["optimiser"])
        if self.record.settings.average:
            self.average = WeightAverage(module.network)
            if self.saved:
                self.average.network.load_state_dict(self.saved["average"])
        self.stop.arm()
        module.budget.start()
        self.display.restart()
        self.logged = self.saved_at = time.monotonic()

    def on_train_batch_end(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, trainer: Trainer, module: TrainingModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """After each step: average, then whatever is due."""
        budget = module.budget
        budget.step += 1
        if self.average:
            self.average.update(module.network, budget.step)
        module.progress, stop = agree(budget.progress, self.stop.requested, module.device)
        if budget.step % self.record.settings.val_every_steps == 0 or module.progress >= 1:
            self._log(trainer, module)
            self._validate(trainer, module)
            self._save(trainer, module)
            # The validation may have taken the rest of the time.
            module.progress, stop = agree(budget.progress, self.stop.requested, module.device)
        elif stop or time.monotonic() - self.saved_at > SAVE_EVERY_S:
            self._save(trainer, module)
        elif time.monotonic() - self.logged > LOG_EVERY_S:
            self._log(trainer, module)
        self.display.update(module.progress, self.record.samples_here(budget), self.record.note)
        trainer.should_stop = module.progress >= 1 or stop

    def _log(self, trainer: Trainer, module: TrainingModule) -> None:
        """Record the training metrics since the last time."""
        self.logged = time.monotonic()
        if not module.means.weight:
            return
        means = module.means.take()
        if not np.isfinite(means["loss"]):
            raise ArgandError(
                f"the loss is {means['loss']} at step {module.budget.step}; lower the learning rate"
            )
        self.record.report(module.budget, trainer.optimizers[0], train=means)

    def _validate(self, trainer: Trainer, module: TrainingModule) -> None:
        """Measure the validation metrics, keep the weights when they are the best so far, and the time."""
        began = time.monotonic()
        network = self.average.network if self.average else module.network
        metric, means = validate(
            module.system, network, self.validation, module.plan.seed, module.device, self.compute
        )
        self.record.report(module.budget, trainer.optimizers[0], val=means)
        self.record.keep_best(module.budget, network, metric, means)
        module.budget.reserve_seconds = time.monotonic() - began

    def _save(self, trainer: Trainer, module: TrainingModule) -> None:
        """Write the run's state, unless its weights are spoilt."""
        self._log(trainer, module)
        self.saved_at = time.monotonic()
        average = self.average.network if self.average else None
        self.record.save(module.budget, module.network, trainer.optimizers[0], average)


@torch.no_grad()
def validate(
    system: System,
    network: nn.Module,
    batches: list[Batch],
    seed: int,
    device: torch.device,
    compute: Compute,
) -> tuple[str, dict[str, float]]:
    """Name of the deciding metric and the means of all metrics over the samples of all processes."""
    means, decisive, was_training = Means(), "loss", network.training
    network.eval()
    for number, batch in enumerate(batches):
        batch = {name: tensor.to(device) for name, tensor in batch.items()}
        seeded(seed + VALIDATION_OFFSET, number, device=device)
        with compute.autocast():
            loss, metrics = system.loss(network, channels_last(batch), None)
        means.add({"loss": loss, **metrics}, weight=len(next(iter(batch.values()))))
        decisive = next(iter(metrics), "loss")
    network.train(was_training)
    means.pool(device)
    return decisive, means.take()


def seeded(*key: int, device: torch.device) -> torch.Generator:
    """Generator on `device`, and torch's global ones, seeded by the numbers of `key`."""
    # One bit less: torch takes seeds of 63 bits.
    state = int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> np.uint64(1))
    torch.manual_seed(state)
    return torch.Generator(device).manual_seed(state)


def agree(progress: float, stop: bool, device: torch.device) -> tuple[float, bool]:
    """The first process's progress, and whether any process was asked to stop."""
    if not torch.distributed.is_initialized():
        return progress, stop
    own = progress if torch.distributed.get_rank() == 0 else 0.0
    values = torch.tensor([own, float(stop)], device=device)
    torch.distributed.all_reduce(values, torch.distributed.ReduceOp.MAX)
    return values[0].item(), bool(values[1].item())
