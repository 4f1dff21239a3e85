"""HDF5 images: Dectris masters with external data files, NXmx, and plain stacks of images."""

import math
import re
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401  registers the compression filters of Dectris detectors with HDF5
import numpy as np

from argand.errors import InputError
from argand.io.hdf5_data import datasets, image, require_images, values
from argand.io.hdf5_heaps import require_heaps
from argand.io.hdf5_links import item_at, linked_file, opened
from argand.io.header import SWUNG_OUT_DEG, Header, Stack, number, pair, positive, unreadable
from argand.io.limits import MOST_FRAMES, require_at_most, require_file
from argand.io.moment import moment
from argand.io.nxaxes import (
    as_text,
    assumed_unit,
    chain_distance_mm,
    dataset_at,
    find_first,
    group_at,
    module_geometry,
    quantity,
)
from argand.io.nxmodules import module_panels
from argand.io.panel_model import refuse_panels
from argand.physics.still.modular import PanelSet
from argand.typing import Mask
from argand.units import JOULES_PER_KEV, wavelength_from_energy

_DISTANCES = ("detector_distance", "distance")
"""Paths of the distance, first that of Dectris, then that of NXmx."""

_DAMAGED = (OSError, RuntimeError, LookupError, TypeError, ValueError)
"""Errors of h5py and of the header's readers for damaged files."""


def nexus_stack(file: str | BytesIO, folder: Path, axes: int | None = None) -> Stack:
    """The images of an HDF5 file; linked data files are relative to `folder`.

    Frames are numbered over all data files. A missing data file raises InputError when its first frame is
    read. A frame has two axes, or those of the modules that the file describes, or `axes` if the positions of
    the panels come from another file.
    """
    source = _Source(opened(file), str(getattr(file, "name", file)), folder)
    try:
        panels = None if axes is not None else _panels(source.entry())
        segments = source.segments(panels.raw_axes() if panels else axes)
        header, mask = (
            _header(source.entry()),
            _pixel_mask(source.entry(), panels.raw_axes() if panels else axes),
        )
    except BaseException:
        source.close()
        raise
    ends = np.cumsum([count for count, _ in segments])

    def load(index: int) -> np.ndarray:
        which = int(np.searchsorted(ends, index, side="right"))
        count, read = segments[which]
        return read(index - int(ends[which]) + count)

    return Stack(int(ends[-1]), load, header, mask, source.close, panels)


def nexus_panels(path: str) -> PanelSet | None:
    """The modules of the detector that an HDF5 file describes, if they do not form a flat image."""
    require_file(path)
    try:
        require_heaps(path)
        with h5py.File(path, "r") as file:
            return _panels(find_first(file, "NXentry", "entry") or file)
    except _DAMAGED as error:
        raise unreadable(path, str(error)) from error


def _panels(entry: h5py.Group) -> PanelSet | None:
    detector = _detector(entry)
    return None if detector is None else module_panels(detector)


@dataclass(frozen=True)
class Growth:
    """State of a master that is being written: `frames` can be read, `missing` says why no more can."""

    frames: int
    files: tuple[Path, ...]
    """The master and its existing data files."""
    missing: InputError | None = None


def growth(master: Path, settled: Callable[[Path], bool]) -> Growth:
    """Number of images of a master that can be read while it is being written.

    They are counted up to the first missing or incomplete data file, and to the first frame that is not
    stored. A file that is not written in SWMR mode counts once it is `settled`: unchanged for a while. A
    virtual data set counts once all its files exist. Raises InputError for a master that cannot be read.
    """
    require_file(master)
    try:
        source = _Source(opened(str(master)), str(master), master.parent)
    except OSError as error:
        raise unreadable(str(master), str(error)) from error
    try:
        return source.growth(settled)
    except _DAMAGED as error:
        raise unreadable(str(master), str(error)) from error
    finally:
        source.close()


class _Source:
    """An open master file and its linked data files."""

    def __init__(self, master: h5py.File, name: str, folder: Path) -> None:
        self.master, self.name, self.folder = master, name, folder
        self.opened: list[h5py.File] = [master]

    def close(self) -> None:
        """Close the master and every data file."""
        for file in self.opened:
            file.close()

    def entry(self) -> h5py.Group:
        """The first NXentry, or the file itself if there is none."""
        return find_first(self.master, "NXentry", "entry") or self.master

    def segments(self, axes: int | None) -> list[tuple[int, Callable[[int], np.ndarray]]]:
        """Number of frames and reader of each data set, in order; ends at the first missing one.

        A frame has `axes` axes; with None it has two, and InputError is raised if it seems to have more.
        """
        found: list[tuple[int, Callable[[int], np.ndarray]]] = []
        for group, name in self._data_names():
            try:
                data = self._dataset(group, name)
            except InputError as error:
                if not found:
                    raise
                return [*found, (1, _raiser(error))]
            if data.ndim < 2 or 0 in data.shape:
                raise ValueError(f"{data.name} does not contain images")
            if axes is None:
                refuse_panels(self.name, data.shape)
            before = data.ndim - (axes or 2)
            if before < 0 or (axes is not None and math.prod(data.shape[1:before]) > 1):
                raise InputError(
                    f"{self.name}: its images have {data.ndim - 1} axes, but {axes} by the geometry of the "
                    "panels; is it that of another detector?"
                )
            require_images(data, axes or 2)
            found.append((math.prod(data.shape[:before]), _frame_reader(data, before)))
        if not found:
            raise ValueError("no images in this HDF5 file")
        require_at_most(self.name, "images", sum(count for count, _ in found), MOST_FRAMES)
        return found

    def growth(self, settled: Callable[[Path], bool]) -> Growth:
        """Number of existing frames, and their files."""
        frames, missing = 0, None
        for group, name in self._data_names():
            try:
                data = self._dataset(group, name)
                require_images(data, 2)
            except InputError as error:
                missing = error
                break
            there, all_of_them = _stored(data), math.prod(data.shape[:-2])
            if not data.file.swmr_mode and not settled(Path(data.file.filename)):
                break
            frames += there
            if there < all_of_them:
                break
        return Growth(frames, tuple(Path(file.filename) for file in self.opened), missing)

    def _data_names(self) -> list[tuple[h5py.Group, str]]:
        entry = self.entry()
        for path in ("data", "instrument/detector", "data_1", "instrument_1/detector_1"):
            group = group_at(entry, path)
            if group is not None:
                members = sorted(str(name) for name in group)
                numbered = [name for name in members if re.fullmatch(r"data_\d+", name)]
                names = numbered or [name for name in members if name == "data"]
                if names:
                    return [(group, name) for name in names]
        return _largest_stack(self.master)

    def _dataset(self, group: h5py.Group, name: str) -> h5py.Dataset:
        link = group.get(name, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            data = item_at(self._linked_file(group.file, link.filename), link.path)
        else:
            data = item_at(group, name)
        if not isinstance(data, h5py.Dataset):
            raise ValueError(f"{group.name}/{name} is not a data set")
        return data

    def _linked_file(self, file: h5py.File, filename: str) -> h5py.File:
        path = linked_file(file, filename, self.folder)
        if path is None:
            place = self.folder / filename
            raise InputError(f"{self.name}: its data file {place} is missing; put it beside this file")
        try:
            self.opened.append(opened(path))
        except OSError as error:
            raise unreadable(str(path), str(error)) from error
        return self.opened[-1]


def _stored(data: h5py.Dataset) -> int:
    """Number of frames from the first one that are stored: space may be allocated for more."""
    count = math.prod(data.shape[:-2])
    if data.is_virtual or 0 in data.shape:
        return count
    chunks = data.chunks
    if chunks is None:
        return count if data.id.get_offset() is not None else 0
    if data.ndim != 3:
        return count
    # The last chunk of a frame is written last.
    corner = tuple((side - 1) // chunk * chunk for side, chunk in zip(data.shape, chunks, strict=True))

    def is_stored(index: int) -> bool:
        first = index // chunks[0] * chunks[0]
        return data.id.get_chunk_info_by_coord((first, *corner[1:])).byte_offset is not None

    return bisect_left(range(count), True, key=lambda index: not is_stored(index))


def _raiser(error: InputError) -> Callable[[int], np.ndarray]:
    def read(index: int) -> np.ndarray:
        raise error

    return read


def _frame_reader(data: h5py.Dataset, before: int) -> Callable[[int], np.ndarray]:
    """Reads the frame at a running index of the first `before` axes."""
    return lambda index: image(
        data, [int(n) for n in np.unravel_index(index, data.shape[:before])] if before else []
    )


def _largest_stack(root: h5py.Group) -> list[tuple[h5py.Group, str]]:
    """The data set with most elements among those of two or more axes, anywhere in the file."""
    images = (item for item in datasets(root) if item.ndim >= 2 and item.dtype.kind in "iuf")
    found = [(math.prod(item.shape), str(item.name)) for item in images]
    return [(root, max(found)[1])] if found else []


def _header(entry: h5py.Group) -> Header:
    detector = _detector(entry)
    if detector is None:
        return Header(wavelength=_wavelength(entry), time=_start(entry))
    sides = (_length_mm(detector, name) for name in ("x_pixel_size", "y_pixel_size"))
    size = pair(*(abs(side) if side else None for side in sides))
    distance = _length_mm(detector, *_DISTANCES) or chain_distance_mm(detector)
    notes = _assumed(detector)
    if distance is not None and distance < 0:
        notes = (*notes, f"the header's distance is negative, {distance:g} mm: its sign is ignored")
    header = Header(
        pixel_size_mm=size,
        distance_mm=positive(None if distance is None else abs(distance)),
        wavelength=_wavelength(entry),
        header_beam_centre_px=_stated_centre(detector, size),
        detector=_text(detector, "description"),
        two_theta_deg=quantity(detector, "goniometer/two_theta", "deg") or 0.0,
        oscillation_deg=_oscillation(entry),
        saturation=_saturation(detector),
        time=_start(entry),
        frame_time_s=quantity(detector, "frame_time", "s") or 0.0,
        notes=notes,
    )
    return _completed(header, detector)


def _length_mm(detector: h5py.Group, *names: str) -> float | None:
    """The first of the named lengths that is not zero, which means unknown."""
    return next((length for length in (quantity(detector, name, "mm") for name in names) if length), None)


def _assumed(detector: h5py.Group) -> tuple[str, ...]:
    """The note on lengths without units; empty if all have units."""
    names = ("x_pixel_size", "y_pixel_size", *_DISTANCES)
    bare = [name for name in names if quantity(detector, name, "mm") and assumed_unit(detector, name, "mm")]
    return (f"no units in the file for {', '.join(bare)}: assumed to be m",) if bare else ()


def _completed(header: Header, detector: h5py.Group) -> Header:
    """The header with values of the chain of transformations alone: centre, distance, pixel size, swing."""
    geometry = module_geometry(detector, header.wavelength or 1.0)
    if geometry is None:
        return header
    centre = header.header_beam_centre_px
    swing = float(np.degrees(geometry.tilt))
    notes = header.notes
    if centre is not None and swing >= SWUNG_OUT_DEG:
        fast, slow = geometry.beam_centre_px
        notes = (
            *notes,
            f"the header's detector is swung out by {swing:.1f} degrees: its beam centre may be the foot of "
            f"the perpendicular (PONI); its transformations put the beam at {fast:.1f}, {slow:.1f}",
        )
    return replace(
        header,
        pixel_size_mm=header.pixel_size_mm or geometry.pixel_size_mm,
        distance_mm=header.distance_mm or geometry.perpendicular_distance_mm,
        header_beam_centre_px=centre or geometry.beam_centre_px,
        two_theta_deg=header.two_theta_deg or (swing if swing >= SWUNG_OUT_DEG else 0.0),
        notes=notes,
    )


def _stated_centre(detector: h5py.Group, size: tuple[float, float] | None) -> tuple[float, float] | None:
    centre = []
    for axis, name in enumerate(("beam_center_x", "beam_center_y")):
        value = quantity(detector, name, "px")
        if value is None and size is not None:
            length = quantity(detector, name, "mm")
            value = None if length is None else length / size[axis]
        centre.append(value)
    return pair(*centre)


def _wavelength(entry: h5py.Group) -> float | None:
    for group in ("instrument/beam", "sample/beam", "instrument/monochromator"):
        value = positive(quantity(entry, (f"{group}/incident_wavelength", f"{group}/wavelength"), "angstrom"))
        energy = positive(quantity(entry, (f"{group}/incident_energy", f"{group}/energy"), "keV"))
        if value or energy:
            return value or wavelength_from_energy(energy or np.nan)
    energy = positive(quantity(entry, "instrument/detector/detectorSpecific/photon_energy", "keV"))
    energy = energy or _cxi_energy(entry)
    return None if energy is None else wavelength_from_energy(energy)


def _cxi_energy(entry: h5py.Group) -> float | None:
    """Photon energy in keV of a CXI file, in SI units, with eV beside them in files from LCLS."""
    energy = positive(quantity(entry.file, "LCLS/photon_energy_eV", "keV"))
    source = "instrument_1/source_1/energy"
    stated = positive(quantity(entry, source, "keV"))
    if energy is None and stated and assumed_unit(entry, source, "keV"):
        joules = quantity(entry, source) or 0.0
        return joules / JOULES_PER_KEV if joules < 1.0 else stated
    return energy or stated


def _saturation(detector: h5py.Group) -> float | None:
    names = ("saturation_value", "countrate_correction_count_cutoff")
    paths = [f"{place}{name}" for name in names for place in ("", "detectorSpecific/")]
    limits = [positive(quantity(detector, path)) for path in paths]
    return min((limit for limit in limits if limit is not None), default=None)


def _oscillation(entry: h5py.Group) -> float:
    names = ("omega_range_average", "omega_increment")
    stated = quantity(entry, tuple(f"sample/goniometer/{name}" for name in names), "deg")
    angles = dataset_at(entry, "sample/transformations/omega")
    if stated is None and angles is not None and angles.ndim == 1 and len(angles) > 1:
        return number(np.diff(values(angles)[:2])[0]) or 0.0
    return stated or 0.0


def _start(entry: h5py.Group) -> str | None:
    """Start of the measurement, at the path of NeXus or Dectris."""
    places = ("start_time", "instrument/detector/detectorSpecific/data_collection_date")
    return next((when for when in (moment(_text(entry, place)) for place in places) if when), None)


def _pixel_mask(entry: h5py.Group, axes: int | None) -> Mask | None:
    """True where no bit of the detector's pixel mask is set; its first layer if it has several.

    Of the `axes` of a frame, all but the last are flattened into one.
    """
    detector = _detector(entry)
    for path in ("pixel_mask", "detectorSpecific/pixel_mask", "mask"):
        mask = None if detector is None else dataset_at(detector, path)
        if mask is not None and mask.ndim >= 2:
            require_images(mask, min(mask.ndim, axes or 2))
            first = image(mask, (0,) * max(mask.ndim - (axes or 2), 0))
            return first.reshape(-1, first.shape[-1]) == 0
    return None


def _detector(entry: h5py.Group) -> h5py.Group | None:
    return find_first(find_first(entry, "NXinstrument", "instrument"), "NXdetector", "detector")


def _text(group: h5py.Group, name: str) -> str:
    item = dataset_at(group, name)
    return "" if item is None or item.size != 1 else as_text(values(item))
