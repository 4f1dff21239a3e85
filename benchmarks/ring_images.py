"""Simulated powder patterns for benchmarks/geometry_rings.py: kinds of rings that real detectors show."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from argand.io.image import Frame
from argand.physics.still import scattering
from argand.physics.still.calibrant import CALIBRANTS
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.panel import Panel
from argand.physics.still.powder import Unevenness, expose_powder
from argand.physics.still.still import Diffuse, Still, Stop
from argand.systems.geometry.difficulty.stills import simulated_frame

MODULES = Panel("modules", (1043, 981), 0.172, (195, 487), (17, 7))
PLATE = Panel("image plate", (900, 900), 0.38, counting=False, saturation=131071.0)
CCD = Panel("ccd", (1024, 1024), 0.079, counting=False, saturation=65535.0)
SMALL = Panel("small", (700, 640), 0.172, (195, 487), (17, 7))


@dataclass(frozen=True)
class RingImage:
    """One simulated image: its truth, the frame (distance as stated), and the calibrant's name, if any."""

    kind: str
    truth: BeamGeometry
    frame: Frame
    calibrant: str | None


def _log(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _geometry(rng: np.random.Generator, panel: Panel, distance: float, wavelength: float, tilt: float):
    centre = np.array(panel.middle_px) * (1 + rng.uniform(-0.2, 0.2, 2))
    pitch, yaw = np.radians(rng.normal(0, tilt, 2))
    pixel = (panel.pixel_size_mm, panel.pixel_size_mm)
    return BeamGeometry(
        (float(centre[0]), float(centre[1])), distance, wavelength, pixel, float(pitch), float(yaw)
    )


def _powder(rng: np.random.Generator, s: np.ndarray, geometry: BeamGeometry, level: float, width_mm: float):
    """Rings of random strength that fall off towards high angle, `width_mm` wide on the detector."""
    width = width_mm / geometry.distance_mm / geometry.wavelength
    strength = level * np.exp(-s / (s[0] + rng.uniform(0.3, 1.0) * s[-1])) * rng.uniform(0.15, 1.0, len(s))
    return tuple((float(a), width, float(b)) for a, b in zip(s, strength, strict=True))


def _still(
    rng: np.random.Generator, panel: Panel, geometry: BeamGeometry, s: np.ndarray, width_mm: float
) -> Still:
    """Rings on a background of air, behind a beamstop with an arm."""
    level = _log(rng, 60, 3000)
    rings = _powder(rng, s, geometry, level * _log(rng, 0.5, 30), width_mm)
    radius = _log(rng, 1.5, 5.0)
    stop = Stop(
        radius,
        (float(rng.normal(0, 0.3 * radius)), float(rng.normal(0, 0.3 * radius))),
        transmission=float(rng.uniform(0, 0.2)),
        arm_angle=float(rng.uniform(0, 2 * np.pi)),
        arm_width_mm=_log(rng, 1.0, 6.0),
        arm_transmission=float(rng.uniform(0, 0.8)),
    )
    lean = rng.normal(0, 0.05, 2)
    shadow = (float(rng.uniform(0, 6.28)), float(rng.uniform(20, 70)), float(rng.uniform(0.1, 0.8)))
    still = Still(
        geometry,
        panel,
        diffuse=Diffuse(air=level, water=0.3 * level * (rng.random() < 0.3), flat=0.05 * level, rings=rings),
        polarisation=float(rng.choice([0.0, 0.98, -0.98])),
        lopsided=(float(lean[0]), float(lean[1])),
        shadow=shadow if rng.random() < 0.4 else None,
        stop=stop,
    )
    if panel.counting:
        return still
    spread, gain = float(rng.uniform(0.5, 1.5)), float(rng.uniform(0.3, 2.0))
    return replace(still, point_spread_px=spread, gain=gain, pedestal=10.0, read_noise=2.0)


def _calibrant_still(rng: np.random.Generator) -> tuple[Still, str]:
    name = str(rng.choice(["LaB6", "CeO2", "Si", "Al2O3", "Cr2O3", "Au", "Ni"]))
    panel = SMALL if rng.random() < 0.5 else MODULES
    while True:
        wavelength = float(rng.uniform(0.3, 1.1))
        geometry = _geometry(rng, panel, _log(rng, 100, 350), wavelength, 0.5)
        # Within the sides at least three rings, as in a calibration; to the corner, but not below 0.7 Å.
        side, corner = np.arctan(np.array([55.0, 130.0]) / geometry.distance_mm)
        inside = CALIBRANTS[name].s(float(scattering.s_from_two_theta(side, wavelength)))
        if len(inside) >= 3:
            break
    s = CALIBRANTS[name].s(min(float(scattering.s_from_two_theta(corner, wavelength)), 1.4))
    return _still(rng, panel, geometry, s, _log(rng, 0.1, 0.35)), name


def _smooth(rng: np.random.Generator) -> tuple[Still, Unevenness, str | None]:
    still, name = _calibrant_still(rng)
    return still, Unevenness(wander=0.02), name


def _textured(rng: np.random.Generator) -> tuple[Still, Unevenness, str | None]:
    still, name = _calibrant_still(rng)
    return still, Unevenness(texture=_log(rng, 0.2, 1.2), wander=0.05), name


def _grainy(rng: np.random.Generator) -> tuple[Still, Unevenness, str | None]:
    still, name = _calibrant_still(rng)
    grains, wide = int(_log(rng, 60, 1000)), _log(rng, 0.2, 1.0)
    return still, Unevenness(0.2, grains, wide, wander=0.3), name


def _absorbed(rng: np.random.Generator) -> tuple[Still, Unevenness, str | None]:
    still, name = _calibrant_still(rng)
    return still, Unevenness(0.1, wander=0.05, absorption=float(rng.uniform(0.5, 2.5))), name


def _plate(rng: np.random.Generator) -> tuple[Still, Unevenness, str | None]:
    """An image plate with a dozen uneven rings of an unknown powder."""
    wavelength = float(rng.uniform(0.4, 0.8))
    geometry = _geometry(rng, PLATE, _log(rng, 200, 450), wavelength, 0.4)
    reach = float(scattering.s_from_two_theta(np.arctan(150.0 / geometry.distance_mm), wavelength))
    s = np.sort(rng.uniform(0.25, 1.0, 12)) * reach
    return (
        _still(rng, PLATE, geometry, s, _log(rng, 0.3, 0.6)),
        Unevenness(_log(rng, 0.3, 0.8), 400, 1.5, 0.1),
        None,
    )


def _ice(rng: np.random.Generator) -> tuple[Still, Unevenness, str | None]:
    """Rings of ice, few and broad, with spacings that are not given."""
    geometry = _geometry(rng, MODULES, _log(rng, 120, 250), float(rng.uniform(0.8, 1.1)), 0.3)
    still = _still(rng, MODULES, geometry, 1 / np.array(scattering.ICE_D), _log(rng, 0.3, 0.6))
    return still, Unevenness(_log(rng, 0.2, 0.8), int(_log(rng, 100, 1000)), 1.0, 0.1), None


def _saxs(rng: np.random.Generator) -> tuple[Still, Unevenness, str | None]:
    """Silver behenate at half a metre, where a tilt does hardly anything."""
    geometry = _geometry(rng, CCD, 565.0 * float(rng.uniform(0.95, 1.05)), 1.0332, 0.15)
    s = CALIBRANTS["AgBh"].s(0.22)
    still = _still(rng, CCD, geometry, s, _log(rng, 0.12, 0.3))
    return still, Unevenness(_log(rng, 0.1, 0.6), wander=0.05, absorption=float(rng.uniform(0, 0.5))), "AgBh"


KINDS: dict[str, Callable[[np.random.Generator], tuple[Still, Unevenness, str | None]]] = {
    "smooth": _smooth,
    "texture": _textured,
    "grains": _grainy,
    "absorption": _absorbed,
    "plate": _plate,
    "ice": _ice,
    "silver behenate": _saxs,
}
"""What is drawn. All ranges are by hand. After first looks at another seed (1), exposures were made longer,
three rings were asked for within the sides, and the pixels of silver behenate were halved."""


def draw(kind: str, index: int, seed: int, stated_error: float = 0.0) -> RingImage:
    """Image number `index` of a kind; its header's distance is wrong by up to `stated_error` (relative)."""
    rng = np.random.default_rng([seed, list(KINDS).index(kind), index])
    still, uneven, name = KINDS[kind](rng)
    counts, live = expose_powder(still, uneven, rng)
    truth = still.geometry
    stated = truth.distance_mm * (1.0 + rng.uniform(-1, 1) * stated_error)
    frame = simulated_frame(f"{kind}-{index}", index, truth, counts, live)
    return RingImage(kind, truth, replace(frame, distance_mm=stated), name)
