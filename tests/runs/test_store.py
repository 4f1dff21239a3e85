"""Records kept by a key; and items answered one by one."""

from pathlib import Path

import pytest

from argand.errors import InputError
from argand.runs.course import Failure
from argand.runs.one_by_one import OneByOne
from argand.runs.resume import ASKED
from argand.runs.store import RecordStore


def test_the_last_record_of_a_key_counts_here_and_for_the_next_run(tmp_path: Path):
    store = RecordStore(tmp_path / "records.jsonl")
    for name, asked, value in (("a", "1", "ä"), ("b", "1", 2.0), ("a", "2", 3.0)):
        store.add({"name": name, ASKED: asked, "value": value})
    store.add({"name": "c", "reason": "none"})
    with store.file.open("a") as file:
        file.write('{"name": "cut sho')
    for one in (store, RecordStore(store.file)):
        assert list(one) == ["a", "b", "c"]
        assert [one.asked(key) for key in "abcd"] == ["2", "1", None, None]
        assert "c" in one
        assert "d" not in one
        assert [record.get("value") for record in one.read("cab")] == [None, 3.0, 2.0]
    again = RecordStore(store.file)
    again.add({"name": "d", ASKED: "1", "value": 4.0})
    assert [record["value"] for record in again.read("db")] == [4.0, 2.0]
    again.remove()
    assert not store.file.exists()


@pytest.mark.parametrize("line", ["nothing", "[1]", '{"draw": 1}', '{"name": null}', "[" * 100_000])
def test_what_is_no_record_is_named_with_its_line(tmp_path: Path, line: str):
    (tmp_path / "records.jsonl").write_text(f'{{"name": "a"}}\n{line}\n{{"name": "b"}}\n')
    with pytest.raises(InputError, match="line 2"):
        RecordStore(tmp_path / "records.jsonl")


def answer(item: str) -> str:
    if item == "stop":
        raise KeyboardInterrupt
    if item == "large":
        raise MemoryError
    if item == "bad":
        raise InputError("bad: no structure")
    return item.upper()


def test_any_error_is_that_of_its_item_and_ctrl_c_is_of_all():
    found = OneByOne(answer)()(["a", "large", "bad", "b", "stop"])
    assert next(found) == "A"
    assert next(found) == Failure.of("large", MemoryError())
    assert next(found) == Failure("bad", "bad: no structure")
    assert next(found) == "B"
    with pytest.raises(KeyboardInterrupt):
        next(found)
