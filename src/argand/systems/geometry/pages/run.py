"""What the pages of a run are made of: its records in order, and which of them have a page of their own."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from argand.errors import ConfigError, InputError
from argand.page.document import PAGE
from argand.page.pixels import read_beside
from argand.physics.still.detector import BeamGeometry
from argand.runs.fields import file_of, is_plain_name
from argand.runs.record import Record
from argand.system import from_config

ENDING = ".page.html"
"""Ends the name of an image's page: no image's name can make it that of the run."""


@dataclass(frozen=True)
class RunPages:
    """The records of a run, pooled ones first, and where each of them is shown."""

    folder: Path
    records: list[Record]
    _thumbs: dict[int, str | InputError | None] = field(default_factory=dict)

    @cached_property
    def single(self) -> list[Record]:
        """Records of single images, also of those without an answer."""
        return [record for record in self.records if not record.get("pooled")]

    @cached_property
    def images(self) -> list[Record]:
        """Those with outputs: each can have a page, by its name."""
        return [record for record in self.single if is_plain_name(record.get("name"))]

    @property
    def is_one_page(self) -> bool:
        """Whether the page of the run shows everything."""
        return len(self.images) < 2

    def page_of(self, record: Record) -> str:
        """Name of the page that shows a record."""
        own = not self.is_one_page and id(record) in self._places
        return f"{record['name']}{ENDING}" if own else PAGE

    def neighbours(self, record: Record) -> tuple[Record | None, Record | None]:
        """The images before and after one; None at the ends, and without pages of their own."""
        if self.is_one_page or id(record) not in self._places:
            return None, None
        place = self._places[id(record)]
        before = self.images[place - 1] if place else None
        return before, self.images[place + 1] if place + 1 < len(self.images) else None

    def thumb(self, record: Record) -> str | None:
        """Thumbnail of a record whose small image is whole; None for one of an earlier version.

        Raises InputError for a damaged file. Each is read once: they are some MB for ten images.
        """
        if id(record) not in self._thumbs:
            try:
                small = small_of(self.folder, record)
                self._thumbs[id(record)] = None if small is None else str(small["thumb"])
            except InputError as error:
                self._thumbs[id(record)] = error
        found = self._thumbs[id(record)]
        if isinstance(found, InputError):
            raise found
        return found

    @cached_property
    def _places(self) -> dict[int, int]:
        return {id(record): place for place, record in enumerate(self.images)}


def small_of(folder: Path, record: Record) -> dict[str, Any] | None:
    """The small image of a record; None for one of an earlier version, InputError for a damaged file."""
    name = record.get("image")
    if not name:
        return None
    path = file_of(folder, name)
    small = read_beside(path)
    if not (isinstance(small, dict) and isinstance(small.get("thumb"), str)):
        raise InputError(f"{path}: damaged (no small image); predict again with --force")
    return small


def geometry_of(record: Record) -> BeamGeometry | None:
    """The geometry that a record states, or its best guess, without a tilt that was not measured.

    None where a record of an earlier version does not have it.
    """
    told = record.get("geometry")
    if not isinstance(told, dict):
        return None
    try:
        found = from_config(BeamGeometry, told)
    except (ConfigError, TypeError, ValueError):
        return None
    if not (_is_finite(found) and found.wavelength > 0 and min(found.pixel_size_mm) > 0):
        return None
    upright = record.get("tilt_measured") is False
    return BeamGeometry(**{**vars(found), "pitch": 0.0, "yaw": 0.0}) if upright else found


def _is_finite(geometry: BeamGeometry) -> bool:
    numbers = (*geometry.beam_centre_px, *geometry.pixel_size_mm, geometry.distance_mm, geometry.wavelength)
    return bool(np.all(np.abs([*numbers, geometry.pitch, geometry.yaw]) < 1e9))


def covariance_of(record: Record) -> np.ndarray | None:
    """Covariance matrix of the centre in px²; None where there is none."""
    told = record.get("covariance")
    try:
        matrix = np.array(told, float)
    except (TypeError, ValueError):
        return None
    whole = matrix.ndim == 2 and min(matrix.shape) >= 2 and np.isfinite(matrix).all()
    if whole:
        return matrix[:2, :2]
    sigma = record.get("sigma_px")
    return np.eye(2) * sigma**2 if sigma else None
