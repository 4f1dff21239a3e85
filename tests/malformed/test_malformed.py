"""No malformed input ends argand in a traceback, a hang or all memory, or is believed; a part of them.

The whole corpus is run by `make torture`. The commands run in a process without the tests' checks of types,
which would stop nonsense where users have no such checks.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from malformed.case import Case, Outcome, rng_of
from malformed.corpus import cases_of
from malformed.server import run_case
from malformed.verdict import answered, faults

HEAVY = "train|^resume"
"""Names of cases that need a training, which takes longer than all others together."""
RUN = Path(__file__).with_name("run.py")
SHARE = 0.04
"""Of all cases, those that a run of the tests tries: a minute of one core."""


def test_there_are_enough_cases_each_with_a_name_of_its_own() -> None:
    names = [case.name for case in cases_of()]
    assert len(names) == len(set(names))
    assert len(names) >= 1000
    systems = {case.system for case in cases_of()}
    assert systems == {"geometry", "patterson", "crystals", "molmnist"}


def test_a_seed_gives_the_same_files_and_another_seed_others(tmp_path: Path) -> None:
    case = next(case for case in cases_of() if case.name == "hkl-numbers")
    for folder, seed in (("a", 0), ("b", 0), ("c", 1)):
        (tmp_path / folder).mkdir()
        case.write(tmp_path / folder, seed)
    blobs = [(tmp_path / folder / "bad.hkl").read_bytes() for folder in "abc"]
    assert blobs[0] == blobs[1] != blobs[2]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0])
def test_a_part_of_the_malformed_inputs_does_no_harm(tmp_path: Path, seed: int) -> None:
    report = tmp_path / "report.json"
    asked = ["--seed", str(seed), "--share", str(SHARE), "--skip", HEAVY, "--json", str(report)]
    done = subprocess.run([sys.executable, RUN, *asked], capture_output=True, text=True)
    assert report.exists(), done.stderr[-2000:]
    found = [
        f"{row['name']}: {fault}: {told}"
        for row in json.loads(report.read_text())
        for fault, told in row["faults"]
    ]
    assert not found, "\n".join(found)
    assert done.returncode == 0


def told(call: str, tmp_path: Path, *argv: str, hang_s: float = 2.0) -> list[str]:
    """The kinds of faults that are found in a function of this module."""
    case = Case("one", "", "", argv, lambda rng: {}, "refused", call=f"{__name__}:{call}", hang_s=hang_s)
    return [fault for fault, _ in faults(case, run_case(case, tmp_path), tmp_path)]


def accept() -> str:
    """Nonsense."""
    return "solved"


def refuse() -> None:
    """As every reader should."""
    from argand.errors import InputError

    raise InputError("bad.npy: no image; name another file")


def stumble() -> None:
    """As no reader should."""
    raise ZeroDivisionError


def work_on() -> None:
    """For ever."""
    while True:
        pass


def take_memory() -> int:
    """More than a command may."""
    return int(np.ones(3 * 2**27).sum() + np.ones(3 * 2**27).sum())


def die() -> None:
    """Of a signal."""
    import os
    import signal

    os.kill(os.getpid(), signal.SIGSEGV)


def test_each_fault_is_found_and_a_refusal_is_none(tmp_path: Path) -> None:
    assert told("refuse", tmp_path) == []
    assert told("accept", tmp_path) == ["silent"]
    assert told("stumble", tmp_path) == ["traceback"]
    assert told("work_on", tmp_path) == ["hang"]
    assert told("take_memory", tmp_path, hang_s=60.0) == ["blow-up"]
    assert told("die", tmp_path) == ["death"]


def test_no_number_passes_for_json_and_every_answer_is_missed() -> None:
    case = Case("one", "", "", ("--json",), lambda rng: {}, good=("a.npy",), told=("b.npy",))
    printed = '[{"file": "a.npy", "reliable": true, "shift": NaN}]'
    outcome = Outcome(1, None, 1.0, 1.0, 0, "", printed, "b.npy: no image\n")
    assert [fault for fault, _ in faults(case, outcome, Path())] == ["unsound"]
    outcome = Outcome(0, None, 1.0, 1.0, 0, "", '[{"file": "a.npy", "failed": true}]', "")
    assert {fault for fault, _ in faults(case, outcome, Path())} == {"lost"}
    assert answered("a.npy", '[{"file": "x/a.npy#3", "reliable": false, "reason": "too few spots"}]')
    assert answered("a.npy", '[{"file": "a.npy", "believed": false, "reason": "no fibril explains it"}]')
    assert not answered("a.npy", '[{"file": "a.npy", "reason": "no map"}]')


def test_cases_have_random_numbers_of_their_own() -> None:
    assert rng_of(0, "a").integers(10**9) != rng_of(0, "b").integers(10**9)
    assert rng_of(0, "a").integers(10**9) == rng_of(0, "a").integers(10**9)
