"""SMV (d*TREK) images, as written by ADSC, Rigaku and simulators.

A header of `KEY=value;` lines between braces, HEADER_BYTES long, and uncompressed pixels (Rigaku, "d*TREK
image format", version 1.1).
"""

import re
from collections.abc import Mapping

import numpy as np

from argand.io.header import Header, Stack, number, pair, positive
from argand.io.moment import moment
from argand.io.raw_images import RawImages

_BYTES = {"char": 1, "short": 2, "long": 4, "int": 4}
"""Bytes of an integer pixel, by the first of these words in its type name (d*TREK's and ADSC's names)."""

_NAME = re.compile(r"\w+")
_MOST_HEADER = 2**16
"""Largest header in bytes: those of Rigaku have some 8000."""
_CENTRES = (
    ("DENZO_YBEAM", "DENZO_XBEAM"),
    ("DENZO_Y_BEAM", "DENZO_X_BEAM"),
    ("BEAM_CENTER_X", "BEAM_CENTER_Y"),
)
"""Keys of the centre along (fast, slow); the first pair present is used."""


def smv_stack(blob: bytes) -> Stack:
    """The images in the bytes of an SMV file; ValueError if it is truncated or compressed."""
    found = re.search(rb"HEADER_BYTES\s{0,9}=\s{0,9}(\d{1,9})", blob[:512])
    size = int(found.group(1)) if found else 0
    keys = _keys(blob[: min(size, _MOST_HEADER)].decode("latin-1").partition("}")[0])
    if not (keys.get("SIZE1") and keys.get("SIZE2")):
        raise ValueError("the header does not state the size of the image: truncated?")
    count, *shape = (int(keys.get(f"SIZE{axis}") or 1) for axis in (3, 2, 1))
    return RawImages(count, tuple(shape), _pixel_type(keys), size).stack(blob, smv_header(keys))


def _keys(text: str) -> dict[str, str]:
    """Values by their names, from lines of `KEY=value;`; the last of equal names counts."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        key = key.strip(" \t{")
        if equals and _NAME.fullmatch(key):
            found[key] = value.partition(";")[0].strip()
    return found


def _pixel_type(keys: Mapping[str, str]) -> np.dtype:
    name = (keys.get("Data_type") or keys.get("TYPE") or "unsigned_short").lower()
    order = ">" if "big" in keys.get("BYTE_ORDER", "").lower() else "<"
    if name.startswith("float"):
        return np.dtype(f"{order}f4")
    width = next((width for word, width in _BYTES.items() if word in name), None)
    if width is None or "compress" in name:
        raise ValueError(f"SMV pixels of type {name} cannot be read; write them as unsigned short")
    return np.dtype(f"{order}{'u' if name.startswith('u') else 'i'}{width}")


def smv_header(keys: Mapping[str, str]) -> Header:
    """Header of an SMV image from its `KEY=value;` lines; lengths in mm, wavelength in Å.

    ADSC beam centres have no single convention. `DENZO_YBEAM` (in others `DENZO_Y_BEAM`) counts along the
    fast and `DENZO_XBEAM` along the slow axis, both from the first pixel of the file; they are used where
    present. Else `BEAM_CENTER_X` is taken as fast and `BEAM_CENTER_Y` as slow. Either way a note says so.
    Rigaku headers state the centre in px without ambiguity.
    """
    return _adsc_header(keys) if "PIXEL_SIZE" in keys else _rigaku_header(keys)


def _adsc_header(keys: Mapping[str, str]) -> Header:
    size = positive(number(keys["PIXEL_SIZE"]))
    centre, notes = _adsc_beam_centre(keys, size)
    return Header(
        pixel_size_mm=(size, size) if size else None,
        distance_mm=positive(number(keys.get("DISTANCE"))),
        wavelength=positive(number(keys.get("WAVELENGTH"))),
        header_beam_centre_px=centre,
        detector=" ".join(("ADSC", keys.get("DETECTOR_SN", ""))).strip(),
        two_theta_deg=number(keys.get("TWOTHETA")) or 0.0,
        oscillation_deg=number(keys.get("OSC_RANGE")) or 0.0,
        time=moment(keys.get("DATE", "")),
        saturation=positive(number(keys.get("CCD_IMAGE_SATURATION"))),
        pedestal=number(keys.get("IMAGE_PEDESTAL")) or 0.0,
        notes=notes,
    )


def _adsc_beam_centre(
    keys: Mapping[str, str], size_mm: float | None
) -> tuple[tuple[float, float] | None, tuple[str, ...]]:
    stated = {names: pair(*(number(keys.get(name)) for name in names)) for names in _CENTRES}
    names, centre_mm = next(((n, centre) for n, centre in stated.items() if centre), (("", ""), None))
    if centre_mm is None or size_mm is None:
        return None, ()
    used = ", ".join(names)
    fast, slow = centre_mm[0] / size_mm, centre_mm[1] / size_mm
    note = (
        f"the beam centre of an SMV header follows no single convention: read as fast, slow = {used}; "
        "other programs may exchange the two or count from another corner"
    )
    return (fast, slow), (note,)


def _rigaku_header(keys: Mapping[str, str]) -> Header:
    prefix = _rigaku_prefix(keys)
    spatial = [number(value) for value in keys.get(f"{prefix}SPATIAL_DISTORTION_INFO", "").split()]
    turn = keys.get("ROTATION", "").split()
    wave = keys.get("SCAN_WAVELENGTH", keys.get("SOURCE_WAVELENGTH", "")).split()
    return Header(
        pixel_size_mm=pair(*spatial[2:4]) if len(spatial) >= 4 else None,
        distance_mm=positive(_rigaku_position(keys, prefix, "dist")),
        wavelength=positive(number(wave[-1])) if wave else None,
        header_beam_centre_px=pair(*spatial[:2]) if len(spatial) >= 2 else None,
        detector=keys.get(f"{prefix}DETECTOR_DESCRIPTION", "").strip(),
        two_theta_deg=_rigaku_position(keys, prefix, "swing") or 0.0,
        oscillation_deg=(number(turn[2]) or 0.0) if len(turn) > 2 else 0.0,
        saturation=positive(number(keys.get("SATURATED_VALUE"))),
    )


def _rigaku_prefix(keys: Mapping[str, str]) -> str:
    """Prefix of the keys of the first detector, such as `CCD_` or `PXD_`."""
    named = keys.get("DETECTOR_NAMES", "").split()
    ending = "SPATIAL_DISTORTION_INFO"
    return named[0] if named else next((key[: -len(ending)] for key in keys if key.endswith(ending)), "")


def _rigaku_position(keys: Mapping[str, str], prefix: str, word: str) -> float | None:
    """The value of the first detector stage whose name contains `word`."""
    names = keys.get(f"{prefix}GONIO_NAMES", "").lower().split()
    values = keys.get(f"{prefix}GONIO_VALUES", "").split()
    return next((number(v) for n, v in zip(names, values, strict=False) if word in n), None)
