"""Uneven rings: as bright in the mean as even ones, at their places, and uneven as asked."""

from dataclasses import replace

import numpy as np
import pytest

from argand.physics.still.detector import BeamGeometry
from argand.physics.still.panel import Panel
from argand.physics.still.powder import Unevenness, expose_powder
from argand.physics.still.still import Diffuse, Still, expose

GEOMETRY = BeamGeometry((150.0, 150.0), 100.0, 1.0, (0.5, 0.5))
STILL = Still(
    GEOMETRY,
    Panel("plate", (300, 300), 0.5),
    diffuse=Diffuse(air=0.0, water=0.0, flat=1.0, rings=((0.4, 5e-3, 400.0),)),
    polarisation=0.0,
)


def around_the_ring(counts: np.ndarray) -> np.ndarray:
    """Mean counts within the ring in 36 sectors."""
    centred = GEOMETRY.pixel_centres((300, 300)) - 150.0
    s = 2 * np.sin(GEOMETRY.two_theta(centred + 150.0) / 2)
    sector = ((np.arctan2(centred[..., 1], centred[..., 0]) + np.pi) / (2 * np.pi) * 36).astype(int) % 36
    on = np.abs(s - 0.4) < 0.01
    return np.bincount(sector[on], counts[on], 36) / np.bincount(sector[on], minlength=36)


def exposed(uneven: Unevenness) -> np.ndarray:
    return around_the_ring(expose_powder(STILL, uneven, np.random.default_rng(5))[0])


def test_even_rings_are_those_of_any_still():
    plain = around_the_ring(expose(STILL, np.random.default_rng(4))[0])
    np.testing.assert_allclose(exposed(Unevenness()), plain, rtol=0.1)


@pytest.mark.parametrize(
    "uneven", [Unevenness(texture=0.7), Unevenness(grains=60), Unevenness(absorption=2.0)]
)
def test_uneven_rings_are_uneven(uneven: Unevenness):
    level = exposed(uneven)
    assert level.std() > 0.2 * level.mean()


def test_grains_keep_the_mean():
    many = [
        around_the_ring(expose_powder(STILL, Unevenness(grains=300), np.random.default_rng(s))[0]).mean()
        for s in range(5)
    ]
    assert np.mean(many) == pytest.approx(exposed(Unevenness()).mean(), rel=0.1)


def test_the_same_seed_gives_the_same_picture():
    one, other = (
        expose_powder(replace(STILL), Unevenness(0.5, 50, 1.0, 0.3, 1.0), np.random.default_rng(1))[0]
        for _ in range(2)
    )
    np.testing.assert_array_equal(one, other)
