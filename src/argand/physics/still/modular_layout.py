"""Layouts of detectors of panels for simulated stills: modules, gaps, and misalignment.

Modules and pixels are the makers'. Positions are by hand, similar to published geometry files; no two
detectors of a kind are alike, so each is drawn with its own offsets and rotations.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from argand.physics.still.detector import tilt_rotation
from argand.physics.still.modular import PanelSet, PlanePanel
from argand.typing import Matrix3, Vector3


@dataclass(frozen=True)
class Drawn:
    """A detector of many panels and the shape of the raw array of one of its frames."""

    panels: PanelSet
    raw_shape: tuple[int, ...]


@dataclass(frozen=True)
class _Module:
    """`shape` (slow, fast) and pixel of a module, standard deviations of position and rotation (degrees)."""

    shape: tuple[int, int]
    pixel_mm: float
    scatter_mm: float
    scatter_deg: float

    def placed(
        self,
        rng: np.random.Generator,
        number: int,
        middle_mm: Vector3,
        turn: Matrix3,
        first: tuple[int, int] = (0, 0),
        leading: tuple[int, ...] = (),
    ) -> PlanePanel:
        """A slightly misaligned panel about its middle, with axes along the first two columns of `turn`."""
        # A third out of its plane, by hand: modules are glued to flat carriers.
        crooked = tilt_rotation(*np.radians(rng.normal(0, self.scatter_deg / 3, 2)))
        axes = turn @ _about_beam(float(rng.normal(0, self.scatter_deg))) @ crooked * self.pixel_mm
        middle = middle_mm + rng.normal(0, self.scatter_mm, 3)
        origin = middle - axes[:, 0] * self.shape[1] / 2 - axes[:, 1] * self.shape[0] / 2
        frame = np.array([origin, axes[:, 0], axes[:, 1]])
        return PlanePanel.at(f"p{number}", frame, self.shape, first, leading)


def _about_beam(angle_deg: float) -> Matrix3:
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def _windmill(
    rng: np.random.Generator,
    module: _Module,
    distance_mm: float,
    middles_mm: Sequence[tuple[float, float]],
    groups: int,
) -> Drawn:
    """`groups` equal groups about the beam, each rotated relative to the previous one; raw [module, slow,
    fast].

    `middles_mm` are those of the modules of the first group; the offset of a group is three times that of a
    module (by hand: quadrants are on separate stages).
    """
    panels: list[PlanePanel] = []
    for group in range(groups):
        turn, moved = _about_beam(360.0 / groups * group), rng.normal(0, 3 * module.scatter_mm, 2)
        for x, y in middles_mm:
            middle = turn @ np.array([x, y, 0.0]) + np.array([*moved, distance_mm])
            panels.append(module.placed(rng, len(panels), middle, turn, leading=(len(panels),)))
    return Drawn(PanelSet(tuple(panels)), (len(panels), *module.shape))


def jungfrau_4m(rng: np.random.Generator, distance_mm: float, binning: int = 1) -> Drawn:
    """Eight modules of 512 x 1024 px of 75 µm, two columns of four, offset by 4 mm, around a hole."""
    module = _Module((512 // binning, 1024 // binning), 0.075 * binning, 0.1, 0.05)
    rows = [(40.3 + (-2.0 if row < 0 else 2.0), 39.8 * row) for row in (-1.5, -0.5, 0.5, 1.5)]
    return _windmill(rng, module, distance_mm, rows, groups=2)


def agipd_1m(rng: np.random.Generator, distance_mm: float, binning: int = 1) -> Drawn:
    """Sixteen modules of 128 x 512 px of 0.2 mm in four quadrants around a hole."""
    module = _Module((128 // binning, 512 // binning), 0.2 * binning, 0.3, 0.05)
    return _windmill(rng, module, distance_mm, [(47.0, 18.0 + 28.0 * n) for n in range(4)], groups=4)


def epix_2m(rng: np.random.Generator, distance_mm: float, binning: int = 1) -> Drawn:
    """Sixteen modules of 352 x 384 px of 0.1 mm, two by two in four quadrants."""
    module = _Module((352 // binning, 384 // binning), 0.1 * binning, 0.1, 0.1)
    block = [(24.0 + 40.6 * column, 20.0 + 37.4 * row) for row in range(2) for column in range(2)]
    return _windmill(rng, module, distance_mm, block, groups=4)


def cspad(rng: np.random.Generator, distance_mm: float, binning: int = 1) -> Drawn:
    """64 chips of 185 x 194 px of 0.11 mm, pairs rotated by a degree or more; raw [1480, 1552]."""
    module = _Module((185 // binning, 194 // binning), 0.10992 * binning, 0.15, 0.5)
    rows, columns = module.shape
    panels: list[PlanePanel] = []
    for quadrant in range(4):
        turn, moved = _about_beam(90.0 * quadrant), rng.normal(0, 0.5, 2)
        for chip in range(16):
            row, column = divmod(chip, 4)
            middle = np.array([7.5 + 21.9 * column, 14.5 + 20.9 * row, 0.0])
            middle = turn @ middle + np.array([*moved, distance_mm])
            first = ((row + 4 * (quadrant // 2)) * rows, (column + 4 * (quadrant % 2)) * columns)
            panels.append(module.placed(rng, len(panels), middle, turn, first))
    return Drawn(PanelSet(tuple(panels)), (8 * rows, 8 * columns))


def pilatus_12m(rng: np.random.Generator, distance_mm: float, binning: int = 1) -> Drawn:
    """The inner ten of 24 banks on a cylinder about x, each of five modules of 195 x 487 px of 0.172 mm."""
    module = _Module((195 // binning, 487 // binning), 0.172 * binning, 0.02, 0.02)
    gap = (17 // binning, 7 // binning)
    steps = tuple(n + between for n, between in zip(module.shape, gap, strict=True))
    panels: list[PlanePanel] = []
    for bank in range(10):
        # One bank, including its gap, subtends this angle on the cylinder.
        angle = (bank - 4.5) * 2 * np.arctan(steps[0] * module.pixel_mm / 2 / distance_mm)
        # A rotation about +x by a negative angle brings the far end of y onto the cylinder.
        turn = tilt_rotation(-float(angle), 0.0)
        for number in range(5):
            x = (number - 2) * steps[1] * module.pixel_mm
            middle = np.array([x, distance_mm * np.sin(angle), distance_mm * np.cos(angle)])
            first = (bank * steps[0], number * steps[1])
            panels.append(module.placed(rng, len(panels), middle, turn, first))
    return Drawn(PanelSet(tuple(panels)), (10 * steps[0] - gap[0], 5 * steps[1] - gap[1]))


LAYOUTS: dict[str, Callable[[np.random.Generator, float, int], Drawn]] = {
    "jungfrau-4m": jungfrau_4m,
    "agipd-1m": agipd_1m,
    "epix10k-2m": epix_2m,
    "cspad": cspad,
    "pilatus-12m": pilatus_12m,
}
"""Layouts by name: functions of a generator, a distance in mm and a binning that return a detector."""
