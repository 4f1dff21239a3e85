"""Crystals let go in the potential, and how far their atoms went."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argand.errors import InputError, MissingExtraError
from argand.physics.crystal.structure import Structure, checked, wrapped
from argand.systems.crystals.energy.hull import Hull
from argand.systems.crystals.energy.potential import energies, load_potential
from argand.systems.crystals.energy.relaxation import Effort, displacement, relax
from argand.systems.crystals.energy.stability import relaxed_with_energy

FACE = np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])


def halite(edge: float = 5.64, shift: float = 0.0) -> Structure:
    """Rock salt, its chlorine moved along the first vector by a share of it."""
    return checked(edge * FACE, np.array([11, 17]), np.array([[0, 0, 0], [0.5 + shift, 0.5, 0.5]]))


@settings(deadline=None, max_examples=25)
@given(st.floats(0.9, 1.1), st.floats(-0.5, 0.5))
def test_neither_the_cell_nor_a_drift_moves_atoms(stretch: float, drift: float):
    first = halite()
    second = Structure(stretch * first.lattice, first.species, wrapped(first.frac_coords + drift))
    assert displacement(first, second) == pytest.approx(0.0, abs=1e-9)


def test_one_of_two_atoms_moved_by_a_fifth_of_an_angstrom_is_a_tenth_for_both():
    cell = 10 * np.eye(3)
    first = Structure(cell, np.array([1, 8], np.uint8), np.array([[0.99, 0.0, 0.0], [0.5, 0.0, 0.0]]))
    second = Structure(cell, first.species, np.array([[0.01, 0.0, 0.0], [0.5, 0.0, 0.0]]))
    assert displacement(first, second) == pytest.approx(0.1)


def test_energies_need_the_extra(monkeypatch: pytest.MonkeyPatch):
    load_potential.cache_clear()
    monkeypatch.setitem(sys.modules, "chgnet", None)
    monkeypatch.setitem(sys.modules, "chgnet.model.model", None)
    with pytest.raises(MissingExtraError, match=r"argand\[energy\]"):
        load_potential()


def test_a_shaken_salt_falls_back_and_its_energy_is_that_of_the_potential():
    pytest.importorskip("chgnet")
    shaken = halite(5.8, 0.05)
    relaxed = relax(shaken, Effort(force=0.03))
    assert relaxed.ended == "converged"
    assert relaxed.after < relaxed.before
    assert relaxed.after == pytest.approx(float(energies([relaxed.structure])[0]), abs=1e-4)
    assert relaxed.after == pytest.approx(float(energies([halite()])[0]), abs=0.01)
    assert relaxed.rmsd == pytest.approx(displacement(shaken, halite()), abs=0.03)
    assert relaxed.structure.volume == pytest.approx(halite().volume, rel=0.05)


def test_what_is_out_of_time_says_so_and_has_no_place_above_the_hull():
    pytest.importorskip("chgnet")
    hull = Hull([((11,), (1,)), ((17,), (1,))], np.array([-1.3, -1.8]))
    _, record = relaxed_with_energy(halite(6.2, 0.1), hull, Effort(steps=1))
    assert record["relaxation"] == "steps"
    assert record["above_hull"] is None
    _, record = relaxed_with_energy(halite(), hull, Effort())
    assert record["above_hull"] == pytest.approx(record["energy"] + 1.55)


def test_lonely_atoms_have_no_energy():
    pytest.importorskip("chgnet")
    far = checked(20 * np.eye(3), np.array([2]), np.zeros((1, 3)))
    assert np.isnan(energies([far, halite()])[0])
    with pytest.raises(InputError, match="no neighbour"):
        relax(far)
