"""Poses move as molecules do, scatter as the atoms they are, and their slopes are what differences show."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_crystals import orthogonalisation, unique_sphere

from argand.physics.crystal.atom import Atoms, structure_factors
from argand.physics.crystal.symmetry import Group
from argand.physics.molecule.assembly import Assembly, Copy
from argand.physics.molecule.body import Body, molecules, sides, torsions_about
from argand.physics.molecule.kinematics import Kinematics, random_turns, turns_of
from argand.physics.molecule.placement import best_places
from argand.physics.molecule.pose_fit import PoseFit
from argand.physics.molecule.scattering import Scattering

ELEMENTS = ("C", "C", "O", "N", "C", "H")
CART = np.array([[0, 0, 0], [1.5, 0, 0], [2, 1.3, 0], [2, -1.2, 0.3], [3.4, -1.3, 0.8], [-0.5, 0.9, 0.2]])
BONDS = np.array([[0, 1], [1, 2], [1, 3], [3, 4], [0, 5]])
BODY = Body(ELEMENTS, CART[None], BONDS, torsions_about(ELEMENTS, BONDS, [(1, 3), (0, 1)]))
TWO = Assembly((Copy(BODY), Copy(BODY, 2)))
GROUPS = ("P 1", "P -1", "P 1 21/c 1", "P 21 21 21", "C 1 2/c 1", "F d d 2", "I 41/a :1", "P 31")


def cell_of(name: str) -> np.ndarray:
    if name == "P 31":
        return orthogonalisation((9.0, 9.0, 11.0, 90.0, 90.0, 120.0))
    return orthogonalisation((9.0, 9.0, 10.0, 90.0, 90.0, 90.0))


def scattering_of(name: str, assembly: Assembly, d_min: float = 2.0) -> tuple[Scattering, np.ndarray]:
    group, cell = Group.from_name(name), cell_of(name)
    hkl = unique_sphere(group, cell, d_min)
    return Scattering(hkl, group, cell, assembly.elements, assembly.occupancy), hkl


def poses(count: int, copies: int = 2, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = torch.as_tensor(CART, dtype=torch.float32)
    placed = [
        torch.einsum("pab,jb->pja", random_turns(count, generator), shape)
        + 9 * torch.rand(count, 1, 3, generator=generator)
        for _ in range(copies)
    ]
    return torch.cat(placed, 1)


@pytest.mark.parametrize("name", GROUPS)
def test_factors_of_a_batch_are_those_of_its_atoms(name: str):
    scattering, hkl = scattering_of(name, TWO)
    places = poses(3)
    group, cell = Group.from_name(name), cell_of(name)
    found = scattering.factors(places).numpy()
    for number in range(3):
        frac = places[number].double().numpy() @ np.linalg.inv(cell).T
        atoms = Atoms(TWO.elements, frac, np.zeros(len(frac)), TWO.occupancy)
        exact = structure_factors(atoms, hkl, group, cell)
        assert np.abs(found[number] - exact).max() < 1e-5 * np.abs(exact).max()


@pytest.mark.parametrize("name", GROUPS)
def test_slopes_are_those_of_differences(name: str):
    scattering, _ = scattering_of(name, TWO)
    motion, places = Kinematics(TWO), poses(2)
    factors, slopes = scattering.slopes(places, motion)
    torch.testing.assert_close(factors, scattering.factors(places), rtol=1e-4, atol=1e-3)
    for move in range(TWO.moves):
        step = torch.zeros(2, TWO.moves)
        step[:, move] = 1e-2
        ahead, behind = (scattering.factors(motion.moved(places, sign * step)) for sign in (1, -1))
        numeric = (ahead - behind) / 2e-2
        assert (numeric - slopes[..., move]).abs().max() < 2e-3 * numeric.abs().max() + 2e-3


@given(st.lists(st.floats(-3.0, 3.0), min_size=TWO.moves, max_size=TWO.moves))
@settings(max_examples=25, deadline=None)
def test_moves_keep_bonds_angles_and_the_middle_moves_by_the_shift(values: list[float]):
    motion, places = Kinematics(TWO), poses(1)
    step = torch.tensor([values])
    moved = motion.moved(places, step)
    for first, second in [*TWO.bonds.tolist(), (0, 2), (0, 3), (1, 4), (2, 3)]:
        before = (places[0, first] - places[0, second]).norm()
        assert abs(float((moved[0, first] - moved[0, second]).norm() - before)) < 1e-4
    shift = step[0, :12].reshape(2, 6)[:, 3:]
    torch.testing.assert_close(motion.centres(moved)[0], motion.centres(places)[0] + shift, rtol=0, atol=1e-4)


def test_a_torsion_turns_its_side_by_the_angle():
    alone = Assembly((Copy(BODY),))
    places = torch.as_tensor(CART, dtype=torch.float32)[None]
    bent = Kinematics(alone).bent(places, torch.tensor([[torch.pi]]))[0].numpy()
    first, second, moved = BODY.torsions[0]
    along = (CART[second] - CART[first]) / np.linalg.norm(CART[second] - CART[first])
    apart = CART[4] - CART[second]
    half_turn = CART[second] + 2 * along * (apart @ along) - apart
    assert moved[4]
    np.testing.assert_allclose(bent[4], half_turn, atol=1e-5)
    np.testing.assert_allclose(bent[~moved], CART[~moved], atol=1e-6)


def test_rings_do_not_turn_and_parts_are_told_apart():
    ring = np.array([[0, 1], [1, 2], [2, 0], [2, 3], [4, 5]])
    assert sides(6, ring, (0, 1)) is None
    side = sides(6, ring, (2, 3))
    assert side is not None
    assert np.flatnonzero(side).tolist() == [3]
    assert [part.tolist() for part in molecules(6, ring)] == [[0, 1, 2, 3], [4, 5]]


@given(st.lists(st.floats(-3.0, 3.0), min_size=3, max_size=3))
@settings(max_examples=25, deadline=None)
def test_turns_are_rotations_about_their_vector(values: list[float]):
    vector = torch.tensor(values)
    turn = turns_of(vector)
    torch.testing.assert_close(turn @ turn.T, torch.eye(3), rtol=0, atol=1e-5)
    torch.testing.assert_close(turn @ vector, vector, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["P 1 21/c 1", "P 21 21 21"])
def test_places_of_a_sample_have_the_residual_of_their_poses(name: str):
    alone = Assembly((Copy(BODY),))
    scattering, _ = scattering_of(name, alone)
    amplitude = scattering.factors(poses(1, 1, seed=5)).abs()[0]
    fit = PoseFit(scattering, amplitude, Kinematics(alone))
    oriented, shifts = poses(4, 1), torch.rand(7, 3, generator=torch.Generator().manual_seed(1)) * 9
    values, chosen = best_places(scattering, fit.amplitude, oriented, shifts, 7)
    placed = oriented[:, None] + shifts[chosen][:, :, None]
    direct = fit.started(placed.flatten(0, 1)).residual.reshape(4, 7)
    torch.testing.assert_close(values, direct, rtol=1e-3, atol=1e-4)


def test_a_pose_that_is_a_little_off_is_fitted_to_the_truth():
    alone = Assembly((Copy(BODY),))
    scattering, _ = scattering_of("P 1 21/c 1", alone)
    motion, truth = Kinematics(alone), poses(1, 1, seed=3)
    amplitude = (scattering.factors(truth).abs() * scattering.damping(torch.tensor([0.04])))[0]
    fit = PoseFit(scattering, amplitude, motion)
    off = motion.moved(truth, torch.tensor([[0.2, -0.1, 0.15, 0.2, -0.2, 0.1, 0.3]]))
    found = fit.refined(fit.started(off), 12)
    assert found.residual[0] < 1e-4
    assert (found.places - truth).norm(dim=-1).max() < 0.05
