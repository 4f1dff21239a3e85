"""Atoms by fitting Gaussians: to a density, and to its linear code."""

import time

import numpy as np
import pytest

from argand.errors import InputError
from argand.physics.crystal.gaussian_fit import FittedAtoms, fit_atoms, fit_code
from argand.physics.crystal.gaussian_target import CodeTarget, DensityTarget, Target
from argand.physics.crystal.linear_code import LinearCode
from argand.physics.crystal.voxel_box import Atoms, Box

BOX = Box()
CODE = LinearCode(BOX)
ATOMS = Atoms(
    np.array([[3.0, 4.1, 5.2], [4.3, 4.5, 5.0], [6.2, 6.6, 3.9], [7.0, 3.3, 6.4], [4.9, 7.1, 6.8]]),
    np.array([8, 22, 8, 56, 1], np.uint8),
)


def assert_found(found: FittedAtoms, atoms: Atoms, within: float) -> None:
    """Each atom once, within so many Å, with its element."""
    assert len(found) == len(atoms.species)
    apart = np.linalg.norm(found.places[:, None] - atoms.places, axis=-1)
    partner = apart.argmin(0)
    assert apart.min(0).max() < within
    np.testing.assert_array_equal(found.atoms.species[partner], atoms.species)


def test_merged_neighbours_and_a_hydrogen_come_out_of_a_density_exactly():
    density = BOX.density(ATOMS)
    # Maxima tell fewer: the first two atoms, 1.4 Å apart, have one.
    assert len(BOX.read_peaks(density, 1.0).species) < 5
    found = fit_atoms(density)
    assert_found(found, ATOMS, 1e-3)
    np.testing.assert_allclose(np.sort(found.charges), np.sort(ATOMS.species), atol=0.01)
    assert found.misfit < 1e-5
    assert found.probability.min() > 0.99


def test_300_numbers_tell_the_same_atoms_and_survive_noise_of_one_per_cent():
    code = CODE.encode(BOX.density(ATOMS).astype(float))
    assert_found(fit_code(CODE, code.astype(np.float32)), ATOMS, 1e-3)
    noise = np.random.default_rng(0).standard_normal(300) * np.sqrt(np.mean(code**2))
    found = fit_code(CODE, code + 0.01 * noise)
    # The hydrogen is off by 0.1 Å, the others by 0.04.
    assert_found(found.inside(BOX), ATOMS, 0.2)
    assert 0 < found.place_spread.max() < 0.2


def test_an_atom_beyond_the_box_is_told_from_those_inside():
    atoms = Atoms(np.array([[5.0, 5.0, 5.0], [11.2, 5.0, 5.0]]), np.array([14, 79], np.uint8))
    found = fit_code(CODE, CODE.encode(BOX.density(atoms).astype(float)))
    assert_found(found, atoms, 1e-2)
    assert_found(found.inside(BOX), Atoms(atoms.places[:1], atoms.species[:1]), 1e-2)


def test_other_boxes_are_read_too():
    box = Box(side=6.0, voxels=24, sigma=0.5)
    atoms = Atoms(np.array([[2.0, 2.2, 3.0], [3.1, 4.0, 3.3]]), np.array([103, 6], np.uint8))
    assert_found(fit_atoms(box.density(atoms), box), atoms, 1e-3)


@pytest.mark.parametrize("kind", ["density", "code"])
def test_the_normal_equations_are_those_of_finite_differences(kind: str):
    density = BOX.density(ATOMS).astype(float)
    target: Target = (
        DensityTarget(BOX, density) if kind == "density" else CodeTarget(CODE, CODE.encode(density))
    )
    places, charges = ATOMS.places[:2] + 0.1, np.array([9.0, 20.0])
    normal, right, left = target.normal(places, charges)
    assert normal.shape == (8, 8)
    np.testing.assert_allclose(normal, normal.T, rtol=1e-9)
    for number in range(8):
        atom, what = divmod(number, 4)
        step = np.zeros((2, 4))
        step[atom, what] = 1e-4
        up = target.normal(places + step[:, :3], charges + step[:, 3])[2]
        down = target.normal(places - step[:, :3], charges - step[:, 3])[2]
        # The right-hand side is minus half the slope of the squares that are left.
        assert (down - up) / 4e-4 == pytest.approx(right[number], rel=1e-4, abs=1e-6 * left)


def test_a_crowded_box_takes_no_longer_than_its_seconds():
    rng = np.random.default_rng(1)
    crowded = Atoms(rng.uniform(-2, 12, (120, 3)), rng.integers(1, 90, 120).astype(np.uint8))
    start = time.thread_time()
    assert len(fit_atoms(BOX.density(crowded), seconds=0.3)) > 1
    assert time.thread_time() - start < 2


def test_what_holds_no_atoms_is_refused():
    for density in (np.zeros((30, 30, 30)), np.full((30, 30, 30), -1.0)):
        with pytest.raises(InputError, match=r"no atoms|resembles an atom"):
            fit_atoms(density)
    with pytest.raises(InputError, match="30 along each side"):
        fit_atoms(np.zeros((3, 3, 3)))
