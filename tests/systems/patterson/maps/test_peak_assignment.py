"""Atoms from ideal densities: picked vectors are true ones, overlaps are resolved, the hand is found."""

import pytest
import torch

from argand.physics.sphere.patterson import intensities_of
from argand.systems.patterson.maps.atom_matching import match_atoms
from argand.systems.patterson.maps.overlapping_peaks import peel, peel_all
from argand.systems.patterson.maps.peak_assignment import exact_signs, grow_signs, read_atoms, sign_patterns
from argand.systems.patterson.maps.superposition import (
    PairFrame,
    features,
    pair_midpoint,
    pick_vectors,
    target,
    unfold,
)
from argand.systems.patterson.simulate import AtomSet, simulate_batch

FRAME = PairFrame()
PAPER = simulate_batch(AtomSet(), range(24), 3)
VECTORS = pick_vectors(PAPER.patterson, 4, 1.0)
TRUE = PAPER.positions.float()


def test_picked_vectors_join_atoms():
    difference = (TRUE[:, :, None] - TRUE[:, None]).flatten(1, 2)
    off = torch.cdist(VECTORS, difference).amin(2)
    assert (off < 0.5).float().mean() > 0.95


def test_the_network_sees_peaks_where_atoms_are():
    seen = features(intensities_of(PAPER.patterson), VECTORS[:, 0], 1.0, FRAME)
    wanted = target(TRUE, VECTORS[:, 0], FRAME)
    assert seen.shape == (24, 3, FRAME.depth, 24, 24)
    lowest = seen[:, 0, :12]
    assert lowest[wanted[:, 0] > 0.7].mean() > 5 * lowest[wanted[:, 0] < 0.01].mean()


def test_the_target_is_the_first_half_of_a_centrosymmetric_density():
    wanted = unfold(target(TRUE, VECTORS[:, 0], FRAME)[:, 0])
    torch.testing.assert_close(wanted, wanted.flip(1, 2, 3))
    about = TRUE[0] - pair_midpoint(TRUE, VECTORS[:, 0])[0]
    place, height = peel_all(wanted[:1], 20, FRAME.sigma)
    nearest = torch.cdist(torch.cat([about, -about]), place[0]).amin(1)
    assert nearest.median() < 0.05
    assert height[0].min() > 0.3


@pytest.mark.parametrize("number", range(3))
def test_ideal_densities_are_read_without_error(number: int):
    vector = VECTORS[:, number]
    density = unfold(target(TRUE, vector, FRAME)[:, 0])
    reading = read_atoms(density, PAPER.patterson, vector, 10, 1.0, FRAME.sigma)
    match = match_atoms(reading.positions, TRUE)
    assert match.figures()["matched"] >= 238
    assert match.figures()["mean_voxel"] < 0.06


def test_peaks_in_anothers_shoulder_and_double_ones_are_found():
    place = torch.tensor(
        [[4.0, 0.0, 0.0], [2.2, 3.0, 1.0], [2.2, 3.0, 1.0], [3.2, -3.1, 2.0], [3.2, -4.4, 2.0]]
    )
    from argand.physics.sphere.density import gaussian_density

    both = torch.cat([place, -place])[None] + 12
    density = gaussian_density(both, 24, 0.7)
    found, height = peel(density, place[None, 0], 6, 0.7)
    canonical = torch.where(found[0, :, :1] < 0, -found[0], found[0])
    assert torch.cdist(place, canonical).amin(1).max() < 0.35
    assert height[0, 1:5].min() > 0.5


def test_sign_patterns_are_all_different_and_begin_with_plus():
    patterns = sign_patterns(5)
    assert len({tuple(pattern.tolist()) for pattern in patterns}) == 16
    assert (patterns[:, 0] == 1).all()


def test_exact_search_and_growth_find_the_planted_signs():
    sign = torch.tensor([1.0, -1, -1, 1, 1, -1, 1])
    agree = sign[:, None] * sign > 0
    same = torch.where(agree, 1.0, 0.3).fill_diagonal_(0)[None]
    opposite = torch.where(agree, 0.3, 1.0).fill_diagonal_(0)[None]
    torch.testing.assert_close(exact_signs(same, opposite)[0], sign)
    order, grown = grow_signs(same, opposite, 7)
    torch.testing.assert_close(grown[0][order[0].argsort()], sign)


def test_a_match_is_blind_to_place_and_hand_and_sees_what_is_wrong():
    atoms = TRUE[:4]
    same = match_atoms(3.0 - atoms[:, torch.randperm(10)], atoms)
    assert same.solved.all()
    assert same.distance.max() < 1e-4
    wrong = atoms.clone()
    wrong[:, 0] += 5
    assert not match_atoms(wrong, atoms).solved.any()
    assert match_atoms(wrong, atoms).distance.median() < 0.1
