"""What a training run reports: JSON lines, TensorBoard, and its curve as a picture."""

import json
import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from argand.errors import InputError, OutputError, why_and_cure
from argand.io.atomic import append_text, valid_text, write_text, written

FILE_NAME = "log.jsonl"
CURVE_NAME = "curve.png"
TENSORBOARD = "tensorboard"
"""Folder of TensorBoard's files in a run's folder."""
PARTS = ("train", "val")
"""Keys of a record under which metrics stand."""

logger = logging.getLogger(__name__)


class RunLog:
    """Appends records to `log.jsonl` and TensorBoard's files in a run's folder.

    A record has `step`, `samples`, `seconds`, `lr` and the metrics of `train` or `val`.
    """

    def __init__(self, folder: Path, resume_step: int | None = None) -> None:
        from torch.utils.tensorboard import SummaryWriter

        if str(folder) != valid_text(str(folder)):
            raise OutputError(f"{folder}: TensorBoard takes no name that is no UTF-8; name another --out")
        self.path = folder / FILE_NAME
        kept = [] if resume_step is None else [r for r in read_log(self.path) if r["step"] <= resume_step]
        write_text(self.path, "".join(json.dumps(record) + "\n" for record in kept))
        purge = None if resume_step is None else resume_step + 1
        self.writer = SummaryWriter(str(folder / TENSORBOARD), purge_step=purge)

    def write(self, record: Mapping[str, Any]) -> None:
        """Append one record."""
        append_text(self.path, json.dumps(record) + "\n")
        for part in PARTS:
            for name, value in record.get(part, {}).items():
                self.writer.add_scalar(f"{name}/{part}", value, record["step"])
        self.writer.add_scalar("lr", record["lr"], record["step"])

    def close(self) -> None:
        """Flush TensorBoard's files."""
        self.writer.close()


def read_log(path: Path) -> list[dict[str, Any]]:
    """Records of a log file; lines cut off by a crash, or damaged, are left out and told.

    Raises InputError where it cannot be read.
    """
    if not path.exists():
        return []
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        why, _ = why_and_cure(error)
        raise InputError(f"{path}: cannot be read ({why}); move it away") from error
    found = [_parsed(line) for line in lines]
    records = [record for record in found if record is not None]
    if len(records) < len(found):
        first = found.index(None) + 1
        logger.warning("%s: left out damaged lines, %d, the first is line %d", path, found.count(None), first)
    return records


def _parsed(line: bytes) -> dict[str, Any] | None:
    """The record of a line; None where it is cut off or damaged."""
    try:
        record = json.loads(line.decode())
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    metrics = [record.get(part, {}) for part in PARTS]
    if not all(isinstance(part, dict) for part in metrics):
        return None
    numbers = [record.get("step"), record.get("samples"), *(one for part in metrics for one in part.values())]
    return record if all(isinstance(one, int | float) for one in numbers) else None


def draw_curve(folder: Path, metric: str) -> Path | None:
    """Draw loss and `metric` of the run in `folder` against its samples as `curve.png`.

    Returns the picture, or None where matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        logger.warning("no curve drawn; install matplotlib for it")
        return None
    records = read_log(folder / FILE_NAME)
    names = list(dict.fromkeys(("loss", metric)))
    figure = Figure(figsize=(5 * len(names), 3.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        _draw_metric(axes, records, name)
    target = folder / CURVE_NAME
    with written(target) as temporary:
        figure.savefig(temporary, dpi=120, format="png")
    return target


def _draw_metric(axes: Any, records: list[dict[str, Any]], name: str) -> None:
    """One metric of training and validation, on a logarithmic scale where all its values allow it."""
    shown: list[float] = []
    for part, style in (("train", "-"), ("val", "o-")):
        points = [(r["samples"], r[part][name]) for r in records if name in r.get(part, {})]
        points = [point for point in points if math.isfinite(point[1])]
        if points:
            axes.plot(*zip(*points, strict=True), style, label=part, markersize=3, linewidth=1)
            shown += [value for _, value in points]
    if shown and min(shown) > 0:
        axes.set_yscale("log")
    axes.set(xlabel="simulated samples", ylabel=name)
    if shown:
        axes.legend()
