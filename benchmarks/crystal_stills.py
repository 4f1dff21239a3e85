"""Simulated stills of all Bravais lattices, and of upright and swung-out detectors."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from argand.io.image import Frame
from argand.physics.crystal.cell import CENTRINGS, CRYSTAL_SYSTEMS, Cell, random_cell, random_rotation
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.panel import Panel
from argand.physics.still.reflection import Spread
from argand.physics.still.still import Crystal, Diffuse, Still, expose
from argand.systems.geometry.difficulty.stills import evaluation_set, simulated_frame
from argand.systems.geometry.simulate import draw_still

KINDS: tuple[tuple[str, str], ...] = tuple(
    (system, centring)
    for system in CRYSTAL_SYSTEMS
    for centring in CENTRINGS[system]
    # A primitive trigonal lattice is the hexagonal one.
    if (system, centring) != ("trigonal", "P")
)
"""Crystal system and centring of the fourteen Bravais lattices."""
LETTERS: dict[str, str] = dict(zip(CRYSTAL_SYSTEMS, "amothhc", strict=True))
SIDE_PX, PIXEL_MM = 820, 0.516
"""A Pilatus 6M cropped to a square and binned 3 x 3, as in the presets."""
FOOT_PX = 410.0


def as_frame(still: Still, rng: np.random.Generator, two_theta_deg: float = 0.0) -> Frame:
    """The still as if read from a file; a swung-out one has the middle for its header's centre."""
    counts, live, _ = expose(still, rng)
    frame = simulated_frame("simulated", 0, still.geometry, counts, live)
    if not two_theta_deg:
        return frame
    return replace(
        frame,
        # A header says the distance of the detector's plane where the arm is out.
        distance_mm=still.geometry.perpendicular_distance_mm,
        header_beam_centre_px=(FOOT_PX, FOOT_PX),
        two_theta_deg=two_theta_deg,
    )


def crystal(rng: np.random.Generator, cell: Cell) -> Crystal:
    """A crystal in any orientation, of a mosaic spread and strength such as the presets have."""
    widest = 0.5 / max(cell.lengths)
    return Crystal(
        cell,
        random_rotation(rng),
        Spread(mosaic=min(float(np.exp(rng.uniform(np.log(3e-4), np.log(4e-3)))), widest)),
        scale=float(np.exp(rng.uniform(np.log(500), np.log(5e4)))) * 2 / (1 + cell.volume / 5e5),
        b_factor=float(rng.uniform(10, 60)),
        d_min=float(rng.uniform(1.8, 2.8)),
        spot_sigma_mm=0.15,
    )


def cell_stills(count: int, seed: int) -> Iterator[tuple[Frame, BeamGeometry, Cell, str]]:
    """Stills of the fourteen Bravais lattices in turn, with cell and symbol."""
    for index in range(count):
        rng = np.random.default_rng([seed, 1, index])
        system, centring = KINDS[index % len(KINDS)]
        cell = random_cell(rng, 40, 150, system)
        while cell.centring != centring:
            cell = random_cell(rng, 40, 150, system)
        centre = SIDE_PX / 2 + rng.uniform(-6, 6, 2)
        pitch, yaw = np.radians(rng.uniform(-0.5, 0.5, 2))
        geometry = BeamGeometry(
            (centre[0], centre[1]), 250.0, 0.9795, (PIXEL_MM, PIXEL_MM), float(pitch), float(yaw)
        )
        diffuse = Diffuse(air=100, water=100)
        panel = Panel("square", (SIDE_PX, SIDE_PX), PIXEL_MM)
        still = Still(geometry, panel, 1, crystal(rng, cell), diffuse)
        yield as_frame(still, rng), geometry, cell, LETTERS[str(system)] + centring


def upright_stills(count: int, seed: int) -> Iterator[tuple[Frame, BeamGeometry]]:
    """Full frames of `flat-background` on detectors that stand upright within half a degree."""
    settings = evaluation_set("flat-background")
    for index in range(count):
        rng = np.random.default_rng([seed, 2, index])
        still = draw_still(settings, rng)
        tilt, way = np.radians(rng.uniform(0, 0.5)), rng.uniform(0, 2 * np.pi)
        turned = replace(still.geometry, pitch=float(tilt * np.cos(way)), yaw=float(tilt * np.sin(way)))
        yield as_frame(replace(still, geometry=turned), rng), turned


def swung_stills(count: int, seed: int) -> Iterator[tuple[Frame, BeamGeometry]]:
    """Detectors on an arm at 10 to 35 degrees, either way, about either axis.

    Proteins and small cells come in turn. The arm is off by 0.1 degrees and the header's foot by 2 px
    (standard deviations).
    """
    for index in range(count):
        rng = np.random.default_rng([seed, 3, index])
        stated = float(rng.uniform(10, 35))
        arm, lean = np.radians(stated + rng.normal(0, 0.1)), np.radians(rng.normal(0, 0.1))
        arm *= rng.choice([-1, 1])
        pitch, yaw = (arm, lean) if rng.random() < 0.5 else (lean, arm)
        foot = FOOT_PX + rng.normal(0, 2, 2)
        geometry = BeamGeometry.from_poni(
            (foot[0], foot[1]), 160.0, 0.6889, (0.344, 0.344), float(pitch), float(yaw)
        )
        small = bool(index % 2)
        cell = random_cell(rng, 8, 20) if small else random_cell(rng, 40, 90)
        grown = replace(
            crystal(rng, cell),
            b_factor=5.0 if small else 20.0,
            d_min=0.7 if small else 1.6,
            spot_sigma_mm=0.2,
        )
        panel = Panel("square", (SIDE_PX, SIDE_PX), 0.344)
        still = Still(geometry, panel, 1, grown, Diffuse(air=10, water=10))
        yield as_frame(still, rng, stated), geometry
