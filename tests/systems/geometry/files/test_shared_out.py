"""The same answers whatever works on the images, and what fails fails alone."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from quick_predictor import QuickPredictor

from argand.crew import HERE, Machines
from argand.runs.course import Failure
from argand.runs.record import read_results
from argand.runs.stacks import GIVE_UP
from argand.systems.geometry import cli
from argand.systems.geometry.files.batch import Stated
from argand.systems.geometry.files.outputs import RunFolder
from argand.systems.geometry.files.run import predict_files

STATED = Stated(1.0, 150.0, (0.1, 0.1))
COUNT = 12
DAMAGED = (4, 5, 6, 7)
DEADLY, BREAKING = 7000, 8000
"""Brightness of images that kill their process, and that find no memory."""


@pytest.fixture
def damaged(tmp_path: Path, draw_image: Callable[..., Any]) -> Path:
    """A stack of which some images cannot be unpacked."""
    return write_damaged(tmp_path / "damaged.h5", draw_image)


def write_damaged(path: Path, draw_image: Callable[..., Any], damaged: tuple[int, ...] = DAMAGED) -> Path:
    images = np.stack([draw_image((10 + index, 20)) for index in range(COUNT)])
    with h5py.File(path, "w") as file:
        data = file.create_dataset(
            "entry/data/data", data=images, chunks=(1, *images[0].shape), compression="gzip"
        )
        places = [data.id.get_chunk_info_by_coord((index, 0, 0)).byte_offset for index in damaged]
    content = bytearray(path.read_bytes())
    for place in places:
        content[place : place + 64] = b"\xff" * 64
    path.write_bytes(content)
    return path


@pytest.fixture
def files(tmp_path: Path, draw_image: Callable[..., Any], damaged: Path) -> list[str]:
    """Single images, one of which finds no memory, and the damaged stack."""
    for number in range(4):
        image = draw_image((60 + number, 45))
        if number == 2:
            image[0, 0] = BREAKING
        np.save(tmp_path / f"{number}.npy", image)
    np.save(tmp_path / "pages.npy", np.stack([draw_image((10, 10)), draw_image((20, 20))]))
    return [
        *(str(tmp_path / f"{number}.npy") for number in range(4)),
        str(damaged),
        str(tmp_path / "pages.npy"),
    ]


def predict(
    out: Path, files: list[str], predictor: QuickPredictor, machines: Machines = HERE
) -> tuple[list[dict[str, Any]], list[Failure]]:
    """Records of a run without their times, and what it told of."""
    told: list[Failure] = []
    with RunFolder(out, overlay=False, resume=True) as run:
        predict_files(files, predictor, STATED, run, told.append, machines=machines)
    return [{**record, "seconds": 0.0} for record in read_results(out)], told


def asked_of(records: list[dict[str, Any]]) -> list[tuple[str, int, bool]]:
    return [
        (Path(one["file"]).name, one["index"], bool(one.get("failed")))
        for one in records
        if not one["pooled"]
    ]


@pytest.fixture
def quick(tmp_path: Path) -> QuickPredictor:
    return QuickPredictor(tmp_path / "log.txt", breaking=BREAKING)


def test_what_fails_fails_alone_in_its_place(tmp_path: Path, files: list[str], quick: QuickPredictor):
    records, told = predict(tmp_path / "out", files, quick)
    assert asked_of(records) == [
        ("0.npy", 0, False),
        ("1.npy", 0, False),
        ("2.npy", 0, True),
        ("3.npy", 0, False),
        *(("damaged.h5", index, index in DAMAGED) for index in range(COUNT)),
        ("pages.npy", 0, False),
        ("pages.npy", 1, False),
    ]
    assert len(told) == 1 + len(DAMAGED)
    assert "out of memory (no room)" in told[0].message
    assert {failure.index for failure in told[1:]} == set(DAMAGED)


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_change_nothing(tmp_path: Path, files: list[str], quick: QuickPredictor, processes: int):
    alone, _ = predict(tmp_path / "one", files, quick)
    shared, _ = predict(tmp_path / "many", files, quick, Machines(processes))
    assert shared == alone
    names = [{path.name for path in (tmp_path / folder).iterdir()} for folder in ("one", "many")]
    assert names[0] == names[1]


def test_a_cluster_changes_nothing(tmp_path: Path, files: list[str], quick: QuickPredictor):
    distributed = pytest.importorskip("distributed", reason="needs dask.distributed (extra cluster)")
    alone, _ = predict(tmp_path / "one", files, quick)
    with distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster:
        machines = Machines(scheduler=cluster.scheduler_address)
        shared, _ = predict(tmp_path / "many", files, quick, machines)
    assert shared == alone


def test_an_image_of_a_stack_that_kills_its_process_costs_no_other(
    tmp_path: Path, draw_image: Callable[..., Any], quick: QuickPredictor
):
    images = np.stack([draw_image((10 + index, 20)) for index in range(COUNT)])
    images[5, 0, 0] = DEADLY
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["entry/data/data"] = images
    deadly = QuickPredictor(quick.log, deadly=DEADLY)
    records, told = predict(tmp_path / "out", [str(tmp_path / "m.h5")], deadly, Machines(2))
    assert asked_of(records) == [("m.h5", index, index == 5) for index in range(COUNT)]
    assert [failure.index for failure in told] == [5]


@pytest.mark.parametrize("processes", [1, 2])
def test_a_hopeless_stack_is_given_up_and_a_damaged_beginning_is_not(
    tmp_path: Path, draw_image: Callable[..., Any], quick: QuickPredictor, processes: int
):
    hopeless = write_damaged(tmp_path / "hopeless.h5", draw_image, tuple(range(COUNT)))
    begun = write_damaged(tmp_path / "begun.h5", draw_image, (0, 1, 2, 3))
    files = [str(hopeless), str(begun)]
    records, told = predict(tmp_path / "out", files, quick, Machines(processes))
    failures = [(name, index) for name, index, has_failed in asked_of(records) if has_failed]
    assert failures == [
        *(("hopeless.h5", index) for index in (0, 1, 2, GIVE_UP, COUNT - 3, COUNT - 2, COUNT - 1)),
        *(("begun.h5", index) for index in range(4)),
    ]
    (left,) = [failure for failure in told if "not tried" in failure.text]
    assert f"{COUNT - 2 * GIVE_UP} images were not tried" in left.message
    assert len(quick.asked()) == COUNT - 4


def test_a_selection_beyond_the_end_fails_once(tmp_path: Path, files: list[str], quick: QuickPredictor):
    records, _ = predict(tmp_path / "out", [f"{files[-2]}#9-99999"], quick)
    assert asked_of(records) == [("damaged.h5#9-99999", 0, True)]


def test_a_damaged_page_is_asked_again_and_the_others_are_not(
    tmp_path: Path, files: list[str], quick: QuickPredictor, monkeypatch: pytest.MonkeyPatch
):
    from argand.systems.geometry.files import work

    whole = work.read_frames

    def read(path: str, **more: Any) -> Iterator[Any]:
        for frame in whole(path, **more):
            if frame.index == 0:
                raise OSError("a bad sector")
            yield frame

    with monkeypatch.context() as patch:
        patch.setattr(work, "read_frames", read)
        records, _ = predict(tmp_path / "out", files[-1:], quick)
    assert asked_of(records) == [("pages.npy", 0, True), ("pages.npy", 1, False)]
    records, told = predict(tmp_path / "out", files[-1:], quick)
    assert asked_of(records) == [("pages.npy", 0, False), ("pages.npy", 1, False)]
    assert quick.asked() == ["pages.npy 1", "pages.npy 0"]
    assert not told


@pytest.mark.parametrize("verb", [cli.predict, cli.watch, cli.evaluate, cli.hard])
def test_verbs_over_many_images_can_share_them_out(verb: Callable[..., None]):
    assert {"processes", "scheduler"} <= set(verb.__annotations__)
