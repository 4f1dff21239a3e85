"""The latent vector: its size, its sense, and the structure that comes back from it alone."""

from typing import Any

import numpy as np
import pytest

from argand.errors import ConfigError, InputError
from argand.physics.crystal.canonical import canonical
from argand.physics.crystal.comparison import compare
from argand.physics.crystal.reciprocal import place_spread
from argand.physics.crystal.structure import Structure, checked
from argand.physics.crystal.supercell import folded
from argand.system import from_config
from argand.systems.crystals.latent.decoding import decode, encode_verified
from argand.systems.crystals.latent.element_codes import amplitudes, codes, nearest
from argand.systems.crystals.latent.representation import HEAD, SETTING, Representation, representation_of

BEST = Representation()


def spinel(shift: float = 0.0) -> Structure:
    """MgAl2O4, primitive cell, 14 atoms."""
    face = np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    mg = [[0.125] * 3, [0.875] * 3]
    al = [[0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    u, v = 0.2624, 0.5 - 3 * 0.2624
    o = [[u, u, u], [u, u, v], [u, v, u], [v, u, u]]
    places = np.array([*mg, *al, *o, *(1 - np.array(o))]) + shift
    return checked(8.08 * face, np.array([12] * 2 + [13] * 4 + [8] * 8), places)


def supercell(structure: Structure, counts: tuple[int, int, int]) -> Structure:
    """Copies of the cell along its axes."""
    times = np.array(counts)
    steps = np.stack(np.meshgrid(*[np.arange(n) for n in counts], indexing="ij"), -1).reshape(-1, 3)
    places = ((structure.frac_coords + steps[:, None]) / times).reshape(-1, 3)
    return checked(structure.lattice * times[:, None], np.tile(structure.species, len(steps)), places)


def halite(times: int) -> Structure:
    """NaCl in a cubic supercell, whose shortest reciprocal vectors do not tell sodium from chlorine."""
    face = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    cube = checked(5.64 * np.eye(3), np.array([11] * 4 + [17] * 4), np.concatenate([face, face + 0.5]))
    return supercell(cube, (times,) * 3)


def graphene() -> Structure:
    """A layer of carbon and 15 Å of nothing."""
    a = 2.46
    lattice = np.array([[a, 0, 0], [-a / 2, a * np.sqrt(3) / 2, 0], [0, 0, 15.0]])
    return checked(lattice, np.array([6, 6]), np.array([[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.5]]))


def test_what_the_shortest_vectors_do_not_determine_is_doubted_and_then_encoded_otherwise():
    perfect = halite(2)
    assert decode(BEST, BEST.encode(perfect)).confidence < 0.95
    assert compare(decode(BEST, BEST.encode(perfect, 1)).structure, perfect).is_exact
    sheet = supercell(graphene(), (5, 5, 1))
    shifts = 0.002 * np.random.default_rng(3).standard_normal((len(sheet), 3))
    truth = checked(sheet.lattice, sheet.species, sheet.frac_coords + shifts)
    latent, decoded = encode_verified(BEST, truth)
    comparison = compare(decoded.structure, truth)
    assert comparison.is_exact
    assert comparison.rms_distance < 1e-3
    assert decoded.confidence > 0.95
    assert len(latent) > BEST.size(len(truth))


@pytest.mark.parametrize(("cell", "times"), [(graphene(), (5, 5, 1)), (spinel(0.03), (3, 1, 2))])
def test_a_supercell_comes_back_from_the_vector_of_its_smallest_cell(cell: Structure, times: tuple):
    truth = supercell(cell, times)
    latent, decoded = encode_verified(BEST, truth)
    assert len(latent) == BEST.size(len(cell)) + SETTING
    comparison = compare(decoded.structure, truth)
    assert comparison.is_exact
    assert comparison.rms_distance < 1e-4
    assert len(decoded.probability) == len(decoded.spread) == len(truth)
    latent[-SETTING:] = 0
    with pytest.raises(InputError, match="supercell"):
        decode(BEST, latent)


def test_vectors_of_all_settings_of_a_crystal_are_one_but_for_how_it_was_given():
    cell = spinel(0.03)
    change = np.array([[1, 1, 0], [0, 1, 0], [-1, 0, 1]])
    skewed = checked(change @ cell.lattice, cell.species, cell.frac_coords @ np.linalg.inv(change) + 0.2)
    first, *others = (encode_verified(BEST, one) for one in (cell, skewed, supercell(cell, (2, 1, 1))))
    for latent, _ in others:
        np.testing.assert_allclose(latent[:-SETTING], first[0][:-SETTING], atol=1e-5)
        assert not np.allclose(latent[-SETTING:], first[0][-SETTING:])
    assert compare(others[0][1].structure, skewed).rms_distance < 1e-4
    # Without the numbers of the setting the crystal is read in its canonical one.
    bare = decode(BEST, others[1][0][:-SETTING]).structure
    same = compare(bare, canonical(cell).structure)
    assert same.is_exact
    assert same.rms_distance < 1e-4


def test_as_given_nothing_is_changed_and_vectors_without_a_setting_are_read_as_ever():
    cell = spinel(0.03)
    latent, decoded = encode_verified(Representation(as_given=True), cell)
    np.testing.assert_array_equal(latent, BEST.encode(cell))
    assert compare(decoded.structure, cell).is_exact
    # A configuration of a time without canonical settings, and the vector of a supercell then.
    old = from_config(Representation, {"numbers": 512, "code_dims": 4, "species_share": 0.4, "atoms": 20})
    double = supercell(cell, (2, 1, 1))
    smallest = folded(double)
    assert smallest is not None
    for given, vector in ((cell, BEST.encode(cell)), (double, BEST.encode_folded(smallest))):
        assert compare(decode(old, vector).structure, given).is_exact


def test_a_large_cell_with_hydrogens_comes_back_in_time(processor: Any):
    generator, length = np.random.default_rng(4), 14.0
    places = np.zeros((0, 3))
    while len(places) < 150:
        pair = generator.random(3) + np.array([[0.0] * 3, [1.09 / length, 0, 0]])
        apart = places[:, None] - pair
        if np.linalg.norm(length * (apart - np.rint(apart)), axis=-1).min(initial=9) > 1.4:
            places = np.concatenate([places, pair])
    truth = checked(length * np.eye(3), np.tile([6, 1], 75), places)
    decoded = encode_verified(BEST, truth)[1]
    assert 1 < processor.seconds < 15
    assert compare(decoded.structure, truth).is_exact
    assert decoded.confidence > 0.95


def test_late_all_atoms_are_there_with_little_confidence():
    truth = halite(3)
    decoded = decode(BEST, BEST.encode(truth), seconds=0.0)
    assert len(decoded.structure) == len(truth)
    assert decoded.confidence < 0.5


def test_the_vectors_of_all_steps_differ_in_length_and_are_read():
    for truth in (spinel(), halite(2)):
        vectors = [BEST.encode(truth, step) for step in range(BEST.steps(len(truth)))]
        assert len({len(one) for one in vectors}) == len(vectors)
        for one in vectors:
            content = BEST.read(one)
            assert len(np.unique(content.hkl, axis=0)) == len(content.hkl)
            assert {*map(tuple, content.species_hkl)} <= {*map(tuple, content.hkl)}


@pytest.mark.parametrize("numbers", [512, 256, 128])
def test_a_structure_comes_back_from_its_vector(numbers: int):
    representation, truth = representation_of(numbers), spinel(0.03)
    latent = representation.encode(truth)
    assert latent.dtype == np.float32
    assert len(latent) == representation.size(len(truth)) <= numbers
    decoded = decode(representation, latent)
    comparison = compare(decoded.structure, truth)
    assert comparison.is_exact
    assert comparison.rms_distance < 1e-3
    assert comparison.length_error < 1e-6
    assert decoded.confidence > 0.999


def test_noise_lowers_the_confidence_and_moves_atoms_little():
    truth, generator = spinel(0.03), np.random.default_rng(0)
    latent = BEST.encode(truth)
    latent[HEAD:] += (0.1 * latent[HEAD:].std() * generator.standard_normal(len(latent) - HEAD)).astype("f")
    decoded = decode(BEST, latent)
    comparison = compare(decoded.structure, truth)
    assert comparison.is_exact
    assert comparison.rms_distance < 0.1
    assert 0.5 < decoded.confidence < 0.95


def test_the_same_atoms_in_another_order_have_the_same_vector():
    truth = spinel()
    order = np.random.default_rng(1).permutation(len(truth))
    other = checked(truth.lattice, truth.species[order], truth.frac_coords[order])
    np.testing.assert_allclose(BEST.encode(truth), BEST.encode(other), atol=1e-5)


def test_vectors_grow_with_the_atoms_beyond_twenty():
    assert BEST.size(1) == BEST.size(20) <= 512
    assert 1000 < BEST.size(40) <= 1024


def test_a_flat_cell_has_a_vector_too():
    lattice = np.array([[3.0, 0, 0], [2.9, 0.8, 0], [5.8, 0.7, 6.0]])
    truth = checked(lattice, np.array([3, 9]), np.array([[0, 0, 0.1], [0.5, 0.5, 0.6]]))
    assert compare(decode(BEST, BEST.encode(truth)).structure, truth).is_exact


def test_what_is_no_vector_is_refused():
    latent = BEST.encode(spinel())
    many = latent.copy()
    many[HEAD - 1] = 1e6
    for bad in (latent[:-2], latent[:3], latent * np.nan, many):
        with pytest.raises(InputError):
            decode(BEST, bad)
    with pytest.raises(ConfigError, match="too short"):
        representation_of(20)


@pytest.mark.parametrize("dims", [1, 2, 4, 8])
def test_every_element_has_a_place_of_its_own(dims: int):
    known = codes(dims)
    apart = np.linalg.norm(known[:, None] - known[None], axis=-1) + 9 * np.eye(len(known))
    assert apart.min() > {1: 0.019, 2: 0.1, 4: 0.45, 8: 0.6}[dims]
    assert np.linalg.norm(known, axis=1).max() <= 1 + 1e-9
    species, probability = nearest(known, np.full(len(known), 1e-3))
    np.testing.assert_array_equal(species, np.arange(1, len(known) + 1))
    assert probability.min() > 0.99


def test_an_atom_that_no_coefficient_holds_is_anywhere():
    hkl = np.array([[1, 0, 0], [0, 1, 0], [2, 1, 0]])
    spread = place_spread(4.0 * np.eye(3), hkl, np.array([[0.1, 0.2, 0.3]]), 1e-3)
    np.testing.assert_allclose(spread, 1.0, atol=1e-3)
    hkl = np.concatenate([hkl, [[0, 0, 1]]])
    assert place_spread(4.0 * np.eye(3), hkl, np.array([[0.1, 0.2, 0.3]]), 1e-3)[0] < 2e-3


def test_weights_are_found_where_coefficients_determine_them():
    generator = np.random.default_rng(2)
    wave = np.exp(2j * np.pi * generator.random((20, 6)))
    weights = generator.standard_normal((6, 3))
    found, spread = amplitudes(wave, wave @ weights, weights.sum(0), 1e-4)
    np.testing.assert_allclose(found, weights, atol=1e-4)
    assert (spread < 1e-4).all()
