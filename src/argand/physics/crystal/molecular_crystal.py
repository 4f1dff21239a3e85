"""Random molecular crystals: chains and rings of bonded atoms grown until the cell is full.

Not real molecules, but with the features that matter for a density: bond lengths and angles of organic
chemistry, six- and five-membered rings, occasional heavier atoms, contacts as in crystals, one of five common
space groups.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from argand.physics.crystal.atom import Atoms
from argand.physics.crystal.cell import Cell
from argand.physics.crystal.symmetry import Group
from argand.typing import Matrix3, Points3, Vector3

GROUPS = ("P 1", "P -1", "P 1 21 1", "P 1 21/c 1", "P 21 21 21")
"""Space groups of the crystals drawn.

Four of the most frequent in organic crystals, and P 1: of order 4 at most, which keeps cells small. Set by
hand.
"""
_SHARES = (0.15, 0.25, 0.15, 0.3, 0.15)
"""Shares of the groups; set by hand, not measured, P2₁/c most often as among real crystals."""
_HEAVY = ("Si", "P", "S", "Cl", "Mn", "Fe", "Cu", "Zn", "Br", "I")
"""Elements of the heavier atoms, equally likely; set by hand, not measured."""
_LIGHT = ("C", "N", "O")
"""Elements of all other non-hydrogen atoms."""
_LIGHT_SHARES = (0.72, 0.12, 0.16)
"""Shares of carbon, nitrogen and oxygen; set by hand, not measured."""
_RADIUS = {"C": 0.75, "N": 0.71, "O": 0.66, "Si": 1.13, "P": 1.07, "S": 1.03, "Cl": 1.0}
"""Å; covalent radii, by hand within 0.02 Å of Cordero's (Dalton Trans. 2832, 2008), used in `bond`."""
_METAL_RADIUS = 1.35
"""Å for Mn, Fe, Cu and Zn, set by hand; Cordero's are 1.22 to 1.39."""
_MOST_BONDS = {"C": 4, "N": 3, "O": 2, "Si": 4, "P": 4, "S": 2, "Cl": 1, "Br": 1, "I": 1}
"""Most bonds of an atom: the usual valences, but 4 for phosphorus; set by hand."""
_METAL_BONDS = 5
"""Most neighbours of a metal atom; set by hand, not measured, within the usual 4 to 6."""
_ANGLES = np.radians((104.0, 128.0))
"""Least and largest angle between bonds, in radians; set by hand, about 109.5° and 120°."""
_INSIDE, _CONTACT = 2.15, 3.1
"""Shortest distances in Å of non-bonded atoms, within a molecule and between molecules.

Set by hand: 1,3-neighbours in rings of five are 2.2 to 2.4 Å apart, molecules touch at about 3.2.
"""
_TRIES = 12
"""Trial directions for a bond; set by hand, not measured, a bound on time."""
_GIVE_UP = 60
"""Consecutive failures after which a cell counts as full; set by hand, not measured, a bound on time."""


@dataclass(frozen=True)
class MoleculeSet:
    """Types of crystals: cell volumes in Å³ and volume per atom, share with a heavier atom, mean U in Å².

    Defaults are set by hand, near those of organic crystals (`atom.VOLUME_PER_ATOM`). The choices were not
    measured; the network trained on them is (`benchmarks/patterson_network.py`).
    """

    volume: tuple[float, float] = (220.0, 1800.0)
    volume_per_atom: tuple[float, float] = (15.5, 20.0)
    heavy: float = 0.4
    u_iso: tuple[float, float] = (0.015, 0.06)


class RandomCrystal(NamedTuple):
    """Non-hydrogen atoms of the asymmetric unit, its hydrogen atoms, the group, and the cell."""

    atoms: Atoms
    hydrogen: Atoms
    group: Group
    orthogonalisation: Matrix3


def random_crystal(settings: MoleculeSet, rng: np.random.Generator) -> RandomCrystal:
    """A crystal drawn from `settings`; if no further atom fits, it has fewer atoms than requested."""
    group = Group.from_name(GROUPS[int(rng.choice(len(GROUPS), p=_SHARES))])
    low, high = np.log(settings.volume)
    # A molecule of some atoms must fit between its own images.
    volume = max(float(np.exp(rng.uniform(low, high))), 90.0 * group.order)
    cell = _random_cell(group, volume, rng)
    count = max(3, round(volume / group.order / rng.uniform(*settings.volume_per_atom)))
    growth = _Growth(group, cell, rng)
    heavies = int(rng.integers(1, 3)) if rng.random() < settings.heavy else 0
    growth.fill(count, heavies)
    usual = rng.uniform(*settings.u_iso)
    # A spread of a quarter among atoms, and 1.2 times the mean for hydrogen as in riding models; set by hand.
    u_iso = usual * np.exp(rng.normal(0, 0.25, len(growth.elements)))
    atoms = Atoms(tuple(growth.elements), np.array(growth.frac), u_iso, np.ones(len(u_iso)))
    places = growth.hydrogen()
    count = len(places)
    hydrogen = Atoms(("H",) * count, places, np.full(count, 1.2 * usual), np.ones(count))
    return RandomCrystal(atoms, hydrogen, group, cell)


def _random_cell(group: Group, volume: float, rng: np.random.Generator) -> Matrix3:
    """A cell of that volume with angles allowed by the group."""
    # Ratios of edges and ranges of angles are set by hand; the last line sets the volume.
    edges = np.exp(rng.normal(0, 0.3, 3))
    angles = np.full(3, 90.0)
    if group.order <= 2 and "21" not in group.name:
        angles = rng.uniform(72, 108, 3)
    elif "21 21" not in group.name:
        angles[1] = rng.uniform(90, 116)
    cell = Cell(*edges, *np.radians(angles)).orthogonalisation
    return cell * (volume / np.linalg.det(cell)) ** (1 / 3)


class _Growth:
    """Atoms placed so far, each with its bonds, in one asymmetric unit and all its images."""

    def __init__(self, group: Group, cell: Matrix3, rng: np.random.Generator) -> None:
        self.group, self.cell, self.rng = group, cell, rng
        self.inverse = np.linalg.inv(cell)
        self.elements: list[str] = []
        self.frac: list[Vector3] = []
        self.bonds: list[list[int]] = []
        self.molecule: list[int] = []

    def fill(self, count: int, heavies: int) -> None:
        """Grow to `count` atoms, the first few being heavier ones, or until nothing fits."""
        failures = molecules = 0
        largest = int(self.rng.integers(6, max(count, 7) + 1))
        while len(self.elements) < count and failures < _GIVE_UP:
            # Probabilities here and below are set by hand: no property of real crystals was fitted.
            open_ends = self._open_ends(molecules, largest)
            element = self._next_element(heavies)
            if not open_ends or failures > _GIVE_UP // 2 or self.rng.random() < 0.01:
                molecules += 1
                grown = self._seed(element, molecules)
            else:
                parent = int(self.rng.choice(open_ends[-4:]))
                ring = self.elements[parent] in _LIGHT and self.rng.random() < 0.3
                grown = self._ring(parent, molecules) if ring else self._atom(parent, element, molecules)
            heavies -= grown and element in _HEAVY and self.elements[-1] not in _LIGHT
            failures = 0 if grown else failures + 1
        if not self.elements:
            self._place(np.zeros((1, 3)), ["C"], [[]], 1)

    def hydrogen(self) -> Points3:
        """Fractional positions of hydrogen, 0.97 Å from light atoms with free valences."""
        places = []
        for number, element in enumerate(self.elements):
            spare = _most_bonds(element) - len(self.bonds[number]) - int(self.rng.integers(0, 2))
            if element in _LIGHT and spare > 0:
                directions = self._directions(number)[:spare]
                places += list((self._cart(number) + 0.97 * directions) @ self.inverse.T)
        return np.array(places).reshape(-1, 3)

    def _open_ends(self, molecule: int, largest: int) -> list[int]:
        """Atoms of the current molecule that can take another bond."""
        if self.molecule.count(molecule) >= largest:
            return []
        own = (i for i, number in enumerate(self.molecule) if number == molecule)
        return [i for i in own if len(self.bonds[i]) < min(3, _most_bonds(self.elements[i]))]

    def _next_element(self, heavies: int) -> str:
        if heavies > 0 and self.rng.random() < 0.3:
            return str(self.rng.choice(_HEAVY))
        return str(self.rng.choice(_LIGHT, p=_LIGHT_SHARES))

    def _seed(self, element: str, molecule: int) -> bool:
        """The first atom of a new molecule, in a void between the others."""
        places = self.rng.random((4 * _TRIES, 3)) @ self.cell.T
        return self._first_that_fits(places[:, None], [element], [[]], molecule)

    def _atom(self, parent: int, element: str, molecule: int) -> bool:
        """One atom bonded to `parent`."""
        # Å; spread of bond lengths set by hand.
        length = _radius(self.elements[parent]) + _radius(element) + self.rng.normal(0, 0.03)
        if element in _LIGHT and self.elements[parent] in _LIGHT:
            # Double bonds are up to 0.2 Å shorter than single ones.
            length -= 0.15 * self.rng.random()
        directions = self._directions(parent)
        if not len(directions):
            return False
        places = self._cart(parent) + length * directions
        return self._first_that_fits(places[:, None], [element], [[parent]], molecule)

    def _ring(self, parent: int, molecule: int) -> bool:
        """A flat ring of six or five atoms bonded to `parent`."""
        size = 6 if self.rng.random() < 0.75 else 5
        # Bonds of 1.39 Å as in benzene, and 1.48 Å as between aromatic rings.
        radius = 1.39 / (2 * np.sin(np.pi / size))
        directions = self._directions(parent)
        if not len(directions):
            return False
        across = np.cross(directions, _unit(self.rng.normal(size=(len(directions), 3))))
        across = _unit(across)
        turn = 2 * np.pi * np.arange(size) / size
        corners = -np.cos(turn)[:, None] * directions[:, None] + np.sin(turn)[:, None] * across[:, None]
        places = self._cart(parent) + (1.48 + radius) * directions[:, None] + radius * corners
        names = [str(name) for name in self.rng.choice(_LIGHT, size, p=(0.9, 0.08, 0.02))]
        first = len(self.elements)
        bonds = [[parent], *([first + i] for i in range(size - 1))]
        grown = self._first_that_fits(places, ["C", *names[1:]], bonds, molecule)
        if grown:
            self.bonds[first].append(first + size - 1)
            self.bonds[first + size - 1].append(first)
        return grown

    def _directions(self, parent: int) -> Float[np.ndarray, "n 3"]:
        """Directions of a new bond at usual angles to the parent's other bonds; planar ones are preferred."""
        neighbours = [self._cart(i) - self._cart(parent) for i in self.bonds[parent]]
        others = _unit(np.array(neighbours).reshape(-1, 3))
        tried = _unit(self.rng.normal(size=(12 * _TRIES, 3)))
        if len(others) == 2 and self.rng.random() < 0.6:
            tried[0] = _unit(-others.sum(0))
        if len(others) and _most_bonds(self.elements[parent]) <= 4:
            cosine = tried @ others.T
            low, high = np.cos(_ANGLES[1]), np.cos(_ANGLES[0])
            tried = tried[((cosine >= low) & (cosine <= high)).all(1)]
        return tried[:_TRIES]

    def _first_that_fits(
        self,
        places: Float[np.ndarray, "tries n 3"],
        elements: list[str],
        bonds: list[list[int]],
        molecule: int,
    ) -> bool:
        """Add the first set of atoms that keeps its distance from all others and from its own images."""
        fits = np.flatnonzero(self._fit(places, elements, bonds, molecule))
        if len(fits):
            self._place(places[fits[0]] @ self.inverse.T, elements, bonds, molecule)
        return bool(len(fits))

    def _fit(
        self,
        places: Float[np.ndarray, "tries n 3"],
        elements: list[str],
        bonds: list[list[int]],
        molecule: int,
    ) -> Bool[np.ndarray, " tries"]:
        """Which sets of positions keep their distance."""
        frac = places @ self.inverse.T
        images = np.einsum("oij,tnj->toni", self.group.rotations, frac) + self.group.translations[:, None]
        # The first operator is the identity, which pairs each atom with itself and the others of its set.
        own = self._distances(frac[:, None, :, None] - images[:, 1:, None])
        fit = np.asarray((own >= _CONTACT).all((1, 2, 3)))
        if not self.frac or not fit.any():
            return fit
        # Set by hand: heavier atoms are larger.
        extra = np.array([0.6 * (name not in _LIGHT) for name in elements])[:, None]
        inside = np.array(self.molecule) == molecule
        least = np.where(inside[None], _INSIDE + extra, _CONTACT + extra)
        for number, partners in enumerate(bonds):
            known = [partner for partner in partners if partner < len(self.frac)]
            least[number, known] = 0.0
        apart = self._distances(images[fit][:, :, :, None] - np.array(self.frac))
        fit[fit] = (apart[:, 0] >= least).all((1, 2)) & (apart[:, 1:] >= _CONTACT + extra).all((1, 2, 3))
        return fit

    def _distances(self, apart: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n"]:
        """Lengths in Å of fractional differences, to the nearest image in the lattice."""
        apart = (apart - np.rint(apart)).astype(np.float32) @ self.cell.T.astype(np.float32)
        return np.sqrt(np.einsum("...i,...i->...", apart, apart))

    def _place(self, frac: Points3, elements: list[str], bonds: list[list[int]], molecule: int) -> None:
        for place, element, partners in zip(frac, elements, bonds, strict=True):
            number = len(self.elements)
            self.elements.append(element)
            self.frac.append(place)
            self.bonds.append(list(partners))
            self.molecule.append(molecule)
            for partner in partners:
                self.bonds[partner].append(number)

    def _cart(self, number: int) -> Vector3:
        """Position in Å; molecules are grown whole, so bonded atoms are never in other cells."""
        return self.cell @ self.frac[number]


def _unit(vectors: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def _radius(element: str) -> float:
    # Set by hand, for bromine and iodine: Cordero's for bromine is 1.20 Å.
    return _RADIUS.get(element, _METAL_RADIUS if _most_bonds(element) > 4 else 1.18)


def _most_bonds(element: str) -> int:
    return _MOST_BONDS.get(element, _METAL_BONDS)
