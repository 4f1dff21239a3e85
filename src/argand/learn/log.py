"""Logs of a training run: JSON lines, TensorBoard, and a plot of its learning curve."""

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
"""Folder of the TensorBoard files in a run's folder."""
PARTS = ("train", "val")
"""Keys of a record that contain metrics."""

logger = logging.getLogger(__name__)


class RunLog:
    """Appends records to `log.jsonl` and to the TensorBoard files in a run's folder.

    A record has `step`, `samples`, `seconds`, `lr` and the metrics under `train` or `val`.
    """

    def __init__(self, folder: Path, resume_step: int | None = None) -> None:
        from torch.utils.tensorboard import SummaryWriter

        if str(folder) != valid_text(str(folder)):
            raise OutputError(f"{folder}: TensorBoard needs a name in UTF-8; choose another --out")
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
        """Flush the TensorBoard files."""
        self.writer.close()


def read_log(path: Path) -> list[dict[str, Any]]:
    """Records of a log file; incomplete or damaged lines are skipped with a warning.

    Raises InputError if it cannot be read.
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
        logger.warning("%s: skipped %d damaged lines, the first is line %d", path, found.count(None), first)
    return records


def _parsed(line: bytes) -> dict[str, Any] | None:
    """The record of a line; None if it is incomplete or damaged."""
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
    """Plot loss and `metric` of the run in `folder` against the number of samples, as `curve.png`.

    Returns the path of the picture, or None if matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        logger.warning("no learning curve drawn; install matplotlib to get one")
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
    """Plot one metric of training and validation, on a logarithmic scale if all its values are positive."""
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
