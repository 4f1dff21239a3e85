"""Run malformed inputs through the command line and count what goes wrong.

python tests/malformed/run.py --seeds 0,1,2                     all of three seeds
python tests/malformed/run.py --seed 0 --only hdf5              those with this in name, kind or system
python tests/malformed/run.py --seed 0 --case NAME --keep DIR   one, with its files, command and output
"""

import argparse
import json
import multiprocessing
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "src")]

from malformed.case import Case, Outcome, rng_of  # noqa: E402
from malformed.corpus import cases_of  # noqa: E402
from malformed.server import run_case, warm  # noqa: E402
from malformed.stock import Stock  # noqa: E402
from malformed.verdict import FAULTS, faults  # noqa: E402

SAY_EVERY_S = 30.0
Row = dict[str, object]


def main() -> None:
    """The command line of this suite; exit code 1 where there is any fault."""
    asked = _arguments()
    seeds = [int(seed) for seed in asked.seeds.split(",")]
    every = [(seed, case) for seed in seeds for case in cases_of() if _wanted(case, asked, seed)]
    if asked.list:
        print("\n".join(f"{case.name}  ({case.system}, {case.kind})" for _, case in every))
        return
    warm()
    with tempfile.TemporaryDirectory(prefix="malformed-") as where:
        stock = Stock(Path(where) / "stock", {name for _, case in every for name in case.stock})
        rows = list(_told(_rows(every, stock, Path(where), asked), len(every), asked.case is not None))
    if asked.json:
        Path(asked.json).parent.mkdir(parents=True, exist_ok=True)
        Path(asked.json).write_text(json.dumps(rows, indent=1))
    _summary(rows)
    sys.exit(any(row["faults"] for row in rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", "--seed", default="0", help="such as 0,1,2")
    parser.add_argument("--only", default="", help="what is in the name, kind or system: an expression")
    parser.add_argument("--skip", default="", help="what is in the names that are left out")
    parser.add_argument(
        "--share", type=float, default=1.0, help="run so large a part of them, drawn by the seed"
    )
    parser.add_argument("--patience", type=float, help="seconds of a core instead of each case's own")
    parser.add_argument("--case", help="the name of one case")
    parser.add_argument(
        "--keep", type=Path, help="folder for the files of the cases with faults, or of --case"
    )
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument(
        "--real", type=int, default=0, help="every so many in a process of its own, from its start"
    )
    parser.add_argument("--json", help="file for all outcomes")
    parser.add_argument("--list", action="store_true", help="the names alone")
    return parser.parse_args()


def _wanted(case: Case, asked: argparse.Namespace, seed: int) -> bool:
    if asked.case:
        return case.name == asked.case
    if rng_of(seed, f"share of {case.name}").random() >= asked.share:
        return False
    texts = (case.name, case.kind, case.system)
    is_left_out = asked.skip and re.search(asked.skip, case.name)
    return not is_left_out and any(re.search(asked.only, text) for text in texts)


def _rows(
    every: list[tuple[int, Case]], stock: Stock, where: Path, asked: argparse.Namespace
) -> Iterator[Row]:
    keep = asked.keep.resolve() if asked.keep else None
    numbered = [(number, *one) for number, one in enumerate(every)]
    work = partial(_row, stock, where, keep, asked)
    if asked.processes == 1:
        yield from map(work, numbered)
        return
    global _work
    _work = work
    with multiprocessing.get_context("fork").Pool(asked.processes) as pool:
        yield from pool.imap_unordered(_numbered, range(len(numbered)))


def _row(
    stock: Stock, where: Path, keep: Path | None, asked: argparse.Namespace, one: tuple[int, int, Case]
) -> Row:
    number, seed, case = one
    case = case if asked.patience is None else replace(case, hang_s=min(case.hang_s, asked.patience))
    folder = where / f"{seed}-{case.name}"
    folder.mkdir()
    folder.chmod(0o777)
    stock.copy(case.stock, folder)
    case.write(folder, seed)
    is_real = case.environment or (asked.real and number % asked.real == 0 and not case.call)
    outcome = _real(case, folder) if is_real else run_case(case, folder)
    found = faults(case, outcome, folder)
    if asked.case:
        print(f"$ argand {shlex.join(case.argv)}\n{outcome.stdout[-4000:]}{outcome.stderr[-6000:]}")
        grown = f"{outcome.grown / 2**20:.0f} MiB more"
        print(f"code {outcome.code}, signal {outcome.signal}, {outcome.seconds:.1f} s, {grown}")
    if keep and (found or asked.case):
        shutil.copytree(folder, keep / folder.name, symlinks=True, dirs_exist_ok=True, ignore=_pipes)
    shutil.rmtree(folder, ignore_errors=True)
    return {
        "seed": seed,
        "name": case.name,
        "kind": case.kind,
        "system": case.system,
        "faults": found,
        "command": shlex.join(("argand", *case.argv)),
        "code": outcome.code,
        "seconds": round(outcome.seconds, 2),
        "core_s": round(outcome.core_s, 2),
        "grown": outcome.grown,
        "stderr": outcome.stderr[-600:],
    }


def _real(case: Case, folder: Path) -> Outcome:
    """The same in a process that starts from nothing."""
    begun = time.monotonic()
    program = [sys.executable, "-c", "from argand.cli import main; main()", *case.argv]
    try:
        done = subprocess.run(
            program,
            cwd=folder,
            capture_output=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": sys.path[1]} | dict(case.environment),
        )
    except subprocess.TimeoutExpired:
        return Outcome(None, 9, 120.0, 0.0, 0, "does not end within 120 s", "", "")
    texts = [part.decode(errors="replace") for part in (done.stdout, done.stderr)]
    spent = time.monotonic() - begun
    killed = -done.returncode if done.returncode < 0 else None
    return Outcome(None if killed else done.returncode, killed, spent, 0.0, 0, "", *texts)


def _pipes(folder: str, names: list[str]) -> list[str]:
    return [
        name for name in names if not (Path(folder) / name).is_file() and not (Path(folder) / name).is_dir()
    ]


def _told(rows: Iterable[Row], count: int, quiet: bool) -> Iterator[Row]:
    """The rows, with faults as they come, and every now and then how far it is."""
    begun = said = time.monotonic()
    for done, row in enumerate(rows, 1):
        for fault, told in row["faults"]:
            print(f"{fault:10} {row['seed']} {row['name']}: {told}", flush=True)
        now = time.monotonic()
        if not quiet and now - said > SAY_EVERY_S:
            said, rate = now, done / (now - begun)
            left = (count - done) / rate
            print(f"# {done} of {count}, {rate:.1f} a second, {left:.0f} s left", file=sys.stderr, flush=True)
        yield row


def _summary(rows: list[Row]) -> None:
    for key in ("system", "kind"):
        table = Counter((row[key], fault) for row in rows for fault, _ in row["faults"])
        print(f"\n{key:14}{'inputs':>8}" + "".join(f"{fault:>11}" for fault in FAULTS))
        for value, inputs in sorted(Counter(row[key] for row in rows).items()):
            print(f"{value:14}{inputs:8}" + "".join(f"{table[value, fault]:11}" for fault in FAULTS))
    total = sum(len(row["faults"]) for row in rows)
    print(f"\n{len(rows)} inputs, {total} faults in {sum(bool(row['faults']) for row in rows)} of them")


def _numbered(number: int) -> Row:
    return _work(number)


if __name__ == "__main__":
    main()
