"""The watched folder: its answers, the course of the centre, and the alarm."""

import json
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from argand.app.schema import WATCH
from argand.app.watching import FILE, Watch
from argand.errors import InputError

IMAGE = Path(__file__).parents[2] / "src/argand/app/data/examples/thaumatin.cbf.bz2"


def record(name: str, centre: tuple[float, float] | None, shift: tuple[float, float] | None = None) -> str:
    """A line of the answers."""
    told: dict[str, Any] = {"file": name, "index": 0, "trusted": centre is not None, "reason": "so"}
    told |= {"beam_centre_px": centre, "shift_px": shift, "position": "one", "time": "2026-01-01T00:00:00"}
    return json.dumps(told) + "\n"


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    """A watch that does not run: the answers are written by the test."""
    (tmp_path / "in").mkdir()
    made = Watch.of(tmp_path / "in", tmp_path, alarm_px=1.0)
    made.out.mkdir()
    return made


def tell(watch: Watch, *lines: str) -> dict[str, Any]:
    """What the watch says after more answers."""
    with (watch.out / FILE).open("a") as answers:
        answers.write("".join(lines))
    told = watch.to_dict()
    jsonschema.validate(told, WATCH)
    return told


def test_a_shift_beyond_the_limit_raises_the_alarm_until_the_centre_is_back(watch: Watch):
    assert not watch.to_dict()["alarm"]
    assert not tell(watch, record("a", (10, 10), (0.5, 0.5)))["alarm"]
    alarmed = tell(watch, record("b", (11, 10), (1.5, 0.0)), record("c", None))
    assert (alarmed["alarm"], alarmed["shift_px"]) == (True, 1.5)
    assert [one["name"] for one in alarmed["images"]] == ["c", "b", "a"]
    assert alarmed["counts"] == {"trusted": 2, "not trusted": 1, "failed": 0}
    assert not tell(watch, record("d", (10, 10), (0.0, 0.1)))["alarm"]


def test_without_a_header_the_first_centre_counts(watch: Watch):
    told = tell(watch, record("a", (10, 10)), record("b", (13, 14)))
    assert told["course"][-1]["shift"] == [3, 4]
    assert told["alarm"]


def test_half_a_line_waits_for_its_rest(watch: Watch):
    line = record("a", (10, 10), (0.0, 0.0))
    assert tell(watch, line[:20])["images"] == []
    assert len(tell(watch, line[20:])["images"]) == 1


def test_a_missing_folder_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="no such folder"):
        Watch.of(tmp_path / "none", tmp_path, 1.0)


@pytest.mark.slow
def test_an_image_that_arrives_is_answered(tmp_path: Path):
    (tmp_path / "in").mkdir()
    watch = Watch.of(tmp_path / "in", tmp_path, alarm_px=0.1)
    watch.start()
    try:
        (tmp_path / "in" / IMAGE.name).write_bytes(IMAGE.read_bytes())
        end = time.monotonic() + 60
        while not watch.look():
            assert time.monotonic() < end, watch.message
            time.sleep(0.2)
        assert watch.to_dict()["alarm"]
    finally:
        watch.close()
    assert (watch.out / FILE).is_file()
