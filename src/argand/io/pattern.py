"""Coherent diffraction patterns from HDF5, CXI, NumPy, TIFF and all other image formats."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from argand.errors import InputError
from argand.io import cxi
from argand.io.formats import open_stack, reader_errors
from argand.io.hdf5_data import datasets, image, require_images
from argand.io.hdf5_heaps import require_heaps
from argand.io.hdf5_links import item_at
from argand.io.image import (
    UNUSED_MASK,
    Frame,
    expand_inputs,
    read_frames,
    with_overrides,
)
from argand.io.limits import require_file
from argand.io.mask import usable_pixels
from argand.io.selection import selected, split_selection
from argand.typing import Image, Mask

FILLS = (-1.0, -2.0)
"""Values in gaps and bad pixels, also in float images.

Dectris's miniCBF: -1 in gaps, -2 in bad pixels; integer images are masked below 0 anyway.
"""

INNER = re.compile(r"^(.+\.(?:h5|hdf5|nxs|cxi)):(/[^#]*)(#[-\d]+)?$", re.IGNORECASE)
_SIDE = re.compile(r"mask|live", re.IGNORECASE)


@dataclass(frozen=True)
class Pattern:
    """One pattern [slow, fast] of a file; True in `live` marks a measured pixel.

    `window_side` in Å if the file gives it, or the `optics` from which it follows.
    """

    file: str
    index: int
    intensity: Image
    live: Mask
    window_side: float | None = None
    optics: cxi.Optics | None = None


def expand_patterns(names: Sequence[str]) -> list[str]:
    """Files, as found by `expand_inputs`, or data sets of an HDF5 file given as `file.h5:/path#3`."""
    found: list[str] = []
    for name in names:
        match = INNER.match(name)
        if match is None:
            found += expand_inputs([name])
        else:
            found += [f"{file}:{match[2]}{match[3] or ''}" for file in expand_inputs([match[1]])]
    return list(dict.fromkeys(found))


def read_patterns(
    name: str, mask: Mask | str | Path | None = None, *, window: bool = True
) -> Iterator[Pattern]:
    """The patterns of a file one by one; `file#3` or `file#0-9` selects some, counted from 0.

    HDF5 files give the data set after `:/path`, else `pattern`, CXI's `/entry_1/data_1/data`, the data linked
    from a NeXus master, or the only data set of images. Pixels are masked by the file, CXI's mask or `mask`
    (see `argand.io.image.load_mask`), and where they are not finite or contain the fill values of detector
    gaps. Without `window`, distance, pixel size and wavelength are not read. Raises InputError, naming the
    file, for one without patterns, with implausible lengths, or with a mask of another shape.
    """
    for one in _frames(name, mask, window):
        frame = one.frame
        values, live = frame.data, frame.mask
        if values.dtype.kind == "f":
            live = live & ~np.isin(values, FILLS)
        values = np.where(live, values, 0).astype(np.float32)
        side = one.optics.window_side if one.optics else one.window_side
        yield Pattern(frame.path, frame.index, values, live, side, one.optics)


def count_patterns(name: str) -> int:
    """Number of patterns in a file or a data set of it; raises like `read_patterns`."""
    match = INNER.match(name)
    file, inner = (name, "") if match is None else (match[1], match[2])
    if not _is_hdf5(file) or (not inner and _is_master(file)):
        stack = open_stack(file)
        stack.close()
        return stack.count
    with _opened(file) as root, reader_errors(file):
        source = _source(root, inner or _obvious(root, file), file)
        return 1 if source.ndim == 2 else len(source)


@dataclass(frozen=True)
class _Measured:
    """A frame with its file's window data."""

    frame: Frame
    optics: cxi.Optics | None = None
    window_side: float | None = None


def _frames(name: str, mask: Mask | str | Path | None, window: bool) -> Iterator[_Measured]:
    match = INNER.match(name)
    inner = "" if match is None else match[2]
    file, wanted = split_selection(name if match is None else match[1] + (match[3] or ""))
    if not _is_hdf5(file) or (not inner and _is_master(file)):
        for frame in read_frames(name, mask=mask):
            _refuse_unused_mask(frame)
            yield _Measured(frame, _frame_optics(frame) if window else None)
        return
    with _opened(file) as root:
        with reader_errors(file):
            source = _source(root, inner or _obvious(root, file), file)
            bad = _bad(root, source, file)
        count = 1 if source.ndim == 2 else len(source)
        for index in selected(file, wanted, count, "pattern"):
            frame = _row(file, source, bad, index)
            frame = frame if mask is None else with_overrides(frame, mask=mask)
            yield _stated(root, source, frame, count) if window else _Measured(frame)


def _stated(root: h5py.File, source: h5py.Dataset, frame: Frame, count: int) -> _Measured:
    """A frame of an HDF5 file with the file's window data."""
    with _named(frame.path), reader_errors(frame.path):
        side = root.attrs.get(cxi.WINDOW)
        return _Measured(
            frame, cxi.optics_of(root, source, frame.index, count), None if side is None else float(side)
        )


def _frame_optics(frame: Frame) -> cxi.Optics | None:
    """Optics from the header of an image; None if incomplete."""
    if frame.distance_mm is None or frame.pixel_size_mm is None or frame.wavelength is None:
        return None
    with _named(frame.path):
        return cxi.Optics(frame.distance_mm, frame.pixel_size_mm, frame.wavelength)


def _refuse_unused_mask(frame: Frame) -> None:
    for note in frame.notes:
        if note.endswith(UNUSED_MASK):
            raise InputError(f"{frame.path}: {note.removesuffix(f': {UNUSED_MASK}')}; correct the file")


@contextmanager
def _named(file: str) -> Iterator[None]:
    """Add the file name to an InputError raised inside."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{file}: {error}") from error


def _source(root: h5py.File, path: str, file: str) -> h5py.Dataset:
    """The data set of patterns at a path; InputError if there is none."""
    source = item_at(root, path)
    if not isinstance(source, h5py.Dataset):
        raise InputError(f"{file}: no data set {path}; there are {', '.join(_images(root))}")
    if source.ndim not in (2, 3) or source.dtype.kind not in "iuf" or 0 in source.shape:
        shape = " x ".join(map(str, source.shape)) or "one value"
        raise InputError(f"{file}: {path} is {shape}; patterns must be [slow, fast] or [n, slow, fast]")
    require_images(source, 2)
    return source


def _row(file: str, source: h5py.Dataset, bad: h5py.Dataset | None, index: int) -> Frame:
    with reader_errors(file):
        values = image(source, () if source.ndim == 2 else (index,))
        live = usable_pixels(values)
        if bad is not None:
            flags = image(bad, () if bad.ndim == 2 else (index if len(bad) > 1 else 0,))
            live &= cxi.live_pixels(flags)
    return Frame(file, index, values, live)


def _bad(root: h5py.File, source: h5py.Dataset, file: str) -> h5py.Dataset | None:
    """The mask of a data set: `live` beside it, or CXI's; common, or one per pattern.

    InputError, with both shapes, for one of another shape.
    """
    beside = str(source.parent.name)
    places = (f"{beside}/live", f"{beside}/mask") if beside.startswith("/entry_1") else (f"{beside}/live",)
    for path in (*places, *cxi.MASKS):
        found = item_at(root, path)
        if not isinstance(found, h5py.Dataset) or found.dtype.kind not in "biu":
            continue
        if found.shape not in (source.shape, source.shape[-2:], (1, *source.shape[-2:])):
            has, wanted = (" x ".join(map(str, one)) for one in (found.shape, source.shape))
            where = f"/{path.lstrip('/')}"
            raise InputError(
                f"{file}: its mask {where} has {has} pixels, its patterns {wanted}; correct the file"
            )
        require_images(found, 2)
        return found
    return None


def _obvious(root: h5py.File, file: str) -> str:
    """Path of the only suitable data set; InputError if there is none or several."""
    for path in ("pattern", cxi.DATA, cxi.DETECTOR_DATA):
        found = item_at(root, path)
        if isinstance(found, h5py.Dataset) and not cxi.in_real_space(root, found):
            return f"/{path}"
    found = _images(root)
    likely = [path for path in found if not _SIDE.search(path.rsplit("/", 1)[-1])]
    if len(likely) == 1:
        return likely[0]
    if not found:
        raise InputError(f"{file}: has no data set of images; give one [slow, fast] or [n, slow, fast]")
    raise InputError(
        f"{file}: several data sets of images; choose one of {', '.join(found)} as {file}:{found[0]}"
    )


def _images(root: h5py.File) -> list[str]:
    """Paths of the data sets with two or three axes."""
    images = (item for item in datasets(root) if item.ndim in (2, 3) and item.dtype.kind in "iuf")
    return sorted(str(item.name) for item in images)


def _is_hdf5(file: str) -> bool:
    require_file(file)
    return bool(h5py.is_hdf5(file))


def _is_master(file: str) -> bool:
    """Whether a file has the NeXus layout, with an entry that links to data."""
    with _opened(file) as root, reader_errors(file):
        if item_at(root, "pattern") or item_at(root, cxi.DATA):
            return False
        return isinstance(item_at(root, "entry"), h5py.Group)


@contextmanager
def _opened(file: str) -> Iterator[h5py.File]:
    with reader_errors(file):
        import hdf5plugin  # noqa: F401  registers filters with HDF5

        require_heaps(file)
        root = h5py.File(file, "r")
    try:
        yield root
    finally:
        root.close()
