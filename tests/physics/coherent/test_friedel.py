"""The centre of inversion is found wherever it is, through noise and masks."""

import numpy as np
import pytest

from argand.physics.coherent.friedel import inversion_centre, recentred


def pattern(size: int = 64, shift: tuple[float, float] = (0.0, 0.0), seed: int = 0) -> np.ndarray:
    """|F|² of a few points near the axis, q = 0 in the pixel in the middle moved by (fast, slow)."""
    random = np.random.default_rng(seed)
    places, weights = random.uniform(-6, 6, (12, 2)), random.uniform(1, 3, 12)
    fast, slow = (np.arange(size) - size // 2 - move for move in shift)
    phase = slow[:, None, None] * places[:, 1] + fast[None, :, None] * places[:, 0]
    return (np.abs((weights * np.exp(2j * np.pi / size * phase)).sum(-1)) ** 2).astype(np.float32)


def live_of(image: np.ndarray) -> np.ndarray:
    return np.ones(image.shape, bool)


@pytest.mark.parametrize("shift", [(0.0, 0.0), (7.0, -5.0), (0.5, 3.0), (-4.5, 2.5)])
def test_the_centre_is_found_to_half_a_pixel(shift: tuple[float, float]):
    image = pattern(shift=shift)
    found = inversion_centre(image, live_of(image))
    assert found.centre_px == (32.5 + shift[0], 32.5 + shift[1])
    assert found.correlation == pytest.approx(1.0, abs=1e-4)


def test_masks_and_noise_do_not_move_it():
    random = np.random.default_rng(1)
    image = pattern(shift=(3.0, 4.0))
    image = random.poisson(image * (2e4 / image.sum())).astype(np.float32)
    live = random.uniform(size=image.shape) > 0.1
    live[:, 40:44] = False
    image[~live] = 1e6
    assert inversion_centre(image, live).centre_px == (35.5, 36.5)


def test_stray_counts_far_from_the_middle_make_no_centre():
    random = np.random.default_rng(2)
    image = pattern(96) * np.exp(-0.05 * ((np.indices((96, 96)) - 48) ** 2).sum(0))
    image = random.poisson(image * (3000 / image.sum()) + 0.001).astype(np.float32)
    assert inversion_centre(image, live_of(image)).centre_px == (48.5, 48.5)


def test_an_empty_pattern_has_no_centre():
    assert inversion_centre(np.zeros((20, 20), np.float32), np.ones((20, 20), bool)).correlation == -1.0


def test_the_largest_square_about_a_whole_centre_is_cut_out():
    image = pattern(shift=(7.0, -5.0))
    live = live_of(image)
    live[3, 50] = False
    cut, seen = recentred(image, live, (39.5, 27.5))
    assert cut.shape == (49, 49)
    np.testing.assert_array_equal(cut, image[3:52, 15:64])
    assert np.argwhere(~seen).tolist() == [[0, 35]]
    np.testing.assert_allclose(cut, cut[::-1, ::-1], rtol=1e-3, atol=1e-3)


def test_a_centre_between_pixels_is_moved_onto_one():
    image = pattern(shift=(0.5, -1.5))
    live = live_of(image)
    live[30, 20] = False
    cut, seen = recentred(image, live, inversion_centre(image, live_of(image)).centre_px)
    wanted = pattern(shift=(0.0, 0.0))
    middle = len(cut) // 2
    wanted = wanted[32 - middle : 33 + middle, 32 - middle : 33 + middle]
    inner = np.s_[4:-4, 4:-4]
    assert np.abs(cut - wanted)[inner][seen[inner]].max() < 0.02 * wanted.max()
    assert 4 < (~seen).sum() <= 25


def crossed(size: int, columns: slice, rows: slice) -> np.ndarray:
    """Live pixels of a detector with a gap along each axis."""
    live = np.ones((size, size), bool)
    live[:, columns], live[rows] = False, False
    return live


@pytest.mark.parametrize("shift", [(0.0, 0.0), (7.0, -5.0), (-10.0, 6.0)])
@pytest.mark.parametrize("beside", [-9, -2, 1, 6])
@pytest.mark.parametrize("width", [2, 8])
def test_a_gap_that_hides_the_mates_of_bright_pixels_hides_no_centre(
    shift: tuple[float, float], beside: int, width: int
):
    image = pattern(shift=shift)
    column, row = (32 + int(move) + beside for move in shift)
    live = crossed(64, slice(column, column + width), slice(row, row + width))
    found = inversion_centre(np.where(live, image, 0), live)
    assert found.centre_px == (32.5 + shift[0], 32.5 + shift[1])


def test_what_a_gap_hides_from_the_middle_is_told():
    image = np.zeros((33, 33), np.float32)
    image[16, 10:23] = 1.0
    live = np.ones((33, 33), bool)
    assert inversion_centre(image, live).hidden == pytest.approx(0.0, abs=1e-9)
    live[:, 19:23] = False
    # Of nine pixels that are seen, the mates of four are masked.
    assert inversion_centre(np.where(live, image, 0), live).hidden == pytest.approx(4 / 9)
