"""Fibrils by name: which chains of the crystal they hold, and their atoms.

Diamond n x m fibrils have chains at i(a+b)/2 + j(a-b)/2, so that their faces are (110) and (1-10); hexagonal
ones are (200) sheets, such as 3-4-5-5-4-3 and 3-4-5-6-6-5-4-3 chains for 24 and 36. The ten of the published
set (Zhang et al., arXiv 1911.07644) are `FIBRILS`.
"""

import re
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise, product

import numpy as np
from jaxtyping import Float, Int

from argand.errors import ConfigError
from argand.physics.fibre.internal_coordinates import turn_to, with_angle
from argand.system import near_match
from argand.systems.molmnist.fibril.cellulose import BONDS, C_O_H, NAMES, O_H, RING, cellulose
from argand.systems.molmnist.fibril.names import FIBRILS
from argand.typing import Points2, Points3

LENGTH = 200.0
"""Å, as published (Zhang et al., arXiv 1911.07644); as many whole repeats of the crystal as are needed for
it: 20, 207.6 Å."""
WIDEST = 12
"""Chains along a side of a diamond at most. By hand: 12 are 64 Å, and their diagonal fills half of the
standard window, beyond which a pattern no longer determines a shape."""
_DIAMOND = re.compile(r"(\d+)x(\d+)")
_HEXAGONAL = re.compile(r"hexagonal-(\d+)")


@dataclass(frozen=True, eq=False, repr=False)
class Fibril:
    """Atoms of parallel chains in Å, their common axis along z through the origin.

    `glucose` numbers the glucose of each atom, chain by chain and upwards in each; `residue` names it as
    GLYCAM does. `bonds` are pairs of atoms.
    """

    name: str
    cart: Points3
    elements: tuple[str, ...]
    atom_names: tuple[str, ...]
    residue: tuple[str, ...]
    glucose: Int[np.ndarray, " n"]
    u_iso: Float[np.ndarray, " n"]
    bonds: Int[np.ndarray, "m 2"]
    chains: int

    def __len__(self) -> int:
        return len(self.cart)

    def __repr__(self) -> str:
        return f"Fibril({self.name}, {self.chains} chains, {len(self)} atoms)"

    @property
    def chain(self) -> Int[np.ndarray, " n"]:
        """Number of the chain of each atom."""
        return self.glucose // self.glucoses_per_chain

    @property
    def glucoses_per_chain(self) -> int:
        """Glucoses of one chain."""
        return (int(self.glucose.max()) + 1) // self.chains

    @cached_property
    def ring(self) -> Int[np.ndarray, "glucose 6"]:
        """The atoms of each glucose's ring, C1 to C5 and O5."""
        member = np.isin(np.array(self.atom_names), RING)
        order = np.array([RING.index(name) for name in np.array(self.atom_names)[member]])
        atoms = np.flatnonzero(member).reshape(-1, len(RING))
        return np.take_along_axis(atoms, order.reshape(atoms.shape).argsort(1), 1)

    def beads(self, cart: Points3) -> Float[np.ndarray, "glucose 3"]:
        """Centre of each glucose's ring for the atoms at `cart` (Å)."""
        return np.asarray(cart[self.ring].mean(1))


def chain_sites(name: str) -> Points2:
    """Chains of a fibril in units of a/2 and b/2 [n, 2]; ConfigError for an unknown fibril.

    The sum of the two is even; chains at odd numbers of a/2 are those of the cell's centre.
    """
    if found := _DIAMOND.fullmatch(name):
        sides = int(found[1]), int(found[2])
        if min(sides) >= 1 and max(sides) <= WIDEST:
            return diamond_sites(*sides)
    elif found := _HEXAGONAL.fullmatch(name):
        sheets = hexagonal_sheets().get(int(found[1]))
        if sheets is not None:
            return sheet_sites(sheets)
    counts = ", ".join(map(str, hexagonal_sheets()))
    raise ConfigError(
        f"unknown fibril '{name}'{near_match(name, FIBRILS)}; known are NxM, 1 to {WIDEST} chains "
        f"a side, and hexagonal-N for N = {counts}"
    )


def diamond_sites(rows: int, columns: int) -> Points2:
    """Chains of a diamond, in units of a/2 and b/2."""
    i, j = (v.ravel() for v in np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"))
    return np.stack([i + j, i - j], 1).astype(float)


def sheet_sites(rows: tuple[int, ...]) -> Points2:
    """Chains of (200) sheets of so many chains each, in units of a/2 and b/2."""
    sheets = []
    for sheet, count in enumerate(rows):
        # Next sheets are shifted by b/2: by themselves where one is longer, by the 1 where two are as long.
        shift = sum(first == second for first, second in pairwise(rows[: sheet + 1])) + rows[0] - 1
        sheets += [(sheet, shift - (count - 1) + 2 * k) for k in range(count)]
    return np.array(sheets, float)


@cache
def hexagonal_sheets() -> dict[int, tuple[int, ...]]:
    """Sheets of the hexagonal fibrils of 14 to 52 chains, by number of chains.

    Sheets grow by one chain up to the middle, which is one sheet or two, and shrink again; of several with
    one number of chains that with the most even sides is taken: as many chains in its outermost sheets as
    steps between outermost and middle, and one more. Those that miss this by more than 3 are no hexagons (by
    hand).
    """
    found: dict[int, tuple[int, ...]] = {}
    for first, last, twice in product(range(2, 8), range(3, 9), (True, False)):
        rising = tuple(range(first, last + 1))
        rows = rising + rising[::-1][0 if twice else 1 :]
        uneven = abs(first - (last - first) - 1)
        known = found.get(sum(rows))
        if (
            first < last
            and uneven <= 3
            and 14 <= sum(rows) <= 52
            and (known is None or uneven < _uneven(known))
        ):
            found[sum(rows)] = rows
    return dict(sorted(found.items()))


def _uneven(rows: tuple[int, ...]) -> int:
    return abs(rows[0] - (max(rows) - rows[0]) - 1)


@cache
def build_fibril(name: str, length: float = LENGTH) -> Fibril:
    """A fibril of at least `length` Å in whole repeats of the crystal; ConfigError for an unknown name."""
    crystal = cellulose()
    # Less by a billionth of a repeat, so that a length of whole repeats does not get one more.
    count = 2 * int(np.ceil(length / (2 * crystal.rise) - 1e-9))
    if count < 2:
        raise ConfigError(f"a fibril of {length:g} Å is shorter than a cellobiose; give 10 Å or more")
    sites = chain_sites(name)
    places = chain_places(sites)
    kinds = (sites[:, 0].astype(int) % 2).tolist()
    chains = [
        chain_atoms(kind, count) + np.array([*place, 0.0]) for kind, place in zip(kinds, places, strict=True)
    ]
    names, residue, glucose = chain_labels(count)
    u_iso = [chain_u(kind, count) for kind in kinds]
    cart = np.concatenate(chains)
    offsets = np.arange(len(sites))
    return Fibril(
        name,
        cart - _middle(cart),
        tuple(atom[0] for atom in names) * len(sites),
        names * len(sites),
        residue * len(sites),
        (glucose[None] + count * offsets[:, None]).ravel(),
        np.concatenate(u_iso),
        (_chain_bonds(names, glucose)[None] + len(names) * offsets[:, None, None]).reshape(-1, 2),
        len(sites),
    )


def chain_places(sites: Points2) -> Points2:
    """Where the chains at these sites are, in Å."""
    return sites / 2 @ cellulose().orthogonalisation[:2, :2].T


def _middle(cart: Points3) -> Float[np.ndarray, "3"]:
    return (cart.min(0) + cart.max(0)) * [0, 0, 0.5] + cart.mean(0) * [1, 1, 0]


def chain_atoms(kind: int, count: int) -> Points3:
    """Atoms of a chain from its axis: H4O, the glucoses, then O1 and its hydrogen."""
    inner = cellulose().glucoses(kind, count + 2)
    at = {name: NAMES.index(name) for name in ("C1", "O5", "O4", "C4", "C3")}
    before, first, last, after = inner[0], inner[1], inner[count], inner[count + 1]
    hydrogen = _hydroxyl(first[at["C3"]], first[at["C4"]], first[at["O4"]], before[at["C1"]])
    oxygen = after[at["O4"]]
    top = _hydroxyl(last[at["O5"]], last[at["C1"]], oxygen, after[at["C4"]])
    return np.concatenate([hydrogen[None], inner[1 : count + 1].reshape(-1, 3), oxygen[None], top[None]])


def _hydroxyl(first: np.ndarray, second: np.ndarray, oxygen: np.ndarray, cut: np.ndarray) -> np.ndarray:
    """Hydrogen in the direction of the bond that was cut, with the angle of a hydroxyl."""
    return turn_to(with_angle(first, second, oxygen, O_H, C_O_H, 0.0), second, oxygen, cut)


def chain_labels(count: int) -> tuple[tuple[str, ...], tuple[str, ...], Int[np.ndarray, " n"]]:
    """Names of the atoms, their residues and the glucose that each moves with."""
    names = ("H4O", *NAMES * count, "O1", "HO1")
    inner = ["0GB"] * len(NAMES) + ["4GB"] * len(NAMES) * (count - 1)
    glucose = np.repeat(np.arange(count), len(NAMES))
    return names, ("0GB", *inner, "ROH", "ROH"), np.concatenate([[0], glucose, [count - 1] * 2])


def chain_u(kind: int, count: int) -> Float[np.ndarray, " n"]:
    """Isotropic U of a chain's atoms in Å²."""
    u_iso = cellulose().chains[kind].u_iso
    oxygen, hydrogen = u_iso[NAMES.index("O4")], u_iso[NAMES.index("H2O")]
    return np.concatenate([[hydrogen], np.tile(u_iso, count), [oxygen, hydrogen]])


def _chain_bonds(names: tuple[str, ...], glucose: Int[np.ndarray, " n"]) -> Int[np.ndarray, "m 2"]:
    """Bonds of a chain, as pairs of its atoms."""
    size, count = len(NAMES), int(glucose.max()) + 1
    inner = np.array([[NAMES.index(first), NAMES.index(second)] for first, second in BONDS])
    starts = 1 + size * np.arange(count)
    within = (inner[None] + starts[:, None, None]).reshape(-1, 2)
    c1, o4 = NAMES.index("C1"), NAMES.index("O4")
    between = np.stack([starts[:-1] + c1, starts[1:] + o4], 1)
    top = len(names) - 2
    ends = np.array([[0, 1 + o4], [starts[-1] + c1, top], [top, top + 1]])
    return np.concatenate([within, between, ends])
