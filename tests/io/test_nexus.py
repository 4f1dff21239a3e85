"""HDF5 masters: frames of linked files, masks, units, and geometry from Dectris' and NXmx' places."""

import gzip
from collections.abc import Callable
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np
import nxmx
import pytest

from argand.errors import InputError
from argand.io.image import load_mask, read_frame, read_frames

SHAPE = (40, 30)


@pytest.fixture
def images() -> np.ndarray:
    """Five frames of counts with one pixel that the detector marks as saturated."""
    data = np.random.default_rng(1).integers(0, 50, (5, *SHAPE)).astype(np.uint32)
    data[:, 4, 5] = 2**32 - 1
    return data


def write_data(path: Path, images: np.ndarray) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset(
            "entry/data/data",
            data=images,
            chunks=(1, *images.shape[1:]),
            **hdf5plugin.Bitshuffle(cname="lz4"),
        )


def put(group: h5py.Group, name: str, value: object, units: str | None = None) -> None:
    group[name] = value
    if units is not None:
        group[name].attrs["units"] = units


@pytest.fixture
def master(tmp_path: Path, images: np.ndarray) -> Path:
    """A master as the Eiger's own writer leaves it, with three and two frames in two data files."""
    write_data(tmp_path / "x_data_000001.h5", images[:3])
    write_data(tmp_path / "x_data_000002.h5", images[3:])
    path = tmp_path / "x_master.h5"
    with h5py.File(path, "w") as file:
        for number in (1, 2):
            name = f"data_{number:06d}"
            file[f"entry/data/{name}"] = h5py.ExternalLink(f"x_{name}.h5", "entry/data/data")
        detector = file.create_group("entry/instrument/detector")
        put(detector, "description", b"Dectris Eiger 1M")
        put(detector, "x_pixel_size", 7.5e-5, "m")
        put(detector, "y_pixel_size", 8.5e-5, "m")
        put(detector, "detector_distance", 0.125, "m")
        put(detector, "beam_center_x", 14.25, "pixel")
        put(detector, "beam_center_y", 21.5, "pixel")
        put(detector, "detectorSpecific/countrate_correction_count_cutoff", 48)
        mask = np.zeros(SHAPE, np.uint32)
        mask[7, 8], mask[9, 10] = 1, 1 << 8
        put(detector, "detectorSpecific/pixel_mask", mask)
        put(file["entry"], "instrument/beam/incident_wavelength", 0.9, "angstrom")
        put(file["entry"], "sample/goniometer/omega_range_average", 0.1, "degree")
    return path


def test_frames_of_all_data_files_come_in_order(master: Path, images: np.ndarray) -> None:
    frames = list(read_frames(master))
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]
    assert np.array_equal([frame.data for frame in frames], images)
    assert frames[0].data.dtype == np.uint32
    assert np.array_equal(read_frame(master, 4).data, images[4])
    assert [frame.index for frame in read_frames(f"{master}#2-3")] == [2, 3]
    with pytest.raises(InputError, match="has no image 5; its 5 images are counted from 0"):
        read_frame(master, 5)


def test_dectris_header_and_mask(master: Path, images: np.ndarray) -> None:
    frame = read_frame(master, 3)
    assert frame.header_beam_centre_px == (14.25, 21.5)
    assert frame.pixel_size_mm == pytest.approx((0.075, 0.085))
    assert (frame.distance_mm, frame.wavelength, frame.saturation) == (125.0, 0.9, 48.0)
    assert (frame.detector, frame.oscillation_deg) == ("Dectris Eiger 1M", 0.1)
    expected = images[3] < 48
    expected[7, 8] = expected[9, 10] = False
    assert np.array_equal(frame.mask, expected)


def test_pixel_mask_of_a_master_serves_as_mask_file(master: Path) -> None:
    masked = np.argwhere(~load_mask(master))
    assert masked.tolist() == [[7, 8], [9, 10]]


def test_missing_data_file_is_named_when_its_frames_are_due(master: Path) -> None:
    (master.parent / "x_data_000002.h5").unlink()
    frames = read_frames(master)
    assert [next(frames).index for _ in range(3)] == [0, 1, 2]
    with pytest.raises(InputError, match=r"x_master\.h5: its data file .*x_data_000002\.h5 is missing"):
        next(frames)
    (master.parent / "x_data_000001.h5").unlink()
    with pytest.raises(InputError, match=r"x_data_000001\.h5 is missing"):
        read_frame(master)


def test_truncated_data_file_is_named(master: Path) -> None:
    data = master.parent / "x_data_000001.h5"
    data.write_bytes(data.read_bytes()[:-500])
    with pytest.raises(InputError, match=r"x_data_000001\.h5: not a readable diffraction image"):
        read_frame(master)


def test_virtual_data_set_with_a_missing_file_is_not_read_as_zeros(
    tmp_path: Path, images: np.ndarray
) -> None:
    write_data(tmp_path / "raw.h5", images)
    layout = h5py.VirtualLayout(images.shape, np.uint32)
    layout[:] = h5py.VirtualSource("raw.h5", "entry/data/data", images.shape)
    with h5py.File(tmp_path / "v.nxs", "w") as file:
        file.create_virtual_dataset("entry/data/data", layout)
    assert np.array_equal(read_frame(tmp_path / "v.nxs", 2).data, images[2])
    (tmp_path / "raw.h5").unlink()
    with pytest.raises(InputError, match=r"v\.nxs: its data file .*raw\.h5 is missing"):
        read_frame(tmp_path / "v.nxs")


def test_links_to_where_the_data_once_was_are_found_beside_the_master(
    master: Path, images: np.ndarray
) -> None:
    with h5py.File(master, "r+") as file:
        del file["entry/data/data_000002"]
        file["entry/data/data_000002"] = h5py.ExternalLink("/ramdisk/old/x_data_000002.h5", "entry/data/data")
    assert np.array_equal(read_frame(master, 4).data, images[4])


def test_plain_stack_anywhere_in_a_file_is_found_even_packed(tmp_path: Path, images: np.ndarray) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["deep/inside/frames"] = images
        file["deep/background"] = images[0]
    (tmp_path / "b.h5.gz").write_bytes(gzip.compress((tmp_path / "a.h5").read_bytes()))
    for name in ("a.h5", "b.h5.gz"):
        frames = list(read_frames(tmp_path / name))
        assert np.array_equal([frame.data for frame in frames], images)
        assert frames[0].distance_mm is None


def test_file_without_images_says_so(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["spectrum"] = np.arange(5)
    with pytest.raises(InputError, match=r"a\.h5: .*no images in this HDF5 file"):
        read_frame(tmp_path / "a.h5")


def axis(
    group: h5py.Group, name: str, value: float, units: str, kind: str, vector: list, parent: str
) -> None:
    put(group, name, value, units)
    group[name].attrs.update(
        transformation_type=kind, vector=vector, depends_on=parent, offset=[0.0, 0.0, 0.0]
    )


@pytest.fixture
def nxmx_file(tmp_path: Path, images: np.ndarray) -> Callable[..., Path]:
    """Writes an NXmx file: detector at 200 mm on an arm that swings about x, its corner at (1.5, 2) mm."""

    def write(swing_deg: float = 0.0, **stated: float) -> Path:
        path = tmp_path / "a.nxs"
        with h5py.File(path, "w") as file:
            file["entry/data/data"] = images
            file["entry/definition"] = "NXmx"
            for group, name in (("entry", "NXentry"), ("entry/data", "NXdata")):
                file[group].attrs["NX_class"] = name
            detector = file.create_group("entry/instrument/detector")
            file["entry/instrument"].attrs["NX_class"] = "NXinstrument"
            detector.attrs["NX_class"] = "NXdetector"
            stages = detector.create_group("transformations")
            stages.attrs["NX_class"] = "NXtransformations"
            here = "/entry/instrument/detector/transformations"
            axis(stages, "two_theta", swing_deg, "deg", "rotation", [1.0, 0, 0], ".")
            axis(stages, "det_z", 0.2, "m", "translation", [0, 0, 1.0], f"{here}/two_theta")
            module = detector.create_group("module")
            module.attrs["NX_class"] = "NXdetector_module"
            module["data_origin"], module["data_size"] = np.array([0, 0]), np.array(SHAPE)
            length = float(np.hypot(1.5, 2.0))
            axis(
                module,
                "module_offset",
                length,
                "mm",
                "translation",
                [1.5 / length, 2.0 / length, 0],
                f"{here}/det_z",
            )
            for name, vector in (("fast", [-1.0, 0, 0]), ("slow", [0, -1.0, 0])):
                parent = "/entry/instrument/detector/module/module_offset"
                axis(module, f"{name}_pixel_direction", 0.1, "mm", "translation", vector, parent)
            put(file["entry/instrument"], "beam/incident_wavelength", 0.1, "nm")
            put(detector, "saturation_value", 1000)
            for name, value in stated.items():
                put(detector, name, value)
        return path

    return write


def test_nxmx_geometry_comes_from_its_axes_with_units(nxmx_file: Callable[..., Path]) -> None:
    frame = read_frame(nxmx_file())
    assert frame.header_beam_centre_px == pytest.approx((15.0, 20.0))
    assert frame.pixel_size_mm == pytest.approx((0.1, 0.1))
    assert (frame.distance_mm, frame.wavelength) == pytest.approx((200.0, 1.0))
    assert (frame.two_theta_deg, frame.saturation, frame.notes) == (0.0, 1000.0, ())


def test_swung_nxmx_detector_agrees_with_trigonometry(nxmx_file: Callable[..., Path]) -> None:
    """On an arm at angle a the beam meets the plane d tan(a) from the foot, which stays at (15, 20) px."""
    frame = read_frame(nxmx_file(swing_deg=6.0))
    off_px = 200.0 * np.tan(np.radians(6.0)) / 0.1
    assert frame.header_beam_centre_px == pytest.approx((15.0, 20.0 - off_px))
    assert (frame.two_theta_deg, frame.distance_mm) == pytest.approx((6.0, 200.0))
    stated = read_frame(nxmx_file(swing_deg=6.0, beam_center_x=15.0, beam_center_y=20.0, distance=0.2))
    assert stated.header_beam_centre_px == (15.0, 20.0)
    assert f"put the beam at 15.0, {20.0 - off_px:.1f}" in stated.notes[-1]


def test_nxmx_corner_agrees_with_the_nxmx_package(nxmx_file: Callable[..., Path]) -> None:
    path = nxmx_file(swing_deg=6.0)
    with h5py.File(path) as file:
        module = nxmx.NXmx(file).entries[0].instruments[0].detectors[0].modules[0]
        chain = nxmx.get_dependency_chain(module.fast_pixel_direction.depends_on)
        place = nxmx.get_cumulative_transformation(chain)[0]
        fast, slow = (
            place[:3, :3] @ direction.vector
            for direction in (module.fast_pixel_direction, module.slow_pixel_direction)
        )
    corner = place[:3, 3]
    # Where the z axis meets the plane: corner + u fast + v slow = (0, 0, z), in steps of one pixel.
    u, v, _ = np.linalg.solve(np.column_stack([fast, slow, [0, 0, -1.0]]), -corner)
    assert read_frame(path).header_beam_centre_px == pytest.approx((u / 0.1, v / 0.1))


def test_axes_in_a_circle_are_ignored(nxmx_file: Callable[..., Path]) -> None:
    path = nxmx_file()
    with h5py.File(path, "r+") as file:
        stages = file["entry/instrument/detector/transformations"]
        stages["two_theta"].attrs["depends_on"] = f"{stages.name}/det_z"
    assert read_frame(path).header_beam_centre_px is None


def test_energy_stands_in_for_a_wavelength(master: Path) -> None:
    with h5py.File(master, "r+") as file:
        del file["entry/instrument/beam"]
        put(file["entry/instrument/detector"], "detectorSpecific/photon_energy", 12398.419843, "eV")
    assert read_frame(master).wavelength == pytest.approx(1.0)


def test_mask_of_another_shape_is_left_out_with_a_note(master: Path) -> None:
    with h5py.File(master, "r+") as file:
        del file["entry/instrument/detector/detectorSpecific/pixel_mask"]
        put(file["entry/instrument/detector"], "pixel_mask", np.ones((3, 3), np.uint32))
    frame = read_frame(master)
    assert frame.mask.any()
    assert "not used" in frame.notes[0]


def restated(path: Path, **values: tuple[object, str | None] | None) -> Path:
    """The master with these values and units in its detector; None takes one away."""
    with h5py.File(path, "r+") as file:
        detector = file["entry/instrument/detector"]
        for name, value in values.items():
            if name in detector:
                del detector[name]
            if value is not None:
                put(detector, name, *value)
    return path


def test_lengths_without_units_are_metres_and_said_so(master: Path) -> None:
    bare = {"detector_distance": (0.125, None), "x_pixel_size": (7.5e-5, "")}
    frame = read_frame(restated(master, **bare))
    assert (frame.distance_mm, frame.pixel_size_mm) == (125.0, pytest.approx((0.075, 0.085)))
    assert frame.notes == ("no units in the file for x_pixel_size, detector_distance: assumed to be m",)


@pytest.mark.parametrize(
    ("value", "units", "distance_mm"),
    [
        (-0.125, "m", 125.0),
        (np.array([np.nan, 0.125, 0.126]), "m", 125.0),
        (b"0.125", "metres", 125.0),
        (12.5, "cm", 125.0),
        (125000.0, "µm", 125.0),
        (0.0, "m", None),
        (np.array([], float), "m", None),
        (np.nan, "m", None),
        (5.0, "counts", None),
    ],
)
def test_distances_of_every_kind(master: Path, value: object, units: str, distance_mm: float | None) -> None:
    frame = read_frame(restated(master, detector_distance=(value, units)))
    assert frame.distance_mm == (None if distance_mm is None else pytest.approx(distance_mm))
    negative = "the header's distance is negative, -125 mm: its sign is ignored"
    assert frame.notes == ((negative,) if np.any(np.asarray(value == -0.125)) else ())


def test_distance_of_zero_gives_way_to_the_next_that_is_stated(master: Path) -> None:
    zero = {"detector_distance": (0.0, "m"), "distance": (130.0, "mm")}
    assert read_frame(restated(master, **zero)).distance_mm == 130.0
    place = "/entry/instrument/detector/z"
    with h5py.File(restated(master, distance=None, z=(0.14, "m"), depends_on=(place, None)), "r+") as file:
        file[place].attrs.update(transformation_type="translation", vector=[0.0, 0.0, 1.0], depends_on=".")
    assert read_frame(master).distance_mm == pytest.approx(140.0)
    with h5py.File(master, "r+") as file:
        file[place].attrs["depends_on"] = "/entry/gone"
    assert read_frame(master).distance_mm is None


def test_beam_centre_needs_both_and_knows_lengths_from_pixels(master: Path) -> None:
    in_mm = {"beam_center_x": (1.5, "mm"), "beam_center_y": (np.array([1.7, 1.7]), "mm")}
    assert read_frame(restated(master, **in_mm)).header_beam_centre_px == pytest.approx((20.0, 20.0))
    assert read_frame(restated(master, beam_center_x=None)).header_beam_centre_px is None


@pytest.mark.parametrize(
    ("name", "value", "units"),
    [
        ("incident_wavelength", 0.1, "nm"),
        ("incident_wavelength", 100.0, "pm"),
        ("incident_wavelength", 1e-10, "m"),
        ("incident_wavelength", [1.0, 1.01], "Å"),
        ("incident_energy", 12398.41984, "eV"),
        ("incident_energy", [12.39841984], "keV"),
        ("energy", 12398.41984 * 1.602176634e-19, "J"),
    ],
)
def test_wavelength_in_other_units_and_as_energy(master: Path, name: str, value: object, units: str) -> None:
    with h5py.File(master, "r+") as file:
        del file["entry/instrument/beam"]
        put(file["entry/instrument"].create_group("beam"), name, value, units)
    assert read_frame(master).wavelength == pytest.approx(1.0)


@pytest.mark.parametrize("stated", [{"LCLS/photon_energy_eV": [9500.0, 9501.0]}, {}])
def test_two_dimensional_cxi_file(tmp_path: Path, images: np.ndarray, stated: dict[str, object]) -> None:
    """CXI counts its groups from 1 and is in SI units, energies in joules too."""
    path = tmp_path / "a.cxi"
    with h5py.File(path, "w") as file:
        detector = file.create_group("entry_1/instrument_1/detector_1")
        detector["data"] = images
        detector["mask"] = (np.arange(SHAPE[1]) == 7) * np.ones((5, *SHAPE), np.uint32)
        for name, value in {"distance": 0.25, "x_pixel_size": 1e-4, "y_pixel_size": 1.1e-4}.items():
            detector[name] = value
        file["entry_1/data_1/data"] = h5py.SoftLink("/entry_1/instrument_1/detector_1/data")
        file["entry_1/instrument_1/source_1/energy"] = np.full(5, 9500.0 * 1.602176634e-19)
        for place, value in stated.items():
            file[place] = value
    frames = list(read_frames(path))
    assert np.array_equal([frame.data for frame in frames], images)
    assert (frames[0].distance_mm, frames[0].wavelength) == pytest.approx((250.0, 12398.41984 / 9500.0))
    assert frames[0].pixel_size_mm == pytest.approx((0.1, 0.11))
    assert not frames[0].mask[:, 7].any()
    assert frames[0].mask[:, 8:].mean() > 0.99
