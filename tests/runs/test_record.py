"""Records of a run that were damaged: the line is told, and nothing is lost."""

import json
import os
from pathlib import Path

import pytest

from argand.errors import ArgandError, InputError
from argand.io.atomic import write_bytes
from argand.io.manifest import begin_manifest
from argand.runs.folder import RunFolder
from argand.runs.record import RESULTS, append_records, drop_torn_line, read_records, to_line

GOOD = [{"file": "a.cbf", "index": 0, "name": "a"}, {"file": "b.cbf", "index": None, "xyz": "b.xyz"}]
DAMAGED = {
    "cut": b'{"file": "c.cbf", "ind',
    "nothing": b"",
    "no JSON": b"file: c.cbf",
    "binary": b"\x00\xff\xfe\x89HDF",
    "zeros": b"\0" * 50,
    "a list": b"[1, 2]",
    "a number": b"3",
    "null": b"null",
    "deep": b'{"a":' * 50_000,
    "a long number": b'{"index": ' + b"9" * 5000 + b"}",
    "file of another kind": b'{"file": 3}',
    "index of another kind": b'{"file": "c", "index": "0"}',
    "index that is a truth": b'{"file": "c", "index": true}',
    "no name": b'{"file": "c", "name": null}',
    "outputs of another kind": b'{"file": "c", "downloads": 5}',
    "outputs elsewhere": b'{"file": "c", "downloads": ["../../etc/passwd"]}',
    "picture elsewhere": b'{"file": "c", "picture": "/etc/passwd"}',
}
"""Lines that are no records."""


def earlier_run(folder: Path, content: bytes) -> None:
    """A folder that argand has written results to, which are these now."""
    begin_manifest(folder)
    write_bytes(folder / RESULTS, content)


def lines(*more: bytes) -> bytes:
    """A good line, some others, and another good one."""
    first, last = (to_line(record).encode() for record in GOOD)
    return b"\n".join([first, *more, last]) + b"\n"


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_line_is_told_by_its_number_and_nothing_is_lost(tmp_path: Path, damage: str):
    content = lines(DAMAGED[damage])
    earlier_run(tmp_path, content)
    with (
        pytest.raises(InputError, match=r"results\.jsonl: line 2 .*; delete these lines to compute"),
        RunFolder(tmp_path, resume=True),
    ):
        pass
    assert (tmp_path / RESULTS).read_bytes() == content
    (tmp_path / RESULTS).write_bytes(lines())
    with RunFolder(tmp_path, resume=True):
        assert read_records(tmp_path / RESULTS) == GOOD


def test_several_damaged_lines_are_counted(tmp_path: Path):
    (tmp_path / RESULTS).write_bytes(lines(b"x", b"y", b"z"))
    with pytest.raises(InputError, match="line 2 is not JSON, and 2 more; delete"):
        read_records(tmp_path / RESULTS)


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_file_of_something_else_is_left_as_it_is(tmp_path: Path, damage: str):
    content = DAMAGED[damage] + b"\n" + DAMAGED[damage] + b"\n"
    earlier_run(tmp_path, content)
    told = pytest.raises(InputError, match="contains no records of a run; move it away")
    with told, RunFolder(tmp_path, resume=True):
        pass
    assert (tmp_path / RESULTS).read_bytes() == content


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a", b"one\ntwo", b"[\n1\n]", b'{\n "a": 1\n}'])
def test_the_end_of_a_file_of_something_else_is_not_cut_off(tmp_path: Path, content: bytes):
    (tmp_path / "mine").write_bytes(content)
    with pytest.raises(InputError, match="mine: contains no records"):
        drop_torn_line(tmp_path / "mine")
    assert (tmp_path / "mine").read_bytes() == content


@pytest.mark.parametrize("tail", [b'{"fi', b"\0\0\0", b"{", to_line(GOOD[0]).encode()[:-1]])
def test_a_torn_end_is_cut_off(tmp_path: Path, tail: bytes):
    (tmp_path / RESULTS).write_bytes(lines() + tail)
    assert read_records(tmp_path / RESULTS) == GOOD
    drop_torn_line(tmp_path / RESULTS)
    assert (tmp_path / RESULTS).read_bytes() == lines()


def test_a_last_record_that_lacks_its_end_alone_is_kept(tmp_path: Path):
    (tmp_path / RESULTS).write_bytes(lines()[:-1])
    drop_torn_line(tmp_path / RESULTS)
    assert (tmp_path / RESULTS).read_bytes() == lines()


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_told(tmp_path: Path, kind: str):
    begin_manifest(tmp_path)
    (tmp_path / RESULTS).mkdir() if kind == "folder" else os.mkfifo(tmp_path / RESULTS)
    told = pytest.raises(ArgandError, match=r"results\.jsonl: not a file; move it away")
    with told, RunFolder(tmp_path, resume=True):
        pass


def test_records_that_lack_a_key_are_told(tmp_path: Path):
    append_records(tmp_path / RESULTS, GOOD)
    with pytest.raises(InputError, match="line 2 has no 'name'"):
        read_records(tmp_path / RESULTS, needed=["file", "name"])


def test_names_of_any_bytes_come_back(tmp_path: Path):
    name = os.fsdecode(b"n\xff.cbf")
    append_records(tmp_path / RESULTS, [{"file": name}])
    assert read_records(tmp_path / RESULTS) == [{"file": name}]
    assert json.loads((tmp_path / RESULTS).read_text("ascii")) == {"file": name}
