"""Following a folder: whole files only, bad ones survived, nothing twice."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from argand.errors import InputError
from argand.systems.geometry.files.batch import Stated
from argand.systems.geometry.files.watch import Watcher

STATED = Stated(1.0, 150.0, (0.1, 0.1))


@pytest.fixture
def watcher(tmp_path: Path, predictor: object) -> Watcher:
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


def test_images_that_arrive_later_are_answered(watcher: Watcher, write_image: Callable[..., Path]):
    write_image(watcher.folder / "a.npy")
    later = threading.Timer(0.2, write_image, [watcher.folder / "b.npy"])
    later.start()
    names = [Path(record["file"]).name for record in watcher.run(timeout_s=2.0)]
    later.join()
    assert names == ["a.npy", "b.npy"]


def test_a_growing_file_waits_until_it_is_whole(
    watcher: Watcher, tmp_path: Path, write_image: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    whole = write_image(tmp_path / "whole.npy", (60, 45)).read_bytes()
    target = watcher.folder / "a.npy"
    pieces = np.array_split(np.frombuffer(whole, np.uint8), 4)

    def grow(seconds: float) -> None:
        if pieces:
            with target.open("ab") as file:
                file.write(pieces.pop(0).tobytes())

    grow(0)
    monkeypatch.setattr("argand.systems.geometry.files.watch.time.sleep", grow)
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


def test_a_failed_file_is_tried_again_when_it_has_changed(watcher: Watcher, write_image: Callable[..., Path]):
    target = watcher.folder / "a.npy"
    target.write_bytes(b"half of it")
    later = threading.Timer(0.2, write_image, [target])
    later.start()
    answers = [record["reliable"] for record in watcher.run(timeout_s=2.0)]
    later.join()
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
    for name in ("a.npy", "b.npy"):
        write_image(watcher.folder / name)
        time.sleep(0.01)
    answer = predictor.predict_frame

    def interrupted(frame: object, **options: object) -> object:
        if "b.npy" in frame.path:
            raise KeyboardInterrupt
        return answer(frame, **options)

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
