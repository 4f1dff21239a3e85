"""Quantities with units and chains of transformations in NeXus files.

Frame of NeXus (McStas): z along the beam, so a detector's position is that of its first pixel's outer corner
relative to the sample. Each axis moves all axes that depend on it (NeXus manual, NXtransformations).
"""

import h5py
import numpy as np

from argand.errors import InputError
from argand.io.beam_geometry import geometry_from_vectors, meant, vector_meant
from argand.io.hdf5_data import values
from argand.io.hdf5_links import item_at
from argand.io.header import number, pair
from argand.io.imgcif import rotated
from argand.physics.still.detector import BeamGeometry
from argand.typing import Vector3
from argand.units import JOULES_PER_KEV

_ALONG_BEAM = np.array([0.0, 0.0, 1.0])
"""Direction of the beam in the frame of NeXus, see above."""

_RADIAN = float(np.degrees(1.0))
"""Degrees in one radian."""
_UNITS = {
    "mm": {
        **dict.fromkeys(("m", "metre", "metres", "meter", "meters"), 1e3),
        **dict.fromkeys(("mm", "millimetre", "millimetres", "millimeter", "millimeters"), 1.0),
        **dict.fromkeys(("um", "µm", "μm", "micron", "microns", "micrometer", "micrometre"), 1e-3),
        "cm": 10.0,
        "nm": 1e-6,
    },
    "angstrom": {
        **dict.fromkeys(("angstrom", "angstroms", "ang", "a", "å", "å"), 1.0),
        **dict.fromkeys(("m", "metre", "meter"), 1e10),
        **dict.fromkeys(("nm", "nanometer", "nanometre"), 10.0),
        "pm": 0.01,
    },
    "keV": {
        "kev": 1.0,
        "ev": 1e-3,
        "mev": 1e3,
        **dict.fromkeys(("j", "joule", "joules"), 1 / JOULES_PER_KEV),
    },
    "deg": {"deg": 1.0, "degree": 1.0, "degrees": 1.0, "rad": _RADIAN, "radian": _RADIAN, "radians": _RADIAN},
    "s": {"s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6},
    "px": {"pixel": 1.0, "pixels": 1.0, "px": 1.0},
}
_UNSTATED = {"mm": "m", "angstrom": "angstrom", "keV": "eV", "deg": "deg", "s": "s", "px": "px"}
"""Units assumed for a value without any: Dectris writes m, Å, eV, degrees, s and px."""


def quantity(group: h5py.Group, names: str | tuple[str, ...], unit: str | None = None) -> float | None:
    """The first existing one of the named values, in `unit` (None: unconverted).

    Arrays give their first finite element, text its first number. None if there is none, or its units cannot
    be converted.
    """
    for name in (names,) if isinstance(names, str) else names:
        item = dataset_at(group, name)
        value = None if item is None else _value(item)
        if item is not None and value is not None:
            scale = _scale(item.attrs.get("units"), unit)
            if scale is not None:
                return value * scale
    return None


def assumed_unit(group: h5py.Group, name: str, unit: str) -> str | None:
    """The units that `quantity` assumes for this value if the file states none; None otherwise."""
    item = dataset_at(group, name)
    return (
        None if item is None or _value(item) is None or _units(item.attrs.get("units")) else _UNSTATED[unit]
    )


def _value(item: h5py.Dataset) -> float | None:
    if not item.size:
        return None
    if item.dtype.kind in "iuf":
        finite = (found := np.ravel(values(item)))[np.isfinite(found)]
        return float(finite[0]) if len(finite) else None
    return number(as_text(values(item))) if item.dtype.kind in "SO" and item.size == 1 else None


def _units(stated: object) -> str:
    """The text of units; empty if there are none, which some programs write as text."""
    return "" if stated is None else as_text(stated).lower()


def unit_scale(stated: str, unit: str) -> float | None:
    """Factor that converts a value in these units to `unit`; None for unknown units."""
    return _UNITS[unit].get(stated.lower())


def _scale(stated: object, unit: str | None) -> float | None:
    if unit is None:
        return 1.0
    return _UNITS[unit].get(_units(stated) or _UNSTATED[unit].lower())


def as_text(value: object) -> str:
    """Text of an attribute or a data set, which may be bytes or an array of one string."""
    first = np.ravel(np.asarray(value, object))[0]
    return (first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)).strip()


def dataset_at(group: h5py.Group, path: str) -> h5py.Dataset | None:
    """The data set at `path`, None if it is missing or its link is broken."""
    item = item_at(group, path)
    return item if isinstance(item, h5py.Dataset) else None


def group_at(group: h5py.Group, path: str) -> h5py.Group | None:
    """The group at `path`, None if it is missing or its link is broken."""
    item = item_at(group, path)
    return item if isinstance(item, h5py.Group) else None


def find_first(group: h5py.Group | None, nx_class: str, name: str) -> h5py.Group | None:
    """The child group of this name, else the first of this NeXus class; None if there is neither."""
    if group is None:
        return None
    # CXI files number their groups.
    named = group_at(group, name) or group_at(group, f"{name}_1")
    return named or next(iter(of_class(group, nx_class)), None)


def of_class(group: h5py.Group, nx_class: str) -> list[h5py.Group]:
    """Child groups of a NeXus class."""
    children = [group_at(group, str(name)) for name in group]
    return [c for c in children if c is not None and as_text(c.attrs.get("NX_class", "")) == nx_class]


def module_geometry(detector: h5py.Group, wavelength: float) -> BeamGeometry | None:
    """Geometry of a detector of one NXdetector_module, from its axes; None if these are incomplete."""
    modules = of_class(detector, "NXdetector_module")
    if len(modules) != 1:
        return None
    names = ("fast_pixel_direction", "slow_pixel_direction")
    fast, slow = (dataset_at(modules[0], name) for name in names)
    size = pair(*(quantity(modules[0], name, "mm") for name in names))
    if fast is None or slow is None or size is None:
        return None
    try:
        corner = carried(fast, np.zeros(3), True)
        axes = np.array(
            [carried(fast, vector_of(fast), False), carried(slow, vector_of(slow), False), _ALONG_BEAM]
        )
        return geometry_from_vectors("NeXus detector", corner, axes, wavelength, size)
    except (KeyError, ValueError, InputError):
        return None


def chain_distance_mm(detector: h5py.Group) -> float | None:
    """Distance along the beam from the chain of a detector's own `depends_on`; None if it is incomplete."""
    place = dataset_at(detector, "depends_on")
    axis = None if place is None or place.size != 1 else dataset_at(detector, as_text(values(place)))
    try:
        return None if axis is None else float(carried(axis, np.zeros(3), True)[2])
    except (KeyError, ValueError):
        return None


def vector_of(axis: h5py.Dataset) -> Vector3:
    """Direction of an axis, unnormalised; ValueError if implausible."""
    return vector_meant(np.ravel(np.asarray(axis.attrs["vector"])))


def carried(axis: h5py.Dataset, point: Vector3, is_position: bool) -> Vector3:
    """A position in mm, or a direction, in the frame carried by `axis`, converted to the laboratory."""
    seen: set[str] = set()
    while str(axis.name) not in seen:
        seen.add(str(axis.name))
        point = _moved(axis, point, is_position)
        name = as_text(axis.attrs.get("depends_on", "."))
        if name == ".":
            return point
        parent = dataset_at(_group_of(axis), name)
        if parent is None:
            raise KeyError(name)
        axis = parent
    raise ValueError("the axes of this detector depend on each other in a cycle")


def _group_of(axis: h5py.Dataset) -> h5py.Group:
    group = axis.parent
    if not isinstance(group, h5py.Group):
        raise KeyError(axis.name)
    return group


def _moved(axis: h5py.Dataset, point: Vector3, is_position: bool) -> Vector3:
    name = str(axis.name).rsplit("/", 1)[-1]
    if as_text(axis.attrs.get("transformation_type", "translation")) == "rotation":
        point = rotated(point, vector_of(axis), quantity(_group_of(axis), name, "deg") or 0.0)
    elif is_position and not name.endswith("_pixel_direction"):
        # The value of a pixel direction is the pixel size and does not move anything.
        point = point + vector_of(axis) * _length(_group_of(axis), name)
    if is_position and "offset" in axis.attrs:
        scale = _scale(axis.attrs.get("offset_units", axis.attrs.get("units")), "mm")
        point = point + vector_meant(np.ravel(np.asarray(axis.attrs["offset"]))) * (
            1.0 if scale is None else scale
        )
    return point


def _length(group: h5py.Group, name: str) -> float:
    value = quantity(group, name, "mm")
    if value is None:
        raise ValueError(f"{name} has no length")
    return meant(value)
