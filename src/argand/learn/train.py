"""One training run of any system: a budget of time or steps, exactly resumable, on one or many devices."""

import json
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import nn

from argand.errors import ConfigError, MissingExtraError
from argand.io.atomic import make_folder
from argand.learn.beginning import begin_from, described
from argand.learn.budget import Budget, seconds_from
from argand.learn.checkpoint import FILE_NAME, load_checkpoint, require_same
from argand.learn.companion import bound_companions
from argand.learn.device import Compute, Precision, choose_compute
from argand.learn.interrupt import StopSignal
from argand.learn.log import draw_curve
from argand.learn.record import BEST_NAME, Best, RunRecord, Settings
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
    validation is given the time that the one before it took. `batch_size` and `workers` are those of one
    process. Each simulated sample is used in `replay` batches. With `average` the moving average of the
    weights is validated and kept. The weights of the file `start` that the network has, by name and shape,
    are where it begins; the others are fresh. A resumed run goes on exactly where it stopped. Defaults are by
    hand.

    Raises ConfigError for settings that contradict each other or the run to resume, InputError for a damaged
    checkpoint, MissingExtraError without Lightning, KeyboardInterrupt when it was stopped (after saving).
    """
    require_training_extra()
    keep_freed_memory()
    out_dir = Path(out_dir)
    devices = int(devices) if str(devices).isdigit() else devices
    saved = _saved_run(out_dir, resume)
    budget = Budget(None if max_time is None else seconds_from(max_time), max_steps)
    if saved:
        budget.step, budget.earlier_seconds = saved["step"], saved["seconds"]
        budget.reserve_seconds = saved.get("reserve_seconds", 0.0)
    os.nice(nice)
    compute = _compute(accelerator, devices, precision, saved)
    settings = Settings(
        batch_size=batch_size,
        seed=seed,
        workers=_worker_count(workers, compute),
        replay=replay,
        world=_process_count(compute, devices),
        val_count=val_count,
        val_every_steps=val_every_steps,
        average=average,
        clip_norm=clip_norm,
        precision=compute.precision,
        start=None if start is None else described(Path(start)),
    )
    record = RunRecord(out_dir, system, settings, compute.accelerator)
    if saved:
        _require_same_run(record, saved)
        record.resume(saved)
    if budget.progress < 1:
        beginning = None if start is None or saved else Path(start)
        _run(system, record, budget, compute, saved, devices, quiet, beginning)
    return _summary(record, budget)


def require_training_extra() -> None:
    """Raise MissingExtraError where the packages for training are not installed."""
    for package in ("lightning", "tensorboard"):
        if find_spec(package) is None:
            raise MissingExtraError(f"training needs {package}; pip install 'argand[train]'")


def is_first_process() -> bool:
    """Whether this process was started by the user, and thus prints; Lightning starts the others like it."""
    return os.environ.get("LOCAL_RANK", "0") == "0"


def _saved_run(out_dir: Path, resume: bool) -> dict[str, Any] | None:
    """State of the run to resume, or None for a fresh one, which must not overwrite another."""
    if resume:
        return load_checkpoint(out_dir / FILE_NAME)
    if is_first_process() and (out_dir / FILE_NAME).exists():
        raise ConfigError(f"{out_dir} holds a run; continue it with --resume or name another folder")
    make_folder(out_dir)
    return None


def _compute(accelerator: str, devices: int | str, precision: str, saved: dict[str, Any] | None) -> Compute:
    """Device and precision: as asked, as before, or as measured."""
    compute = choose_compute(accelerator, measure=saved is None and devices in ("auto", 1))
    names: dict[str, Precision] = {"fp32": "32-true", "bf16": "bf16-mixed"}
    if precision != "auto":
        if precision not in names:
            raise ConfigError(f"no precision is called '{precision}'; there are auto, fp32, bf16")
        return Compute(compute.accelerator, names[precision])
    if saved:
        return Compute(compute.accelerator, json.loads(saved["identity"])["settings"]["precision"])
    return compute


def _worker_count(workers: int | None, compute: Compute) -> int:
    """Processes that simulate: as asked; else most cores beside a GPU, half of them where the CPU trains."""
    if workers is not None:
        return workers
    cores = available_cores()
    return max(1, cores - 1 if compute.accelerator == "cuda" else cores // 2)


def _process_count(compute: Compute, devices: int | str) -> int:
    """Number of training processes, one for each device."""
    if isinstance(devices, int):
        return devices
    return torch.cuda.device_count() if compute.accelerator == "cuda" else 1


def _require_same_run(record: RunRecord, saved: dict[str, Any]) -> None:
    """Refuse to resume with other settings; the number of workers only matters where samples are replayed."""
    old, new = json.loads(saved["identity"]), record.identity
    if record.settings.replay == 1:
        old["settings"].pop("workers")
        new["settings"].pop("workers")
    require_same(old, new)


def _run(
    system: System,
    record: RunRecord,
    budget: Budget,
    compute: Compute,
    saved: dict[str, Any] | None,
    devices: int | str,
    quiet: bool,
    beginning: Path | None,
) -> None:
    """Train until the budget is spent; KeyboardInterrupt after saving when asked to stop before."""
    settings = record.settings
    torch.manual_seed(settings.seed)
    network = system.network()
    if beginning is not None:
        begin_from(network, beginning)
    network = compute.place(network)
    title = f"train {system_name(system)}"
    with (
        StopSignal() as stop,
        ProgressDisplay(title, begun=budget.progress, quiet=quiet) as display,
        _quiet_lightning(),
        bound_companions(),
    ):
        try:
            is_first = _trained(network, record, budget, compute, devices, stop, saved, display)
        except KeyboardInterrupt as interrupt:
            raise KeyboardInterrupt("stopped before the first step was done") from interrupt
        finally:
            record.close()
            if torch.distributed.is_initialized():
                torch.distributed.destroy_process_group()
    if stop.requested:
        raise KeyboardInterrupt(f"stopped at step {budget.step}; continue {record.folder} with --resume")
    if is_first:
        draw_curve(record.folder, record.best.metric)


def _trained(
    network: nn.Module,
    record: RunRecord,
    budget: Budget,
    compute: Compute,
    devices: int | str,
    stop: StopSignal,
    saved: dict[str, Any] | None,
    display: ProgressDisplay,
) -> bool:
    """Train in as many processes as there are devices; whether this is the first of them."""
    from lightning.fabric import Fabric

    from argand.learn.loop import TrainingLoop

    settings = record.settings
    torch.backends.cudnn.benchmark = compute.accelerator == "cuda"
    strategy = "ddp" if settings.world > 1 else "auto"
    # Fabric's own mixed precision would round targets, too; ours is in the step.
    fabric = Fabric(accelerator=compute.accelerator, devices=devices, strategy=strategy)
    fabric.launch()
    plan = StreamPlan(
        settings.batch_size,
        settings.seed,
        settings.workers,
        settings.replay,
        rank=fabric.global_rank,
        world=settings.world,
    )
    TrainingLoop(fabric, network, record, plan, budget, compute).run(stop, saved, display)
    return fabric.is_global_zero


def _summary(record: RunRecord, budget: Budget) -> TrainingSummary:
    """What the run came to."""
    samples = budget.step * record.settings.samples_per_step
    here, weights = budget.step - record.resumed_step, record.folder / BEST_NAME
    return TrainingSummary(budget.step, here, samples, budget.seconds, record.best, weights)


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Silence what Lightning tells of devices and processes."""
    talkative = logging.getLogger("lightning.fabric")
    level = talkative.level
    talkative.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning")
            yield
    finally:
        talkative.setLevel(level)
