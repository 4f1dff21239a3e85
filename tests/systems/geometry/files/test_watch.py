"""Following a folder: whole files only, bad ones survived, nothing twice."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest
from quick_predictor import QuickPredictor

from argand.crew import Machines
from argand.errors import ConfigError, InputError, OutputError
from argand.io.image import Frame
from argand.systems.geometry.files.batch import Stated
from argand.systems.geometry.files.watch import GIVE_UP, Watcher

STATED = Stated(1.0, 150.0, (0.1, 0.1))


@dataclass
class Clock:
    """Stands in for the module `time` where the watcher looks at it; time goes on while it sleeps."""

    now: float = 100.0
    later: list[tuple[float, Callable[[], object]]] = field(default_factory=list)
    """What happens, and when."""

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        while self.later and self.later[0][0] <= self.now:
            self.later.pop(0)[1]()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(sys.modules[Watcher.__module__], "time", clock)
    return clock


@pytest.fixture
def watcher(tmp_path: Path, predictor: object, clock: Clock) -> Watcher:
    """Follows an empty folder at a quick pace."""
    folder = tmp_path / "images"
    folder.mkdir()
    return Watcher(folder, tmp_path / "results.jsonl", predictor, STATED, interval_s=0.01)


def lines(watcher: Watcher) -> list[dict]:
    return [json.loads(line) for line in watcher.out.read_text().splitlines()]


def test_each_image_becomes_a_line(watcher: Watcher, write_image: Callable[..., Path]):
    write_image(watcher.folder / "a.npy", (60, 45))
    write_image(watcher.folder / "b.npy", None)
    list(watcher.run(once=True))
    first, second = sorted(lines(watcher), key=lambda line: line["file"])
    assert first["beam_centre_px"] == [60.5, 45.5]
    assert second["trusted"] is False


def test_images_that_arrive_later_are_answered_until_none_comes_in_time(
    watcher: Watcher, clock: Clock, write_image: Callable[..., Path]
):
    write_image(watcher.folder / "a.npy")
    for name, second in (("b.npy", 101.5), ("c.npy", 103.0), ("d.npy", 105.5)):
        clock.later.append((second, partial(write_image, watcher.folder / name)))
    names = [Path(record["file"]).name for record in watcher.run(timeout_s=2.0)]
    assert names == ["a.npy", "b.npy", "c.npy"]
    assert clock.now == pytest.approx(105.02, abs=0.015)


def test_a_growing_file_waits_until_it_is_whole(
    watcher: Watcher, clock: Clock, tmp_path: Path, write_image: Callable[..., Path]
):
    whole = write_image(tmp_path / "whole.npy", (60, 45)).read_bytes()
    target = watcher.folder / "a.npy"
    pieces = np.array_split(np.frombuffer(whole, np.uint8), 4)

    def grow() -> None:
        with target.open("ab") as file:
            file.write(pieces.pop(0).tobytes())

    grow()
    clock.later = [(clock.now, grow)] * 3
    (record,) = watcher.run(once=True)
    assert record["beam_centre_px"] == (60.5, 45.5)


def test_a_bad_file_is_told_and_the_next_ones_go_on(watcher: Watcher, write_image: Callable[..., Path]):
    (watcher.folder / "a.cbf").write_bytes(b"junk")
    write_image(watcher.folder / "b.npy")
    list(watcher.run(once=True))
    told = {Path(line["file"]).name: line for line in lines(watcher)}
    assert told["a.cbf"]["trusted"] is False
    assert "diffraction image" in told["a.cbf"]["reason"]
    assert told["b.npy"]["trusted"] is True


def test_a_failed_file_is_tried_again_when_it_has_changed(
    watcher: Watcher, clock: Clock, write_image: Callable[..., Path]
):
    target = watcher.folder / "a.npy"
    target.write_bytes(b"half of it")
    clock.later = [(101.0, lambda: write_image(target))]
    answers = [record["trusted"] for record in watcher.run(timeout_s=2.0)]
    assert answers == [False, True]


def test_a_restart_does_not_repeat_what_is_done(
    watcher: Watcher, predictor: object, write_image: Callable[..., Path]
):
    write_image(watcher.folder / "a.npy")
    list(watcher.run(once=True))
    write_image(watcher.folder / "b.npy")
    again = Watcher(watcher.folder, watcher.out, predictor, STATED, interval_s=0.01)
    assert [Path(record["file"]).name for record in again.run(once=True)] == ["b.npy"]
    assert len(lines(watcher)) == 2


def test_a_torn_last_line_is_made_again(
    watcher: Watcher, predictor: object, write_image: Callable[..., Path]
):
    write_image(watcher.folder / "a.npy")
    list(watcher.run(once=True))
    watcher.out.write_text(watcher.out.read_text()[:-30])
    again = Watcher(watcher.folder, watcher.out, predictor, STATED, interval_s=0.01)
    list(again.run(once=True))
    assert [line["trusted"] for line in lines(watcher)] == [True]


def test_ctrl_c_leaves_whole_lines_to_go_on_from(
    watcher: Watcher, predictor: object, write_image: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    for second, name in enumerate(("a.npy", "b.npy")):
        os.utime(write_image(watcher.folder / name), (second, second))
    answer = predictor.predict_frame

    def interrupted(frame: object, *options: object) -> object:
        if "b.npy" in frame.path:
            raise KeyboardInterrupt
        return answer(frame, *options)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(predictor, "predict_frame", interrupted)
        list(watcher.run(once=True))
    assert [Path(line["file"]).name for line in lines(watcher)] == ["a.npy"]
    again = Watcher(watcher.folder, watcher.out, predictor, STATED, interval_s=0.01)
    list(again.run(once=True))
    assert [Path(line["file"]).name for line in lines(watcher)] == ["a.npy", "b.npy"]


def test_only_files_of_the_pattern_count(watcher: Watcher, write_image: Callable[..., Path]):
    write_image(watcher.folder / "a.npy")
    write_image(watcher.folder / "b_dark.npy")
    watcher.pattern = "?.npy"
    assert [Path(record["file"]).name for record in watcher.run(once=True)] == ["a.npy"]


@pytest.mark.parametrize("pattern", ["/etc/*", "", "**x", "../*", "a/../../*", "x" * 5000])
def test_a_pattern_of_no_files_of_the_folder_is_told_before_anything_is_done(watcher: Watcher, pattern: str):
    watcher.pattern = pattern
    with pytest.raises(ConfigError, match="--pattern"):
        list(watcher.run(once=True))
    assert not watcher.out.exists()


@pytest.mark.parametrize("line", ["{}", '{"file": "a.npy"}', '{"index": 0}', '{"file": null, "index": 0}'])
def test_a_line_of_the_results_that_is_no_record_is_named(watcher: Watcher, line: str):
    text = f'{{"file": "a.npy", "index": 0}}\n{line}\n'
    watcher.out.write_text(text)
    with pytest.raises(InputError, match="line 2 has no"):
        list(watcher.run(once=True))
    assert watcher.out.read_text() == text


def test_results_in_a_folder_that_cannot_be_made_are_told(watcher: Watcher):
    (watcher.folder.parent / "file").touch()
    watcher.out = watcher.folder.parent / "file" / "results.jsonl"
    with pytest.raises(OutputError, match="cannot be created"):
        list(watcher.run(once=True))


def test_a_missing_folder_is_told(watcher: Watcher):
    watcher.folder = watcher.folder / "gone"
    with pytest.raises(InputError, match="no such folder"):
        list(watcher.run(once=True))


@pytest.fixture
def growing(watcher: Watcher, draw_image: Callable[..., np.ndarray]) -> Callable[..., Path]:
    """Writes a master that links to three data files, or one of those, of two images each."""

    def write(number: int | None = None) -> Path:
        path = watcher.folder / ("x_master.h5" if number is None else f"x_data_{number:06d}.h5")
        with h5py.File(path, "w") as file:
            if number is None:
                for one in (1, 2, 3):
                    link = h5py.ExternalLink(f"x_data_{one:06d}.h5", "entry/data/data")
                    file[f"entry/data/data_{one:06d}"] = link
            else:
                images = [draw_image((10 * number + place, 20)) for place in (0, 1)]
                file.create_dataset("entry/data/data", data=np.stack(images), chunks=(1, *images[0].shape))
        return path

    return write


def test_a_master_is_answered_while_its_data_files_appear_and_each_frame_once(
    watcher: Watcher, clock: Clock, growing: Callable[..., Path]
):
    growing()
    growing(1)
    clock.later = [(101.0, partial(growing, 3)), (103.0, partial(growing, 2))]
    records = list(watcher.run(timeout_s=5.0))
    assert [(record["index"], record["beam_centre_px"][0]) for record in records] == [
        (2 * (number - 1) + place, 10 * number + place + 0.5) for number in (1, 2, 3) for place in (0, 1)
    ]
    assert len(lines(watcher)) == 6


def test_a_restart_goes_on_with_the_frames_that_came_meanwhile(
    watcher: Watcher, predictor: object, growing: Callable[..., Path]
):
    growing()
    growing(1)
    *answers, missing = watcher.run(once=True)
    assert [record["index"] for record in answers] == [0, 1]
    assert "x_data_000002.h5 is missing" in missing["reason"]
    growing(2)
    growing(3)
    again = Watcher(watcher.folder, watcher.out, predictor, STATED, interval_s=0.01)
    assert [record["index"] for record in again.run(once=True)] == [2, 3, 4, 5]


def test_a_data_file_that_is_being_copied_waits_until_it_is_whole(
    watcher: Watcher, clock: Clock, growing: Callable[..., Path]
):
    growing()
    whole = growing(1).read_bytes()
    (watcher.folder / "x_data_000001.h5").write_bytes(whole[: len(whole) // 2])
    clock.later = [(101.0, lambda: (watcher.folder / "x_data_000001.h5").write_bytes(whole))]
    records = list(watcher.run(timeout_s=3.0))
    assert [record["index"] for record in records] == [0, 1]
    assert all(record["trusted"] for record in records)


def test_room_that_is_made_for_frames_is_no_frame(
    watcher: Watcher, clock: Clock, draw_image: Callable[..., np.ndarray]
):
    path = watcher.folder / "y.h5"
    shape = draw_image(None).shape

    def put(index: int) -> None:
        with h5py.File(path, "a") as file:
            data = file.require_dataset("entry/data/data", (4, *shape), np.int32, chunks=(1, *shape))
            data[index] = draw_image((10 + index, 20))

    put(0)
    clock.later = [(101.0 + index, partial(put, index)) for index in (1, 2, 3)]
    assert [record["index"] for record in watcher.run(timeout_s=2.0)] == [0, 1, 2, 3]


WRITER = """
import sys, time, pathlib
import h5py, numpy as np
path, go = map(pathlib.Path, sys.argv[1:])
with h5py.File(path, "w", libver="latest") as file:
    room = {"chunks": (1, 90, 120), "maxshape": (None, 90, 120)}
    data = file.create_dataset("entry/data/data", (0, 90, 120), np.int32, **room)
    file.swmr_mode = True
    for index in range(3):
        data.resize(index + 1, 0)
        image = np.zeros((90, 120), np.int32)
        image[20, 10 + index] = 5000
        data[index] = image
        data.flush()
        while not (go / str(index)).exists():
            time.sleep(0.01)
"""


def test_a_file_in_swmr_mode_is_answered_while_it_is_written(
    watcher: Watcher, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HDF5_USE_FILE_LOCKING", "FALSE")
    go = tmp_path / "go"
    go.mkdir()
    path = watcher.folder / "s.h5"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(go)])
    centres = []
    end = time.monotonic() + 60
    while len(centres) < 3 and time.monotonic() < end:
        for record in watcher.run(timeout_s=0.1):
            assert writer.poll() is None
            centres.append((record["index"], record["beam_centre_px"]))
            (go / str(record["index"])).touch()
        time.sleep(0.02)
    assert writer.wait(10) == 0
    assert centres == [(index, (10.5 + index, 20.5)) for index in range(3)]


def test_one_bad_frame_does_not_keep_the_others_from_their_answers(
    watcher: Watcher, predictor: object, write_stack: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    write_stack(watcher.folder / "m.h5", [(60, 45)] * 6)
    answer = predictor.predict_frame

    def odd(frame: Frame, *options: object) -> object:
        if frame.index in odd_ones:
            raise InputError(f"{frame.path}: image {frame.index} is damaged")
        return answer(frame, *options)

    monkeypatch.setattr(predictor, "predict_frame", odd)
    odd_ones = {2}
    records = list(watcher.run(once=True))
    assert sorted(record["index"] for record in records) == list(range(6))
    assert [record["index"] for record in records if record.get("failed")] == [2]
    write_stack(watcher.folder / "n.h5", [(60, 45)] * 6)
    odd_ones = set(range(6))
    assert len(list(watcher.run(once=True))) == GIVE_UP


def test_processes_share_the_images_of_a_folder(
    watcher: Watcher, tmp_path: Path, write_stack: Callable[..., Path], write_image: Callable[..., Path]
):
    write_stack(watcher.folder / "m.h5", [(60, 45), (10, 20), (30, 40)])
    write_image(watcher.folder / "a.npy")
    watcher.predictor, watcher.machines = QuickPredictor(tmp_path / "log.txt"), Machines(2)
    records = list(watcher.run(once=True))
    assert sorted((Path(record["file"]).name, record["index"]) for record in records) == [
        ("a.npy", 0),
        ("m.h5", 0),
        ("m.h5", 1),
        ("m.h5", 2),
    ]
