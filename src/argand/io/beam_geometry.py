"""What the geometry files of other programs have in common.

Each of them gives a corner or the point of normal incidence of the detector, two axes and a beam in its own
frame. `geometry_from_vectors` converts any of these to a BeamGeometry; only the rotation about the beam is
not kept, because rings, resolution and the tilt do not depend on it.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from argand.errors import InputError
from argand.io.limits import read_bytes
from argand.physics.still.detector import BeamGeometry
from argand.typing import Matrix3, Vector3

_GRAZING_COSINE = 1e-3
"""Cosine of the angle between beam and detector normal below which the beam is parallel to the detector.

Set by hand, not measured: 0.06 degrees off, where the centre would be metres away.
"""
_WAVELENGTHS, _PIXELS_MM = (1e-3, 1e3), (1e-4, 1e2)
"""Least and largest accepted wavelength in Å and pixel size in mm. By hand, far beyond existing ones: 12 MeV
to 12 eV, and 0.1 µm to 10 cm."""
_LARGEST = 1e12
"""Largest number of a geometry file, in any unit. By hand: products of three are still finite."""
_MOST_BYTES = 2**24
"""Largest geometry file in bytes: those of 512 panels with all their bad regions have about 10⁵."""


def geometry_from_vectors(
    source: str | Path,
    corner_mm: Vector3,
    fast_slow_beam: Matrix3,
    wavelength: float,
    pixel_size_mm: tuple[float, float],
) -> BeamGeometry:
    """The geometry of a detector described by vectors in any frame with the sample at its origin.

    `corner_mm` is the outer corner of the first pixel, the rows of `fast_slow_beam` are directions of
    any length, `pixel_size_mm` is (fast, slow), the wavelength in Å. Raises InputError, which names
    `source`, for a detector that the beam does not hit, and for missing, zero or negative numbers.
    """
    require_sizes(source, wavelength, *pixel_size_mm)
    if not (np.abs(corner_mm) <= _LARGEST**3).all():
        raise InputError(f"{source}: its detector is impossibly far from the sample; correct the file")
    if not ((np.abs(fast_slow_beam) <= _LARGEST).all() and np.linalg.norm(fast_slow_beam, axis=1).all()):
        raise InputError(f"{source}: an axis of its detector or its beam has no direction; correct the file")
    fast, slow, beam = fast_slow_beam / np.linalg.norm(fast_slow_beam, axis=1, keepdims=True)
    normal = np.cross(fast, slow)
    # A mirrored image has its normal towards the sample; distances and angles need it along the beam.
    normal = normal if normal @ beam > 0 else -normal
    if not (normal @ beam > _GRAZING_COSINE and corner_mm @ normal > 0):
        raise InputError(f"{source}: the beam does not hit this detector; check its axes and distance")
    poni_px = (-(corner_mm @ fast) / pixel_size_mm[0], -(corner_mm @ slow) / pixel_size_mm[1])
    # The third row of Ry(yaw) Rx(pitch) is the beam in the detector's axes; solved for the two angles.
    yaw, pitch = -np.arcsin(fast @ beam), np.arctan2(slow @ beam, normal @ beam)
    distance_mm = float(corner_mm @ normal)
    return BeamGeometry.from_poni(poni_px, distance_mm, wavelength, pixel_size_mm, float(pitch), float(yaw))


def meant(value: object) -> float:
    """A number of a geometry file; ValueError for anything else, and if it is not finite or too large."""
    try:
        number = float(value)  # pyright: ignore[reportArgumentType]
    except (TypeError, OverflowError) as error:
        raise ValueError(f"{str(value)[:40]} is not a number") from error
    if not abs(number) <= _LARGEST:
        raise ValueError(f"{number:g} is impossible")
    return number


def vector_meant(values: Iterable[object]) -> Vector3:
    """Three such numbers."""
    x, y, z = (meant(value) for value in values)
    return np.array([x, y, z])


def direction_meant(values: Iterable[object]) -> Vector3:
    """Unit vector along three such numbers; ValueError if they have no direction."""
    vector = vector_meant(values)
    length = float(np.linalg.norm(vector))
    if not length:
        raise ValueError("0 0 0 is not a direction")
    return vector / length


def require_sizes(source: str | Path, wavelength: float | None, *pixel_mm: float) -> None:
    """InputError, which names `source`, for an impossible wavelength (Å) or pixel size (mm)."""
    low, high = _WAVELENGTHS
    if wavelength is not None and not low <= wavelength <= high:
        raise InputError(f"{source}: a wavelength of {wavelength:g} Å is impossible; correct the file")
    low, high = _PIXELS_MM
    for side in pixel_mm:
        if not low <= side <= high:
            raise InputError(f"{source}: a pixel size of {side:g} mm is impossible; correct the file")


def read_text(path: str | Path) -> str:
    """Text of a geometry file; InputError when it cannot be read as text."""
    try:
        return read_bytes(path, _MOST_BYTES).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: cannot be read as a geometry file ({error}); give a text file") from error
