"""Random stills as beamlines may measure them, drawn from a frozen description of a set."""

from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from argand.errors import ConfigError
from argand.physics.crystal.cell import random_cell, random_rotation
from argand.physics.still import scattering
from argand.physics.still.calibrant import CALIBRANTS
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.features import CANVAS
from argand.physics.still.panel import PANELS, Panel, random_panel
from argand.physics.still.reflection import Spread
from argand.physics.still.still import Crystal, Diffuse, Still, Stop, expose

POWDERS = ("LaB6", "CeO2", "Si", "AgBh")
"""Calibrants with simulated rings; another one would change all stills of a seed."""


@dataclass(frozen=True)
class StillSet:
    """A set of stills as ranges. Ranges are (low, high); `log` in a comment means log-uniform.

    `centre_window` is the half-width of the square that the beam centre is drawn from, about the
    middle of the sensor, as a share of the sensor's side; `centre_window_px` the same in full
    detector pixels. `binning` 0 bins until the image fits the canvas. Distances in mm, wavelengths and cell
    lengths in Å, `photons_per_mm2` the background's level, `spot_scale` the mean photons of a reflection
    at zero angle; `powder_share` and `blank_share` are the shares of stills with rings of a calibrant, and
    without a crystal.

    The poster gives the size of its images, the window of 17 px and the 3°; everything else is by hand
    (0.9795 Å is the K edge of selenium, at which many beamlines measure). Raises ConfigError for an unknown
    detector or background.
    """

    detectors: tuple[str, ...] = ("pilatus-6m",)
    crop: tuple[int, int] | None = (2460, 2460)
    binning: int = 3
    distance_mm: tuple[float, float] = (250.0, 250.0)  # log
    wavelength: tuple[float, float] = (0.9795, 0.9795)
    centre_window_px: float | None = 17.0
    centre_window: float = 0.1
    tilt_max_deg: float = 3.0
    cell_length: tuple[float, float] = (40.0, 150.0)  # log
    photons_per_mm2: tuple[float, float] = (100.0, 1000.0)  # log
    spot_scale: tuple[float, float] = (500.0, 50000.0)  # log
    background: str = "water"
    binary: bool = False
    realistic: bool = False
    powder_share: float = 0.0
    blank_share: float = 0.0

    def __post_init__(self) -> None:
        unknown = set(self.detectors) - {*PANELS, "random"}
        if unknown:
            raise ConfigError(f"unknown detector {unknown.pop()!r}; use {', '.join(PANELS)} or random")
        if self.background not in ("water", "flat"):
            raise ConfigError(f"background {self.background!r} is unknown; use water or flat")


def draw_still(settings: StillSet, rng: np.random.Generator) -> Still:
    """Draw the parameters of one still. Lengths in px are those of the image, binned as the set says.

    The numbers in this and the following functions are the ranges of a set of stills. They are by hand
    (orders of magnitude at beamlines and of cells), not tuned on any figure; formulas are named. The order of
    the draws is fixed: another draw in between changes all stills of a seed.
    """
    panel = _draw_panel(settings, rng)
    binning = settings.binning or -(-max(panel.shape) // CANVAS)
    geometry = _draw_geometry(settings, panel, binning, rng)
    level = _log_uniform(rng, *settings.photons_per_mm2)
    powder = rng.random() < settings.powder_share
    blank = rng.random() < settings.blank_share
    crystal = None if powder or blank else _draw_crystal(settings, rng)
    uniform = settings.background == "flat"
    diffuse = Diffuse(flat=level) if uniform else _draw_diffuse(settings, geometry, level, powder, rng)
    if not settings.realistic:
        return Still(geometry, panel, binning, crystal, diffuse, uniform)
    lean = rng.normal(0.0, 0.05, 2) * (rng.random() < 0.8)
    return Still(
        geometry,
        panel,
        binning,
        crystal,
        diffuse,
        # Fraction along the fast axis: laboratory source, beamlines of which some turn the detector by 90
        # degrees.
        polarisation=float(rng.choice([0.0, 0.9, 0.98, -0.98], p=[0.1, 0.2, 0.6, 0.1])),
        lopsided=(float(lean[0]), float(lean[1])),
        shadow=_draw_shadow(geometry, panel, rng) if rng.random() < 0.25 else None,
        stop=_draw_stop(geometry, rng) if rng.random() < 0.92 else None,
        hot_px=int(rng.poisson(6)),
        # From a child, which leaves the course of the other numbers as it is.
        dead_px=int(rng.spawn(1)[0].poisson(10)),
        **_draw_readout(panel, binning, rng),
    )


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _draw_panel(settings: StillSet, rng: np.random.Generator) -> Panel:
    name = str(rng.choice(settings.detectors))
    panel = random_panel(rng) if name == "random" else PANELS[name]
    return panel.cropped(settings.crop) if settings.crop else panel


def _draw_geometry(settings: StillSet, panel: Panel, binning: int, rng: np.random.Generator) -> BeamGeometry:
    middle = np.array(panel.middle_px)
    if settings.centre_window_px is not None:
        centre = middle + rng.uniform(-1, 1, 2) * settings.centre_window_px
    else:
        # Some centres lie three times as far off, so that the network has seen the like.
        far = 3.0 if rng.random() < 0.12 else 1.0
        centre = middle + rng.uniform(-1, 1, 2) * settings.centre_window * far * 2 * middle
    tilt = rng.uniform(-1, 1, 2) * np.radians(settings.tilt_max_deg)
    if settings.realistic and rng.random() < 0.7:
        # As refinement gives them at real beamlines: 0.08 to 0.50 degrees in all.
        tilt = np.radians(rng.normal(0, 0.3, 2))
    cell_mm = panel.pixel_size_mm * binning
    return BeamGeometry(
        (float(centre[0] / binning), float(centre[1] / binning)),
        _log_uniform(rng, *settings.distance_mm),
        float(rng.uniform(*settings.wavelength)),
        (cell_mm, cell_mm),
        float(tilt[0]),
        float(tilt[1]),
    )


def _draw_crystal(settings: StillSet, rng: np.random.Generator) -> Crystal:
    small = settings.realistic and rng.random() < 0.2
    low, high = (5.0, 30.0) if small else settings.cell_length
    cell = random_cell(rng, low, high)
    # Angular blur of more than about a quarter of the nodes' spacing at 2 Å would merge neighbours.
    widest = 0.5 / max(cell.lengths)
    mosaic = min(np.radians(_log_uniform(rng, 0.02, 0.3)), widest)
    spread = Spread(
        mosaic=float(mosaic),
        divergence=min(_log_uniform(rng, 1e-4, 1e-3), widest),
        bandwidth=_log_uniform(rng, 1e-4, 2e-3),
        domain=_log_uniform(rng, 800.0, 8000.0),
    )
    # The diffracted power of a reflection falls with the cell's volume (Darwin's formula); the level at which
    # it begins to, 5e5 Å³, is by hand.
    scale = _log_uniform(rng, *settings.spot_scale) * 2.0 / (1.0 + cell.volume / 5e5)
    b_factor = float(rng.uniform(3, 10) if small else rng.uniform(10, 60))
    d_min = float(rng.uniform(0.8, 1.2) if small else rng.uniform(1.6, 3.5))
    # The d at which the mean spot has a twentieth of a photon: scale exp(-B / 2d²) = 1/20.
    visible = np.sqrt(b_factor / (2.0 * np.log(max(20.0 * scale, 1.1))))
    return Crystal(
        cell,
        random_rotation(rng),
        spread,
        scale=scale,
        b_factor=b_factor,
        d_min=max(d_min, float(visible)),
        spot_sigma_mm=_log_uniform(rng, 0.05, 0.25),
    )


def _draw_diffuse(
    settings: StillSet, geometry: BeamGeometry, level: float, powder: bool, rng: np.random.Generator
) -> Diffuse:
    share = float(rng.uniform(0.3, 0.95 if settings.realistic else 0.8))
    width = float(rng.uniform(0.02, 0.04))
    if not settings.realistic:
        return Diffuse(level * share, 0.25, level * (1 - share), water_width=width)
    rings = _draw_rings(level, rng)
    if powder:
        rings += _draw_powder(level, geometry, rng)
    # Water's ring is at 3.15 Å when liquid and 3.67 Å when vitrified; other solvents lie about it.
    wet = rng.random() > (0.6 if powder else 0.1)
    return Diffuse(
        air=level * share,
        air_decay=_log_uniform(rng, 0.08, 0.6),
        water=level * (1 - share) * wet,
        water_d=float(rng.choice([rng.uniform(3.0, 3.3), rng.uniform(3.45, 3.8), rng.uniform(3.0, 4.6)])),
        water_width=width,
        small_angle=level * _log_uniform(rng, 0.03, 10.0) * (rng.random() < 0.6),
        small_angle_radius=_log_uniform(rng, 4.0, 40.0),
        flat=level * rng.uniform(0, 0.1) * (rng.random() < 0.5),
        rings=tuple(rings),
    )


def _draw_rings(level: float, rng: np.random.Generator) -> list[tuple[float, float, float]]:
    """Occasional rings: ice on the crystal, plastic of the mount, lipid of the medium."""
    rings = []
    if rng.random() < 0.15:
        width, height = _log_uniform(rng, 5e-4, 3e-3), level * _log_uniform(rng, 0.05, 2.0)
        strengths = zip(scattering.ICE_D, scattering.ICE_STRENGTH, strict=True)
        rings += [(1 / d, width, height * h) for d, h in strengths]
    if rng.random() < 0.2:
        # The spacings in Å of plastics and lipids are by hand, without a source; any other comes as often as
        # one.
        d = float(rng.choice([15.4, 4.1, 4.5, 5.2, rng.uniform(3.5, 20.0)]))
        rings.append((1 / d, _log_uniform(rng, 2e-3, 2e-2), level * _log_uniform(rng, 0.05, 1.0)))
    return rings


def _draw_powder(
    level: float, geometry: BeamGeometry, rng: np.random.Generator
) -> list[tuple[float, float, float]]:
    """The rings of a calibrant, with a decay towards high angles and varied intensities."""
    # To 0.7 Å.
    s = CALIBRANTS[str(rng.choice(POWDERS))].s(1.0 / 0.7)
    # A ring as wide as about half a millimetre on the detector at most: capillary, pixel and beam.
    width = _log_uniform(rng, 0.1, 0.6) / geometry.distance_mm / geometry.wavelength
    strength = level * _log_uniform(rng, 0.5, 50.0) * np.exp(-s / rng.uniform(0.2, 1.0))
    strength = strength * rng.uniform(0.2, 1.0, len(s))
    return [(float(a), width, float(b)) for a, b in zip(s, strength, strict=True)]


def _draw_shadow(
    geometry: BeamGeometry, panel: Panel, rng: np.random.Generator
) -> tuple[float, float, float]:
    side_mm = min(panel.shape) * panel.pixel_size_mm
    return (
        float(rng.uniform(0, 2 * np.pi)),
        float(rng.uniform(0.12, 0.5) * side_mm),
        float(rng.uniform(0.2, 0.97)),
    )


def _draw_stop(geometry: BeamGeometry, rng: np.random.Generator) -> Stop:
    # A stop close to the sample throws a shadow that grows with the distance.
    radius = _log_uniform(rng, 0.6, 5.0) * (geometry.distance_mm / 250.0) ** 0.5
    offset = rng.normal(0, 0.35, 2) * radius
    return Stop(
        radius,
        (float(offset[0]), float(offset[1])),
        transmission=float(rng.choice([0.0, rng.uniform(0, 0.3)])),
        square=bool(rng.random() < 0.4),
        arm_angle=float(rng.choice([rng.integers(4) * np.pi / 2, rng.uniform(0, 2 * np.pi)])),
        arm_width_mm=_log_uniform(rng, 0.5, 10.0),
        arm_transmission=float(rng.choice([rng.uniform(0, 0.6), rng.uniform(0.6, 1.0)])),
        edge_mm=_log_uniform(rng, 0.15, 2.0),
        leak=_log_uniform(rng, 1e3, 1e6) if rng.random() < 0.5 else 0.0,
    )


class _Readout(TypedDict, total=False):
    """The response of an integrating detector; a counting one has none of it."""

    point_spread_px: float
    gain: float
    pedestal: float
    read_noise: float


def _draw_readout(panel: Panel, binning: int, rng: np.random.Generator) -> _Readout:
    if panel.counting:
        return {}
    return {
        "point_spread_px": float(rng.uniform(0.5, 1.5)) / binning,
        "gain": float(rng.uniform(0.3, 3.0)),
        "pedestal": float(rng.choice([0.0, 10.0, 40.0])) * binning**2,
        "read_noise": float(rng.uniform(1.0, 4.0)) * binning,
    }


def simulate_still(settings: StillSet, index: int, seed: int) -> tuple[Still, np.ndarray, np.ndarray, int]:
    """Still number `index` of a set: its parameters, counts and live share [slow, fast], number of spots."""
    rng = np.random.default_rng([seed, index])
    still = draw_still(settings, rng)
    counts, live, spots = expose(still, rng)
    if settings.binary:
        counts = binarise(counts, live)
    return still, counts, live, spots


def binarise(counts: np.ndarray, live: np.ndarray) -> np.ndarray:
    """1 where a pixel is five standard deviations above the image's median, else 0: [slow, fast] float32.

    The poster only names this set; five is by hand, so that the background hardly ever exceeds it.
    """
    # Poisson: the variance is the level; one more keeps single counts on an empty background at zero.
    level = float(np.median(counts[live > 0.99]))
    return (counts > level + 5.0 * np.sqrt(level + 1.0)).astype(np.float32)
