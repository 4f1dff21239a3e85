"""Simulated electron stills: the simulator of X-ray stills at an electron's wavelength.

A nearly flat Ewald sphere, nodes widened by thin crystals (domains of 300 to 1500 Å), no polarisation, the
central beam or its stop on the detector. Ranges are by hand, of microcrystal electron diffraction at 200 and
300 kV.
"""

from dataclasses import dataclass

import numpy as np

from argand.io.image import Frame
from argand.physics.crystal.cell import random_cell, random_rotation
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.panel import Panel
from argand.physics.still.reflection import Spread
from argand.physics.still.still import Crystal, Diffuse, Still, Stop, expose
from argand.systems.geometry.difficulty.stills import simulated_frame

SIDE_PX, PIXEL_MM = 1024, 0.055
"""A detector such as four Timepix chips make."""


@dataclass(frozen=True)
class ElectronStill:
    """One still, its frame as if read from a file, and how far (degrees) the beam is from a zone axis."""

    still: Still
    frame: Frame
    off_zone_deg: float | None


def simulate_electrons(index: int, seed: int, zone: bool) -> ElectronStill:
    """Electron still number `index` of a seed; with `zone` the beam is within 3 degrees of a zone axis."""
    rng = np.random.default_rng([seed, index, int(zone)])
    wavelength = float(rng.choice([0.0251, 0.0197]))
    small = bool(rng.random() < 0.5)
    cell = random_cell(rng, 5.0, 25.0) if small else random_cell(rng, 30.0, 80.0)
    edge = float(rng.uniform(0.7, 1.2) if small else rng.uniform(1.7, 3.0))
    distance = SIDE_PX / 2 * PIXEL_MM * edge / wavelength
    centre = SIDE_PX / 2 + rng.uniform(-0.08, 0.08, 2) * SIDE_PX
    geometry = BeamGeometry((float(centre[0]), float(centre[1])), distance, wavelength, (PIXEL_MM, PIXEL_MM))
    off = float(3.0 * np.sqrt(rng.random())) if zone else None
    orientation = random_rotation(rng) if off is None else _near_zone(cell.orthogonalisation, off, rng)
    spread = Spread(
        mosaic=float(np.radians(np.exp(rng.uniform(np.log(0.03), np.log(0.3))))),
        divergence=1e-4,
        bandwidth=1e-6,
        domain=float(np.exp(rng.uniform(np.log(300), np.log(1500)))),
    )
    crystal = Crystal(
        cell,
        orientation,
        spread,
        scale=float(np.exp(rng.uniform(np.log(300), np.log(2e4)))),
        b_factor=float(rng.uniform(2, 6) if small else rng.uniform(10, 30)),
        d_min=edge * 0.8,
        spot_sigma_mm=float(rng.uniform(0.05, 0.12)),
    )
    level = float(np.exp(rng.uniform(np.log(100), np.log(3000))))
    beam = rng.random() < 0.5
    # The direct beam: a Gaussian of 2 to 5 px at s = 0; inelastic scattering falls off about it.
    s_per_mm = 1.0 / (wavelength * distance)
    central = ((0.0, float(rng.uniform(2, 5)) * PIXEL_MM * s_per_mm, 1e7),) if beam else ()
    diffuse = Diffuse(air=level * 10, air_decay=0.05 / edge * 2, water=0.0, flat=level * 0.3, rings=central)
    shift = rng.normal(0, 0.15, 2)
    stop = None if beam else Stop(float(rng.uniform(0.5, 1.2)), (shift[0], shift[1]), transmission=0.0)
    panel = Panel("timepix", (SIDE_PX, SIDE_PX), PIXEL_MM)
    still = Still(geometry, panel, 1, crystal, diffuse, polarisation=0.0, stop=stop)
    counts, live, _ = expose(still, rng)
    return ElectronStill(still, simulated_frame(f"electrons-{index}", index, geometry, counts, live), off)


def _near_zone(axes: np.ndarray, off_deg: float, rng: np.random.Generator) -> np.ndarray:
    """A rotation that brings a low-index direct axis (columns of `axes`) to `off_deg` from the beam."""
    choices = np.array([(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1)])
    along = axes @ choices[rng.integers(len(choices))]
    along = along / np.linalg.norm(along)
    turn = rng.uniform(0, 2 * np.pi)
    off = np.radians(off_deg)
    target = np.array([np.sin(off) * np.cos(turn), np.sin(off) * np.sin(turn), np.cos(off)])
    return _turn(target, rng.uniform(0, 2 * np.pi)) @ _between(along, target)


def _turn(axis: np.ndarray, angle: float) -> np.ndarray:
    """Rotation about a unit vector (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def _between(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """A rotation that brings one unit vector to another."""
    axis = np.cross(start, end)
    size = np.linalg.norm(axis)
    if size < 1e-9:
        return np.eye(3) if start @ end > 0 else _turn(np.cross(start, [0.6, 0.8, 0.0]), np.pi)
    return _turn(axis / size, float(np.arctan2(size, start @ end)))
