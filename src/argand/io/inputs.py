"""Find the image files that a user names (files, globs, folders, lists, DIALS experiments)."""

import glob
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from argand.errors import InputError
from argand.io.expt import ExptImages, read_expt
from argand.io.expt_content import is_experiment_list
from argand.io.limits import MOST_FRAMES, is_there, read_bytes, require_at_most
from argand.io.selection import require_selected, split_selection
from argand.io.suffix import IMAGE, MANY_IMAGES

_PART_OF_MASTER = re.compile(r"_(data_\d+|meta|\d{6})\.(h5|hdf5|nxs)$", re.IGNORECASE)
_LIST_SUFFIXES = (".lst", ".list", ".txt")
_MOST_LIST_BYTES = 2**26
"""Largest list of images: 10⁶ names of 64 bytes."""


def expand_inputs(patterns: Sequence[str]) -> list[str]:
    """Image files named by `patterns`, in order, each once.

    A pattern is a file, a (quoted) glob, a folder (all images in it), a DIALS `.expt` or old `.json`
    (compressed or not), a `.lst`, `.list` or `.txt` file with one image per line (relative to the list), or
    `file.h5#3` or `file.h5#0-9` for some images of a file. Frames of an HDF5 file named in an `.expt` are
    returned in this last form. Raises InputError for a pattern that matches nothing.
    """
    return list(inputs_with_models(patterns))


def inputs_with_models(patterns: Sequence[str]) -> dict[str, ExptImages | None]:
    """The files of `expand_inputs`, each with the current model of the `.expt` that names it, or None."""
    found: dict[str, ExptImages | None] = {}
    for pattern in patterns:
        for path, model in _expanded(str(pattern)):
            found[path] = found.get(path) or model
    return found


def _expanded(pattern: str) -> Iterator[tuple[str, ExptImages | None]]:
    path = Path(pattern)
    if is_experiment_list(path):
        yield from _experiments(pattern)
    else:
        yield from ((name, None) for name in _named(pattern, path))


def _named(pattern: str, path: Path) -> Iterable[str]:
    if not is_there(path):
        return _files(pattern)
    if path.is_dir():
        return _folder(path)
    if path.suffix in _LIST_SUFFIXES:
        return _listed(path)
    return _files(pattern)


def _files(pattern: str) -> list[str]:
    file, wanted = split_selection(pattern)
    if is_there(file):
        if wanted is not None:
            require_selected(pattern, _count(file))
        return [pattern]
    found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207  a pattern may be absolute
    if not found:
        raise InputError(f"{pattern}: no such file; check the name, or quote a glob that matches")
    return found


def _count(file: str) -> int | None:
    """Number of images in a file; None if it cannot be read, which the reader reports later."""
    from argand.io.formats import open_stack

    try:
        stack = open_stack(file)
    except InputError:
        return None
    stack.close()
    return stack.count


def _folder(folder: Path) -> list[str]:
    try:
        files = [path for path in folder.iterdir() if IMAGE.search(path.name) and path.is_file()]
    except OSError as error:
        raise InputError(f"{folder}: cannot be listed ({error.strerror}); check permissions") from error
    images = sorted(map(str, files))
    masters = [path for path in images if not _PART_OF_MASTER.search(path)]
    # Data files are read through their master; alone they have no geometry.
    with_master = any(MANY_IMAGES.search(path) for path in masters)
    images = masters if with_master else images
    if not images:
        raise InputError(f"{folder}: no images in this folder; give the files or a glob")
    return images


def _listed(path: Path) -> Iterator[str]:
    # File names may not be valid UTF-8.
    text = read_bytes(path, _MOST_LIST_BYTES).decode("utf-8", "surrogateescape")
    if "\0" in text:
        raise InputError(f"{path}: not a list of image files; give one file name per line")
    lines = [line.strip() for line in text.splitlines()]
    named = [line for line in lines if line and not line.startswith("#")]
    if not named:
        raise InputError(f"{path}: names no images; give one file name per line")
    require_at_most(path, "images", len(named), MOST_FRAMES)
    for line in named:
        # An absolute name stays as it is when joined to the list's folder.
        yield from _files(str(path.parent / line))


def _experiments(pattern: str) -> Iterator[tuple[str, ExptImages]]:
    for images in read_expt(pattern):
        if not images.frames:
            raise InputError(f"{pattern}: names no images; give the image files themselves")
        for path, group in groupby(images.frames, key=lambda frame: frame[0]):
            if MANY_IMAGES.search(path):
                yield from ((f"{path}#{run}", images) for run in _runs([number for _, number in group]))
            else:
                yield path, images


def _runs(numbers: list[int]) -> Iterator[str]:
    """`3-7` for each run of consecutive numbers."""
    for _, group in groupby(enumerate(numbers), key=lambda item: item[1] - item[0]):
        run = [number for _, number in group]
        yield str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}"
