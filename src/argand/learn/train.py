"""One training run of any system: a budget of time or steps, exactly resumable, on one or many devices."""

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
    """What a run came to: steps, simulated samples and seconds so far, and where its best weights are.

    `steps_here` are those since it was started or resumed; none when its budget was spent before.
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
    """Train a system on fresh samples until time or steps are spent, whichever comes first.

    Writes `last.ckpt` (for `resume`), `best.safetensors`, `log.jsonl`, `tensorboard/` and `curve.png` to
    `out_dir`. Time counts from the first batch on, validation included, over all resumptions; the last
    validation is given the time that the one before it took. Each simulated sample is used in `replay`
    batches. With `average` the moving average of the weights is validated and kept. The weights of the file
    `start` that the network has, by name and shape, are where it begins; the others are fresh. With `resume`
    a run in `out_dir` continues exactly where it stopped, and one is begun where there is none; `force`
    removes what a run wrote there and begins again. Defaults are by hand.

    `devices` processes train together, or those that torchrun or srun has started, on one machine or many.
    `batch_size` and `workers` are those of one process: of a step, `batch_size` times all processes is the
    batch. The first process alone writes; to resume, all must see `out_dir`. An error of one, or its loss,
    ends all.

    Raises ConfigError for settings that contradict each other or the run to resume, InputError for a damaged
    checkpoint, MissingExtraError without Lightning, KeyboardInterrupt when it was stopped (after saving).
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
    """Raise MissingExtraError where the packages for training are not installed."""
    for package in ("lightning", "tensorboard"):
        if find_spec(package) is None:
            raise MissingExtraError(f"training needs {package}; pip install 'argand[train]'")


def _saved_run(out_dir: Path, resume: bool, force: bool, group: Group) -> dict[str, Any] | None:
    """State of the run to resume, or None for a fresh one, which must not overwrite another."""
    if resume and force:
        raise ConfigError("--force and --resume exclude each other; choose one")
    if resume and holds_run(out_dir):
        try:
            return load_checkpoint(out_dir / FILE_NAME)
        except InputError as error:
            if group.is_first:
                raise
            raise InputError(f"{error}; or let all machines share {out_dir}") from error
    if group.is_first:
        if force:
            remove_run(out_dir)
        elif holds_run(out_dir):
            cure = "--resume continues it, --force replaces it, or give another --out"
            raise ConfigError(f"{out_dir}: holds a training run; {cure}")
        make_folder(out_dir)
    return None


def _budget(max_time: str | float | None, max_steps: int | None, saved: dict[str, Any] | None) -> Budget:
    """What the run may take, less what it has taken."""
    budget = Budget(None if max_time is None else seconds_from(max_time), max_steps)
    if saved:
        budget.step, budget.earlier_seconds = saved["step"], saved["seconds"]
        budget.reserve_seconds = saved.get("reserve_seconds", 0.0)
    return budget


def _compute(place: Place, precision: str, saved: dict[str, Any] | None) -> Compute:
    """Device and precision: as asked, as before, or as measured."""
    compute = choose_compute(place.accelerator, measure=saved is None and place.group.world == 1)
    names: dict[str, Precision] = {"fp32": "32-true", "bf16": "bf16-mixed"}
    if precision != "auto":
        if precision not in names:
            raise ConfigError(f"no precision is called '{precision}'; there are auto, fp32, bf16")
        return Compute(compute.accelerator, names[precision])
    if saved:
        return Compute(compute.accelerator, json.loads(saved["identity"])["settings"]["precision"])
    return compute


def _worker_count(workers: int | None, place: Place) -> int:
    """Processes that simulate: as asked; else most cores beside a GPU, half of them where the CPU trains.

    The training processes of a machine share its cores, and all take as many as the one with the fewest.
    """
    if workers is None:
        cores = available_cores() / len(place.group.here)
        own = max(1, int(cores - 1 if place.accelerator == "cuda" else cores / 2))
        return min(place.group.exchange(own))
    return workers


def _what_is_alike(record: RunRecord, budget: Budget, saved: dict[str, Any] | None) -> dict[str, Any]:
    """What must be the same in all processes."""
    taken_up = {key: saved[key] for key in ("step", "seconds", "best")} if saved else None
    limits = {"max_time": budget.max_seconds, "max_steps": budget.max_steps}
    return {**record.identity, **limits, "device": record.device, "checkpoint": taken_up}


def _require_same_run(record: RunRecord, saved: dict[str, Any]) -> None:
    """Refuse to resume with other settings; the number of workers only matters where samples are replayed."""
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
    """Train until the budget is spent; KeyboardInterrupt after saving when asked to stop before."""
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
            raise KeyboardInterrupt("stopped before the first step was done") from interrupt
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
    """Train as one of the processes of the group; whether any of them was asked to stop."""
    from lightning.fabric import Fabric
    from lightning.fabric.plugins.environments.lightning import LightningEnvironment
    from lightning.fabric.strategies.single_device import SingleDeviceStrategy

    from argand.learn.loop import TrainingLoop

    settings = record.settings
    torch.backends.cudnn.benchmark = compute.accelerator == "cuda"
    # The processes are ours: Fabric must not look for those of torchrun or SLURM, nor start any.
    # Fabric's own mixed precision would round targets, too; ours is in the step.
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
    """What to do where a process was lost."""
    if (record.folder / FILE_NAME).exists():
        return f"continue {record.folder} with --resume"
    return "start again: no checkpoint had been written yet"


def _summary(record: RunRecord, budget: Budget) -> TrainingSummary:
    """What the run came to."""
    samples = budget.step * record.settings.samples_per_step
    here, weights = budget.step - record.resumed_step, record.folder / BEST_NAME
    return TrainingSummary(budget.step, here, samples, budget.seconds, record.best, weights)


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Silence what Lightning and torch tell of devices and processes."""
    talkative = logging.getLogger("lightning.fabric")
    level = talkative.level
    talkative.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning")
            # What DistributedDataParallel says of speed.
            warnings.filterwarnings("ignore", message="Grad strides do not match")
            yield
    finally:
        talkative.setLevel(level)
