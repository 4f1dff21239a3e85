"""Sphere densities: exact fractions, and what every density must keep."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given

from argand.physics.sphere.density import gaussian_density, octant_volume, sphere_density, sphere_fractions

place = st.floats(0.0, 0.999)
radii = st.sampled_from([0.6, 1.0, 1.7])


def monte_carlo(offset: np.ndarray, radius: float, width: int) -> np.ndarray:
    """Shares of voxels by Sobol points, 2^20 a voxel."""
    points = torch.quasirandom.SobolEngine(3, scramble=True, seed=1).draw(2**20, dtype=torch.float64).numpy()
    shares = np.empty((width,) * 3)
    # Squares of the distance along x, y and z, for each row of voxels along that axis.
    x, y, z = ([(points[:, i] + row - width // 2 - offset[i]) ** 2 for row in range(width)] for i in range(3))
    for i, j in np.ndindex(width, width):
        left = radius**2 - x[i] - y[j]
        for k in range(width):
            shares[i, j, k] = np.count_nonzero(z[k] < left) / len(points)
    return shares


@pytest.mark.parametrize(("offset", "radius"), [((0.21, 0.5, 0.83), 1.0), ((0.0, 0.47, 0.99), 1.3)])
def test_fractions_agree_with_monte_carlo(offset: tuple[float, float, float], radius: float):
    exact = sphere_fractions(torch.tensor([offset], dtype=torch.float64), radius)[0].numpy()
    assert np.abs(exact - monte_carlo(np.array(offset), radius, len(exact))).max() < 1e-4


def test_an_eighth_of_a_sphere_is_in_each_octant():
    zero = torch.zeros(1, dtype=torch.float64)
    assert octant_volume(zero, zero, zero, 2.0).item() == pytest.approx(math.pi * 8 / 6)


def test_a_cap_is_four_times_what_one_octant_has_of_it():
    zero, height = torch.zeros(1, dtype=torch.float64), torch.tensor([0.4], dtype=torch.float64)
    cap = math.pi * 0.6**2 * (3 - 0.6) / 3
    assert octant_volume(zero, height, zero, 1.0).item() == pytest.approx(cap / 4)


@given(st.tuples(place, place, place), radii)
def test_all_of_the_sphere_is_in_the_voxels(offset: tuple[float, float, float], radius: float):
    shares = sphere_fractions(torch.tensor([offset], dtype=torch.float64), radius)
    assert shares.sum().item() == pytest.approx(4 / 3 * math.pi * radius**3, abs=1e-9)
    assert shares.min() >= 0
    assert shares.max() <= 1


@given(st.tuples(place, place, place), radii)
def test_the_centre_of_gravity_is_the_centre(offset: tuple[float, float, float], radius: float):
    centre = torch.tensor([offset], dtype=torch.float64)
    shares = sphere_fractions(centre, radius)[0]
    middle = torch.arange(len(shares), dtype=torch.float64) - len(shares) // 2 + 0.5
    spread = max(0.5, radius)
    for axis in range(3):
        mean = (shares.sum([a for a in range(3) if a != axis]) * middle).sum() / shares.sum()
        assert abs(mean.item() - offset[axis]) < 0.25 * spread


@given(st.integers(-20, 20), st.integers(0, 2))
def test_density_moves_with_its_atoms_around_the_box(steps: int, axis: int):
    positions = 10 * torch.rand(1, 4, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    moved = positions.clone()
    moved[..., axis] += steps
    density, other = sphere_density(positions, 10), sphere_density(moved, 10)
    torch.testing.assert_close(other, density.roll(steps, axis + 1))


def test_inverted_atoms_make_the_inverted_density():
    positions = 12 * torch.rand(2, 5, 3, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    torch.testing.assert_close(
        sphere_density(12 - positions, 12), sphere_density(positions, 12).flip(1, 2, 3)
    )


def test_gaussians_have_their_height_at_their_place():
    density = gaussian_density(torch.tensor([[[2.5, 3.5, 4.5]]]), 8, 0.7)
    assert density[0, 2, 3, 4].item() == pytest.approx(1.0)
    assert density[0, 3, 3, 4].item() == pytest.approx(math.exp(-0.5 / 0.49))
