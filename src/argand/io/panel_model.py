"""The model of a detector of panels from a geometry file."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from argand.errors import InputError
from argand.io.beam_geometry import require_sizes
from argand.io.limits import MOST_PIXELS, require_at_most
from argand.physics.still.modular import PanelSet
from argand.physics.still.projection import plane_of
from argand.typing import Mask

Lookup = Callable[[str], float | None]
"""Gives the number at a path in an image file, None if there is none."""


@dataclass(frozen=True)
class PanelModel:
    """Panels in space, wavelength in Å if it is stated, and the usable pixels of panels by name."""

    panels: PanelSet
    wavelength: float | None = None
    good: dict[str, Mask] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def usable(self, raw_shape: tuple[int, ...]) -> Mask:
        """True for the pixels of a raw frame (all axes but the last flattened into one) that belong to a
        panel.

        Raises InputError for a frame of another shape.
        """
        mask = np.zeros((int(np.prod(raw_shape[:-1])), raw_shape[-1]), bool)
        for panel, place in zip(self.panels.panels, self.panels.places(raw_shape), strict=True):
            mask[place] = self.good.get(panel.name, True)
        return mask


def sensible(source: str | Path, panels: PanelSet) -> PanelSet:
    """The panels; InputError, which names `source`, for impossible positions, steps and sizes.

    These are too many panels, more pixels than are read, pixels without area or of an impossible size, and
    panels that are too far away.
    """
    require_at_most(source, "panels", len(panels.panels), MOST_PANELS)
    pixels = 0
    for panel in panels.panels:
        frame = panel.frame
        if not (np.isfinite(frame).all() and np.abs(frame[0]).max() <= _FARTHEST_MM):
            raise InputError(
                f"{source}: panel {panel.name} is impossibly far from the sample; correct the file"
            )
        require_sizes(source, None, *np.linalg.norm(frame[1:], axis=1).tolist())
        if np.linalg.norm(panel.normal) < _LEAST_SINE * np.prod(np.linalg.norm(frame[1:], axis=1)):
            raise InputError(f"{source}: the axes of panel {panel.name} are parallel; correct the file")
        if min(panel.shape) < 1 or min((*panel.first, *panel.leading)) < 0:
            raise InputError(f"{source}: panel {panel.name} has no pixels; correct the file")
        pixels += panel.shape[0] * panel.shape[1]
    require_at_most(source, "pixels of panels", pixels, MOST_PIXELS)
    try:
        slow, fast = plane_of(panels).shape
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
    require_at_most(source, "pixels of the projection plane of its panels", slow * fast, MOST_PIXELS)
    return panels


MOST_PANELS = 2**12
"""Most panels of one detector: the largest have about 500."""
_FARTHEST_MM = 1e6
"""Largest distance from the sample. Set by hand: 1 km."""
_LEAST_SINE = 1e-3
"""Of the angle between a panel's axes, which are perpendicular except for small errors. By hand."""
_MODULES = ((512, 1024), (514, 1030), (512, 128), (352, 384))
"""Modules (slow, fast) stacked along the slow axis in raw images: JUNGFRAU without and with wide pixels
between its chips, AGIPD, ePix10k; from the manufacturers."""
_FRAMES = ((8, 512, 1024), (8, 514, 1030), (16, 512, 128), (16, 352, 384), (32, 185, 388))
"""Raw frames of detectors of such modules, and of the CSPAD."""
_SLABS = {(1480, 1552): (64, 185, 194)}
"""Raw images with chips side by side: the CSPAD as written by Cheetah."""
_LEAST_STACKED = 4
"""Least number of modules in one column that are not taken as a flat detector. By hand: images of two or
three are as high as wide."""


def refuse_panels(name: str, shape: tuple[int, ...]) -> None:
    """Raise InputError for raw data of many panels, which are not a flat image without their positions.

    `shape` is that of a whole data set: frames, then the axes of a frame.
    """
    found = _panels_of(shape)
    if found is not None:
        count, slow, fast = found
        raise InputError(
            f"{name}: {count} panels of {slow} x {fast} px: give their positions with --geometry "
            "(.geom, .expt)"
        )


def _panels_of(shape: tuple[int, ...]) -> tuple[int, int, int] | None:
    if len(shape) < 2:
        return None
    slow, fast = shape[-2:]
    if len(shape) >= 4 and int(np.prod(shape[1:-2])) > 1:
        return int(np.prod(shape[1:-2])), slow, fast
    for frame in _FRAMES:
        if shape == frame:
            return frame
    for rows, columns in _MODULES:
        if fast == columns and slow % rows == 0 and slow // rows >= _LEAST_STACKED:
            return slow // rows, rows, columns
    return _SLABS.get((slow, fast))
