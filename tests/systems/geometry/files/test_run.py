"""Many images: shared out, written as they come, and gone on with after a kill."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from quick_predictor import QuickPredictor

from argand.crew import Machines
from argand.runs.course import Failure
from argand.runs.record import read_results
from argand.systems.geometry.files.batch import Stated
from argand.systems.geometry.files.outputs import RunFolder
from argand.systems.geometry.files.run import predict_files
from argand.systems.geometry.refine.options import Options
from argand.systems.geometry.refine.prediction import Prediction

STATED = Stated(1.0, 150.0, (0.1, 0.1))
PLACES = [(60, 45), (10, 20), (30, 40), (31, 41), (32, 42)]


@pytest.fixture
def files(tmp_path: Path, write_image: Callable[..., Path], write_stack: Callable[..., Path]) -> list[str]:
    """Two images and a stack of five."""
    images = [write_image(tmp_path / f"{name}.npy", place) for name, place in zip("ab", PLACES, strict=False)]
    return [*map(str, images), str(write_stack(tmp_path / "m.h5", PLACES))]


@pytest.fixture
def quick(tmp_path: Path) -> QuickPredictor:
    return QuickPredictor(tmp_path / "log.txt")


def predict(
    out: Path, files: list[str], predictor: QuickPredictor, folder: dict[str, Any] | None = None, **more: Any
) -> tuple[list[dict[str, Any]], list[Failure]]:
    """Records of a run, which resumes an earlier one, without the times of answers, and its failures."""
    told: list[Failure] = []
    with RunFolder(out, overlay=False, **({"resume": True} | (folder or {}))) as run:
        predict_files(files, predictor, more.pop("stated", STATED), run, told.append, **more)
    return [{**record, "seconds": 0.0} for record in read_results(out)], told


def test_the_number_of_processes_changes_no_answer(tmp_path: Path, files: list[str], quick: QuickPredictor):
    alone, _ = predict(tmp_path / "one", files, quick)
    shared, _ = predict(tmp_path / "two", files, quick, machines=Machines(2))
    assert [(Path(one["file"]).name, one["index"]) for one in alone[:-1]] == [
        ("a.npy", 0),
        ("b.npy", 0),
        *(("m.h5", index) for index in range(5)),
    ]
    assert alone[-1]["frames"] == 7
    assert shared == alone
    assert {path.name for path in (tmp_path / "one").iterdir()} == {
        path.name for path in (tmp_path / "two").iterdir()
    }


def test_the_same_question_is_asked_once(tmp_path: Path, files: list[str], quick: QuickPredictor):
    first, _ = predict(tmp_path / "out", files, quick)
    again, _ = predict(tmp_path / "out", files, quick)
    assert len(quick.asked()) == 7
    assert again == first


@pytest.mark.parametrize(
    ("change", "asked"),
    [
        ({"options": Options("spots")}, 7),
        ({"stated": Stated(1.1, 150.0, (0.1, 0.1))}, 7),
        ({"folder": {"settings": {"weights": "others"}}}, 7),
        ({"folder": {"formats": ("poni",)}}, 7),
        ({"folder": {"force": True, "resume": False}}, 7),
        ({"pool": False}, 0),
        ({"machines": Machines(2)}, 0),
    ],
)
def test_what_changes_an_answer_has_it_asked_again(
    tmp_path: Path, files: list[str], quick: QuickPredictor, change: dict[str, Any], asked: int
):
    predict(tmp_path / "out", files, quick)
    quick.log.unlink()
    predict(tmp_path / "out", files, quick, **change)
    assert len(quick.asked()) == asked


def test_a_file_that_changed_or_lost_an_output_is_asked_again(
    tmp_path: Path, files: list[str], quick: QuickPredictor, write_image: Callable[..., Path]
):
    predict(tmp_path / "out", files, quick)
    quick.log.unlink()
    write_image(Path(files[0]), (20, 30))
    os.utime(files[0], (1e9, 1e9))
    (tmp_path / "out" / "m_000003.poni").unlink()
    records, _ = predict(tmp_path / "out", files, quick)
    assert quick.asked() == ["a.npy 0", "m.h5 3"]
    assert records[0]["beam_centre_px"] == [20.0, 30.0]
    assert records[0]["name"] == "a"
    assert (tmp_path / "out" / "m_000003.poni").exists()


def test_new_images_are_answered_beside_the_earlier_ones(
    tmp_path: Path, files: list[str], quick: QuickPredictor, write_image: Callable[..., Path]
):
    predict(tmp_path / "out", files, quick)
    other = write_image(tmp_path / "before" / "a.npy", (50, 50))
    records, _ = predict(tmp_path / "out", [str(other), *files], quick)
    assert quick.asked()[7:] == ["a.npy 0"]
    assert [record["name"] for record in records[:3]] == ["a-2", "a", "b"]


def test_a_failure_is_told_once_and_asked_again(
    tmp_path: Path, files: list[str], quick: QuickPredictor, write_image: Callable[..., Path]
):
    bad = tmp_path / "bad.npy"
    bad.write_bytes(b"junk")
    for _ in range(2):
        records, told = predict(tmp_path / "out", [str(bad), *files], quick)
        assert [failure.file for failure in told] == [str(bad)]
        assert [record.get("failed", False) for record in records] == [True, *[False] * 8]
    write_image(bad)
    records, told = predict(tmp_path / "out", [str(bad), *files], quick)
    assert not told
    assert len(quick.asked()) == 8


def test_an_image_that_kills_its_process_is_told_and_the_others_are_answered(
    tmp_path: Path, files: list[str], quick: QuickPredictor, draw_image: Callable[..., Any]
):
    deadly = QuickPredictor(quick.log, deadly=int(draw_image((60, 45)).max()) + 1)
    image = draw_image((60, 45))
    image[0, 0] = deadly.deadly
    np.save(tmp_path / "c.npy", image)
    records, told = predict(tmp_path / "out", [str(tmp_path / "c.npy"), *files], deadly, machines=Machines(2))
    assert [Path(failure.file).name for failure in told] == ["c.npy"]
    assert "died twice: out of memory?" in told[0].text
    assert sum(not record.get("failed") for record in records) == 8


def test_a_record_holds_the_whole_prediction(tmp_path: Path, files: list[str], quick: QuickPredictor):
    with RunFolder(None) as run:
        predict_files(files[:1], quick, STATED, run, pytest.fail)
    record = json.loads(json.dumps(run.records[0]))
    restored = Prediction.from_dict(record)
    assert json.loads(json.dumps(restored.to_dict())) == {key: record[key] for key in restored.to_dict()}
    assert restored.covariance is not None
    assert restored.geometry is not None
    assert restored.geometry.pitch == 0.01 / 3


PROGRAM = """
import sys
from pathlib import Path
from quick_predictor import QuickPredictor
from argand.systems.geometry.files.batch import Stated
from argand.systems.geometry.files.outputs import RunFolder
from argand.systems.geometry.files.run import predict_files
from argand.crew import Machines
if __name__ == "__main__":
    out, number, *files = sys.argv[1:]
    stated, machines = Stated(1.0, 150.0, (0.1, 0.1)), Machines(int(number))
    quick = QuickPredictor(Path(out).parent / "log.txt", 0.25)
    with RunFolder(Path(out), overlay=False) as run:
        predict_files(files, quick, stated, run, print, machines=machines)
"""


@pytest.mark.parametrize("processes", [1, 2])
def test_a_killed_run_goes_on_where_it_was(
    tmp_path: Path, files: list[str], quick: QuickPredictor, processes: int
):
    script, out = tmp_path / "program.py", tmp_path / "out"
    script.write_text(PROGRAM)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    words = [sys.executable, str(script), str(out), str(processes), *files]
    program = subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL)
    results, end = out / "results.jsonl", time.monotonic() + 60
    while not (results.exists() and len(results.read_text().splitlines()) >= 3) and time.monotonic() < end:
        time.sleep(0.02)
    program.kill()
    program.wait(20)
    time.sleep(0.6)  # a worker looks for the one that began it every half second
    kept = read_results(out)
    assert 3 <= len(kept) < 7
    results.write_text(results.read_text() + '{"file": "a cut-off li')
    quick.log.unlink()
    records, _ = predict(out, files, quick)
    uninterrupted, _ = predict(tmp_path / "whole", files, QuickPredictor(tmp_path / "other.txt"))
    assert records == uninterrupted
    assert len(quick.asked()) == 7 - len(kept)
