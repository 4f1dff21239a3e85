"""What two vectors say of how like their crystals are."""

import numpy as np
import pytest

import argand
from argand.errors import ConfigError, InputError
from argand.physics.crystal.canonical import canonical
from argand.physics.crystal.structure import Structure, checked
from argand.physics.crystal.supercell import unfolded
from argand.systems.crystals.latent.likeness import descriptor, distance
from argand.systems.crystals.latent.representation import Latent, Representation

BEST = Representation()


def triclinic(shaken: float = 0.0, last: int = 16) -> Structure:
    """Five atoms without any symmetry, moved at random by so many Å."""
    lattice = np.array([[4.1, 0, 0], [0.6, 4.6, 0], [-0.7, 0.5, 5.3]])
    places = [[0.1, 0.2, 0.3], [0.55, 0.6, 0.1], [0.3, 0.75, 0.6], [0.8, 0.2, 0.75], [0.05, 0.4, 0.9]]
    moved = shaken * np.random.default_rng(0).standard_normal((5, 3)) @ np.linalg.inv(lattice)
    return checked(lattice, np.array([22, 38, 8, 8, last]), np.array(places) + moved)


def vector(structure: Structure) -> Latent:
    return BEST.encode_setting(canonical(structure))


def test_a_distance_is_of_crystals_and_not_of_settings():
    first, one = vector(triclinic()), triclinic()
    double = unfolded(one, np.array([[1, 1, 0], [-1, 1, 0], [0, 0, 1]]))
    moved = checked(one.lattice[[1, 2, 0]], one.species, one.frac_coords[:, [1, 2, 0]] + 0.3)
    for same in (double, moved):
        assert distance(BEST, first, vector(same)) < 1e-4
        np.testing.assert_allclose(descriptor(BEST, vector(same)), descriptor(BEST, first), atol=1e-4)
    # As it is given a vector lies elsewhere, but is compared all the same.
    assert np.abs(BEST.encode(moved) - first[:-12]).max() > 0.5
    assert distance(BEST, first, BEST.encode(moved)) < 1e-4


def test_a_distance_grows_with_the_difference():
    first, one = vector(triclinic()), triclinic()
    near = [distance(BEST, first, vector(triclinic(size))) for size in (0.02, 0.1)]
    assert 0 < near[0] < near[1] < 0.5
    substituted = distance(BEST, first, vector(triclinic(last=34)))
    other = checked(3.9 * np.eye(3), np.array([55, 17]), np.array([[0, 0, 0], [0.5, 0.5, 0.5]]))
    assert near[0] < substituted < distance(BEST, first, vector(other))
    image = checked(one.lattice @ np.diag([1, 1, -1]), one.species, one.frac_coords)
    assert distance(BEST, first, vector(image)) > 3 * near[0]


@pytest.mark.parametrize("step", [0, 1])
def test_all_kinds_of_vectors_are_described(step: int):
    found = descriptor(BEST, BEST.encode(triclinic(), step))
    assert found.shape == (4 + 1 + 15 * 24,)
    assert found[4] == pytest.approx(np.log(triclinic().volume / 5), abs=1e-5)


def test_python_offers_both_and_refuses_what_is_no_vector(tmp_path):
    crystals = argand.load("crystals")
    latent = crystals.encode(triclinic())
    given = crystals.encode(triclinic(), as_given=True)
    assert len(latent) == len(given) + 12
    assert crystals.distance(latent, given) < 1e-4
    np.testing.assert_allclose(crystals.descriptor(latent), crystals.descriptor(given), atol=0.1)
    with pytest.raises(InputError):
        crystals.descriptor(latent[:-1])
    with pytest.raises(ConfigError, match="only the model best gives a descriptor"):
        argand.load("crystals", "paper").descriptor(latent)
