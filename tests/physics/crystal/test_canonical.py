"""One setting for a crystal however it is given, and crystals laid on each other."""

import numpy as np
import pytest

from argand.physics.crystal.alignment import aligned
from argand.physics.crystal.canonical import canonical
from argand.physics.crystal.cell import random_rotation
from argand.physics.crystal.comparison import compare
from argand.physics.crystal.reciprocal import shortest_hkl, wave_sums, waves
from argand.physics.crystal.structure import Structure, checked
from argand.physics.crystal.supercell import unfolded

CHANGE = np.array([[1, 1, 0], [0, 1, 0], [-1, 0, 1]])


def triclinic() -> Structure:
    """Five atoms without any symmetry."""
    lattice = np.array([[4.1, 0, 0], [0.6, 4.6, 0], [-0.7, 0.5, 5.3]])
    places = [[0.1, 0.2, 0.3], [0.55, 0.6, 0.1], [0.3, 0.75, 0.6], [0.8, 0.2, 0.75], [0.05, 0.4, 0.9]]
    return checked(lattice, np.array([22, 38, 8, 8, 16]), np.array(places))


def perovskite(off: float = 0.0) -> Structure:
    """Five atoms on a cube, titanium moved along c by so much of it."""
    places = [[0, 0, 0], [0.5, 0.5, 0.5 + off], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    return checked(np.diag([3.9, 3.9, 3.9 + off]), np.array([38, 22, 8, 8, 8]), np.array(places))


def graphene() -> Structure:
    """Nine cells of a layer of carbon, shaken: many settings of it are nearly alike."""
    lattice = np.array([[2.46, 0, 0], [-1.23, 2.13, 0], [0, 0, 15.0]])
    cell = checked(lattice, np.array([6, 6]), np.array([[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.5]]))
    sheet = unfolded(cell, np.diag([3, 3, 1]))
    return checked(
        sheet.lattice,
        sheet.species,
        sheet.frac_coords + 0.002 * np.random.default_rng(1).standard_normal((18, 3)),
    )


def as_others_give(structure: Structure) -> dict[str, Structure]:
    """The same crystal in other settings."""
    lattice, species, places = structure.lattice, structure.species, structure.frac_coords
    turn = random_rotation(np.random.default_rng(0))
    return {
        "origin": checked(lattice, species, places + np.array([0.123, 0.456, 0.789])),
        "cell": checked(CHANGE @ lattice, species, places @ np.linalg.inv(CHANGE)),
        "axes": checked(lattice[[1, 2, 0]], species, places[:, [1, 2, 0]]),
        "turned": checked(lattice @ turn, species, places),
        "supercell": unfolded(structure, np.array([[1, 1, 0], [-1, 1, 0], [0, 0, 2]])),
    }


@pytest.mark.parametrize("crystal", [triclinic(), perovskite(), perovskite(0.03)])
def test_a_crystal_has_one_setting_however_it_is_given_and_finds_back(crystal: Structure):
    wanted = canonical(crystal).structure
    for given in (crystal, *as_others_give(crystal).values()):
        found = canonical(given)
        same = compare(found.structure, wanted)
        assert same.is_exact
        assert max(same.rms_distance, same.length_error, same.angle_error) < 1e-6
        again = compare(found.restored(found.structure), given)
        assert again.is_exact
        assert max(again.rms_distance, again.length_error, again.angle_error) < 1e-6


def test_a_mirror_image_has_another_setting_unless_it_is_the_same_crystal():
    for crystal, is_chiral in ((triclinic(), True), (perovskite(0.03), False)):
        image = checked(crystal.lattice @ np.diag([1, 1, -1]), crystal.species, crystal.frac_coords)
        same = compare(canonical(image).structure, canonical(crystal).structure)
        assert (same.is_exact and same.rms_distance < 1e-3) is not is_chiral


def test_a_small_distortion_leaves_the_setting():
    crystal, rng = triclinic(), np.random.default_rng(2)
    wanted = canonical(crystal).structure
    for _ in range(5):
        lattice = crystal.lattice @ (np.eye(3) + 0.005 * rng.standard_normal((3, 3)))
        moved = crystal.frac_coords + 0.02 * rng.standard_normal((5, 3)) @ np.linalg.inv(lattice)
        near = compare(canonical(checked(lattice, crystal.species, moved)).structure, wanted)
        assert near.is_exact
        assert near.rms_distance < 0.1


def ones(structure: Structure) -> np.ndarray:
    return np.stack([np.ones(len(structure)), structure.species / 10.0], 1)


def test_alignment_finds_the_cell_and_the_origin_of_the_first():
    crystal = triclinic()
    for name, given in as_others_give(crystal).items():
        if name != "supercell":
            same = compare(aligned(crystal, given, ones), crystal)
            assert same.is_exact
            assert same.rms_distance < 1e-6


def test_a_crystal_lies_best_on_itself_whatever_is_nearly_alike():
    sheet = graphene()
    assert compare(aligned(sheet, sheet, ones), sheet).rms_distance < 1e-9


def test_weighted_sums_of_waves_are_sums_of_weighted_waves():
    crystal = triclinic()
    hkl = shortest_hkl(crystal.lattice, 20)
    weights = crystal.species.astype(float)
    np.testing.assert_allclose(
        wave_sums(hkl, crystal.frac_coords, weights), waves(hkl, crystal.frac_coords) @ weights, atol=1e-9
    )
