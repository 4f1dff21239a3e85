"""Geometry files for other programs: DIALS, pyFAI, CrystFEL and XDS."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from argand.errors import ConfigError
from argand.io.expt import write_expt
from argand.io.geom import write_geom
from argand.io.image import Frame
from argand.io.panel_geometry import write_panels
from argand.io.poni import write_poni
from argand.io.xds import write_xds
from argand.physics.still.detector import BeamGeometry
from argand.system import near_match
from argand.systems.geometry.refine.prediction import Prediction

FORMATS = ("expt", "poni", "geom", "xds")
PANEL_FORMATS = ("expt", "geom")
"""Formats that describe panels in space."""


def parse_formats(text: str) -> tuple[str, ...]:
    """Names of geometry formats from `expt,poni`; ConfigError for an unknown one."""
    formats = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in formats:
        if name not in FORMATS:
            hint = near_match(name, FORMATS)
            raise ConfigError(f"unknown geometry format '{name}'{hint}; choose from {', '.join(FORMATS)}")
    return formats


def answer_formats(prediction: Prediction, formats: Sequence[str]) -> list[str]:
    """Those of the formats that can describe the detector of an answer."""
    return [one for one in formats if prediction.panels is None or one in PANEL_FORMATS]


def write_answer(
    path: Path, form: str, prediction: Prediction, frame: Frame, images: list[tuple[str, int]]
) -> None:
    """Write a trusted answer in one of FORMATS for the images (file, number in it) of its detector.

    Raises ConfigError for a format that cannot describe panels, OutputError where the disk refuses.
    """
    geometry, panels = prediction.stated_geometry, prediction.moved_panels
    assert geometry is not None
    if panels is None:
        write_geometry(path, form, geometry, frame, images)
    elif form not in PANEL_FORMATS:
        raise ConfigError(f"{path}: .{form} cannot describe a detector of panels; write .expt or .geom")
    else:
        write_panels(path, form, frame.panel_file, panels, geometry.wavelength, images, counts_range(frame))


def write_geometry(
    path: Path, form: str, geometry: BeamGeometry, frame: Frame, images: list[tuple[str, int]]
) -> None:
    """Write the geometry of a flat detector in one of FORMATS for these images (file, number in it)."""
    if form == "poni":
        write_poni(path, geometry, frame.shape)
    elif form == "geom":
        write_geom(path, geometry, frame.shape, frame.mask)
    elif form == "xds":
        write_xds(path, geometry, frame.shape)
    else:
        write_expt(path, geometry, frame.shape, images, counts_range(frame))


def counts_range(frame: Frame) -> tuple[float, float]:
    """Smallest and largest valid counts: the `trusted_range` of DIALS."""
    limit = frame.saturation
    if limit is None:
        # Saturation is unknown: the largest number of the counts' type, or more than any detector counts.
        limit = np.iinfo(frame.data.dtype).max if frame.data.dtype.kind in "iu" else 1e9
    return 0.0, float(limit)
