"""Real crystals that were shaken get their space group, lattice and places back."""

import json
from pathlib import Path

import gemmi
import numpy as np
import pytest
import spglib
from typer.testing import CliRunner

from argand.cli import build
from argand.io.structure import read_structure, write_structure
from argand.physics.crystal.structure import Structure, parameters, wrapped
from argand.physics.crystal.symmetrisation import symmetrised

TESTS = Path(__file__).parents[3]
EXAMPLES = TESTS.parent / "examples" / "data" / "crystals"
MATERIALS = TESTS / "data" / "materials"
REAL = {
    EXAMPLES / "SrTiO3_mp-5229.cif": ("Pm-3m", 0, 1),
    EXAMPLES / "PbTiO3_mp-20459.cif": ("P4mm", 3, 2),
    EXAMPLES / "MgAl2O4_mp-3536.cif": ("Fd-3m", 1, 1),
    EXAMPLES / "LiFePO4_mp-19017.cif": ("Pnma", 11, 3),
    MATERIALS / "Cu_supercell_mp-30.cif": ("Fm-3m", 0, 1),
    MATERIALS / "ZnO_mp-2133.cif": ("P6_3mc", 1, 2),
    MATERIALS / "Al2O3_mp-1143.cif": ("R-3c", 2, 2),
    MATERIALS / "SiO2_mp-6930.cif": ("P3_221", 4, 2),
    MATERIALS / "ZrO2_mp-2858.cif": ("P2_1/c", 9, 4),
}
"""Space group, and how many numbers it leaves free in the places (but for the origin) and in the lattice."""
TRICLINIC = {"KMn2O4_mp-1003314.cif": "P-1", "LaCrTeO6_mp-1040801.cif": "P1"}
SHAKEN = 0.01
"""Å, standard deviation of each coordinate; of strains, a tenth of it."""


def shaken(structure: Structure, seed: int = 0) -> Structure:
    rng = np.random.default_rng(seed)
    lattice = structure.lattice @ (np.eye(3) + 0.1 * SHAKEN * rng.standard_normal((3, 3)))
    moved = SHAKEN * rng.standard_normal((len(structure), 3)) @ np.linalg.inv(structure.lattice)
    return Structure(lattice, structure.species, wrapped(structure.frac_coords + moved))


def group_of(structure: Structure, tolerance: float) -> str:
    cell = (structure.lattice, structure.frac_coords, structure.species)
    return spglib.get_symmetry_dataset(cell, symprec=tolerance).international


def apart(found: Structure, truth: Structure) -> np.ndarray:
    """Å between atoms of the same number, the shift of all of them taken out, [atom, 3]."""
    difference = found.frac_coords - truth.frac_coords
    difference -= np.round(difference)
    return (difference - difference.mean(axis=0)) @ truth.lattice


def ideal(path: Path) -> Structure:
    """The published structure without the noise of its last digits."""
    return symmetrised(read_structure(path), 0.01)[0]


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_a_shaken_crystal_is_as_it_was_but_for_what_symmetry_leaves_free(path: Path):
    group, free_places, free_lattice = REAL[path]
    truth = ideal(path)
    before = shaken(truth)
    assert group_of(before, 1e-4) == "P1"
    found, named = symmetrised(before, 0.1)
    assert (named, group_of(found, 1e-5)) == (group, group)
    np.testing.assert_array_equal(found.species, truth.species)
    # Noise of one standard deviation in each of n free numbers has a norm below sqrt(n) + 3 of them; of all
    # others nothing may be left but the digits of the file.
    norm = SHAKEN * (np.sqrt(free_places) + 3) if free_places else 0.0
    assert np.linalg.norm(apart(found, truth)) < norm + 1e-5
    assert np.linalg.norm(apart(found, truth)) < 0.9 * np.linalg.norm(apart(before, truth))
    strain = parameters(found.lattice) / parameters(truth.lattice) - 1
    assert np.abs(strain).max() < 0.1 * SHAKEN * 4
    if free_lattice == 1:
        np.testing.assert_allclose(strain, [strain[0]] * 3 + [0] * 3, atol=1e-7)


@pytest.mark.parametrize("name", TRICLINIC)
def test_a_triclinic_crystal_keeps_lattice_and_gains_at_most_its_centre(name: str):
    truth = ideal(MATERIALS / name)
    before = shaken(truth)
    found, named = symmetrised(before, 0.1)
    assert named == TRICLINIC[name]
    np.testing.assert_allclose(parameters(found.lattice), parameters(before.lattice), rtol=1e-12)
    if named == "P1":
        np.testing.assert_allclose(found.frac_coords, before.frac_coords, atol=1e-12)
    else:
        assert group_of(found, 1e-5) == "P-1"
        assert np.linalg.norm(apart(found, truth)) < np.linalg.norm(apart(before, truth))


@pytest.mark.parametrize("tolerance", [1e-5, 50.0])
def test_a_tolerance_that_fits_nothing_leaves_the_structure(tolerance: float):
    before = shaken(ideal(MATERIALS / "SiO2_mp-6930.cif"))
    found, named = symmetrised(before, tolerance)
    assert named == "P1"
    np.testing.assert_allclose(parameters(found.lattice), parameters(before.lattice), rtol=1e-12)
    np.testing.assert_allclose(found.frac_coords, before.frac_coords, atol=1e-12)


def write_left_handed(path: Path, structure: Structure) -> None:
    """A POSCAR of the same crystal, its vectors a and b exchanged."""
    order = [1, 0, 2]
    species, counts = np.unique(structure.species, return_counts=True)
    lines = [" ".join(map(repr, map(float, row))) for row in structure.lattice[order]]
    lines += [" ".join(gemmi.Element(int(z)).name for z in species), " ".join(map(str, counts)), "Direct"]
    for z in species:
        places = structure.frac_coords[structure.species == z][:, order]
        lines += [" ".join(map(repr, map(float, row))) for row in places]
    path.write_text("left-handed\n1.0\n" + "\n".join(lines) + "\n")


def test_quartz_in_a_left_handed_cell_does_not_become_its_mirror_image(tmp_path: Path):
    truth = ideal(MATERIALS / "SiO2_mp-6930.cif")
    write_left_handed(tmp_path / "quartz.vasp", shaken(truth))
    found, named = symmetrised(read_structure(tmp_path / "quartz.vasp"), 0.1)
    assert np.linalg.det(found.lattice) > 0
    assert (named, group_of(found, 1e-5)) == ("P3_221", "P3_221")


def run(*words: object) -> dict:
    app = build({"crystals": "argand.systems.crystals"})
    answer = CliRunner().invoke(app, ["crystals", *map(str, words), "--json", "--processes", "1"])
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Shaken crystals as files, quartz also in a left-handed cell."""
    folder = tmp_path / "shaken"
    folder.mkdir()
    for path in (EXAMPLES / "PbTiO3_mp-20459.cif", MATERIALS / "ZnO_mp-2133.cif"):
        write_structure(folder / path.name, shaken(ideal(path)))
    quartz = shaken(ideal(MATERIALS / "SiO2_mp-6930.cif"))
    write_left_handed(folder / "quartz.vasp", quartz)
    return folder


def test_reconstruct_and_decode_write_symmetric_files_and_name_the_group(tmp_path: Path, files: Path):
    groups = {"PbTiO3_mp-20459": "P4mm", "ZnO_mp-2133": "P6_3mc", "quartz": "P3_221"}
    latents = tmp_path / "latents.parquet"
    app = build({"crystals": "argand.systems.crystals"})
    assert CliRunner().invoke(app, ["crystals", "encode", str(files), "-o", str(latents)]).exit_code == 0
    for verb, given in (("reconstruct", files), ("decode", latents)):
        out = tmp_path / verb
        summary = run(verb, given, "--symmetrise", 0.1, "--out", out)
        assert {one["name"]: one["symmetrised_to"] for one in summary["structures"]} == groups
        for one in summary["structures"]:
            assert one["symmetrise"] == 0.1
            assert group_of(read_structure(out / one["file"]), 1e-4) == groups[one["name"]]


def test_without_the_option_no_group_is_named_and_nothing_is_averaged(tmp_path: Path, files: Path):
    out = tmp_path / "rebuilt"
    for one in run("reconstruct", files, "--out", out)["structures"]:
        assert "symmetrised_to" not in one
        assert group_of(read_structure(out / one["file"]), 1e-3) == "P1"
    again = run("reconstruct", files, "--symmetrise", 0.1, "--out", out, "--resume")
    assert all("symmetrised_to" in one for one in again["structures"])
