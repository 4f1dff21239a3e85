"""Coherent diffraction patterns from HDF5, CXI, NumPy, TIFF and every other image format."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from argand.errors import InputError
from argand.io.formats import reader_errors
from argand.io.image import Frame, expand_inputs, read_frames, split_selection, with_overrides
from argand.io.mask import usable_pixels
from argand.typing import Image, Mask

CXI_DATA, CXI_MASKS = "entry_1/data_1/data", ("entry_1/data_1/mask", "entry_1/instrument_1/detector_1/mask")
CXI_HAS_SIGNAL = 0x10000
"""The one bit of a CXI mask that says nothing bad (CXI file format 1.6, Maia, Nat. Methods 9, 854, 2012)."""
FILLS = (-1.0, -2.0)
"""What detectors write into gaps and bad pixels; images of fractions keep it.

Dectris's miniCBF: -1 in gaps, -2 in bad pixels; images of whole numbers are masked below 0 anyway.
"""

INNER = re.compile(r"^(.+\.(?:h5|hdf5|nxs|cxi)):(/[^#]*)(#\d+(?:-\d+)?)?$", re.IGNORECASE)
_SIDE = re.compile(r"mask|live", re.IGNORECASE)


@dataclass(frozen=True)
class Pattern:
    """One pattern [slow, fast] of a file; True in `live` is a pixel that was measured."""

    file: str
    index: int
    intensity: Image
    live: Mask


def expand_patterns(names: Sequence[str]) -> list[str]:
    """Files, as `expand_inputs` finds them, or data sets of an HDF5 file named as `file.h5:/path#3`."""
    found: list[str] = []
    for name in names:
        match = INNER.match(name)
        if match is None:
            found += expand_inputs([name])
        else:
            found += [f"{file}:{match[2]}{match[3] or ''}" for file in expand_inputs([match[1]])]
    return list(dict.fromkeys(found))


def read_patterns(name: str, mask: Mask | str | Path | None = None) -> Iterator[Pattern]:
    """The patterns of a file one by one; `file#3` or `file#0-9` selects some, counted from 0.

    HDF5 files give the data set behind `:/path`, else `pattern`, CXI's `/entry_1/data_1/data`, what a NeXus
    master links to, or the only data set of images there is. Pixels are masked where the file, CXI's mask
    or `mask` (see `argand.io.image.load_mask`) says so, and where they are not finite or hold what
    detectors fill gaps with. Raises InputError, which names the file, for one that holds no patterns.
    """
    for frame in _frames(name, mask):
        values, live = frame.data, frame.mask
        if values.dtype.kind == "f":
            live = live & ~np.isin(values, FILLS)
        values = np.where(live, values, 0).astype(np.float32)
        yield Pattern(frame.path, frame.index, values, live)


def _frames(name: str, mask: Mask | str | Path | None) -> Iterator[Frame]:
    match = INNER.match(name)
    inner = "" if match is None else match[2]
    file, wanted = split_selection(name if match is None else match[1] + (match[3] or ""))
    if not _is_hdf5(file) or (not inner and _is_master(file)):
        yield from read_frames(name, mask=mask)
        return
    with _opened(file) as root:
        path = inner or _obvious(root, file)
        source = root.get(path)
        if not isinstance(source, h5py.Dataset):
            raise InputError(f"{file}: no data set {path} there; there are {', '.join(_images(root))}")
        if source.ndim not in (2, 3) or source.dtype.kind not in "iuf" or 0 in source.shape:
            shape = " x ".join(map(str, source.shape)) or "one value"
            raise InputError(f"{file}: {path} is {shape}; patterns are [slow, fast] or [n, slow, fast]")
        bad = _bad(root, source)
        count = 1 if source.ndim == 2 else len(source)
        for index in range(count) if wanted is None else wanted:
            if not 0 <= index < count:
                raise InputError(f"{file}: has no pattern {index}; its {count} count from 0")
            frame = _row(file, source, bad, index)
            yield frame if mask is None else with_overrides(frame, mask=mask)


def _row(file: str, source: h5py.Dataset, bad: h5py.Dataset | None, index: int) -> Frame:
    with reader_errors(file):
        values = np.asarray(source[()] if source.ndim == 2 else source[index])
        live = usable_pixels(values)
        if bad is not None:
            live &= _usable(np.asarray(bad[()] if bad.ndim == 2 else bad[index]), live.shape, file)
    return Frame(file, index, values, live)


def _usable(flags: np.ndarray, shape: tuple[int, ...], file: str) -> Mask:
    """Live pixels of a mask: True where it is one of truth values, else where no bit of CXI's is set."""
    if flags.shape != shape:
        raise InputError(f"{file}: its mask has {flags.shape} pixels, its pattern {shape}; mend the file")
    return flags if flags.dtype == bool else (flags.astype(np.int64) & ~CXI_HAS_SIGNAL) == 0


def _bad(root: h5py.File, source: h5py.Dataset) -> h5py.Dataset | None:
    """The mask that belongs to a data set: `live` beside it, or CXI's."""
    for path in (f"{source.parent.name}/live", *CXI_MASKS):
        found = root.get(path)
        if not isinstance(found, h5py.Dataset) or found.shape[-2:] != source.shape[-2:]:
            continue
        if path in CXI_MASKS or found.dtype == bool:
            return found
    return None


def _obvious(root: h5py.File, file: str) -> str:
    """Path of the data set that is meant; InputError where none or several could be."""
    for path in ("pattern", CXI_DATA):
        if isinstance(root.get(path), h5py.Dataset):
            return f"/{path}"
    found = _images(root)
    likely = [path for path in found if not _SIDE.search(path.rsplit("/", 1)[-1])]
    if len(likely) == 1:
        return likely[0]
    if not found:
        raise InputError(f"{file}: holds no data set of images; give one [slow, fast] or [n, slow, fast]")
    raise InputError(f"{file}: which data set? name one of {', '.join(found)} as {file}:{found[0]}")


def _images(root: h5py.File) -> list[str]:
    """Paths of the data sets of two axes or three."""
    found: list[str] = []

    def visit(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and item.ndim in (2, 3) and item.dtype.kind in "iuf":
            found.append(f"/{name}")

    root.visititems(visit)
    return sorted(found)


def _is_hdf5(file: str) -> bool:
    return Path(file).is_file() and bool(h5py.is_hdf5(file))


def _is_master(file: str) -> bool:
    """Whether a file is laid out as NeXus says, with an entry that links to data."""
    with _opened(file) as root:
        if "pattern" in root or CXI_DATA in root:
            return False
        return isinstance(root.get("entry"), h5py.Group)


@contextmanager
def _opened(file: str) -> Iterator[h5py.File]:
    with reader_errors(file):
        import hdf5plugin  # noqa: F401  registers filters with HDF5

        root = h5py.File(file, "r")
    try:
        yield root
    finally:
        root.close()
