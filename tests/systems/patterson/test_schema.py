"""What the verbs print and write is what the schemas in docs/schema say of it."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from argand.cli import build
from argand.runs.record import read_results
from argand.systems.patterson.predict import Predictor

ROOT = Path(__file__).parents[3]
DATA = ROOT / "examples" / "data" / "cod_2016452.hkl.gz"
STATED = ("--cell", "9.748,8.890,7.566,90,112.74,90", "--formula", "C14H14O2")


def schema(name: str) -> dict[str, Any]:
    return json.loads((ROOT / "docs" / "schema" / f"{name}.json").read_text(encoding="utf-8"))


def run(*words: object) -> Result:
    return CliRunner().invoke(
        build({"patterson": "argand.systems.patterson"}), ["patterson", *map(str, words)]
    )


@pytest.mark.parametrize("name", ["patterson", "patterson_solve"])
def test_each_key_is_described(name: str):
    found = schema(name)
    jsonschema.Draft202012Validator.check_schema(found)

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            for key, one in value.get("properties", {}).items():
                assert one.get("description"), key
            assert "properties" not in value or value["additionalProperties"] is False
            for one in value.values():
                walk(one)
        elif isinstance(value, list):
            for one in value:
                walk(one)

    walk(found)


def test_answers_for_maps_obey_their_schema(
    tmp_path: Path, map_files: list[Path], ideal: Predictor, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("argand.systems.patterson.predict.load", lambda path=None: ideal)
    (tmp_path / "junk.npy").write_bytes(b"nothing")
    np.save(tmp_path / "box.npy", np.pad(np.load(map_files[0]), ((0, 0), (0, 0), (0, 1))))
    files = [*map_files, tmp_path / "junk.npy", tmp_path / "box.npy"]
    out = tmp_path / "found"
    told = run("predict", *files, "--atoms", 6, "--voxel", 0.5, "--time-limit", "0.1s", "-o", out, "--json")
    records = json.loads(told.stdout)
    assert [record.get("failed", False) for record in records] == [False, False, True, False]
    jsonschema.validate(records, schema("patterson"))
    for record in [*read_results(out), *ideal.predict([np.load(map_files[0]), "none.npy"], 6).to_dict()]:
        jsonschema.validate(record, schema("patterson"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(records[0] | {"colour": "red"}, schema("patterson"))


@pytest.mark.parametrize(
    "words",
    [
        ("--spacegroup", "P 21/c", "--hydrogens"),
        ("--laue", "2/m"),
        ("--spacegroup", "P 21", "--time-limit", "0.1s", "--d-min", "1.6"),
    ],
)
def test_answers_for_crystals_obey_their_schema(tmp_path: Path, words: tuple[str, ...]):
    told = run("solve", DATA, *STATED, *words, "--out", tmp_path, "--json", "--processes", 1)
    assert told.exit_code in (0, 3), told.output
    summary = json.loads(told.stdout)
    assert (told.exit_code == 0) == summary["trusted"]
    kept = json.loads((tmp_path / "cod_2016452.json").read_text(encoding="utf-8"))
    for one in (summary, kept):
        jsonschema.validate(one, schema("patterson_solve"))
    assert {"asked", "log", "question"} <= kept.keys()
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(summary | {"colour": "red"}, schema("patterson_solve"))
