"""Processor time until a verb begins with its first item, compared with an earlier commit in the same run.

    git worktree add ../before 3ab6c28
    python benchmarks/startup.py --before ../before --json benchmarks/results/startup.json

A run ends where the verb opens its first file; the help, which opens none, runs to its end. Runs of both
alternate, so that a busy machine slows both equally. The time that `import torch` takes alone is the floor
of what needs torch, and is given with the collector of cyclic garbage (as before) and without it (as now).
The time of the whole command on one small item stands beside it, so that no import hides behind the start.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import numpy as np
import torch
import typer
from report import as_table, write_report
from rich.console import Console

from argand.learn.device import processor_name
from argand.systems.molmnist.benchmark.dataset import load

HERE = Path(__file__).resolve().parents[1]
FILES = HERE / "tests" / "data"
ITEM = "ITEM"
REACHED = 77
"""Exit code of a verb that was ended at its first item."""
WHOLE = (0, 3)
"""Exit codes of a whole command: all answers are trusted, or one is not."""
VERBS = {
    "--help": (False, ("--help",)),
    "geometry predict": (True, ("geometry", "predict", ITEM)),
    "patterson solve": (
        False,
        (
            "patterson",
            "solve",
            ITEM,
            "--cell",
            "5.64,5.64,5.64,90,90,90",
            "--spacegroup",
            "F m -3 m",
            "--out",
            "out",
        ),
    ),
    "molmnist predict": (True, ("molmnist", "predict", ITEM)),
    "crystals reconstruct": (False, ("crystals", "reconstruct", ITEM, "--out", "out")),
}
"""Words of each verb, and whether it needs torch."""

TO_FIRST_ITEM = f"""
import os, sys
source, item = sys.argv[1:3]
del sys.argv[1:3]
def at_open(event, arguments):
    if event == "open" and str(arguments[0]) == item:
        os._exit({REACHED})
sys.addaudithook(at_open)
import argand
if not argand.__file__.startswith(source):
    sys.exit("another argand is run: " + argand.__file__)
from argand.cli import main
main()
"""
TORCH = "import os, torch; os._exit(0)"
"""Without the end of the interpreter, as the other times have none."""
QUIET_TORCH = f"import gc; gc.disable(); {TORCH}"


def processor_seconds(words: list[str], source: Path, folder: Path, expected: tuple[int, ...]) -> float:
    """Processor time, user and system, of one run of Python that uses the package in `source`."""
    # One thread: those that wait for work would be on the account too.
    settings = os.environ | {"PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}
    # Modules are compiled in the round that is not counted, as they are when a package is installed.
    settings.pop("PYTHONDONTWRITEBYTECODE", None)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run([sys.executable, *words], cwd=folder, env=settings, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if run.returncode not in expected:
        raise RuntimeError(f"{words[3:]} ended with {run.returncode}: {run.stderr[-500:]}")
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def in_turns(actions: list[Callable[[], float]], repeats: int) -> list[float]:
    """Median of each action; all take turns, after one round that is not counted."""
    rounds = [[action() for action in actions] for _ in range(repeats + 1)]
    return [median(times) for times in zip(*rounds[1:], strict=True)]


def write_items(folder: Path) -> dict[str, Path]:
    """A small file for each verb."""
    names = ("frames/l-cyst_01_00001.cbf.bz2", "measured/nacl.hkl.gz", "materials/ZnO_mp-2133.cif")
    verbs = ("geometry predict", "patterson solve", "crystals reconstruct")
    items = {verb: Path(shutil.copy(FILES / name, folder)) for verb, name in zip(verbs, names, strict=True)}
    items["molmnist predict"] = folder / "pattern.npy"
    np.save(items["molmnist predict"], np.asarray(load("sample").arrays("pattern")[0]))
    return items


def measure(before: Path, repeats: int) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Seconds of torch alone, and one row for each verb: before, after, their ratio, that beyond torch."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        items = write_items(folder)

        def seconds(checkout: Path, verb: str, whole: bool) -> float:
            shutil.rmtree(folder / "out", ignore_errors=True)
            source, item = checkout / "src", str(items.get(verb, ""))
            words = [item if word == ITEM else word for word in VERBS[verb][1]]
            stop = "" if whole else item
            call = ["-c", TO_FIRST_ITEM, str(source), stop, *words]
            return processor_seconds(call, source, folder, (REACHED,) if stop else WHOLE)

        def alone(code: str) -> float:
            return processor_seconds(["-c", code], HERE / "src", folder, (0,))

        torches = in_turns([lambda: alone(TORCH), lambda: alone(QUIET_TORCH)], repeats)
        floor = dict(zip(("collecting", "quiet"), torches, strict=True))
        rows = []
        for verb, (needs_torch, _) in VERBS.items():
            actions = [
                partial(seconds, one, verb, whole) for whole in (False, True) for one in (before, HERE)
            ]
            rows.append(_row(verb, *in_turns(actions, repeats), floor if needs_torch else None))
    return floor, rows


def _row(
    verb: str,
    before: float,
    after: float,
    whole_before: float,
    whole_after: float,
    floor: dict[str, float] | None,
) -> dict[str, Any]:
    row = {"verb": verb, "before_s": before, "after_s": after, "ratio": after / before}
    row["torch_share"] = floor["quiet"] / after if floor else None
    beyond = (after - floor["quiet"], before - floor["collecting"]) if floor else (after, before)
    row["ratio_beyond_torch"] = beyond[0] / beyond[1]
    return row | {
        "whole_before_s": whole_before,
        "whole_after_s": whole_after,
        "whole_ratio": whole_after / whole_before,
    }


def main(
    before: Annotated[Path, typer.Option(help="Checkout of the earlier commit.")],
    repeats: Annotated[int, typer.Option(help="Runs of each, of which the median counts.", min=1)] = 5,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well")] = None,
) -> None:
    """Print the seconds before and after, and their ratio."""
    before = before.resolve()
    if not (before / "src" / "argand").is_dir():
        raise typer.BadParameter(f"{before} is no checkout of argand")
    floor, rows = measure(before, repeats)
    alone = "torch alone {collecting:.2f} s, {quiet:.2f} s without searches for garbage".format(**floor)
    title = f"Processor seconds until the first item, and of the whole command; {alone}"
    Console(width=120).print(as_table(title, rows))
    if json_file:
        machine = {
            "processor": processor_name(),
            "python": sys.version.split()[0],
            "torch": torch.__version__,
        }
        write_report(json_file, {**machine, "repeats": repeats, "torch_alone_s": floor, "rows": rows})


if __name__ == "__main__":
    typer.run(main)
