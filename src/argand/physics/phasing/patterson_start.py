"""Starting phases from the Patterson map: a heavy-atom position and the density seen through its images.

The symmetry minimum function at x is the minimum of the Patterson map at the vectors from x to its images,
high at atoms (Kraut, Acta Cryst. 14, 1146, 1961; Pavelčík, J. Appl. Cryst. 19, 488, 1986). With the images
x_j of such a position, the image-seeking minimum function, min P(y - x_j), shows the other atoms at y
(Buerger 1959, Vector Space). In groups with translations only, one vector of the map replaces the images.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from argand.physics.phasing.dual_space import DualSpace, Phased, phase_factor
from argand.physics.phasing.fourier import Coefficients, Map

_SHORTEST = 1.5
"""Least length in Å of vectors from a position to its images, and between atoms: heavy atoms are not closer.
Set by hand."""
_CANDIDATES = 24
"""Highest positions, or vectors, from which an attempt draws one, by the square of their heights. By hand."""


_CYCLES = 60
"""In the whole group at once. By hand, a few more than the symmetric cycles from random phases."""


@dataclass(frozen=True)
class PattersonSearch:
    """Attempts from the Patterson map, on the grids of a search from random phases.

    `free` has only the lattice translations, `symmetric` all operators.
    """

    free: DualSpace
    symmetric: DualSpace

    def attempt(self, atoms: float, rng: np.random.Generator) -> Phased:
        """One attempt; `atoms` (other than hydrogen) is how many the group's asymmetric unit holds."""
        return self.symmetric.run(self.phases(rng), atoms, _CYCLES, rng)

    def phases(self, rng: np.random.Generator) -> Coefficients:
        """Phase factors on the symmetric grid from a position, or a vector, drawn from the map."""
        places, weights = self._places
        seen = self._image_minimum(places[rng.choice(len(places), p=weights)])
        return phase_factor(self.symmetric.grid.coefficients(np.maximum(seen, 0)))

    def _image_minimum(self, place: Int[np.ndarray, " 3"]) -> Map:
        """min P(y - x_j) over the images x_j of a position, at all points y."""
        seen = np.full(self._map.shape, np.inf, np.float32)
        for shift in self._images(place):
            seen = np.minimum(seen, np.roll(self._map, shift, (0, 1, 2)))
        return seen

    @property
    def is_possible(self) -> bool:
        """Whether the map has a position or vector to start from: not if all positions are close to their
        images."""
        return len(self._places[0]) > 0

    @cached_property
    def _map(self) -> Map:
        """The Patterson map of |E| times the mixed amplitude, less sharp than E² and with fewer ripples."""
        data = self.free
        values = np.where(data.measured, data.strength * data.amplitude, 0).astype(np.complex64)
        return data.grid.density(values)

    @cached_property
    def _places(self) -> tuple[Int[np.ndarray, "n 3"], Float[np.ndarray, " n"]]:
        """Grid points of the highest positions and the probability of drawing each."""
        height = self._map.copy() if self._is_triclinic else self._symmetry_minimum()
        if self._is_triclinic:
            height.ravel()[self._near_origin] = 0
        # Along free axes all positions are equivalent, and the peak finder needs one of them.
        height = height * (1 + 1e-4 * np.random.default_rng(0).random(height.shape, np.float32))
        points = self.symmetric.finder.find(np.maximum(height, 0), _CANDIDATES)
        weight = np.maximum(height[tuple(points.T)], 0).astype(float) ** 2 + 1e-12
        return points, weight / max(weight.sum(), 1e-12)

    @property
    def _is_triclinic(self) -> bool:
        """Whether there are no operators except the lattice translations."""
        group = self.symmetric.grid.group
        return group.order == len(group.centrings)

    def _images(self, place: Int[np.ndarray, " 3"]) -> Int[np.ndarray, "m 3"]:
        """Grid points of a position's images, each once; for a vector, the origin and its end."""
        shape = np.array(self._map.shape)
        if self._is_triclinic:
            return np.array([[0, 0, 0], place])
        group = self.symmetric.grid.group
        images = np.einsum("oij,j->oi", group.rotations, place / shape) + group.translations
        return np.unique(np.rint(images * shape).astype(int) % shape, axis=0)

    def _symmetry_minimum(self) -> Map:
        """Minimum of the map over the vectors from each grid point to its images; 0 where an image is
        close."""
        grid = self.symmetric.grid
        shape = np.array(grid.shape)
        flat_map, near = self._map.ravel(), np.zeros(self._map.size, bool)
        near[self._near_origin] = True
        asymmetric = grid.asymmetric[0]
        points = np.stack(np.unravel_index(asymmetric, grid.shape), 1)
        least = np.full(len(points), np.inf, np.float32)
        for rotation, translation in zip(grid.group.rotations, grid.group.translations, strict=True):
            if (rotation == np.eye(3)).all():
                continue
            image = np.rint((points / shape @ rotation.T + translation) * shape).astype(int)
            vector = np.ravel_multi_index(tuple(((points - image) % shape).T), grid.shape)
            least = np.minimum(least, np.where(near[vector], 0, flat_map[vector]))
        whole = np.zeros(self._map.size, np.float32)
        whole[asymmetric] = least
        return self._spread(whole).reshape(grid.shape)

    def _spread(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Values of the asymmetric unit at all equivalent points."""
        grid = self.symmetric.grid
        shape, asymmetric = np.array(grid.shape), grid.asymmetric[0]
        points = np.stack(np.unravel_index(asymmetric, grid.shape), 1)
        full = np.zeros_like(values)
        for rotation, translation in zip(grid.group.rotations, grid.group.translations, strict=True):
            image = np.rint((points / shape @ rotation.T + translation) * shape).astype(int) % shape
            full[np.ravel_multi_index(tuple(image.T), grid.shape)] = values[asymmetric]
        return full

    @cached_property
    def _near_origin(self) -> Int[np.ndarray, " n"]:
        """Flat indices of the grid points within the shortest vector of a lattice point."""
        steps, _ = self.free.finder.offsets(_SHORTEST)
        shape = np.array(self._map.shape)
        starts = np.rint(self.symmetric.grid.group.centrings * shape).astype(int)
        points = (starts[:, None] + steps[None]).reshape(-1, 3) % shape
        return np.unique(np.ravel_multi_index(tuple(points.T), self._map.shape))
