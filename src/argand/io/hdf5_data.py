"""Checks before a data set of an HDF5 file is read: where its values are stored, and how many there are.

A file of a few kB may declare terabytes, or refer to any file of this machine for its values.
"""

import math
import zlib
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5o  # pyright: ignore[reportAttributeAccessIssue]

from argand.errors import InputError
from argand.io.hdf5_links import item_at, name_of, opened, virtual_file
from argand.io.header import unreadable
from argand.io.limits import MOST_FRAMES, MOST_PIXELS, image_size

_MOST_SMALL = 2**26
"""Most bytes read at once: one number for each of `MOST_FRAMES` images takes eight million."""
_MOST_CHUNK = 8 * MOST_PIXELS
"""Most bytes of a chunk: the largest image, in double precision."""
_MOST_OBJECTS, _DEEPEST = 10**5, 32
"""Most groups and data sets searched for images, and how deep. By hand: real files have hundreds."""
_CHECKED_CHUNK = 2**18
"""Compressed chunks of at least this many bytes are checked before HDF5 unpacks them: gzip packs at most 1032
zeros into a byte (RFC 1951), so smaller ones cannot fill memory."""
_UNLIMITED = 2**64 - 1
"""HDF5's value for an unlimited number of blocks."""


def values(item: h5py.Dataset) -> np.ndarray:
    """All values of a small data set; ValueError for a large one, and as for `require_here`."""
    require_here(item)
    if item.size is None or item.size * item.dtype.itemsize > _MOST_SMALL:
        raise ValueError(f"{item.name} is larger than expected")
    return np.asarray(item[()])


def require_here(data: h5py.Dataset) -> None:
    """Raise InputError or ValueError for values that are stored in another file or cannot be decompressed."""
    plist = data.id.get_create_plist()
    if plist.get_external_count():
        raise InputError(
            f"{name_of(data)}: {data.name} stores its values in an external raw file, which argand does "
            "not read; copy them into the HDF5 file"
        )
    for number in range(plist.get_nfilters()):
        code, _, _, label = plist.get_filter(number)
        if not h5py.h5z.filter_avail(code):
            text = label.decode("latin-1") if isinstance(label, bytes) else str(label)
            raise ValueError(
                f"{data.name} is compressed by filter {code} ({text[:40]}), which is not installed"
            )


def require_images(data: h5py.Dataset, axes: int) -> None:
    """Raise InputError or ValueError for a data set from which no image can be read.

    An image has `axes` axes, the last ones of the data set. All sources of a virtual data set are checked.
    """
    if data.dtype.kind not in "biuf":
        raise ValueError(f"{data.name} contains {data.dtype}, not counts")
    image_size(data.shape[-axes:])
    count = math.prod(data.shape[:-axes])
    if not 1 <= count <= MOST_FRAMES:
        raise ValueError(f"{data.name} has {count} images; argand reads 1 to {MOST_FRAMES:,} per file")
    if data.chunks and math.prod(data.chunks) * data.dtype.itemsize > _MOST_CHUNK:
        raise ValueError(f"{data.name} is stored in chunks of {data.chunks} values, larger than any image")
    require_here(data)
    if data.is_virtual:
        _Sources().require(data)


def require_samples(file: h5py.File, count: int) -> None:
    """Raise InputError or ValueError if the arrays of a file are not those of `count` samples."""
    if not 0 < count <= _MOST_SMALL:
        raise ValueError(f"declares {count} samples")
    sources = _Sources()
    for name in file:
        data = item_at(file, str(name))
        if not isinstance(data, h5py.Dataset):
            continue
        if data.dtype.kind not in "biuf" or data.shape[:1] != (count,):
            raise ValueError(f"{data.name} contains {data.shape} {data.dtype} for {count} samples")
        image_size((1, *data.shape[1:]))
        require_here(data)
        if data.is_virtual:
            sources.require(data)


def image(data: h5py.Dataset, index: Sequence[int]) -> np.ndarray:
    """Values at an index of the first axes; ValueError for chunks that decompress to more than declared."""
    if data.chunks and data.compression == "gzip":
        for corner in _corners(data.shape, data.chunks, index):
            _require_length(data, math.prod(data.chunks) * data.dtype.itemsize, corner)
    return np.asarray(data[tuple(index)] if len(index) else data[()])


def datasets(root: h5py.Group) -> Iterator[h5py.Dataset]:
    """All data sets of a file, without following links, each once; ValueError for too many or too deep."""
    left: list[tuple[h5py.Group, int]] = [(root, 0)]
    seen: set[tuple[int, int]] = set()
    while left:
        group, depth = left.pop()
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                continue
            item = group.get(name)
            if not isinstance(item, h5py.Group | h5py.Dataset) or _token(item) in seen:
                continue
            seen.add(_token(item))
            if len(seen) > _MOST_OBJECTS or depth > _DEEPEST:
                raise ValueError(f"more than {_MOST_OBJECTS:,} groups and data sets, or {_DEEPEST} levels")
            if isinstance(item, h5py.Dataset):
                yield item
            else:
                left.append((item, depth + 1))


def _token(item: h5py.Group | h5py.Dataset) -> tuple[int, int]:
    """Identifier of an object, the same under all its names."""
    info = h5o.get_info(item.id)
    return info.fileno, info.addr


class _Sources:
    """Checks the sources of virtual data sets, each once; each file is opened once."""

    def __init__(self) -> None:
        self.files: dict[Path, h5py.File] = {}
        self.done: dict[tuple[str, str], bool] = {}

    def require(self, data: h5py.Dataset) -> None:
        """Raise InputError for a source that is missing, too small, or refers to itself."""
        here = (name_of(data), str(data.name))
        if here in self.done:
            if not self.done[here]:
                raise InputError(
                    f"{here[0]}: its virtual data set {here[1]} refers to itself; repair the file"
                )
            return
        self.done[here] = False
        if data.id.get_create_plist().get_virtual_count() > MOST_FRAMES:
            raise InputError(f"{here[0]}: {here[1]} has more than {MOST_FRAMES:,} sources; split it up")
        for part in data.virtual_sources():
            for file, path in _names(part, data.shape):
                self._require_part(data, file, path, part)
        self.done[here] = True

    def _require_part(self, data: h5py.Dataset, file: str, path: str, part: Any) -> None:
        source = item_at(data.file if file == "." else self._file(data, file), path)
        where = "this file" if file == "." else file
        if not isinstance(source, h5py.Dataset):
            raise InputError(
                f"{name_of(data)}: its virtual data set {data.name} refers to {path} in {where}, which "
                "does not exist; put the complete file next to this one"
            )
        if not _fits(part, source.shape):
            raise InputError(
                f"{name_of(data)}: its virtual data set {data.name} needs more of {path} in {where} than "
                "there is; put the complete file next to this one"
            )
        require_here(source)
        if source.is_virtual:
            self.require(source)

    def _file(self, data: h5py.Dataset, name: str) -> h5py.File:
        path = virtual_file(data.file, name)
        if path is None:
            place = Path(data.file.filename).parent / name
            raise InputError(f"{name_of(data)}: its data file {place} is missing; put it next to this file")
        if path not in self.files:
            try:
                self.files[path] = opened(path)
            except OSError as error:
                raise unreadable(str(path), str(error)) from error
        return self.files[path]


def _names(part: Any, shape: tuple[int, ...]) -> Iterator[tuple[str, str]]:
    """File and data set names of a source of a virtual data set; one for each block if numbered (%b)."""
    if "%" not in part.file_name + part.dset_name:
        yield part.file_name, part.dset_name
        return
    blocks = 1
    if part.vspace in _slabs(part) and part.vspace.is_regular_hyperslab():
        begin, step, count, _ = part.vspace.get_regular_hyperslab()
        for axis, number in enumerate(count):
            if number == _UNLIMITED:
                blocks = max(-(-(shape[axis] - begin[axis]) // max(step[axis], 1)), 0)
    if blocks > MOST_FRAMES:
        raise ValueError(f"a virtual data set with {blocks} files")
    for block in range(blocks):
        yield tuple(  # pyright: ignore[reportReturnType]
            "%".join(text.replace("%b", str(block)) for text in name.split("%%"))
            for name in (part.file_name, part.dset_name)
        )


def _fits(part: Any, shape: tuple[int, ...]) -> bool:
    """Whether a source contains the selection; True for an unlimited one."""
    selected, into = part.src_space, part.vspace
    if any(s.is_regular_hyperslab() and _UNLIMITED in s.get_regular_hyperslab()[2] for s in _slabs(part)):
        return True
    if selected.get_select_type() == h5py.h5s.SEL_ALL:
        return math.prod(shape) >= into.get_select_npoints()
    _, last = selected.get_select_bounds()
    return len(last) == len(shape) and all(end < side for end, side in zip(last, shape, strict=True))


def _slabs(part: Any) -> list[Any]:
    """The hyperslab selections of a source."""
    spaces = (part.src_space, part.vspace)
    return [space for space in spaces if space.get_select_type() == h5py.h5s.SEL_HYPERSLABS]


def _corners(
    shape: tuple[int, ...], chunks: tuple[int, ...], index: Sequence[int]
) -> Iterator[tuple[int, ...]]:
    """First indices of the chunks that contain an image."""
    before = [[at // chunk * chunk] for at, chunk in zip(index, chunks, strict=False)]
    sides = zip(shape[len(index) :], chunks[len(index) :], strict=True)
    return product(*before, *(range(0, side, chunk) for side, chunk in sides))


def _require_length(data: h5py.Dataset, length: int, corner: tuple[int, ...]) -> None:
    stored = data.id.get_chunk_info_by_coord(corner)
    if stored.byte_offset is None or stored.size < _CHECKED_CHUNK:
        return
    _, raw = data.id.read_direct_chunk(corner)
    try:
        unpacked = zlib.decompressobj().decompress(raw, length + 1)
    except zlib.error:
        return  # filter skipped for this chunk, or applied after another one
    if len(unpacked) > length:
        raise ValueError(f"{data.name} is damaged: a chunk decompresses to more than its {length} bytes")
