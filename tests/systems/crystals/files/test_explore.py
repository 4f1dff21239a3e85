"""Ways through the space of latents, and likeness that no choice of the cell changes."""

from pathlib import Path

import numpy as np
import pytest

from argand.errors import ConfigError, InputError
from argand.io.structure import read_structure, write_structure
from argand.physics.crystal.cell import random_rotation
from argand.physics.crystal.comparison import compare
from argand.physics.crystal.structure import Structure, checked, closest_pair
from argand.systems.crystals.database.fingerprint import fingerprint
from argand.systems.crystals.files.explore import alter_file, interpolate_files, nearest_files
from argand.systems.crystals.latent.interpolation import aligned, altered, interpolate, read_substitutions
from argand.systems.crystals.latent.representation import Representation

BEST = Representation()


def salt(side: float, first: int, second: int, shift: float = 0.0) -> Structure:
    """A rock salt, primitive cell."""
    face = np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    return checked(side * face, np.array([first, second]), np.array([[0.0] * 3, [0.5] * 3]) + shift)


def rutile() -> Structure:
    u, lattice = 0.305, np.diag([4.59, 4.59, 2.96])
    oxygen = [[u, u, 0], [1 - u, 1 - u, 0], [0.5 + u, 0.5 - u, 0.5], [0.5 - u, 0.5 + u, 0.5]]
    return checked(lattice, np.array([22, 22, 8, 8, 8, 8]), np.array([[0, 0, 0], [0.5, 0.5, 0.5], *oxygen]))


def test_the_ends_of_a_way_are_the_structures():
    first, second = salt(5.64, 11, 17), salt(6.29, 19, 17, 0.13)
    found = interpolate(BEST, first, second, 5)
    assert compare(found[0].structure, first).is_exact
    assert compare(found[-1].structure, aligned(first, second)).is_exact
    volumes = [one.structure.volume for one in found]
    assert volumes == sorted(volumes)
    assert min(closest_pair(one.structure)[2] for one in found) > 2.5
    # Elements whose codes lie between those of the ends are not on the way.
    assert {z for one in found for z in one.structure.species.tolist()} == {11, 17, 19}


def test_alignment_moves_the_origin_back():
    moved = aligned(rutile(), checked(rutile().lattice, rutile().species, rutile().frac_coords + 0.3))
    assert compare(moved, rutile()).rms_distance < 0.05


def test_alterations_do_what_they_say():
    changed = altered(salt(5.64, 11, 17), {"Na": "K"}, [0.02])
    assert changed.formula == "Cl1 K1"
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


def test_verbs_write_structures_and_find_the_nearest(tmp_path: Path):
    files = {"a": salt(5.64, 11, 17), "b": salt(6.29, 19, 17), "c": rutile()}
    for name, structure in files.items():
        write_structure(tmp_path / f"{name}.cif", structure)
    way = interpolate_files(tmp_path / "a.cif", tmp_path / "b.cif", 3, tmp_path / "way", BEST, 10)
    assert [record["valid"] for record in way["structures"]] == [True] * 3
    assert len(read_structure(tmp_path / "way" / "step-02.cif")) == 2
    made = alter_file(
        tmp_path / "a.cif", tmp_path / "made", BEST, substitutions=["Na=K"], strain=[0.1], noise=0.02, count=2
    )
    assert {record["formula"] for record in made["structures"]} == {"Cl1 K1"}
    found = nearest_files(tmp_path / "made" / "a-01.cif", [str(tmp_path / "*.cif")], 2)
    assert [record["name"] for record in found] == ["b", "a"]
