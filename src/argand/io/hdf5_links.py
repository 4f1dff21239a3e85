"""Links in HDF5 files, followed one by one: their targets must be in the file's folder or below it.

HDF5 itself follows links to any file that the user may read. Here a file from others cannot refer to one
outside the same measurement: masters have their data files next to them or in folders below.
"""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import h5py

from argand.errors import InputError
from argand.io.hdf5_heaps import require_heaps
from argand.io.header import unreadable
from argand.io.limits import is_there

_MOST_LINKS = 64
"""Most links in one path. By hand: HDF5 allows 16 in a row, and masters have two or three."""

_DAMAGED = (OSError, RuntimeError, LookupError, ValueError)
"""Exceptions of h5py for a file that is damaged or not HDF5."""

Item = h5py.Group | h5py.Dataset


def opened(file: str | BytesIO | Path) -> h5py.File:
    """Open an HDF5 file for reading; OSError if that fails."""
    if not isinstance(file, BytesIO):
        require_heaps(file)
    try:
        return h5py.File(file, "r")
    except _DAMAGED as error:
        if not isinstance(file, BytesIO):
            try:
                # A file that is being written in SWMR mode opens only in that mode.
                return h5py.File(file, "r", swmr=True)
            except _DAMAGED:
                pass
        raise error if isinstance(error, OSError) else OSError(str(error)) from error


def item_at(group: h5py.Group, path: str) -> Item | None:
    """The group or data set at `path`; None if there is none or a link is broken.

    Raises InputError for circular links and for links out of the folder of the file that contains them.
    """
    return _Walk().item(group, path)


@dataclass
class _Walk:
    """Resolves one path and counts its links."""

    links: int = 0

    def item(self, group: h5py.Group, path: str) -> Item | None:
        """The item at a path of a group."""
        here: object = group.file["/"] if path.startswith("/") else group
        for part in path.split("/"):
            if part not in ("", "."):
                here = self._step(here, part) if isinstance(here, h5py.Group) else None
        return here if isinstance(here, Item) else None

    def _step(self, group: h5py.Group, name: str) -> object:
        link = group.get(name, getlink=True)
        if link is None or isinstance(link, h5py.HardLink):
            return group.get(name)
        self.links += 1
        if self.links > _MOST_LINKS:
            raise InputError(f"{name_of(group)}: its links at {group.name} are circular; repair the file")
        if isinstance(link, h5py.ExternalLink):
            path = linked_file(group.file, str(link.filename))
            return None if path is None else self.item(_opened(path), str(link.path))
        return self.item(group, str(link.path)) if isinstance(link, h5py.SoftLink) else None


def linked_file(file: h5py.File, name: str, folder: Path | None = None) -> Path | None:
    """Path of the file that an external link names; None if it does not exist.

    It is searched relative to the folder of the file with the link (`folder`, if that file is compressed),
    and next to that file. Raises InputError if it is elsewhere.
    """
    folder = folder or _folder(file)
    there = [path for path in (folder / name, folder / Path(name).name) if is_there(path)]
    inside = next((path for path in there if is_below(path, file, folder)), None)
    if there and inside is None:
        raise outside(name_of(file), there[0])
    return inside


def virtual_file(file: h5py.File, name: str) -> Path | None:
    """Path from which HDF5 reads a source file of a virtual data set; otherwise as `linked_file`."""
    path, folder = Path(name), _folder(file)
    # A missing absolute path is searched next to the file, other names only relative to its folder.
    if path.is_absolute() and not is_there(path):
        path = Path(path.name)
    path = folder / path
    if not is_there(path):
        return None
    if not is_below(path, file, folder):
        raise outside(name_of(file), path)
    return path


def is_below(path: Path, file: h5py.File, folder: Path) -> bool:
    """Whether a file is in the folder of another one or below it, after resolving symbolic links."""
    homes = [folder.resolve()]
    if is_there(str(file.filename)):
        homes.append(Path(file.filename).resolve().parent)
    return any(path.resolve().is_relative_to(home) for home in homes)


def outside(name: str, path: Path) -> InputError:
    """The error for a file that is elsewhere."""
    return InputError(
        f"{name}: it refers to {path}, which is outside its folder; put that file next to this one"
    )


def name_of(item: Item) -> str:
    """The file's name, for a message."""
    return str(item.file.filename)


def _folder(file: h5py.File) -> Path:
    if not is_there(str(file.filename)):
        raise InputError("a compressed HDF5 file that refers to other files cannot be read; decompress it")
    return Path(file.filename).parent


def _opened(path: Path) -> h5py.File:
    try:
        return opened(path)
    except OSError as error:
        raise unreadable(str(path), str(error)) from error
