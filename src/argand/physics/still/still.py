"""One still image: its parameters, and its expected counts from first principles."""

from dataclasses import dataclass, field, replace

import numpy as np

from argand.physics.crystal.cell import Cell
from argand.physics.noise import count_photons
from argand.physics.still import scattering
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.panel import Panel
from argand.physics.still.readout import read_out
from argand.physics.still.reflection import (
    Spread,
    deposit_spots,
    excited_reflections,
    nodes_near_sphere,
    spot_covariance_px,
    wilson_intensities,
)

TABLE = np.linspace(0.0, 4.0, 4001)
"""tan(2 theta) at which radial profiles are tabulated; 4 is 76 degrees.

By hand: steps of 0.001 are far finer than the profiles; linear in between.
"""


@dataclass(frozen=True)
class Crystal:
    """The crystal that makes the Bragg spots. `scale` is the mean count of a fully recorded reflection at s =
    0.

    `b_factor` in Å², `d_min` in Å. Defaults here and below are set by hand for a typical protein still;
    presets draw their own, and `benchmarks/geometry_simulator.py` compares simulated with real images.
    """

    cell: Cell
    orientation: np.ndarray
    spread: Spread = field(default_factory=Spread)
    scale: float = 1000.0
    b_factor: float = 20.0
    d_min: float = 1.8
    spot_sigma_mm: float = 0.15
    """Standard deviation of every spot from beam size, crystal size and sensor."""


@dataclass(frozen=True)
class Diffuse:
    """Radial background in photons per mm² at normal incidence; each component has its own level."""

    air: float = 150.0
    air_decay: float = 0.25
    water: float = 150.0
    water_d: float = scattering.VITREOUS_WATER_D
    water_width: float = 0.028
    small_angle: float = 0.0
    small_angle_radius: float = 30.0
    flat: float = 0.0
    rings: tuple[tuple[float, float, float], ...] = ()
    """Further rings as (s, width, level): plastic, lipid, ice, powder. Width in 1/Å."""

    def profile(self, tan_two_theta: np.ndarray, wavelength: float) -> np.ndarray:
        """Photons per mm² of detector, before polarisation; it falls with the solid angle of a pixel."""
        two_theta = np.arctan(tan_two_theta)
        s = scattering.s_from_two_theta(two_theta, wavelength)
        level = self.air * scattering.air(s, self.air_decay)
        level += self.water * scattering.water(s, self.water_d, self.water_width)
        level += self.small_angle * scattering.small_angle(s, self.small_angle_radius)
        for centre, width, height in self.rings:
            level += height * scattering.bump(s, centre, width)
        # Solid angle of a pixel on a flat detector: cos³ of its angle.
        return level * np.cos(two_theta) ** 3 + self.flat


@dataclass(frozen=True)
class Stop:
    """A beam stop and its holder on the detector; lengths in mm, `offset` from the beam."""

    radius_mm: float = 2.0
    offset_mm: tuple[float, float] = (0.0, 0.0)
    transmission: float = 0.1
    square: bool = False
    arm_angle: float = 0.0
    arm_width_mm: float = 1.0
    arm_transmission: float = 0.9
    edge_mm: float = 0.2
    leak: float = 0.0
    """Counts of direct beam that pass the edge of the beam stop into a few pixels."""


@dataclass(frozen=True)
class Still:
    """A still image as parameters. `geometry` is in pixels of the image, which may be binned."""

    geometry: BeamGeometry
    panel: Panel
    binning: int = 1
    crystal: Crystal | None = None
    diffuse: Diffuse = Diffuse()
    uniform: bool = False
    """The diffuse level is the same in every pixel: no profile, no polarisation (`flat-background`)."""
    polarisation: float = 0.98
    lopsided: tuple[float, float] = (0.0, 0.0)
    """Relative gradient of the background towards +fast and +slow, from absorption and air paths."""
    shadow: tuple[float, float, float] | None = None
    """A straight shadow: its azimuth (radians), distance from the beam (mm), transmission."""
    stop: Stop | None = None
    hot_px: int = 0
    """Number of hot pixels."""
    dead_px: int = 0
    """Number of dead pixels, which are not masked."""
    point_spread_px: float = 0.0
    gain: float = 1.0
    pedestal: float = 0.0
    read_noise: float = 0.0

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the image, (slow, fast)."""
        return self.panel.shape[0] // self.binning, self.panel.shape[1] // self.binning

    def unbinned(self) -> "Still":
        """The same still in unbinned pixels."""
        b, g = self.binning, self.geometry
        centre = (g.beam_centre_px[0] * b, g.beam_centre_px[1] * b)
        pixel = (g.pixel_size_mm[0] / b, g.pixel_size_mm[1] / b)
        return replace(self, binning=1, geometry=replace(g, beam_centre_px=centre, pixel_size_mm=pixel))


@dataclass(frozen=True)
class Rays:
    """Per-pixel quantities of a regular grid, float32: laboratory x, y in mm and tan(2 theta)."""

    x: np.ndarray
    y: np.ndarray
    tan_two_theta: np.ndarray


def trace(geometry: BeamGeometry, shape: tuple[int, int]) -> Rays:
    """Positions of the pixel centres relative to the sample."""
    fast = ((np.arange(shape[1]) + 0.5 - geometry.beam_centre_px[0]) * geometry.pixel_size_mm[0]).astype("f4")
    slow = ((np.arange(shape[0]) + 0.5 - geometry.beam_centre_px[1]) * geometry.pixel_size_mm[1]).astype("f4")
    axes = geometry.axes.astype(np.float32)
    x = fast[None, :] * axes[0, 0] + slow[:, None] * axes[0, 1]
    y = fast[None, :] * axes[1, 0] + slow[:, None] * axes[1, 1]
    z = fast[None, :] * axes[2, 0] + slow[:, None] * axes[2, 1] + np.float32(geometry.distance_mm)
    return Rays(x, y, np.sqrt(x * x + y * y) / np.maximum(z, 1e-3))


def expected_background(still: Still, rays: Rays) -> np.ndarray:
    """Expected photons per pixel of everything but the Bragg spots and the beamstop."""
    area = still.geometry.pixel_size_mm[0] * still.geometry.pixel_size_mm[1]
    if still.uniform:
        return np.full(still.shape, still.diffuse.flat * area, np.float32)
    table = still.diffuse.profile(TABLE, still.geometry.wavelength) * area
    level = _lookup(rays.tan_two_theta, table)
    r2 = np.maximum(rays.x**2 + rays.y**2, 1e-6)
    tan2 = rays.tan_two_theta**2
    cos_two_azimuth = (rays.x**2 - rays.y**2) / r2
    level *= 1.0 - 0.5 * tan2 / (1.0 + tan2) * (1.0 + np.float32(still.polarisation) * cos_two_azimuth)
    if any(still.lopsided):
        lean = np.float32(still.lopsided[0]) * rays.x + np.float32(still.lopsided[1]) * rays.y
        # Set by hand: the asymmetry grows over the first 10 mm, so that the centre has no edge.
        level *= 1.0 + lean / (np.sqrt(r2) + 10.0)
    if still.shadow is not None:
        angle, apart, transmission = still.shadow
        beyond = rays.x * np.float32(np.cos(angle)) + rays.y * np.float32(np.sin(angle)) - np.float32(apart)
        level *= 1.0 - np.float32(1.0 - transmission) * _soft(beyond, 1.0)
    return level


def _lookup(value: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Linear interpolation in `table`, which is sampled at TABLE (float32)."""
    position = np.minimum(value * np.float32(1.0 / TABLE[1]), np.float32(len(TABLE) - 1.001))
    left = position.astype(np.int32)
    table = table.astype(np.float32)
    slope = np.append(np.diff(table), np.float32(0.0))
    return table[left] + (position - left) * slope[left]


def _soft(distance: np.ndarray, width: float) -> np.ndarray:
    """0 for negative, 1 for positive distances, with a linear edge of `width` mm."""
    return np.clip(distance / np.float32(width) + np.float32(0.5), 0.0, 1.0)


def stop_transmission(stop: Stop, rays: Rays) -> np.ndarray:
    """Transmission of beam stop and holder for scattered light, per pixel."""
    x, y = rays.x - np.float32(stop.offset_mm[0]), rays.y - np.float32(stop.offset_mm[1])
    apart = np.maximum(np.abs(x), np.abs(y)) if stop.square else np.sqrt(x * x + y * y)
    behind = _soft(np.float32(stop.radius_mm) - apart, stop.edge_mm)
    cos, sin = np.float32(np.cos(stop.arm_angle)), np.float32(np.sin(stop.arm_angle))
    arm = _soft(np.float32(stop.arm_width_mm / 2) - np.abs(y * cos - x * sin), stop.edge_mm)
    arm *= x * cos + y * sin > 0
    past_arm = 1 - np.float32(1 - stop.arm_transmission) * arm
    return past_arm * (1 - np.float32(1 - stop.transmission) * behind)


def bragg_spots(still: Still, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions (fast, slow) px, expected photons and covariance px² of the still's Bragg spots."""
    crystal, geometry = still.crystal, still.geometry
    if crystal is None:
        return np.empty((0, 2)), np.empty(0), np.empty((0, 2, 2))
    basis = crystal.orientation @ crystal.cell.reciprocal
    spread = crystal.spread
    widest = np.hypot(spread.mosaic, spread.divergence) / crystal.d_min + 0.4 / spread.domain
    widest += spread.bandwidth * geometry.wavelength / crystal.d_min**2
    hkl = nodes_near_sphere(basis, geometry.wavelength, crystal.d_min, 3.0 * widest)
    hkl = hkl[crystal.cell.present(hkl)]
    found = excited_reflections(basis, hkl, geometry.wavelength, spread)
    px = geometry.px_from_direction(found.direction)
    counts = crystal.scale * found.recorded
    counts *= wilson_intensities(rng, found.hkl, found.q, crystal.b_factor)
    two_theta = np.arccos(np.clip(found.direction[:, 2], -1, 1))
    azimuth = np.arctan2(found.direction[:, 1], found.direction[:, 0])
    counts *= scattering.polarisation(two_theta, azimuth, still.polarisation)
    covariance = spot_covariance_px(geometry, found.direction, found.covariance)
    covariance += np.diag((crystal.spot_sigma_mm / np.asarray(geometry.pixel_size_mm)) ** 2)
    # Set by hand: tails of spots up to 20 px outside reach in; spots of fewer than 0.3 photons are skipped.
    inside = np.all((px > -20) & (px < np.array(still.shape[::-1]) + 20), axis=1) & (counts > 0.3)
    return px[inside], counts[inside], covariance[inside]


def expected_counts(still: Still, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Expected photons per pixel of the sensitive area, and the number of spots added."""
    rays = trace(still.geometry, still.shape)
    expected = expected_background(still, rays)
    px, counts, covariance = bragg_spots(still, rng)
    deposit_spots(expected, px, counts, covariance)
    if still.stop is not None:
        expected *= stop_transmission(still.stop, rays)
        _leak(still, expected, rng)
    return expected, len(px)


def _leak(still: Still, expected: np.ndarray, rng: np.random.Generator) -> None:
    """Direct beam past the rim of the beam stop: a few very bright pixels away from the centre."""
    stop = still.stop
    if stop is None or stop.leak <= 0:
        return
    # Set by hand: three pixels about one direction.
    angle = rng.uniform(0, 2 * np.pi) + rng.normal(0, 0.3, 3)
    rim = np.asarray(stop.offset_mm) + stop.radius_mm * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    px = np.floor(rim / still.geometry.pixel_size_mm + still.geometry.beam_centre_px).astype(int)
    inside = np.all((px >= 0) & (px < np.array(still.shape[::-1])), axis=1)
    expected[px[inside, 1], px[inside, 0]] += stop.leak * rng.random(inside.sum())


def expose(still: Still, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, int]:
    """Expose the still: counts (float32), live share of each pixel (0 if it cannot be read), spots."""
    live = still.panel.live_fraction(still.binning)
    expected, spots = expected_counts(still, rng)
    counts = count_photons(rng, expected * live)
    if still.hot_px:
        where = rng.integers(0, counts.size, still.hot_px)
        # Set by hand: from slightly above the background to nearly overloaded.
        counts.flat[where] += np.exp(rng.uniform(np.log(20), np.log(1e5), still.hot_px)).astype(np.float32)
    counts = read_out(
        rng, counts, still.panel, still.point_spread_px, still.gain, still.pedestal, still.read_noise
    )
    _forget(still, counts, rng)
    live = np.where(counts >= still.panel.saturation, np.float32(0), live)
    return np.where(live > 0, counts, 0).astype(np.float32), live, spots


def _forget(still: Still, counts: np.ndarray, rng: np.random.Generator) -> None:
    """Remove the photons of dead pixels; an image pixel loses one of those that it is binned from."""
    where = rng.integers(0, counts.size, still.dead_px)
    photons = counts.flat[where] - still.pedestal
    counts.flat[where] = still.pedestal + np.rint(photons * (1 - 1 / still.binning**2))
