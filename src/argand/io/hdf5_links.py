"""Links in HDF5 files, followed one by one: what they lead to lies in the file's folder, or below it.

HDF5 itself follows any link to any file that the user may read. Here a file that others made cannot name one
that is not part of the same measurement: masters have their data files beside them or in folders below.
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
"""Links that one path may lead through. By hand: HDF5 allows 16 in a row, and masters have two or three."""

_DAMAGED = (OSError, RuntimeError, LookupError, ValueError)
"""What h5py raises where a file is no HDF5 file, or a damaged one."""

Item = h5py.Group | h5py.Dataset


def opened(file: str | BytesIO | Path) -> h5py.File:
    """An HDF5 file to read; OSError where it cannot be."""
    if not isinstance(file, BytesIO):
        require_heaps(file)
    try:
        return h5py.File(file, "r")
    except _DAMAGED as error:
        if not isinstance(file, BytesIO):
            try:
                # A file that is being written in SWMR mode opens in that mode alone.
                return h5py.File(file, "r", swmr=True)
            except _DAMAGED:
                pass
        raise error if isinstance(error, OSError) else OSError(str(error)) from error


def item_at(group: h5py.Group, path: str) -> Item | None:
    """The group or data set at `path`; None where there is none or a link leads nowhere.

    Raises InputError for links that go in a circle or lead out of the folder of the file that has them.
    """
    return _Walk().item(group, path)


@dataclass
class _Walk:
    """One path on its way, which counts the links that it leads through."""

    links: int = 0

    def item(self, group: h5py.Group, path: str) -> Item | None:
        """What is at a path of a group."""
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
            raise InputError(f"{name_of(group)}: its links at {group.name} form a cycle; correct the file")
        if isinstance(link, h5py.ExternalLink):
            path = linked_file(group.file, str(link.filename))
            return None if path is None else self.item(_opened(path), str(link.path))
        return self.item(group, str(link.path)) if isinstance(link, h5py.SoftLink) else None


def linked_file(file: h5py.File, name: str, folder: Path | None = None) -> Path | None:
    """Where the file is that an external link names; None where there is none.

    It is looked for where the link says, from the folder of the file that has the link (`folder`, where that
    is packed), and beside that file. Raises InputError for one that lies elsewhere.
    """
    folder = folder or _folder(file)
    there = [path for path in (folder / name, folder / Path(name).name) if is_there(path)]
    inside = next((path for path in there if is_below(path, file, folder)), None)
    if there and inside is None:
        raise outside(name_of(file), there[0])
    return inside


def virtual_file(file: h5py.File, name: str) -> Path | None:
    """Where HDF5 takes a file from of which a virtual data set is made; else as `linked_file`."""
    path, folder = Path(name), _folder(file)
    # A name that leads nowhere from the root is looked for beside the file, others from its folder alone.
    if path.is_absolute() and not is_there(path):
        path = Path(path.name)
    path = folder / path
    if not is_there(path):
        return None
    if not is_below(path, file, folder):
        raise outside(name_of(file), path)
    return path


def is_below(path: Path, file: h5py.File, folder: Path) -> bool:
    """Whether a file lies in the folder of another or below, once all symbolic links are followed."""
    homes = [folder.resolve()]
    if is_there(str(file.filename)):
        homes.append(Path(file.filename).resolve().parent)
    return any(path.resolve().is_relative_to(home) for home in homes)


def outside(name: str, path: Path) -> InputError:
    """The error for a file that lies elsewhere."""
    return InputError(
        f"{name}: it refers to {path}, which lies outside of its folder; put that file beside this one"
    )


def name_of(item: Item) -> str:
    """The file's name, for a message."""
    return str(item.file.filename)


def _folder(file: h5py.File) -> Path:
    if not is_there(str(file.filename)):
        raise InputError("a packed HDF5 file that refers to other files cannot be read; unpack it")
    return Path(file.filename).parent


def _opened(path: Path) -> h5py.File:
    try:
        return opened(path)
    except OSError as error:
        raise unreadable(str(path), str(error)) from error
