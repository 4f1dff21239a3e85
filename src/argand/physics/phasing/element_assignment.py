"""Elements of a model's atoms from their apparent atomic numbers, their hydrogens, and bond geometry."""

from dataclasses import dataclass, field

import gemmi
import numpy as np
from jaxtyping import Float, Int

from argand.physics.phasing.bond_geometry import bond_cost, bonded, coordination_cost
from argand.physics.phasing.element_evidence import Evidence

COMMON = {
    "C": 0.5, "O": 0.2, "N": 0.08, "F": 0.03, "Cl": 0.025, "S": 0.015, "P": 0.015, "Si": 0.012, "Al": 0.008,
    "B": 0.008, "Br": 0.006, "Na": 0.006, "Fe": 0.006, "Cu": 0.005, "I": 0.004, "Li": 0.004, "K": 0.004,
    "Co": 0.004, "Ni": 0.004, "Zn": 0.004, "Mn": 0.004, "Ca": 0.004, "Mg": 0.003, "Ti": 0.003, "Mo": 0.003,
    "Ru": 0.003, "Pd": 0.003, "Pt": 0.003, "W": 0.002, "Cr": 0.002, "V": 0.002, "Ag": 0.002, "Cd": 0.002,
    "Sn": 0.002, "Rh": 0.002, "Ba": 0.002, "Sr": 0.001, "Hg": 0.001, "Pb": 0.002, "Au": 0.002, "Bi": 0.001,
    "Re": 0.001, "Ir": 0.001, "Se": 0.001, "As": 0.001, "Te": 0.001, "Sb": 0.001, "Cs": 0.001, "Zr": 0.001,
    "Ga": 0.001, "Ge": 0.001, "Ta": 0.001, "Os": 0.001, "In": 0.001, "Rb": 0.001,
}  # fmt: skip
"""Share of each element among the non-hydrogen atoms of crystals.

Set by hand, close to those in open databases.
"""
_RARE = 2e-4
"""The share of an element not in `COMMON`."""
_NEVER = (1, 2, 10, 18, 36, 43, 54, 61, *range(84, 90), *range(93, 119))
"""Hydrogen, noble gases, and elements too radioactive to occur."""
TEMPER = 2.2
"""Factor by which variances of the fit are too small: its model lacks anisotropy and disorder.

The square of the root mean square deviation over its error, about 1.5 on the tuning half of the data.
"""
_OFF, _OFF_RELATIVE = 0.10, 0.02
"""Error of a correct atom beyond its variance, in electrons and as a fraction of the atomic number.

Set by hand, on the tuning half of the data.
"""
_HYDROGEN_OFF = 0.25
"""The same for hydrogen, since idealised positions are not exact."""
_OUTLIER = 18.0
"""Cost at which deviations saturate, as the site itself is then doubtful; set by hand, in nats."""


@dataclass(frozen=True)
class Candidates:
    """Elements to choose from, with their prior costs; `hydrogen` tells whether hydrogen may be present."""

    symbols: tuple[str, ...]
    prior: Float[np.ndarray, " m"]
    hydrogen: bool = True

    @property
    def numbers(self) -> Float[np.ndarray, " m"]:
        """Atomic numbers."""
        return np.array([gemmi.Element(symbol).atomic_number for symbol in self.symbols], float)

    @classmethod
    def of(cls, symbols: tuple[str, ...] = (), hydrogen: bool = True) -> "Candidates":
        """The named elements, or all elements."""
        known = symbols or tuple(
            gemmi.Element(number).name for number in range(3, 93) if number not in _NEVER
        )
        share = np.array([COMMON.get(symbol, _RARE) for symbol in known])
        if symbols:
            # Named elements are present; their frequencies are unknown.
            share = np.sqrt(share)
        return cls(known, -np.log(share / share.sum()), hydrogen)


# Rows: hydrogen atoms on the groups of a site; costs for carbon, nitrogen, oxygen, halogens, others.
_C, _N, _O, _X, _OTHER = range(5)
_CONFIGURATIONS: dict[str, list[tuple[tuple[float, float], tuple[float, ...]]]] = {
    "none": [((0, 0), (0, 0, 0, 0, 0))],
    "end": [
        ((0, 0), (3.0, 1.0, 0.5, 0.0, 0.5)),
        ((1, 0), (3.0, 2.0, 1.5, 6.0, 3.0)),
        ((2, 0), (2.0, 1.2, 2.5, 8.0, 4.0)),
        ((3, 0), (0.3, 2.0, 6.0, 9.0, 5.0)),
    ],
    "two": [
        ((0, 0), (3.0, 0.7, 0.1, 0.1, 0.3)),
        ((1, 0), (0.7, 0.9, 3.0, 6.0, 4.0)),
        ((0, 2), (0.8, 3.0, 4.0, 8.0, 4.0)),
    ],
    "three": [((0, 0), (2.5, 0.5, 0.5, 0.1, 0.3)), ((1, 0), (0.1, 1.5, 3.0, 6.0, 4.0))],
}
"""Numbers of hydrogen atoms on a site, and the cost of each for an element in nats: chemistry, set by
hand."""


def _kind(symbol: str) -> int:
    kinds = {"C": _C, "N": _N, "O": _O, "F": _X, "Cl": _X, "Br": _X, "I": _X}
    return kinds.get(symbol, _OTHER)


def _site_classes(evidence: Evidence) -> tuple[list[str], Int[np.ndarray, "n 2"]]:
    """The class of each atom's site, and its groups of hydrogen atoms (-1 for none)."""
    classes, groups = [], -np.ones((len(evidence.atoms), 2), int)
    for number in range(len(evidence.atoms)):
        own = np.flatnonzero(evidence.sites.atom == number)
        groups[number, : len(own)] = own
        if len(own) == 0:
            classes.append("none")
        elif len(own) == 2:
            classes.append("two")
        else:
            classes.append("end" if evidence.sites.most[own[0]] == 3 else "three")
    return classes, groups


@dataclass
class SiteCosts:
    """Costs in nats of each element at each site from density alone, at any scale."""

    evidence: Evidence
    candidates: Candidates
    classes: list[str] = field(init=False)

    def __post_init__(self) -> None:
        """Gather numbers, hydrogen counts and their covariances atom by atom."""
        evidence, count = self.evidence, len(self.evidence.atoms)
        self.classes, groups = _site_classes(evidence)
        self._values = np.zeros((count, 3))
        self._covariance = np.tile(np.eye(3) * 1e-9, (count, 1, 1))
        self._there = np.zeros((count, 3), bool)
        for number in range(count):
            index = [number, *(count + group for group in groups[number] if group >= 0)]
            size = len(index)
            self._values[number, :size] = np.concatenate([evidence.numbers, evidence.hydrogens])[index]
            self._covariance[number, :size, :size] = evidence.covariance[np.ix_(index, index)]
            self._there[number, :size] = True
        self._kinds = np.array([_kind(symbol) for symbol in self.candidates.symbols])

    def at(self, scale: float) -> Float[np.ndarray, "n m"]:
        """Costs if apparent numbers are `scale` times the true ones, without element priors."""
        numbers = self.candidates.numbers
        cost = np.empty((len(self.classes), len(numbers)))
        for name in set(self.classes):
            rows = np.flatnonzero([one == name for one in self.classes])
            ways = _CONFIGURATIONS[name]
            if not self.candidates.hydrogen:
                ways = ways[:1]
            best = np.full((len(rows), len(numbers)), np.inf)
            for hydrogens, prices in ways:
                price = np.array(prices)[self._kinds] if self.candidates.hydrogen else 0.0
                best = np.minimum(best, self._deviation(rows, np.array(hydrogens), scale) + price)
            cost[rows] = best
        return cost

    def _deviation(self, rows: np.ndarray, hydrogens: np.ndarray, scale: float) -> Float[np.ndarray, "r m"]:
        numbers = self.candidates.numbers
        there = self._there[rows]
        expected = np.zeros((len(rows), len(numbers), 3))
        expected[:, :, 0] = numbers
        expected[:, :, 1:] = hydrogens
        off = (self._values[rows][:, None] - scale * expected) * there[:, None]
        own = np.zeros((len(rows), len(numbers), 3))
        own[:, :, 0] = (_OFF + _OFF_RELATIVE * numbers) ** 2
        own[:, :, 1:] = _HYDROGEN_OFF**2
        own = own * scale**2 + 1e9 * ~there[:, None]
        spread = TEMPER * self._covariance[rows][:, None] + own[..., None] * np.eye(3)
        inverse = np.linalg.inv(spread)
        square = np.einsum("rmi,rmij,rmj->rm", off, inverse, off)
        # Student's t rather than a normal distribution: errors have tails.
        cost = 2.5 * np.log1p(square / 4.0)
        volume = np.where(there[:, None], spread.diagonal(axis1=2, axis2=3), 1.0)
        return cost + 0.5 * np.log(volume).sum(-1)

    def coarse(self, scales: Float[np.ndarray, " s"]) -> Float[np.ndarray, " s"]:
        """Total cost of the best elements at each scale from numbers alone, including priors; fast."""
        numbers = self.candidates.numbers
        value, variance = self._values[:, 0], TEMPER * self._covariance[:, 0, 0]
        own = (_OFF + _OFF_RELATIVE * numbers) ** 2
        totals = []
        for scale in scales:
            spread = variance[:, None] + own * scale**2
            square = (value[:, None] - scale * numbers) ** 2 / spread
            cost = 2.5 * np.log1p(square / 4.0) + 0.5 * np.log(spread) + self.candidates.prior
            totals.append(cost.min(1).sum())
        return np.array(totals)


class Network:
    """Elements of all sites jointly: costs of sites, bonds and coordination numbers."""

    def __init__(
        self, unary: Float[np.ndarray, "n m"], symbols: tuple[str, ...], pairs: list[tuple[int, int, float]]
    ) -> None:
        self.unary, self.symbols = unary, symbols
        self.around: list[list[tuple[int, float]]] = [[] for _ in range(len(unary))]
        for first, second, length in pairs:
            self.around[first].append((second, length))
        self._bond: dict[tuple[int, int, float], float] = {}

    def _bond_cost(self, first: int, second: int, length: float) -> float:
        key = (min(first, second), max(first, second), round(length, 3))
        if key not in self._bond:
            self._bond[key] = bond_cost(self.symbols[key[0]], self.symbols[key[1]], key[2])
        return self._bond[key]

    def _crowd(self, atom: int, chosen: list[int]) -> float:
        name = self.symbols[chosen[atom]]
        names = [self.symbols[chosen[other]] for other, _ in self.around[atom]]
        near = tuple(
            other
            for other, (_, length) in zip(names, self.around[atom], strict=True)
            if bonded(name, other, length)
        )
        return coordination_cost(name, near)

    def local(self, atoms: tuple[int, ...], chosen: list[int]) -> float:
        """All costs affected by a change of these atoms."""
        cost, touched = 0.0, set(atoms)
        for atom in atoms:
            cost += self.unary[atom, chosen[atom]]
            for other, length in self.around[atom]:
                # A bond between two of the atoms is listed for both.
                share = 0.5 if other in atoms else 1.0
                cost += share * self._bond_cost(chosen[atom], chosen[other], length)
                touched.add(other)
        return cost + sum(self._crowd(atom, chosen) for atom in touched)

    def environment(self, atom: int, element: int, chosen: list[int]) -> float:
        """All costs that depend on one atom, for this element."""
        new = list(chosen)
        new[atom] = element
        return self.local((atom,), new)

    def total(self, chosen: list[int]) -> float:
        """Total cost."""
        return self.local(tuple(range(len(self.unary))), chosen)

    def change(self, chosen: list[int], moves: dict[int, int]) -> float:
        """Change of the cost when atoms change element."""
        atoms = tuple(moves)
        new = list(chosen)
        for atom, element in moves.items():
            new[atom] = element
        return self.local(atoms, new) - self.local(atoms, chosen)
