"""Spots that are there are found where they are; noise is left alone."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from argand.io.image import read_frame
from argand.physics.still.reflection import deposit_spots
from argand.physics.still.spot import BLOCK, block_sum, find_spots, local_background, spread_blocks


def image_with_spots(level: float, counts: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A Poisson image of sloping background with spots of 3 px full width on a loose grid."""
    rng = np.random.default_rng(seed)
    place = np.stack(np.meshgrid(np.arange(30, 490, 40.0), np.arange(30, 390, 40.0)), -1).reshape(-1, 2)
    place += rng.uniform(-8, 8, place.shape)
    expected = level * np.linspace(0.7, 1.3, 520)[None, :] * np.ones((420, 1))
    deposit_spots(
        expected, place, np.full(len(place), counts), np.tile(1.27**2 * np.eye(2), (len(place), 1, 1))
    )
    return rng.poisson(expected).astype(float), place


@pytest.mark.parametrize(("level", "counts"), [(0.02, 300.0), (5.0, 600.0), (200.0, 5000.0)])
def test_known_spots_are_found_within_a_fifth_of_a_pixel(level: float, counts: float):
    image, place = image_with_spots(level, counts)
    spots, _ = find_spots(image, np.ones(image.shape, bool))
    distance, _ = cKDTree(spots.px).query(place)
    assert np.all(distance < 1.0)
    assert np.sqrt(np.mean(distance**2)) < 0.2
    assert len(spots) - len(place) <= 2
    # The pixels that stand out hold nearly all of a spot, never more.
    assert 0.85 * counts < np.median(spots.counts) < 1.02 * counts


def test_centroids_are_unbiased_in_the_pixel_convention():
    image, place = image_with_spots(1.0, 3000.0)
    spots, _ = find_spots(image, np.ones(image.shape, bool))
    _, nearest = cKDTree(spots.px).query(place)
    np.testing.assert_allclose((spots.px[nearest] - place).mean(axis=0), 0.0, atol=0.02)


def test_spots_come_strongest_first_and_can_be_selected():
    image, _ = image_with_spots(5.0, 600.0)
    spots, _ = find_spots(image, np.ones(image.shape, bool))
    assert np.all(np.diff(spots.counts) <= 0)
    few = spots.select(np.arange(5))
    assert len(few) == 5
    np.testing.assert_array_equal(few.px, spots.px[:5])


@pytest.mark.parametrize("level", [0.0, 0.003, 0.05, 1.0, 30.0, 2000.0])
def test_noise_alone_has_next_to_no_spots(level: float):
    image = np.random.default_rng(1).poisson(level, (1000, 1000)).astype(float)
    spots, clean = find_spots(image, np.ones(image.shape, bool))
    assert len(spots) <= 2
    assert clean.mean() > 0.999


def test_spots_of_the_real_image_are_those_that_another_finder_saw(shared_data: Path):
    frame = read_frame(shared_data / "geometry" / "thau_3_2_0006.cbf.bz2")
    spots, _ = find_spots(frame.data, frame.mask, threshold=6.0)
    # A stricter finder, for which every pixel must stand out by 6 sigma, saw 1,073 spots of two pixels and
    # more and 255 single ones, of intensities 348 (median) and 2,465 (90 %).
    assert 1073 < len(spots) < 1.25 * (1073 + 255)
    np.testing.assert_allclose(np.percentile(spots.counts, [50, 90]), [348, 2465], rtol=0.2)
    radius = np.hypot(*(spots.px - [1261.42, 1307.24]).T)
    assert np.count_nonzero(radius < 800) == pytest.approx(819, rel=0.25)


def test_the_cleaned_mask_leaves_out_the_spots_and_only_them():
    image, place = image_with_spots(5.0, 2000.0)
    _, clean = find_spots(image, np.ones(image.shape, bool))
    where = np.floor(place).astype(int)
    assert not clean[where[:, 1], where[:, 0]].any()
    assert clean.mean() > 0.9
    ramp = 5.0 * np.linspace(0.7, 1.3, 520)[None, :]
    assert (image - ramp)[clean].mean() == pytest.approx(0.0, abs=0.05)


def test_masked_pixels_are_never_spots():
    image, _ = image_with_spots(5.0, 600.0)
    mask = np.ones(image.shape, bool)
    mask[:, 200:210] = False
    image[:, 200:210] = 1e6
    spots, clean = find_spots(image, mask)
    assert not np.any((spots.px[:, 0] > 200) & (spots.px[:, 0] < 210))
    assert not clean[:, 200:210].any()
    nothing, _ = find_spots(image, np.zeros(image.shape, bool))
    assert len(nothing) == 0


def test_hot_lone_pixels_need_twice_the_significance():
    image = np.random.default_rng(2).poisson(100.0, (200, 200)).astype(float)
    image[50, 60], image[150, 20] = 100 + 80, 100 + 300
    spots, _ = find_spots(image, np.ones(image.shape, bool))
    assert spots.px.tolist() == [[20.5, 150.5]]


@settings(max_examples=30)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 9))
def test_block_sums_keep_the_total_and_spreading_undoes_them(rows: int, cols: int, block: int):
    image = np.random.default_rng(rows).integers(0, 100, (rows, cols)).astype(float)
    sums = block_sum(image, block)
    assert sums.shape == (-(-rows // block), -(-cols // block))
    assert sums.sum() == image.sum()
    wide = spread_blocks(sums, block, image.shape)
    assert wide.shape == image.shape
    assert wide[0, 0] == image[:block, :block].sum()
    np.testing.assert_array_equal(block_sum(image, 1), image)


def test_background_is_the_local_mean_and_variance_whatever_the_spots():
    image = np.random.default_rng(3).poisson(50.0, (400, 400)).astype(float)
    image[:, 200:] *= 2  # mean 100, variance 200
    image[100:104, 100:104] += 5000.0
    background = local_background(image, np.ones(image.shape, bool))
    left, right = background.mean[:, : 200 // BLOCK - 3], background.mean[:, 200 // BLOCK + 3 :]
    assert left.mean() == pytest.approx(50.0, rel=0.01)
    assert right.mean() == pytest.approx(100.0, rel=0.01)
    assert left.max() < 53.0
    assert background.variance[:, 200 // BLOCK + 3 :].mean() == pytest.approx(200.0, rel=0.05)
