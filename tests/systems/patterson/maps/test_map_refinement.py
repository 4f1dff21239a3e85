"""Verdicts: maps of atoms of any shape are trusted, wrong numbers and wrong structures are not."""

import pytest
import torch
from patterson_foreign_maps import TUNING_SEED, Kind, ball, gaussian, simulate

from argand.systems.patterson.maps.atom_matching import match_atoms
from argand.systems.patterson.maps.map_refinement import MapRefinement
from argand.systems.patterson.predict import load
from argand.systems.patterson.simulate import AtomSet

SMALL = AtomSet(atoms=6, box=32, inner_box=10.0)


@pytest.mark.parametrize(
    "kind",
    [
        Kind(ball(1.0), SMALL, scale=37.0),
        Kind(ball(0.7), SMALL),
        Kind(gaussian(0.8), SMALL),
        Kind(gaussian(0.8), noise=0.1),
        Kind(ball(1.0), SMALL, noise=0.2),
    ],
    ids=["another scale", "smaller spheres", "Gaussians", "Gaussians with noise", "spheres with noise"],
)
def test_maps_of_atoms_of_another_shape_are_solved_and_said_to_be(kind: Kind):
    positions, maps = simulate(kind, range(3), TUNING_SEED)
    found = load().solve(maps, kind.atoms.atoms)
    assert match_atoms(found.positions, positions.float()).solved.all()
    assert found.solved.all()


@pytest.mark.parametrize("told", [-1, 1])
@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_a_wrong_number_of_atoms_is_not_believed(told: int, noise: float):
    positions, maps = simulate(Kind(ball(1.0), SMALL, noise=noise), range(3), TUNING_SEED)
    true = positions.float()
    refinement = MapRefinement(maps, 1.0, 6 + told)
    wrong = true[:, 1:] if told < 0 else torch.cat([true, true[:, :1] + 4.0], dim=1)
    rows = torch.arange(3)
    refined, residual = refinement.refined(wrong, rows)
    assert not refinement.trusted(refined, residual, rows).any()


def test_noise_does_not_excuse_an_atom_out_of_place():
    positions, maps = simulate(Kind(None, SMALL, noise=0.2), range(4), TUNING_SEED)
    refinement, rows = MapRefinement(maps, 1.0, 6), torch.arange(4)
    right, residual = refinement.refined(positions.float(), rows)
    assert refinement.trusted(right, residual, rows).all()
    wrong = right.clone()
    wrong[:, 0] += 4.0
    # Whatever its residual is said to be: the margin alone tells.
    assert not refinement.trusted(wrong, refinement.limit, rows).any()


def test_random_intensities_are_not_believed():
    _, maps = simulate(Kind(ball(1.0), SMALL, random=True), range(2), TUNING_SEED)
    assert not load().solve(maps, 6, fallback=False).solved.any()
