"""Headers of Oxford Diffraction images, as read by fabio, and of Esperanto files.

Lengths in mm, wavelength in Å, angles in degrees, the centre in px from the first pixel of the file, for an
arm at zero (CrysAlis; dxtbx uses the same numbers this way).
"""

import re
from collections.abc import Mapping
from typing import Any

from argand.io.header import Header, number, pair, positive, swing_note
from argand.io.limits import image_size

_OXFORD = {
    "pixel": ("Real pixel size x (mm)", "Real pixel size y (mm)"),
    "centre": ("Beam center x", "Beam center y"),
    "distance": "Distance in mm",
    "wavelength": "Wavelength alpha",
    "arm": "Theta start in deg",
    "omega": ("Omega start in deg", "Omega end in deg"),
    "limit": "Overflow threshold",
}


def oxford_header(keys: Mapping[str, Any], shape: tuple[int, int]) -> Header:
    """Header of an Oxford Diffraction image; ValueError for a compression that fabio ignores."""
    compression = str(keys.get("Compression", ""))
    if compression not in ("TY1", "TY5", "NON", ""):
        raise ValueError(f"Oxford compression {compression} cannot be read; export as Esperanto or CBF")
    return named_header(keys, _OXFORD, "Oxford Diffraction")


def check_whole(blob: bytes) -> None:
    """Raise ValueError for a file shorter than its header and pixels: fabio fills in missing data.

    Compressed pixels take one byte each, and those that do not fit two or four more.
    """
    text = blob[:256].decode("latin-1")
    size = {key: int(value) for key, value in re.findall(r"\b(NX|NY|OI|OL|NHEADER)= *(\d{1,9})", text)}
    compression = re.search(r"COMPRESSION= *(\w+)", text)
    try:
        pixels = image_size((size["NY"], size["NX"]))
        plain = compression is None or not compression.group(1).startswith("TY")
        least = size["NHEADER"] + (4 * pixels if plain else pixels + 2 * size["OI"] + 4 * size["OL"])
    except KeyError as error:
        raise ValueError(f"damaged: the header does not state {error.args[0]}") from error
    if len(blob) < least:
        raise ValueError(f"truncated: {len(blob)} of at least {least} bytes")


def named_header(keys: Mapping[str, Any], names: Mapping[str, Any], detector: str) -> Header:
    """Header from `keys`, with the key names in `names`."""

    def value(name: str) -> float | None:
        return number(keys.get(name))

    def both(name: str) -> tuple[float, float] | None:
        return pair(*(value(key) for key in names[name]))

    centre, turn = both("centre"), both("omega") or (0.0, 0.0)
    two_theta = value(names["arm"]) or 0.0
    return Header(
        pixel_size_mm=both("pixel"),
        distance_mm=positive(value(names["distance"])),
        wavelength=positive(value(names["wavelength"])),
        header_beam_centre_px=centre,
        detector=detector,
        two_theta_deg=two_theta,
        oscillation_deg=turn[1] - turn[0],
        saturation=positive(value(names["limit"])),
        notes=swing_note(two_theta, "centre") if centre else (),
    )
