"""The list of files that argand has written in an output folder; only these are ever removed or replaced.

The hidden file `.argand-files` of such a folder has one name per line, in JSON, relative to the folder.
`argand.io.atomic` adds each file before writing it, in any process.
"""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

MANIFEST = ".argand-files"
_DEPTH = 3
"""Parent folders of a file that are searched for a manifest. By hand: outputs are at most two folders
deep."""
_REMEMBERED = 64
"""Files of which a process remembers that they are listed. By hand: a run appends to one or two files, and
must not read the whole list for each record."""
_own: dict[Path, None] = {}
"""The last of them, oldest first."""
_last: dict[tuple[Path, int, int], set[Path]] = {}
"""The list that was read last, by its folder, size and time of change."""
_PART = re.compile(r"\..*\.\d+-\d+\.part", re.DOTALL)
"""The temporary name under which `argand.io.atomic` writes a file; a killed run leaves one."""


def begin_manifest(folder: Path) -> None:
    """Start the list of a folder if it has none."""
    with (folder / MANIFEST).open("a", encoding="utf-8"):
        pass


def has_manifest(folder: Path) -> bool:
    """Whether a folder has a list of the files that argand writes there."""
    return (folder / MANIFEST).is_file()


def folder_of(path: Path) -> Path | None:
    """The nearest parent folder of a file that has a manifest, or None."""
    folders = path.absolute().parents[:_DEPTH]
    return next((folder for folder in folders if has_manifest(folder)), None)


def note(path: Path) -> None:
    """Add a file to the list of its folder, if there is one."""
    folder = folder_of(path)
    if folder is not None:
        line = json.dumps(os.fspath(path.absolute().relative_to(folder))) + "\n"
        # Unbuffered: a single write, since several processes append.
        with (folder / MANIFEST).open("ab", buffering=0) as manifest:
            manifest.write(line.encode())


def is_foreign(path: Path) -> bool:
    """Whether a file exists in a folder with a manifest that does not list it."""
    path = path.absolute()
    if path in _own or not os.path.lexists(path):
        return False
    folder = folder_of(path)
    if folder is None:
        return False
    if path not in _listed_now(folder):
        return True
    _own[path] = None
    if len(_own) > _REMEMBERED:
        del _own[next(iter(_own))]
    return False


def _listed_now(folder: Path) -> set[Path]:
    """The files in a folder's manifest, read again only when it has changed: a run replaces hundreds."""
    state = (folder / MANIFEST).stat()
    stamp = (folder, state.st_size, state.st_mtime_ns)
    if stamp not in _last:
        _last.clear()
        _last[stamp] = set(listed(folder))
    return _last[stamp]


def listed(folder: Path) -> Iterator[Path]:
    """The files in a folder's manifest, each once, without any outside the folder."""
    folder = folder.absolute()
    seen = set()
    for line in (folder / MANIFEST).read_bytes().splitlines():
        try:
            name = json.loads(line)
        except ValueError:  # cut off when the process was killed
            continue
        if isinstance(name, str) and name not in seen and ".." not in Path(name).parts:
            seen.add(name)
            if not Path(name).is_absolute():
                yield folder / name


def remove_listed(folder: Path) -> None:
    """Remove the listed files, folders that are then empty, and the manifest."""
    folder = folder.absolute()
    parents = set()
    for path in listed(folder):
        path.unlink(missing_ok=True)
        _own.pop(path, None)
        parents |= {parent for parent in path.parents if folder in parent.parents}
    for place in [folder, *parents]:
        for leftover in place.glob(".*.part"):
            if _PART.fullmatch(leftover.name):
                leftover.unlink(missing_ok=True)
    for parent in sorted(parents, key=lambda one: len(one.parts), reverse=True):
        if parent.is_dir() and not any(parent.iterdir()):
            parent.rmdir()
    (folder / MANIFEST).unlink(missing_ok=True)
