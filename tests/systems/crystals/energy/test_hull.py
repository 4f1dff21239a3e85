"""The hull of phases, the phases that are kept for it, and the energies that are taken up again."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet, table

from argand.errors import ConfigError, InputError
from argand.physics.crystal.structure import Structure
from argand.systems.crystals.energy import phases
from argand.systems.crystals.energy.hull import Hull, vertices
from argand.systems.crystals.energy.phases import load_phases, save_phases, write_phases

LITHIUM, OXYGEN = (3,), (8,)
BOTH = (3, 8)
FORMULAS = [(LITHIUM, (1,)), (OXYGEN, (1,)), (BOTH, (2, 1)), (BOTH, (1, 1)), (BOTH, (1, 3)), (LITHIUM, (1,))]
ENERGIES = np.array([-1.0, -2.0, -4.0, -3.0, -2.8, -0.9])
"""Li, O, Li2O, LiO, LiO3, and lithium once more in a form of higher energy."""


def test_a_composition_falls_apart_to_the_phases_beside_it():
    hull = Hull(FORMULAS, ENERGIES)
    # LiO is 0.6 Li2O and 0.4 LiO3 by atoms: -4 * 0.6 - 2.8 * 0.4 = -3.52, below LiO's -3.
    assert hull.above((BOTH, (1, 1)), -3.0) == pytest.approx(0.52)
    # LiO3 is below 3/8 Li2O and 5/8 O, -2.75.
    assert hull.energy_of_mixture((BOTH, (1, 3))) == pytest.approx(-2.8)
    assert hull.above((BOTH, (2, 1)), -4.2) == pytest.approx(-0.2)


def test_only_phases_that_no_mixture_is_below_are_kept():
    kept = sorted(row for part in vertices(FORMULAS, ENERGIES) for row in part)
    assert kept == [0, 1, 2, 4]
    whole, pruned = Hull(FORMULAS, ENERGIES), Hull([FORMULAS[row] for row in kept], ENERGIES[kept])
    for counts in ((1, 1), (3, 2), (1, 9), (5, 1)):
        assert pruned.energy_of_mixture((BOTH, counts)) == pytest.approx(
            whole.energy_of_mixture((BOTH, counts))
        )


def test_an_element_without_a_phase_is_named_and_no_energy_guessed():
    hull = Hull(FORMULAS, ENERGIES)
    assert hull.lacking(((3, 21), (1, 1))) == ["Sc"]
    assert hull.above(((3, 21), (1, 1)), -5.0) is None


def test_phases_come_back_from_their_file(tmp_path: Path):
    save_phases(tmp_path / "phases.safetensors", Hull(FORMULAS, ENERGIES))
    back = load_phases(tmp_path / "phases.safetensors")
    assert list(back.formulas) == FORMULAS
    assert back.energies == pytest.approx(ENERGIES, abs=1e-6)
    with pytest.raises(InputError, match="no such file"):
        load_phases(tmp_path / "none.safetensors")


def test_the_shipped_phases_hold_the_elements_and_their_formation():
    hull = load_phases()
    assert not hull.lacking(((8, 11, 17, 26), (1, 1, 1, 1)))
    halite = hull.energy_of_mixture(((11, 17), (1, 1)))
    apart = [hull.energy_of_mixture(((z,), (1,))) for z in (11, 17)]
    assert halite is not None
    # About -2 eV for an atom by experiment (-411 kJ/mol).
    assert halite - np.mean(apart) == pytest.approx(-2.0, abs=0.3)


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """Three elements in cubes of one atom, and a cell of two; one row is of a benchmark."""
    species = [[3], [8], [3, 8], [11]]
    columns = {
        "material_id": [f"mp-{row}" for row in range(4)],
        "bench": ["", "", "mp_20:test", ""],
        "lattice": [(3.0 * np.eye(3)).ravel().tolist()] * 4,
        "species": species,
        "frac_coords": [[0.0, 0, 0, 0.5, 0.5, 0.5][: 3 * len(row)] for row in species],
    }
    parquet.write_table(table(columns), tmp_path / "pool.parquet")
    return tmp_path / "pool.parquet"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Formulas whose energies were asked for; the energy of each is minus its number of atoms."""
    formulas: list[str] = []

    def energies(structures: Sequence[Structure]) -> np.ndarray:
        formulas.extend(one.formula for one in structures)
        return np.array([-float(len(one)) for one in structures])

    monkeypatch.setattr(phases, "energies", energies)
    return formulas


def test_phases_take_up_the_energies_that_are_there(pool: Path, asked: list[str]):
    out = pool.parent / "phases.safetensors"
    np.save(pool.parent / "phases.energies.npy", np.array([-1.5, np.nan, np.nan, np.nan], np.float32))
    with pytest.raises(ConfigError, match="exists"):
        write_phases(pool, out)
    made = write_phases(pool, out, resume=True)
    assert sorted(asked) == ["LiO", "Na", "O"]
    assert made["with_energy"] == made["asked"] == 4
    hull = load_phases(out)
    assert hull.energy_of_mixture(((3,), (1,))) == pytest.approx(-1.5)
    # The row of the benchmark counts: what is known is to be judged by.
    assert hull.energy_of_mixture(((3, 8), (1, 1))) == pytest.approx(-2.0)
    write_phases(pool, out, resume=True)
    assert len(asked) == 3


def test_energies_of_another_pool_are_refused(pool: Path, asked: list[str]):
    np.save(pool.parent / "phases.energies.npy", np.zeros(3, np.float32))
    with pytest.raises(InputError, match="another pool"):
        write_phases(pool, pool.parent / "phases.safetensors", resume=True)


def test_the_verb_leaves_out_larger_cells(pool: Path, asked: list[str], run: Callable):
    out = pool.parent / "small.safetensors"
    answer = run("phases", pool, "--out", out, "--max-atoms", 1, "--processes", 1)
    assert answer.exit_code == 0, answer.output
    assert "3 phases of 3 structures" in answer.stdout
    assert asked == ["Li", "O", "Na"]


def test_a_structure_that_fails_costs_no_other_its_energy(
    pool: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    energies = phases.energies

    def failing(structures: Sequence[Structure]) -> np.ndarray:
        if any(one.formula == "Na" for one in structures):
            raise MemoryError("too large")
        return energies(structures)

    monkeypatch.setattr(phases, "energies", failing)
    made = write_phases(pool, pool.parent / "phases.safetensors", resume=True)
    assert (made["asked"], made["with_energy"]) == (4, 3)
    assert "mp-3: out of memory (too large)" in caplog.text
