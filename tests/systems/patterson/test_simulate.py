"""Simulated maps: what is asked for is kept, and measuring changes what it should."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from argand.errors import ConfigError
from argand.physics.sphere.patterson import intensities_of, noise_level, reflection_length
from argand.systems.patterson.presets import PRESETS
from argand.systems.patterson.simulate import AtomSet, draw, in_corner, simulate_batch

PAPER = AtomSet()


@pytest.mark.parametrize("atoms", [2, 10, 20])
def test_atoms_keep_their_distance_and_their_mean_is_the_box_centre(atoms: int):
    settings = replace(PAPER, atoms=atoms, inner_box=16.0)
    for index in range(20):
        positions = draw(settings, index, 0).positions
        apart = np.linalg.norm(positions[:, None] - positions, axis=-1) + 10 * np.eye(atoms)
        assert apart.min() >= settings.min_distance
        assert np.ptp(positions, axis=0).max() <= settings.inner_box
        np.testing.assert_allclose(positions.mean(0), settings.box / 2)


def test_the_target_is_half_of_the_atoms_and_of_their_images():
    with_images = simulate_batch(PAPER, range(2), 0)
    alone = simulate_batch(replace(PAPER, inversion=False), range(2), 0)
    torch.testing.assert_close(with_images.patterson, alone.patterson)
    atoms = alone.density
    torch.testing.assert_close(with_images.density, 0.5 * (atoms + atoms.flip(1, 2, 3)))
    assert atoms[0].sum().item() == pytest.approx(10 * 4 / 3 * np.pi, rel=1e-5)


def test_a_map_does_not_depend_on_those_simulated_with_it():
    several, single = simulate_batch(PAPER, range(3), 5), simulate_batch(PAPER, [2], 5)
    torch.testing.assert_close(several.patterson[2:], single.patterson)


def test_noise_is_of_the_level_asked_for():
    maps = simulate_batch(replace(PAPER, noise=(0.1, 0.1)), range(8), 0)
    assert noise_level(maps.patterson).mean().item() == pytest.approx(0.1, rel=0.1)
    assert noise_level(simulate_batch(PAPER, range(2), 0).patterson).max() < 1e-5


def test_nothing_is_measured_beyond_the_resolution():
    half = intensities_of(simulate_batch(replace(PAPER, resolution=0.5), range(1), 0).patterson)[0]
    length = reflection_length(PAPER.box)
    assert half[length > 0.5].abs().max() < 1e-5 * half.max()
    assert half[length <= 0.5].abs().min() > 0


def test_missing_reflections_are_as_many_as_asked_for():
    half = intensities_of(simulate_batch(replace(PAPER, missing=0.2), range(1), 0).patterson)[0]
    gone = half.abs() < 1e-6 * half.max()
    assert gone.float().mean().item() == pytest.approx(0.2, abs=0.02)


def test_reserved_corners_are_empty_or_filled_as_asked():
    for corner, expected in (("empty", False), ("filled", True)):
        settings = replace(PAPER, corner=corner)
        assert {in_corner(settings, draw(settings, index, 0).positions) for index in range(20)} == {expected}


@pytest.mark.parametrize(
    "changes", [{"atoms": 1}, {"inner_box": 39.0}, {"atoms": 500}, {"radius": 0.0}], ids=str
)
def test_impossible_sets_are_refused(changes: dict):
    with pytest.raises(ConfigError):
        simulate_batch(replace(PAPER, **changes), range(1), 0)


def test_the_published_schedule_uses_each_map_in_three_epochs():
    paper = PRESETS["paper"]
    stored = [paper._stored(index) for index in (0, 2999, 3000, 8999, 9000, 12000)]
    assert stored == [0, 2999, 0, 2999, 3000, 3000]
    assert PRESETS["paper-stream"]._stored(9000) == 9000
