"""Random sets of equal atoms and their Patterson maps, as published, with what measuring does to them."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from argand.errors import ConfigError
from argand.physics.sphere.density import sphere_density
from argand.physics.sphere.patterson import alike_for_mates, intensities, map_of, reflection_length

Positions = Float[np.ndarray, "atom 3"]

TRIES = 10_000
"""Random places tried for an atom, and arrangements for a map, before giving up. By hand: far more than any
preset needs."""


@dataclass(frozen=True)
class AtomSet:
    """What is simulated; lengths in voxels. Raises ConfigError for a set that cannot be.

    The defaults of `atoms` to `inversion` are the published problem (Hurwitz, arXiv 2003.13767).
    `corner_from` is by hand: a quarter of the inner box.

    `noise` is the range of the relative standard deviation of |F|², `resolution` the largest |h| that is
    measured, in shares of Nyquist (None: all), `missing` the share of reflections that are set to zero.
    An atom is in a reserved corner when all three of its offsets from the box centre exceed
    `corner_from`, or all three of its inversion image; `corner` says whether corners stay `empty`, hold an
    atom in every map (`filled`), or are nothing special (`free`).
    """

    atoms: int = 10
    radius: float = 1.0
    box: int = 40
    inner_box: float = 12.0
    min_distance: float = 2.0
    inversion: bool = True
    noise: tuple[float, float] = (0.0, 0.0)
    resolution: float | None = None
    missing: float = 0.0
    corner: Literal["free", "empty", "filled"] = "free"
    corner_from: float = 3.0

    def __post_init__(self) -> None:
        if self.atoms < 2 or min(self.radius, self.inner_box) <= 0:
            raise ConfigError("a set needs two atoms or more, a radius and an inner box above zero")
        if self.inner_box + 2 * self.radius > self.box:
            raise ConfigError(f"atoms in an inner box of {self.inner_box:g} leave the box of {self.box}")


@dataclass(frozen=True)
class Draw:
    """The random choices of one map: places of the atoms, level of noise, a number for whoever needs one."""

    positions: Positions
    noise: float
    choice: float
    seed: int


def draw(settings: AtomSet, index: int, seed: int) -> Draw:
    """The choices for map number `index`; ConfigError where so many atoms do not fit."""
    generator = np.random.default_rng([seed, index])
    for _ in range(TRIES):
        positions = _place(settings, generator)
        if _corner_as_wanted(settings, positions):
            noise = float(generator.uniform(*settings.noise))
            return Draw(positions, noise, float(generator.random()), int(generator.integers(2**62)))
    raise ConfigError(f"no arrangement with the corner {settings.corner} was found; change corner_from")


def _place(settings: AtomSet, generator: np.random.Generator) -> Positions:
    """Atoms uniform in the inner box, no two too near, moved so that their mean is the box centre."""
    placed = np.empty((settings.atoms, 3))
    count = 0
    for _ in range(TRIES):
        place = generator.uniform(0, settings.inner_box, 3)
        apart = placed[:count] - place
        if not count or (apart * apart).sum(1).min() >= settings.min_distance**2:
            placed[count] = place
            count += 1
            if count == settings.atoms:
                return placed - placed.mean(0) + settings.box / 2
    raise ConfigError(f"{settings.atoms} atoms do not fit into an inner box of {settings.inner_box:g}")


def in_corner(settings: AtomSet, positions: Positions) -> bool:
    """Whether some atom, or its inversion image, lies in the reserved corner."""
    offset = positions - settings.box / 2
    low, high = (offset < -settings.corner_from).all(1), (offset > settings.corner_from).all(1)
    return bool(low.any() or high.any())


def _corner_as_wanted(settings: AtomSet, positions: Positions) -> bool:
    return settings.corner == "free" or in_corner(settings, positions) == (settings.corner == "filled")


@dataclass(frozen=True)
class MapBatch:
    """Simulated maps: true places, the published target, and the Patterson maps, origin at index 0."""

    positions: Float[Tensor, "batch atom 3"]
    density: Float[Tensor, "batch box box box"]
    patterson: Float[Tensor, "batch box box box"]
    choice: Float[Tensor, " batch"]


def simulate_batch(
    settings: AtomSet, indices: range | list[int], seed: int, device: str | torch.device = "cpu"
) -> MapBatch:
    """Maps of these numbers, each a function of its number and the seed alone, computed on `device`.

    The target is half the sum of the atoms' density and its inversion image (Hurwitz, arXiv 2003.13767).
    Raises ConfigError where so many atoms do not fit.
    """
    draws = [draw(settings, index, seed) for index in indices]
    positions = torch.as_tensor(np.stack([one.positions for one in draws]), device=device)
    atoms = sphere_density(positions, settings.box, settings.radius).float()
    measured = intensities(atoms)
    if settings.noise[1] or settings.resolution or settings.missing:
        measured = measured * torch.stack([_measuring(settings, one) for one in draws]).to(measured.device)
    density = 0.5 * (atoms + atoms.flip(1, 2, 3)) if settings.inversion else atoms
    choice = torch.tensor([one.choice for one in draws], device=device)
    return MapBatch(positions, density, map_of(measured, settings.box), choice)


def measured_reflections(settings: AtomSet) -> Float[Tensor, "box box half"]:
    """1 for reflections within the resolution limit, 0 for others."""
    if settings.resolution is None:
        return torch.ones_like(reflection_length(settings.box))
    return (reflection_length(settings.box) <= settings.resolution).float()


def _measuring(settings: AtomSet, chosen: Draw) -> Float[Tensor, "box box half"]:
    """Factor on each intensity: noise, the resolution limit and missing reflections; alike for h and -h."""
    generator = torch.Generator().manual_seed(chosen.seed)
    factor = measured_reflections(settings)
    if chosen.noise:
        factor = factor * (1 + chosen.noise * alike_for_mates(torch.randn(factor.shape, generator=generator)))
    if settings.missing:
        there = alike_for_mates(torch.rand(factor.shape, generator=generator)) >= settings.missing
        # F(000) says how much there is; it is never measured, and always known.
        there[0, 0, 0] = True
        factor = factor * there
    return factor
