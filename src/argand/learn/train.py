"""Train any system within a budget of time or steps, exactly resumable, on one or many devices."""

import json
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import nn

from argand.duration import seconds_from
from argand.errors import ConfigError, InputError, MissingExtraError
from argand.io.atomic import make_folder
from argand.learn.beginning import begin_from, described
from argand.learn.budget import Budget
from argand.learn.checkpoint import FILE_NAME, load_checkpoint, require_same
from argand.learn.companion import serve_first_process
from argand.learn.device import Compute, Precision, choose_compute
from argand.learn.group import Group, ended_together
from argand.learn.interrupt import StopSignal
from argand.learn.log import draw_curve
from argand.learn.normalisation import share_statistics
from argand.learn.place import Place
from argand.learn.record import BEST_NAME, Best, RunRecord, Settings, holds_run, remove_run
from argand.learn.stream import StreamPlan
from argand.machine import available_cores, keep_freed_memory
from argand.progress import ProgressDisplay
from argand.system import System, system_name

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingSummary:
    """Result of a run: steps, simulated samples and seconds so far, and the path of the best weights.

    `steps_here` counts those since it was started or resumed; 0 if its budget was already used up.
    """

    steps: int
    steps_here: int
    samples: int
    seconds: float
    best: Best
    weights: Path


def train(
    system: System,
    out_dir: Path,
    *,
    max_time: str | float | None = "00:30:00",
    max_steps: int | None = None,
    batch_size: int = 32,
    seed: int = 0,
    workers: int | None = None,
    accelerator: str = "auto",
    devices: int | str = "auto",
    resume: bool = False,
    force: bool = False,
    val_count: int = 256,
    val_every_steps: int = 500,
    replay: int = 1,
    average: bool = True,
    clip_norm: float | None = None,
    precision: str = "auto",
    start: Path | str | None = None,
    nice: int = 0,
    quiet: bool = False,
) -> TrainingSummary:
    """Train a system on newly simulated samples until the limit of time or steps is reached.

    Writes `last.ckpt` (for `resume`), `best.safetensors`, `log.jsonl`, `tensorboard/` and `curve.png` to
    `out_dir`. Time counts from the first batch on, including validation, over all resumptions; time for the
    last validation is reserved as the previous one took. Each simulated sample is used in `replay` batches.
    With `average` the moving average of the weights is validated and kept. Weights of the file `start` that
    match the network in name and shape are its initial weights; the others are random. With `resume`, a run
    in `out_dir` continues exactly where it stopped, or starts if there is none; `force` removes an earlier
    run there first. Defaults were chosen by hand.

    `devices` processes train together, or those started by torchrun or srun, on one machine or many.
    `batch_size` and `workers` are per process: the batch of a step is `batch_size` times the number of
    processes. Only the first process writes; to resume, all must see `out_dir`. If one fails or is lost, all
    end.

    Raises ConfigError for settings that contradict each other or the run to resume, InputError for a damaged
    checkpoint, MissingExtraError without Lightning, KeyboardInterrupt when stopped (after saving).
    """
    with ended_together():
        require_training_extra()
        serve_first_process()
        keep_freed_memory()
        os.nice(nice)
        place = Place.taken(accelerator, devices)
        saved = _saved_run(Path(out_dir), resume, force, place.group)
        budget = _budget(max_time, max_steps, saved)
        place.meet()
        compute = _compute(place, precision, saved)
        settings = Settings(
            batch_size=batch_size,
            seed=seed,
            workers=_worker_count(workers, place),
            replay=replay,
            world=place.group.world,
            val_count=val_count,
            val_every_steps=val_every_steps,
            average=average,
            clip_norm=clip_norm,
            precision=compute.precision,
            start=None if start is None else described(Path(start)),
        )
        record = RunRecord(Path(out_dir), system, settings, compute.accelerator)
        place.group.require_alike(_what_is_alike(record, budget, saved))
        if saved:
            _require_same_run(record, saved)
            record.resume(saved)
        if budget.progress < 1:
            beginning = None if start is None or saved else Path(start)
            _run(record, budget, place, compute, saved, quiet, beginning)
        return _summary(record, budget)


def require_training_extra() -> None:
    """Raise MissingExtraError if the packages for training are not installed."""
    for package in ("lightning", "tensorboard"):
        if find_spec(package) is None:
            raise MissingExtraError(f"training needs {package}; pip install 'argand[train]'")


def _saved_run(out_dir: Path, resume: bool, force: bool, group: Group) -> dict[str, Any] | None:
    """State of the run to resume, or None for a new run, which must not overwrite another."""
    if resume and force:
        raise ConfigError("--force and --resume exclude each other; choose one")
    if resume and holds_run(out_dir):
        try:
            return load_checkpoint(out_dir / FILE_NAME)
        except InputError as error:
            if group.is_first:
                raise
            raise InputError(f"{error}; or make {out_dir} visible to all machines") from error
    if group.is_first:
        if force:
            remove_run(out_dir)
        elif holds_run(out_dir):
            cure = "--resume continues it, --force replaces it, or choose another --out"
            raise ConfigError(f"{out_dir}: contains a training run; {cure}")
        make_folder(out_dir)
    return None


def _budget(max_time: str | float | None, max_steps: int | None, saved: dict[str, Any] | None) -> Budget:
    """The limits of the run, with what it has used so far."""
    budget = Budget(None if max_time is None else seconds_from(max_time), max_steps)
    if saved:
        budget.step, budget.earlier_seconds = saved["step"], saved["seconds"]
        budget.reserve_seconds = saved.get("reserve_seconds", 0.0)
    return budget


def _compute(place: Place, precision: str, saved: dict[str, Any] | None) -> Compute:
    """Device and precision: as requested, as in the saved run, or as measured."""
    compute = choose_compute(place.accelerator, measure=saved is None and place.group.world == 1)
    names: dict[str, Precision] = {"fp32": "32-true", "bf16": "bf16-mixed"}
    if precision != "auto":
        if precision not in names:
            raise ConfigError(f"unknown precision '{precision}'; use auto, fp32 or bf16")
        return Compute(compute.accelerator, names[precision])
    if saved:
        return Compute(compute.accelerator, json.loads(saved["identity"])["settings"]["precision"])
    return compute


def _worker_count(workers: int | None, place: Place) -> int:
    """Number of simulating processes: as requested; else all cores but one with a GPU, half of them on the
    CPU.

    The training processes of a machine share its cores; all use the smallest number of any process.
    """
    if workers is None:
        cores = available_cores() / len(place.group.here)
        own = max(1, int(cores - 1 if place.accelerator == "cuda" else cores / 2))
        return min(place.group.exchange(own))
    return workers


def _what_is_alike(record: RunRecord, budget: Budget, saved: dict[str, Any] | None) -> dict[str, Any]:
    """Values that must be the same in all processes."""
    taken_up = {key: saved[key] for key in ("step", "seconds", "best")} if saved else None
    limits = {"max_time": budget.max_seconds, "max_steps": budget.max_steps}
    return {**record.identity, **limits, "device": record.device, "checkpoint": taken_up}


def _require_same_run(record: RunRecord, saved: dict[str, Any]) -> None:
    """Refuse to resume with other settings; the number of workers matters only with replay."""
    old, new = json.loads(saved["identity"]), record.identity
    if record.settings.replay == 1:
        old["settings"].pop("workers")
        new["settings"].pop("workers")
    require_same(old, new)


def _run(
    record: RunRecord,
    budget: Budget,
    place: Place,
    compute: Compute,
    saved: dict[str, Any] | None,
    quiet: bool,
    beginning: Path | None,
) -> None:
    """Train until the budget is used up; KeyboardInterrupt, after saving, if stopped before."""
    group = place.group
    torch.manual_seed(record.settings.seed)
    network = record.system.network()
    if beginning is not None:
        begin_from(network, beginning)
    network = compute.place(share_statistics(network, compute.accelerator) if group.world > 1 else network)
    title = f"train {system_name(record.system)}"
    group.at_loss(partial(_cure, record))
    with (
        StopSignal() as stop,
        ProgressDisplay(title, begun=budget.progress, quiet=quiet or not group.is_first) as display,
        _quiet_lightning(),
        group.collectives(place.device),
    ):
        try:
            stopped = _train(network, record, budget, place, compute, stop, saved, display)
        except KeyboardInterrupt as interrupt:
            raise KeyboardInterrupt("stopped before the first step was finished") from interrupt
        finally:
            record.close()
        group.exchange(None, last=True)
    if stopped:
        raise KeyboardInterrupt(f"stopped at step {budget.step}; continue {record.folder} with --resume")
    if group.is_first:
        draw_curve(record.folder, record.best.metric)


def _train(
    network: nn.Module,
    record: RunRecord,
    budget: Budget,
    place: Place,
    compute: Compute,
    stop: StopSignal,
    saved: dict[str, Any] | None,
    display: ProgressDisplay,
) -> bool:
    """Train as one of the processes of the group; whether a stop was requested in any of them."""
    from lightning.fabric import Fabric
    from lightning.fabric.plugins.environments.lightning import LightningEnvironment
    from lightning.fabric.strategies.single_device import SingleDeviceStrategy

    from argand.learn.loop import TrainingLoop

    settings = record.settings
    torch.backends.cudnn.benchmark = compute.accelerator == "cuda"
    # We manage the processes: Fabric must not look for those of torchrun or SLURM, nor start any. Fabric's
    # mixed precision would round targets too; ours is in the step.
    fabric = Fabric(
        accelerator=compute.accelerator,
        strategy=SingleDeviceStrategy(place.device),
        plugins=LightningEnvironment(),
    )
    plan = StreamPlan(
        settings.batch_size,
        settings.seed,
        settings.workers,
        settings.replay,
        rank=place.group.rank,
        world=settings.world,
    )
    return TrainingLoop(fabric, network, record, plan, budget, compute).run(stop, saved, display)


def _cure(record: RunRecord) -> str:
    """What to do after a process was lost."""
    if (record.folder / FILE_NAME).exists():
        return f"continue {record.folder} with --resume"
    return "start again: no checkpoint was written yet"


def _summary(record: RunRecord, budget: Budget) -> TrainingSummary:
    """The summary of the run."""
    samples = budget.step * record.settings.samples_per_step
    here, weights = budget.step - record.resumed_step, record.folder / BEST_NAME
    return TrainingSummary(budget.step, here, samples, budget.seconds, record.best, weights)


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Silence Lightning's and torch's messages about devices and processes."""
    talkative = logging.getLogger("lightning.fabric")
    level = talkative.level
    talkative.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning")
            # DistributedDataParallel's warning about speed.
            warnings.filterwarnings("ignore", message="Grad strides do not match")
            yield
    finally:
        talkative.setLevel(level)
