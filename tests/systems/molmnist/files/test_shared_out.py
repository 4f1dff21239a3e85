"""The same answers whatever works on the patterns, and what fails fails alone."""

import signal
from collections.abc import Callable
from pathlib import Path
from shutil import copy
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image
from quick_patterns import QuickPatterns

from argand.crew import HERE, Machines
from argand.io.manifest import MANIFEST
from argand.runs.course import Failure
from argand.runs.record import append_records, read_results
from argand.systems.molmnist import cli
from argand.systems.molmnist.files import work
from argand.systems.molmnist.files.outputs import RunFolder
from argand.systems.molmnist.files.run import predict_files
from argand.systems.molmnist.files.work import Asked

SINGLE, STACK, PAGES = 6, 11, 6
DAMAGED = (2, 3)
DEADLY, BREAKING = 3.0, 103.0
"""Brightness of one single pattern, and of one of the stack."""


def draw(brightness: float) -> np.ndarray:
    """A pattern with its middle where it belongs."""
    slow, fast = np.mgrid[-8:8, -8:8]
    return (brightness * np.exp(-(slow**2 + fast**2) / 20)).astype(np.float32)


def write_stack(path: Path, count: int, first: float, damaged: tuple[int, ...] = ()) -> Path:
    """Patterns of which some cannot be unpacked."""
    images = np.stack([draw(first + number) for number in range(count)])
    with h5py.File(path, "w") as file:
        data = file.create_dataset("pattern", data=images, chunks=(1, 16, 16), compression="gzip")
        places = [data.id.get_chunk_info_by_coord((index, 0, 0)).byte_offset for index in damaged]
    content = bytearray(path.read_bytes())
    for place in places:
        content[place : place + 32] = b"\xff" * 32
    path.write_bytes(content)
    return path


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Single patterns, two of one name, a stack with damage, and a TIFF of many pages."""
    names = []
    for number in range(SINGLE):
        folder = tmp_path / ("b" if number == 4 else "a")
        folder.mkdir(exist_ok=True)
        names.append(folder / f"{0 if number == 4 else number}.npy")
        np.save(names[-1], draw(1.0 + number))
    names.append(write_stack(tmp_path / "stack.h5", STACK, 100.0, DAMAGED))
    pages = [Image.fromarray(draw(200.0 + number)) for number in range(PAGES)]
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    return [*map(str, names), str(tmp_path / "pages.tif")]


@pytest.fixture
def quick(tmp_path: Path) -> QuickPatterns:
    return QuickPatterns(tmp_path / "log.txt", breaking=BREAKING + 1)


def predict(
    out: Path | None,
    files: list[str],
    predictor: QuickPatterns,
    machines: Machines = HERE,
    resume: bool = False,
) -> tuple[list[dict[str, Any]], list[Failure]]:
    """Records of a run without their times, and what it told of."""
    told: list[Failure] = []
    records = predict_files(
        files, predictor, Asked(200.0), RunFolder(out, resume=resume), told.append, machines
    )
    return [{**record, "seconds": 0.0} for record in records], told


def asked_of(records: list[dict[str, Any]]) -> list[tuple[str, int, bool]]:
    return [(Path(one["file"]).name, one["index"] or 0, bool(one.get("failed"))) for one in records]


def expected(failed: tuple[int, ...] = (*DAMAGED, 4)) -> list[tuple[str, int, bool]]:
    return [
        *((f"{0 if number == 4 else number}.npy", 0, False) for number in range(SINGLE)),
        *(("stack.h5", index, index in failed) for index in range(STACK)),
        *(("pages.tif", index, False) for index in range(PAGES)),
    ]


def test_what_fails_fails_alone_in_its_place(files: list[str], quick: QuickPatterns):
    records, told = predict(None, files, quick)
    assert asked_of(records) == expected()
    assert [failure.index for failure in told] == [2, 3, 4]
    assert "out of memory (no room)" in told[-1].message
    names = [record["name"] for record in records if not record.get("failed")]
    assert names[:6] == ["0", "1", "2", "3", "0-2", "5"]
    assert names[-PAGES:] == ["pages", *(f"pages-{number}" for number in range(1, PAGES))]
    assert len({name.lower() for name in names}) == len(names)


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_change_nothing(files: list[str], quick: QuickPatterns, processes: int):
    alone, _ = predict(None, files, quick)
    shared, _ = predict(None, files, quick, Machines(processes))
    assert shared == alone


def test_a_cluster_changes_nothing(files: list[str], quick: QuickPatterns):
    distributed = pytest.importorskip("distributed", reason="needs dask.distributed (extra cluster)")
    alone, _ = predict(None, files, quick)
    with distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster:
        shared, _ = predict(None, files, quick, Machines(scheduler=cluster.scheduler_address))
    assert shared == alone


def test_a_pattern_that_kills_its_process_costs_no_other(files: list[str], quick: QuickPatterns):
    deadly = QuickPatterns(quick.log, deadly=DEADLY)
    records, told = predict(None, files, deadly, Machines(2))
    assert asked_of(records) == [
        (name, index, has_failed or name == "2.npy") for name, index, has_failed in expected(DAMAGED)
    ]
    assert "died twice: out of memory?" in told[-1].message


def test_a_hopeless_stack_is_given_up(tmp_path: Path, quick: QuickPatterns):
    path = write_stack(tmp_path / "hopeless.h5", 20, 1.0, tuple(range(20)))
    begun = write_stack(tmp_path / "begun.h5", 20, 1.0, tuple(range(6)))
    records, told = predict(None, [str(path), str(begun)], quick)
    wrong = [(name, index) for name, index, has_failed in asked_of(records) if has_failed]
    assert wrong[:9] == [("hopeless.h5", index) for index in (*range(4), 4, *range(16, 20))]
    assert wrong[9:] == [("begun.h5", index) for index in range(6)]
    assert len(records) == 9 + 20
    assert "12 patterns were not asked for" in told[-1].message


def test_a_selection_beyond_the_end_fails_once(files: list[str], quick: QuickPatterns):
    records, _ = predict(None, [f"{files[6]}#9-99999"], quick)
    assert asked_of(records) == [("stack.h5#9-99999", 0, True)]


def test_a_run_that_was_stopped_goes_on_to_the_same_results(tmp_path: Path, quick: QuickPatterns):
    files = [str(write_stack(tmp_path / "stack.h5", 6, 1.0))]
    pages = [Image.fromarray(draw(20.0 + number)) for number in range(6)]
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    files.append(str(tmp_path / "pages.tif"))
    whole, _ = predict(tmp_path / "whole", files, quick)
    asked = quick.asked()
    lines = read_results(tmp_path / "whole")
    for kept in (1, 5, 9):  # the pages' first; with a batch of them; and with the first four of the stack
        order = [6, 7, 8, 9, 10, 0, 1, 2, 3, 4, 5, 11]
        out = tmp_path / f"stopped-{kept}"
        out.mkdir()
        for path in (tmp_path / "whole").iterdir():
            if path.suffix in (".h5", ".cxi", ".png") or path.name == MANIFEST:
                copy(path, out / path.name)
        append_records(out / "results.jsonl", [lines[number] for number in order[:kept]])
        quick.log.unlink()
        again, _ = predict(out, files, quick, resume=True)
        assert again == whole
        assert len(quick.asked()) == len(asked) - kept


def test_records_are_written_as_they_come_and_whole_after_ctrl_c(
    tmp_path: Path, files: list[str], quick: QuickPatterns, monkeypatch: pytest.MonkeyPatch
):
    out, answer = tmp_path / "out", work.answer_cases

    def stopped(cases: Any, *more: Any) -> Any:
        if any(case.file.endswith("5.npy") for case in cases):
            assert len(read_results(out)) == 8  # the first of the stack, and four files
            signal.raise_signal(signal.SIGINT)
        return answer(cases, *more)

    monkeypatch.setattr(work, "answer_cases", stopped)
    with pytest.raises(KeyboardInterrupt):
        predict(out, files, quick)
    kept = [name for name, _, _ in asked_of(read_results(out))]
    assert kept == [*(Path(name).name for name in files[:4]), *["stack.h5"] * 4]


@pytest.mark.parametrize("verb", [cli.predict, cli.evaluate])
def test_verbs_over_many_patterns_can_share_them_out(verb: Callable[..., None]):
    assert {"processes", "scheduler"} <= set(verb.__annotations__)
