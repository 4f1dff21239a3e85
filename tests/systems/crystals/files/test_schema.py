"""What the verbs print and write is what docs/schema/crystals.json says."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from argand.runs.record import SCHEMA_VERSION

jsonschema = pytest.importorskip("jsonschema")

SCHEMA = json.loads((Path(__file__).parents[4] / "docs/schema/crystals.json").read_text())
EXAMPLES = Path(__file__).parents[4] / "examples/data/crystals"
FIRST, SECOND = EXAMPLES / "SrTiO3_mp-5229.cif", EXAMPLES / "PbTiO3_mp-20459.cif"


def validate(found: Any, name: str) -> None:
    """Hold plain values against one of the schema's definitions."""
    schema = {**SCHEMA, "anyOf": [{"$ref": f"#/$defs/{name}"}]}
    jsonschema.Draft202012Validator(schema).validate(found)


def test_the_schema_is_one_and_describes_every_key():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$defs"]["schema_version"]["const"] == SCHEMA_VERSION
    todo, seen = list(SCHEMA["$defs"].values()), 0
    while todo:
        one = todo.pop()
        if "$ref" in one:
            continue
        assert one["description"]
        seen += 1
        if "properties" in one:
            assert one["additionalProperties"] is False
            todo += one["properties"].values()
        todo += [one["items"]] if "items" in one else []
    assert seen > 100


def test_the_output_of_each_verb_is_valid(run: Callable[..., Result], tmp_path: Path):
    """Trusted answers, best guesses and failures."""
    (tmp_path / "broken.cif").write_text("data_broken\n")
    files = (FIRST, SECOND, tmp_path / "broken.cif")
    latents = tmp_path / "latents.parquet"
    for name, codes, words in (
        ("encode", [1], ("encode", *files, "--out", latents)),
        ("decode", [0], ("decode", latents, "--symmetrise", 0.01, "--out", tmp_path / "decoded")),
        ("decode", [1], ("reconstruct", *files, "--out", tmp_path / "rebuilt")),
        ("decode", [0], ("reconstruct", FIRST, "--model", "symmetric", "--out", tmp_path / "short")),
        ("decode", [3], ("reconstruct", FIRST, "--model", "paper", "--out", tmp_path / "boxes")),
        ("interpolate", [3], ("interpolate", FIRST, SECOND, "--steps", 3, "--out", tmp_path / "path")),
        ("alter", [3], ("alter", FIRST, "--noise", 0.5, "--count", 2, "--out", tmp_path / "altered")),
        ("sample", [0], ("sample", "--count", 2, "--out", tmp_path / "samples")),
        ("nearest", [0], ("nearest", FIRST)),
        ("nearest", [0], ("nearest", FIRST, "--among", SECOND)),
        ("evaluate", [0], ("evaluate", "best", FIRST)),
    ):
        answer = run(*words, "--json")
        assert answer.exit_code in codes, (words, answer.output)
        printed = json.loads(answer.stdout)
        validate(printed, name)
        if "--out" in words and name != "encode":
            out = words[words.index("--out") + 1]
            assert json.loads((Path(str(out)) / "summary.json").read_text()) == printed


def test_an_answer_in_python_is_valid():
    from argand.systems.crystals.predict import load

    predictor = load()
    validate(predictor.reconstruct(FIRST).to_dict(), "answer")
    with pytest.raises(jsonschema.ValidationError):
        validate(predictor.reconstruct(FIRST).to_dict() | {"more": 1}, "answer")
