"""Which pixels count as usable: markers of bad pixels, saturation, gaps, and the user's own mask."""

from pathlib import Path

import numpy as np
import pytest
from fabio.edfimage import EdfImage
from fabio.fit2dmaskimage import Fit2dMaskImage

from argand.errors import InputError
from argand.io.image import load_mask, read_frame, read_frames, with_overrides
from argand.io.mask import usable_pixels

SHAPE = (30, 23)


def test_mask_knows_how_each_number_type_marks_bad_pixels() -> None:
    unsigned = np.array([[0, 5, 65535, 65534]], np.uint16)
    assert usable_pixels(unsigned).tolist() == [[True, True, False, True]]
    assert usable_pixels(unsigned, 65534).tolist() == [[True, True, False, False]]
    assert usable_pixels(np.array([[2**32 - 1, 3]], np.uint32), 1e12).tolist() == [[False, True]]
    assert usable_pixels(np.array([[-1, 0, 9, 10]], np.int16), 9.5).tolist() == [[False, True, True, False]]
    floats = np.array([[np.nan, np.inf, -3.0, 8.0, 7.0]], np.float32)
    assert usable_pixels(floats, 8).tolist() == [[False, False, True, False, True]]


@pytest.mark.parametrize(
    ("shape", "rows", "columns", "share"),
    [
        ((2527, 2463), (195, 212), (487, 494), 1 - 12 * 195 * 5 * 487 / (2527 * 2463)),
        ((2167, 2070), (514, 551), (1030, 1040), 1 - 4 * 514 * 2 * 1030 / (2167 * 2070)),
        ((2162, 2068), (512, 550), (1028, 1040), 1 - 4 * 512 * 2 * 1028 / (2162 * 2068)),
    ],
)
def test_gaps_full_of_zeros_are_masked_on_known_detectors(shape, rows, columns, share) -> None:
    data = np.ones(shape, np.int32)
    data[~usable_pixels(np.zeros(shape, np.int32))] = 0
    mask = usable_pixels(data)
    assert not mask[slice(*rows)].any()
    assert not mask[:, slice(*columns)].any()
    assert mask[rows[0] - 1, 0]
    assert mask[rows[1], columns[1]]
    assert 1 - mask.mean() == pytest.approx(share)


def test_gaps_that_hold_counts_and_other_detectors_stay_usable() -> None:
    assert usable_pixels(np.ones((1679, 1475), np.int32)).all()
    assert usable_pixels(np.zeros((1000, 1000), np.uint16)).all()
    assert usable_pixels(np.zeros((195, 487), np.int32)).all()


def test_mask_files_follow_their_own_meaning(tmp_path: Path) -> None:
    usable = np.ones(SHAPE, bool)
    usable[2, 3] = False
    np.save(tmp_path / "usable.npy", usable)
    np.save(tmp_path / "masked.npy", (~usable).astype(np.int8))
    EdfImage(data=(~usable).astype(np.uint8)).write(str(tmp_path / "masked.edf"))
    Fit2dMaskImage(data=(~usable).astype(np.uint8)).write(str(tmp_path / "masked.msk"))
    for name in ("usable.npy", "masked.npy", "masked.edf", "masked.msk"):
        assert np.array_equal(load_mask(tmp_path / name), usable)
    path = tmp_path / "a.npy"
    np.save(path, np.where(np.arange(SHAPE[1]) == 7, -1, np.full(SHAPE, 5, np.int32)))
    (frame,) = read_frames(path, mask=tmp_path / "masked.edf")
    assert np.array_equal(frame.mask, read_frame(path).mask & usable)


def test_mask_of_another_shape_names_image_mask_and_both_shapes(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", np.ones((10, 12), bool))
    np.save(tmp_path / "a.npy", np.ones(SHAPE, np.int32))
    frame = read_frame(tmp_path / "a.npy")
    with pytest.raises(InputError, match=r"a\.npy: the mask .*m\.npy has 10 x 12 pixels .* 30 x 23; make"):
        with_overrides(frame, mask=tmp_path / "m.npy")


def test_real_masks_have_the_measured_share(shared_data: Path) -> None:
    assert 1 - read_frame(shared_data / "geometry" / "thau_3_2_0001.cbf.bz2").mask.mean() == pytest.approx(
        0.0846, abs=2e-4
    )
    assert 1 - read_frame(shared_data / "geometry" / "l-cyst_04_00001.cbf").mask.mean() == pytest.approx(
        0.0798, abs=2e-4
    )


@pytest.mark.parametrize("dtype", ["int32", "uint32", "int64", "uint64", "float32", "float64"])
@pytest.mark.parametrize("marker", [2**16 - 1, 2**32 - 1])
def test_markers_stay_markers_in_a_wider_type(dtype: str, marker: int) -> None:
    """Eiger images mark with all bits set; converters keep the number and widen the type."""
    if dtype == "int32" and marker > 2**31:
        return
    data = np.array([[0, 5, marker], [900, marker, 7]], dtype)
    assert usable_pixels(data).tolist() == [[True, True, False], [True, False, True]]
    above = np.array([[0, 70_000, 65_535]], dtype)
    assert usable_pixels(above).all()


def test_negative_floats_are_counts_unless_they_are_markers() -> None:
    marked = np.array([[-1.0, 3.0, -2.0, 0.0]], np.float32)
    assert usable_pixels(marked).tolist() == [[False, True, False, True]]
    subtracted = np.array([[-1.0, 3.0, -2.0, -0.37]], np.float32)
    assert usable_pixels(subtracted).all()
