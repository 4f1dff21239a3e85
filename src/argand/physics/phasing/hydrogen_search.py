"""Riding hydrogen of a model: from geometry on carbon, and from the difference map elsewhere."""

from collections.abc import Iterator
from dataclasses import dataclass

import gemmi
import numpy as np
from jaxtyping import Float

from argand.physics.crystal.atom import Atoms
from argand.physics.crystal.bond import covalent_radii
from argand.physics.crystal.hydrogen import Candidate, Kind, planar, secondary, terminal, tertiary, turning
from argand.physics.crystal.neighbourhood import Neighbours, neighbours
from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.difference_map import DifferenceMap
from argand.typing import Matrix3, Points3

# Bonds of unsaturated atoms are shorter than the sum of covalent radii. The limits are in Å, by hand between
# the usual lengths of organic bonds: C-C 1.53, C=C aromatic 1.39, double 1.33, triple 1.19 (International
# Tables C, 9.5).
_CARBON = 0.76
"""Covalent radius of sp3 carbon in Å (Cordero et al., Dalton Trans. 2832, 2008); gemmi has that of sp2."""
_UNSATURATED = -0.06
"""Mean shortening of two bonds, corrected for the angle, beyond which a carbon or nitrogen is planar."""
_PER_DEGREE = 0.004
"""Å of shortening equivalent to a degree of the angle: 120 against 112 degrees is half of the threshold."""
_SATURATED_ANGLE = 114.0
"""Bond angle in degrees that separates sp3 (109 to 114) from sp2 (120)."""
_ENDING_SINGLE, _ENDING_DOUBLE, _ENDING_TRIPLE = -0.12, -0.25, -0.40
"""Limits of the shortening of a carbon's only bond for a single, double or triple bond."""
_HYDROXYL = -0.13
"""Limit of the shortening of an oxygen's bond for OH: C-OH of acids is 1.31, C=O 1.21."""
_IMINE = -0.17
"""Shortening of a nitrogen's only bond beyond which it is C=NH or C≡N, and no hydrogen is placed."""
_FLAT = 0.3
"""Å between an atom and the plane of its three neighbours below which it has no hydrogen; 0.5 at sp3."""
_LINEAR = 160.0
"""Degrees of the angle at an atom beyond which it is sp and has no hydrogen."""
_METAL_SIDE = np.cos(np.radians(50.0))
"""No hydrogen is placed within 50 degrees of a bonded metal. Set by hand."""
_CLEAR_TURN = 1.0
"""Map rms by which the best methyl torsion must exceed the worst to be used. Set by hand."""
_CLEAR_SHARE = 0.5
"""Least density of N-H and O-H hydrogen relative to the usual density on carbon. Set by hand."""
_CLEAR_RMS = 3.0
"""Least density of N-H and O-H hydrogen in map rms. Set by hand, as for atoms."""
_ABSENT_SHARE = 0.15
"""Fraction of the usual density below which hydrogen on carbon is omitted: its parent is not carbon. Set by
hand."""
_TELLING = 2.0
"""Map rms above which the usual density of hydrogen on carbon is significant. Set by hand."""
_APART = 1.3
"""Least distance in Å between hydrogen of N-H and O-H and other hydrogen: in a short O-H-O one peak fits both
sides. Set by hand; H in water and NH3 are 1.5 to 1.6 apart."""
_CONTACT = 1.8
"""Least distance in Å between hydrogen on carbon and atoms not bonded to its parent; contacts exceed 2.3. Set
by hand."""
_SAME = 0.35
"""Å within which images of hydrogen are identical. Set by hand, a fifth of the H-H distance in CH2."""


@dataclass(frozen=True)
class Riding:
    """Hydrogen on one atom: fractional positions, and crystallographic occupancies.

    `is_whole` is False if symmetry generates part of the group, so that its geometry is no longer idealised.
    """

    parent: int
    kind: Kind
    frac: Points3
    occupancy: Float[np.ndarray, " n"]
    is_whole: bool

    def __len__(self) -> int:
        return len(self.frac)


def riding_hydrogen(
    atoms: Atoms, group: Group, cell: Matrix3, difference: DifferenceMap
) -> tuple[Riding, ...]:
    """Unambiguous hydrogen atoms for a model without any, in the order of its atoms.

    On carbon from bond lengths and angles, methyl torsions from the difference map or else staggered; on
    nitrogen and oxygen only where the map shows at least half the density of hydrogen on carbon.
    """
    search = _Search(atoms, group, cell, difference)
    carbon = [found for one in search.candidates("C") if (found := search.on_carbon(one)) is not None]
    heights = [difference.at(one.frac).mean() for one in carbon]
    usual = float(np.median(heights)) if heights else 0.0
    # If the map shows hydrogen at all, it reveals which atoms are not carbon.
    least = _ABSENT_SHARE * usual if usual > _TELLING * difference.rms else -np.inf
    kept = [one for one, height in zip(carbon, heights, strict=True) if height > least]
    floor = max(_CLEAR_SHARE * usual, _CLEAR_RMS * difference.rms)
    others = [found for one in search.candidates("NO") if (found := search.if_seen(one, floor)) is not None]
    others.sort(key=lambda one: -difference.at(one.frac).mean())
    for one in others:
        if not any(_nearest(one, other, group, cell) < _APART for other in kept):
            kept.append(one)
    return tuple(sorted(kept, key=lambda one: one.parent))


def _nearest(one: Riding, other: Riding, group: Group, cell: Matrix3) -> float:
    """Least distance in Å between hydrogen of two groups, images included."""
    apart = group.images(one.frac)[:, :, None] - other.frac
    return float(np.linalg.norm((apart - np.rint(apart)) @ cell.T, axis=-1).min())


def with_hydrogen(atoms: Atoms, riding: tuple[Riding, ...]) -> Atoms:
    """The model with its hydrogen after the other atoms; U is 1.2 or 1.5 times that of the parent."""
    if not riding:
        return atoms
    ratio = [np.full(len(one), one.kind.value.u_ratio * atoms.u_iso[one.parent]) for one in riding]
    return Atoms(
        atoms.elements + ("H",) * sum(map(len, riding)),
        np.vstack([atoms.frac, *(one.frac for one in riding)]),
        np.concatenate([atoms.u_iso, *ratio]),
        np.concatenate([atoms.occupancy, *(one.occupancy for one in riding)]),
    )


class _Search:
    """Data for the choice of hydrogen atoms."""

    def __init__(self, atoms: Atoms, group: Group, cell: Matrix3, difference: DifferenceMap) -> None:
        self.atoms, self.group, self.cell, self.difference = atoms, group, cell, difference
        self.inverse = np.linalg.inv(cell)
        self.radii = np.where(np.array(atoms.elements) == "C", _CARBON, covalent_radii(atoms.elements))
        self.is_metal = np.array([gemmi.Element(element).is_metal for element in atoms.elements], bool)
        sites = [group.site(place, cell)[2] for place in atoms.frac]
        self.is_full = atoms.occupancy * np.array(sites) > 0.99

    def candidates(self, elements: str) -> Iterator[Candidate]:
        """Groups allowed by geometry on atoms of these elements."""
        rules = {"C": self._carbon, "N": self._nitrogen, "O": self._oxygen}
        for number, element in enumerate(self.atoms.elements):
            if element in elements and self.is_full[number]:
                yield from rules[element](number)

    def _bonds(self, number: int) -> tuple[Neighbours, Neighbours, np.ndarray]:
        """Non-metal neighbours of an atom, metal neighbours, and the bond shortening of the former in Å."""
        radius = float(self.radii[number])
        found = neighbours(self.atoms.frac[number], radius, self.atoms, self.group, self.cell)
        metal = self.is_metal[found.numbers]
        light = found.only(np.flatnonzero(~metal))
        usual = self.radii[number] + self.radii[light.numbers]
        return light, found.only(np.flatnonzero(metal)), np.linalg.norm(light.vectors, axis=1) - usual

    def _beyond(self, number: int, bond: Neighbours) -> Points3:
        """Vectors from the first neighbour to its other neighbours, in Å."""
        vector = bond.vectors[0]
        place = self.atoms.frac[number] + self.inverse @ vector
        radius = float(self.radii[bond.numbers[0]])
        found = neighbours(place, radius, self.atoms, self.group, self.cell).vectors
        return found[np.linalg.norm(found + vector, axis=1) > _SAME]

    def _carbon(self, number: int) -> Iterator[Candidate]:
        light, metal, short = self._bonds(number)
        vectors = light.vectors
        if len(light) == 3 and _height(vectors) > _FLAT:
            yield Candidate(number, Kind.TERTIARY, tertiary(vectors))
        elif len(light) == 2 and _angle(vectors) < _LINEAR:
            # Carbon bonded to the face of a metal is planar, though its bonds are not precise enough to show
            # it.
            if len(metal) or _is_flat(vectors, short):
                yield from _free(Candidate(number, Kind.PLANAR, planar(vectors)), metal)
            else:
                yield Candidate(number, Kind.SECONDARY, secondary(vectors))
        elif len(light) == 1 and not len(metal):
            beyond = self._beyond(number, light)
            if short[0] > _ENDING_SINGLE:
                yield Candidate(number, Kind.METHYL, turning(vectors[0], beyond, 3))
            elif short[0] > _ENDING_DOUBLE:
                yield Candidate(number, Kind.TERMINAL, terminal(vectors[0], beyond))
            elif short[0] > _ENDING_TRIPLE and self.atoms.elements[light.numbers[0]] == "C":
                yield Candidate(number, Kind.LINEAR, planar(vectors))

    def _nitrogen(self, number: int) -> Iterator[Candidate]:
        light, metal, short = self._bonds(number)
        vectors = light.vectors
        if len(metal):
            return
        if len(light) == 3 and _height(vectors) > _FLAT:
            yield Candidate(number, Kind.TERTIARY, tertiary(vectors))
        elif len(light) == 2 and _angle(vectors) < _LINEAR:
            if _is_flat(vectors, short):
                yield Candidate(number, Kind.PLANAR, planar(vectors))
            else:
                yield Candidate(number, Kind.SECONDARY, secondary(vectors))
        elif len(light) == 1 and short[0] > _IMINE:
            beyond = self._beyond(number, light)
            if short[0] > _UNSATURATED:
                yield Candidate(number, Kind.METHYL, turning(vectors[0], beyond, 3))
            else:
                yield Candidate(number, Kind.TERMINAL, terminal(vectors[0], beyond))

    def _oxygen(self, number: int) -> Iterator[Candidate]:
        light, metal, short = self._bonds(number)
        if len(light) == 1 and not len(metal) and short[0] > _HYDROXYL:
            directions = turning(light.vectors[0], self._beyond(number, light), 1)
            yield Candidate(number, Kind.HYDROXYL, directions)

    def on_carbon(self, candidate: Candidate) -> Riding | None:
        """The group on carbon at its best torsion; None if other atoms are too close."""
        heights = self._heights(candidate).mean(1)
        best, kind = int(heights.argmax()), candidate.kind
        if kind is Kind.METHYL and heights[best] - heights.min() <= _CLEAR_TURN * self.difference.rms:
            best, kind = 0, Kind.STAGGERED
        riding = self._placed(candidate, kind, best)
        return riding if riding is not None and self._is_free(riding) else None

    def if_seen(self, candidate: Candidate, floor: float) -> Riding | None:
        """The group if the map reaches `floor` at every hydrogen of its best torsion, else None."""
        lowest = self._heights(candidate).min(1)
        best = int(lowest.argmax())
        return self._placed(candidate, candidate.kind, best) if lowest[best] > floor else None

    def _places(self, candidate: Candidate) -> Float[np.ndarray, "torsions n 3"]:
        """Fractional positions for all torsions."""
        bond = candidate.kind.length(self.atoms.elements[candidate.parent])
        return self.atoms.frac[candidate.parent] + bond * candidate.directions @ self.inverse.T

    def _heights(self, candidate: Candidate) -> Float[np.ndarray, "torsions n"]:
        places = self._places(candidate)
        return self.difference.at(places.reshape(-1, 3)).reshape(places.shape[:2])

    def _placed(self, candidate: Candidate, kind: Kind, torsion: int) -> Riding | None:
        """One hydrogen of each set equivalent by the parent's site symmetry; None if they do not form one."""
        places = self._places(candidate)[torsion]
        kept: list[int] = []
        taken: set[int] = set()
        for number, place in enumerate(places):
            if number in taken:
                continue
            images = self._on_parent(candidate.parent, place)
            length = np.linalg.norm((images[:, None] - places[None]) @ self.cell.T, axis=-1)
            if (length.min(1) > _SAME).any():
                return None
            taken |= set(length.argmin(1).tolist())
            kept.append(number)
        sites = [self.group.site(places[number], self.cell, _SAME) for number in kept]
        frac = np.array([site[1] for site in sites])
        occupancy = np.array([1 / site[2] for site in sites])
        return Riding(candidate.parent, kind, frac, occupancy, len(kept) == len(places))

    def _on_parent(self, parent: int, place: np.ndarray) -> Points3:
        """Images of a position by the operators of the parent's site symmetry."""
        centre = self.atoms.frac[parent]
        moved = self.group.rotations @ centre + self.group.translations
        shifts = np.rint(centre - moved)
        keep = np.linalg.norm((moved + shifts - centre) @ self.cell.T, axis=1) < 0.5
        return (self.group.rotations @ place + self.group.translations + shifts)[keep]

    def _is_free(self, riding: Riding) -> bool:
        """Whether no atom outside the parent's bonds is too close."""
        bond = riding.kind.length("C")
        for place in riding.frac:
            found = neighbours(place, _CONTACT, self.atoms, self.group, self.cell, 0.0)
            length = np.linalg.norm(found.vectors, axis=1)
            # The parent itself, and atoms beyond the reach extended by the radii.
            if ((length < _CONTACT) & (length > bond + 0.1)).any():
                return False
        return True


def _free(candidate: Candidate, metal: Neighbours) -> Iterator[Candidate]:
    """The candidate, unless a metal is bonded at the hydrogen position."""
    sides = metal.vectors / np.linalg.norm(metal.vectors, axis=1, keepdims=True)
    if not (candidate.directions[0] @ sides.T > _METAL_SIDE).any():
        yield candidate


def _is_flat(vectors: Points3, short: Float[np.ndarray, " n"]) -> bool:
    """Whether an atom with two neighbours is sp2, from the bonds and their angle."""
    return float(short.mean()) - _PER_DEGREE * (_angle(vectors) - _SATURATED_ANGLE) < _UNSATURATED


def _angle(vectors: Points3) -> float:
    """Angle between two bonds, in degrees."""
    first, second = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return float(np.degrees(np.arccos(np.clip(first @ second, -1, 1))))


def _height(vectors: Points3) -> float:
    """Height of an atom over the plane of its three neighbours, in Å."""
    normal = np.cross(vectors[1] - vectors[0], vectors[2] - vectors[0])
    return float(abs(vectors[0] @ normal) / max(float(np.linalg.norm(normal)), 1e-12))
