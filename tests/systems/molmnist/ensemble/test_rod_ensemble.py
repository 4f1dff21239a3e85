"""Rods bend and turn about as far as the elastic networks that they stand for, and are what they say."""

import numpy as np
import pytest
from scipy.fft import dct

from argand.physics.fibre.twist import DEG_PER_NM, section_angles, twist_rate, twisted
from argand.systems.molmnist.ensemble.elastic_ensemble import ensemble
from argand.systems.molmnist.ensemble.fluctuation import by_layer
from argand.systems.molmnist.ensemble.rod_ensemble import Rod, RodPose, draw_rod
from argand.systems.molmnist.fibril.bundle import Bundle
from argand.systems.molmnist.fibril.cellulose import cellulose
from argand.systems.molmnist.fibril.fibril import build_fibril, chain_sites

REPEATS, DRAWS = 20, 60
"""A fibril of 207.6 Å; as many draws tell a root mean square of two axes to 7 %."""
STRAIGHT = RodPose(REPEATS, 0.0, 0.0, 0.0, 0.0)


class Still(np.random.Generator):
    """Random numbers that are all zero."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))

    def standard_normal(self, size=None, dtype=np.float64, out=None):  # pyright: ignore[reportIncompatibleMethodOverride]
        return np.zeros(() if size is None else size, dtype)


def bundle(name: str) -> Bundle:
    return Bundle(chain_sites(name).astype(np.int64), "diamond", 0)


def carbons(rod: Rod) -> np.ndarray:
    return rod.atoms["C"].astype(float)


def by_section(reference: np.ndarray) -> list[np.ndarray]:
    """Numbers of the carbons of each cross-section of one glucose's height."""
    height = np.floor(reference[:, 2] / cellulose().rise).astype(int)
    return [np.flatnonzero(height == number) for number in np.unique(height)[1:-1]]


def angles_of(cart: np.ndarray, reference: np.ndarray, sections: list[np.ndarray]) -> np.ndarray:
    """Turn of each section in radians."""
    here, there = cart[:, :2], reference[:, :2]
    return np.array([float(section_angles(here[None, some], there[None, some])[0]) for some in sections])


def waves(bends: np.ndarray, turns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Root mean squares, by wave number, of bends [draw, section, 2] less tilt (Å) and turns (degrees)."""
    count = bends.shape[1]
    height = np.arange(count) - (count - 1) / 2
    slope = np.einsum("n,dnk->dk", height, bends) / (height @ height)
    bends = bends - slope[:, None] * height[None, :, None]
    of_bends = dct(bends, norm="ortho", axis=1) / np.sqrt(count)
    of_turns = dct(np.degrees(turns), norm="ortho", axis=1) / np.sqrt(count)
    return np.sqrt((of_bends**2).mean((0, 2))), np.sqrt((of_turns**2).mean(0))


def waves_of_network(name: str) -> tuple[np.ndarray, np.ndarray]:
    source, random = ensemble(name), np.random.default_rng(1)
    rest = source.fibril.beads(source.fibril.cart)
    reference, bends, turns = by_layer(source.fibril, rest)[..., :2], [], []
    for _ in range(DRAWS):
        layers = by_layer(source.fibril, rest + source.displacement(random)[0])[..., :2]
        bends.append((layers - reference).mean(1))
        turns.append(section_angles(layers, reference))
    return waves(np.array(bends), np.array(turns))


def waves_of_rods(name: str) -> tuple[np.ndarray, np.ndarray]:
    reference, random = carbons(draw_rod(bundle(name), STRAIGHT, Still())), np.random.default_rng(2)
    bends, turns = [], []
    sections = by_section(reference)
    for _ in range(DRAWS):
        cart = carbons(draw_rod(bundle(name), STRAIGHT, random))
        bends.append([(cart[some] - reference[some])[:, :2].mean(0) for some in sections])
        turns.append(np.unwrap(angles_of(cart, reference, sections)))
    return waves(np.array(bends), np.array(turns))


@pytest.mark.parametrize(
    "name",
    [
        "3x3",
        "4x4",
        pytest.param("6x6", marks=pytest.mark.slow),
        pytest.param("hexagonal-24", marks=pytest.mark.slow),
    ],
)
def test_rods_bend_and_turn_within_stated_factors_of_elastic_networks(name: str):
    (bend, turn), (rod_bend, rod_turn) = waves_of_network(name), waves_of_rods(name)
    bends, turns = rod_bend[2:9] / bend[2:9], rod_turn[1:9] / turn[1:9]
    assert 1.2 < np.exp(np.log(bends).mean()) < 2.0
    assert 1.1 < np.exp(np.log(turns).mean()) < 1.7
    # Each by itself has the noise of the draws too.
    assert min(bends.min(), turns.min()) > 0.9
    assert max(bends.max(), turns.max()) < 2.5


def test_the_twist_of_a_rod_is_the_slope_of_its_sections_by_least_squares():
    pose = RodPose(REPEATS, 3.0 / DEG_PER_NM, 0.4, 0.0, 0.0)
    reference = carbons(draw_rod(bundle("5x5"), STRAIGHT, Still()))
    rod = draw_rod(bundle("5x5"), pose, np.random.default_rng(3))
    cart, sections = carbons(rod), by_section(reference)
    heights = np.array([reference[some, 2].mean() for some in sections])
    measured = twist_rate(heights, np.unwrap(angles_of(cart, reference, sections)))
    # Two sections less, and atoms that move by themselves.
    assert rod.twist == pytest.approx(measured, abs=0.05 / DEG_PER_NM)
    assert abs(rod.twist - pose.twist) > 1e-3 / DEG_PER_NM


def test_a_still_rod_is_the_twisted_fibril():
    rate = 2.0 / DEG_PER_NM
    rod = draw_rod(bundle("3x3"), RodPose(4, rate, 0.0, 0.0, 0.0), Still())
    plain = draw_rod(bundle("3x3"), RodPose(4, 0.0, 0.0, 0.0, 0.0), Still())
    for name, cart in rod.atoms.items():
        np.testing.assert_allclose(cart, twisted(plain.atoms[name], rate), atol=1e-9)
    assert rod.twist == pytest.approx(rate)
    assert sum(map(len, rod.atoms.values())) == len(build_fibril("3x3", 4 * 2 * cellulose().rise))


def test_a_rod_leans_by_its_tilt_towards_its_azimuth():
    tilt, azimuth = np.radians(2.0), np.radians(70.0)
    rod = draw_rod(bundle("4x4"), RodPose(REPEATS, 0.0, 0.0, tilt, azimuth), Still())
    reference = carbons(draw_rod(bundle("4x4"), STRAIGHT, Still()))
    cart, sections = carbons(rod), by_section(reference)
    # An even number of glucoses apart a chain repeats, so that the axis alone is left. The outermost sections
    # lack some atoms.
    x, y, z = cart[sections[-2]].mean(0) - cart[sections[2]].mean(0)
    assert np.arctan2(np.hypot(x, y), z) == pytest.approx(tilt, rel=1e-6)
    assert np.arctan2(y, x) == pytest.approx(azimuth, abs=1e-6)


def test_a_larger_bundle_bends_and_turns_less():
    names = ("2x2", "4x4", "8x8")
    bends, turns = zip(*(waves_of_rods(name) for name in names), strict=True)
    assert bends[0][2] > 2 * bends[1][2] > 4 * bends[2][2]
    assert turns[0][1] > 2 * turns[1][1] > 4 * turns[2][1]
