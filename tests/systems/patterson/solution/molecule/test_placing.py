"""Known molecules are placed in crystals from coarse data, and not trusted where data cannot tell."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import gemmi
import numpy as np
import pytest
from synthetic_crystals import orthogonalisation, unique_sphere
from typer.testing import CliRunner

from argand.cli import build
from argand.errors import ConfigError, InputError
from argand.io.reflections import MeasuredIntensities
from argand.physics.crystal.atom import Atoms, structure_factors
from argand.physics.crystal.symmetry import Group
from argand.physics.molecule.origin import same_crystal
from argand.systems.patterson.solution.known_molecule import place_known
from argand.systems.patterson.solution.molecule.contents import contents_of, formula_of
from argand.systems.patterson.solution.molecule.reading import bodies_of_atoms, read_molecules
from argand.systems.patterson.solution.reflections import CrystalData, prepare
from argand.systems.patterson.solution.solve import Interrupted

CELL = (8.2, 7.0, 9.4, 90.0, 103.0, 90.0)
ELEMENTS = ("C", "O", "N", "C", "C", "C", "Cl")
# A bent chain with three different ends: Å.
CART = np.array(
    [
        [0, 0, 0],
        [0.6, 1.06, 0],
        [0.7, -1.15, 0],
        [2.15, -1.25, 0.1],
        [-1.5, 0, 0.1],
        [-2.1, -0.9, 1.2],
        [-2.2, 1.6, 0.2],
    ]
)
DRAWN = np.random.default_rng(48)
TURN = np.linalg.qr(DRAWN.normal(size=(3, 3)))[0]
# So drawn, no two molecules are nearer than 2.9 Å.
PLACED = CART @ TURN + orthogonalisation(CELL) @ DRAWN.random(3)
XYZ = "\n".join(
    [str(len(CART)), "a", *(f"{e} {x} {y} {z}" for e, (x, y, z) in zip(ELEMENTS, CART, strict=True))]
)


@dataclass
class Ticking:
    """A clock that goes on by a second at each look, so that the same is tried on any machine."""

    seconds: float = 0.0

    def __call__(self) -> float:
        self.seconds += 1.0
        return self.seconds


def crystal_of(d_min: float, placed: np.ndarray = PLACED, name: str = "P 1 21/c 1") -> CrystalData:
    """Exact intensities of the molecule in its crystal."""
    group, cell = Group.from_name(name), orthogonalisation(CELL)
    hkl = unique_sphere(group, cell, d_min)
    frac = placed @ np.linalg.inv(cell).T
    count = len(frac)
    atoms = Atoms(ELEMENTS[:count], frac, np.full(count, 0.04), np.ones(count))
    intensity = np.abs(structure_factors(atoms, hkl, group, cell)) ** 2
    bodies = bodies_of_atoms(ELEMENTS, CART)
    given = MeasuredIntensities("made", hkl, intensity, 0.01 * intensity + 0.01, CELL, spacegroup=name)
    return prepare(given, formula=formula_of(bodies), units=4.0)


def test_a_rigid_molecule_is_placed_from_data_to_two_angstrom():
    crystal = crystal_of(2.0)
    solution = place_known(crystal, bodies_of_atoms(ELEMENTS, CART), 4.0, 40.0, clock=Ticking())
    assert solution.trusted, solution.reason
    assert solution.path == "known molecule"
    truth = PLACED @ np.linalg.inv(crystal.orthogonalisation).T
    assert same_crystal(solution.atoms.frac, truth, crystal.group, crystal.orthogonalisation)
    assert solution.r1 < 0.05
    assert sorted(solution.atoms.elements) == sorted(ELEMENTS)


def test_an_interrupted_search_carries_its_best_answer():
    def press(rounds: int, misfit: float) -> None:
        raise KeyboardInterrupt

    wrong = CART * [1.0, -1.0, 1.0]
    wrong[6] = CART[5] + [-1.2, 0.8, 0.9]
    bodies = bodies_of_atoms(ELEMENTS, wrong)
    with pytest.raises(Interrupted) as stop:
        place_known(crystal_of(2.0), bodies, 4.0, 400.0, watch=press, clock=Ticking())
    assert not stop.value.solution.trusted
    assert "interrupted after" in stop.value.solution.reason
    assert len(stop.value.solution.atoms) == len(ELEMENTS)


def test_where_several_answers_fit_none_is_believed():
    crystal = crystal_of(3.8)
    stiff = [replace(body, torsions=()) for body in bodies_of_atoms(ELEMENTS, CART)]
    solution = place_known(crystal, stiff, 4.0, 4.0, clock=Ticking())
    assert not solution.trusted
    assert solution.others
    cell = crystal.orthogonalisation
    assert not same_crystal(solution.atoms.frac, solution.others[0].atoms.frac, crystal.group, cell)


def test_another_molecule_is_not_believed():
    crystal = crystal_of(2.0)
    wrong = CART * [1.0, -1.0, 1.0]
    wrong[6] = CART[5] + [-1.2, 0.8, 0.9]
    solution = place_known(crystal, bodies_of_atoms(ELEMENTS, wrong), 4.0, 4.0, clock=Ticking())
    assert not solution.trusted, solution.reason


def test_the_command_places_a_molecule_of_a_file(tmp_path: Path):
    (tmp_path / "a.xyz").write_text(XYZ)
    data = crystal_of(2.0).observed
    top = 9999 / data.intensity.max()
    rows = zip(data.hkl.tolist(), data.intensity * top, data.sigma * top, strict=True)
    lines = [f"{h:4d}{k:4d}{el:4d}{i:8.2f}{max(s, 0.01):8.2f}" for (h, k, el), i, s in rows]
    (tmp_path / "a.hkl").write_text("\n".join(lines) + "\n")
    call = ["patterson", "solve", str(tmp_path / "a.hkl"), "--cell", ",".join(map(str, CELL)), "--units", "4"]
    call += ["--spacegroup", "P 1 21/c 1", "--molecule", str(tmp_path / "a.xyz"), "--time-limit", "600"]
    result = CliRunner().invoke(
        build({"patterson": "argand.systems.patterson"}), [*call, "--out", str(tmp_path / "o"), "--json"]
    )
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert summary["solved"]
    assert summary["path"] == "known molecule"
    # And its CIF can be read as the molecule.
    small = gemmi.read_small_structure(summary["files"]["cif"])
    assert len(small.sites) == len(ELEMENTS)
    (body,) = read_molecules([summary["files"]["cif"]])
    assert sorted(body.elements) == sorted(ELEMENTS)


def test_files_give_bodies_with_bonds_and_torsions(tmp_path: Path):
    path = tmp_path / "a.xyz"
    path.write_text(XYZ)
    (body,) = read_molecules([str(path)])
    assert body.elements == ELEMENTS
    assert len(body.bonds) == 6
    assert len(body.torsions) == 1


def test_what_is_no_molecule_is_told(tmp_path: Path):
    with pytest.raises(InputError, match="no such file"):
        read_molecules([str(tmp_path / "none.xyz")])
    broken = tmp_path / "broken.xyz"
    broken.write_text("nothing")
    with pytest.raises(InputError, match="no molecule can be read"):
        read_molecules([str(broken)])


def test_half_molecules_are_told_from_whole_ones_and_odd_numbers_are_refused():
    crystal, bodies = crystal_of(2.0), bodies_of_atoms(ELEMENTS, CART)
    assert [copy.keepers for copy in contents_of(crystal, bodies, 4.0).copies] == [1]
    assert [copy.keepers for copy in contents_of(crystal, bodies, 2.0).copies] == [2]
    assert [copy.keepers for copy in contents_of(crystal, bodies, 6.0).copies] == [1, 2]
    with pytest.raises((InputError, ConfigError), match="--units"):
        contents_of(crystal, bodies, 3.0)


def test_a_smiles_gives_shapes_with_its_bonds():
    pytest.importorskip("rdkit")
    acid, water = read_molecules(["CC(=O)Nc1ccc(O)cc1.O"])
    assert acid.formula == {"C": 8.0, "H": 9.0, "N": 1.0, "O": 2.0}
    assert water.formula == {"O": 1.0, "H": 2.0}
    assert len(acid.torsions) == 2
    with pytest.raises(InputError, match="neither a file nor a SMILES"):
        read_molecules(["no such thing"])
