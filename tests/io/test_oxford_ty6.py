"""Oxford Diffraction images with TY6 pixels come out as an encoder written from the layout put them in."""

import struct
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from argand.errors import InputError
from argand.io.image import read_frame


def single(value: int) -> bytes:
    """A number that stands alone."""
    if -127 <= value < 127:
        return bytes([value + 127])
    return b"\xfe" + struct.pack("<h", value) if abs(value) < 2**15 else b"\xff" + struct.pack("<i", value)


def block(values: list[int]) -> bytes:
    """Sixteen numbers: how many bits each half takes, its bits, and what does not fit in 8 of them."""
    kinds, packed, spilt = [], b"", b""
    for half in (values[:8], values[8:]):
        if not any(half):
            kinds.append(0)
            continue
        limits = {1: (0, 1)} | {bits: (1 - (1 << bits - 1), 1 << bits - 1) for bits in range(2, 8)}
        fits = (bits for bits, (low, high) in limits.items() if low <= min(half) and max(half) <= high)
        bits = next(fits, 8)
        below = (1 << bits - 1) - 1 if bits > 1 else 0
        stream = 0
        for place, value in enumerate(half):
            code = value
            if bits == 8 and not -127 <= value < 127:
                code = 127 if abs(value) < 2**15 else 128
                spilt += struct.pack("<h" if code == 127 else "<i", value)
            stream |= code + below << bits * place
        kinds.append(bits)
        packed += stream.to_bytes(bits, "little")
    return bytes([kinds[0] | kinds[1] << 4]) + packed + spilt


def ty6(image: np.ndarray) -> bytes:
    """The pixels as they stand behind the header."""
    lines = []
    for row in image.tolist():
        steps = [after - before for before, after in pairwise(row)]
        whole = len(steps) // 16 * 16
        blocks = b"".join(block(steps[place : place + 16]) for place in range(0, whole, 16))
        lines.append(single(row[0]) + blocks + b"".join(map(single, steps[whole:])))
    packed = b"".join(lines)
    places = np.cumsum([0, *map(len, lines[:-1])]).astype("<u4")
    return struct.pack("<i", len(packed)) + packed + places.tobytes()


def oxford(image: np.ndarray, detector: int = 9) -> bytes:
    """A whole file of 5120 bytes of header."""
    slow, fast = image.shape
    text = f"OD SAPPHIRE  4.0\r\nCOMPRESSION=TY6 (1.0)\r\nNX={fast:4d} NY={slow:4d} OI=0 OL=0\r\n"
    text += "NHEADER=   5120 NG=    512 NS=    768 NK=   1024 NS=    512 NH=   2048\r\n"
    header = bytearray(text.encode().ljust(5120, b"\0"))
    for kind, place, value in (
        ("<i", 768 + 472, 999_999),
        ("<i", 768 + 548, detector),
        ("<dd", 768 + 568, (0.1, 0.11)),
        ("<ii", 1536 + 284, (1000, 2000)),
        ("<ii", 1536 + 324, (1500, 2000)),
        ("<dd", 1536 + 368, (np.radians(0.001), np.radians(0.01))),
        ("<d", 1536 + 584, 0.7107),
        ("<dd", 1536 + 664, (30.5, 20.25)),
        ("<d", 1536 + 712, 40.0),
    ):
        struct.pack_into(kind, header, place, *np.atleast_1d(value).tolist())
    return bytes(header) + ty6(image)


@pytest.mark.parametrize("fast", [64, 65, 71, 97])
def test_pixels_and_header_come_out(tmp_path: Path, fast: int) -> None:
    random = np.random.default_rng(fast)
    image = random.poisson(random.choice([0.02, 0.5, 3, 60, 400], (50, 1)), (50, fast)).astype(np.int32)
    image[random.random(image.shape) < 0.01] = 30_000
    image[random.random(image.shape) < 0.01] = 400_000
    image[3, 5] = image[7, 0] = -1
    (tmp_path / "a.rodhypix").write_bytes(oxford(image))
    frame = read_frame(tmp_path / "a.rodhypix")
    assert np.array_equal(frame.data, image)
    assert not frame.mask[3, 5]
    assert frame.pixel_size_mm == pytest.approx((0.1, 0.11))
    assert (frame.distance_mm, frame.wavelength) == pytest.approx((40.0, 0.7107))
    assert frame.header_beam_centre_px == (30.5, 20.25)
    assert (frame.two_theta_deg, frame.oscillation_deg) == pytest.approx((20.0, 0.5))
    assert frame.saturation == 999_999
    assert "foot of the perpendicular" in frame.notes[0]


def test_files_cut_short_or_damaged_are_refused(tmp_path: Path) -> None:
    whole = oxford(np.random.default_rng(1).poisson(90, (50, 70)).astype(np.int32))
    for length in (len(whole) - 100, len(whole) - 300, 5200, 5120, 3000, 300, 40):
        (tmp_path / "a.img").write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"a\.img: not a readable diffraction image"):
            read_frame(tmp_path / "a.img")
    (tmp_path / "a.img").write_bytes(whole[:5124] + b"\xff" * 500 + whole[5624:])
    with pytest.raises(InputError, match=r"a\.img: .*damaged"):
        read_frame(tmp_path / "a.img")


def test_detector_of_panels_at_angles_is_pointed_out(tmp_path: Path) -> None:
    image = np.ones((50, 70), np.int32)
    (tmp_path / "a.rodhypix").write_bytes(oxford(image, detector=12))
    assert "treated as flat" in read_frame(tmp_path / "a.rodhypix").notes[-1]
