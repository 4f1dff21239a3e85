"""Patterns of the sample keep, or get back, their centre behind the gaps of a detector."""

import numpy as np
import pytest

from argand.errors import InputError
from argand.physics.noise import count_photons
from argand.systems import molmnist
from argand.systems.molmnist.inversion.centring import centred

MIDDLE, KEPT = 100, 140
"""Pixel of q = 0 in the sample, and pixels along a side of what is cut out of it."""


@pytest.fixture(scope="module")
def patterns() -> np.ndarray:
    """One of each fibril."""
    return molmnist.load("sample").arrays("pattern")[:10]


def crossed(column: int, row: int, width: int) -> np.ndarray:
    """Live pixels of a detector with a gap along each axis, so far from q = 0, and no I(0)."""
    live = np.ones((200, 200), bool)
    first = [MIDDLE + place - width // 2 for place in (column, row)]
    live[:, first[0] : first[0] + width] = False
    live[first[1] : first[1] + width] = False
    live[MIDDLE, MIDDLE] = False
    return live


GAPS = ((3, 12), (-7, 4), (1, -2), (20, -9))


@pytest.mark.parametrize("width", [2, 4, 8])
def test_a_centred_pattern_behind_a_cross_stays(patterns: np.ndarray, width: int):
    random = np.random.default_rng(0)
    for number, pattern in enumerate(patterns):
        live = crossed(*GAPS[number % len(GAPS)], width)
        for photons in (None, 1e4):
            seen = np.where(live, pattern, 0.0)
            seen = seen if photons is None else count_photons(random, seen * (photons / seen.sum()))
            same, _, notes = centred(seen, live)
            assert same.shape == (200, 200), (number, photons)
            assert notes == ()


@pytest.mark.parametrize("width", [2, 4, 8])
@pytest.mark.parametrize("shift", [(13, -21), (-8, 5)])
def test_an_uncentred_pattern_behind_a_cross_is_recentred(
    patterns: np.ndarray, width: int, shift: tuple[int, int]
):
    first = [MIDDLE - KEPT // 2 - move for move in shift]
    cut = tuple(slice(place, place + KEPT) for place in first)
    found = 0
    for number, pattern in enumerate(patterns):
        live = crossed(*GAPS[number % len(GAPS)], width)
        _, _, notes = centred(np.where(live, pattern, 0.0)[cut], live[cut])
        slow, fast = (MIDDLE - place + 0.5 for place in first)
        found += f"pixel {fast:g}, {slow:g} " in "".join(notes)
    assert found == len(patterns)


def test_a_pattern_with_a_mask_of_another_shape_is_one_line_with_both():
    with pytest.raises(InputError, match="the mask has 19 x 20 pixels, the pattern 20 x 20") as raised:
        centred(np.ones((20, 20)), np.ones((19, 20), bool))
    assert "\n" not in str(raised.value)
