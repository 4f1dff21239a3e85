"""How long a set of pairs takes to simulate, and how large it is.

    python benchmarks/molmnist_simulate.py --count 400 --json benchmarks/results/molmnist_simulate.json

Writes the first `count` pairs of each preset to a temporary folder through the process pool, as `argand
molmnist simulate` does, and measures the processor time of all processes. The modes of the elastic
networks, which are computed once and kept in the cache, are timed by themselves.
"""

import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from report import as_table, write_report
from rich.console import Console

from argand.crew import Machines
from argand.learn.device import processor_name
from argand.machine import available_cores
from argand.systems.molmnist.benchmark.dataset import PAIRS, SEED, SETS, write_pairs
from argand.systems.molmnist.presets import PRESETS


def processor_seconds() -> float:
    """User and system time of this process and of those that it has waited for."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def timed(action: Any) -> tuple[float, float]:
    """Processor and wall-clock seconds of an action."""
    before, start = processor_seconds(), time.perf_counter()
    action()
    return processor_seconds() - before, time.perf_counter() - start


def measure(name: str, count: int, processes: int, folder: Path) -> dict[str, Any]:
    """Times and size of one set."""
    system = PRESETS[name]
    path = folder / f"{name}.h5"
    cpu, wall = timed(
        lambda: write_pairs(system, path, count, SEED, machines=Machines(processes), quiet=True)
    )
    size = sum(file.stat().st_size for file in path.with_suffix(".shards").glob("*.h5"))
    return {
        "set": name,
        "pairs": count,
        "cpu_s": cpu,
        "wall_s": wall,
        "cpu_ms_per_pair": 1000 * cpu / count,
        "cpu_minutes_for_20000": cpu / count * PAIRS / 60,
        "gigabytes_for_20000": size / count * PAIRS / 1e9,
    }


def main(
    count: Annotated[int, typer.Option(help="Pairs of each set, of all fibrils in turn.", min=10)] = 400,
    processes: Annotated[int | None, typer.Option(help="By default one a core.", min=1)] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well")] = None,
) -> None:
    """Print the times."""
    processes = processes or available_cores()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ARGAND_CACHE"] = folder
        modes_cpu, modes_wall = timed(PRESETS["standard"].prepare)
        rows = [measure(name, count, processes, Path(folder)) for name in SETS]
    machine = {"processor": processor_name(), "cores": available_cores(), "processes": processes}
    machine["load_average"] = round(os.getloadavg()[0], 1)
    title = (
        f"Simulated pairs on {machine['processor']}, {processes} processes, load {machine['load_average']}"
    )
    Console().print(as_table(title, rows))
    Console().print(f"modes of ten fibrils, once: {modes_cpu:.0f} CPU-s", highlight=False)
    if json_file:
        write_report(
            json_file, {**machine, "modes_cpu_s": modes_cpu, "modes_wall_s": modes_wall, "rows": rows}
        )


if __name__ == "__main__":
    typer.run(main)
