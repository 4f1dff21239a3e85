"""Patterns come out of every format as they went in, with what the file masks."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from fabio.tifimage import TifImage

from argand.errors import InputError
from argand.io.pattern import Pattern, expand_patterns, read_patterns


@pytest.fixture
def values() -> np.ndarray:
    return np.random.default_rng(0).gamma(1.0, 50.0, (3, 20, 20)).astype(np.float32)


def only(name: str | Path, mask: np.ndarray | Path | None = None) -> Pattern:
    """The one pattern of a file."""
    (found,) = read_patterns(str(name), mask)
    return found


def write_cxi(path: Path, data: np.ndarray, flags: np.ndarray | None) -> Path:
    """As the CXI file format lays it out: the detector's data, linked from data_1."""
    with h5py.File(path, "w") as file:
        file["cxi_version"] = 160
        detector = file.create_group("entry_1/instrument_1/detector_1")
        detector["data"] = data
        group = file.create_group("entry_1/data_1")
        group["data"] = h5py.SoftLink("/entry_1/instrument_1/detector_1/data")
        if flags is not None:
            group["mask"] = flags
    return path


def test_an_array_and_a_tiff_survive(tmp_path: Path, values: np.ndarray):
    np.save(tmp_path / "a.npy", values)
    found = list(read_patterns(str(tmp_path / "a.npy")))
    assert [one.index for one in found] == [0, 1, 2]
    np.testing.assert_array_equal(np.stack([one.intensity for one in found]), values)
    TifImage(data=values[0]).write(str(tmp_path / "a.tiff"))
    one = only(tmp_path / "a.tiff")
    np.testing.assert_array_equal(one.intensity, values[0])
    assert one.live.all()


def test_cxi_data_and_mask_are_what_h5py_reads(tmp_path: Path, values: np.ndarray):
    flags = np.zeros(values.shape, np.uint32)
    flags[0, 2, 3], flags[0, 4, 5], flags[1, 6, 7] = 1, 0x200, 0x10000
    path = write_cxi(tmp_path / "a.cxi", values, flags)
    found = list(read_patterns(str(path)))
    with h5py.File(path) as file:
        stored = np.asarray(file["/entry_1/data_1/data"])
    bad = flags & ~np.uint32(0x10000) != 0
    np.testing.assert_array_equal(np.stack([one.live for one in found]), ~bad)
    np.testing.assert_array_equal(np.stack([one.intensity for one in found]), np.where(bad, 0, stored))


def test_one_cxi_mask_may_serve_all_patterns(tmp_path: Path, values: np.ndarray):
    flags = np.zeros(values.shape[1:], np.uint16)
    flags[3] = 8
    found = list(read_patterns(str(write_cxi(tmp_path / "a.cxi", values, flags)) + "#1-2"))
    assert [one.index for one in found] == [1, 2]
    assert all(np.array_equal(~one.live, flags > 0) for one in found)


@pytest.mark.parametrize("shape", [(2, 20, 20), (20, 19), (3, 20, 19), (1, 1, 20, 20)])
@pytest.mark.parametrize("place", ["entry_1/data_1/mask", "entry_1/instrument_1/detector_1/mask"])
def test_a_cxi_mask_of_another_shape_is_one_line_with_both_shapes(
    tmp_path: Path, values: np.ndarray, shape: tuple[int, ...], place: str
):
    path = write_cxi(tmp_path / "a.cxi", values, None)
    with h5py.File(path, "a") as file:
        file[place] = np.zeros(shape, np.uint8)
    said = rf"a\.cxi: its mask /{place} has {' x '.join(map(str, shape))} pixels, its patterns 3 x 20 x 20"
    with pytest.raises(InputError, match=said):
        list(read_patterns(str(path)))


def test_any_other_mask_of_another_shape_is_one_line_with_both_shapes(tmp_path: Path, values: np.ndarray):
    np.save(tmp_path / "a.npy", values[0])
    np.save(tmp_path / "mask.npy", np.zeros((20, 19), np.uint8))
    for mask in (np.ones((20, 19), bool), tmp_path / "mask.npy"):
        with pytest.raises(InputError, match=r"the mask.* has 20 x 19 pixels .* has 20 x 20"):
            only(tmp_path / "a.npy", mask)
    with h5py.File(tmp_path / "live.h5", "w") as file:
        file["pattern"], file["live"] = values, np.ones((19, 20), bool)
    with pytest.raises(InputError, match=r"live\.h5: its mask /live has 19 x 20 pixels, its patterns 3 x 20"):
        list(read_patterns(str(tmp_path / "live.h5")))
    with h5py.File(tmp_path / "master.h5", "w") as file:
        file["entry/data/data"] = values
        file["entry/instrument/detector/pixel_mask"] = np.zeros((20, 19), np.uint32)
    with pytest.raises(InputError, match=r"master\.h5: .* mask has 20 x 19 pixels, its images 20 x 20"):
        list(read_patterns(str(tmp_path / "master.h5")))


def test_bits_for_signal_and_support_mask_nothing(tmp_path: Path, values: np.ndarray):
    flags = np.zeros((20, 20), np.uint32)
    flags[1, 1], flags[2, 2], flags[3, 3] = 0x1000, 0x10000, 0x1001
    path = write_cxi(tmp_path / "a.cxi", values[0], flags)
    assert np.argwhere(~only(path).live).tolist() == [[3, 3]]


def test_a_nexus_master_gives_the_window(tmp_path: Path, values: np.ndarray):
    with h5py.File(tmp_path / "master.h5", "w") as file:
        file["entry/data/data"] = values
        detector = file.create_group("entry/instrument/detector")
        detector["distance"], detector["x_pixel_size"], detector["y_pixel_size"] = 0.3, 1e-3, 1e-3
        file["entry/instrument/beam/incident_wavelength"] = 1.2
        for name in ("distance", "x_pixel_size", "y_pixel_size"):
            detector[name].attrs["units"] = "m"
    found = list(read_patterns(str(tmp_path / "master.h5")))
    assert [one.window_side for one in found] == [pytest.approx(360.0)] * 3
    named = list(read_patterns(f"{tmp_path / 'master.h5'}:/entry/data/data"))
    assert [one.window_side for one in named] == [pytest.approx(360.0)] * 3


def test_hdf5_gives_what_is_meant(tmp_path: Path, values: np.ndarray):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["deep/inside"], file["note"] = values, np.arange(3)
    assert len(list(read_patterns(str(path)))) == 3
    with h5py.File(path, "a") as file:
        file["other"] = values[0]
    with pytest.raises(InputError, match="several data sets"):
        list(read_patterns(str(path)))
    (named,) = expand_patterns([f"{path}:/deep/inside#2"])
    np.testing.assert_array_equal(only(named).intensity, values[2])
    with h5py.File(path, "a") as file:
        file["pattern"], file["live"] = values[1], values[1] > 20
    one = only(path)
    np.testing.assert_array_equal(one.live, values[1] > 20)
    np.testing.assert_array_equal(one.intensity[one.live], values[1][one.live])


def test_what_was_not_measured_is_masked(tmp_path: Path, values: np.ndarray):
    data, gap = values[0].copy(), np.zeros((20, 20), np.uint8)
    data[0, 0], data[0, 1], data[0, 2], data[0, 3] = np.nan, np.inf, -1, -2
    gap[5] = 1
    np.save(tmp_path / "a.npy", data)
    np.save(tmp_path / "mask.npy", gap)
    one = only(tmp_path / "a.npy", tmp_path / "mask.npy")
    assert not one.live[0, :4].any()
    assert not one.live[5].any()
    assert one.live.sum() == 400 - 24
    assert np.isfinite(one.intensity).all()
    counts = np.full((20, 20), 7, np.uint16)
    counts[1, 1] = 65535
    np.save(tmp_path / "b.npy", counts)
    assert np.argwhere(~only(tmp_path / "b.npy").live).tolist() == [[1, 1]]


@pytest.mark.parametrize("shape", [(20,), (2, 2, 20, 20)])
@pytest.mark.parametrize("suffix", [".npy", ".h5", ".cxi"])
def test_a_wrong_rank_is_one_line(tmp_path: Path, shape: tuple[int, ...], suffix: str):
    path = tmp_path / f"a{suffix}"
    if suffix == ".npy":
        np.save(path, np.ones(shape))
    elif suffix == ".cxi":
        write_cxi(path, np.ones(shape), None)
    else:
        with h5py.File(path, "w") as file:
            file["pattern"] = np.ones(shape)
    with pytest.raises(InputError, match=f"{path}: .*") as raised:
        list(read_patterns(str(path)))
    assert "\n" not in str(raised.value)


def test_missing_and_truncated_files_are_one_line(tmp_path: Path, values: np.ndarray):
    path = write_cxi(tmp_path / "a.cxi", values, None)
    whole = path.read_bytes()
    for keep in (0, 100, len(whole) // 2):
        path.write_bytes(whole[:keep])
        with pytest.raises(InputError, match=r"a\.cxi"):
            list(read_patterns(str(path)))
    with pytest.raises(InputError, match="no such file"):
        expand_patterns([f"{tmp_path}/gone.h5:/data"])
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(InputError, match="has no image 7"):
        list(read_patterns(f"{tmp_path / 'a.npy'}#7"))
    write_cxi(path, values, None)
    with pytest.raises(InputError, match="has no pattern 7"):
        list(read_patterns(f"{path}#7"))
    with pytest.raises(InputError, match="no data set /nothing"):
        list(read_patterns(f"{path}:/nothing"))
