"""Detector geometry from the tables of a full imgCIF header.

Frame of imgCIF: z points from the sample to the source, so the beam travels along -z. Positions in mm, angles
in degrees. Each axis moves all axes that depend on it; the image's fast and slow axes are at the end of that
chain (International Tables for Crystallography G, chapter 3.7). A `block` here is a `gemmi.cif.Block`; most
images have no tables, and gemmi is imported for those that have.
"""

from typing import Any

import numpy as np

from argand.errors import InputError
from argand.io.beam_geometry import direction_meant, geometry_from_vectors, meant, vector_meant
from argand.io.header import Header, number, pair, positive
from argand.physics.still.detector import BeamGeometry
from argand.typing import Vector3

_TO_SOURCE = np.array([0.0, 0.0, 1.0])
"""Direction from the sample to the source in imgCIF's frame, see above."""

_MOST_AXES = 64
"""Most axes in a chain. Set by hand: a detector on an arm has about six."""


def imgcif_header(text: str) -> Header:
    """Header from the CIF tables in `text` (everything before the pixels); empty if there are none."""
    block = _block(text)
    if block is None:
        return Header()
    sizes = [positive(number(v), 1e3) for v in block.find_values("_array_element_size.size")]
    size = pair(*(sizes * 2)[:2]) if sizes else _increments(block)
    wavelength = positive(number(_first(block, "_diffrn_radiation_wavelength.wavelength")))
    geometry = _geometry(block, size, wavelength)
    stated_mm = positive(number(_first(block, "_diffrn_measurement.sample_detector_distance")))
    return Header(
        pixel_size_mm=size,
        distance_mm=stated_mm or (geometry.perpendicular_distance_mm if geometry else None),
        wavelength=wavelength,
        header_beam_centre_px=geometry.beam_centre_px if geometry else None,
        detector=_first(block, "_diffrn_detector.type"),
        two_theta_deg=round(float(np.degrees(geometry.tilt)), 4) if geometry else 0.0,
        saturation=positive(number(_first(block, "_array_intensities.overload"))),
    )


def _block(text: str) -> Any:
    if "_axis." not in text and "_array_element_size." not in text:
        return None
    from gemmi import cif

    try:
        # The text ends where the pixels begin, so the last item lacks its value.
        return cif.read_string(text.rsplit("_array_data.data", 1)[0]).sole_block()
    except (RuntimeError, ValueError):
        return None


def _first(block: Any, tag: str) -> str:
    from gemmi import cif

    values = block.find_values(tag)
    return cif.as_string(values[0]) if len(values) else ""


def _rows(block: Any, category: str, names: list[str]) -> list[list[str]]:
    from gemmi import cif

    return [[cif.as_string(cell) for cell in row] for row in block.find(category, names)]


def _increments(block: Any) -> tuple[float, float] | None:
    """Steps in mm from pixel to pixel along the fast and the slow axis; None if not stated."""
    names = ["axis_set_id", "displacement_increment"]
    steps = {axis: number(step) for axis, step in _rows(block, "_array_structure_list_axis.", names)}
    layout = sorted(_rows(block, "_array_structure_list.", ["precedence", "axis_set_id"]))
    found = [positive(abs(steps.get(axis) or 0.0)) for _, axis in layout]
    return pair(*found) if len(found) == 2 else None


def _geometry(block: Any, size: tuple[float, float] | None, wavelength: float | None) -> BeamGeometry | None:
    # Precedence 1 is the axis that runs fastest.
    layout = sorted(_rows(block, "_array_structure_list.", ["precedence", "axis_set_id"]))
    if size is None or len(layout) != 2:
        return None
    members = dict(_rows(block, "_array_structure_list_axis.", ["axis_set_id", "axis_id"]))
    chain = _AxisChain(block)
    try:
        fast, slow = (members[axis_set] for _, axis_set in layout)
        axes = np.array([chain.direction(fast), chain.direction(slow), -_TO_SOURCE])
        corner = chain.position(slow, fast)
        # Centre and tilt do not depend on the wavelength, which is stated separately.
        return geometry_from_vectors("imgCIF header", corner, axes, wavelength or 1.0, size)
    except (KeyError, ValueError, InputError):
        return None


class _AxisChain:
    """The axes of one header with their settings."""

    def __init__(self, block: Any) -> None:
        names = ["id", "type", "depends_on", "vector[1]", "vector[2]", "vector[3]"]
        offsets = ["offset[1]", "offset[2]", "offset[3]"]
        self.axes = {row[0]: row for row in _rows(block, "_axis.", names + offsets)}
        self.settings: dict[str, tuple[float, float]] = {}
        for table, suffix in (("_diffrn_scan_axis.", "_start"), ("_diffrn_scan_frame_axis.", "")):
            rows = _rows(block, table, ["axis_id", f"angle{suffix}", f"displacement{suffix}"])
            self.settings |= {row[0]: (number(row[1]) or 0.0, number(row[2]) or 0.0) for row in rows}

    def direction(self, name: str) -> Vector3:
        """Unit vector of an axis in the laboratory."""
        return self._carried(self.axes[name][2], self._vector(name), carry_offset=False)

    def position(self, *names: str) -> Vector3:
        """Laboratory position, mm, of the zero point of the axis of `names` that depends on most others."""
        end = max(names, key=lambda name: len(self._chain(name)))
        return self._carried(end, np.zeros(3), carry_offset=True)

    def _vector(self, name: str) -> Vector3:
        return vector_meant(number(v) or 0.0 for v in self.axes[name][3:6])

    def _chain(self, name: str) -> list[str]:
        chain: dict[str, None] = {}
        while name in self.axes and name not in chain:
            if len(chain) >= _MOST_AXES:
                raise KeyError(name)
            chain[name] = None
            name = self.axes[name][2]
        return list(chain)

    def _carried(self, name: str, point: Vector3, carry_offset: bool) -> Vector3:
        for axis in self._chain(name):
            angle, shift = self.settings.get(axis, (0.0, 0.0))
            vector = self._vector(axis)
            if self.axes[axis][1] == "rotation":
                point = rotated(point, vector, angle)
            elif carry_offset:
                point = point + meant(shift) * vector
            if carry_offset:
                point = point + vector_meant(number(v) or 0.0 for v in self.axes[axis][6:9])
        return point


def rotated(point: Vector3, axis: Vector3, angle_deg: float) -> Vector3:
    """`point` rotated right-handed about `axis` through the origin (Rodrigues' formula).

    ValueError for an implausible axis or angle.
    """
    unit, angle_deg = direction_meant(axis), meant(angle_deg)
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    return c * point + s * np.cross(unit, point) + (1 - c) * (unit @ point) * unit
