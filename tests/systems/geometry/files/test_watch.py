"""Following a folder: whole files only, bad ones survived, nothing twice."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from argand.errors import InputError
from argand.systems.geometry.files.batch import Stated
from argand.systems.geometry.files.watch import Watcher

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
    assert second["reliable"] is False


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
    assert told["a.cbf"]["reliable"] is False
    assert "diffraction image" in told["a.cbf"]["reason"]
    assert told["b.npy"]["reliable"] is True


def test_a_failed_file_is_tried_again_when_it_has_changed(
    watcher: Watcher, clock: Clock, write_image: Callable[..., Path]
):
    target = watcher.folder / "a.npy"
    target.write_bytes(b"half of it")
    clock.later = [(101.0, lambda: write_image(target))]
    answers = [record["reliable"] for record in watcher.run(timeout_s=2.0)]
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
    assert [line["reliable"] for line in lines(watcher)] == [True]


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


def test_a_missing_folder_is_told(watcher: Watcher):
    watcher.folder = watcher.folder / "gone"
    with pytest.raises(InputError, match="no such folder"):
        list(watcher.run(once=True))
