"""Maps shared out: the same answers from any number of processes and from a cluster, none of them lost."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from quick_solver import QuickSolver

from argand.crew import HERE, Died, Machines
from argand.runs.course import Failure
from argand.runs.folder import RunFolder
from argand.runs.record import Record, read_results
from argand.systems.patterson.evaluate import evaluate_preset
from argand.systems.patterson.files.run import MapQuestion, predict_files

BROKEN, DEADLY = 9, 10
"""Voxels a side of the maps that a solver does not stand."""


@pytest.fixture
def maps(tmp_path: Path) -> Path:
    """Twelve maps, two of them of one name, one for which nobody has the memory, and one that is none."""
    rng = np.random.default_rng(0)
    for number in range(12):
        side = BROKEN if number == 3 else DEADLY if number == 5 else 8
        values = rng.random((side, side, side), np.float32)
        values[0, 0, 0] = 2.0
        folder = tmp_path / "maps" / ("first" if number < 11 else "second")
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / f"{number % 11:02d}.npy", values)
    (tmp_path / "maps" / "first" / "07.npy").write_bytes(b"nothing")
    return tmp_path / "maps"


def answers(
    maps: Path, out: Path, machines: Machines, solver: Any, resume: bool = False
) -> tuple[list[Record], dict[str, bytes], list[str]]:
    """Records without their seconds, files, and what was told."""
    told: list[Failure] = []
    run = RunFolder(out, resume=resume)
    files = [str(maps / "first"), str(maps / "second")]
    records = predict_files(files, solver, MapQuestion(3), run, told.append, machines)
    assert records == read_results(out)
    untimed = [{key: value for key, value in one.items() if key != "seconds"} for one in records]
    contents = {path.name: path.read_bytes() for path in out.iterdir() if path.suffix in (".xyz", ".ccp4")}
    return untimed, contents, sorted(one.message for one in told)


def test_any_number_of_processes_answers_the_same_in_the_order_of_the_files(maps: Path, tmp_path: Path):
    solver = QuickSolver(BROKEN)
    one = answers(maps, tmp_path / "1", HERE, solver)
    records, files, told = one
    assert [Path(record["file"]).name for record in records] == [f"{n % 11:02d}.npy" for n in range(12)]
    assert len(files) == 2 * 10
    assert records[11]["map"] == "00-2.ccp4"
    assert len(told) == 2
    assert "out of memory (too large for this machine)" in records[3]["reason"]
    for count in (2, 3):
        assert answers(maps, tmp_path / str(count), Machines(count), solver) == one


def test_a_cluster_answers_the_same(maps: Path, tmp_path: Path):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster:
        there = Machines(scheduler=cluster.scheduler_address)
        found = answers(maps, tmp_path / "there", there, QuickSolver(BROKEN))
    assert found == answers(maps, tmp_path / "here", HERE, QuickSolver(BROKEN))


def test_a_map_that_ends_its_process_loses_no_other_and_is_asked_again(maps: Path, tmp_path: Path):
    records, files, _ = answers(maps, tmp_path / "out", Machines(2), QuickSolver(BROKEN, DEADLY))
    assert [number for number, one in enumerate(records) if one.get("failed")] == [3, 5, 7]
    assert records[5]["reason"] == Died.text
    assert len(files) == 2 * 9
    (tmp_path / "log").mkdir()
    again, files, _ = answers(maps, tmp_path / "out", HERE, QuickSolver(folder=tmp_path / "log"), resume=True)
    assert [number for number, one in enumerate(again) if one.get("failed")] == [7]
    assert len(list((tmp_path / "log").iterdir())) == 2
    assert len(files) == 2 * 11


KILLED = """
import sys
from pathlib import Path
from quick_solver import QuickSolver
from argand.crew import Machines
from argand.runs.folder import RunFolder
from argand.systems.patterson.files.run import MapQuestion, predict_files
if __name__ == "__main__":
    solver, run = QuickSolver(seconds=0.3), RunFolder(Path(sys.argv[2]))
    predict_files([sys.argv[1]], solver, MapQuestion(3), run, print, Machines(int(sys.argv[3])))
"""


@pytest.mark.parametrize("processes", [1, 2])
def test_answers_are_written_as_they_come_and_taken_over_after_a_kill(
    maps: Path, tmp_path: Path, processes: int
):
    script, out = tmp_path / "program.py", tmp_path / "out"
    script.write_text(KILLED)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])}
    words = [sys.executable, str(script), str(maps / "first"), str(out), str(processes)]
    program = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    results, end = out / "results.jsonl", time.monotonic() + 120
    while time.monotonic() < end and not (results.exists() and results.read_bytes().count(b"\n") >= 3):
        time.sleep(0.02)
    program.send_signal(signal.SIGKILL)
    program.wait()
    kept = len([one for one in read_results(out) if not one.get("failed")])
    assert 2 <= kept < 10
    (tmp_path / "log").mkdir()
    solver = QuickSolver(folder=tmp_path / "log")
    run = RunFolder(out, resume=True)
    predict_files([str(maps / "first")], solver, MapQuestion(3), run, lambda failure: None)
    assert len(list((tmp_path / "log").iterdir())) == 10 - kept
    assert [Path(one["file"]).name for one in read_results(out)] == [f"{n:02d}.npy" for n in range(11)]


def test_evaluation_is_the_same_from_two_processes_and_a_batch_that_fails_is_named():
    found = []
    for machines in (HERE, Machines(2)):
        result = evaluate_preset("tiny", 40, predictor=QuickSolver(odd=8), machines=machines)
        why = "ArithmeticError: nobody thought of so many; please report it with this file"
        assert result["failed"] == [f"{stage}, maps 32 to 39: {why}" for stage in ("read", "refined")]
        for stage in ("read", "refined"):
            del result[stage]["ms_per_map"], result[stage]["cpu_ms_per_map"]
        found.append(result)
    assert found[0] == found[1]
    assert found[0]["refined"]["paths"] == {"network": 32}
    with pytest.raises(RuntimeError, match="no map has an answer"):
        evaluate_preset("tiny", 8, predictor=QuickSolver(odd=8))
