"""Structures judged as new crystals are: stable, unique, new; a run that goes on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet, table
from typer.testing import Result

from argand.errors import ConfigError, InputError
from argand.io.structure import write_structure
from argand.physics.crystal.structure import Structure, checked
from argand.systems.crystals.files import samples
from argand.systems.crystals.files.samples import Criteria, evaluate_samples

FACE = np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
ABOVE = {"NaCl": -0.01, "MgO": 0.05, "LiF": 0.2, "CaO": 0.08}
"""eV for an atom above the hull, as the tests have it."""


def salt(first: int, second: int, edge: float) -> Structure:
    """Rock salt of two elements."""
    return checked(edge * FACE, np.array([first, second]), np.array([[0.1, 0.1, 0.1], [0.6, 0.6, 0.6]]))


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """A folder of salts: a known and stable one, a new one twice, an unstable one, one without a hull."""
    made = {"a": (11, 17, 5.7), "b": (12, 8, 4.2), "c": (12, 8, 4.3), "d": (3, 9, 4.0), "e": (21, 7, 4.4)}
    (tmp_path / "drawn").mkdir()
    for name, salts in made.items():
        write_structure(tmp_path / "drawn" / f"{name}.cif", salt(*salts))
    return tmp_path / "drawn"


@pytest.fixture
def known(tmp_path: Path) -> Path:
    """A pool that knows halite alone, in a row of a benchmark."""
    halite = salt(11, 17, 5.64)
    columns = {
        "material_id": ["mp-22862"],
        "bench": ["mp_20:test"],
        "lattice": [halite.lattice.ravel().tolist()],
        "species": [halite.species.tolist()],
        "frac_coords": [halite.frac_coords.ravel().tolist()],
    }
    parquet.write_table(table(columns), tmp_path / "pool.parquet")
    return tmp_path / "pool.parquet"


@pytest.fixture
def relaxed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Nothing moves, and energies are those of the table; formulas that were relaxed are listed."""
    asked: list[str] = []

    def settled(structure: Structure, *_: Any) -> tuple[Structure, dict[str, Any]]:
        asked.append(structure.formula)
        energy = {"rmsd": 0.1, "energy_lost": 0.02, "relaxation": "converged", "relaxation_steps": 3}
        return structure, energy | against(None, structure, energy)

    def against(_: Any, structure: Structure, energy: dict[str, Any]) -> dict[str, Any]:
        above = ABOVE.get(structure.formula) if energy.get("relaxation") == "converged" else None
        return {"above_hull": above, "without_reference": [] if structure.formula in ABOVE else ["Sc"]}

    monkeypatch.setattr(samples, "relaxed_with_energy", settled)
    monkeypatch.setattr(samples, "against", against)
    monkeypatch.setattr(samples, "load_potential", lambda: None)
    return asked


def test_shares_are_of_all_structures(drawn: Path, known: Path, relaxed: list[str], tmp_path: Path):
    pytest.importorskip("pymatgen")
    found = evaluate_samples([str(drawn)], Criteria(known), tmp_path / "judged")
    assert found["count"] == len(relaxed) == 5
    assert found["new"] == pytest.approx(4 / 5)
    assert found["unique"] == pytest.approx(4 / 5)
    assert found["stable_0"] == pytest.approx(1 / 5)
    assert found["stable_0.1"] == pytest.approx(3 / 5)
    # Halite is known and the second of two repeats the first.
    assert found["sun_0"] == 0.0
    assert found["sun_0.1"] == pytest.approx(1 / 5)
    assert found["without_reference"] == 1
    assert found["median_above_hull"] == pytest.approx(0.05)
    assert found["structures"][0]["known_as"] == "mp-22862"
    assert found["structures"][0]["space_group"] == "Fm-3m (225)"
    # Rock salt is a known framework whatever its elements.
    assert found["new_framework"] == 0.0


def test_the_same_call_goes_on_and_judges_anew_what_has_changed(
    drawn: Path, known: Path, relaxed: list[str], tmp_path: Path
):
    first = evaluate_samples([str(drawn)], Criteria(known), tmp_path / "judged")
    assert (tmp_path / "judged" / "relaxed" / "a.cif").is_file()
    del relaxed[:]
    with (tmp_path / "judged" / "records.jsonl").open("a") as records:
        records.write('{"name": "cut sho')
    with pytest.raises(ConfigError, match="holds results of an earlier run"):
        evaluate_samples([str(drawn)], Criteria(known), tmp_path / "judged")
    again = evaluate_samples([str(drawn)], Criteria(known), tmp_path / "judged", resume=True)
    assert again == first
    assert relaxed == []
    write_structure(drawn / "a.cif", salt(20, 8, 4.8))
    found = evaluate_samples([str(drawn)], Criteria(known), tmp_path / "judged", resume=True)
    assert relaxed == ["CaO"]
    assert found["new"] == 1.0


def test_what_the_potential_refuses_is_not_stable_and_says_why(
    drawn: Path, known: Path, relaxed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: Any) -> None:
        raise InputError("an atom has no neighbour")

    monkeypatch.setattr(samples, "relaxed_with_energy", refuse)
    found = evaluate_samples([str(drawn)], Criteria(known), tmp_path / "judged")
    assert found["stable_0.1"] == found["converged"] == 0.0
    assert found["median_rmsd"] is None
    assert found["structures"][0]["reason"] == "no energy: an atom has no neighbour"


def test_the_verb_reads_what_sample_wrote_and_names_what_is_none(
    run: Callable[..., Result], drawn: Path, known: Path, relaxed: list[str], tmp_path: Path
):
    (drawn / "latents.parquet").write_text("no structures")
    out = ("--known", known, "--out", tmp_path / "judged", "--processes", 1)
    answer = run("evaluate", "samples", drawn, *out)
    assert answer.exit_code == 0, answer.output
    assert "stable (0.1 eV/atom), unique and new" in answer.stdout
    (drawn / "broken.cif").write_text("data_broken\n")
    answer = run("evaluate", "samples", drawn, *out, "--resume", "--json")
    assert answer.exit_code == 1
    assert json.loads(answer.stdout)["count"] == 5
    assert "broken.cif" in answer.stderr


def test_a_structure_that_fails_is_skipped_and_judged_another_time(
    drawn: Path, known: Path, relaxed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    settled = samples.relaxed_with_energy

    def failing(structure: Structure, *more: Any) -> Any:
        if structure.formula == "LiF":
            raise AttributeError("nobody thought of it")
        return settled(structure, *more)

    with monkeypatch.context() as patch:
        patch.setattr(samples, "relaxed_with_energy", failing)
        found = evaluate_samples([str(drawn)], Criteria(known), tmp_path / "judged")
    assert found["count"] == 4
    (skipped,) = found["skipped"]
    why = "AttributeError: nobody thought of it; please report it with this file"
    assert (skipped["name"], skipped["source"]) == ("d", str(drawn / "d.cif"))
    assert skipped["reason"] == f"{drawn / 'd.cif'}: {why}"
    assert skipped["failed"]
    assert not skipped["trusted"]
    del relaxed[:]
    again = evaluate_samples([str(drawn)], Criteria(known), tmp_path / "judged", resume=True)
    assert again["count"] == 5
    assert relaxed == ["LiF"]
    with monkeypatch.context() as patch:
        patch.setattr(samples, "described", lambda *_: 1 / 0)
        with pytest.raises(InputError, match=r"no structure could be evaluated; .*ZeroDivisionError"):
            evaluate_samples([str(drawn)], Criteria(known), tmp_path / "other")
