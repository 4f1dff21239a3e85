"""Headers of Oxford Diffraction images and of the Esperanto files that CrysAlis exports, as fabio reads them.

Lengths in mm, wavelength in Å, angles in degrees, the centre in px from the first pixel of the file, for an
arm at zero (CrysAlis; dxtbx reads the same numbers so).
"""

from collections.abc import Mapping
from typing import Any

from argand.io.header import Header, number, pair, positive, swing_note

_OXFORD = {
    "pixel": ("Real pixel size x (mm)", "Real pixel size y (mm)"),
    "centre": ("Beam center x", "Beam center y"),
    "distance": "Distance in mm",
    "wavelength": "Wavelength alpha",
    "arm": "Theta start in deg",
    "omega": ("Omega start in deg", "Omega end in deg"),
    "limit": "Overflow threshold",
}
_ESPERANTO = {
    "pixel": ("drealpixelsizex", "drealpixelsizey"),
    "centre": ("dxorigininpix", "dyorigininpix"),
    "distance": "ddistanceinmm",
    "wavelength": "dalpha12",
    "arm": "dth_s",
    "omega": ("dom_s", "dom_e"),
    "limit": "loverflowthreshold",
}


def oxford_header(keys: Mapping[str, Any], shape: tuple[int, int]) -> Header:
    """Header of an Oxford Diffraction image; ValueError for a compression that fabio takes for none."""
    compression = str(keys.get("Compression", ""))
    if compression not in ("TY1", "TY5", "NON", ""):
        raise ValueError(f"Oxford compression {compression} cannot be read: export as Esperanto or CBF")
    return _header(keys, _OXFORD, "Oxford Diffraction")


def esperanto_header(keys: Mapping[str, Any], shape: tuple[int, int]) -> Header:
    """Header of an Esperanto image."""
    return _header(keys, _ESPERANTO, "Esperanto")


def _header(keys: Mapping[str, Any], names: dict[str, Any], detector: str) -> Header:
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
