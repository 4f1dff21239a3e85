"""Ways through the space of latents, and likeness that no choice of the cell changes."""

from pathlib import Path

import numpy as np
import pytest

from argand.errors import ConfigError, InputError
from argand.io.structure import read_structure, write_structure
from argand.physics.crystal.cell import random_rotation
from argand.physics.crystal.comparison import compare
from argand.physics.crystal.structure import Structure, checked, closest_pair
from argand.physics.crystal.supercell import unfolded
from argand.systems.crystals.database.fingerprint import fingerprint
from argand.systems.crystals.files.explore import alter_file, interpolate_files, nearest_files
from argand.systems.crystals.latent.interpolation import altered, interpolate, read_substitutions
from argand.systems.crystals.latent.representation import Representation
from argand.systems.crystals.models.fourier import FourierModel
from argand.systems.crystals.predict import Predictor

BEST = Representation()
PREDICTOR = Predictor(FourierModel(BEST))


def salt(side: float, first: int, second: int, shift: float = 0.0) -> Structure:
    """A rock salt, primitive cell."""
    face = np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    return checked(side * face, np.array([first, second]), np.array([[0.0] * 3, [0.5] * 3]) + shift)


def rutile() -> Structure:
    u, lattice = 0.305, np.diag([4.59, 4.59, 2.96])
    oxygen = [[u, u, 0], [1 - u, 1 - u, 0], [0.5 + u, 0.5 - u, 0.5], [0.5 - u, 0.5 + u, 0.5]]
    return checked(lattice, np.array([22, 22, 8, 8, 8, 8]), np.array([[0, 0, 0], [0.5, 0.5, 0.5], *oxygen]))


def sheet(shaken: float = 0.0) -> Structure:
    """Graphene, 3 x 3 cells and 15 Å of nothing, moved at random by shares of the cell."""
    lattice = np.array([[2.46, 0, 0], [-1.23, 2.46 * np.sqrt(0.75), 0], [0, 0, 15.0]])
    cell = checked(lattice, np.array([6, 6]), np.array([[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.5]]))
    found = unfolded(cell, np.diag([3, 3, 1]))
    shifts = shaken * np.random.default_rng(0).standard_normal((18, 3))
    return checked(found.lattice, found.species, found.frac_coords + shifts)


def test_the_ends_of_a_way_are_the_structures():
    first, second = salt(5.64, 11, 17), salt(6.29, 19, 17, 0.13)
    found = interpolate(BEST, first, second, 5)
    assert (found[0].structure, found[-1].structure) == (first, second)
    volumes = [one.structure.volume for one in found]
    assert volumes == sorted(volumes)
    assert min(closest_pair(one.structure)[2] for one in found) > 2.5
    # Elements whose codes lie between those of the ends are not on the way.
    assert {z for one in found for z in one.structure.species.tolist()} == {11, 17, 19}


@pytest.mark.parametrize("as_given", [False, True])
def test_between_a_crystal_and_itself_is_nothing_else(as_given: bool):
    representation = Representation(as_given=as_given)
    for crystal in (sheet(), sheet(0.002), rutile()):
        for one in interpolate(representation, crystal, crystal, 4):
            same = compare(one.structure, crystal)
            assert same.is_exact
            assert same.rms_distance < 1e-3


def test_the_way_to_the_same_crystal_in_another_setting_stays_with_it():
    first, order = rutile(), [1, 2, 0]
    second = checked(first.lattice[order], first.species, first.frac_coords[:, order] + 0.3)
    for one in interpolate(BEST, first, second, 4)[:-1]:
        assert compare(one.structure, first).rms_distance < 1e-3


def test_what_is_between_comes_in_the_setting_of_the_first():
    cube = np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]])
    first, second = unfolded(salt(5.64, 11, 17), cube), salt(6.29, 19, 17, 0.13)
    middle = interpolate(BEST, first, second, 3)[1].structure
    assert len(middle) == 8
    np.testing.assert_allclose(np.linalg.norm(middle.lattice, axis=1), np.sqrt(5.64 * 6.29), atol=1e-4)


def test_altered_supercells_with_vacuum_keep_their_atoms(tmp_path: Path):
    write_structure(tmp_path / "sheet.cif", sheet())
    made = alter_file(tmp_path / "sheet.cif", tmp_path / "out", PREDICTOR, strain=[0.01])
    (record,) = made["structures"]
    assert record["atoms"] == 18
    assert record["distances_ok"]
    written = read_structure(tmp_path / "out" / record["file"])
    assert compare(written, altered(sheet(), {}, [0.01])).is_exact
    by_python = PREDICTOR.alter(tmp_path / "sheet.cif", strain=[0.01]).structure
    assert compare(by_python, written).rms_distance < 1e-3


def test_replaced_elements_take_their_own_volume_unless_it_is_to_be_kept():
    halite = salt(5.64, 11, 17)
    kept = PREDICTOR.alter(halite, {"Na": "K"}, volume="keep").structure
    assert kept.volume == pytest.approx(halite.volume, rel=1e-5)
    # KCl has a cell edge of 6.29 Å: 39 % more volume.
    taken = PREDICTOR.changed(halite, {"Na": "K"})
    assert taken.volume == "network"
    assert 1.2 < taken.scale**3 < 1.6
    assert PREDICTOR.changed(halite, {"Na": "Na"}).scale == pytest.approx(1.0)
    large = checked(halite.lattice * 3, np.full(21, 11), np.random.default_rng(0).random((21, 3)))
    assert PREDICTOR.changed(large, {"Na": "K"}).volume == "keep"


def test_atoms_too_near_for_their_elements_are_marked(tmp_path: Path):
    near = checked(6.0 * np.eye(3), np.array([55, 55]), np.array([[0, 0, 0], [0.3, 0, 0]]))
    write_structure(tmp_path / "near.cif", near)
    (record,) = alter_file(tmp_path / "near.cif", tmp_path / "out", PREDICTOR)["structures"]
    assert record["valid_half_angstrom"]
    assert not record["distances_ok"]
    with pytest.raises(ConfigError, match="network or keep"):
        alter_file(tmp_path / "near.cif", tmp_path / "out", PREDICTOR, volume="double")


def test_a_copy_that_fails_ends_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_structure(tmp_path / "a.cif", salt(5.64, 11, 17))
    add_noise = FourierModel.add_noise

    def broken(self: FourierModel, latent: np.ndarray, noise: float, seed: int) -> np.ndarray:
        if seed == 2:
            raise AttributeError("nobody thought of it")
        return add_noise(self, latent, noise, seed)

    monkeypatch.setattr(FourierModel, "add_noise", broken)
    made = alter_file(tmp_path / "a.cif", tmp_path / "out", PREDICTOR, noise=0.01, count=3, seed=1)
    assert [record["file"] for record in made["structures"]] == ["a-01.cif", "a-03.cif"]
    (told,) = made["failed"]
    assert told.startswith("copy 2: AttributeError: nobody thought of it")
    with pytest.raises(InputError, match="copy 1: "):
        alter_file(tmp_path / "a.cif", tmp_path / "none", PREDICTOR, noise=0.01, seed=2)
    with pytest.raises(ConfigError, match="noise"):
        alter_file(tmp_path / "a.cif", tmp_path / "out", PREDICTOR, noise=-1.0)


def test_alterations_do_what_they_say():
    changed = altered(salt(5.64, 11, 17), {"Na": "K"}, [0.02])
    assert changed.formula == "KCl"
    assert changed.volume == pytest.approx(1.02**3 * salt(5.64, 11, 17).volume)
    with pytest.raises(InputError, match="no Li in"):
        altered(changed, {"Li": "K"})
    for text in ("Na", "Na=Qq", "D=H"):
        with pytest.raises(ConfigError):
            read_substitutions([text])
    with pytest.raises(ConfigError, match="2 strains"):
        altered(changed, {}, [0.1, 0.2])


def test_likeness_knows_no_choice_of_the_cell():
    one = rutile()
    turned = one.lattice @ random_rotation(np.random.default_rng(0))
    sheared = np.array([[1, 0, 0], [1, 1, 0], [0, -1, 1]])
    other = checked(sheared @ turned, one.species, one.frac_coords @ np.linalg.inv(sheared) + 0.2)
    double = checked(
        one.lattice * np.array([[2.0], [1], [1]]),
        np.tile(one.species, 2),
        np.concatenate([one.frac_coords, one.frac_coords + np.array([1, 0, 0])]) / [2, 1, 1],
    )
    for same in (other, double):
        np.testing.assert_allclose(fingerprint(same), fingerprint(one), atol=1e-6)
    assert np.linalg.norm(fingerprint(salt(5.64, 11, 17)) - fingerprint(one)) > 1.0


def test_the_nearest_is_the_same_crystal_in_another_setting(tmp_path: Path):
    cube = np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]])
    others = {"same": unfolded(salt(5.64, 11, 17, 0.1), cube), "strained": salt(5.7, 11, 17), "c": rutile()}
    for name, structure in {"a": salt(5.64, 11, 17), **others}.items():
        write_structure(tmp_path / f"{name}.cif", structure)
    found = nearest_files(tmp_path / "a.cif", [str(tmp_path / f"{name}.cif") for name in others], 3)
    assert [record["name"] for record in found] == ["same", "strained", "c"]
    assert found[0]["distance"] < 1e-3 < found[1]["distance"]


def test_verbs_write_structures_and_find_the_nearest(tmp_path: Path):
    files = {"a": salt(5.64, 11, 17), "b": salt(6.29, 19, 17), "c": rutile()}
    for name, structure in files.items():
        write_structure(tmp_path / f"{name}.cif", structure)
    way = interpolate_files(tmp_path / "a.cif", tmp_path / "b.cif", 3, tmp_path / "way", PREDICTOR, 10)
    assert all(record["distances_ok"] and record["valid_half_angstrom"] for record in way["structures"])
    assert len(read_structure(tmp_path / "way" / "step-02.cif")) == 2
    made = alter_file(
        tmp_path / "a.cif",
        tmp_path / "made",
        PREDICTOR,
        substitutions=["Na=K"],
        strain=[0.1],
        noise=0.02,
        count=2,
    )
    assert {record["formula"] for record in made["structures"]} == {"KCl"}
    found = nearest_files(tmp_path / "made" / "a-01.cif", [str(tmp_path / "*.cif")], 2)
    assert [record["name"] for record in found] == ["b", "a"]
