"""Files that are written whole or not at all."""

import errno
import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest
from disk_limit import room_for

from argand.errors import OutputError
from argand.io.atomic import (
    append_text,
    drop_leftovers,
    make_folder,
    valid_text,
    write_bytes,
    write_lines,
    write_text,
    written,
)

BLOCK = 4_000_000
"""Bytes that a writer is seen at work with."""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("error", [ValueError, KeyError, KeyboardInterrupt])
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
    with pytest.raises(OutputError):
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


def test_what_the_disk_refuses_is_told_and_leaves_what_was_there(tmp_path: Path):
    write_text(tmp_path / "a.txt", "old")
    with (
        room_for(100),
        pytest.raises(OutputError, match=r"a\.txt: cannot be written \(File too large\); raise"),
    ):
        write_text(tmp_path / "a.txt", "new" * 100)
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_an_error_of_another_file_keeps_its_name(tmp_path: Path):
    with pytest.raises(FileNotFoundError), written(tmp_path / "a"):
        (tmp_path / "nonesuch").read_bytes()


def test_a_disk_that_is_full_is_told_with_the_name_of_the_file(tmp_path: Path):
    with pytest.raises(OutputError, match=r"a\.h5: cannot be written \(No space .*\); free some space"):  # noqa: SIM117
        with written(tmp_path / "a.h5") as temporary:
            temporary.write_bytes(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["file/a", "loop/a", "n" * 300, "folder", "missing/a"])
def test_a_place_where_nothing_can_be_is_told(tmp_path: Path, name: str):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    before = names(tmp_path)
    with pytest.raises(OutputError, match="cannot be written"):
        write_text(tmp_path / name, "text")
    assert names(tmp_path) == before


@pytest.mark.parametrize("name", ["", ".", "/"])
def test_a_place_without_a_name_is_told(name: str):
    with pytest.raises(OutputError, match="is not a file name"):
        write_bytes(name, b"")


@pytest.mark.parametrize("length", [200, 240, 255])
def test_the_longest_names_that_a_disk_takes_are_written(tmp_path: Path, length: int):
    write_text(tmp_path / ("n" * length), "text")
    assert names(tmp_path) == ["n" * length]


@pytest.mark.parametrize("name", ["file", "file/a", "loop", "n" * 300])
def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, name: str):
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OutputError, match="cannot be created"):
        make_folder(tmp_path / name)


@pytest.mark.parametrize("room", [60, 61, 100, 139])
def test_an_append_that_does_not_fit_is_cut_back(tmp_path: Path, room: int):
    write_text(tmp_path / "a", "x" * 60)
    with room_for(room), pytest.raises(OutputError, match="a: cannot be written"):
        append_text(tmp_path / "a", "y" * 80)
    assert (tmp_path / "a").read_text() == "x" * 60
    append_text(tmp_path / "a", "y" * 80)
    assert (tmp_path / "a").read_text() == "x" * 60 + "y" * 80


def test_names_of_any_bytes_are_written_as_valid_text(tmp_path: Path):
    name = os.fsdecode(b"n\xff\xc3\x85")
    write_text(tmp_path / "text", name)
    append_text(tmp_path / "lines", name)
    assert (tmp_path / "text").read_text("utf-8") == (tmp_path / "lines").read_text("utf-8") == "n\\udcffÅ"
    assert valid_text(name) == "n\\udcffÅ"
    write_text(tmp_path / name, "text")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lines", name, "text"]


def test_what_a_killed_run_left_of_a_file_is_removed_and_nothing_else(tmp_path: Path):
    kept = [tmp_path / name for name in (".b.h5.1-0.part", "a.h5", "a.h5.part")]
    for path in (*kept, tmp_path / ".a.h5.77-0.part"):
        path.touch()
    drop_leftovers(tmp_path / "a.h5")
    assert sorted(tmp_path.iterdir()) == sorted(kept)
