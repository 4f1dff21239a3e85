"""SMV images: number types and byte orders of their pixels, and the keys of several makers."""

from pathlib import Path

import numpy as np
import pytest
from fabio.dtrekimage import DtrekImage

from argand.errors import InputError
from argand.io.image import read_frame, read_frames
from argand.io.smv import smv_header

SHAPE = (30, 23)


def smv(data: np.ndarray, size: int = 512, end: str = ";\n", **keys: object) -> bytes:
    """An SMV file with a header of `size` bytes and the keys of its image unless they are given."""
    fast_first = {f"SIZE{axis + 1}": length for axis, length in enumerate(reversed(data.shape))}
    stated = {"HEADER_BYTES": f"{size:5d}", "DIM": data.ndim, **fast_first, **keys}
    text = "{\n" + "".join(f"{key}={value}{end}" for key, value in stated.items()) + "}\f"
    return text.encode().ljust(size, b" ") + data.tobytes()


@pytest.mark.parametrize(
    ("dtype", "keys"),
    [
        ("<u2", {"TYPE": "unsigned_short", "BYTE_ORDER": "little_endian"}),
        (">u2", {"TYPE": "unsigned_short", "BYTE_ORDER": "big_endian"}),
        ("<u2", {}),
        ("<u4", {"TYPE": "unsigned_long", "BYTE_ORDER": "little_endian"}),
        (">i4", {"TYPE": "signed_long", "BYTE_ORDER": "big_endian"}),
        ("<u4", {"TYPE": "unsigned_int", "BYTE_ORDER": "little_endian"}),
        ("<i4", {"Data_type": "long int", "BYTE_ORDER": "little_endian"}),
        (">u2", {"Data_type": "unsigned short int", "BYTE_ORDER": "big_endian", "TYPE": "mad"}),
        ("<f4", {"Data_type": "float IEEE", "BYTE_ORDER": "little_endian"}),
        ("<u1", {"Data_type": "unsigned char"}),
    ],
)
@pytest.mark.parametrize("size", [512, 2048])
def test_every_type_and_order_of_pixels_is_read(tmp_path: Path, dtype: str, keys: dict, size: int) -> None:
    data = np.random.default_rng(3).integers(0, 200, SHAPE).astype(dtype)
    # What some programs append is no part of the image.
    (tmp_path / "a.img").write_bytes(smv(data, size, PIXEL_SIZE=0.1, **keys) + b"\0" * 7)
    frame = read_frame(tmp_path / "a.img")
    assert np.array_equal(frame.data, data)
    assert frame.data.dtype == np.dtype(dtype).newbyteorder("=")
    assert frame.pixel_size_mm == (0.1, 0.1)


def test_pixels_are_those_that_fabio_writes_and_reads(tmp_path: Path) -> None:
    data = np.random.default_rng(3).integers(0, 60_000, SHAPE).astype(np.uint16)
    DtrekImage(data=data, header={"BYTE_ORDER": "big_endian"}).write(str(tmp_path / "a.img"))
    assert np.array_equal(read_frame(tmp_path / "a.img").data, data)
    theirs = DtrekImage().read(str(tmp_path / "a.img")).data
    assert theirs is not None
    assert np.array_equal(theirs, data)


def test_lines_end_in_other_ways_and_images_may_be_several(tmp_path: Path) -> None:
    data = np.arange(2 * 30 * 23, dtype="<u2").reshape(2, *SHAPE)
    (tmp_path / "a.img").write_bytes(smv(data, end=" ;\r\n", DISTANCE=" 180.5 "))
    frames = list(read_frames(tmp_path / "a.img"))
    assert np.array_equal([frame.data for frame in frames], data)


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"Data_type": "Compressed"}, "type compressed cannot be read"),
        ({"Data_type": "complex"}, "type complex cannot be read"),
        ({"SIZE1": ""}, "does not state the size"),
        ({"SIZE2": 31}, "truncated"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, keys: dict, reason: str) -> None:
    (tmp_path / "a.img").write_bytes(smv(np.zeros(SHAPE, "<u2"), **keys))
    with pytest.raises(InputError, match=rf"a\.img: .*{reason}"):
        read_frame(tmp_path / "a.img")


def test_denzo_centre_is_used_however_it_is_spelt() -> None:
    """Simulators and converters of electron data write DENZO_X_BEAM, the latter with BEAM_CENTER_X in px."""
    keys = {"PIXEL_SIZE": "0.05", "BEAM_CENTER_X": "219.7", "BEAM_CENTER_Y": "226.65"}
    header = smv_header(keys | {"DENZO_X_BEAM": "11.3325", "DENZO_Y_BEAM": "10.985"})
    assert header.header_beam_centre_px == pytest.approx((219.7, 226.65))
    assert "DENZO_Y_BEAM, DENZO_X_BEAM" in header.notes[0]
    assert smv_header(keys).header_beam_centre_px == pytest.approx((219.7 / 0.05, 226.65 / 0.05))
    assert smv_header(keys | {"PIXEL_SIZE": "0"}).header_beam_centre_px is None


@pytest.mark.parametrize("named", [{"DETECTOR_NAMES": "PXD_"}, {}])
def test_rigaku_keys_have_the_prefix_of_the_detector(named: dict[str, str]) -> None:
    keys = {"PXD_SPATIAL_DISTORTION_INFO": "242.5 98.25 0.172 0.172", "SCAN_WAVELENGTH": "0.7107"}
    keys |= {"PXD_GONIO_NAMES": "RotZ RotX/Swing TransZ/Dist", "PXD_GONIO_VALUES": "0 0.0 60.0"}
    header = smv_header(keys | {"PXD_DETECTOR_DESCRIPTION": "Pilatus 200K"} | named)
    assert header.header_beam_centre_px == (242.5, 98.25)
    assert (header.pixel_size_mm, header.distance_mm, header.wavelength) == ((0.172, 0.172), 60.0, 0.7107)
    assert header.detector == "Pilatus 200K"
