"""Files that are written whole or not at all."""

import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from argand.io.atomic import write_lines, write_text, written

BLOCK = 4_000_000
"""Bytes that a writer is seen at work with."""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt])
def test_an_error_leaves_neither_half_a_file_nor_a_temporary_one(tmp_path: Path, error: type[BaseException]):
    with pytest.raises(error), written(tmp_path / "new.txt") as temporary:
        temporary.write_text("half")
        raise error
    assert names(tmp_path) == []


def test_an_error_leaves_the_file_that_was_there(tmp_path: Path):
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(ValueError), written(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise ValueError
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_what_cannot_take_its_place_is_removed(tmp_path: Path):
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError):
        write_text(tmp_path / "a", "text")
    assert names(tmp_path) == ["a"]


def test_a_file_appears_when_it_is_whole_and_no_search_finds_it_before(tmp_path: Path):
    with written(tmp_path / "a.npy") as temporary, temporary.open("wb") as file:
        np.save(file, np.arange(3))
        assert temporary.name.startswith(".")
        assert not list(tmp_path.glob("*.npy"))
    assert np.load(tmp_path / "a.npy").tolist() == [0, 1, 2]


def test_two_writers_of_one_process_do_not_disturb_each_other(tmp_path: Path):
    with written(tmp_path / "a") as first, written(tmp_path / "a") as second:
        first.write_text("first")
        second.write_text("second")
    assert (tmp_path / "a").read_text() == "first"
    assert names(tmp_path) == ["a"]


def write_often(path: Path, letter: str) -> None:
    """Write one file many times, of one letter alone."""
    for _ in range(10):
        with written(path) as temporary:
            temporary.write_text(letter * BLOCK)


def test_processes_that_write_one_file_leave_what_one_of_them_wrote(tmp_path: Path):
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_often, args=(tmp_path / "a", letter)) for letter in "xy"]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        if (tmp_path / "a").exists():
            text = (tmp_path / "a").read_text()
            assert (len(text), len(set(text))) == (BLOCK, 1)
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert names(tmp_path) == ["a"]


def test_lines_end_and_text_is_left_as_it_is(tmp_path: Path):
    write_lines(tmp_path / "lines", ["Å", "b"])
    write_text(tmp_path / "text", "Å\nb")
    assert (tmp_path / "lines").read_bytes() == "Å\nb\n".encode()
    assert (tmp_path / "text").read_bytes() == "Å\nb".encode()
