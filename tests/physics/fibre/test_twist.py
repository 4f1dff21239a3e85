"""A fibre that was twisted by a known amount is measured to be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from argand.physics.crystal.cell import random_rotation
from argand.physics.fibre.twist import DEG_PER_NM, section_angles, superposition, twist_rate, twisted

SECTION = np.array([[0.0, 0.0], [5.0, 1.0], [1.0, 6.0], [-4.0, 2.0]])
HEIGHT = np.arange(40) * 5.19 - 100


def fibre() -> np.ndarray:
    return np.stack([np.column_stack([SECTION, np.full(4, z)]) for z in HEIGHT])


@given(st.floats(-0.05, 0.05))
def test_the_twist_put_in_is_the_twist_found(rate: float):
    straight = fibre()
    turned = twisted(straight.reshape(-1, 3), rate).reshape(straight.shape)
    angles = section_angles(turned[..., :2], straight[..., :2])
    assert twist_rate(HEIGHT, angles) == pytest.approx(rate, abs=1e-12)


def test_a_radian_per_angstrom_is_573_degrees_per_nanometre():
    assert pytest.approx(572.957795, abs=1e-6) == DEG_PER_NM


@given(st.integers(0, 10**6))
def test_a_moved_body_is_laid_back(seed: int):
    random = np.random.default_rng(seed)
    points, rotation, shift = fibre().reshape(-1, 3), random_rotation(random), random.normal(0, 20, 3)
    moved = points @ rotation.T + shift
    back, offset = superposition(moved, points)
    np.testing.assert_allclose(moved @ back.T + offset, points, atol=1e-9)
    assert np.linalg.det(back) == pytest.approx(1.0)


@given(st.integers(0, 10**6), st.booleans())
def test_superposition_is_scipys_and_never_mirrors(seed: int, is_mirrored: bool):
    random = np.random.default_rng(seed)
    points = random.normal(0, 10, (12, 3))
    reference = points @ random_rotation(random).T + random.normal(0, 0.3, points.shape)
    if is_mirrored:
        reference[:, 2] *= -1
    back, _ = superposition(points, reference)
    independent, _ = Rotation.align_vectors(reference - reference.mean(0), points - points.mean(0))
    np.testing.assert_allclose(back, independent.as_matrix(), atol=1e-6)
    assert np.linalg.det(back) == pytest.approx(1.0)


@given(st.integers(0, 10**6))
def test_a_mirror_image_is_never_laid_on_its_original(seed: int):
    random = np.random.default_rng(seed)
    points = random.normal(0, 5, (12, 3)) * [3.0, 2.0, 1.0]
    points -= points.mean(0)
    mirrored = points * [-1.0, 1.0, 1.0] @ random_rotation(random).T + random.normal(0, 20, 3)
    rotation, shift = superposition(mirrored, points)
    assert np.linalg.det(rotation) == pytest.approx(1.0)
    # A mirror across the body's thinnest direction comes nearest: each atom is off by twice its height.
    least = 4 * np.linalg.eigvalsh(points.T @ points)[0]
    assert ((mirrored @ rotation.T + shift - points) ** 2).sum() == pytest.approx(least, rel=1e-9)
