"""CXI files: location of data and masks, measurement conditions, and writing of reconstructed objects.

CXI file format 1.6 (Maia, Nat. Methods 9, 854, 2012; cxidb.org). All its quantities are in SI units; other
units given as attributes are converted.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from argand import __version__
from argand.errors import InputError
from argand.io.atomic import valid_text
from argand.io.hdf5_data import values
from argand.io.hdf5_file import written_hdf5
from argand.io.nxaxes import as_text, dataset_at, group_at, unit_scale
from argand.typing import Image, Mask
from argand.units import HC_KEV_ANGSTROM, JOULES_PER_KEV, wavelength_from_energy

DATA, DETECTOR_DATA = "entry_1/data_1/data", "entry_1/instrument_1/detector_1/data"
IMAGE, IMAGE_DATA = "entry_1/image_1", "entry_1/image_1/data"
MASKS = ("entry_1/data_1/mask", "entry_1/instrument_1/detector_1/mask", "entry_1/image_1/mask")
HARMLESS = 0x1000 | 0x10000
"""Mask bits of usable pixels: signal above the background, and inside the support of an image."""
INVALID, IN_SUPPORT = 0x1, 0x10000
"""Mask bits of an unmeasured pixel and of one inside the support."""
VERSION = 160
"""100 times the version of the format."""
WINDOW = "window_side_angstrom"
"""Attribute of files written by argand: side in Å of the window given by a pattern's step in q."""

_DETECTORS = ("entry_1/instrument_1/detector_1", "entry_1/image_1/detector_1", "entry/instrument/detector")
_SOURCES = (
    *("entry_1/instrument_1/source_1", "entry_1/image_1/source_1", "entry_1/instrument_1/beam_1"),
    *("entry/instrument/beam", "entry/sample/beam", "entry/instrument/monochromator"),
)
"""Groups with energy or wavelength in CXI files and in NeXus files with the usual names."""
_DISTANCES = ("distance", "detector_distance")
_ENERGIES, _WAVELENGTHS = ("energy", "incident_energy"), ("wavelength", "incident_wavelength")
_LENGTHS_MM, _WAVELENGTHS_ANGSTROM = (1e-4, 1e6), (1e-3, 1e3)
"""Plausible ranges of distance or pixel, and of wavelength: 0.1 µm to 1 km; and 12 eV to 12 MeV. Set by hand:
values outside are in other units than stated."""
_SAME = 1e-3
"""Relative difference up to which two numbers are equal: pixel sizes of both axes, energy and wavelength. Set
by hand, for rounding."""
_LARGEST_JOULES = 1.0
"""Unitless photon energies above this are in eV, as some programs write them; 1 J would be 6e18 eV."""
_LARGEST_METRES = 1e-6
"""Unitless wavelengths above this are in Å."""


@dataclass(frozen=True)
class Optics:
    """Measurement conditions of a pattern: distance and pixel size in mm, wavelength in Å.

    InputError for implausible numbers, and pixels that are not square.
    """

    distance_mm: float
    pixel_mm: tuple[float, float]
    wavelength: float

    def __post_init__(self) -> None:
        across, along = self.pixel_mm
        for name, value in (("distance", self.distance_mm), ("pixel size", across), ("pixel size", along)):
            if not _LENGTHS_MM[0] <= value <= _LENGTHS_MM[1]:
                raise InputError(f"a {name} of {value:g} mm is impossible; correct it, or give --window")
        if not _WAVELENGTHS_ANGSTROM[0] <= self.wavelength <= _WAVELENGTHS_ANGSTROM[1]:
            raise InputError(
                f"a wavelength of {self.wavelength:.3g} Å is implausible; correct it, or state the window"
            )
        if abs(across - along) > _SAME * along:
            said = f"{across:g} mm in x and {along:g} mm in y"
            raise InputError(f"pixels of {said} are not square; bin the pattern to square ones")

    @property
    def window_side(self) -> float:
        """Side in Å of the window given by the step in q: λ times distance over pixel, for small angles."""
        return self.wavelength * self.distance_mm / self.pixel_mm[0]

    def shortfall(self, q: float) -> float:
        """Relative excess of the small-angle q (1/Å) over 4π sin θ / λ at its pixel."""
        angle = np.arctan(q * self.wavelength / (2 * np.pi))
        return float(1 - 2 * np.sin(angle / 2) / np.tan(angle)) if angle else 0.0


def optics_of(root: h5py.File, data: h5py.Dataset, index: int, count: int) -> Optics | None:
    """Measurement conditions stated for pattern `index` of the `count` in `data`.

    None if distance, pixel size, or both energy and wavelength are missing. InputError, without the file's
    name, for unknown units, implausible values, and a number of values different from that of patterns.
    """
    detectors = [str(data.parent.name), *_DETECTORS]
    near = _Stated(root, detectors, index, count)
    distance = near.find(_DISTANCES, "mm", "m")
    sides = [near.find((name,), "mm", "m") for name in ("x_pixel_size", "y_pixel_size")]
    wavelength = _wavelength(_Stated(root, _SOURCES, index, count))
    if distance is None or wavelength is None or sides == [None, None]:
        return None
    across, along = (side or sides[1 - place] or 0.0 for place, side in enumerate(sides))
    return Optics(distance, (across, along), wavelength)


def _wavelength(source: "_Stated") -> float | None:
    """Wavelength in Å, as stated or from the energy; InputError if they contradict each other."""
    energy = source.find(_ENERGIES, "keV", "eV", (_LARGEST_JOULES, 1 / JOULES_PER_KEV))
    wavelength = source.find(_WAVELENGTHS, "angstrom", "angstrom", (_LARGEST_METRES, 1e10))
    if energy is None:
        return wavelength
    if not energy > 0:
        raise InputError(f"a photon energy of {energy:g} keV is impossible; correct it, or give --window")
    other = wavelength_from_energy(energy)
    if wavelength is not None and abs(wavelength - other) > _SAME * other:
        raise InputError(f"wavelength {wavelength:g} Å and energy {energy:g} keV ({other:g} Å) do not agree")
    return other


@dataclass(frozen=True)
class _Stated:
    """Numbers in the groups of a file, for one of its patterns."""

    root: h5py.File
    groups: Sequence[str]
    index: int
    count: int

    def find(
        self, names: Sequence[str], unit: str, unstated: str, small: tuple[float, float] | None = None
    ) -> float | None:
        """The first of the named values in `unit`, None if there is none.

        A value without units is in `unstated`; if it is below the first of `small`, its units are the second
        of `unit`.
        """
        for item in self._items(names):
            value = self._value(item)
            stated = as_text(item.attrs["units"]) if "units" in item.attrs else ""
            if not stated and small is not None and abs(value) < small[0]:
                return value * small[1]
            scale = unit_scale(stated or unstated, unit)
            if scale is None:
                raise InputError(f"{item.name}: unknown unit '{stated}'; give --window")
            return value * scale
        return None

    def _items(self, names: Sequence[str]) -> Iterator[h5py.Dataset]:
        for place in self.groups:
            group = group_at(self.root, place)
            found = [] if group is None else [dataset_at(group, name) for name in names]
            yield from (item for item in found if item is not None and item.size)

    def _value(self, item: h5py.Dataset) -> float:
        try:
            found = np.ravel(np.asarray(values(item), float))
        except (TypeError, ValueError) as error:
            raise InputError(f"{item.name} is not a number; correct it, or give --window") from error
        if found.size == self.count:
            return float(found[self.index])
        if len(np.unique(found)) > 1:
            raise InputError(f"{item.name} has {found.size} values for {self.count} patterns")
        return float(found[0])


def live_pixels(flags: np.ndarray) -> Mask:
    """Pixels of a mask without a bad bit, or True in a boolean mask."""
    return flags if flags.dtype == bool else (flags.astype(np.int64) & ~HARMLESS) == 0


def in_real_space(root: h5py.File, data: h5py.Dataset) -> bool:
    """Whether a data set is an image of an object rather than a pattern."""
    image, space = dataset_at(root, IMAGE_DATA), dataset_at(root, f"{IMAGE}/data_space")
    return image is not None and image == data and space is not None and as_text(values(space)) == "real"


@dataclass(frozen=True)
class FoundObject:
    """A reconstructed object and its pattern, [slow, fast].

    `density` in electrons per pixel over a window of `window_side` Å, `deviation` its standard deviation,
    `support` its pixels; `intensity` has q = 0 in pixel [n // 2, n // 2], `live` marks the measured pixels;
    `optics` if known.
    """

    density: Image
    deviation: Image
    support: Mask
    window_side: float
    intensity: Image
    live: Mask
    optics: Optics | None = None


def write_cxi(path: Path, found: FoundObject, title: str, told: Mapping[str, str]) -> None:
    """Write an object as `image_1` and its pattern as the detector's, to which `data_1` links.

    `title` describes it, `told` goes into the comments of `process_1`. The axes of the image are those of the
    pattern; `image_size` is in metres.
    """
    with written_hdf5(path) as file:
        file.attrs[WINDOW] = found.window_side
        file["cxi_version"], file["number_of_entries"] = VERSION, 1
        entry = file.create_group("entry_1")
        entry["title"], entry["program_name"] = valid_text(title), f"argand {__version__}"
        _write_detector(entry, found)
        image = entry.create_group("image_1")
        for name, values in {"data": found.density, "data_error": found.deviation}.items():
            image.create_dataset(name, data=values, compression="gzip", shuffle=True)
        image["data"].attrs["units"] = "electrons per pixel"
        image["data_space"], image["data_type"] = "real", "electron density"
        image["dimensionality"], image["is_fft_shifted"] = 2, 0
        side = found.window_side * 1e-10
        image["image_size"] = np.array([side, side, 0.0])
        support = np.where(found.support, IN_SUPPORT, 0).astype(np.uint32)
        image.create_dataset("mask", data=support, compression="gzip", shuffle=True)
        image["detector_1"] = h5py.SoftLink("/entry_1/instrument_1/detector_1")
        if found.optics is not None:
            image["source_1"] = h5py.SoftLink("/entry_1/instrument_1/source_1")
        process = image.create_group("process_1")
        process["program"], process["version"] = "argand", __version__
        process["comments"] = valid_text("\n".join(f"{name}: {text}" for name, text in told.items()))


def _write_detector(entry: h5py.Group, found: FoundObject) -> None:
    """Pattern, mask and, if known, distance, pixel size, wavelength and energy, in SI units."""
    instrument = entry.create_group("instrument_1")
    detector, data = instrument.create_group("detector_1"), entry.create_group("data_1")
    detector.create_dataset("data", data=found.intensity, compression="gzip", shuffle=True)
    bad = np.where(found.live, 0, INVALID).astype(np.uint32)
    detector.create_dataset("mask", data=bad, compression="gzip", shuffle=True)
    for name in ("data", "mask"):
        data[name] = h5py.SoftLink(f"/entry_1/instrument_1/detector_1/{name}")
    if found.optics is None:
        return
    distance, sides = found.optics.distance_mm * 1e-3, np.array(found.optics.pixel_mm) * 1e-3
    detector["distance"], detector["x_pixel_size"], detector["y_pixel_size"] = distance, *sides
    # Without basis vectors rows go down and columns to the left from the corner; q = 0 is in pixel n // 2.
    corner = (len(found.intensity) // 2 + 0.5) * sides
    detector["corner_position"] = np.array([*corner, distance])
    source = instrument.create_group("source_1")
    source["energy"] = HC_KEV_ANGSTROM / found.optics.wavelength * JOULES_PER_KEV
    source["wavelength"] = found.optics.wavelength * 1e-10
