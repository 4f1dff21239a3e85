"""Vectors of what the space group leaves free: exact against gemmi and direct sums; crystals come back."""

from pathlib import Path

import gemmi
import hypothesis.strategies as st
import numpy as np
import pytest
import spglib
from hypothesis import given, settings

from argand.errors import ConfigError, InputError
from argand.io.structure import read_structure
from argand.physics.crystal.comparison import compare
from argand.physics.crystal.reciprocal import waves
from argand.physics.crystal.structure import Structure, checked, distances, wrapped
from argand.systems.crystals.latent.symmetric import mixing
from argand.systems.crystals.latent.symmetric.decoding import comes_back, decode, encode_verified
from argand.systems.crystals.latent.symmetric.orbit import images_of, orbits_of, site_of
from argand.systems.crystals.latent.symmetric.representation import WHOLE, SymmetricRepresentation
from argand.systems.crystals.latent.symmetric.setting import as_given, setting_of, standardised
from argand.systems.crystals.latent.symmetric.stars import stars_of

FOLDER = Path(__file__).parents[4] / "examples" / "data" / "crystals"
FIRST_SETTINGS = [
    next(h for h in range(1, 531) if spglib.get_spacegroup_type(h).number == n) for n in range(1, 231)
]
SHORT = SymmetricRepresentation()


def free_cell(hall: int, rng: np.random.Generator) -> np.ndarray:
    """Free lengths and angles of a plausible cell."""
    free = np.array(setting_of(hall).free)
    return np.where(free < 3, rng.uniform(5.0, 8.0, len(free)), np.radians(rng.uniform(80, 110, len(free))))


def random_crystal(number: int, seed: int) -> tuple[int, Structure]:
    """Two orbits on random places in the primitive cell of a group's first setting."""
    hall, rng = FIRST_SETTINGS[number - 1], np.random.default_rng(seed)
    setting = setting_of(hall)
    lattice = setting.lattice(free_cell(hall, rng))
    orbits = [images_of(setting, site_of(setting, lattice, rng.random(3)).place) for _ in range(2)]
    species = np.repeat(np.array([8, 22], np.uint8), [len(one) for one in orbits])
    return hall, Structure(lattice, species, wrapped(np.concatenate(orbits)))


@pytest.fixture
def phosphate() -> Structure:
    return read_structure(FOLDER / "LiFePO4_mp-19017.cif")


@given(st.integers(1, 230), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_all_coefficients_follow_from_the_independent_ones(number: int, seed: int):
    hall, structure = random_crystal(number, seed)
    stars = stars_of(setting_of(hall), structure.lattice, 40)
    values = waves(stars.hkl, structure.frac_coords).sum(1)
    np.testing.assert_allclose(stars.unpack(stars.pack(values)), values, atol=1e-6)
    hkl, expanded = stars.expanded(setting_of(hall), values)
    np.testing.assert_allclose(waves(hkl, structure.frac_coords).sum(1), expanded, atol=1e-6)
    keys = {tuple(one) for one in hkl.tolist()}
    assert len(keys) == len(hkl)
    assert not any(tuple(-np.array(one)) in keys for one in keys)


@pytest.mark.parametrize("number", [2, 14, 19, 62, 96, 141, 152, 161, 167, 194, 198, 205, 216, 227, 230])
def test_absences_and_fixed_phases_are_those_of_gemmi(number: int):
    hall = FIRST_SETTINGS[number - 1]
    setting, group = setting_of(hall), gemmi.symops_from_hall(spglib.get_spacegroup_type(hall).hall_symbol)
    lattice = setting.lattice(free_cell(hall, np.random.default_rng(number)))
    stars = stars_of(setting, lattice, 60)
    conventional = np.rint(stars.hkl @ np.linalg.inv(setting.basis).T).astype(int).tolist()
    assert [group.is_reflection_centric(hkl) for hkl in conventional] == (stars.sizes == 1).tolist()
    assert not any(group.is_systematically_absent(hkl) for hkl in conventional)
    # The stars are all there are out to their last one: as many indices as gemmi allows there.
    hkl, _ = stars.expanded(setting, np.ones(len(stars.hkl), complex))
    reach = np.linalg.norm(stars.hkl[-1] @ np.linalg.inv(lattice).T) * (1 - 1e-6)
    box = np.stack(np.meshgrid(*[np.arange(-25, 26)] * 3, indexing="ij"), -1).reshape(-1, 3)
    near = box[(np.linalg.norm(box @ np.linalg.inv(lattice).T, axis=1) < reach) & box.any(1)]
    full = np.rint(near @ np.linalg.inv(setting.basis).T).astype(int).tolist()
    allowed = sum(not group.is_systematically_absent(one) for one in full)
    found = np.linalg.norm(hkl @ np.linalg.inv(lattice).T, axis=1) < reach
    assert 2 * int(found.sum()) == allowed


@given(st.integers(1, 230), st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_a_crystal_of_any_group_comes_back(number: int, seed: int):
    _, structure = random_crystal(number, seed)
    nearest = distances(structure.lattice, structure.frac_coords) + 9 * np.eye(len(structure))
    if nearest.min() < 1.0 or len(structure) > 48:
        return
    decoded = encode_verified(SymmetricRepresentation(128), structure)[1]
    given_in = standardised(structure, SHORT.tolerance)
    assert comes_back(decoded, given_in, structure), (number, decoded)


def test_64_numbers_hold_twenty_atoms_and_the_cell_that_they_were_given_in(phosphate: Structure):
    # 28 atoms: the vector grows with the atoms beyond 20; the structure's own numbers are 118.
    latent, decoded = encode_verified(SHORT, phosphate)
    assert len(latent) == 89
    assert comes_back(decoded, standardised(phosphate, 0.01), phosphate)
    keeping = SymmetricRepresentation(keeps_setting=True)
    turned = Structure(
        phosphate.lattice[[1, 2, 0]], phosphate.species, wrapped(phosphate.frac_coords[:, [1, 2, 0]] + 0.1)
    )
    latent, decoded = encode_verified(keeping, turned)
    assert len(latent) == 89
    comparison = compare(decoded.structure, turned)
    assert comparison.is_exact
    assert comparison.rms_distance < 0.01
    assert comparison.length_error < 1e-4


def test_a_supercell_costs_what_its_smallest_cell_does(phosphate: Structure):
    salt = checked(4.2 * np.eye(3), np.array([55, 17]), np.array([[0, 0, 0], [0.5, 0.5, 0.5]]))
    double = as_given(salt, np.diag([2, 1, 1]), np.zeros(3))
    assert len(double) == 4
    latent, decoded = encode_verified(SymmetricRepresentation(24, keeps_setting=True), double)
    assert len(latent) == 24
    assert compare(decoded.structure, double).is_exact


def test_a_crystal_keeps_its_hand():
    """Quartz in P 31 2 1 or P 32 2 1."""
    silicon, oxygen = np.array([0.4697, 0.0, 1 / 3]), np.array([0.4135, 0.2669, 0.2144])
    halls = {}
    for name in ("P 31 2 1", "P 32 2 1"):
        sign = 1 if name == "P 31 2 1" else -1
        places, species = [], []
        for z, place in ((14, silicon), (8, oxygen)):
            for op in gemmi.SpaceGroup(name).operations():
                image = np.array(op.apply_to_xyz(list(place * [1, 1, sign]))) % 1
                apart = np.array(places).reshape(-1, 3) - image
                if not (np.abs(apart - np.rint(apart)) < 1e-3).all(1).any():
                    places.append(image)
                    species.append(z)
        cell = gemmi.UnitCell(4.913, 4.913, 5.405, 90, 90, 120)
        quartz = checked(np.array(cell.orth.mat.tolist()).T, np.array(species), np.array(places))
        assert len(quartz) == 9
        latent, decoded = encode_verified(SHORT, quartz)
        halls[name] = spglib.get_spacegroup_type(round(float(latent[0]))).number
        again = standardised(decoded.structure, 0.01)
        assert spglib.get_spacegroup_type(again.hall).number == halls[name]
    assert halls == {"P 31 2 1": 152, "P 32 2 1": 154}


def test_small_errors_of_the_vector_make_small_errors_of_the_crystal(phosphate: Structure):
    given_in = standardised(phosphate, SHORT.tolerance)
    latent = SHORT.encode(given_in)
    shaken = mixing.add_noise(SHORT, latent, 0.03, 1)
    start = SHORT.head_size(latent)
    np.testing.assert_array_equal(shaken[:start], latent[:start])
    assert not np.array_equal(shaken[start:], latent[start:])
    comparison = compare(decode(SHORT, shaken).structure, given_in.structure)
    assert comparison.is_exact
    assert comparison.rms_distance < 0.1


def test_the_way_between_two_vectors_is_one_of_crystals_of_the_group():
    species, ends = np.array([56, 22, 8, 8, 8]), []
    for k in (1, 2):
        flat = [[0, 0, 0], [0.5, 0.5, 0.5 + 0.02 * k], [0.5, 0.5, 0.04 + 0.02 * k]]
        places = np.array([*flat, [0.5, 0, 0.53], [0, 0.5, 0.53]])
        ends.append(standardised(checked(np.diag([4.0, 4.0, 4.2 + 0.2 * k]), species, places), 0.01))
    way = mixing.between(SHORT, *ends, 3)
    middle = decode(SHORT, way[1]).structure
    assert middle.volume == pytest.approx(16 * np.sqrt(4.4 * 4.6), rel=1e-3)
    assert compare(decode(SHORT, way[0]).structure, ends[0].structure).is_exact
    salt = checked(4.2 * np.eye(3), np.array([55, 17]), np.array([[0, 0, 0], [0.5, 0.5, 0.5]]))
    with pytest.raises(InputError, match="use --model best"):
        mixing.between(SHORT, ends[0], standardised(salt, 0.01), 3)
    with pytest.raises(ConfigError, match="too few for two ends"):
        mixing.between(SHORT, *ends, 1)
    with pytest.raises(ConfigError, match="is not from 0 to 10"):
        mixing.add_noise(SHORT, way[0], -0.1, 0)


def test_what_is_no_vector_or_too_short_is_refused(phosphate: Structure):
    latent = SHORT.encode(standardised(phosphate, SHORT.tolerance))
    for wrong in (latent[:5], np.full(64, np.nan, np.float32), np.zeros(64, np.float32)):
        with pytest.raises(InputError):
            decode(SHORT, wrong)
    other = latent.copy()
    other[2] = 99
    with pytest.raises(InputError, match="make no sense"):
        decode(SHORT, other)
    with pytest.raises(ConfigError, match="7 or more"):
        SymmetricRepresentation(6)
    with pytest.raises(ConfigError, match="above 0"):
        SymmetricRepresentation(tolerance=0.0)
    with pytest.raises(InputError, match="too few"):
        SymmetricRepresentation(13).encode(standardised(phosphate, 0.01))
    # A longer one is taken instead.
    assert len(encode_verified(SymmetricRepresentation(13), phosphate)[0]) > 18


def test_the_head_says_what_a_reader_can_check(phosphate: Structure):
    latent = SHORT.encode(standardised(phosphate, SHORT.tolerance))
    assert latent[1:WHOLE].tolist() == [28, 6, 4]
    assert latent[WHOLE : WHOLE + 4].tolist() == [3, 8, 15, 26]
    lengths = 6.0 * np.exp(0.1 * latent[WHOLE + 4 : WHOLE + 7])
    cell = sorted(np.linalg.norm(phosphate.lattice, axis=1))
    np.testing.assert_allclose(sorted(lengths), cell, rtol=1e-5)
    setting = setting_of(round(float(latent[0])))
    assert len(setting.rotations) == 8
    assert len(orbits_of(setting, standardised(phosphate, 0.01).structure)) == 6
