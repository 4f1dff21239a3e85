"""Atoms placed by bond length, angle and torsion, and rotated about a bond."""

import numpy as np

from argand.typing import Vector3


def with_angle(
    first: Vector3, second: Vector3, third: Vector3, length: float, angle: float, torsion: float
) -> Vector3:
    """Atom bonded to `third` with this bond length, the angle at `third` and the torsion about second-third.

    Radians; the torsion is zero if the atom eclipses `first` (Parsons et al., J. Comput. Chem. 26, 1063,
    2005).
    """
    axis = (third - second) / np.linalg.norm(third - second)
    normal = np.cross(second - first, axis)
    normal /= np.linalg.norm(normal)
    across = np.cross(normal, axis)
    turned = np.cos(torsion) * across + np.sin(torsion) * normal
    return third + length * (-np.cos(angle) * axis + np.sin(angle) * turned)


def turn_to(atom: Vector3, second: Vector3, third: Vector3, target: Vector3) -> Vector3:
    """The atom on `third`, rotated about second-third as close to `target` as possible.

    Positions in Å, each [3]; bond length and the angle at `third` are kept.
    """
    axis = (third - second) / np.linalg.norm(third - second)
    arm = atom - third
    along = (arm @ axis) * axis
    aside = (target - third) - ((target - third) @ axis) * axis
    return third + along + np.linalg.norm(arm - along) * aside / np.linalg.norm(aside)
