"""How long argand takes for a 6M image, reading included, how much memory, and how many a second.

    python benchmarks/geometry_speed.py --data FOLDER --json benchmarks/results/geometry_speed.json

The first Pilatus 6M image of FOLDER is measured as it is (bzip2) and decompressed, with the model loaded;
and the command line from a cold start. `throughput`: the thaumatin images of FOLDER, repeated, answered by
one process and shared out among one for each core, once these have loaded the model: by the clock on the
wall, which means something on an idle machine alone, and in processor time of all processes.
"""

import bz2
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import torch
import typer
from report import as_table, write_report
from rich.console import Console

from argand.crew import Crew, Died, Machines, in_chunks
from argand.learn.device import processor_name
from argand.machine import available_cores
from argand.systems.geometry.files.work import CHUNK, Answer, ImageTask, ImageWork
from argand.systems.geometry.predict import load

IMAGE = "thau_3_2_0001.cbf.bz2"
SERIES = "thau_3_2_000?.cbf.bz2"
REPEATS = 5


def seconds_of(action: Callable[[], Any]) -> float:
    """Median wall-clock time of some calls, after one that is not counted."""
    action()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return median(times)


def peak_memory_mb(who: int = resource.RUSAGE_SELF) -> float:
    """Most memory that this process (or the largest it started) ever held."""
    return resource.getrusage(who).ru_maxrss / 1024


def measure(packed: Path, folder: Path) -> list[dict[str, Any]]:
    """One row for each way to ask: seconds and peak memory."""
    plain = folder / packed.stem
    plain.write_bytes(bz2.decompress(packed.read_bytes()))
    rows = _cold_rows(plain, folder)
    predictor = load()
    for name, path in (("CBF, model loaded", plain), ("CBF.bz2, model loaded", packed)):
        seconds = seconds_of(lambda path=path: predictor.predict(path))
        rows.append({"what": name, "seconds": seconds, "peak_memory_mb": peak_memory_mb()})
    return rows


def _cold_rows(image: Path, folder: Path) -> list[dict[str, Any]]:
    """The command line from its start: its help, and one image with all that it writes.

    A child process starts with the memory of its parent, so the memory of the help is not given.
    """
    argand = str(Path(sys.executable).parent / "argand")
    # Without --force all calls but the first would keep the answer of the one before.
    predict = [argand, "geometry", "predict", str(image), "--out", str(folder / "out"), "--force"]
    ask_help = seconds_of(lambda: subprocess.run([argand, "--help"], check=True, capture_output=True))
    ask = seconds_of(lambda: subprocess.run(predict, check=True, capture_output=True))
    memory = peak_memory_mb(resource.RUSAGE_CHILDREN)
    return [
        {"what": "argand --help", "seconds": ask_help, "peak_memory_mb": None},
        {"what": "argand geometry predict, CBF", "seconds": ask, "peak_memory_mb": memory},
    ]


def throughput(images: list[Path], processes: int) -> dict[str, Any]:
    """Rate and processor time of images shared out among processes, without the start of these."""
    tasks = [ImageTask(str(image), None, "") for image in images]
    machines = Machines(processes)
    torch.set_num_threads(1)
    spent, wall = [], 0.0
    for asked in ([], tasks):
        before = _processor_seconds()
        with Crew(machines, ImageWork(load())) as crew:
            _answer(crew, [[task] for task in tasks[:processes]])
            start = time.perf_counter()
            _answer(crew, in_chunks(asked, machines, CHUNK))
            wall = time.perf_counter() - start
        spent.append(_processor_seconds() - before)
    row = {"processes": processes, "images": len(tasks), "images_per_second": len(tasks) / wall}
    return row | {"cpu_seconds_an_image": (spent[1] - spent[0]) / len(tasks)}


def _answer(crew: Crew, chunks: Iterable[Sequence[ImageTask]]) -> None:
    """Have all images answered; stops where one is not."""
    for task, result in crew.results(chunks):
        if isinstance(result, Died) or not all(isinstance(outcome, Answer) for outcome in result):
            raise SystemExit(f"{task.file}: no answer")


def _processor_seconds() -> float:
    """Processor time of this process and of those that it started and that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main(
    data: Annotated[Path, typer.Option(help=f"Folder with {IMAGE}")],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well")] = None,
    repeats: Annotated[int, typer.Option(help="How often each image is answered for the throughput")] = 6,
) -> None:
    """Print seconds (median of five) and peak memory, and how many images a second."""
    if not (data / IMAGE).is_file():
        raise typer.BadParameter(f"{data} has no {IMAGE}")
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(data / IMAGE, Path(folder))
    machine = {"processor": processor_name(), "cores": available_cores()}
    machine["torch_threads"] = torch.get_num_threads()
    title = "A 6M image on {processor}, {cores} cores, torch threads: {torch_threads}"
    Console().print(as_table(title.format(**machine), rows))
    images = sorted(data.glob(SERIES)) * repeats
    rates = [throughput(images, processes) for processes in sorted({1, available_cores()})]
    faster = rates[-1]["images_per_second"] / rates[0]["images_per_second"]
    Console().print(as_table(f"Shared out: {faster:.2f} times as fast", rates))
    if json_file:
        write_report(json_file, {"image": IMAGE, **machine, "rows": rows, "throughput": rates})


if __name__ == "__main__":
    typer.run(main)
