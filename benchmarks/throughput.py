"""How much faster several processes answer than one, and what memory each takes, verb by verb.

    python benchmarks/throughput.py --json benchmarks/results/throughput.json

Every command is run as a user would, once by one process and once shared out, turn by turn, each in a
process of its own, with one thread a process. The rate is that of all items but the first quarter (of
molmnist, whose patterns are answered in eights, the first half), so that neither the start nor the
loading of weights counts, while the end, where some processes have nothing left to do, does. `ahead` is
the ratio of the two rates. It means something on an idle machine alone. `bytes` is what a scheduler moves
for an item, the task and the result, pickled; `here_ms` the processor time for it of the process at the
command line.
"""

import json
import os
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from report import as_table, write_report
from rich.console import Console

from argand.crew import Crew
from argand.learn.device import processor_name
from argand.machine import available_cores

DATA = Path(__file__).parents[1] / "examples" / "data"
CELL = "9.748,8.890,7.566,90,112.74,90"
SOLVE_S = 30.0
"""Seconds that `solve` searches for a structure in intensities that belong to none."""


@dataclass(frozen=True)
class Verb:
    """A command, without --processes, and what makes its input in a folder."""

    name: str
    unit: str
    words: tuple[str, ...]
    prepare: Callable[[Path], None] = lambda folder: None
    skipped: float = 0.25
    """Share of the results that the rate leaves out: those of the first chunk of each process at least."""


def images(folder: Path, count: int = 64) -> None:
    """The same 6M image under many names."""
    for number in range(count):
        (folder / f"image_{number:03d}.cbf.bz2").symlink_to(DATA / "thau_3_2_0006.cbf.bz2")


def maps(folder: Path, count: int = 400) -> None:
    """Patterson maps of the published simulator's test samples."""
    from argand.system import preset
    from argand.systems.patterson.presets import PRESETS

    system = preset("paper", PRESETS)
    for number in range(count):
        np.save(folder / f"map_{number:03d}.npy", system.simulate(number, 2_000_003)["patterson"])


def structures(folder: Path, count: int = 1600) -> None:
    """The example structures, each of another volume."""
    from argand.io.structure import cif_text, read_many

    known = [found for path in sorted((DATA / "crystals").glob("*.cif")) for _, found in read_many(path)]
    blocks = []
    for number in range(count):
        one = known[number % len(known)]
        scaled = replace(one, lattice=one.lattice * (1 + 1e-4 * number))
        blocks.append(cif_text(scaled, f"s{number}"))
    (folder / "all.cif").write_text("\n".join(blocks))


def noise(folder: Path) -> None:
    """The intensities of a crystal in another order."""
    from argand.io.reflections import read_reflections

    found = read_reflections(DATA / "cod_2016452.hkl.gz")
    shuffled = np.random.default_rng(0).permutation(found.intensity)
    lines = [
        "".join(f"{index:4d}" for index in hkl) + f"{value:8.2f}{sigma:8.2f}"
        for hkl, value, sigma in zip(found.hkl, shuffled, found.sigma, strict=True)
    ]
    (folder / "noise.hkl").write_text("\n".join([*lines, "   0   0   0    0.00    0.00", ""]))


VERBS = (
    Verb("geometry predict", "images", ("geometry", "predict", "."), images),
    Verb("patterson predict", "maps", ("patterson", "predict", "."), maps),
    Verb(
        "patterson solve",
        "tries",
        (
            *("patterson", "solve", "noise.hkl", "--cell", CELL, "--spacegroup", "P 21/c"),
            *("--formula", "C14H14O2", "--time-limit", str(SOLVE_S)),
        ),
        noise,
    ),
    Verb(
        "molmnist predict",
        "patterns",
        ("molmnist", "predict", "sample#0-31"),
        skipped=0.5,
    ),
    Verb("crystals encode", "structures", ("crystals", "encode", "all.cif"), structures),
    Verb(
        "crystals reconstruct",
        "structures",
        ("crystals", "reconstruct", "all.cif"),
        lambda folder: structures(folder, 120),
    ),
)


def run_here(words: Sequence[str]) -> dict[str, Any]:
    """Run a command of argand; when its results came, the bytes of one, and the memory of its processes."""
    from argand.cli import asked_systems, build

    whole, times, spent, sizes = Crew.results, [], [], []

    def timed(crew: Crew, chunks: Iterable[Sequence[Any]]) -> Generator[tuple[Any, Any], None, None]:
        for task, result in whole(crew, chunks):
            times.append(time.perf_counter())
            spent.append(time.process_time())
            if len(sizes) < 20:
                sizes.append(len(pickle.dumps(task)) + len(pickle.dumps(result)))
            yield task, result

    Crew.results = timed
    # Where something has no answer, or is not solved, the command ends with 1.
    with suppress(SystemExit, typer.Exit):
        build(asked_systems(words))(list(words), prog_name="argand", standalone_mode=False)
    mib = {who: resource.getrusage(who).ru_maxrss / 1024 for who in (0, resource.RUSAGE_CHILDREN)}
    return {
        "times": times,
        "spent": spent,
        "bytes": float(np.median(sizes)),
        "mib": mib[0],
        "worker_mib": mib[-1],
    }


def measured(verb: Verb, processes: int, folder: Path) -> dict[str, Any]:
    """The rate of a command by so many processes, and the memory of each."""
    with tempfile.TemporaryDirectory(dir=folder) as out:
        target = Path(out) / ("found.parquet" if verb.name == "crystals encode" else "found")
        words = [*verb.words, "--processes", str(processes), "--out", str(target)]
        command = [sys.executable, __file__, "--child", json.dumps(words)]
        threads = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, cwd=folder, env=threads, capture_output=True, text=True, check=False)
        try:
            found = json.loads(done.stdout.splitlines()[-1])
        except (IndexError, json.JSONDecodeError) as error:
            raise SystemExit(f"{' '.join(words)}: {done.stderr[-2000:]}") from error
    times = found["times"]
    skipped = round(verb.skipped * len(times))
    rate = (len(times) - skipped) / (times[-1] - times[skipped - 1])
    counted = len(times) - skipped
    here = 1000 * (found["spent"][-1] - found["spent"][skipped - 1]) / counted
    memory = found["mib"] if processes == 1 else found["worker_mib"]
    return {"rate": rate, "items": len(times), "mib": memory, "bytes": found["bytes"], "here_ms": here}


def main(
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well")] = None,
    only: Annotated[str, typer.Option(help="Of the verbs, those that contain this")] = "",
    processes: Annotated[int, typer.Option(help="Processes that share the work")] = available_cores(),
    repeats: Annotated[int, typer.Option(help="Repetitions; the median ratio is given")] = 3,
    child: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Print for each verb the rate of one process, the ratio for several, and the memory of a process."""
    if child is not None:
        typer.echo("\n" + json.dumps(run_here(json.loads(child))))
        return
    rows = []
    for verb in VERBS:
        if only in verb.name:
            with tempfile.TemporaryDirectory() as folder:
                verb.prepare(Path(folder))
                turns = [
                    (measured(verb, 1, Path(folder)), measured(verb, processes, Path(folder)))
                    for _ in range(repeats)
                ]
            rows.append(row(verb, turns))
            Console(stderr=True).print(rows[-1])
    Console().print(as_table(f"Shared out among {processes} processes", rows))
    if json_file:
        machine = {"processor": processor_name(), "cores": available_cores()}
        write_report(json_file, {**machine, "processes": processes, "repeats": repeats, "rows": rows})


def row(verb: Verb, turns: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> dict[str, Any]:
    """One line of the table."""
    ratios = [shared["rate"] / alone["rate"] for alone, shared in turns]
    return {
        "verb": verb.name,
        "items": turns[0][0]["items"],
        "unit": verb.unit,
        "a_second": float(np.median([alone["rate"] for alone, _ in turns])),
        "ahead": float(np.median(ratios)),
        "least": min(ratios),
        "mib_one": max(alone["mib"] for alone, _ in turns),
        "mib_each": max(shared["mib"] for _, shared in turns),
        "bytes": turns[0][1]["bytes"],
        "here_ms": float(np.median([shared["here_ms"] for _, shared in turns])),
    }


if __name__ == "__main__":
    typer.run(main)
