"""Detectors of many modules in NeXus files (NXmx): an NXdetector_module with its own axes for each."""

import h5py
import numpy as np

from argand.errors import InputError
from argand.io.hdf5_data import values
from argand.io.nxaxes import carried, dataset_at, of_class, quantity, vector_of
from argand.io.panel_model import sensible
from argand.physics.still.modular import PanelSet, PlanePanel

_HALF_TURN = np.array([-1.0, -1.0, 1.0])
"""From the frame of NeXus (McStas: z along the beam, y up) to ours, in which y points down."""
_SAME_MM = 1e-3
"""Modules with images that begin within this distance in mm, with equal axes, are parts of one flat image.

Set by hand: far below a pixel.
"""


def module_panels(detector: h5py.Group) -> PanelSet | None:
    """Panels of a detector of several modules; None for one module, or if all form one flat image.

    Raises InputError if one of several has no position.
    """
    modules = of_class(detector, "NXdetector_module")
    if len(modules) < 2:
        return None
    try:
        panels = PanelSet(tuple(_panel(module) for module in modules))
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(
            f"{detector.file.filename}: one of its {len(modules)} modules does not state its position "
            f"({error}); give their positions with --geometry (.geom, .expt)"
        ) from error
    return None if _flat(panels) else sensible(str(detector.file.filename), panels)


def _panel(module: h5py.Group) -> PlanePanel:
    steps = []
    for name in ("fast_pixel_direction", "slow_pixel_direction"):
        axis, size = dataset_at(module, name), quantity(module, name, "mm")
        if axis is None or not size:
            raise ValueError(f"no {name}")
        along = carried(axis, vector_of(axis), False)
        steps.append(along / np.linalg.norm(along) * size * _HALF_TURN)
        corner = carried(axis, np.zeros(3), True) * _HALF_TURN
    first, size = (_indices(module, name) for name in ("data_origin", "data_size"))
    name, frame = str(module.name).rsplit("/", 1)[-1], np.array([corner, *steps])
    return PlanePanel.at(name, frame, (size[-2], size[-1]), (first[-2], first[-1]), tuple(first[:-2]))


def _indices(module: h5py.Group, name: str) -> list[int]:
    """`data_origin` or `data_size`: slow and fast last, without the axis of frames."""
    item = dataset_at(module, name)
    if item is None or np.size(item) < 2:
        raise ValueError(f"no {name}")
    return [int(value) for value in np.ravel(values(item))]


def _flat(panels: PanelSet) -> bool:
    first = np.array([_image_frame(panel) for panel in panels.panels])
    layered = any(panel.leading for panel in panels.panels)
    return not layered and bool(np.all(np.abs(first - first[0]).max() < _SAME_MM))


def _image_frame(panel: PlanePanel) -> np.ndarray:
    """Corner of the image that contains the panel, and positions of its 1000th pixels, mm."""
    ends = np.array([(0.0, 0.0), (1000.0, 0.0), (0.0, 1000.0)])
    return panel.lab_from_px(ends - np.array(panel.first[::-1]))
