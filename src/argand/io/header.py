"""The values of image headers in one form, and the text headers of common formats.

Every parser takes the header's own numbers and returns a Header with lengths in mm, wavelength in Å, angles
in degrees, and pixel coordinates (fast, slow), 0-based, integer = pixel edge. A quantity that is missing in
the header, or zero, is None.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from argand.errors import InputError
from argand.io.moment import moment
from argand.physics.still.modular import PanelSet
from argand.typing import Mask

_LINE_START = re.compile(r"(?:^|#)[^\w\n#]*(\w+)\b", re.MULTILINE)
_LONGEST_LINE = 200
"""Largest number of characters read of a line, by hand: lines of numbers have some 30."""
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"

SWUNG_OUT_DEG = 0.5
"""Detector arm angle in degrees above which the point of normal incidence is not the beam centre.

Set by hand: at 0.5 degrees and 250 mm the two are 2 mm apart; usual misalignment is less.
"""


@dataclass(frozen=True)
class Header:
    """The values that an image file states about its measurement; the fields are those of a Frame."""

    pixel_size_mm: tuple[float, float] | None = None
    distance_mm: float | None = None
    wavelength: float | None = None
    header_beam_centre_px: tuple[float, float] | None = None
    detector: str = ""
    two_theta_deg: float = 0.0
    oscillation_deg: float = 0.0
    saturation: float | None = None
    pedestal: float = 0.0
    notes: tuple[str, ...] = ()
    time: str | None = None
    frame_time_s: float = 0.0


@dataclass(frozen=True)
class Stack:
    """The images of one file: `load(index)` gives [slow, fast] data, `mask` the usable pixels according to
    the file.

    If the file describes `panels`, data have the axes of their raw array; in the mask all but the last of
    these are flattened into one.
    """

    count: int
    load: Callable[[int], np.ndarray]
    header: Header
    mask: Mask | None = None
    close: Callable[[], None] = lambda: None
    panels: PanelSet | None = None


def unreadable(path: str, reason: str) -> InputError:
    """The one-line error for a file that is not an image, or a broken one."""
    short = " ".join(str(reason).split())[:160]
    return InputError(
        f"{path}: not a readable diffraction image ({short}); copy the file again, or give a CBF, SMV, "
        "MAR/Rayonix, TIFF, EDF, HDF5/NeXus or npy image, or a format supported by fabio"
    )


def number(text: object) -> float | None:
    """The first number in `text`; None if there is none, or if it is not finite."""
    match = re.search(_NUMBER, str(text))
    value = float(match.group()) if match else np.nan
    return value if np.isfinite(value) else None


def numbers(text: object) -> list[float]:
    """All numbers in `text`, in their order; zero (unknown, in headers) for one that is too large."""
    found = (float(value) for value in re.findall(_NUMBER, str(text)))
    return [value if np.isfinite(value) else 0.0 for value in found]


def positive(value: float | None, scale: float = 1.0) -> float | None:
    """`value` times `scale` if it is stated, finite and above zero, else None."""
    return float(value) * scale if value is not None and 0 < value * scale < np.inf else None


def pair(first: float | None, second: float | None) -> tuple[float, float] | None:
    """Both values, or None when either is missing or not finite, or both are zero, which means unknown."""
    if first is None or second is None or (first == 0 and second == 0):
        return None
    return (float(first), float(second)) if np.isfinite([first, second]).all() else None


def pilatus_header(text: str) -> Header:
    """Header of a miniCBF or a Pilatus TIFF: lines such as `# Detector_distance 0.351 m`.

    `Beam_xy` is kept as it is: integer = pixel edge, as in DIALS.
    """
    lines = _lines(text)
    two_theta = number(lines.get("Detector_2theta")) or 0.0
    beam = numbers(lines.get("Beam_xy", ""))
    name = lines.get("Detector", "").lstrip()
    return Header(
        pixel_size_mm=_pixel_size_mm(lines.get("Pixel_size", "")),
        distance_mm=_length_mm(lines.get("Detector_distance", "")),
        wavelength=positive(number(lines.get("Wavelength"))),
        header_beam_centre_px=pair(*beam[:2]) if len(beam) >= 2 else None,
        detector=name.lstrip(":= \t").rstrip() if name.startswith((":", "=")) else "",
        two_theta_deg=two_theta,
        oscillation_deg=number(lines.get("Angle_increment")) or 0.0,
        saturation=positive(number(lines.get("Count_cutoff"))),
        time=moment(text),
        notes=swing_note(two_theta, "Beam_xy") if len(beam) >= 2 else (),
    )


def swing_note(two_theta_deg: float, centre: str) -> tuple[str, ...]:
    """The note on a header with a `centre` and a swung-out arm; empty without one."""
    if abs(two_theta_deg) < SWUNG_OUT_DEG:
        return ()
    return (
        f"the header's detector arm is at {two_theta_deg:g} degrees: its {centre} may be the foot of the "
        "perpendicular (PONI) and not the beam centre",
    )


def _lines(text: str) -> dict[str, str]:
    """The rest of each line by its first word; of several lines with one word the first is used.

    In a TIFF there are binary data before the first of these lines: # also starts a line.
    """
    found: dict[str, str] = {}
    for match in _LINE_START.finditer(text):
        # A line may contain several # characters: text after the next one is cut off.
        rest = text[match.end() : match.end() + _LONGEST_LINE].partition("\n")[0]
        found.setdefault(match.group(1), rest)
    return found


def _length_mm(line: str) -> float | None:
    unit = re.search(r"\d\s*(mm|cm|um)\b", line)
    # Dectris writes metres, with or without the unit.
    return positive(number(line), {"mm": 1.0, "cm": 10.0, "um": 1e-3}[unit.group(1)] if unit else 1e3)


def _pixel_size_mm(line: str) -> tuple[float, float] | None:
    sizes = [value * 1e3 for value in numbers(line)]
    return pair(*(sizes * 2)[:2]) if sizes else None


def edf_header(keys: Mapping[str, str]) -> Header:
    """Header of an EDF image: ESRF keys (`Center_1`, `SampleDistance`, ...) or pyFAI's (`Poni1`, ...).

    Both state lengths in m unless a unit follows, and the point of normal incidence as centre, with
    integer = pixel edge; ESRF's axis 1 is the fast one, pyFAI's axis 1 the slow one.
    """
    found = {key.lower(): _edf_number(value) for key, value in keys.items()}
    size = pair(found.get("psize_1", found.get("pixel2")), found.get("psize_2", found.get("pixel1")))
    return Header(
        pixel_size_mm=(size[0] * 1e3, size[1] * 1e3) if size else None,
        distance_mm=positive(found.get("sampledistance", found.get("distance", found.get("dist"))), 1e3),
        wavelength=positive(found.get("wavelength"), 1e10),
        header_beam_centre_px=_edf_centre(found, size),
        detector=str(keys.get("Detector", keys.get("detector", ""))).strip(),
        saturation=positive(found.get("count_cutoff")),
    )


_EDF_UNITS = {"mm": 1e-3, "cm": 1e-2, "um": 1e-6, "nm": 1e-9}
"""Units of length in m."""


def _edf_number(value: str) -> float | None:
    """The first number of a value, in m if a unit of length follows it."""
    text = str(value).strip()
    stated = number(text)
    unit = text[-2:] if text[:-2].rstrip()[-1:].isdigit() or text[:-2].rstrip().endswith(".") else ""
    return None if stated is None else stated * _EDF_UNITS.get(unit, 1.0)


def _edf_centre(
    found: Mapping[str, float | None], size_m: tuple[float, float] | None
) -> tuple[float, float] | None:
    centre = pair(found.get("center_1"), found.get("center_2"))
    poni = pair(found.get("poni2"), found.get("poni1"))
    if centre is None and poni is not None and size_m is not None:
        return poni[0] / size_m[0], poni[1] / size_m[1]
    return centre
