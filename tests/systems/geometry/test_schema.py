"""What the verbs print and write is what docs/schema/geometry.json says."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from argand.cli import build
from argand.runs.record import SCHEMA_VERSION
from argand.system import SYSTEMS

KNOWN = ["--wavelength", "1.0", "--distance", "150", "--pixel-size", "0.1"]
THAUMATIN = Path(__file__).parents[3] / "examples" / "data" / "thau_3_2_0006.cbf.bz2"


def run(*words: object) -> Any:
    return CliRunner().invoke(build(SYSTEMS), ["geometry", *map(str, words)])


def test_what_the_shipped_weights_answer_is_valid(fits_schema: Callable[[Any], None], tmp_path: Path):
    printed = json.loads(run("predict", THAUMATIN, "--out", tmp_path / "out", "--json").stdout)
    fits_schema(printed)
    assert printed[0]["trusted"]
    assert printed[0]["schema_version"] == SCHEMA_VERSION
    (line,) = (tmp_path / "out" / "results.jsonl").read_text().splitlines()
    fits_schema(json.loads(line))


def test_answers_pooled_ones_and_failures_are_valid(
    fits_schema: Callable[[Any], None], tmp_path: Path, write_image: Callable[..., Path], shipped: object
):
    files = [write_image(tmp_path / f"{name}.npy", None if name == "c" else (60, 45)) for name in "abc"]
    words = ["predict", *files, tmp_path / "gone.cbf", *KNOWN, "--json", "-o", tmp_path / "out"]
    printed = json.loads(run(*words).stdout)
    fits_schema(printed)
    assert [one.get("failed", False) for one in printed] == [True, False, False, False, False]
    assert [one["trusted"] for one in printed] == [False, True, True, False, True]
    assert printed[-1]["pooled"]
    assert printed[3]["best_guess_px"] == printed[3]["unreliable_estimate_px"] == [0.5, 0.5]
    for line in (tmp_path / "out" / "results.jsonl").read_text().splitlines():
        fits_schema(json.loads(line))


def test_lines_of_watch_are_valid(
    fits_schema: Callable[[Any], None], tmp_path: Path, write_image: Callable[..., Path], shipped: object
):
    write_image(tmp_path / "images" / "a.npy")
    (tmp_path / "images" / "b.cbf").write_bytes(b"junk")
    lines = tmp_path / "lines.jsonl"
    run("watch", tmp_path / "images", "--out", lines, *KNOWN, "--once", "--interval", "0.05")
    records = [json.loads(line) for line in lines.read_text().splitlines()]
    assert {Path(one["file"]).name: one["trusted"] for one in records} == {"a.npy": True, "b.cbf": False}
    for record in records:
        fits_schema(record)


def test_the_report_of_hard_is_valid(
    fits_schema: Callable[[Any], None], tmp_path: Path, write_image: Callable[..., Path], shipped: object
):
    files = [write_image(tmp_path / f"{place}.npy", (place, 40)) for place in range(30, 42)]
    fits_schema(json.loads(run("hard", *files, *KNOWN, "--out", tmp_path / "hard", "--json").stdout))
    fits_schema(json.loads((tmp_path / "hard" / "hard.json").read_text()))


def test_a_key_that_is_not_described_is_found(fits_schema: Callable[[Any], None]):
    with pytest.raises(AssertionError):
        fits_schema([{"schema_version": SCHEMA_VERSION, "file": "a", "unknown": 1}])


def keys_of(schema: Mapping[str, Any], name: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key, entry in schema.get("properties", {}).items():
        yield f"{name}{key}", entry
        yield from keys_of(entry, f"{name}{key}.")
        yield from keys_of(entry.get("items", {}), f"{name}{key}.")


def test_each_key_has_a_description_and_numbers_a_unit(schema: dict[str, Any]):
    keys = [pair for part in schema["$defs"].values() for pair in keys_of(part)]
    assert len(keys) > 80
    assert not [name for name, entry in keys if not entry.get("description")]
    units = {"px": r"\bpx\b", "mm": r"\bmm\b", "deg": "degrees"}
    for name, entry in keys:
        unit = units.get(name.rsplit("_", 1)[-1])
        if unit and entry.get("type") != "null":
            assert re.search(unit, entry["description"]) or "Old name" in entry["description"], name
