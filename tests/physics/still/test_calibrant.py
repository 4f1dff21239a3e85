"""Calibrants have the rings of their structures, and are recognised at the right distance or not at all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argand.errors import ConfigError
from argand.physics.still.calibrant import CALIBRANTS, Assignment, assign_rings, calibrant_name

DIAMOND = (
    np.array([[0, 0, 0], [0, 2, 2], [2, 0, 2], [2, 2, 0], [1, 1, 1], [1, 3, 3], [3, 1, 3], [3, 3, 1]]) / 4
)
ATOMS = {"LaB6": DIAMOND[:1], "CeO2": DIAMOND[:4], "Au": DIAMOND[:4], "Si": DIAMOND}
"""Where the heavy atoms of the cubic calibrants sit."""
FIRST_D = {
    "LaB6": (4.157, 2.939, 2.400, 2.078, 1.859, 1.697),
    "CeO2": (3.124, 2.706, 1.913, 1.632, 1.562, 1.353),
    "Si": (3.136, 1.920, 1.638, 1.358, 1.246, 1.109),
    "AgBh": (58.38, 29.19, 19.46, 14.595),
    "Al2O3": (3.479, 2.550, 2.3785, 2.165, 2.085),
    "Cr2O3": (3.631, 2.665, 2.4795, 2.266, 2.175),
    "TiO2": (3.248, 2.488, 2.297, 2.187, 2.054),
    "Au": (2.355, 2.039, 1.442, 1.230, 1.177),
    "Ni": (2.034, 1.762, 1.246, 1.062),
    "Al": (2.338, 2.025, 1.432, 1.221),
    "Pt": (2.265, 1.962, 1.387, 1.183),
    "NaCl": (3.256, 2.820, 1.994, 1.701),
}
"""First spacings in Å as tabulated on powder diffraction cards."""


@pytest.mark.parametrize("name", CALIBRANTS)
def test_first_rings_are_the_tabulated_ones(name: str):
    expected = np.array(FIRST_D[name])
    np.testing.assert_allclose(1 / CALIBRANTS[name].s(1.5)[: len(expected)], expected, atol=6e-4)


@pytest.mark.parametrize("name", ATOMS)
def test_rings_are_those_of_the_structure_factors_and_no_others(name: str):
    hkl = np.stack(np.meshgrid(*[np.arange(12)] * 3), -1).reshape(-1, 3)
    strength = np.abs(np.exp(2j * np.pi * hkl @ ATOMS[name].T).sum(axis=1))
    square = np.unique(np.sum(hkl[strength > 1e-6] ** 2, axis=1))[1:]
    expected = np.sqrt(square) / CALIBRANTS[name].a
    np.testing.assert_allclose(CALIBRANTS[name].s(1.9), expected[expected < 1.9])


@given(st.sampled_from(list(CALIBRANTS)), st.floats(0.02, 1.5))
def test_a_shorter_list_of_rings_is_the_beginning_of_a_longer_one(name: str, s_max: float):
    rings, longer = CALIBRANTS[name].s(s_max), CALIBRANTS[name].s(1.6)
    np.testing.assert_allclose(rings, longer[: len(rings)])
    assert np.all(longer[len(rings) :] >= s_max - 1e-9)


def test_names_are_found_in_any_case_and_unknown_ones_get_a_hint():
    assert calibrant_name("ceo2") == "CeO2"
    with pytest.raises(ConfigError, match="did you mean 'LaB6'"):
        calibrant_name("LaB7")


def seen_at(name: str, distance: float, hidden: int, stray: float = 0.0) -> np.ndarray:
    """Radii in mm of a calibrant's rings within 180 mm at 0.7 Å without the `hidden` innermost."""
    s = CALIBRANTS[name].s(1.5)
    radius = distance * np.tan(2 * np.arcsin(s * 0.35))
    radius = radius[radius < 180][hidden:]
    return radius + stray * (-1.0) ** np.arange(len(radius))


def read(radius: np.ndarray, name: str, stated: float) -> Assignment | str:
    return assign_rings(radius, np.full(len(radius), 0.15), CALIBRANTS[name], 0.7, stated, 0.17)


@pytest.mark.parametrize("name", ["LaB6", "CeO2", "Si", "Au", "Al2O3"])
@pytest.mark.parametrize("hidden", [0, 2])
@pytest.mark.parametrize("stated", [185.0, 212.0])
def test_rings_are_recognised_where_inner_ones_hide_and_the_stated_distance_is_wrong(
    name: str, hidden: int, stated: float
):
    found = read(seen_at(name, 200.0, hidden, stray=0.02), name, stated)
    assert isinstance(found, Assignment)
    assert found.distance_mm == pytest.approx(200.0, rel=1e-3)
    assert found.order[0] in (-1, hidden)


def test_rings_of_another_powder_are_not_taken_for_the_calibrant():
    assert isinstance(read(seen_at("CeO2", 200.0, 0), "LaB6", 200.0), str)
    assert isinstance(read(np.array([31.0, 44.7, 61.3, 70.2, 93.9]), "Si", 200.0), str)


def test_rings_of_a_calibrant_whose_first_is_off_the_detector_are_none():
    assert "outside the detector" in str(read(np.array([5.0, 7.0]), "Ni", 200.0))
