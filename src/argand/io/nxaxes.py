"""Quantities with units and chains of transformations in NeXus files.

Frame of NeXus (McStas): z along the beam, so a detector's position is where its first pixel's outer
corner stands from the sample. Each axis moves all axes that depend on it (NeXus manual,
NXtransformations).
"""

import h5py
import numpy as np

from argand.errors import InputError
from argand.io.beam import geometry_from_vectors
from argand.io.imgcif import rotated
from argand.physics.detector import BeamGeometry
from argand.typing import Vector3

_ALONG_BEAM = np.array([0.0, 0.0, 1.0])

_UNITS = {
    "mm": {"m": 1e3, "metre": 1e3, "meter": 1e3, "mm": 1.0, "cm": 10.0, "um": 1e-3, "micron": 1e-3, "nm": 1e-6},
    "angstrom": {"angstrom": 1.0, "angstroms": 1.0, "a": 1.0, "å": 1.0, "nm": 10.0, "m": 1e10, "pm": 0.01},
    "keV": {"kev": 1.0, "ev": 1e-3},
    "deg": {"deg": 1.0, "degree": 1.0, "degrees": 1.0, "rad": 57.29577951308232, "radians": 57.29577951308232},
    "px": {"pixel": 1.0, "pixels": 1.0, "px": 1.0},
}
_UNSTATED = {"mm": 1e3, "angstrom": 1.0, "keV": 1e-3, "deg": 1.0, "px": 1.0}
"""What a value without units is multiplied with: Dectris writes m, Å, eV, degrees and px."""


def quantity(group: h5py.Group, names: str | tuple[str, ...], unit: str | None = None) -> float | None:
    """The first of the named values that is there, in `unit` (None: as it stands).

    Arrays give their first element. None where nothing is there, or its units cannot be converted.
    """
    for name in (names,) if isinstance(names, str) else names:
        item = group.get(name)
        if isinstance(item, h5py.Dataset) and item.size > 0 and item.dtype.kind in "iuf":
            value = float(np.ravel(item[()])[0])
            scale = _scale(item.attrs.get("units"), unit)
            if scale is not None and np.isfinite(value):
                return value * scale
    return None


def _scale(stated: object, unit: str | None) -> float | None:
    if unit is None:
        return 1.0
    if stated is None:
        return _UNSTATED[unit]
    name = stated.decode() if isinstance(stated, bytes) else str(np.ravel(stated)[0])
    return _UNITS[unit].get(name.strip().lower())


def find_first(group: h5py.Group | None, nx_class: str, name: str) -> h5py.Group | None:
    """The child group of this name, else the first of this NeXus class; None where there is neither."""
    if group is None:
        return None
    named = group.get(name)
    if isinstance(named, h5py.Group):
        return named
    children = (group.get(child) for child in group)
    return next((c for c in children if isinstance(c, h5py.Group) and _class(c) == nx_class), None)


def _class(group: h5py.Group) -> str:
    value = group.attrs.get("NX_class", "")
    return value.decode() if isinstance(value, bytes) else str(value)


def module_geometry(detector: h5py.Group, wavelength: float) -> BeamGeometry | None:
    """Geometry of a detector of one NXdetector_module, from its axes; None where these are incomplete."""
    modules = [g for g in detector.values() if isinstance(g, h5py.Group) and _class(g) == "NXdetector_module"]
    if len(modules) != 1:
        return None
    fast, slow = (modules[0].get(f"{axis}_pixel_direction") for axis in ("fast", "slow"))
    size = [quantity(modules[0], f"{axis}_pixel_direction", "mm") for axis in ("fast", "slow")]
    if fast is None or slow is None or None in size:
        return None
    try:
        origin, fast_slow = _carried(fast, np.zeros(3), True), [_carried(a, _vector(a), False) for a in (fast, slow)]
        axes = np.array([*fast_slow, _ALONG_BEAM])
        return geometry_from_vectors("NeXus detector", origin, axes, wavelength, (size[0], size[1]))
    except (KeyError, ValueError, InputError):
        return None


def _vector(axis: h5py.Dataset) -> Vector3:
    return np.asarray(axis.attrs["vector"], float)


def _carried(axis: h5py.Dataset, point: Vector3, is_position: bool) -> Vector3:
    """A position in mm, or a direction, of the frame that `axis` carries, in the laboratory."""
    seen: set[str] = set()
    while axis.name not in seen:
        seen.add(axis.name)
        point = _moved(axis, point, is_position)
        parent = axis.attrs.get("depends_on", ".")
        parent = parent.decode() if isinstance(parent, bytes) else str(parent)
        if parent == ".":
            return point
        axis = axis.parent[parent]
    raise ValueError("the axes of this detector depend on each other in a circle")


def _moved(axis: h5py.Dataset, point: Vector3, is_position: bool) -> Vector3:
    kind = axis.attrs.get("transformation_type", "translation")
    kind = kind.decode() if isinstance(kind, bytes) else str(kind)
    name = axis.name.rsplit("/", 1)[-1]
    if kind == "rotation":
        point = rotated(point, _vector(axis), quantity(axis.parent, name, "deg") or 0.0)
    elif is_position and not name.endswith("_pixel_direction"):
        # The value of a pixel direction is the pixel's size and moves nothing.
        point = point + _vector(axis) * _length(axis.parent, name)
    if is_position and "offset" in axis.attrs:
        scale = _scale(axis.attrs.get("offset_units", axis.attrs.get("units")), "mm")
        point = point + np.asarray(axis.attrs["offset"], float) * (1.0 if scale is None else scale)
    return point


def _length(group: h5py.Group, name: str) -> float:
    value = quantity(group, name, "mm")
    if value is None:
        raise ValueError(f"{name} has no length")
    return value
