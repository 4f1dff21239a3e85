"""Headers of Nonius KappaCCD images, as fabio reads them; they state no beam centre."""

import re
from collections.abc import Mapping
from typing import Any

from argand.io.header import Header, number, pair, positive


def kappaccd_header(keys: Mapping[str, Any], shape: tuple[int, int]) -> Header:
    """Header of a KappaCCD image: there sizes are in micrometres, distances in mm, the arm is at 2 theta."""

    def value(key: str) -> float | None:
        return number(keys.get(key))

    size = pair(value("pixel X-size (um)"), value("pixel Y-size (um)"))
    first, second = positive(value("Alpha1")), positive(value("Alpha2"))
    # Of the doublet the first line is twice as strong.
    wavelength = (2.0 * first + second) / 3.0 if first and second else first
    return Header(
        pixel_size_mm=(size[0] * 1e-3, size[1] * 1e-3) if size else None,
        distance_mm=positive(value("Dx start")),
        wavelength=wavelength,
        detector="KappaCCD",
        two_theta_deg=2.0 * (value("Theta start") or 0.0),
        oscillation_deg=value("Phi scan range") or value("Omega scan range") or 0.0,
    )


def check_whole(blob: bytes) -> None:
    """Raise ValueError for a file that is shorter than its header and pixels: fabio counts from its end."""
    lines = re.match(rb"(?:[ -~]*\r?\n)+", blob)
    text = lines.group() if lines else b""

    def value(key: bytes) -> int:
        found = re.search(key + rb"\s*=\s*(\d+)", text)
        return int(found.group(1)) if found else 1

    size = 2 * value(b"X dimension") * value(b"Y dimension") * value(b"Number of readouts")
    if len(blob) - size < text.rfind(b"="):
        raise ValueError("truncated: the pixels reach into the header")
