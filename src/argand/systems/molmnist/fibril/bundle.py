"""Bundles of chains of any outline: how they are drawn, and which split of a data set each belongs to.

A bundle is a set of sites of the crystal of cellulose Iβ. Its split follows from the sites themselves, so
that no outline of the validation or test split is ever trained on.
"""

import hashlib
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float, Int

from argand.errors import ConfigError
from argand.systems.molmnist.fibril.fibril import (
    WIDEST,
    chain_places,
    chain_sites,
    diamond_sites,
    hexagonal_sheets,
    sheet_sites,
)

OUTLINES = ("diamond", "hexagonal", "round", "irregular")
"""Kinds of outline; a kind's place here is its number. Another order would change the data sets."""
GRID = 17
"""Sites along each side of the lattice of (110) and (1-10) rows that every bundle fits into. By hand: room
for diamonds of 12 and for irregular bundles of 100 chains with a long axis."""
_HEXAGONAL = (18, 40)
"""Fewest and most chains of a hexagonal bundle, by hand: around the 24 and 36 that are discussed most."""
_FEWEST_LEFT = 4
"""Chains that missing ones leave at least: the smallest fibril, 2x2."""
_LOBES, _ROUGHNESS = 5, 0.35
"""Highest order of the waves in the outline of an irregular bundle, and their largest amplitude over the root
of their order. By hand, for outlines from oval to indented."""
_NEIGHBOURS = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])
"""Steps, in a/2 and b/2, to the four nearest chains."""

Sites = Int[np.ndarray, "chain 2"]


@dataclass(frozen=True)
class Bundles:
    """How bundles are drawn: fewest and most `chains`, lengths in Å, largest twist and tilt.

    Outlines have equal chances. A share `missing` of the bundles lacks surface chains, one to a tenth of all.
    The twist is flat between minus and plus `twist_deg_per_nm`, the length flat between both `lengths`, the
    tilt of the axis against the beam flat in its solid angle up to `tilt_deg`. All by hand: the ranges of the
    data set `hard`. ConfigError for ranges that hold nothing.
    """

    chains: tuple[int, int] = (4, 100)
    lengths: tuple[float, float] = (100.0, 300.0)
    twist_deg_per_nm: float = 8.0
    tilt_deg: float = 3.0
    missing: float = 0.3

    def __post_init__(self) -> None:
        low, high = self.chains
        if not 1 <= low <= high <= 100 or not 10 <= self.lengths[0] <= self.lengths[1]:
            raise ConfigError("bundles have 1 to 100 chains and are 10 Å long or more; low before high")
        if not 0 <= self.missing <= 1 or min(self.twist_deg_per_nm, self.tilt_deg) < 0:
            raise ConfigError("missing is a share from 0 to 1, twist and tilt are not below 0")


@dataclass(frozen=True, eq=False)
class Bundle:
    """Sites of chains in units of a/2 and b/2, their outline's kind, and how many chains are missing."""

    sites: Sites
    outline: str
    missing: int

    def __len__(self) -> int:
        return len(self.sites)


def draw_bundle(plan: Bundles, split: int, random: np.random.Generator) -> Bundle:
    """A bundle of this split, drawn again until one belongs there: on average 1.25 or ten times."""
    while True:
        outline = OUTLINES[int(random.integers(len(OUTLINES)))]
        sites = _drawn_sites(outline, plan, random)
        if not plan.chains[0] <= len(sites) <= plan.chains[1]:
            continue
        lost = 0
        if random.random() < plan.missing:
            sites, lost = _eroded(sites, random)
        if fits(sites) and split_of(sites) == split:
            return Bundle(sites, outline, lost)


def _drawn_sites(outline: str, plan: Bundles, random: np.random.Generator) -> Sites:
    if outline == "diamond":
        return diamond_sites(*random.integers(2, WIDEST + 1, 2).tolist()).astype(np.int64)
    if outline == "hexagonal":
        low, high = max(_HEXAGONAL[0], plan.chains[0]), min(_HEXAGONAL[1], plan.chains[1])
        counts = [count for count in hexagonal_sheets() if low <= count <= high]
        if not counts:
            return np.zeros((0, 2), np.int64)
        return sheet_sites(hexagonal_sheets()[counts[int(random.integers(len(counts)))]]).astype(np.int64)
    # Equal chances on a logarithmic scale: one chain more or less counts by its share.
    count = round(float(np.exp(random.uniform(*np.log(plan.chains)))))
    return _nearest_sites(count, 0.0 if outline == "round" else _ROUGHNESS, random)


def _nearest_sites(count: int, roughness: float, random: np.random.Generator) -> Sites:
    """The sites nearest to a random point, by a distance that waves around it lengthen and shorten."""
    steps = np.arange(-GRID, GRID + 1)
    u, v = (axis.ravel() for axis in np.meshgrid(steps, steps, indexing="ij"))
    sites = np.stack([u, v], 1)[(u + v) % 2 == 0]
    away = chain_places(sites.astype(float)) - chain_places(random.uniform(-1, 1, (1, 2)))
    angle = np.arctan2(away[:, 1], away[:, 0])
    order = np.arange(1, _LOBES + 1)
    size = roughness / np.sqrt(order) * random.uniform(0, 1, _LOBES)
    phase = random.uniform(0, 2 * np.pi, _LOBES)
    reach = np.exp((size * np.cos(order * angle[:, None] + phase)).sum(1))
    nearest = (np.hypot(*away.T) / reach).argsort(kind="stable")[:count]
    return sites[np.sort(nearest)]


def _eroded(sites: Sites, random: np.random.Generator) -> tuple[Int[np.ndarray, "left 2"], int]:
    """The sites without some at the surface, and how many are gone."""
    lost = min(int(random.integers(1, max(len(sites) // 10, 1) + 1)), len(sites) - _FEWEST_LEFT)
    for _ in range(max(lost, 0)):
        surface = np.flatnonzero(neighbours(sites) < len(_NEIGHBOURS))
        sites = np.delete(sites, surface[int(random.integers(len(surface)))], axis=0)
    return sites, max(lost, 0)


def neighbours(sites: Sites) -> Int[np.ndarray, " chain"]:
    """How many of the four nearest sites of each chain have chains too."""
    known = {tuple(site) for site in sites.tolist()}
    return np.array([sum(tuple(near) in known for near in (site + _NEIGHBOURS).tolist()) for site in sites])


def fits(sites: Sites) -> bool:
    """Whether the sites have room on the grid of `occupancy`."""
    extent = np.ptp(grid_places(sites), axis=0)
    return bool((extent < GRID - 1).all())


def grid_places(sites: Sites) -> Int[np.ndarray, "chain 2"]:
    """Numbers i and j of the rows (110) and (1-10) of each site, i(a+b)/2 + j(a-b)/2."""
    u, v = np.asarray(sites, np.int64).T
    return np.stack([(u + v) // 2, (u - v) // 2], 1)


def occupancy(sites: Sites) -> Float[np.ndarray, "row column"]:
    """1 where there is a chain, on GRID x GRID sites [i, j], those nearest the centroid in the middle.

    A chain of the crystal's origin stays one: i + j is even in the middle.
    """
    places = grid_places(sites)
    move = np.rint(places.mean(0)).astype(int)
    if move.sum() % 2:
        # To the second nearest place that keeps the two kinds of chain apart.
        rest = places.mean(0) - move
        axis = int(np.abs(rest).argmax())
        move[axis] += 1 if rest[axis] > 0 else -1
    grid = np.zeros((GRID, GRID), np.float32)
    inside = places - move + GRID // 2
    inside = inside[((inside >= 0) & (inside < GRID)).all(1)]
    grid[inside[:, 0], inside[:, 1]] = 1.0
    return grid


def split_of(sites: Sites) -> int:
    """0 train, 1 validation, 2 test: eight, one and one of ten by a hash of the outline.

    Bundles that differ by a translation or by half a turn are one outline.
    """
    word = hashlib.sha256(repr(_canonical(sites)).encode()).digest()
    return max(int.from_bytes(word[:4], "big") % 10 - 7, 0)


def _canonical(sites: Sites) -> list[tuple[int, int]]:
    """The sites, the same for bundles that differ by a translation or by half a turn."""
    both = []
    for some in (sites, -sites):
        ordered = sorted(map(tuple, some.tolist()))
        both.append([(u - ordered[0][0], v - ordered[0][1]) for u, v in ordered])
    return min(both)


def occupied(grid: Float[np.ndarray, "row column"]) -> Sites:
    """Sites in a/2 and b/2 that have a chain, of a map as `occupancy` gives it: those above one half."""
    places = np.argwhere(np.asarray(grid) > 0.5) - GRID // 2
    return np.stack([places.sum(1), places[:, 0] - places[:, 1]], 1)


def name_of(sites: Sites) -> str | None:
    """Name of the fibril that these chains are (`fibril.chain_sites`); None for any other bundle."""
    return None if not len(sites) else _names().get(tuple(_canonical(sites)))


@cache
def _names() -> dict[tuple[tuple[int, int], ...], str]:
    """Names of all diamonds and hexagonal fibrils by their sites."""
    known = [f"{rows}x{columns}" for rows in range(1, WIDEST + 1) for columns in range(1, WIDEST + 1)]
    known += [f"hexagonal-{count}" for count in hexagonal_sheets()]
    return {tuple(_canonical(chain_sites(name).astype(np.int64))): name for name in reversed(known)}
