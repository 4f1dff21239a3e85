"""MarCCD and Rayonix images, against fabio's own definition of their binary header."""

import struct
from pathlib import Path

import numpy as np
import pytest
from fabio.marccdimage import HEADER_FORMAT, HEADER_NAMES, interpret_header

from argand.errors import InputError
from argand.io.image import read_frame
from argand.io.marccd import marccd_header


def mar_file(data: np.ndarray, **values: int) -> bytes:
    """A TIFF as Rayonix writes it: directory at 8, header (by fabio's C definition) at 1024, data at 4096."""
    slow, fast = data.shape
    tags = [(256, 4, fast), (257, 4, slow), (258, 3, 16), (259, 3, 1), (262, 3, 1), (273, 4, 4096)]
    tags += [(277, 3, 1), (278, 4, slow), (279, 4, data.nbytes)]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", t, k, 1, v) for t, k, v in tags)
    start = (b"II*\0" + struct.pack("<I", 8) + directory + bytes(4)).ljust(1024, b"\0")
    values |= {"header_byte_order": 1234, "nfast": fast, "nslow": slow}
    fields = [values.get(name, 0) for name in HEADER_NAMES]
    seen: dict[str, int] = {}
    for place, name in enumerate(HEADER_NAMES):
        fields[place] = fields[place] if seen.setdefault(name, place) == place else 0
    body = [b"\0" if kind == "c" else value for kind, value in zip(HEADER_FORMAT, fields, strict=True)]
    return start + struct.pack("<" + HEADER_FORMAT, *body) + data.astype("<u2").tobytes()


MAR = {
    "xtal_to_detector": 250_000,
    "beam_x": 11_250,
    "beam_y": 16_500,
    "pixelsize_x": 73_242,
    "pixelsize_y": 73_242,
    "source_wavelength": 97_950,
    "saturated_value": 65_535,
    "start_twotheta": 12_000,
    "rotation_range": 500,
    "mean_bias": 10_000,
}


@pytest.mark.parametrize("name", ["a.mccd", "a.rayonix", "a.0001"])
def test_mar_header_and_data_survive_under_any_name(tmp_path: Path, name: str) -> None:
    data = np.arange(32 * 24, dtype=np.uint16).reshape(32, 24)
    data[3, 4] = 65535
    (tmp_path / name).write_bytes(mar_file(data, **MAR))
    frame = read_frame(tmp_path / name)
    assert np.array_equal(frame.data, data)
    assert [tuple(where) for where in np.argwhere(~frame.mask)] == [(3, 4)]
    assert frame.header_beam_centre_px == pytest.approx((11.25, 16.5))
    assert (frame.distance_mm, frame.wavelength) == pytest.approx((250.0, 0.9795))
    assert frame.pixel_size_mm == pytest.approx((0.073242, 0.073242))
    assert (frame.two_theta_deg, frame.oscillation_deg, frame.pedestal) == pytest.approx((12.0, 0.5, 10.0))


def test_mar_offsets_agree_with_fabios_definition() -> None:
    blob = mar_file(np.zeros((32, 24), np.uint16), **MAR)
    theirs = interpret_header(blob[1024:4096], "<" + HEADER_FORMAT, HEADER_NAMES)
    assert {key: theirs[key] for key in MAR} == MAR


def test_mar_centre_in_mm_is_recognised() -> None:
    data = np.zeros((2048, 2048), np.uint16)
    in_mm = MAR | {"beam_x": 75_000, "beam_y": 74_000}
    header = marccd_header(mar_file(data, **in_mm))
    assert header is not None
    assert header.header_beam_centre_px == pytest.approx((75.0 / 0.073242, 74.0 / 0.073242))
    assert "assumed to be in mm" in header.notes[0]
    in_px = marccd_header(mar_file(data, **MAR | {"beam_x": 1_020_000, "beam_y": 1_030_000}))
    assert in_px is not None
    assert in_px.header_beam_centre_px == pytest.approx((1020.0, 1030.0))


def test_mar_image_cut_short_is_refused(tmp_path: Path) -> None:
    blob = mar_file(np.full((32, 24), 9, np.uint16), **MAR)
    (tmp_path / "a.mccd").write_bytes(blob[:-100])
    with pytest.raises(InputError, match=r"a\.mccd: not a readable diffraction image"):
        read_frame(tmp_path / "a.mccd")
