"""The common shape of atoms is read from their intensities, and positions are refined together with it."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sphere_places import BOX, places

from argand.physics.sphere.atom_profile import (
    AtomProfile,
    as_spheres,
    refine_with_shape,
    shape_factor,
    shell_means,
    unlike_spheres,
)
from argand.physics.sphere.density import sphere_density
from argand.physics.sphere.patterson import frequencies, intensities, reflection_length
from argand.physics.sphere.sphere_fit import select_reflections


def gaussian_atoms(positions: torch.Tensor, sigma: float, scale: float = 1.0) -> torch.Tensor:
    """Intensities of Gaussians of weight 1, from their closed transform."""
    full, rest = (one.double() for one in frequencies(BOX))
    waves = [
        torch.exp(2j * math.pi * one[:, None] * positions[0, :, axis].double() / BOX)
        for axis, one in enumerate((full, full, rest))
    ]
    structure = torch.einsum("xa,ya,za->xyz", *waves).abs().square()
    s = reflection_length(BOX).double() / 2
    return (scale * structure * torch.exp(-4 * (math.pi * sigma * s) ** 2))[None].float()


def test_shells_hold_the_mean_of_what_was_measured():
    half = torch.ones(1, 8, 8, 5)
    half[0, 0, 0, 0], half[0, 1, 0, 0] = 100.0, 0.0
    mean, count = shell_means(half)
    assert mean[0, 0] == 100.0
    assert count[0, 0] == 1
    assert mean[0, 1:4].tolist() == pytest.approx([1.0] * 3)


@settings(max_examples=10, deadline=None)
@given(sigma=st.floats(0.5, 1.0), scale=st.floats(0.1, 100.0))
def test_the_profile_of_gaussians_is_found_whatever_their_width_and_scale(sigma: float, scale: float):
    profile = AtomProfile.of(gaussian_atoms(places(), sigma, scale), 6, 10.0).squared[0]
    s = torch.arange(12) / BOX
    true = scale * torch.exp(-4 * (math.pi * sigma * s) ** 2)
    assert (profile[:12] / true).log().abs().max() < 0.25


def test_our_own_maps_are_like_spheres_and_others_are_not():
    half = intensities(sphere_density(places().double(), BOX)).float()
    own = AtomProfile.of(half, 6, 10.0)
    assert unlike_spheres(own, BOX, 1.0).item() < 0.6
    broad = AtomProfile.of(gaussian_atoms(places(), 0.9), 6, 10.0)
    assert unlike_spheres(broad, BOX, 1.0).item() > 1.0


def test_gaussians_become_spheres():
    half = gaussian_atoms(places(), 0.8, 5.0)
    alike = as_spheres(half, AtomProfile.of(half, 6, 10.0), 1.0)
    wanted = intensities(sphere_density(places().double(), BOX)).float()
    reflections, true = select_reflections(alike, 8.0), select_reflections(wanted, 8.0)
    off = (reflections.observed - true.observed).norm() / true.observed.norm()
    assert off < 0.15


def test_the_factor_makes_spheres_fit_exactly_what_differs_by_a_parabola():
    half = gaussian_atoms(places(), 0.5)
    reflections = select_reflections(half, 6.0)
    factor = shape_factor(reflections, places(), 1.0)
    square = reflections.index.square().sum(1)
    order = square.argsort()
    assert (factor > 0).all()
    # A function of |h| alone: equal lengths have equal factors.
    same = square[order].diff() == 0
    assert factor[0, order].diff()[same].abs().max() < 1e-5


@settings(max_examples=8, deadline=None)
@given(sigma=st.floats(0.4, 0.9), seed=st.integers(0, 100))
def test_positions_of_gaussians_come_back(sigma: float, seed: int):
    true = places(seed=seed)
    reflections = select_reflections(as_spheres_of(true, sigma), 8.0)
    start = true + 0.1 * torch.randn(true.shape, generator=torch.Generator().manual_seed(seed))
    found = refine_with_shape(reflections, start, 1.0, 4, 4)
    moved = found.positions - found.positions.mean(1, keepdim=True) + BOX / 2
    assert found.residual.item() < 0.01
    assert (moved - true).norm(dim=-1).max() < 0.05


def as_spheres_of(positions: torch.Tensor, sigma: float) -> torch.Tensor:
    """Intensities of Gaussians brought to the scale of spheres."""
    half = gaussian_atoms(positions, sigma)
    return as_spheres(half, AtomProfile.of(half, positions.shape[1], 10.0), 1.0)
