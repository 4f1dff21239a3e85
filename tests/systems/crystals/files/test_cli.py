"""The verbs of `argand crystals` as a user meets them."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

from argand.io.structure import read_structure, write_structure
from argand.physics.crystal.comparison import compare
from argand.physics.crystal.structure import Structure, checked

VERBS = ("encode", "decode", "reconstruct", "interpolate", "alter", "nearest", "view")


@pytest.fixture
def salts(tmp_path: Path) -> dict[str, Structure]:
    """Two small structures, written as CIFs to the folder `cifs`."""
    (tmp_path / "cifs").mkdir()
    face = np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    halite = checked(5.64 * face, np.array([11, 17]), np.array([[0.1, 0.1, 0.1], [0.6, 0.6, 0.6]]))
    places = np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    perovskite = checked(3.9 * np.eye(3), np.array([38, 22, 8, 8, 8]), places)
    made = {"halite": halite, "perovskite": perovskite}
    for name, structure in made.items():
        write_structure(tmp_path / "cifs" / f"{name}.cif", structure)
    return made


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_shows_an_example(run: Callable[..., Result], verb: str):
    answer = run(verb, "--help")
    assert answer.exit_code == 0
    assert f"Example: argand crystals {verb}" in re.sub(r"\s+", " ", answer.stdout)


def test_reconstruct_writes_a_cif_of_each_stem_and_a_summary(
    run: Callable[..., Result], tmp_path: Path, salts: dict[str, Structure]
):
    (tmp_path / "cifs" / "broken.cif").write_text("data_broken\n")
    out = tmp_path / "rebuilt"
    answer = run("reconstruct", tmp_path / "cifs", "--out", out, "--json", "--processes", 1)
    assert answer.exit_code == 1
    summary = json.loads(answer.stdout)
    assert summary == json.loads((out / "summary.json").read_text())
    assert (summary["written"], summary["skipped_count"]) == (2, 1)
    assert "no atoms" in summary["skipped"][0]["reason"]
    for name, structure in salts.items():
        assert compare(read_structure(out / f"{name}.cif"), structure).is_exact
    for record in summary["structures"]:
        assert record["confidence"] == pytest.approx(1.0, abs=1e-3)
        assert record["latent_size"] <= 512 + 12


def test_structures_of_one_name_do_not_overwrite_each_other(
    run: Callable[..., Result], tmp_path: Path, salts: dict[str, Structure]
):
    folder, out = tmp_path / "mixed", tmp_path / "rebuilt"
    folder.mkdir()
    for name in ("a.cif", "a-2.cif", "A.vasp"):
        write_structure(folder / name, salts["halite" if name == "a.cif" else "perovskite"])
    answer = run("reconstruct", folder, folder / "a.cif", "--out", out, "--json", "--processes", 1)
    assert answer.exit_code == 0
    records = json.loads(answer.stdout)["structures"]
    assert len({record["file"].lower() for record in records}) == len(records) == 3
    for record in records:
        assert compare(read_structure(out / record["file"]), read_structure(record["source"])).is_exact


def test_what_an_earlier_run_wrote_is_not_done_again(
    run: Callable[..., Result], tmp_path: Path, salts: dict[str, Structure]
):
    out = tmp_path / "rebuilt"
    words = ("reconstruct", tmp_path / "cifs", "--out", out, "--processes", 1)
    assert run(*words).exit_code == 0
    (out / "halite.cif").unlink()
    (out / "perovskite.cif").write_text("kept")
    with (out / "results.jsonl").open("a") as file:
        file.write('{"name": "cut sho')
    refused = run(*words)
    assert refused.exit_code == 1
    assert "--resume continues it, --force replaces it" in refused.stderr
    assert run(*words, "--resume").exit_code == 0
    assert compare(read_structure(out / "halite.cif"), salts["halite"]).is_exact
    assert (out / "perovskite.cif").read_text() == "kept"
    assert run(*words, "--force").exit_code == 0
    assert compare(read_structure(out / "perovskite.cif"), salts["perovskite"]).is_exact


def test_latents_carry_structures_from_encode_to_decode(
    run: Callable[..., Result], tmp_path: Path, salts: dict[str, Structure]
):
    pytest.importorskip("pyarrow")
    file, out = tmp_path / "latents.parquet", tmp_path / "decoded"
    assert run("encode", tmp_path / "cifs", "-o", file, "--numbers", 256).exit_code == 0
    assert run("decode", file, "--out", out, "--processes", 1).exit_code == 0
    for name, structure in salts.items():
        assert compare(read_structure(out / f"{name}.cif"), structure).is_exact


def test_short_vectors_carry_structures_in_the_cell_given_or_in_the_standard_one(
    run: Callable[..., Result], salts: dict[str, Structure], tmp_path: Path
):
    pytest.importorskip("pyarrow")
    cifs = sorted((tmp_path / "cifs").glob("*.cif"))
    for extra in ((), ("--keep-setting",)):
        latents, out = tmp_path / f"short{len(extra)}.parquet", tmp_path / f"out{len(extra)}"
        shown = run("encode", *cifs, "-o", latents, "--model", "symmetric", "--numbers", 40, "--json", *extra)
        assert json.loads(shown.stdout)["largest_latent"] <= 40
        assert run("decode", latents, "--out", out).exit_code == 0
        for name, truth in salts.items():
            decoded = read_structure(out / f"{name}.cif")
            assert decoded.formula == truth.formula
            assert compare(decoded, truth).is_exact or not extra
    refused = run("encode", *cifs, "-o", tmp_path / "no.parquet", "--keep-setting")
    assert refused.exit_code != 0
    assert "add --model symmetric" in refused.output


def test_mistakes_are_told_in_one_line(run: Callable[..., Result], tmp_path: Path):
    for words in (
        ("reconstruct", tmp_path / "nothing.cif", "--out", tmp_path / "out"),
        ("decode", tmp_path / "nothing.parquet", "--out", tmp_path / "out"),
        ("encode", tmp_path, "-o", tmp_path / "latents.parquet", "--numbers", 3),
    ):
        answer = run(*words)
        assert answer.exit_code == 1
        assert "error:" in answer.stderr
        assert "Traceback" not in answer.output


def test_ways_and_alterations_go_through_boxes_too(
    run: Callable[..., Result], tmp_path: Path, salts: dict[str, Structure]
):
    first, second = (tmp_path / "cifs" / f"{name}.cif" for name in salts)
    boxes = ("--model", "paper", "--single", "--json")
    way = json.loads(
        run("interpolate", first, second, "--steps", 2, *boxes, "--out", tmp_path / "way").stdout
    )
    assert [one["formula"] for one in way["structures"]] == ["NaCl", "SrTiO3"]
    new = run("alter", first, "--substitute", "Na=K", "--volume", "keep", *boxes, "--out", tmp_path / "new")
    assert [one["formula"] for one in json.loads(new.stdout)["structures"]] == ["KCl"]
    short = run("alter", first, "--model", "symmetric", "--json", "--out", tmp_path / "short")
    (file,) = [one["file"] for one in json.loads(short.stdout)["structures"]]
    assert read_structure(tmp_path / "short" / file).formula == "NaCl"
    mixed = run("alter", first, "--single", "--out", tmp_path / "none")
    assert mixed.exit_code == 1
    assert "add --model paper" in mixed.stderr
