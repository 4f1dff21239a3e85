"""Maps of crystals in and out of the network's frame: boxes of Cartesian space, whatever the cell's angles.

The network sees the map of measured amplitudes with phases as good as they are at that moment, and answers
the square root of the density of point-like atoms. What it does is local, so that a crystal is answered
in one brick that its group repeats, with a margin.
"""

from functools import cached_property
from itertools import product

import numpy as np
import torch
from jaxtyping import Float
from scipy import ndimage
from torch import nn

from argand.physics.phasing.dual_space import DualSpace
from argand.physics.phasing.fourier import Coefficients, Map
from argand.typing import Matrix3, Points3, Vector3

STEP = 0.4
"""Å between the voxels of the network's boxes. By hand: nearly three to the d of the finest data that it is
trained on (1.1 Å); the shipped weights belong to it, as to the next three."""
ATOM_WIDTH = 0.42
"""Standard deviation in Å of an atom in the square root of the density. By hand: about a voxel, so that
neighbours at a bond's length (1.2 Å and more) stay apart; squared, the atom has 0.30 Å."""
CARBON = 6.0
"""Electrons of an atom whose square root is one high: carbon's atomic number, what most molecules are made
of."""
CHANNELS = 2
"""The map, and the resolution."""
MARGIN = 3.2
"""Å about a brick that the network sees but whose answer is not used: 8 voxels. By hand: two bonds."""
_DIVISORS = (1, 2, 3, 4, 6, 8)
"""Into how many parts a side of the cell is cut in search of the smallest brick. By hand: the orders of
symmetry axes, and 8."""
_MULTIPLE = 4
"""Sides of the network's boxes in voxels are multiples of this: cubes of two voxels, and one level below."""


def box_points(
    shape: tuple[int, int, int], rotation: Matrix3, corner: Vector3
) -> Float[np.ndarray, "x y z 3"]:
    """Cartesian places in Å of the voxels of a turned box."""
    axes = [STEP * np.arange(size) for size in shape]
    return corner + np.stack(np.meshgrid(*axes, indexing="ij"), -1) @ rotation.T


def interpolated(
    density: Float[np.ndarray, "x y z"], coordinates: Float[np.ndarray, "*n 3"], periodic: bool
) -> Float[np.ndarray, "*n"]:
    """A map between its points, by cubic splines; coordinates count points."""
    mode = "grid-wrap" if periodic else "nearest"
    places = np.moveaxis(coordinates, -1, 0)
    return np.asarray(ndimage.map_coordinates(density, places, np.float32, 3, mode=mode))


def atoms_in_box(
    places: Points3, heights: Float[np.ndarray, " n"], shape: tuple[int, int, int]
) -> Float[np.ndarray, "x y z"]:
    """Sum of Gaussians of `ATOM_WIDTH` at places in voxels of a box."""
    scale = -((STEP / ATOM_WIDTH) ** 2) / 2
    rows = [
        np.exp(scale * (np.arange(size)[None] - places[:, axis, None]) ** 2)
        for axis, size in enumerate(shape)
    ]
    return np.einsum("n,ni,nj,nk->ijk", heights, *rows, optimize=True).astype(np.float32)


def network_input(
    density: Map, d_min: float, cell: Matrix3, points: Float[np.ndarray, "i j k 3"]
) -> Float[np.ndarray, "2 i j k"]:
    """The map over its root mean square at Cartesian points, and the resolution as a constant channel.

    `cell` has a, b, c in its columns, in Å, `d_min` is in Å. Half of the map and 1/d_min are of the order of
    one.
    """
    spread = max(float(np.sqrt((density**2).mean())), 1e-12)
    coordinates = (points @ np.linalg.inv(cell).T) * density.shape
    seen = interpolated((density / spread).astype(np.float32), coordinates, periodic=True)
    return np.stack([seen / 2, np.full_like(seen, 1 / d_min)])


def measured_map(space: DualSpace, calculated: Coefficients) -> Map:
    """The map of measured amplitudes alone with calculated phases, weighted as in the iteration."""
    return space.grid.density(np.where(space.measured, space.weighted(calculated), 0).astype(np.complex64))


class Sharpener:
    """The network at work on one crystal: structure factors in, better ones out."""

    def __init__(self, network: nn.Module, space: DualSpace, d_min: float) -> None:
        self.network, self.space, self.d_min = network.eval(), space, d_min
        self.cell = space.grid.orthogonalisation

    @cached_property
    def _brick(self) -> tuple[np.ndarray, np.ndarray]:
        """Flat numbers of the grid points of a brick whose images fill the cell, and their weights."""
        grid, group = self.space.grid, self.space.grid.group
        shape = np.array(grid.shape)
        points = np.stack(np.unravel_index(np.arange(shape.prod()), grid.shape), 1)
        images = [
            np.rint((points / shape @ rotation.T + translation) * shape).astype(int) % shape
            for rotation, translation in zip(group.rotations, group.translations, strict=True)
        ]
        best, least = None, np.inf
        # A brick of a smaller share of the cell than one over the order of the group cannot fill it.
        for divisors in product(_DIVISORS, repeat=3):
            if np.prod(divisors) > group.order:
                continue
            edges = np.ceil(shape / divisors)
            sides = np.abs(self.cell) @ (edges / shape) + 2 * MARGIN
            if sides.prod() >= least:
                continue
            inside = np.array([(image < edges).all(1) for image in images]).sum(0)
            if inside.all():
                best, least = (edges, inside), sides.prod()
        assert best is not None
        edges, inside = best
        chosen = np.flatnonzero((points < edges).all(1))
        # Points whose images meet in the brick more than once would count more than once.
        return chosen, (group.order / inside[chosen]).astype(np.float32)

    @cached_property
    def _box(self) -> tuple[np.ndarray, np.ndarray]:
        """Cartesian points of the network's box, and where the brick's points are in it, in voxels."""
        grid = self.space.grid
        points = np.stack(np.unravel_index(self._brick[0], grid.shape), 1) / grid.shape @ self.cell.T
        low, high = points.min(0) - MARGIN, points.max(0) + MARGIN
        sizes = np.ceil((high - low) / STEP / _MULTIPLE).astype(int) * _MULTIPLE
        first, second, third = (int(size) for size in sizes)
        return box_points((first, second, third), np.eye(3), low), (points - low) / STEP

    def density(
        self, calculated: Coefficients
    ) -> tuple[Float[np.ndarray, " points"], Float[np.ndarray, " points"]]:
        """The network's density at the brick's points, one high for a carbon atom, and their weights."""
        box, inside = self._box
        seen = network_input(measured_map(self.space, calculated), self.d_min, self.cell, box)
        with torch.inference_mode():
            answer = self.network(torch.from_numpy(seen)[None])[0, 0].float().numpy()
        root = np.maximum(interpolated(answer, inside, periodic=False), 0)
        return root**2, self._brick[1]

    def improve(self, calculated: Coefficients) -> Coefficients:
        """Structure factors of the network's atoms at the grid's reflections, averaged over the group."""
        values, weights = self.density(calculated)
        grid = self.space.grid
        whole = np.zeros(int(np.prod(grid.shape)), np.float32)
        whole[self._brick[0]] = values * weights
        return grid.coefficients(whole.reshape(grid.shape))
