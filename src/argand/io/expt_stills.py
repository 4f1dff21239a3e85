"""New DIALS experiment lists of stills, in the usual frame of dxtbx: x along fast, y against slow."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from argand.io.atomic import write_lines
from argand.io.expt_panels import placed_node
from argand.io.exptimages import new_imageset
from argand.physics.still.modular import PanelSet

TO_SOURCE = (0.0, 0.0, 1.0)
"""Direction of the beam in dxtbx's convention: from the sample to the source."""


def write_expt_panels(
    path: str | Path,
    panels: PanelSet,
    wavelength: float,
    images: Sequence[str | tuple[str, int]],
    trusted_range: tuple[float, float],
) -> None:
    """Write an experiment list of stills on a detector of these panels; see `write_expt`."""
    models = []
    for panel in panels.panels:
        size = [float(np.linalg.norm(vector)) for vector in (panel.fast_mm, panel.slow_mm)]
        place = placed_node(panel.frame, -np.asarray(TO_SOURCE))
        models.append(panel_model(panel.name, panel.first, panel.shape, size, trusted_range) | place)
    write_lines(path, [json.dumps(experiments(models, wavelength, images), indent=2)])


def panel_model(
    name: str,
    first: tuple[int, int],
    shape: tuple[int, int],
    pixel_mm: Sequence[float],
    trusted_range: tuple[float, float],
) -> dict[str, Any]:
    """A panel without its position; `first` pixel in the raw image and `shape` are (slow, fast)."""
    return {
        "name": name,
        "type": "SENSOR_PAD",
        "raw_image_offset": [int(first[1]), int(first[0])],
        "image_size": [int(shape[1]), int(shape[0])],
        "pixel_size": list(pixel_mm),
        "trusted_range": [float(limit) for limit in trusted_range],
    }


def experiments(
    panels: list[dict[str, Any]], wavelength: float, images: Sequence[str | tuple[str, int]]
) -> dict[str, Any]:
    """An experiment list of stills on one detector of these panels."""
    beam = {"direction": list(TO_SOURCE), "wavelength": wavelength}
    numbered = [(image, 0) if isinstance(image, str) else image for image in images]
    return {
        "__id__": "ExperimentList",
        "experiment": [
            {"__id__": "Experiment", "identifier": "", "beam": 0, "detector": 0, "imageset": index}
            for index in range(len(numbered))
        ],
        "imageset": [new_imageset(file, number) for file, number in numbered],
        "beam": [beam],
        "detector": [{"panels": panels}],
        "goniometer": [],
        "scan": [],
        "crystal": [],
        "profile": [],
        "scaling_model": [],
    }
