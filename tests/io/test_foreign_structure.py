"""Structures of ase and pymatgen in and out, and why one is refused."""

import numpy as np
import pytest

from argand.errors import InputError
from argand.io.foreign_structure import foreign_structure
from argand.physics.crystal.comparison import compare
from argand.physics.crystal.structure import checked

ase = pytest.importorskip("ase")
SALT = checked(
    np.array([[0.0, 2.8, 2.8], [2.8, 0.0, 2.8], [2.8, 2.8, 0.1]]),
    np.array([11, 17]),
    np.array([[0.1, 0.2, 0.3], [0.6, 0.7, 0.8]]),
)
CUBE = np.eye(3)


def test_a_structure_goes_to_ase_and_back():
    atoms = SALT.to_ase()
    assert isinstance(atoms, ase.Atoms)
    assert atoms.get_chemical_symbols() == ["Na", "Cl"]
    assert atoms.pbc.all()
    again = foreign_structure(atoms)
    assert again is not None
    comparison = compare(again, SALT)
    assert comparison.is_exact
    assert comparison.rms_distance < 1e-12


@pytest.mark.parametrize(
    ("periodic", "reason"),
    [(False, "periodic along a, b, c"), ((True, True, False), "periodic along c, so")],
)
def test_atoms_that_are_no_crystal_are_refused_with_what_to_do(periodic: bool, reason: str):
    with pytest.raises(InputError, match=f"{reason}.*set pbc=True"):
        foreign_structure(ase.Atoms("Cu", cell=3 * CUBE, pbc=periodic))


def test_atoms_without_a_cell_or_an_element_are_refused():
    with pytest.raises(InputError, match="no volume"):
        foreign_structure(ase.Atoms("Cu", pbc=True))
    with pytest.raises(InputError, match="atomic number 0"):
        foreign_structure(ase.Atoms("X", cell=3 * CUBE, pbc=True))


def test_occupancies_that_ase_read_from_a_cif_are_told():
    atoms = ase.Atoms("NaCl", cell=5 * CUBE, pbc=True, scaled_positions=[[0, 0, 0], [0.5, 0.5, 0.5]])
    atoms.info["occupancy"] = {"0": {"Na": 0.5, "K": 0.5}, "1": {"Cl": 1.0}}
    with pytest.raises(InputError, match=r"site 1 is shared by Na 0\.5, K 0\.5; disorder"):
        foreign_structure(atoms)
    atoms.info["occupancy"] = {"0": {"Na": 1.0}, "1": {"Cl": 1.0}}
    assert foreign_structure(atoms) is not None


def test_a_structure_goes_to_pymatgen_and_back_with_oxidation_states():
    core = pytest.importorskip("pymatgen.core", reason="pymatgen is of the extra bench")
    foreign = SALT.to_pymatgen()
    assert isinstance(foreign, core.Structure)
    foreign.add_oxidation_state_by_element({"Na": 1, "Cl": -1})
    again = foreign_structure(foreign)
    assert again is not None
    comparison = compare(again, SALT)
    assert comparison.is_exact
    assert comparison.rms_distance < 1e-12


@pytest.mark.parametrize(
    ("species", "reason"),
    [
        ([{"Na+": 0.5, "K+": 0.25, "Li+": 0.25}, "Cl-"], r"site 1 is shared by .*Na\+ 0\.5.*disorder"),
        (["Na", {"Cl": 0.9}], r"site 2 is occupied by Cl 0\.9 only"),
        (["X0+", "Cl"], "site 1: .X0.. is not an element"),
        (["D", "Cl"], "site 1 is deuterium"),
        (["Na", "D+"], "site 2 is deuterium"),
    ],
)
def test_the_site_that_makes_a_structure_of_pymatgen_unusable_is_named(species: list, reason: str):
    core = pytest.importorskip("pymatgen.core", reason="pymatgen is of the extra bench")
    foreign = core.Structure(core.Lattice.cubic(4), species, [[0, 0, 0], [0.5, 0.5, 0.5]])
    with pytest.raises(InputError, match=reason):
        foreign_structure(foreign)


def test_molecules_and_layers_of_pymatgen_are_refused():
    core = pytest.importorskip("pymatgen.core", reason="pymatgen is of the extra bench")
    with pytest.raises(InputError, match="a Molecule of pymatgen has no lattice"):
        foreign_structure(core.Molecule(["O"], [[0, 0, 0]]))
    layer = core.Lattice(4 * CUBE, pbc=(True, True, False))
    with pytest.raises(InputError, match="is not periodic along c"):
        foreign_structure(core.Structure(layer, ["C"], [[0, 0, 0]]))


def test_anything_else_is_no_structure():
    assert foreign_structure(3.0) is None
    assert foreign_structure("A.cif") is None
