"""Images of the formats that fabio reads: pixels as fabio gives them, numbers of each format's own header."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fabio.bruker100image import Bruker100Image
from fabio.esperantoimage import EsperantoImage
from fabio.mar345image import Mar345Image
from fabio.OXDimage import OxdImage
from fabio.raxisimage import RIGAKU_KEYS, RaxisImage

from argand.errors import InputError
from argand.io.bruker import bruker_header
from argand.io.image import read_frame, read_frames
from argand.io.raxis import raxis_header


@pytest.fixture
def counts() -> np.ndarray:
    """A small square image of counts, some of which fill more than 8 and more than 16 bits."""
    data = np.random.default_rng(5).poisson(30, (256, 256)).astype(np.int32)
    data[100, 101], data[120, 130], data[200, 70] = 70_000, 100_000, 300
    return data


def write_mar345(path: Path, data: np.ndarray) -> Path:
    keys = {"PIXEL_LENGTH": 150, "PIXEL_HEIGHT": 100, "WAVELENGTH": "0.9795", "DISTANCE": "180.5"}
    keys |= {
        "CENTER_X": "131.25",
        "CENTER_Y": "127.5",
        "TWOTHETA": "0.25",
        "PHI_START": "1",
        "PHI_END": "1.5",
    }
    image = Mar345Image(data=data, header=keys)
    image.byteorder = "<"
    image.write(str(path))
    return path


def test_mar345_counts_header_and_disc(tmp_path: Path, counts: np.ndarray) -> None:
    """Counts above 65535 come from the table before the packed pixels; the corners were never scanned."""
    frame = read_frame(write_mar345(tmp_path / "a.mar2300", counts))
    assert np.array_equal(frame.data, counts)
    assert frame.pixel_size_mm == pytest.approx((0.15, 0.1))
    assert (frame.distance_mm, frame.wavelength) == pytest.approx((180.5, 0.9795))
    assert frame.header_beam_centre_px == (131.25, 127.5)
    assert (frame.two_theta_deg, frame.oscillation_deg, frame.detector) == (0.25, 0.5, "mar345")
    assert frame.mask[100, 101]
    assert not frame.mask[[0, 0, -1, -1, 30], [0, -1, 0, -1, 30]].any()
    assert frame.mask.mean() == pytest.approx(np.pi / 4, abs=2e-3)


@pytest.mark.parametrize(
    ("place", "byte", "reason"),
    [
        (4, 64, "different sizes"),
        (10, 127, "table of high counts does not fit"),
        (4096 + 3, 127, "table of high counts is damaged"),
    ],
)
def test_damaged_mar345_is_refused_before_it_harms(
    tmp_path: Path, counts: np.ndarray, place: int, byte: int, reason: str
) -> None:
    """The decoder that fabio uses would write where such numbers say, beyond its memory."""
    blob = bytearray(write_mar345(tmp_path / "a.mar2300", counts).read_bytes())
    blob[place] = byte
    (tmp_path / "a.mar2300").write_bytes(blob)
    with pytest.raises(InputError, match=rf"a\.mar2300: .*{reason}"):
        read_frame(tmp_path / "a.mar2300")


def test_mar345_whose_last_block_is_too_long_is_refused(tmp_path: Path) -> None:
    blob = write_mar345(tmp_path / "a.mar2300", np.zeros((60, 60), np.int32)).read_bytes()
    assert not read_frame(tmp_path / "a.mar2300").data.any()
    begin = blob.index(b"\n", blob.index(b"CCP4 packed image")) + 1
    # Blocks of 2**7 pixels without bits: the code 000111 again and again.
    blocks = sum(7 << 6 * number for number in range(29)).to_bytes(24, "little")
    (tmp_path / "a.mar2300").write_bytes(blob[:begin] + blocks)
    with pytest.raises(InputError, match="more packed pixels than the image has"):
        read_frame(tmp_path / "a.mar2300")


def test_mar345_of_a_machine_of_the_other_byte_order(tmp_path: Path, counts: np.ndarray) -> None:
    blob = write_mar345(tmp_path / "a.mar2300", np.minimum(counts, 65535)).read_bytes()
    (tmp_path / "b.mar2300").write_bytes(np.frombuffer(blob[:64], "<i4").astype(">i4").tobytes() + blob[64:])
    frame = read_frame(tmp_path / "b.mar2300")
    assert np.array_equal(frame.data, np.minimum(counts, 65535))
    assert (frame.distance_mm, frame.header_beam_centre_px) == (180.5, (131.25, 127.5))


BRUKER = {
    "CENTER": "127.5 130.25",
    "DISTANC": "5.0 5.2",
    "WAVELEN": "0.71073 0.70930 0.71359",
    "ANGLES": "0.0 0 0 54.7",
    "DETTYPE": "CCD-APEX2 83.333 0.8 0 0.254 0.05 1",
    "INCREME": "-0.5",
    "CCDPARM": "14.6 1.5 40 0 163810",
}


def test_bruker_100_counts_and_header(tmp_path: Path, counts: np.ndarray) -> None:
    Bruker100Image(data=counts, header=dict(BRUKER)).write(str(tmp_path / "a.sfrm"))
    frame = read_frame(tmp_path / "a.sfrm")
    assert np.array_equal(frame.data, counts)
    assert frame.header_beam_centre_px == (127.5, 130.25)
    assert (frame.distance_mm, frame.wavelength) == pytest.approx((52.0, 0.71073))
    assert frame.pixel_size_mm == pytest.approx((0.24, 0.24), rel=1e-4)
    assert (frame.two_theta_deg, frame.oscillation_deg, frame.saturation) == (0.0, -0.5, 163810)
    assert (frame.detector, frame.notes) == ("CCD-APEX2", ())


def test_bruker_86_takes_large_counts_from_its_table(tmp_path: Path) -> None:
    data = np.random.default_rng(1).integers(0, 255, (64, 64)).astype(np.uint8)
    data[3, 4] = data[60, 2] = 255
    keys = BRUKER | {"HDRBLKS": 15, "NPIXELB": 1, "NOVERFL": 2, "NROWS": 64, "NCOLS": 64}
    lines = [f"{key:<7}:{value}".ljust(80) for key, value in ({"FORMAT": "86".rjust(10)} | keys).items()]
    table = "".join(f"{count:9d}{place:7d}" for count, place in ((70_000, 3 * 64 + 4), (256, 60 * 64 + 2)))
    text = "".join(lines).ljust(15 * 512, ".")
    (tmp_path / "a.001").write_bytes(text.encode() + data.tobytes() + table.encode().ljust(512, b"."))
    frame = read_frame(tmp_path / "a.001")
    assert (frame.data[3, 4], frame.data[60, 2]) == (70_000, 256)
    assert np.array_equal(frame.data[10:50], data[10:50])
    assert frame.header_beam_centre_px == (127.5, 130.25)


@pytest.mark.parametrize(
    ("shape", "dettype", "pixel_mm"),
    [
        ((512, 512), "CCD-APEX2 83.333 0.8", 0.12),
        ((1024, 1024), "CMOS-PHOTON 52.083 0.8", 0.096),
        ((1024, 768), "CMOS-PHOTONII 37.037 0.8", 0.135),
        ((1024, 1024), "MULTIWIRE", None),
    ],
)
def test_bruker_pixels_are_those_of_known_detectors(
    shape: tuple[int, int], dettype: str, pixel_mm: float | None
) -> None:
    header = bruker_header({"DETTYPE": dettype, "DISTANC": "6.0", "CENTER": "1 2 3 4"}, shape)
    assert header.pixel_size_mm == (None if pixel_mm is None else pytest.approx((pixel_mm,) * 2, rel=1e-4))
    assert header.distance_mm == pytest.approx(60.0 if pixel_mm is None else 68.0)
    assert header.header_beam_centre_px == (1.0, 2.0)


def test_bruker_arm_that_is_out_is_pointed_out() -> None:
    header = bruker_header(
        BRUKER | {"ANGLES": "331.0 0 0 0", "CENTER": "1 2 3 4", "TYPE": "UNWARPED"}, (512, 512)
    )
    assert header.two_theta_deg == pytest.approx(-29.0)
    assert header.header_beam_centre_px == (3.0, 4.0)
    assert "foot of the perpendicular" in header.notes[0]


def raxis_file(data: np.ndarray, order: str = ">", **values: object) -> bytes:
    """An R-AXIS file by fabio's table of the header, with records longer than a line of pixels."""
    slow, fast = data.shape
    stated = {"InstrumentType": b"R-AXIS4", "X Pixels": fast, "Y Pixels": slow, "Record Length": 2048}
    stated |= {
        "X Pixel Length": 0.1,
        "Y Pixel Length": 0.125,
        "Wavelength": 1.5418,
        "Photomultiplier Ratio": 8.0,
    }
    stated |= {"Crystal-to-detector Distance": 120.0, "Host Type/Endian": b"IRIS" if order == ">" else b"PC"}
    stated |= {"Direct beam X position": 31.5, "Direct beam Y position": 28.25, "Phi Oscillation Stop": 0.5}
    header = b""
    for key, kind in RIGAKU_KEYS.items():
        value = (stated | values).get(key, b"" if isinstance(kind, int) else 0)
        form = f"{kind}s" if isinstance(kind, int) else {"float": "f", "long": "i"}[kind]
        header += b"" if kind == -1 else struct.pack(order + form, value)
    return header.ljust(2048, b"\0") + data.astype(f"{order}u2").tobytes()


@pytest.mark.parametrize("order", [">", "<"])
def test_raxis_counts_and_header(tmp_path: Path, order: str) -> None:
    data = np.random.default_rng(2).integers(0, 900, (64, 70)).astype(np.uint16)
    data[5, 6] = 0x8000 | 5000
    (tmp_path / "a.osc").write_bytes(raxis_file(data, order))
    frame = read_frame(tmp_path / "a.osc")
    assert frame.data[5, 6] == 8 * 5000
    assert np.array_equal(frame.data[10:], data[10:])
    if order == ">":
        assert np.array_equal(frame.data, RaxisImage().read(str(tmp_path / "a.osc")).data)
    assert frame.header_beam_centre_px == (31.5, 28.25)
    assert frame.pixel_size_mm == pytest.approx((0.1, 0.125))
    assert (frame.distance_mm, frame.wavelength) == pytest.approx((120.0, 1.5418))
    assert (frame.saturation, frame.oscillation_deg, frame.detector) == (8 * 32767, 0.5, "R-AXIS4")
    (tmp_path / "a.osc").write_bytes(raxis_file(data, order)[:-100])
    with pytest.raises(InputError, match=r"a\.osc: .*truncated"):
        read_frame(tmp_path / "a.osc")


def test_raxis_of_another_scan_order_or_shape_is_pointed_out() -> None:
    keys = {"Direct beam X position": 5.0, "Direct beam Y position": 6.0, "IP shape": 1}
    header = raxis_header(keys, (10, 10))
    assert header.header_beam_centre_px == (5.0, 6.0)
    assert "curved" in header.notes[0]
    assert raxis_header(keys | {"Vertical Scan": 1}, (10, 10)).header_beam_centre_px is None


def test_oxford_and_esperanto_state_the_same(tmp_path: Path, counts: np.ndarray) -> None:
    oxford = {"Real pixel size x (mm)": 0.12, "Real pixel size y (mm)": 0.12, "Wavelength alpha": 0.7107}
    oxford |= {"Beam center x": 130.5, "Beam center y": 128.25, "Distance in mm": 55.0}
    oxford |= {"Theta start in deg": 10.0, "Theta step in deg": 0.001, "Overflow threshold": 120_000}
    OxdImage(data=counts, header=oxford).write(str(tmp_path / "a.img"))
    esperanto = {"drealpixelsizex": 0.12, "drealpixelsizey": 0.12, "dalpha12": 0.7107, "ddistanceinmm": 55.0}
    esperanto |= {
        "dxorigininpix": 130.5,
        "dyorigininpix": 128.25,
        "dth_s": 10.0,
        "loverflowthreshold": 120_000,
    }
    EsperantoImage(data=counts, header=esperanto).write(str(tmp_path / "a.esperanto"))
    for name in ("a.img", "a.esperanto"):
        frame = read_frame(tmp_path / name)
        assert np.array_equal(frame.data, counts)
        assert frame.header_beam_centre_px == (130.5, 128.25)
        assert frame.pixel_size_mm == pytest.approx((0.12, 0.12))
        assert (frame.distance_mm, frame.wavelength) == pytest.approx((55.0, 0.7107))
        assert (frame.two_theta_deg, frame.saturation) == (pytest.approx(10.0), 120_000)
        assert "foot of the perpendicular" in frame.notes[0]


def test_oxford_compression_that_fabio_takes_for_none_is_refused(tmp_path: Path, counts: np.ndarray) -> None:
    OxdImage(data=counts).write(str(tmp_path / "a.img"))
    blob = (tmp_path / "a.img").read_bytes().replace(b"COMPRESSION=TY1", b"COMPRESSION=TY9") + bytes(
        4 * 256**2
    )
    (tmp_path / "a.img").write_bytes(blob)
    with pytest.raises(InputError, match=r"a\.img: .*compression TY9 cannot be read"):
        read_frame(tmp_path / "a.img")


def kappaccd_file(data: np.ndarray) -> bytes:
    """A KappaCCD file: lines of text, then the image twice, whose sum is the image."""
    keys = {"X dimension": data.shape[1], "Y dimension": data.shape[0], "Number of readouts": 2}
    keys |= {"Data type": "u16", "pixel X-size (um)": 55.0, "pixel Y-size (um)": 55.0, "Dx start": 35.0}
    keys |= {"Alpha1": 0.70930, "Alpha2": 0.71359, "Theta start": 4.0, "Phi scan range": 1.5}
    text = "No 1 of a set\r\n" + "".join(f"{key} = {value}\r\n" for key, value in keys.items())
    return (
        text.encode()
        + b"\x1a\xff\r\n"
        + (data // 2).astype("<u2").tobytes()
        + (data - data // 2).astype("<u2").tobytes()
    )


def test_kappaccd_readouts_are_summed(tmp_path: Path) -> None:
    data = np.random.default_rng(2).integers(0, 900, (64, 70))
    path = tmp_path / "a.kcd"
    path.write_bytes(kappaccd_file(data))
    frame = read_frame(path)
    assert np.array_equal(frame.data, data)
    assert frame.pixel_size_mm == pytest.approx((0.055, 0.055))
    assert (frame.distance_mm, frame.wavelength) == pytest.approx((35.0, 0.71073))
    assert (frame.two_theta_deg, frame.oscillation_deg, frame.header_beam_centre_px) == (8.0, 1.5, None)
    path.write_bytes(kappaccd_file(data)[:-500])
    with pytest.raises(InputError, match=r"a\.kcd: not a readable"):
        read_frame(path)


def test_stack_of_mrc_comes_without_a_geometry(tmp_path: Path) -> None:
    data = np.random.default_rng(2).integers(-3, 900, (3, 64, 70)).astype(np.int16)
    words = np.zeros(56, "<i4")
    words[:4] = 70, 64, 3, 1
    header = words.tobytes()[:208] + b"MAP DA\0\0" + bytes(8)
    (tmp_path / "a.mrc").write_bytes(header.ljust(1024, b"\0") + data.tobytes())
    frames = list(read_frames(tmp_path / "a.mrc"))
    assert np.array_equal([frame.data for frame in frames], data)
    assert (frames[0].distance_mm, frames[0].pixel_size_mm, frames[0].header_beam_centre_px) == (
        None,
        None,
        None,
    )


def test_hipic_comes_without_a_geometry(tmp_path: Path) -> None:
    data = np.random.default_rng(2).integers(0, 4000, (64, 70)).astype("<u2")
    comment = b'[Application],Date="01/02/2003",Software="HiPic"\0'
    header = b"IM" + struct.pack("<HHHHHH", len(comment), 70, 64, 0, 0, 2) + bytes(50)
    (tmp_path / "a.img").write_bytes(header + comment + data.tobytes())
    frame = read_frame(tmp_path / "a.img")
    assert np.array_equal(frame.data, data)
    assert frame.wavelength is None


WRITERS: dict[str, Callable[[Path, np.ndarray], object]] = {
    "mar345": write_mar345,
    "bruker100": lambda path, data: Bruker100Image(data=data).write(str(path)),
    "oxford": lambda path, data: OxdImage(data=data).write(str(path)),
    "esperanto": lambda path, data: EsperantoImage(data=data).write(str(path)),
}


@pytest.mark.parametrize("name", WRITERS)
def test_files_cut_short_are_refused_in_one_line_and_not_filled(
    tmp_path: Path, counts: np.ndarray, name: str
) -> None:
    """Under a suffix that says something else; whatever of the file is there."""
    path = tmp_path / "a.cbf"
    WRITERS[name](path, counts)
    whole = path.read_bytes()
    for length in (len(whole) * 9 // 10, len(whole) // 2, len(whole) // 6, 500, 70):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError) as caught:
            read_frame(path)
        assert str(caught.value).startswith(f"{path}: not a readable diffraction image (")
        assert "\n" not in str(caught.value)
