"""Detector models of DIALS experiment lists with independent positions of panels, and their hierarchy.

The position of a panel or a group of panels is in the frame of its parent group; the outermost group is in
the laboratory. The laboratory here is rotated so that the beam runs along +z and the file's x axis is as near
to x as possible, which for the usual one of dxtbx is a rotation by 180° about x.
"""

from typing import Any

import numpy as np

from argand.io.beam_geometry import direction_meant, meant, vector_meant
from argand.physics.still.modular import PanelSet, PlanePanel, RigidMotion
from argand.typing import Matrix3, Vector3


def local_frame(node: dict[str, Any]) -> np.ndarray:
    """4 x 4 matrix from coordinates along a node's fast axis, slow axis and normal to its parent's.

    ValueError for impossible numbers.
    """
    frame = np.eye(4)
    fast, slow, origin = (vector_meant(node[name]) for name in ("fast_axis", "slow_axis", "origin"))
    frame[:3] = np.column_stack([fast, slow, np.cross(fast, slow), origin])
    return frame


def whole_image(panel: dict[str, Any]) -> tuple[tuple[float, float], tuple[int, int]]:
    """Size of a panel's pixels in mm and its first pixel in the raw image, (fast, slow) both.

    ValueError for impossible numbers.
    """
    fast, slow = (meant(value) for value in panel["pixel_size"])
    first_fast, first_slow = (int(meant(value)) for value in panel.get("raw_image_offset", (0, 0)))
    return (fast, slow), (first_fast, first_slow)


def parent_frames(detector: dict[str, Any]) -> dict[int, np.ndarray]:
    """The frame of every panel's parent group, in the laboratory."""
    found = {index: np.eye(4) for index in range(len(detector["panels"]))}

    def walk(node: dict[str, Any], parent: np.ndarray) -> None:
        frame = parent @ local_frame(node)
        # Guards against a chain of groups that each lengthen the next.
        for value in frame.flat:
            meant(value)
        for child in node.get("children", []):
            if "panel" in child:
                found[child["panel"]] = frame
            else:
                walk(child, frame)

    if detector.get("hierarchy"):
        walk(detector["hierarchy"], np.eye(4))
    return found


def detector_panels(detector: dict[str, Any], travel: Vector3) -> PanelSet:
    """The panels in our laboratory frame, with the beam along +z; `travel` is its direction in the file's
    frame.

    Panels that all start at the first pixel of the raw image are taken as its layers, one per panel.
    """
    turn, parents = _lab_from_file(travel), parent_frames(detector)
    images = [whole_image(panel) for panel in detector["panels"]]
    offsets = [offset for _, offset in images]
    layers = len(offsets) > 1 and len(set(offsets)) == 1
    panels = []
    for index, panel in enumerate(detector["panels"]):
        frame, pixel = parents[index] @ local_frame(panel), images[index][0]
        vectors = np.array([frame[:3, 3], frame[:3, 0] * pixel[0], frame[:3, 1] * pixel[1]]) @ turn.T
        fast, slow = (int(n) for n in panel["image_size"])
        first = (offsets[index][1], offsets[index][0])
        name = panel.get("name") or f"panel{index}"
        panels.append(PlanePanel.at(name, vectors, (slow, fast), first, (index,) if layers else ()))
    return PanelSet(tuple(panels))


def moved_detector(detector: dict[str, Any], travel: Vector3, motion: RigidMotion) -> dict[str, Any]:
    """The detector after a motion in our laboratory frame: its outermost group moves, or panels without a
    group."""
    turn = _lab_from_file(travel)
    in_file = RigidMotion(turn.T @ motion.rotation @ turn, turn.T @ motion.shift_mm)
    grouped = _grouped(detector.get("hierarchy") or {})
    panels = [
        panel if index in grouped else panel | _moved_node(panel, in_file)
        for index, panel in enumerate(detector["panels"])
    ]
    moved = detector | {"panels": panels}
    if grouped:
        moved["hierarchy"] = detector["hierarchy"] | _moved_node(detector["hierarchy"], in_file)
    return moved


def placed_node(frame_mm: Matrix3, travel: Vector3) -> dict[str, Any]:
    """Origin and unit axes, in a file's laboratory, of a panel with the rows of `frame_mm` in ours."""
    origin, fast, slow = frame_mm @ _lab_from_file(travel)
    axes = {"fast_axis": fast / np.linalg.norm(fast), "slow_axis": slow / np.linalg.norm(slow)}
    return {name: vector.tolist() for name, vector in ({"origin": origin} | axes).items()}


def _moved_node(node: dict[str, Any], motion: RigidMotion) -> dict[str, Any]:
    axes = {name: motion.direction(np.asarray(node[name], float)) for name in ("fast_axis", "slow_axis")}
    place = {"origin": motion.position(np.asarray(node["origin"], float))}
    return {name: vector.tolist() for name, vector in (axes | place).items()}


def _grouped(node: dict[str, Any]) -> set[int]:
    """Panels that belong to a group."""
    children = node.get("children", [])
    here = {child["panel"] for child in children if "panel" in child}
    return here.union(*(_grouped(child) for child in children if "panel" not in child))


def _lab_from_file(travel: Vector3) -> Matrix3:
    """Rows are our x, y and z axis in the file's laboratory."""
    z = direction_meant(travel)
    along = np.eye(3)[0 if abs(z[0]) < 0.9 else 1]
    x = along - (along @ z) * z
    x /= np.linalg.norm(x)
    return np.array([x, np.cross(z, x), z])
