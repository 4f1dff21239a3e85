"""Images of every format come out as they went in, with their header and mask; broken ones say so."""

import bz2
import csv
import gzip
import logging
import struct
from pathlib import Path

import numpy as np
import pytest
from fabio.cbfimage import CbfImage
from fabio.dtrekimage import DtrekImage
from fabio.edfimage import EdfImage
from fabio.tifimage import TifImage
from PIL import Image

from argand.errors import InputError
from argand.io.image import read_frame, read_frames, with_overrides

PILATUS_TEXT = """# Detector: PILATUS 100K, S/N 1-0001
# Pixel_size 172e-6 m x 172e-6 m
# Count_cutoff 1000 counts
# Wavelength 0.97950 A
# Detector_distance 0.20150 m
# Beam_xy (12.25, 20.50) pixels
# Angle_increment 0.1000 deg.
# Detector_2theta 0.0000 deg."""


@pytest.fixture
def counts() -> np.ndarray:
    """A small image of counts that differs in both directions and holds a gap, a bad and a hot pixel."""
    data = np.random.default_rng(3).integers(0, 900, (30, 23)).astype(np.int32)
    data[5, :], data[7, 3], data[8, 4] = -1, -2, 1000
    return data


def write_cbf(path: Path, data: np.ndarray, text: str = PILATUS_TEXT) -> Path:
    CbfImage(data=data, header={"_array_data.header_contents": text}).write(str(path))
    return path


def test_cbf_data_mask_and_header_survive(tmp_path: Path, counts: np.ndarray) -> None:
    frame = read_frame(write_cbf(tmp_path / "a.cbf", counts))
    assert np.array_equal(frame.data, counts)
    assert frame.data.dtype == np.int32
    assert np.array_equal(~frame.mask, (counts < 0) | (counts >= 1000))
    assert frame.pixel_size_mm == pytest.approx((0.172, 0.172))
    assert (frame.distance_mm, frame.wavelength) == pytest.approx((201.5, 0.9795))
    assert frame.header_beam_centre_px == (12.25, 20.5)
    assert (frame.detector, frame.oscillation_deg) == ("PILATUS 100K, S/N 1-0001", 0.1)
    assert (frame.saturation, frame.notes, frame.index) == (1000, (), 0)


@pytest.mark.parametrize(("suffix", "pack"), [(".bz2", bz2.compress), (".gz", gzip.compress)])
def test_packed_files_read_as_plain_ones(tmp_path: Path, counts: np.ndarray, suffix: str, pack) -> None:
    plain = write_cbf(tmp_path / "a.cbf", counts)
    packed = tmp_path / f"a.cbf{suffix}"
    packed.write_bytes(pack(plain.read_bytes()))
    frame = read_frame(packed)
    assert np.array_equal(frame.data, counts)
    assert frame.header_beam_centre_px == (12.25, 20.5)
    packed.write_bytes(packed.read_bytes()[:-200])
    with pytest.raises(InputError, match=rf"a\.cbf\{suffix}: compressed file is truncated"):
        read_frame(packed)


def test_header_lines_with_other_units_and_separators_are_understood(
    tmp_path: Path, counts: np.ndarray
) -> None:
    text = "# Pixel_size 75e-6 m x 75e-6 m\n# Detector_distance = 151.5 mm\n"
    text += "# Wavelength: 1.0 A\n# Beam_xy (0, 0)"
    frame = read_frame(write_cbf(tmp_path / "a.cbf", counts, text))
    assert (frame.distance_mm, frame.wavelength) == (151.5, 1.0)
    assert frame.pixel_size_mm == pytest.approx((0.075, 0.075))
    assert frame.header_beam_centre_px is None


def test_header_without_values_leaves_them_unknown(tmp_path: Path, counts: np.ndarray) -> None:
    frame = read_frame(write_cbf(tmp_path / "a.cbf", counts, "# Wavelength 0 A\n# Detector_distance 0 m"))
    known = (frame.wavelength, frame.distance_mm, frame.pixel_size_mm, frame.header_beam_centre_px)
    assert known == (None, None, None, None)


def test_swung_out_detector_is_pointed_out(tmp_path: Path, counts: np.ndarray) -> None:
    text = PILATUS_TEXT.replace("Detector_2theta 0.0", "Detector_2theta 30.0")
    frame = read_frame(write_cbf(tmp_path / "a.cbf", counts, text))
    assert frame.two_theta_deg == 30.0
    assert "foot of the perpendicular" in frame.notes[0]


def test_truncated_cbf_is_one_line_with_the_file(tmp_path: Path, counts: np.ndarray) -> None:
    path = write_cbf(tmp_path / "a.cbf", counts)
    whole = path.read_bytes()
    for length in (len(whole) - 300, len(whole) // 2, 40):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError) as caught:
            read_frame(path)
        assert str(caught.value).startswith(f"{path}: not a readable diffraction image (")
        assert "\n" not in str(caught.value)


IMGCIF_TEXT = """data_a
loop_
_diffrn_scan_axis.axis_id
_diffrn_scan_axis.angle_start
_diffrn_scan_axis.displacement_start
ARM 20.0 0.0
Z 0.0 150.0
_diffrn_radiation_wavelength.wavelength 0.9
loop_
_axis.id
_axis.type
_axis.depends_on
_axis.vector[1] _axis.vector[2] _axis.vector[3]
_axis.offset[1] _axis.offset[2] _axis.offset[3]
ARM rotation . 1 0 0 . . .
Z translation ARM 0 0 -1 0 0 0
Y translation Z 0 -1 0 -10.0 20.0 0
X translation Y 1 0 0 0 0 0
loop_
_array_structure_list.precedence
_array_structure_list.axis_set_id
2 Y
1 X
loop_
_array_structure_list_axis.axis_set_id
_array_structure_list_axis.axis_id
X X
Y Y
loop_
_array_element_size.size
0.0001
0.0002
_array_intensities.overload 5000
"""


def test_cbf_without_pilatus_lines_is_understood_by_its_axis_tables(
    tmp_path: Path, counts: np.ndarray
) -> None:
    """The foot is at 10 / 0.1 and 20 / 0.2 px; an arm at 20 degrees about x moves the beam along slow.

    It lifts the detector's -z side to +y, and y runs against slow: the beam is d tan(20) further on.
    """
    path = write_cbf(tmp_path / "a.cbf", counts)
    blob = path.read_bytes()
    path.write_bytes(
        b"###CBF: VERSION 1.5\r\n" + IMGCIF_TEXT.encode() + blob[blob.find(b"_array_data.data") :]
    )
    frame = read_frame(path)
    assert np.array_equal(frame.data, counts)
    assert frame.header_beam_centre_px == pytest.approx(
        (100.0, 100.0 + 150.0 * np.tan(np.radians(20.0)) / 0.2)
    )
    assert (frame.wavelength, frame.distance_mm, frame.saturation) == pytest.approx((0.9, 150.0, 5000))
    assert frame.pixel_size_mm == pytest.approx((0.1, 0.2))
    assert frame.two_theta_deg == pytest.approx(20.0)


def test_axis_tables_may_state_the_pixels_by_their_steps(tmp_path: Path, counts: np.ndarray) -> None:
    sizes = "loop_\n_array_element_size.size\n0.0001\n0.0002\n"
    columns = "_array_structure_list_axis.axis_id\n"
    steps = columns + "_array_structure_list_axis.displacement_increment\n"
    text = IMGCIF_TEXT.replace(sizes, "").replace(columns + "X X\nY Y", steps + "X X 0.1\nY Y -0.2")
    path = write_cbf(tmp_path / "a.cbf", counts)
    blob = path.read_bytes()
    path.write_bytes(b"###CBF: VERSION 1.5\r\n" + text.encode() + blob[blob.find(b"_array_data.data") :])
    frame = read_frame(path)
    assert frame.pixel_size_mm == pytest.approx((0.1, 0.2))
    assert frame.header_beam_centre_px == pytest.approx(
        (100.0, 100.0 + 150.0 * np.tan(np.radians(20.0)) / 0.2)
    )


@pytest.mark.parametrize("kind", ["edf", "tif", "img", "npy"])
def test_other_formats_cut_short_are_refused_and_not_filled_with_zeros(tmp_path: Path, kind: str) -> None:
    data = np.full((30, 23), 9, np.uint16)
    path = tmp_path / f"a.{kind}"
    if kind == "npy":
        np.save(path, data)
    else:
        {"edf": EdfImage, "tif": TifImage, "img": DtrekImage}[kind](data=data).write(str(path))
    assert np.array_equal(read_frame(path).data, data)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=rf"a\.{kind}: not a readable diffraction image"):
        read_frame(path)


def test_damaged_pixels_leave_a_note(tmp_path: Path, counts: np.ndarray) -> None:
    path = write_cbf(tmp_path / "a.cbf", counts)
    whole = bytearray(path.read_bytes())
    start = whole.find(b"\x0c\x1a\x04\xd5")
    whole[start + 40] ^= 1
    path.write_bytes(whole)
    assert any("checksum" in note for note in read_frame(path).notes)


FOREIGN = [b"", b"hello\n" * 100, b"\0" * 5000, b"II*\0rest", b"{ HEADER_BYTES=1;", b"\x89HDF\r\n\x1a\n"]


@pytest.mark.parametrize("content", FOREIGN)
def test_foreign_file_is_one_line_and_fabio_stays_silent(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture
) -> None:
    path = tmp_path / "foreign.img"
    path.write_bytes(content)
    level = logging.getLogger("fabio").level
    with pytest.raises(InputError) as caught:
        read_frame(path)
    assert str(caught.value).startswith(f"{path}: not a readable diffraction image (")
    assert "\n" not in str(caught.value)
    assert caplog.records == []
    assert capfd.readouterr().err == ""
    assert logging.getLogger("fabio").level == level


def test_missing_file_and_missing_frame_are_named(tmp_path: Path, counts: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"gone\.cbf: no such file"):
        read_frame(tmp_path / "gone.cbf")
    with pytest.raises(InputError, match="has no image 1"):
        read_frame(write_cbf(tmp_path / "a.cbf", counts), 1)


def write_smv(path: Path, data: np.ndarray, **keys: str) -> Path:
    stated = {"PIXEL_SIZE": "0.1", "DISTANCE": "180.0", "WAVELENGTH": "1.1", "OSC_RANGE": "0.5"}
    stated |= {"CCD_IMAGE_SATURATION": "60000", "IMAGE_PEDESTAL": "40", "DETECTOR_SN": "900"}
    DtrekImage(data=data, header=stated | keys).write(str(path))
    return path


def test_smv_takes_the_denzo_centre_where_stated(tmp_path: Path) -> None:
    data = np.arange(30 * 23, dtype=np.uint16).reshape(30, 23)
    centre = {"BEAM_CENTER_X": "1.5", "BEAM_CENTER_Y": "2.5", "DENZO_XBEAM": "0.5", "DENZO_YBEAM": "1.5"}
    frame = read_frame(write_smv(tmp_path / "a.img", data, **centre))
    assert np.array_equal(frame.data, data)
    assert frame.header_beam_centre_px == pytest.approx((15.0, 5.0))
    assert (frame.distance_mm, frame.wavelength, frame.oscillation_deg) == (180.0, 1.1, 0.5)
    assert (frame.saturation, frame.pedestal, frame.detector) == (60000.0, 40.0, "ADSC 900")
    assert "DENZO_YBEAM, DENZO_XBEAM" in frame.notes[0]
    plain = read_frame(write_smv(tmp_path / "b.img", data, BEAM_CENTER_X="1.5", BEAM_CENTER_Y="2.5"))
    assert plain.header_beam_centre_px == pytest.approx((15.0, 25.0))
    assert "no one convention" in plain.notes[0]


def test_smv_of_rigaku_states_its_centre_in_pixels(tmp_path: Path) -> None:
    data = np.full((20, 20), 7, np.uint16)
    keys = {
        "DETECTOR_NAMES": "CCD_",
        "CCD_SPATIAL_DISTORTION_INFO": "10.5 11.5 0.09 0.08",
        "CCD_GONIO_NAMES": "RotZ RotX/Swing RotY TransX TransY TransZ/Dist",
        "CCD_GONIO_VALUES": "0.0 -15.0 0.0 0.0 0.0 45.0",
        "SOURCE_WAVELENGTH": "1 0.7107",
        "SATURATED_VALUE": "65000",
        "ROTATION": "10.0 10.5 0.5 60.0",
    }
    DtrekImage(data=data, header=keys).write(str(tmp_path / "a.img"))
    frame = read_frame(tmp_path / "a.img")
    assert frame.header_beam_centre_px == (10.5, 11.5)
    assert frame.pixel_size_mm == (0.09, 0.08)
    assert (frame.distance_mm, frame.two_theta_deg, frame.wavelength) == (45.0, -15.0, 0.7107)
    assert (frame.oscillation_deg, frame.notes) == (0.5, ())


@pytest.mark.parametrize("dtype", ["uint16", "int32", "float32"])
def test_tiff_survives(tmp_path: Path, dtype: str) -> None:
    data = np.arange(30 * 23).reshape(30, 23).astype(dtype)
    TifImage(data=data).write(str(tmp_path / "a.tif"))
    frame = read_frame(tmp_path / "a.tif")
    assert np.array_equal(frame.data, data)
    assert frame.data.dtype == np.dtype(dtype)
    assert frame.distance_mm is None


def test_dectris_tiff_keeps_its_pixel_size_behind_binary_text_on_the_line(tmp_path: Path) -> None:
    """The header's first line follows the tags of the TIFF without a line's end."""
    data = np.arange(30 * 23, dtype=np.int32).reshape(30, 23)
    tags = [(256, 4, 23), (257, 4, 30), (258, 3, 32), (259, 3, 1), (262, 3, 1), (273, 4, 4096), (277, 3, 1)]
    tags += [(278, 4, 30), (279, 4, data.nbytes), (339, 3, 2)]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", t, k, 1, v) for t, k, v in tags)
    text = "PILATUS 100K\0TVX TIFF v 1.3     \0" + PILATUS_TEXT.partition("\n")[2]
    blob = b"II*\0" + struct.pack("<I", 8) + directory + bytes(4) + text.replace("\n", "\r\n").encode()
    (tmp_path / "a.tif").write_bytes(blob.ljust(4096, b"\0") + data.tobytes())
    frame = read_frame(tmp_path / "a.tif")
    assert np.array_equal(frame.data, data)
    assert frame.pixel_size_mm == pytest.approx((0.172, 0.172))
    assert (frame.distance_mm, frame.wavelength, frame.saturation) == pytest.approx((201.5, 0.9795, 1000))
    assert frame.header_beam_centre_px == (12.25, 20.5)


def test_big_endian_tiff_comes_in_native_order(tmp_path: Path) -> None:
    data = np.arange(6, dtype=np.uint16).reshape(2, 3)
    tags = [(256, 4, 3), (257, 4, 2), (258, 3, 16 << 16), (259, 3, 1 << 16), (262, 3, 1 << 16), (273, 4, 200)]
    tags += [(277, 3, 1 << 16), (278, 4, 2), (279, 4, 12)]
    directory = struct.pack(">H", len(tags)) + b"".join(struct.pack(">HHII", t, k, 1, v) for t, k, v in tags)
    blob = (b"MM\0*" + struct.pack(">I", 8) + directory + bytes(4)).ljust(200, b"\0") + data.astype(
        ">u2"
    ).tobytes()
    (tmp_path / "a.tif").write_bytes(blob)
    frame = read_frame(tmp_path / "a.tif")
    assert np.array_equal(frame.data, data)
    assert frame.data.dtype.isnative


def test_edf_of_esrf_and_of_pyfai_state_the_same_centre(tmp_path: Path) -> None:
    data = np.arange(30 * 23, dtype=np.int32).reshape(30, 23)
    esrf = {"Center_1": "12.5", "Center_2": "20.0", "PSize_1": "0.0001", "PSize_2": "0.0002"}
    esrf |= {"SampleDistance": "0.25", "WaveLength": "1.0e-10"}
    pyfai = {"Poni1": "0.004", "Poni2": "0.00125", "pixel1": "0.0002", "pixel2": "0.0001", "Distance": "0.25"}
    units = esrf | {
        "PSize_1": "100 um",
        "PSize_2": "0.2 mm",
        "SampleDistance": "25.0 cm",
        "WaveLength": "0.1nm",
    }
    for name, header in (("a.edf", esrf), ("b.edf", pyfai | {"Wavelength": "1e-10"}), ("c.edf", units)):
        EdfImage(data=data, header=header).write(str(tmp_path / name))
        frame = read_frame(tmp_path / name)
        assert np.array_equal(frame.data, data)
        assert frame.header_beam_centre_px == pytest.approx((12.5, 20.0))
        assert frame.pixel_size_mm == pytest.approx((0.1, 0.2))
        assert (frame.distance_mm, frame.wavelength) == pytest.approx((250.0, 1.0))


def test_all_frames_of_an_edf_and_of_an_array_come_in_order(tmp_path: Path) -> None:
    data = np.arange(3 * 30 * 23, dtype=np.int32).reshape(3, 30, 23)
    image = EdfImage(data=data[0])
    for extra in data[1:]:
        image.append_frame(data=extra)
    image.write(str(tmp_path / "a.edf"))
    np.save(tmp_path / "a.npy", data)
    for name in ("a.edf", "a.npy"):
        frames = list(read_frames(tmp_path / name))
        assert [frame.index for frame in frames] == [0, 1, 2]
        assert np.array_equal([frame.data for frame in frames], data)
        assert [f.index for f in read_frames(f"{tmp_path / name}#1-2")] == [1, 2]
        assert np.array_equal(read_frame(tmp_path / name, 2).data, data[2])


def test_overrides_replace_the_header(tmp_path: Path, counts: np.ndarray) -> None:
    frame = read_frame(write_cbf(tmp_path / "a.cbf", counts))
    changed = with_overrides(frame, wavelength=1.5, distance_mm=99.0, pixel_size_mm=(0.1, 0.2))
    assert (changed.wavelength, changed.distance_mm, changed.pixel_size_mm) == (1.5, 99.0, (0.1, 0.2))
    assert with_overrides(frame).wavelength == frame.wavelength
    (read,) = read_frames(tmp_path / "a.cbf", distance_mm=77.0)
    assert (read.distance_mm, read.wavelength) == (77.0, frame.wavelength)


def test_real_headers_are_what_the_truth_table_says(shared_data: Path) -> None:
    folder = shared_data / "geometry"
    with (folder / "truth.csv").open() as table:
        rows = list(csv.DictReader(table))
    assert len(rows) == 13
    for row in {row["file"][:9]: row for row in rows}.values():  # one of each series
        frame = read_frame(folder / row["file"])
        stated = (float(row["beam_x_px_header"]), float(row["beam_y_px_header"]))
        assert frame.header_beam_centre_px == pytest.approx(stated, abs=0.006)
        assert f"{frame.shape[1]}x{frame.shape[0]}" == row["pixels_fast_x_slow"]
        assert (frame.distance_mm, frame.wavelength) == pytest.approx(
            (float(row["distance_mm"]), float(row["wavelength_A"]))
        )
        assert frame.pixel_size_mm == pytest.approx((float(row["pixel_mm"]),) * 2)
    tiff = read_frame(shared_data / "geometry_other" / "CeO2_Pilatus1M.tif.bz2")
    assert tiff.pixel_size_mm == pytest.approx((0.172, 0.172))
    assert (tiff.distance_mm, tiff.saturation) == pytest.approx((211.43, 1097223))
    swung = read_frame(folder / "l-cyst_01_00001.cbf")
    assert swung.two_theta_deg == 30.0
    assert "its axis tables put the beam at 192.9, 865.0" in swung.notes[0]


@pytest.mark.parametrize("start", [b"\x89PNG\r\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"\0\0\0\x0cjP  "])
def test_pictures_are_named_as_such(tmp_path: Path, start: bytes) -> None:
    (tmp_path / "a.cbf").write_bytes(start + bytes(9000))
    with pytest.raises(InputError, match=r"a\.cbf: .*a \w+( 2000)? picture, not detector counts"):
        read_frame(tmp_path / "a.cbf")


@pytest.mark.parametrize("channels", [3, 4])
def test_colour_tiff_is_named_as_such(tmp_path: Path, channels: int) -> None:
    picture = np.zeros((30, 23, channels), np.uint8)
    Image.fromarray(picture, "RGBA" if channels == 4 else "RGB").save(tmp_path / "a.tif")
    with pytest.raises(InputError, match=r"a\.tif: .*colour picture of 30 x 23 pixels"):
        read_frame(tmp_path / "a.tif")


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate"])
def test_pages_of_a_tiff_come_in_order(tmp_path: Path, compression: str | None) -> None:
    data = np.arange(3 * 30 * 23, dtype=np.uint16).reshape(3, 30, 23)
    first, *others = (Image.fromarray(page) for page in data)
    first.save(tmp_path / "a.tif", save_all=True, append_images=others, compression=compression)
    assert np.array_equal([frame.data for frame in read_frames(tmp_path / "a.tif")], data)


@pytest.mark.parametrize("shape", [(), (7,)])
def test_arrays_of_less_than_two_axes_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "a.npy", np.zeros(shape))
    with pytest.raises(InputError, match=rf"an array of {len(shape)} axes is neither an image"):
        read_frame(tmp_path / "a.npy")


def test_format_is_told_by_content_whatever_the_suffix(tmp_path: Path, counts: np.ndarray) -> None:
    write_cbf(tmp_path / "a.cbf", counts)
    for suffix in (".tif", ".h5", ".img", ".edf", ".npy", ".mar2300", ""):
        path = tmp_path / f"b{suffix}"
        path.write_bytes((tmp_path / "a.cbf").read_bytes())
        assert np.array_equal(read_frame(path).data, counts)
