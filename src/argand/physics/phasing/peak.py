"""Peaks of periodic maps: local maxima of the asymmetric unit, and their positions between grid points."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int

from argand.physics.phasing.fourier import Grid, Map
from argand.typing import Points3

_STAGES = (6, 26)
"""Neighbours tested first; they exclude most points that are not maxima.

The faces, then edges and corners of a cube: nearest first, on a grid of nearly equal spacings. For speed
only.
"""


@dataclass(frozen=True)
class PeakFinder:
    """Maxima within `radius` Å on a grid, one of each set equivalent under the grid's group.

    The default radius, half of a bond, is that of `dual_space.Recipe`.
    """

    grid: Grid
    radius: float = 0.7

    @cached_property
    def _asymmetric_points(self) -> Int[np.ndarray, "n 3"]:
        return np.stack(np.unravel_index(self.grid.asymmetric[0], self.grid.shape), 1)

    @property
    def occupancy(self) -> Float[np.ndarray, " n"]:
        """Weight of an atom at each flat grid point: 1, or less at special positions."""
        return self.grid.asymmetric[1]

    def offsets(self, radius: float) -> tuple[Int[np.ndarray, "n 3"], Float[np.ndarray, " n"]]:
        """Grid steps to the points within `radius` Å, nearest first, and their lengths in Å."""
        reciprocal = np.linalg.norm(np.linalg.inv(self.grid.orthogonalisation), axis=1)
        most = np.ceil(radius * reciprocal * self.grid.shape).astype(int)
        axes = [np.arange(-m, m + 1) for m in most]
        steps = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
        length = np.linalg.norm((steps / self.grid.shape) @ self.grid.orthogonalisation.T, axis=1)
        order = np.argsort(length, kind="stable")
        order = order[length[order] <= radius]
        return steps[order], length[order]

    @cached_property
    def _neighbours(self) -> Int[np.ndarray, "n 3"]:
        return self.offsets(self.radius)[0][1:]

    def around(self, points: Int[np.ndarray, "n 3"], steps: Int[np.ndarray, "m 3"]) -> Int[np.ndarray, "n m"]:
        """Flat indices of the points `steps` away from each of `points`."""
        x, y, z = (
            table[points[:, None, axis] + (steps[None, :, axis] + size)]
            for axis, (table, size) in enumerate(zip(self._strides, self.grid.shape, strict=True))
        )
        return x + y + z

    @cached_property
    def _strides(self) -> list[np.ndarray]:
        """Flat index of each index along an axis from -n to 2n-1; tabulated, as remainders are slow."""
        _, second, third = self.grid.shape
        strides = (second * third, third, 1)
        return [
            np.arange(-size, 2 * size) % size * stride
            for size, stride in zip(self.grid.shape, strides, strict=True)
        ]

    def find(self, density: Map, atoms: float) -> Int[np.ndarray, "n 3"]:
        """Grid points of the highest maxima, highest first, that add up to `atoms`; at least one."""
        flat, asymmetric = density.ravel(), self.grid.asymmetric[0]
        heights = flat[asymmetric]
        # Set by hand, for speed: 12 points per atom, or a twentieth of all, contain the maxima needed.
        wanted = min(len(heights) - 1, max(int(atoms * 12), len(heights) // 20))
        floor = max(float(np.partition(heights, -wanted - 1)[-wanted - 1]), 0.0)
        above = np.flatnonzero(heights > floor)
        points, heights = self._asymmetric_points[above], heights[above]
        edges = (0, *_STAGES, max(len(self._neighbours), _STAGES[-1]))
        for first, last in pairwise(edges):
            steps = self._neighbours[first:last]
            if len(points) and len(steps):
                keep = heights >= flat[self.around(points, steps)].max(1)
                points, heights = points[keep], heights[keep]
        if len(points) == 0:
            # A map with a flat top has no strict maximum: any of its highest points will do.
            return self._asymmetric_points[[int(np.argmax(flat[asymmetric]))]]
        order = np.argsort(-heights, kind="stable")
        counted = np.cumsum(self.occupancy[self.flat(points[order])])
        return points[order[: max(int(np.searchsorted(counted, atoms + 1e-6, side="right")), 1)]]

    def flat(self, points: Int[np.ndarray, "n 3"]) -> Int[np.ndarray, " n"]:
        """Flat indices of grid points."""
        return np.asarray(np.ravel_multi_index(tuple(points.T), self.grid.shape))


def between_points(density: Map, points: Int[np.ndarray, "n 3"]) -> tuple[Points3, Float[np.ndarray, " n"]]:
    """Fractional positions of the maxima near grid points and their heights, by a parabola along each
    axis."""
    shape = np.array(density.shape)
    centre = density[tuple(points.T)].astype(float)
    moves, gain = np.zeros(points.shape), np.zeros(len(points))
    for axis in range(3):
        step = np.eye(3, dtype=int)[axis]
        below = density[tuple(((points - step) % shape).T)]
        above = density[tuple(((points + step) % shape).T)]
        # Flat tops stay unchanged; a maximum is at most half a step from the highest point.
        bend = np.minimum(below + above - 2 * centre, -1e-12)
        moves[:, axis] = np.clip((below - above) / (2 * bend), -0.5, 0.5)
        gain += -((above - below) ** 2) / (8 * bend)
    return ((points + moves) / shape) % 1.0, centre + gain
