"""The net of a flat sphere's spots."""

from dataclasses import replace

import numpy as np
import pytest

from argand.physics.still.detector import BeamGeometry
from argand.physics.still.planar_lattice import fit_planar_lattice

GEOMETRY = BeamGeometry((520.3, 498.7), 1500.0, 0.0251, (0.055, 0.055))
SPACING = 1.0 / (GEOMETRY.wavelength * GEOMETRY.distance_mm / 0.055)
"""1/Å to a px."""


def net_px(noise: float = 0.1, strangers: int = 0, seed: int = 0) -> np.ndarray:
    """Half of the nodes of an oblique net with rows 30 and 21 px apart, about the centre."""
    rng = np.random.default_rng(seed)
    steps = np.stack(np.meshgrid(np.arange(-12, 13), np.arange(-14, 15)), -1).reshape(-1, 2)
    px = steps @ np.array([[30.0, 4.0], [-7.0, 20.0]]) + GEOMETRY.beam_centre_px
    px = px[(np.abs(px - 512) < 450).all(axis=1) & (rng.random(len(px)) < 0.5)]
    px = px + rng.normal(0, noise, px.shape)
    return np.concatenate([px, rng.uniform(60, 960, (strangers, 2))])


@pytest.mark.parametrize("strangers", [0, 60])
def test_a_net_is_found_from_a_wrong_centre(strangers: int):
    start = GEOMETRY.with_centre((523.0, 495.0))
    net = fit_planar_lattice(net_px(strangers=strangers)[:300], start)
    assert net is not None
    area = abs(np.linalg.det(net.basis)) / SPACING**2
    # The sphere is not quite flat: sin 2θ against tan 2θ.
    assert area == pytest.approx(30 * 20 + 4 * 7, rel=2e-3)
    off = np.subtract(GEOMETRY.beam_centre_px, start.beam_centre_px) * SPACING
    turns = np.linalg.solve(net.basis, off - net.origin)
    apart = np.linalg.norm(net.basis @ (turns - np.rint(turns))) / SPACING
    assert apart < 0.1
    assert np.sqrt(net.covariance[0, 0]) / SPACING < 0.05
    assert net.rms / SPACING < 0.2
    assert np.count_nonzero(net.explained) > 200


def test_points_at_random_are_no_net_that_leaves_little():
    px = np.random.default_rng(1).uniform(60, 960, (200, 2))
    net = fit_planar_lattice(px, GEOMETRY)
    assert net is None or net.rms / SPACING > 0.5 or np.count_nonzero(net.explained) < 100


def test_few_spots_are_no_net():
    assert fit_planar_lattice(net_px()[:9], GEOMETRY) is None
    assert fit_planar_lattice(np.empty((0, 2)), replace(GEOMETRY, pitch=0.0)) is None
