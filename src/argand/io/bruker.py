"""Headers of Bruker frames (formats 86 and 100), as fabio reads them: lines such as `DISTANC:5.0 5.2`.

Lengths in cm, angles in degrees, wavelength in Å. Source: the comments in fabio's list of keys, taken from
Bruker's description of the frame formats.
"""

from collections.abc import Mapping
from typing import Any

from argand.io.header import Header, numbers, pair, positive, swing_note
from argand.io.limits import image_size

_GRID_PX = 512
"""Pixels along the longer side of frames to which the header's pixels per cm refer (Bruker; an APEX II of 62
mm states 83.3)."""

_LINE, _BLOCK, _FIRST_BLOCKS = 80, 512, 2560
"""Bytes of a line, of a block, and of the blocks that contain the number of blocks (Bruker)."""


def bruker_header(keys: Mapping[str, Any], shape: tuple[int, int]) -> Header:
    """Header of a Bruker frame of `shape` (slow, fast).

    The beam centre is in px of the frame, for a distortion-corrected frame in the second pair. It is valid
    for the arm at zero: with the arm swung out it is the foot of the perpendicular.
    """

    def values(key: str) -> list[float]:
        return numbers(keys.get(key, ""))

    detector = str(keys.get("DETTYPE", "")).split()
    scale = [value[0] for value in map(numbers, detector[1:]) if value]
    size = 10.0 / scale[0] * _GRID_PX / max(shape) if scale and scale[0] > 0 else None
    two_theta = ((values("ANGLES") or [0.0])[0] + 180.0) % 360.0 - 180.0
    centre = values("CENTER")
    centre = centre[2:4] if len(centre) >= 4 and "UNWARP" in str(keys.get("TYPE", "")).upper() else centre[:2]
    return Header(
        pixel_size_mm=(size, size) if size else None,
        distance_mm=_distance_mm(values("DISTANC"), scale),
        wavelength=positive((values("WAVELEN") or [0.0])[0]),
        header_beam_centre_px=pair(*centre) if len(centre) == 2 else None,
        detector=detector[0] if detector else "Bruker",
        two_theta_deg=two_theta,
        oscillation_deg=(values("INCREME") or [0.0])[0],
        saturation=positive((values("CCDPARM") or [0.0])[-1]),
        notes=swing_note(two_theta, "CENTER") if len(centre) == 2 else (),
    )


def check_whole(blob: bytes) -> None:
    """Raise ValueError for a header longer than the file, and for too many pixels.

    fabio trusts the number of blocks and lines in the header.
    """
    text = blob[:_FIRST_BLOCKS].decode("latin-1")
    lines = [text[at : at + _LINE].partition(":") for at in range(0, len(text), _LINE)]
    keys = {key.strip(): numbers(value) for key, _, value in lines}
    blocks = (keys.get("HDRBLKS") or [_FIRST_BLOCKS / _BLOCK])[0]
    if not _FIRST_BLOCKS <= blocks * _BLOCK <= len(blob):
        raise ValueError(f"truncated: {len(blob)} bytes, and {blocks:g} blocks of {_BLOCK} in its header")
    image_size([int((keys.get(key) or [0])[0]) for key in ("NROWS", "NCOLS")])


def _distance_mm(stated_cm: list[float], scale: list[float]) -> float | None:
    """Distance from sample to phosphor: the second value, or the first plus the offset of the detector
    type."""
    if len(stated_cm) > 1:
        return positive(stated_cm[1], 10.0)
    to_grid = scale[1] if len(scale) > 1 else 0.0
    return positive(stated_cm[0] + to_grid, 10.0) if stated_cm else None
