"""Paths of files shipped with the package."""

from importlib.resources import files
from pathlib import Path


def shipped_weights(name: str) -> Path:
    """Folder of the shipped weights `name`, such as `geometry-best`."""
    return Path(str(files("argand") / "weights" / name))


def system_data(system: str, name: str) -> Path:
    """A data file of a system."""
    return Path(str(files("argand") / "systems" / system / "data" / name))
