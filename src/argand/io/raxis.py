"""Headers of Rigaku R-AXIS and RAPID image plates, as read by fabio; lengths in mm, the centre in px."""

import struct
from collections.abc import Mapping
from typing import Any

from argand.io.header import Header, number, pair, positive, swing_note
from argand.io.limits import image_size

_SIZES = 768
"""Byte offset of the numbers of pixels, with the length of a record three words on (Rigaku)."""
_LARGEST = 32767
"""Largest count without the multiplier given by the highest bit of a pixel (Rigaku)."""


def raxis_header(keys: Mapping[str, Any], shape: tuple[int, int]) -> Header:
    """Header of an R-AXIS image of `shape` (slow, fast).

    The centre is omitted if the header states an unusual readout order of the plate: its convention is then
    not documented. A curved plate gives a note.
    """

    def value(key: str) -> float | None:
        return number(keys.get(key))

    usual = not any(value(f"{way} Scan") for way in ("Horizontal", "Vertical", "Front/Back"))
    centre = pair(value("Direct beam X position"), value("Direct beam Y position")) if usual else None
    two_theta = value("2Theta Angle") or 0.0
    notes = swing_note(two_theta, "beam position") if centre else ()
    if value("IP shape"):
        notes = (*notes, "the header states a curved image plate: it is treated as flat")
    name = keys.get("InstrumentType", b"R-AXIS")
    return Header(
        pixel_size_mm=pair(positive(value("X Pixel Length")), positive(value("Y Pixel Length"))),
        distance_mm=positive(value("Crystal-to-detector Distance")),
        wavelength=positive(value("Wavelength")),
        header_beam_centre_px=centre,
        detector=name.decode("latin-1").strip("\0 "),
        two_theta_deg=two_theta,
        oscillation_deg=(value("Phi Oscillation Stop") or 0.0) - (value("Phi Oscillation Start") or 0.0),
        saturation=positive(value("Photomultiplier Ratio"), _LARGEST),
        notes=notes,
    )


def byte_order(blob: bytes) -> str:
    """`>` or `<`, from the name of the writing machine at byte 812; `>` without a name."""
    host = blob[812:822].strip(b"\0 ").upper()
    return ">" if not host or host.startswith((b"SGI", b"IRIS")) else "<"


def check_whole(blob: bytes) -> None:
    """Raise ValueError for a file shorter than its header and pixels: fabio reads from its end."""
    fast, slow, _, _, record = struct.unpack_from(f"{byte_order(blob)}iiiii", blob, _SIZES)
    image_size((slow, fast))
    begin = max(record, _SIZES)
    if len(blob) < begin + 2 * fast * slow:
        raise ValueError(f"truncated: {len(blob)} of {begin + 2 * fast * slow} bytes")
