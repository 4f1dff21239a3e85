"""The imagesets of a DIALS experiment list: the frames of files in them."""

import glob
import os
import re
from pathlib import Path
from typing import Any

from argand.io.limits import MOST_FRAMES, is_there
from argand.io.suffix import MANY_IMAGES

_LONGEST_NAME = 4096
"""Most characters of a file name (Linux)."""
_LOOKUPS = ("mask", "gain", "pedestal", "dx", "dy")


def imageset_frames(
    imageset: dict[str, Any], scan: dict[str, Any] | None, folder: Path
) -> tuple[tuple[str, int], ...]:
    """(file, number of the image in it from 0) of every frame; relative names start at `folder`.

    A file that is not at its stated path but beside the list is taken from there.
    """
    numbers = _whole(imageset.get("single_file_indices") or [])
    if "images" in imageset:
        files = [_found(name, folder) for name in imageset["images"]]
        return tuple(zip(files, numbers or [0] * len(files), strict=True))
    template = imageset["template"]
    first, last = _whole(scan["image_range"]) if scan else (1, 0)
    if len(template) > _LONGEST_NAME or last - first >= MOST_FRAMES:
        raise ValueError(f"states {last - first + 1} images; argand reads at most {MOST_FRAMES:,}")
    if "#" in template:
        names = [_numbered(template, number) for number in range(first, last + 1)]
        return tuple((_found(name, folder), 0) for name in names or _all_of(template, folder))
    return tuple((_found(template, folder), number) for number in numbers or range(first - 1, last))


def _whole(numbers: list[int]) -> list[int]:
    """The numbers; ValueError for non-numbers, negative ones, or more than are read."""
    if len(numbers) > MOST_FRAMES or any(type(number) is not int or number < 0 for number in numbers):
        raise ValueError("impossible numbers of images")
    return numbers


def absolute_imageset(imageset: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The imageset with file names that are valid from any folder; relative ones started at `folder`."""
    names = {key: imageset[key] for key in ("template", *_LOOKUPS) if imageset.get(key)}
    absolute = {key: _absolute(name, folder) for key, name in names.items() if isinstance(name, str)}
    images = [_absolute(name, folder) for name in imageset.get("images", [])]
    return imageset | absolute | ({"images": images} if images else {})


def new_imageset(file: str, number: int) -> dict[str, Any]:
    """An imageset of one still."""
    name = str(Path(file).absolute())
    still = {"__id__": "ImageSet", "images": [name], "params": {}} | dict.fromkeys(_LOOKUPS)
    return still | {"single_file_indices": [number]} if MANY_IMAGES.search(file) else still


def _numbered(template: str, number: int) -> str:
    return re.sub(r"#+", lambda hashes: str(number).zfill(len(hashes.group())), template, count=1)


def _all_of(template: str, folder: Path) -> list[str]:
    path = Path(_absolute(template, folder))
    pattern = re.sub(r"#+", lambda hashes: "[0-9]" * len(hashes.group()), glob.escape(path.name))
    return sorted(str(found) for found in path.parent.glob(pattern))


def _absolute(name: str, folder: Path) -> str:
    return str(folder / Path(os.path.expandvars(name)).expanduser())


def _found(name: str, folder: Path) -> str:
    path = Path(_absolute(name, folder))
    beside = folder / path.name
    return str(beside if not is_there(path) and is_there(beside) else path)
