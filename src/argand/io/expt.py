"""DIALS experiment lists (.expt): the images and beam geometries in them, and corrected ones.

Conventions of dxtbx: lengths in mm, wavelength in Å; a panel is the outer corner of its first pixel
(`origin`) and two axes, so pixel coordinates have integer = pixel edge, as here; the beam's `direction`
points from the sample to the source, so the beam travels the other way. Any orientation of that frame is
supported: BeamGeometry turns it until the beam runs along +z with the fast axis as near to x as possible, and
a corrected file rotates the new geometry back in the same way.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from argand.errors import InputError
from argand.io.atomic import write_lines
from argand.io.beam_geometry import geometry_from_vectors, require_sizes, vector_meant
from argand.io.expt_content import load_content, understood
from argand.io.expt_panels import (
    detector_panels,
    local_frame,
    moved_detector,
    parent_frames,
    whole_image,
)
from argand.io.expt_stills import experiments, panel_model
from argand.io.exptimages import absolute_imageset, imageset_frames
from argand.io.limits import image_size
from argand.io.panel_model import PanelModel, sensible
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.modular import PanelSet, RigidMotion
from argand.physics.still.projection import plane_of
from argand.typing import Matrix3, Vector3

_AXIS_TOLERANCE = 1e-4
"""Largest difference of axis components among panels of one flat image.

Set by hand: 0.4 px over the 4000 px of a large detector.
"""
_CORNER_TOLERANCE_PX = 0.1
"""Largest difference of the image corner among its panels, in px.

By hand: well below the uncertainty of a centre.
"""


@dataclass(frozen=True)
class ExptImages:
    """Images of one experiment list with a common geometry.

    `frames` are (file, number of the image in that file, from 0), `shape` is (slow, fast). If the panels do
    not form one flat image, geometry and shape are those of the plane that they are projected to.
    """

    frames: tuple[tuple[str, int], ...]
    geometry: BeamGeometry
    shape: tuple[int, int]
    panels: PanelSet | None = None


@dataclass(frozen=True)
class _Sensor:
    """A detector's one flat image in the file's laboratory frame; pixel counts and sizes (fast, slow)."""

    corner: Vector3
    fast: Vector3
    slow: Vector3
    pixel_size: tuple[float, float]
    size: tuple[int, int]


def read_expt(path: str | Path) -> list[ExptImages]:
    """Images and geometry of every imageset with its beam and detector, in the order of experiments.

    Raises InputError for a file that is not an experiment list.
    """
    content = load_content(path)
    with understood(path):
        known: dict[tuple[int, int], _Stand] = {}
        scans = _scans(content)
        return [_images(path, content, key, known, scans) for key in _models(content)]


def write_expt(
    path: str | Path,
    geometry: BeamGeometry,
    shape: tuple[int, int],
    images: Sequence[str | tuple[str, int]],
    trusted_range: tuple[float, float],
    source_expt: str | Path | None = None,
) -> None:
    """Write an experiment list with this geometry.

    With `source_expt`, everything in that file is kept except the position and tilt of its detector; else one
    still is written for each of `images` (file, or (file, number in it)), with a detector of `shape` (slow,
    fast) and the smallest and largest trusted counts. Pixel coordinates in the file: integer = pixel
    edge. Raises InputError when the source has several geometries (`correct_expt` takes one for each)
    or another shape.
    """
    if source_expt is None:
        write_lines(path, [json.dumps(_stills(geometry, shape, images, trusted_range), indent=2)])
        return
    found = read_expt(source_expt)
    if any(images.shape != tuple(shape) for images in found):
        pixels = f"{shape[0]} x {shape[1]} pixels"
        raise InputError(f"{source_expt}: its detector is not of {pixels}; give the .expt of these images")
    if len({images.geometry for images in found}) > 1:
        raise InputError(f"{source_expt}: it has several geometries; correct its imagesets one by one")
    correct_expt(path, source_expt, [geometry] * len(found))


def correct_expt(path: str | Path, source_expt: str | Path, geometries: Sequence[BeamGeometry]) -> None:
    """Write `source_expt` again with one new detector geometry for each entry of `read_expt`.

    Beam, crystals, scans and everything else are kept, and imagesets that shared a detector and get equal
    geometries still share it.

    Raises InputError for a file that is not an experiment list.
    """
    content = load_content(source_expt)
    with understood(source_expt):
        write_lines(path, [json.dumps(_corrected(content, source_expt, geometries), indent=2)])


def _corrected(
    content: dict[str, Any], source_expt: str | Path, geometries: Sequence[BeamGeometry]
) -> dict[str, Any]:
    keys = _models(content)
    detectors: list[dict[str, Any]] = []
    known: dict[tuple[int, BeamGeometry], int] = {}
    numbers: dict[tuple[int | None, int, int], int] = {}
    for (imageset, beam, detector), geometry in zip(keys, geometries, strict=True):
        if (detector, geometry) not in known:
            known[detector, geometry] = len(detectors)
            old = content["detector"][detector]
            detectors.append(_moved(old, content["beam"][beam], geometry))
        numbers[imageset, beam, detector] = known[detector, geometry]
    for experiment in content["experiment"]:
        experiment["detector"] = numbers[_key(experiment)]
    folder = Path(source_expt).resolve().parent
    content["imageset"] = [absolute_imageset(imageset, folder) for imageset in content.get("imageset", [])]
    return content | {"detector": detectors}


def read_expt_panels(path: str | Path) -> PanelModel:
    """The panels of an experiment list's first detector, flat or not, and the wavelength.

    Raises InputError for a file that is not an experiment list.
    """
    content = load_content(path)
    with understood(path):
        _, beam, detector = _models(content)[0]
        incident = content["beam"][beam]
        panels = detector_panels(content["detector"][detector], _travel(incident))
        wavelength = incident.get("wavelength")
        require_sizes(path, None if wavelength is None else float(wavelength))
        return PanelModel(sensible(path, panels), wavelength)


def move_expt(path: str | Path, source: str | Path, motion: RigidMotion) -> None:
    """Write a copy of `source` with all panels of all its detectors moved in our laboratory.

    Raises InputError for a file that is not an experiment list.
    """
    content = load_content(source)
    with understood(source):
        beams = {detector: beam for _, beam, detector in _models(content)}
        content["detector"] = [
            moved_detector(model, _travel(content["beam"][beams[index]]), motion) if index in beams else model
            for index, model in enumerate(content["detector"])
        ]
        folder = Path(source).resolve().parent
        imagesets = [absolute_imageset(imageset, folder) for imageset in content.get("imageset", [])]
        content["imageset"] = imagesets
    write_lines(path, [json.dumps(content, indent=2)])


def _key(experiment: dict[str, Any]) -> tuple[int | None, int, int]:
    return experiment.get("imageset"), experiment["beam"], experiment["detector"]


def _models(content: dict[str, Any]) -> list[tuple[int | None, int, int]]:
    return list(dict.fromkeys(_key(experiment) for experiment in content["experiment"]))


def _scans(content: dict[str, Any]) -> dict[int | None, dict[str, Any]]:
    """The first scan of each imageset that has any."""
    found: dict[int | None, dict[str, Any]] = {}
    for experiment in content["experiment"]:
        if experiment.get("scan") is not None:
            found.setdefault(experiment.get("imageset"), content["scan"][experiment["scan"]])
    return found


def _images(
    path: str | Path,
    content: dict[str, Any],
    key: tuple[int | None, int, int],
    known: "dict[tuple[int, int], _Stand]",
    scans: dict[int | None, dict[str, Any]],
) -> ExptImages:
    imageset, *models = key
    beam, detector = models
    if (beam, detector) not in known:
        known[beam, detector] = _stand(path, content["beam"][beam], content["detector"][detector])
    geometry, shape, panels = known[beam, detector]
    frames: tuple[tuple[str, int], ...] = ()
    if imageset is not None:
        folder = Path(path).resolve().parent
        frames = imageset_frames(content["imageset"][imageset], scans.get(imageset), folder)
    return ExptImages(frames, geometry, shape, panels)


_Stand = tuple[BeamGeometry, tuple[int, int], PanelSet | None]
"""Geometry, shape and panels as in `ExptImages`."""


def _stand(path: str | Path, incident: dict[str, Any], model: dict[str, Any]) -> _Stand:
    """Geometry, shape and panels of a detector in a beam."""
    if "wavelength" not in incident:
        raise InputError(f"{path}: its beam is not monochromatic; give a monochromatic experiment")
    wavelength = float(incident["wavelength"])
    require_sizes(path, wavelength)
    sensor = _sensor(model)
    if sensor is None:
        panels = sensible(path, detector_panels(model, _travel(incident)))
        plane = plane_of(panels)
        return plane.geometry(wavelength), plane.shape, panels
    axes = np.array([sensor.fast, sensor.slow, _travel(incident)])
    geometry = geometry_from_vectors(path, sensor.corner, axes, wavelength, sensor.pixel_size)
    shape = (sensor.size[1], sensor.size[0])
    image_size(shape)
    return geometry, shape, None


def _travel(beam: dict[str, Any]) -> Vector3:
    """Propagation direction of the beam."""
    return -vector_meant(beam["direction"])


def _sensor(detector: dict[str, Any]) -> _Sensor | None:
    """The one flat image that all panels form; None if they have independent positions."""
    parents = parent_frames(detector)
    sensors = [_panel_sensor(panel, parents[index]) for index, panel in enumerate(detector["panels"])]
    first = sensors[0]
    for other in sensors[1:]:
        turned = np.abs([other.fast - first.fast, other.slow - first.slow]).max() > _AXIS_TOLERANCE
        moved = np.abs(other.corner - first.corner).max() > _CORNER_TOLERANCE_PX * min(first.pixel_size)
        if turned or moved or other.pixel_size != first.pixel_size:
            return None
    size = (max(sensor.size[0] for sensor in sensors), max(sensor.size[1] for sensor in sensors))
    return _Sensor(first.corner, first.fast, first.slow, first.pixel_size, size)


def _panel_sensor(panel: dict[str, Any], parent: np.ndarray) -> _Sensor:
    """The whole image that a panel is a part of, positioned by this panel."""
    frame = parent @ local_frame(panel)
    fast, slow, origin = frame[:3, 0], frame[:3, 1], frame[:3, 3]
    pixel, offset = whole_image(panel)
    corner = origin - offset[0] * pixel[0] * fast - offset[1] * pixel[1] * slow
    size = (int(offset[0] + panel["image_size"][0]), int(offset[1] + panel["image_size"][1]))
    return _Sensor(corner, fast, slow, pixel, size)


def _lab_from_beam(sensor: _Sensor, travel: Vector3) -> Matrix3:
    """Columns: x, y, z of the package's frame in the file's; left-handed if the image is mirrored."""
    z = travel / np.linalg.norm(travel)
    x = sensor.fast - (sensor.fast @ z) * z
    x /= np.linalg.norm(x)
    handedness = 1.0 if np.cross(sensor.fast, sensor.slow) @ z > 0 else -1.0
    return np.column_stack([x, handedness * np.cross(z, x), z])


def _moved(detector: dict[str, Any], beam: dict[str, Any], geometry: BeamGeometry) -> dict[str, Any]:
    """The detector with all its panels moved to `geometry`."""
    sensor = _sensor(detector)
    if sensor is None:
        upright = plane_of(detector_panels(detector, _travel(beam))).geometry(geometry.wavelength)
        return moved_detector(detector, _travel(beam), RigidMotion.to_geometry(upright, geometry))
    lab_from_beam = _lab_from_beam(sensor, _travel(beam))
    parents = parent_frames(detector)
    panels = [
        panel | _placed(geometry, lab_from_beam, panel.get("raw_image_offset", (0, 0)), parents[index])
        for index, panel in enumerate(detector["panels"])
    ]
    return detector | {"panels": panels}


def _placed(
    geometry: BeamGeometry, lab_from_beam: Matrix3, offset_px: Sequence[int], parent: np.ndarray
) -> dict[str, Any]:
    """Axes and origin, in the frame of `parent`, of a panel whose first pixel is at `offset_px`."""
    axes = lab_from_beam @ geometry.axes
    origin = lab_from_beam @ geometry.lab_from_px(np.asarray(offset_px, float))
    turn, shift = np.linalg.inv(parent[:3, :3]), parent[:3, 3]
    return {
        "fast_axis": (turn @ axes[:, 0]).tolist(),
        "slow_axis": (turn @ axes[:, 1]).tolist(),
        "origin": (turn @ (origin - shift)).tolist(),
    }


def _stills(
    geometry: BeamGeometry,
    shape: tuple[int, int],
    images: Sequence[str | tuple[str, int]],
    trusted_range: tuple[float, float],
) -> dict[str, Any]:
    """An experiment list of stills in dxtbx's usual frame."""
    panel = panel_model("Panel", (0, 0), shape, geometry.pixel_size_mm, trusted_range)
    place = _placed(geometry, np.diag([1.0, -1.0, -1.0]), (0, 0), np.eye(4))
    return experiments([panel | place], geometry.wavelength, images)
