"""Atoms placed by internal coordinates have those coordinates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argand.physics.fibre.internal_coordinates import turn_to, with_angle

FIRST, SECOND, THIRD = np.array([0.3, 1.0, 0.0]), np.zeros(3), np.array([1.4, 0.1, 0.2])


def angle(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    one, other = a - b, c - b
    return float(np.arccos(one @ other / np.linalg.norm(one) / np.linalg.norm(other)))


@given(st.floats(0.5, 2.0), st.floats(0.5, 2.6), st.floats(-3.0, 3.0))
def test_length_angle_and_torsion_are_those_asked_for(length: float, bend: float, torsion: float):
    atom = with_angle(FIRST, SECOND, THIRD, length, bend, torsion)
    assert np.linalg.norm(atom - THIRD) == pytest.approx(length)
    assert angle(SECOND, THIRD, atom) == pytest.approx(bend)
    axis = (THIRD - SECOND) / np.linalg.norm(THIRD - SECOND)
    one, other = FIRST - (FIRST @ axis) * axis, atom - THIRD - ((atom - THIRD) @ axis) * axis
    found = np.arctan2(np.cross(one, other) @ axis, one @ other)
    assert abs(found) == pytest.approx(abs(torsion))


@settings(max_examples=10)
@given(st.floats(-3.0, 3.0))
def test_an_atom_is_turned_to_where_its_target_is_nearest(torsion: float):
    target = np.array([2.0, 1.5, -1.0])
    start = with_angle(FIRST, SECOND, THIRD, 0.97, 1.9, torsion)
    turned = turn_to(start, SECOND, THIRD, target)
    others = [with_angle(FIRST, SECOND, THIRD, 0.97, 1.9, t) for t in np.linspace(-np.pi, np.pi, 721)]
    nearest = min(np.linalg.norm(other - target) for other in others)
    assert np.linalg.norm(turned - target) == pytest.approx(nearest, abs=1e-4)
    assert angle(SECOND, THIRD, turned) == pytest.approx(1.9)
