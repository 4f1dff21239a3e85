"""Kill commands (SIGKILL, the whole process group) at random moments, run them again, compare the results.

python tests/killed/run.py --moments 50            all commands, 50 times each
python tests/killed/run.py --only encode --seed 3  one of them, at other moments
"""

import argparse
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "src")]
os.environ["PYTHONPATH"] = os.pathsep.join(sys.path[:2])

from malformed.case import Case, rng_of  # noqa: E402
from malformed.server import start, warm  # noqa: E402

from killed.jobs import Job, jobs, write_inputs  # noqa: E402
from killed.whole import halves, leftovers  # noqa: E402

LATEST = 1.1
"""Latest moment of a kill, as a share of the time that the command takes undisturbed."""
PATIENCE_S = 300.0
"""Seconds after which a command that was run again is taken to hang."""


@dataclass
class Tally:
    """What came of the kills of one command."""

    kills: int = 0
    too_late: int = 0
    faults: int = 0


def main() -> None:
    """The command line; exit code 1 where any result differs."""
    asked = _arguments()
    warm()
    tallies = Counter()
    with tempfile.TemporaryDirectory(prefix="killed-") as where:
        for job in jobs():
            if re.search(asked.only, job.name):
                tallies[job.name] = _killed(job, Path(where), asked)
    faults = sum(tallies.values())
    print(f"{faults} faults")
    sys.exit(bool(faults))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--moments", type=int, default=50, help="kills of each command")
    parser.add_argument("--only", default="", help="what is in a command's name: an expression")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for the results of those with faults")
    return parser.parse_args()


def _killed(job: Job, where: Path, asked: argparse.Namespace) -> int:
    """Number of faults of a command that is killed at so many moments."""
    folder, undisturbed = where / "work", where / job.name.replace(" ", "-")
    whole_s = _undisturbed(job, folder, undisturbed)
    rng = rng_of(asked.seed, job.name)
    faults, too_late, started = 0, 0, time.monotonic()
    for number in range(asked.moments):
        moment = float(rng.uniform(0, LATEST * whole_s))
        shutil.rmtree(folder / "out")
        (folder / "out").mkdir()
        too_late += _run(job.argv, folder, moment)
        found = [f"after the kill: {half}" for half in halves(folder / "out")]
        found += list(_resumed(job, folder, undisturbed))
        for told in found:
            print(f"{job.name}, killed after {moment:.2f} s of {whole_s:.1f}: {told}", flush=True)
        faults += bool(found)
        if found and asked.keep:
            shutil.copytree(folder, asked.keep / f"{undisturbed.name}-{number}", dirs_exist_ok=True)
    shutil.rmtree(folder)
    spent = time.monotonic() - started
    print(
        f"{job.name}: {asked.moments} kills ({too_late} after its end), {faults} faults, {spent:.0f} s",
        flush=True,
    )
    return faults


def _undisturbed(job: Job, folder: Path, kept: Path) -> float:
    """Write the inputs, run the command to its end, keep its results, and say how many seconds it took.

    All runs are in one folder, as outputs may hold its name.
    """
    write_inputs(folder)
    begun = time.monotonic()
    _run(job.argv, folder, PATIENCE_S)
    seconds = time.monotonic() - begun
    code, told = _log(folder)
    if code:
        raise RuntimeError(f"{job.name} ends with {code}: {told}")
    shutil.copytree(folder / "out", kept / "out")
    return seconds


def _resumed(job: Job, folder: Path, undisturbed: Path) -> Iterator[str]:
    """What is wrong once the command was run again."""
    ended = _run((*job.argv, *job.again), folder, PATIENCE_S)
    code, told = _log(folder)
    if not ended:
        yield f"the second run does not end within {PATIENCE_S:.0f} s"
    elif code:
        yield f"the second run ends with {code}: {told}"
    elif difference := job.compare(undisturbed / "out", folder / "out"):
        yield difference
    else:
        yield from leftovers(folder / "out")


def _run(argv: tuple[str, ...], folder: Path, seconds: float) -> bool:
    """Run a command for so long at most, then kill its group; whether it had ended by itself."""
    for name in (".stdout", ".stderr", ".code"):
        (folder / name).unlink(missing_ok=True)
    case = Case("", "", "", argv, lambda rng: {})
    printed = [os.open(folder / name, os.O_WRONLY | os.O_CREAT) for name in (".stdout", ".stderr")]
    child = start(case, folder, *printed)
    for number in printed:
        os.close(number)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            (folder / ".code").write_text(str(os.waitstatus_to_exitcode(status)))
            _kill(child)
            return True
        time.sleep(min(0.02, max(end - time.monotonic(), 0)))
    _kill(child)
    os.waitpid(child, 0)
    return False


def _kill(child: int) -> None:
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        return


def _log(folder: Path) -> tuple[int, str]:
    """Exit code and last words of a command that has ended."""
    code = folder / ".code"
    said = (folder / ".stderr").read_text(errors="replace").strip().splitlines()
    return int(code.read_text()) if code.exists() else 0, said[-1] if said else ""


if __name__ == "__main__":
    main()
