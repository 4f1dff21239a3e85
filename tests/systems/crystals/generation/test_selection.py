"""What is kept of what is drawn, and a run of `sample` that is stopped and goes on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import Result

from argand.errors import ConfigError
from argand.physics.crystal.structure import Structure, checked
from argand.systems.crystals.database.fingerprint_index import index_of, save_index
from argand.systems.crystals.energy.hull import Hull
from argand.systems.crystals.generation import sampling, selection
from argand.systems.crystals.generation.candidates import Candidate, Prior, candidates
from argand.systems.crystals.generation.sampling import sample_files
from argand.systems.crystals.generation.selection import Selection, Wishes, is_strictly_valid, is_valid
from argand.systems.crystals.latent.representation import Representation

FACE = np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
QUIET = Prior(noise=0.0)


def salt(first: int, second: int, edge: float) -> Structure:
    """Rock salt of two elements."""
    return checked(edge * FACE, np.array([first, second]), np.array([[0.1, 0.1, 0.1], [0.6, 0.6, 0.6]]))


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """An index of two salts."""
    path = tmp_path / "known.safetensors"
    save_index(path, index_of([("halite", salt(11, 17, 5.64)), ("sylvite", salt(19, 17, 6.29))]))
    return path


def chooser(index: Path, **wishes: Any) -> Selection:
    """Selection among candidates without noise."""
    return Selection(QUIET, Wishes(**wishes), Representation(), index)


def candidate(structure: Structure) -> Candidate:
    """A candidate that was composed as this."""
    return Candidate(0, "made", structure, 0)


def test_atoms_that_touch_are_turned_away_though_half_an_angstrom_apart(index: Path):
    # 1.6 Å between caesium and its own image's neighbour: of two radii of 2.44 Å, 0.7 of the sum is 3.4 Å.
    crowded = salt(55, 17, 4.0)
    assert is_valid(crowded)
    assert not is_strictly_valid(crowded)
    assert chooser(index).outcome(candidate(crowded))["rejected"] == selection.TOO_NEAR
    # A lone atom meets nothing but its own images.
    lonely = Structure(3.0 * np.eye(3), np.array([55], np.uint8), np.zeros((1, 3)))
    assert not is_strictly_valid(lonely)


def test_what_is_known_is_marked_and_turned_away_only_where_new_is_asked_for(index: Path):
    marked = chooser(index).outcome(candidate(salt(11, 17, 5.7)))
    assert "rejected" not in marked
    assert marked["known_as"] == "halite"
    turned_away = chooser(index, new=True).outcome(candidate(salt(11, 17, 5.7)))
    assert (turned_away["rejected"], turned_away["known_as"]) == (selection.KNOWN, "halite")
    assert "rejected" not in chooser(index, new=True).outcome(candidate(salt(12, 8, 4.2)))


def test_low_symmetry_is_turned_away_where_more_is_asked_for(index: Path):
    polar = checked(np.diag([3.5, 4.0, 5.0]), np.array([12, 8]), np.array([[0, 0, 0], [0.5, 0.5, 0.4]]))
    found = chooser(index, least_rotations=8).outcome(candidate(polar))
    assert (found["rejected"], found["rotations"]) == (selection.ASYMMETRIC, 4)
    assert "rejected" not in chooser(index, least_rotations=48).outcome(candidate(salt(12, 8, 4.2)))


def test_a_known_framework_is_turned_away_where_new_ones_are_asked_for(index: Path):
    # Rock salt, whatever its elements.
    found = chooser(index, new_framework=True).outcome(candidate(salt(12, 8, 4.2)))
    assert found["rejected"] == selection.KNOWN_FRAMEWORK
    assert chooser(index).outcome(candidate(salt(12, 8, 4.2)))["new_framework"] is False


@pytest.mark.parametrize(
    ("energy", "reason"),
    [
        ({"relaxation": "steps", "above_hull": None}, selection.NOT_RELAXED),
        ({"relaxation": "converged", "above_hull": None}, selection.NO_REFERENCE),
        ({"relaxation": "converged", "above_hull": 0.11}, selection.ABOVE),
        ({"relaxation": "converged", "above_hull": 0.1}, None),
        ({"relaxation": "converged", "above_hull": -0.2}, None),
    ],
)
def test_energies_decide_where_they_are_asked_for(
    index: Path, monkeypatch: pytest.MonkeyPatch, energy: dict[str, Any], reason: str | None
):
    relaxed = salt(12, 8, 4.3)
    monkeypatch.setattr(selection, "relaxed_with_energy", lambda *_: (relaxed, energy))
    monkeypatch.setattr(selection, "load_phases", lambda _: Hull([], np.zeros(0)))
    found = chooser(index, relax=True, keep_below=0.1).outcome(candidate(salt(12, 8, 4.2)))
    assert found.get("rejected") == reason
    if reason is None:
        assert found["volume_per_atom"] == pytest.approx(relaxed.volume / 2)


def test_what_is_kept_by_its_energy_must_be_relaxed():
    with pytest.raises(ConfigError, match="--relax"):
        Wishes(keep_below=0.1)
    with pytest.raises(ConfigError, match="substitution or frameworks"):
        Prior(generator="magic")


def test_a_draw_does_not_depend_on_where_the_course_begins():
    first = [next(candidates(QUIET, 4, number)) for number in (0, 1, 33)]
    again = {one.number: one for one, _ in zip(candidates(QUIET, 4), range(34), strict=False)}
    for one in first:
        assert np.array_equal(one.composed.species, again[one.number].composed.species)
        assert one.noise_seed == again[one.number].noise_seed


@pytest.fixture
def salts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Candidates are salts: known, new, the same again, too near, new, new; numbers judged are listed."""
    made = [salt(11, 17, 5.7), salt(12, 8, 4.2), salt(12, 8, 4.3), salt(55, 17, 4.0), salt(3, 9, 4.0)]
    made += [salt(20, 8, 4.8)]
    judged: list[int] = []
    outcome = Selection.outcome

    def stream(prior: Prior, seed: int, first: int = 0, weights: Path | None = None) -> Any:
        for number in range(first, 1000):
            yield Candidate(number, "made", made[number % len(made)], 0)

    def counted(self: Selection, one: Candidate) -> dict[str, Any]:
        judged.append(one.number)
        return outcome(self, one)

    monkeypatch.setattr(sampling, "candidates", stream)
    monkeypatch.setattr(Selection, "outcome", counted)
    return judged


def test_new_ones_are_drawn_until_there_are_enough_and_all_others_counted(
    index: Path, tmp_path: Path, salts: list[int]
):
    pytest.importorskip("pymatgen")
    summary = sample_files(tmp_path / "drawn", 3, 0, chooser(index, new=True))
    assert [one["formula"] for one in summary["structures"]] == ["MgO", "LiF", "CaO"]
    assert summary["rejected"] == {"known": 1, "repeated": 1, "atoms too near": 1}
    assert summary["drawn"] == 6
    assert sorted(path.name for path in (tmp_path / "drawn").glob("*.cif"))[-1] == "sample-0003.cif"


def test_what_cannot_be_found_ends_at_the_bound(
    index: Path, tmp_path: Path, salts: list[int], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sampling, "MOST_DRAWS", 3)
    summary = sample_files(tmp_path / "drawn", 6, 0, chooser(index, new=True))
    assert (summary["count"], summary["drawn"]) == (3, 18)


def test_a_stopped_run_keeps_what_it_has_and_goes_on_to_the_same_samples(
    index: Path, tmp_path: Path, salts: list[int], monkeypatch: pytest.MonkeyPatch
):
    chosen = chooser(index)
    whole = sample_files(tmp_path / "whole", 4, 0, chosen)
    outcome, salts[:] = Selection.outcome, []

    def stopped(self: Selection, one: Candidate) -> dict[str, Any]:
        if one.number == 2:
            raise KeyboardInterrupt
        return outcome(self, one)

    with monkeypatch.context() as patch:
        patch.setattr(Selection, "outcome", stopped)
        with pytest.raises(KeyboardInterrupt, match="2 of 4 samples"):
            sample_files(tmp_path / "parts", 4, 0, chosen)
    part = json.loads((tmp_path / "parts" / "summary.json").read_text())
    assert part["structures"] == whole["structures"][:2]
    assert (tmp_path / "parts" / "sample-0002.cif").is_file()
    with (tmp_path / "parts" / "records.jsonl").open("a") as records:
        records.write('{"draw": 2, "cut sho')
    assert sample_files(tmp_path / "parts", 4, 0, chosen, resume=True) == whole
    assert salts == [0, 1, 2, 3, 4]
    assert sample_files(tmp_path / "parts", 5, 0, chosen, resume=True)["count"] == 5
    with pytest.raises(ConfigError, match="other settings"):
        sample_files(tmp_path / "parts", 5, 1, chosen, resume=True)


@pytest.mark.slow
def test_several_processes_give_the_samples_of_one(run: Callable[..., Result], tmp_path: Path):
    words = ("sample", "--count", 3, "--seed", 3, "--json")
    one, two = (
        json.loads(run(*words, "--out", tmp_path / str(count), "--processes", count).stdout)["structures"]
        for count in (1, 2)
    )
    assert [record["file"] for record in one] == [record["file"] for record in two]
    assert [record["formula"] for record in one] == [record["formula"] for record in two]
