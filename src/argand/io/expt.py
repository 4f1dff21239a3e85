"""DIALS experiment lists (.expt): the images and beam geometries in them, and corrected ones.

Conventions of dxtbx: lengths in mm, wavelength in Å; a panel is the outer corner of its first pixel
(`origin`) and two axes, so pixel coordinates have integer = pixel edge, as here; the beam's
`direction` points from the sample to the source, so the beam travels the other way. Any orientation of
that frame is read: BeamGeometry turns it until the beam runs along +z with the fast axis as near to x
as possible, and a corrected file turns the new geometry back by the same rotation.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from argand.errors import InputError
from argand.io.atomic import write_lines
from argand.io.beam_geometry import geometry_from_vectors
from argand.io.expt_content import load_content
from argand.io.exptimages import absolute_imageset, imageset_frames, new_imageset
from argand.physics.still.detector import BeamGeometry
from argand.typing import Matrix3, Vector3

_AXIS_TOLERANCE = 1e-4
"""Largest difference of axes' components among panels of one flat image.

By hand: 0.4 px over the 4000 px of a large detector.
"""
_CORNER_TOLERANCE_PX = 0.1
"""Largest difference of the image's corner among its panels, in px.

By hand: well below what the centre of an image is known to.
"""


@dataclass(frozen=True)
class ExptImages:
    """Images of one experiment list that share a geometry.

    `frames` holds (file, number of the image in that file, from 0), `shape` is (slow, fast).
    """

    frames: tuple[tuple[str, int], ...]
    geometry: BeamGeometry
    shape: tuple[int, int]


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

    Raises InputError for a file that is no experiment list, or a detector that is not one flat image.
    """
    content = load_content(path)
    try:
        return [_images(path, content, *key) for key in _models(content)]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__} {error}"
        raise InputError(f"{path}: a broken experiment list ({reason}); write it with dials again") from error


def write_expt(
    path: str | Path,
    geometry: BeamGeometry,
    shape: tuple[int, int],
    images: Sequence[str | tuple[str, int]],
    trusted_range: tuple[float, float],
    source_expt: str | Path | None = None,
) -> None:
    """Write an experiment list with this geometry.

    With `source_expt` all of that file is kept but the place and tilt of its detector; else one still
    is written for each of `images` (file, or (file, number in it)), with a detector of `shape` (slow,
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
        raise InputError(f"{source_expt}: holds several geometries; correct its imagesets one by one")
    correct_expt(path, source_expt, [geometry] * len(found))


def correct_expt(path: str | Path, source_expt: str | Path, geometries: Sequence[BeamGeometry]) -> None:
    """Write `source_expt` again with one new detector geometry for each entry that `read_expt` gives.

    Beam, crystals, scans and all else are kept, and imagesets that shared a detector and are given
    equal geometries still share it.

    Raises InputError for a file that is no experiment list, or a detector that is not one flat image.
    """
    content = load_content(source_expt)
    keys = _models(content)
    detectors: list[dict[str, Any]] = []
    known: dict[tuple[int, BeamGeometry], int] = {}
    for (imageset, beam, detector), geometry in zip(keys, geometries, strict=True):
        if (detector, geometry) not in known:
            known[detector, geometry] = len(detectors)
            old = content["detector"][detector]
            detectors.append(_moved(source_expt, old, content["beam"][beam], geometry))
        for experiment in content["experiment"]:
            if _key(experiment) == (imageset, beam, detector):
                experiment["new"] = known[detector, geometry]
    for experiment in content["experiment"]:
        experiment["detector"] = experiment.pop("new")
    folder = Path(source_expt).resolve().parent
    content["imageset"] = [absolute_imageset(imageset, folder) for imageset in content.get("imageset", [])]
    write_lines(path, [json.dumps(content | {"detector": detectors}, indent=2)])


def _key(experiment: dict[str, Any]) -> tuple[int | None, int, int]:
    return experiment.get("imageset"), experiment["beam"], experiment["detector"]


def _models(content: dict[str, Any]) -> list[tuple[int | None, int, int]]:
    return list(dict.fromkeys(_key(experiment) for experiment in content["experiment"]))


def _images(
    path: str | Path, content: dict[str, Any], imageset: int | None, beam: int, detector: int
) -> ExptImages:
    sensor = _sensor(path, content["detector"][detector])
    incident = content["beam"][beam]
    if "wavelength" not in incident:
        raise InputError(f"{path}: its beam has no single wavelength; give a monochromatic experiment")
    axes = np.array([sensor.fast, sensor.slow, _travel(incident)])
    wavelength = float(incident["wavelength"])
    geometry = geometry_from_vectors(path, sensor.corner, axes, wavelength, sensor.pixel_size)
    frames: tuple[tuple[str, int], ...] = ()
    if imageset is not None:
        users = [e for e in content["experiment"] if e.get("imageset") == imageset]
        scans = [content["scan"][e["scan"]] for e in users if e.get("scan") is not None]
        folder = Path(path).resolve().parent
        frames = imageset_frames(content["imageset"][imageset], scans[0] if scans else None, folder)
    return ExptImages(frames, geometry, (sensor.size[1], sensor.size[0]))


def _travel(beam: dict[str, Any]) -> Vector3:
    """Direction in which the beam travels."""
    return -np.asarray(beam["direction"], float)


def _frame(node: dict[str, Any]) -> np.ndarray:
    """4 x 4 matrix from coordinates along a node's fast axis, slow axis and normal to its parent's."""
    frame = np.eye(4)
    fast, slow = np.asarray(node["fast_axis"], float), np.asarray(node["slow_axis"], float)
    frame[:3] = np.column_stack([fast, slow, np.cross(fast, slow), node["origin"]])
    return frame


def _parents(detector: dict[str, Any]) -> dict[int, np.ndarray]:
    """For every panel the frame of the group that it hangs on, in the laboratory."""
    found = {index: np.eye(4) for index in range(len(detector["panels"]))}

    def walk(node: dict[str, Any], parent: np.ndarray) -> None:
        frame = parent @ _frame(node)
        for child in node.get("children", []):
            if "panel" in child:
                found[child["panel"]] = frame
            else:
                walk(child, frame)

    if detector.get("hierarchy"):
        walk(detector["hierarchy"], np.eye(4))
    return found


def _sensor(path: str | Path, detector: dict[str, Any]) -> _Sensor:
    parents = _parents(detector)
    sensors = [_panel_sensor(panel, parents[index]) for index, panel in enumerate(detector["panels"])]
    first = sensors[0]
    for other in sensors[1:]:
        turned = np.abs([other.fast - first.fast, other.slow - first.slow]).max() > _AXIS_TOLERANCE
        moved = np.abs(other.corner - first.corner).max() > _CORNER_TOLERANCE_PX * min(first.pixel_size)
        if turned or moved or other.pixel_size != first.pixel_size:
            raise InputError(
                f"{path}: the {len(sensors)} panels of its detector do not form one flat image; give a "
                "single-panel model"
            )
    size = (max(sensor.size[0] for sensor in sensors), max(sensor.size[1] for sensor in sensors))
    return _Sensor(first.corner, first.fast, first.slow, first.pixel_size, size)


def _panel_sensor(panel: dict[str, Any], parent: np.ndarray) -> _Sensor:
    """The whole image that a panel is a part of, as this panel places it."""
    frame = parent @ _frame(panel)
    fast, slow, origin = frame[:3, 0], frame[:3, 1], frame[:3, 3]
    offset = panel.get("raw_image_offset", (0, 0))
    pixel = (float(panel["pixel_size"][0]), float(panel["pixel_size"][1]))
    corner = origin - offset[0] * pixel[0] * fast - offset[1] * pixel[1] * slow
    size = (int(offset[0] + panel["image_size"][0]), int(offset[1] + panel["image_size"][1]))
    return _Sensor(corner, fast, slow, pixel, size)


def _lab_from_beam(sensor: _Sensor, travel: Vector3) -> Matrix3:
    """Columns: x, y, z of the package's frame in the file's; left-handed where the image is mirrored."""
    z = travel / np.linalg.norm(travel)
    x = sensor.fast - (sensor.fast @ z) * z
    x /= np.linalg.norm(x)
    handedness = 1.0 if np.cross(sensor.fast, sensor.slow) @ z > 0 else -1.0
    return np.column_stack([x, handedness * np.cross(z, x), z])


def _moved(
    path: str | Path, detector: dict[str, Any], beam: dict[str, Any], geometry: BeamGeometry
) -> dict[str, Any]:
    """The detector with all its panels where `geometry` puts them."""
    lab_from_beam = _lab_from_beam(_sensor(path, detector), _travel(beam))
    parents = _parents(detector)
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
    """An experiment list of stills in dxtbx's usual frame: x along fast, y against slow, z to the source."""
    panel = {
        "name": "Panel",
        "type": "SENSOR_PAD",
        "raw_image_offset": [0, 0],
        "image_size": [int(shape[1]), int(shape[0])],
        "pixel_size": list(geometry.pixel_size_mm),
        "trusted_range": [float(limit) for limit in trusted_range],
        **_placed(geometry, np.diag([1.0, -1.0, -1.0]), (0, 0), np.eye(4)),
    }
    beam = {"direction": [0.0, 0.0, 1.0], "wavelength": geometry.wavelength}
    numbered = [(image, 0) if isinstance(image, str) else image for image in images]
    return {
        "__id__": "ExperimentList",
        "experiment": [
            {"__id__": "Experiment", "identifier": "", "beam": 0, "detector": 0, "imageset": index}
            for index in range(len(numbered))
        ],
        "imageset": [new_imageset(file, number) for file, number in numbered],
        "beam": [beam],
        "detector": [{"panels": [panel]}],
        "goniometer": [],
        "scan": [],
        "crystal": [],
        "profile": [],
        "scaling_model": [],
    }
