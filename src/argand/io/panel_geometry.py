"""Positions of a detector's panels from a file beside the images."""

from pathlib import Path

import numpy as np

from argand.errors import InputError
from argand.io.expt import move_expt, read_expt_panels
from argand.io.expt_content import is_experiment_list
from argand.io.expt_stills import write_expt_panels
from argand.io.formats import reader_errors
from argand.io.geom_panels import move_geom, read_geom, write_geom_panels
from argand.io.limits import require_file
from argand.io.panel_model import Lookup, PanelModel
from argand.physics.still.modular import PanelSet, RigidMotion

_NEXUS = (".nxs", ".h5", ".hdf5")
"""Suffixes of files whose modules may have positions."""


def read_panels(geometry: str | Path, image: str, index: int = 0) -> PanelModel:
    """The panels that a .geom, .expt or NXmx file states; a .geom may refer to values in the `image` file.

    Raises InputError for a file of another kind, or one without positions of panels.
    """
    if _is_geom(geometry):
        return read_geom(geometry, image_lookup(image, index))
    if is_experiment_list(geometry):
        return read_expt_panels(geometry)
    if Path(geometry).suffix in _NEXUS:
        from argand.io.nexus import nexus_panels

        panels = nexus_panels(str(geometry))
        if panels is None:
            raise InputError(f"{geometry}: no modules with their own positions")
        return PanelModel(panels)
    raise InputError(
        f"{geometry}: no positions of panels; give a CrystFEL .geom, a DIALS .expt or an NXmx file"
    )


def write_panels(
    path: Path,
    form: str,
    source: str | Path | None,
    panels: PanelSet,
    wavelength: float,
    images: list[tuple[str, int]],
    trusted_range: tuple[float, float],
) -> None:
    """Write `panels` as `form` expt or geom, for images (file, number in it).

    If the file `source` that they come from has this form, a copy of it with moved panels is written, and
    everything else in it is kept.
    """
    same = source is not None and (is_experiment_list(source) if form == "expt" else _is_geom(source))
    if source is None or not same:
        if form == "geom":
            write_geom_panels(path, panels, wavelength)
        else:
            write_expt_panels(path, panels, wavelength, images, trusted_range)
        return
    motion = RigidMotion.between(read_panels(source, *images[0]).panels.panels[0], panels.panels[0])
    if form == "geom":
        move_geom(path, source, motion, image_lookup(*images[0]))
    else:
        move_expt(path, source, motion)


def _is_geom(path: str | Path) -> bool:
    return Path(path).suffix == ".geom"


def image_lookup(image: str, index: int) -> Lookup:
    """Values at paths in an HDF5 image file: of frame `index` if there is one for each frame."""

    def lookup(place: str) -> float | None:
        import h5py

        from argand.io.hdf5_data import values
        from argand.io.hdf5_heaps import require_heaps
        from argand.io.hdf5_links import item_at

        require_file(image)
        if not h5py.is_hdf5(image):
            return None
        with reader_errors(image):
            require_heaps(image)
        with reader_errors(image), h5py.File(image, "r") as file:
            item = item_at(file, place)
            if not isinstance(item, h5py.Dataset) or not item.size or item.dtype.kind not in "iuf":
                return None
            found = np.ravel(values(item))
            return float(found[index] if index < len(found) else found[0])

    return lookup
