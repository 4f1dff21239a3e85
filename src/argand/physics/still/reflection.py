"""Bragg reflections of a still: excited nodes, directions of their rays, and intensities.

Each reciprocal-lattice node has a Gaussian distribution: an isotropic part from the finite size of the
coherent domains, a part across q from mosaic spread and beam divergence, and a part along q from
the bandwidth. Its section with the Ewald sphere gives the recorded fraction, the mean direction of
the diffracted ray and the shape of the spot, as in Parkhurst et al. (2020), IUCrJ 7, 969-982.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from argand.physics.still.detector import BeamGeometry
from argand.typing import Matrix3, Miller, Points2, Points3

BEAM = np.array([0.0, 0.0, 1.0])
"""Direction of the beam in the laboratory."""


@dataclass(frozen=True)
class Spread:
    """Standard deviations that broaden a reflection.

    `mosaic` and `divergence` in radians, `bandwidth` as the relative spread of the wavelength, `domain` the
    size of a coherent domain in Å. The defaults are set by hand for a good crystal at a synchrotron.
    """

    mosaic: float = 1e-3
    divergence: float = 3e-4
    bandwidth: float = 3e-4
    domain: float = 2000.0

    def covariance(self, q: Points3) -> Float[np.ndarray, "n 3 3"]:
        """Covariance of each node's distribution in 1/Å², relative to the Ewald sphere."""
        length2 = np.sum(q * q, axis=1)[:, None, None]
        outer = q[:, :, None] * q[:, None, :]
        across = (self.mosaic**2 + self.divergence**2) * (length2 * np.eye(3) - outer)
        # A change of wavelength scales the sphere: relative to the sphere the node moves along q. 0.4 / L:
        # standard deviation of a Gaussian with the FWHM (0.94 / L) of the peak of a domain of size L.
        return across + self.bandwidth**2 * outer + (0.4 / self.domain) ** 2 * np.eye(3)


@dataclass(frozen=True)
class StillReflections:
    """Reflections in diffracting condition: indices, node, ray direction, recorded fraction, spread."""

    hkl: Miller
    q: Points3
    direction: Points3
    recorded: Float[np.ndarray, " n"]
    covariance: Float[np.ndarray, "n 3 3"]


def nodes_near_sphere(basis: Matrix3, wavelength: float, d_min: float, thickness: float) -> Miller:
    """Indices of all nodes within `thickness` (1/Å) of the Ewald sphere and within 1/`d_min`.

    `basis` has a*, b*, c* (laboratory, 1/Å) as columns. For each pair of indices the third follows from the
    two roots of a quadratic, so the cost grows with the area of the sphere, not its volume.
    """
    lengths = np.linalg.norm(np.linalg.inv(basis), axis=1)
    order = np.argsort(lengths)
    limits = np.floor(lengths[order] / d_min).astype(int)
    first, second = np.meshgrid(*(np.arange(-n, n + 1) for n in limits[:2]), indexing="ij")
    first, second = first.ravel(), second.ravel()
    columns = basis[:, order]
    start = first[:, None] * columns[:, 0] + second[:, None] * columns[:, 1] + BEAM / wavelength
    step = columns[:, 2]
    along = start @ step / (step @ step)
    apart2 = np.sum(start * start, axis=1) - along**2 * (step @ step)

    def half_width(radius: float) -> np.ndarray:
        return np.sqrt(np.maximum(radius**2 - apart2, -1.0) / (step @ step) + 0j).real

    outer, inner = half_width(1 / wavelength + thickness), half_width(1 / wavelength - thickness)
    met = np.flatnonzero(apart2 <= (1 / wavelength + thickness) ** 2)
    twice = met[inner[met] > 0]
    pair = np.concatenate([met, twice])
    upper = np.where(inner > 0, -along - inner, -along + outer)
    low = np.concatenate([(-along - outer)[met], (-along + inner)[twice]])
    high = np.concatenate([upper[met], (-along + outer)[twice]])
    low = np.ceil(np.maximum(low, -limits[2])).astype(int)
    count = np.maximum(np.floor(np.minimum(high, limits[2])).astype(int) - low + 1, 0)
    pair = np.repeat(pair, count)
    third = np.repeat(low, count) + np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    hkl = np.empty((len(pair), 3), int)
    hkl[:, order[0]], hkl[:, order[1]], hkl[:, order[2]] = first[pair], second[pair], third
    q2 = np.sum((hkl @ basis.T) ** 2, axis=1)
    return hkl[(q2 > 0) & (q2 <= d_min**-2)]


def excited_reflections(
    basis: Matrix3, hkl: Miller, wavelength: float, spread: Spread, cutoff: float = 3.0
) -> StillReflections:
    """Intersect each node's distribution with the Ewald sphere; keeps those within `cutoff` standard
    deviations.

    The default cut-off is set by hand: beyond three standard deviations 1 % of the peak is recorded.
    """
    q = hkl @ basis.T
    scattered = q + BEAM / wavelength
    length = np.linalg.norm(scattered, axis=1)
    normal = scattered / length[:, None]
    excitation = length - 1 / wavelength
    covariance = spread.covariance(q)
    cross = np.einsum("nij,nj->ni", covariance, normal)
    variance = np.einsum("ni,ni->n", cross, normal)
    keep = np.abs(excitation) < cutoff * np.sqrt(variance)
    q, cross, variance, excitation = q[keep], cross[keep], variance[keep], excitation[keep]
    on_sphere = scattered[keep] - cross * (excitation / variance)[:, None]
    section = covariance[keep] - cross[:, :, None] * cross[:, None, :] / variance[:, None, None]
    return StillReflections(
        hkl[keep],
        q,
        on_sphere / np.linalg.norm(on_sphere, axis=1, keepdims=True),
        np.exp(-0.5 * excitation**2 / variance),
        section,
    )


def spot_covariance_px(
    geometry: BeamGeometry, direction: Points3, covariance: Float[np.ndarray, "n 3 3"]
) -> Float[np.ndarray, "n 2 2"]:
    """Covariance of the spots on the detector in px², from the spread of the scattered rays."""
    axes = geometry.axes
    along = direction @ axes[:, 2]
    scale = geometry.perpendicular_distance_mm * geometry.wavelength / along
    projector = np.eye(3) - direction[:, :, None] * axes[None, None, :, 2] / along[:, None, None]
    to_px = axes[:, :2] / np.asarray(geometry.pixel_size_mm)
    jacobian = np.einsum("ik,nij,n->nkj", to_px, projector, scale)
    return np.einsum("nki,nij,nlj->nkl", jacobian, covariance, jacobian)


def wilson_intensities(
    rng: np.random.Generator, hkl: Miller, q: Points3, b_factor: float
) -> Float[np.ndarray, " n"]:
    """Acentric Wilson intensities of mean exp(-B s²/2), s = |q|; Friedel mates are equal.

    Wilson (1949), Acta Cryst. 2, 318-321: |F|² is exponential about its mean.
    """
    # One number for each reflection, opposite in sign for its Friedel mate; indices are below 5000.
    _, mate = np.unique(np.abs(hkl @ np.array([10**8, 10**4, 1])), return_inverse=True)
    draws = rng.exponential(size=mate.max(initial=-1) + 1)
    return draws[mate.ravel()] * np.exp(-0.5 * b_factor * np.sum(q * q, axis=1))


def deposit_spots(
    image: Float[np.ndarray, "slow fast"],
    centre_px: Points2,
    counts: Float[np.ndarray, " n"],
    covariance_px: Float[np.ndarray, "n 2 2"],
) -> None:
    """Add Gaussian spots to `image` in place; each sums to its `counts` on an unbounded detector.

    Spots are grouped by size so that each is evaluated on a patch of about three standard deviations.
    """
    widened = covariance_px + np.eye(2) / 12.0  # a pixel integrates: variance of a unit box
    widest = np.sqrt(np.max(np.diagonal(widened, axis1=1, axis2=2), axis=1, initial=0.0))
    # Set by hand: 3.2 standard deviations contain 99 % of a spot; 24 px limit the time, and the sum is
    # preserved either way.
    reach = np.clip(np.ceil(3.2 * widest), 2, 24).astype(int)
    inverse = np.linalg.inv(widened)
    for size in np.unique(reach):
        group = np.flatnonzero(reach == size)
        corner = np.floor(centre_px[group]).astype(int)
        grid = np.arange(-size, size + 1)
        fast, slow = corner[:, 0, None] + grid, corner[:, 1, None] + grid
        df = fast + 0.5 - centre_px[group, 0, None]
        ds = slow + 0.5 - centre_px[group, 1, None]
        inv = inverse[group]
        power = (
            (inv[:, 1, 1, None] * ds**2)[:, :, None]
            + (inv[:, 0, 0, None] * df**2)[:, None, :]
            + 2 * inv[:, 0, 1, None, None] * ds[:, :, None] * df[:, None, :]
        )
        value = np.exp(-0.5 * power)
        value *= (counts[group] / value.sum(axis=(1, 2)))[:, None, None]
        inside = (fast[:, None, :] >= 0) & (fast[:, None, :] < image.shape[1])
        inside = inside & (slow[:, :, None] >= 0) & (slow[:, :, None] < image.shape[0])
        flat = slow[:, :, None] * image.shape[1] + fast[:, None, :]
        image += np.bincount(flat[inside], value[inside], minlength=image.size).reshape(image.shape)
