"""The lines of XDS.INP that describe detector and beam."""

import re
from pathlib import Path

import numpy as np

from argand.errors import InputError
from argand.io.atomic import write_lines
from argand.io.beam_geometry import direction_meant, geometry_from_vectors, meant, read_text
from argand.physics.still.detector import BeamGeometry
from argand.typing import Vector3

# The centre of the first pixel is 1 in XDS, and 0.5 in our edge convention.
_XDS_OFFSET_PX = 0.5
_KEY = re.compile(r"[A-Z][A-Z0-9_'\-]*=")


def write_xds(path: str | Path, geometry: BeamGeometry, shape: tuple[int, int]) -> None:
    """Write the geometry lines of an XDS.INP for an image of `shape` (slow, fast).

    Pixel convention: 1-based, centres: ORGX and ORGY, the point of normal incidence, are our edge
    coordinates + 0.5. DETECTOR_DISTANCE is the perpendicular distance in mm. The laboratory frame is ours:
    X along the fast axis and Y along the slow axis of the untilted detector, Z along the beam.
    """
    (fast_mm, slow_mm), (foot_fast, foot_slow) = geometry.pixel_size_mm, geometry.poni_px
    lines = ["! Written by argand: replace these lines of XDS.INP"]
    lines += [f"NX= {shape[1]} NY= {shape[0]} QX= {fast_mm:.12g} QY= {slow_mm:.12g}"]
    lines += [f"ORGX= {foot_fast + _XDS_OFFSET_PX:.6f} ORGY= {foot_slow + _XDS_OFFSET_PX:.6f}"]
    lines += [f"DETECTOR_DISTANCE= {geometry.perpendicular_distance_mm:.9f}"]
    lines += [f"DIRECTION_OF_DETECTOR_X-AXIS= {_vector(geometry.axes[:, 0])}"]
    lines += [f"DIRECTION_OF_DETECTOR_Y-AXIS= {_vector(geometry.axes[:, 1])}"]
    lines += ["INCIDENT_BEAM_DIRECTION= 0 0 1", f"X-RAY_WAVELENGTH= {geometry.wavelength:.12g}"]
    write_lines(path, lines)


def read_xds(path: str | Path) -> BeamGeometry:
    """Read the geometry from an XDS.INP or its lines, in any frame.

    A rotation about the beam is not kept. Raises InputError that names the missing values.
    """
    entries = _entries(read_text(path))
    try:
        pixel_size_mm = (meant(entries["QX"]), meant(entries["QY"]))
        foot_px = (meant(entries["ORGX"]) - _XDS_OFFSET_PX, meant(entries["ORGY"]) - _XDS_OFFSET_PX)
        distance_mm, wavelength = meant(entries["DETECTOR_DISTANCE"]), meant(entries["X-RAY_WAVELENGTH"])
        fast = direction_meant(entries["DIRECTION_OF_DETECTOR_X-AXIS"].split())
        slow = direction_meant(entries["DIRECTION_OF_DETECTOR_Y-AXIS"].split())
        beam = direction_meant(entries["INCIDENT_BEAM_DIRECTION"].split())
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{path}: incomplete geometry ({error}); add the line of XDS.INP that gives it"
        ) from error
    foot_mm = np.multiply(foot_px, pixel_size_mm)
    corner_mm = distance_mm * np.cross(fast, slow) - foot_mm[0] * fast - foot_mm[1] * slow
    return geometry_from_vectors(path, corner_mm, np.array([fast, slow, beam]), wavelength, pixel_size_mm)


def _entries(text: str) -> dict[str, str]:
    """Values by their keys: `KEY= value`, several in a line are possible; text after ! is comment."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        values: list[str] = []
        for word in line.partition("!")[0].replace("=", "= ").split():
            if _KEY.fullmatch(word):
                values = found[word[:-1]] = []
            else:
                values.append(word)
    return {key: " ".join(words) for key, words in found.items()}


def _vector(components: Vector3) -> str:
    return " ".join(f"{value:.12f}" for value in components)
