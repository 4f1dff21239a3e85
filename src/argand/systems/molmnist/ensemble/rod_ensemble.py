"""Atoms of a bundle of any outline: a rod that twists, bends and lies aslant, with thermal motion.

A rod has no modes to compute, so that every sample can be another bundle. How far it bends and twists
follows from the number of its chains and its length by power laws, set by hand beside the elastic networks of
five of the ten fibrils. Rods bend 1.5 to 1.8 times and turn 1.3 to 1.5 times as far as the networks of 3x3,
4x4, 6x6 and hexagonal-24 (mean of the waves; tests/systems/molmnist/ensemble/test_rod_ensemble.py). Atoms
move about their places as in those networks.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float

from argand.physics.coherent.composition import ELECTRONS
from argand.physics.fibre.twist import twist_rate
from argand.systems.molmnist.ensemble.elastic_ensemble import EnsembleParameters, read_parameters
from argand.systems.molmnist.fibril.bundle import Bundle, neighbours
from argand.systems.molmnist.fibril.cellulose import cellulose
from argand.systems.molmnist.fibril.fibril import chain_atoms, chain_labels, chain_places, chain_u
from argand.typing import Points3

WAVES = 8
"""Waves along the axis that bend a rod and turn its sections. By hand: the last have a tenth of the first."""
BEND, BEND_BY_CHAINS, BEND_BY_WAVE, BEND_BY_LENGTH = 1.3, -0.83, -1.3, 0.8
"""Å, amplitude (root mean square) of the second wave of a rod of one chain 200 Å long, and its powers. Set by
hand beside elastic networks of 4 to 81 chains, on the wide side; the power of the length is that of the wave
plus a half, by which an amplitude grows with the length of a wave and falls with the length that it fills."""
TURN, TURN_BY_CHAINS, TURN_BY_WAVE, TURN_BY_LENGTH = np.radians(22.0), -1.15, -0.95, 0.5
"""Radians, the same for the first wave of the turn of sections."""
_LENGTH = 200.0
"""Å, at which both are stated."""


@dataclass(frozen=True)
class RodPose:
    """Length in whole repeats of the crystal, twist in rad/Å, turn about the beam at half height, tilt.

    Angles in radians; the axis leans by `tilt` towards the azimuth `tilt_azimuth`.
    """

    repeats: int
    twist: float
    rotation: float
    tilt: float
    tilt_azimuth: float

    @property
    def length(self) -> float:
        """Å."""
        return 2 * self.repeats * cellulose().rise


@dataclass(frozen=True, eq=False)
class Rod:
    """Atoms (Å) by element, and the twist in rad/Å by least squares over all sections."""

    atoms: dict[str, Points3]
    twist: float


def draw_rod(bundle: Bundle, pose: RodPose, random: np.random.Generator) -> Rod:
    """A thermal draw of a bundle in this pose."""
    parameters, count = read_parameters_once(), 2 * pose.repeats
    heights = cellulose().rise * (np.arange(count) - (count - 1) / 2)
    order = np.arange(1, WAVES + 1)
    # Free ends: cosines are level there. The second wave is the first that bends.
    bend = _amplitude(len(bundle), pose.length, (BEND, BEND_BY_CHAINS, BEND_BY_LENGTH))
    bend = bend * (order / 2) ** BEND_BY_WAVE * (order > 1)
    turn = _amplitude(len(bundle), pose.length, (TURN, TURN_BY_CHAINS, TURN_BY_LENGTH))
    turn = turn * order**TURN_BY_WAVE
    bends, turns = bend[:, None] * random.standard_normal((WAVES, 2)), turn * random.standard_normal(WAVES)
    places, loose = _placed_chains(bundle, parameters)
    own = parameters.glucose_rms / np.sqrt(3) * random.standard_normal((len(bundle), count, 3))
    atoms: dict[str, list[Points3]] = {name: [] for name in ELECTRONS}
    for kind in (0, 1):
        members = np.flatnonzero(bundle.sites[:, 0] % 2 == kind)
        if not len(members):
            continue
        template = chain_template(kind, count)
        wave = _cosines(template.cart[:, 2], pose.length)
        angle = pose.rotation + pose.twist * template.cart[:, 2] + wave @ turns
        cos, sin = np.cos(angle), np.sin(angle)
        cart = template.cart + own[members][:, template.glucose]
        noise = random.standard_normal(cart.shape, np.float32)
        cart += noise * (loose[members][:, None] * template.deviation)[..., None]
        cart[..., :2] += places[members][:, None]
        x, y = cart[..., 0].copy(), cart[..., 1].copy()
        cart[..., 0] = cos * x - sin * y + (wave @ bends)[:, 0]
        cart[..., 1] = sin * x + cos * y + (wave @ bends)[:, 1]
        cart = leaning(cart, pose.tilt, pose.tilt_azimuth)
        for name, part in template.parts.items():
            atoms[name].append(cart[:, part].reshape(-1, 3))
    angles = pose.twist * heights + _cosines(heights, pose.length) @ turns
    return Rod({name: np.concatenate(parts) for name, parts in atoms.items()}, twist_rate(heights, angles))


@cache
def read_parameters_once() -> EnsembleParameters:
    """The shipped parameters of the elastic network, of which disorder and swelling are taken."""
    return read_parameters()


def _amplitude(chains: int, length: float, law: tuple[float, float, float]) -> float:
    """Root mean square of the wave that a law is stated for, of a rod of so many chains and Å."""
    scale, by_chains, by_length = law
    return float(scale * chains**by_chains * (length / _LENGTH) ** by_length)


def _cosines(height: Float[np.ndarray, " n"], length: float) -> Float[np.ndarray, "n wave"]:
    phase = np.pi * (height[:, None] / length + 0.5)
    return np.sqrt(2) * np.cos(np.arange(1, WAVES + 1) * phase)


def _placed_chains(
    bundle: Bundle, parameters: EnsembleParameters
) -> tuple[Float[np.ndarray, "chain 2"], Float[np.ndarray, " chain"]]:
    """Axes of the chains in Å from their centroid, and how many times the crystal's their disorder is."""
    places = chain_places(bundle.sites.astype(float))
    places = places - places.mean(0)
    surface = neighbours(bundle.sites) < 4
    away = places / np.maximum(np.linalg.norm(places, axis=1, keepdims=True), 1.0)
    return places + parameters.swelling * surface[:, None] * away, np.where(surface, parameters.disorder, 1.0)


def leaning(cart: Float[np.ndarray, "*n 3"], tilt: float, azimuth: float) -> Float[np.ndarray, "*n 3"]:
    """Points whose z axis is turned by `tilt` towards `azimuth` (radians), about the origin."""
    cos, sin = np.cos(azimuth), np.sin(azimuth)
    about = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    lean = np.array(
        [[np.cos(tilt), 0, np.sin(tilt)], [0, 1, 0], [-np.sin(tilt), 0, np.cos(tilt)]],
    )
    return cart @ (about @ lean @ about.T).T


@dataclass(frozen=True, eq=False)
class ChainTemplate:
    """Atoms of a chain about its axis (Å, half height at 0), ordered by element, their deviation in Å."""

    cart: Points3
    glucose: np.ndarray
    deviation: Float[np.ndarray, " n"]
    parts: dict[str, slice]


@cache
def chain_template(kind: int, count: int) -> ChainTemplate:
    """The template of a chain of the crystal's origin (0) or centre (1) of so many glucoses."""
    cart, u_iso = chain_atoms(kind, count), chain_u(kind, count)
    names, _, glucose = chain_labels(count)
    element = np.array([name[0] for name in names])
    order = np.concatenate([np.flatnonzero(element == name) for name in ELECTRONS])
    ends = np.cumsum([0, *((element == name).sum() for name in ELECTRONS)])
    parts = {name: slice(*ends[place : place + 2]) for place, name in enumerate(ELECTRONS)}
    # Both kinds about one height, so that the quarter of c between them stays.
    both = np.concatenate([chain_atoms(0, count), chain_atoms(1, count)])[:, 2]
    cart = cart - np.array([0.0, 0.0, (both.min() + both.max()) / 2])
    return ChainTemplate(cart[order], glucose[order], np.sqrt(u_iso[order]), parts)
