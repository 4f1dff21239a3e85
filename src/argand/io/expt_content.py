"""The JSON of DIALS experiment lists, old and new, plain and compressed, in one form.

Before version 2 DIALS named its lists `.json`, and wrote imported images as a list of DataBlocks, with their
imagesets and the numbers of their models.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

from argand.errors import InputError
from argand.io.limits import is_there, read_bytes

_NAME = re.compile(r"\.(expt|json)(\.(gz|bz2))?$", re.IGNORECASE)
MOST_BYTES = 2**26
"""Largest unpacked experiment list in bytes: some 20,000 stills with a crystal each, of 3 kB. In memory it
may take 24 times as much."""
_LONGEST_REASON = 160
"""Longest reason in a message, characters. By hand: two lines of a terminal."""
_MODELS = ("beam", "detector", "goniometer", "scan")


def is_experiment_list(path: str | Path) -> bool:
    """Whether a file is a DIALS experiment list: by its suffix `.expt`, or a `.json` by its content."""
    found = _NAME.search(str(path))
    if found is None or not is_there(path) or not Path(path).is_file():
        return False
    if found.group(1).lower() == "expt":
        return True
    try:
        text = read_bytes(path, MOST_BYTES)
    except InputError:
        return False
    return re.search(rb'"__id__"\s*:\s*"(ExperimentList|DataBlock)"', text) is not None


def list_stem(path: str | Path) -> str:
    """The name of an experiment list without its suffixes."""
    return _NAME.sub("", Path(path).name)


def load_content(path: str | Path) -> dict[str, Any]:
    """The content of an experiment list in its current form; InputError for any other file."""
    try:
        content = json.loads(read_bytes(path, MOST_BYTES))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a DIALS experiment list ({error}); write it with dials") from error
    if isinstance(content, list) and content and all(_is_datablock(block) for block in content):
        content = _from_datablocks(path, content)
    if not isinstance(content, dict) or content.get("__id__") != "ExperimentList":
        raise InputError(f"{path}: not a DIALS experiment list; give the .expt of dials.import or later")
    if not content.get("experiment"):
        raise InputError(f"{path}: no experiments in it; give the .expt of dials.import or later")
    return content


@contextmanager
def understood(path: str | Path, what: str = "experiment list") -> Iterator[None]:
    """Context that turns errors on models which DIALS would not write into InputError.

    Something is missing, of another type, too large for a number, too deep, or names an unknown user.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError) as error:
        reason = " ".join(f"{type(error).__name__} {error}".split())[:_LONGEST_REASON]
        raise InputError(f"{path}: an invalid {what} ({reason}); write it with dials again") from error


def _is_datablock(block: Any) -> bool:
    return isinstance(block, dict) and block.get("__id__") == "DataBlock"


def _from_datablocks(path: str | Path, blocks: list[dict[str, Any]]) -> dict[str, Any]:
    """An experiment list with the imagesets and models of DataBlocks; one experiment for each geometry."""
    content: dict[str, Any] = {name: [] for name in ("experiment", "imageset", *_MODELS, "crystal")}
    with understood(path, "datablock"):
        for block in blocks:
            first = {name: len(content[name]) for name in _MODELS}
            for name in _MODELS:
                content[name] += block.get(name, [])
            for imageset, models in (pair for entry in block["imageset"] for pair in _imagesets(entry)):
                numbers = {name: first[name] + n for name, n in models.items()}
                number = {"imageset": len(content["imageset"])}
                content["experiment"].append({"__id__": "Experiment", "identifier": ""} | numbers | number)
                content["imageset"].append(imageset)
    return {"__id__": "ExperimentList"} | content


def _imagesets(entry: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, int]]]:
    """Imagesets of one geometry each in their current form, with the indices of their models."""
    kept = {name: entry[name] for name in ("mask", "gain", "pedestal", "dx", "dy", "params") if name in entry}
    if entry["__id__"] == "ImageSweep":
        template = entry.get("template") or entry["master"]
        numbers = {} if "template" in entry else {"single_file_indices": entry["images"]}
        sweep = {"__id__": "ImageSequence", "template": template} | kept | numbers
        return [(sweep, _numbers(entry))]
    found = []
    for models, group in groupby(entry["images"], key=_numbers):
        images = list(group)
        still = {"__id__": "ImageSet", "images": [image["filename"] for image in images]} | kept
        if "image" in images[0]:
            still["single_file_indices"] = [image["image"] for image in images]
        found.append((still, {name: n for name, n in models.items() if name != "scan"}))
    return found


def _numbers(entry: dict[str, Any]) -> dict[str, int]:
    return {name: entry[name] for name in _MODELS if entry.get(name) is not None}
