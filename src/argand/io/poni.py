"""pyFAI's .poni files.

pyFAI counts axis 1 along the slow and axis 2 along the fast direction, axis 3 along the beam, in
metres, and measures the point of normal incidence (PONI) from the outer corner of the first pixel.
Rot1 and Rot2 are left-handed about axes 1 and 2, Rot3 right-handed about axis 3, applied in the order
1, 2, 3. Exchanging the two transverse axes makes a left-handed frame of our right-handed one, so Rot1
is our yaw and Rot2 our pitch, but in the other order; the difference is a Rot3.
"""

import json
from pathlib import Path

import numpy as np

from argand.errors import InputError
from argand.io.atomic import write_lines
from argand.io.beam_geometry import geometry_from_vectors, meant, read_text
from argand.physics.still.detector import BeamGeometry
from argand.typing import Matrix3

_SLOW_FAST_BEAM = [1, 0, 2]
"""Positions of pyFAI's axes 1, 2 and 3 among ours."""
_NATIVE_ORIENTATIONS = (0, 3)
"""Orientations of an image that is not flipped: pyFAI's own is 3, and 0 is unspecified."""


def poni_rotations(geometry: BeamGeometry) -> tuple[float, float, float]:
    """Rot1, Rot2, Rot3 in radians, solved from the product Rot3 Rot2 Rot1 = the detector's axes."""
    turned = geometry.axes[np.ix_(_SLOW_FAST_BEAM, _SLOW_FAST_BEAM)]
    rot1 = np.arctan2(-turned[2, 1], turned[2, 2])
    rot2 = np.arcsin(np.clip(turned[2, 0], -1.0, 1.0))
    rot3 = np.arctan2(turned[1, 0], turned[0, 0])
    return float(rot1), float(rot2), float(rot3)


def write_poni(path: str | Path, geometry: BeamGeometry, shape: tuple[int, int]) -> None:
    """Write a .poni file, version 2.1, for an image of `shape` (slow, fast).

    Pixel convention: 0-based, edges, as ours; lengths in metres, (slow, fast), angles in radians.
    """
    foot_m = np.multiply(geometry.poni_px, geometry.pixel_size_mm) / 1000
    detector = {
        "pixel1": geometry.pixel_size_mm[1] / 1000,
        "pixel2": geometry.pixel_size_mm[0] / 1000,
        "max_shape": [int(shape[0]), int(shape[1])],
        "orientation": 3,
    }
    rotations = poni_rotations(geometry)
    lines = ["# Written by argand: 1 is the slow axis, 2 the fast axis", "poni_version: 2.1"]
    lines += ["Detector: Detector", f"Detector_config: {json.dumps(detector)}"]
    lines += [f"Distance: {geometry.perpendicular_distance_mm / 1000:.12g}"]
    lines += [f"Poni1: {foot_m[1]:.12g}", f"Poni2: {foot_m[0]:.12g}"]
    lines += [f"Rot{number}: {angle:.12g}" for number, angle in enumerate(rotations, start=1)]
    write_lines(path, [*lines, f"Wavelength: {geometry.wavelength * 1e-10:.12g}"])


def read_poni(path: str | Path) -> BeamGeometry:
    """Read a .poni file of version 1, 2, 2.1 or 3; a rotation about the beam (Rot3) is not kept.

    Raises InputError if a value is missing, the file names a detector without its pixel size, or the image is
    flipped (an orientation other than pyFAI's own, 3).
    """
    entries = _entries(read_text(path))
    slow_m, fast_m = _pixel_size(entries, path)
    try:
        distance, foot_slow, foot_fast = (meant(entries[key]) for key in ("distance", "poni1", "poni2"))
        turned = _rotation(*(meant(entries[key]) for key in ("rot1", "rot2", "rot3")))
        wavelength = meant(entries["wavelength"]) * 1e10
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{path}: incomplete geometry ({error}); save it again with all six parameters and the wavelength"
        ) from error
    slow, fast, normal = turned.T
    corner_mm = 1000 * (distance * normal - foot_slow * slow - foot_fast * fast)
    vectors = np.array([fast, slow, [0.0, 0.0, 1.0]])
    return geometry_from_vectors(path, corner_mm, vectors, wavelength, (fast_m * 1000, slow_m * 1000))


def _entries(text: str) -> dict[str, str]:
    """Values by lower-case key; the last one counts, as in pyFAI, which appends to its files."""
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line and not line.startswith("#"))
    return {key.strip().lower(): value.strip() for key, value in pairs}


def _pixel_size(entries: dict[str, str], path: str | Path) -> tuple[float, float]:
    """Pixel size (slow, fast) in metres from the detector description of version 2 or 1."""
    try:
        config = json.loads(entries.get("detector_config", "{}"))
        if not isinstance(config, dict):
            raise TypeError("no keys")
        if config.get("orientation", 3) not in _NATIVE_ORIENTATIONS:
            raise InputError(f"{path}: flipped detector orientation; save it again with orientation 3")
        slow, fast = (config.get(f"pixel{n}", entries.get(f"pixelsize{n}")) for n in (1, 2))
        return meant(slow), meant(fast)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InputError(f"{path}: no pixel size; add pixel1 and pixel2 to Detector_config") from error


def _rotation(rot1: float, rot2: float, rot3: float) -> Matrix3:
    """The matrix of pyFAI's three rotations, in its axes (slow, fast, beam)."""
    (c1, c2, c3), (s1, s2, s3) = np.cos([rot1, rot2, rot3]), np.sin([rot1, rot2, rot3])
    about_slow = np.array([[1, 0, 0], [0, c1, s1], [0, -s1, c1]])
    about_fast = np.array([[c2, 0, -s2], [0, 1, 0], [s2, 0, c2]])
    about_beam = np.array([[c3, -s3, 0], [s3, c3, 0], [0, 0, 1]])
    return about_beam @ about_fast @ about_slow
