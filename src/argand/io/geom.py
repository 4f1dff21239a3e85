"""CrystFEL's .geom files.

CrystFEL's laboratory has +z along the beam, +y up and +x completing the right-handed frame: to the left
when looking along the beam. Ours has fast to the right and slow down for a detector in its usual
mounting, so theirs is ours rotated by 180° about the beam, and an untilted detector has
fs = -x and ss = -y. Indexing, rings and the tilt do not depend on this rotation.
"""

from pathlib import Path

import numpy as np

from argand.io.atomic import write_lines
from argand.physics.still.detector import BeamGeometry
from argand.typing import Mask, Vector3
from argand.units import HC_KEV_ANGSTROM

_HALF_TURN = np.array([-1.0, -1.0, 1.0])
"""Converts our axes to CrystFEL's and back, see above."""


def write_geom(
    path: str | Path, geometry: BeamGeometry, shape: tuple[int, int], good: Mask | None = None
) -> None:
    """Write a single-panel .geom file for an image of `shape` (slow, fast).

    Pixel convention: the corner is the outer corner of the first pixel, in pixels from the beam, and
    panel limits are 0-based and inclusive. `res` is pixels per metre along the fast axis; pixels that
    are not square lengthen the ss vector. Rows and columns without a good pixel (True in
    `good`) become bad regions.
    """
    fast_mm, slow_mm = geometry.pixel_size_mm
    corner_mm = geometry.lab_from_px(np.zeros(2)) * _HALF_TURN
    axes = geometry.axes * _HALF_TURN[:, None]
    energy_ev = HC_KEV_ANGSTROM * 1000 / geometry.wavelength
    lines = ["; Written by argand: +z along the beam, +y up, +x to the left when looking along the beam"]
    lines += [f"photon_energy = {energy_ev:.12g} eV", f"clen = {geometry.distance_mm / 1000:.12g} m"]
    lines += [f"res = {1000 / fast_mm:.12g}", "adu_per_photon = 1", ""]
    lines += ["panel/min_fs = 0", f"panel/max_fs = {shape[1] - 1}"]
    lines += ["panel/min_ss = 0", f"panel/max_ss = {shape[0] - 1}"]
    lines += [f"panel/fs = {_vector(axes[:, 0])}", f"panel/ss = {_vector(axes[:, 1] * slow_mm / fast_mm)}"]
    lines += [f"panel/corner_x = {corner_mm[0] / fast_mm:.12g}"]
    lines += [f"panel/corner_y = {corner_mm[1] / fast_mm:.12g}"]
    lines += [f"panel/coffset = {(corner_mm[2] - geometry.distance_mm) / 1000:.12g}"]
    write_lines(path, lines if good is None else lines + _bad_regions(good))


def _vector(components: Vector3) -> str:
    return " ".join(f"{value:+.12f}{axis}" for value, axis in zip(components, "xyz", strict=True))


def _bad_regions(good: Mask) -> list[str]:
    """Lines for the bands between modules: rows and columns without a good pixel."""
    lines, (last_slow, last_fast) = [], (good.shape[0] - 1, good.shape[1] - 1)
    bands = [(0, last_fast, first, last) for first, last in _runs(np.asarray(~good.any(axis=1)))]
    bands += [(first, last, 0, last_slow) for first, last in _runs(np.asarray(~good.any(axis=0)))]
    for number, band in enumerate(bands):
        limits = zip(("min_fs", "max_fs", "min_ss", "max_ss"), band, strict=True)
        lines += ["", f"bad{number}/panel = panel"]
        lines += [f"bad{number}/{name} = {value}" for name, value in limits]
    return lines


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """First and last index of each unbroken run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(first), int(end) - 1) for first, end in edges.reshape(-1, 2)]
