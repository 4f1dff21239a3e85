"""The training steps of any system, with validation, logs and checkpoints."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from argand.errors import ArgandError
from argand.learn.average import WeightAverage
from argand.learn.budget import Budget
from argand.learn.checkpoint import FILE_NAME, taking_up
from argand.learn.device import Compute, channels_last
from argand.learn.interrupt import StopSignal
from argand.learn.record import RunRecord
from argand.learn.stream import (
    VALIDATION_OFFSET,
    StreamPlan,
    first_batches,
    training_loader,
    validation_batches,
)
from argand.progress import ProgressDisplay
from argand.system import Batch, System

LOG_EVERY_S = 10.0
"""Seconds between records of the training metrics; by hand, no result depends on it."""
STATISTICS_SAMPLES = 256
"""Training samples used for the batch normalisation statistics of the averaged weights. By hand: over so
many, each with many pixels, mean and variance are accurate to a few per cent."""
SAVE_EVERY_S = 300.0
"""Seconds between checkpoints if no validation saves one; by hand: at most this much of a run is lost."""


class Means:
    """Running means of named scalars, kept on their device until they are read."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.weight = 0

    def add(self, values: Mapping[str, Tensor], weight: int = 1) -> None:
        """Add one set of values that represents `weight` samples or steps."""
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value.detach().float() * weight
        self.weight += weight

    def take(self) -> dict[str, float]:
        """Return the means so far and reset them."""
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


class TrainingStep(nn.Module):
    """The loss of a system as the forward pass of a module.

    Hooks on this pass share gradients between processes, whichever parts of the network a loss uses.
    """

    def __init__(self, system: System, network: nn.Module, compute: Compute) -> None:
        super().__init__()
        self.system, self.network, self.compute = system, network, compute

    def forward(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss and metrics of one batch."""
        with self.compute.autocast():
            return self.system.loss(self.network, channels_last(batch), generator)


class TrainingLoop:
    """Runs training steps, and validation, logging and checkpoints when they are due.

    Random numbers of a step depend only on seed, step and rank, so no random state needs to be stored. Fabric
    runs the steps on the device of this process; `plan` is that of this process.
    """

    def __init__(
        self,
        fabric: Fabric,
        network: nn.Module,
        record: RunRecord,
        plan: StreamPlan,
        budget: Budget,
        compute: Compute,
    ) -> None:
        self.fabric, self.network, self.record = fabric, network, record
        self.plan, self.budget, self.compute = plan, budget, compute
        self.device, self.system = fabric.device, record.system
        self.optimiser, self.rate = self.system.optimiser(network)
        for group in self.optimiser.param_groups:
            group["initial_lr"] = float(group["lr"])
        self.average: WeightAverage | None = None
        self.validation: list[Batch] = []
        self.statistics: list[Batch] = []
        self.progress, self.stopped = budget.progress, False
        self.means = Means()
        self.logged = self.saved_at = 0.0

    def run(self, stop: StopSignal, saved: Mapping[str, Any] | None, display: ProgressDisplay) -> bool:
        """Train until the budget is used up or `stop` is requested, starting from the state `saved` if given.

        Returns whether a stop was requested, in this process or another one.
        """
        # Simulated before the clock starts.
        self.validation = validation_batches(self.system, self.plan, self.record.settings.val_count)
        self.record.open(saved, writes=self.plan.rank == 0)
        whole: nn.Module = TrainingStep(self.system, self.network, self.compute)
        if self.plan.world > 1:
            # All start from the first process's weights and average their gradients in each step. If the
            # parts of a network are trained in turn, the loss does not use all of it.
            trained = sum(len(group["params"]) for group in self.optimiser.param_groups)
            in_part = trained < len(list(self.network.parameters()))
            whole = DistributedDataParallel(whole.to(self.device), find_unused_parameters=in_part)
        step, optimiser = self.fabric.setup(whole, self.optimiser)
        self._take_up(saved)
        batches = self._batches()
        stop.arm()
        self.budget.start()
        display.restart()
        self.logged = self.saved_at = time.monotonic()
        ended = False
        while not ended:
            self._step(step, optimiser, next(batches))
            ended = self._after_step(stop.requested)
            display.update(self.progress, self.record.samples_here(self.budget), self.record.note)
        return self.stopped

    def _take_up(self, saved: Mapping[str, Any] | None) -> None:
        """Restore a saved state; otherwise the moving average starts from the current weights."""
        if saved:
            with taking_up(self.record.folder / FILE_NAME):
                self.network.load_state_dict(saved["network"])
                self.optimiser.load_state_dict(saved["optimiser"])
        if self.record.settings.average:
            self.average = WeightAverage(self.network)
            if saved:
                with taking_up(self.record.folder / FILE_NAME):
                    self.average.network.load_state_dict(saved["average"])
            if self.average.normalises:
                self.statistics = first_batches(self.system, self.plan, STATISTICS_SAMPLES)

    def _batches(self) -> Iterator[Batch]:
        """Batches of this process from the current step on, on its device."""
        loader = training_loader(
            self.system, self.plan, self.budget.step, pin_memory=self.device.type == "cuda"
        )
        for batch in loader:
            yield {name: tensor.to(self.device, non_blocking=True) for name, tensor in batch.items()}

    def _step(self, step: nn.Module, optimiser: Any, batch: Batch) -> None:
        """Take one optimiser step."""
        factor = float(self.rate(self.progress)) if self.rate else 1.0
        for group in self.optimiser.param_groups:
            group["lr"] = group["initial_lr"] * factor
        generator = seeded(self.plan.seed, self.budget.step, self.plan.rank, device=self.device)
        loss, metrics = step(batch, generator)
        self.means.add({"loss": loss, **metrics})
        optimiser.zero_grad()
        self.fabric.backward(loss)
        if self.record.settings.clip_norm is not None:
            # `_log` reports a non-finite loss with its step.
            limit = self.record.settings.clip_norm
            self.fabric.clip_gradients(step, optimiser, max_norm=limit, error_if_nonfinite=False)
        optimiser.step()

    def _after_step(self, asked_to_stop: bool) -> bool:
        """Update the average, then do whatever is due; whether the run ends here."""
        budget = self.budget
        budget.step += 1
        if self.average:
            self.average.update(self.network, budget.step)
        self.progress, self.stopped = agree(budget.progress, asked_to_stop, self.device)
        if budget.step % self.record.settings.val_every_steps == 0 or self.progress >= 1:
            self._log()
            self._validate()
            self._save()
            # The validation may have used up the remaining time.
            self.progress, self.stopped = agree(budget.progress, asked_to_stop, self.device)
        elif self.stopped or time.monotonic() - self.saved_at > SAVE_EVERY_S:
            self._save()
        elif time.monotonic() - self.logged > LOG_EVERY_S:
            self._log()
        return self.progress >= 1 or self.stopped

    def _log(self) -> None:
        """Record the training metrics since the last time."""
        self.logged = time.monotonic()
        if not self.means.weight:
            return
        means = self.means.take()
        if not np.isfinite(means["loss"]):
            raise ArgandError(
                f"the loss is {means['loss']} at step {self.budget.step}; lower the learning rate"
            )
        self.record.report(self.budget, self.optimiser, train=means)

    def _validate(self) -> None:
        """Measure the validation metrics and the time this takes; keep the weights if they are the best so
        far."""
        began = time.monotonic()
        network = self.network
        if self.average:
            network = self.average.network
            self.average.renormalise(self._pass_training_samples)
        metric, means = validate(
            self.system, network, self.validation, self.plan.seed, self.device, self.compute
        )
        self.record.report(self.budget, self.optimiser, val=means)
        self.record.keep_best(self.budget, network, metric, means)
        self.budget.reserve_seconds = time.monotonic() - began

    def _pass_training_samples(self, network: nn.Module) -> None:
        """Pass training samples through a network as in training, without updating its weights."""
        for number, batch in enumerate(self.statistics):
            batch = {name: tensor.to(self.device) for name, tensor in batch.items()}
            generator = seeded(self.plan.seed, number, self.plan.rank, device=self.device)
            with self.compute.autocast():
                self.system.loss(network, channels_last(batch), generator)

    def _save(self) -> None:
        """Write the run's state, unless the loss is not finite."""
        self._log()
        self.saved_at = time.monotonic()
        average = self.average.network if self.average else None
        self.record.save(self.budget, self.network, self.optimiser, average)


@torch.no_grad()
def validate(
    system: System,
    network: nn.Module,
    batches: list[Batch],
    seed: int,
    device: torch.device,
    compute: Compute,
) -> tuple[str, dict[str, float]]:
    """Name of the metric that selects the best weights, and the means of all metrics over all processes."""
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
    """Seed a new generator on `device` and torch's global ones with the numbers `key`; returns the new
    one."""
    # One bit less: torch's seeds have 63 bits.
    state = int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> np.uint64(1))
    torch.manual_seed(state)
    return torch.Generator(device).manual_seed(state)


def agree(progress: float, stop: bool, device: torch.device) -> tuple[float, bool]:
    """The first process's progress, and whether a stop was requested in any process."""
    if not torch.distributed.is_initialized():
        return progress, stop
    own = progress if torch.distributed.get_rank() == 0 else 0.0
    # In double precision: a resumed run computes its progress, and so the learning rate, from the steps.
    values = torch.tensor([own, float(stop)], dtype=torch.float64, device=device)
    torch.distributed.all_reduce(values, torch.distributed.ReduceOp.MAX)
    return values[0].item(), bool(values[1].item())
