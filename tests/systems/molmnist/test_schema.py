"""What `predict --json` prints is what docs/schema/molmnist.json says, with nothing beside it."""

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from typer.testing import CliRunner

import argand
from argand.cli import build
from argand.crew import HERE
from argand.system import SYSTEMS
from argand.systems.molmnist.benchmark.dataset import write_pairs
from argand.systems.molmnist.presets import PRESETS

SCHEMA = json.loads(
    (Path(__file__).parents[3] / "docs" / "schema" / "molmnist.json").read_text(encoding="utf-8")
)
TINY, CHAINS = PRESETS["tiny"], PRESETS["tiny-chains"]

Predict = Callable[..., list[dict]]


@pytest.fixture
def valid() -> Callable[[object], None]:
    """Raises for what the schema does not allow."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    return jsonschema.Draft202012Validator(SCHEMA).validate


@pytest.fixture
def predict() -> Predict:
    """What `predict --json` prints."""

    def call(*words: object) -> list[dict]:
        named = ["molmnist", "predict", *map(str, words), "--json"]
        return json.loads(CliRunner().invoke(build(SYSTEMS), named).stdout)

    return call


def keys_described(part: dict) -> bool:
    """Whether every property of a schema, of those within it too, has a description."""
    properties = part.get("properties", {}).values()
    return all("description" in one and keys_described(one) for one in properties)


def test_every_key_is_described_and_no_other_allowed():
    for part in SCHEMA["$defs"].values():
        assert part["additionalProperties"] is False
        assert keys_described(part)


def test_answers_of_fibrils_failures_and_files_are_as_described(
    valid: Callable[[object], None], predict: Predict, tiny_weights: Path, tmp_path: Path
):
    path = write_pairs(TINY, tmp_path / "set.h5", 2, 0, machines=HERE, quiet=True)
    out = tmp_path / "found"
    found = predict(path, tmp_path / "gone.npy", "--weights", tiny_weights, "--out", out)
    valid(found)
    assert {bool(one.get("failed")) for one in found} == {True, False}
    assert all("truth" in one and "hdf5" in one for one in found if not one.get("failed"))
    valid([json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()])
    valid(json.loads((out / "summary.json").read_text())["records"])
    unknown = [one | {"more": 1} for one in found]
    with pytest.raises(jsonschema.ValidationError):
        valid(unknown)


@pytest.mark.usefixtures("quick_fit")
def test_answers_of_bundles_and_stacks_are_as_described(
    valid: Callable[[object], None], predict: Predict, tiny_chain_weights: Path, tmp_path: Path
):
    import h5py

    pattern = CHAINS.simulate(0, 5)["pattern"]
    with h5py.File(tmp_path / "stack.cxi", "w") as file:
        file["entry_1/data_1/data"] = np.stack([pattern, pattern])
    side = CHAINS.imaging.window.side
    found = predict(tmp_path / "stack.cxi", "--window", side, "--weights", tiny_chain_weights)
    assert len(found) == 2
    assert {"chains", "background", "sites"} <= set(found[0])
    valid(found)


def test_answers_in_python_are_as_described(valid: Callable[[object], None], tiny_weights: Path):
    predictor = argand.load("molmnist", tiny_weights)
    pattern = TINY.simulate(1, 3)["pattern"]
    side = TINY.imaging.window.side
    valid([predictor.predict(pattern, window_side=side).to_dict()])
    valid(predictor.predict([pattern, pattern[:5]], window_side=side).to_dict())
