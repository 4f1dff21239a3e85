"""Laue classes compatible with a cell, and their space groups, in every setting of the given axes."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import gemmi
import numpy as np
from jaxtyping import Float, Int

from argand.physics.crystal.symmetry import Group
from argand.typing import Matrix3

_STEPS = 24
"""Translations are multiples of one over this, as in `argand.physics.crystal.symmetry`."""
_ORIGIN_STEP = 3
"""Twenty-fourths: origins of one group's settings differ by eighths of the cell (International Tables A)."""
_HM_OF_CENTRING = {"P": "P 1", "A": "A 1", "B": "B 1", "C": "C 1", "I": "I 1", "F": "F 1", "R": "R 3:H"}
REVERSE = "R reverse"
"""Name of the rhombohedral centring on hexagonal axes rotated by 60°, which the tables do not use."""
CENTRINGS = (*_HM_OF_CENTRING, REVERSE)
"""Names of the centrings considered."""


@dataclass(frozen=True)
class LaueClass:
    """Rotations of a point group with a centre of inversion, on given axes.

    `symbol` is the Hermann-Mauguin symbol, with the axis if there is a choice: "2/m (b)", "-31m".
    """

    symbol: str
    rotations: Int[np.ndarray, "n 3 3"]

    @property
    def order(self) -> int:
        """Number of rotations."""
        return len(self.rotations)

    @property
    def key(self) -> frozenset[bytes]:
        """The rotations as a set."""
        return _key(self.rotations)

    def group(self, centring: str = "P") -> Group:
        """The rotations with only the translations of a centring."""
        return with_centring(self.rotations, centring, f"{centring} {self.symbol}")


@dataclass(frozen=True)
class Candidate:
    """A space group in a setting, and the names of others indistinguishable by reflections.

    `other_hand` is the enantiomorphic partner: mirrored atoms give the same intensities there. `other_names`
    differ only in the origin.
    """

    group: Group
    number: int
    centrosymmetric: bool
    other_hand: str | None
    other_names: tuple[str, ...]


def centring_vectors(centring: str) -> Float[np.ndarray, "n 3"]:
    """Fractional translations of a centring of `CENTRINGS`, 0 the first."""
    if centring == REVERSE:
        return np.array([[0, 0, 0], [1, 2, 1], [2, 1, 2]]) / 3
    operations = gemmi.SpaceGroup(_HM_OF_CENTRING[centring]).operations()
    return np.array([list(shift) for shift in operations.cen_ops]) / _STEPS


def with_centring(rotations: Int[np.ndarray, "n 3 3"], centring: str, name: str) -> Group:
    """The group of rotations and a centring's translations only."""
    shifts = centring_vectors(centring)
    every = np.repeat(rotations, len(shifts), axis=0)
    return Group(name, every, np.tile(shifts, (len(rotations), 1)), shifts)


@cache
def all_laue_classes() -> tuple[LaueClass, ...]:
    """The Laue classes of all settings in gemmi's table, smallest first."""
    found: dict[frozenset[bytes], LaueClass] = {}
    for entry in gemmi.spacegroup_table():
        rotations = _rotations(entry)
        found.setdefault(_key(rotations), LaueClass(_symbol(entry), rotations))
    return tuple(sorted(found.values(), key=lambda one: (one.order, one.symbol)))


def laue_classes(orthogonalisation: Matrix3, centring: str = "P") -> list[LaueClass]:
    """Laue classes whose rotations preserve the metric and the centring, smallest first."""
    return [
        one
        for one in all_laue_classes()
        if one.group().keeps(orthogonalisation) and _keeps_centring(one.rotations, centring)
    ]


def candidates(laue: LaueClass, centring: str) -> tuple[Candidate, ...]:
    """The space groups of a Laue class and centring; one of settings that differ only in the origin."""
    return _candidates(laue.key, centring)


@cache
def _candidates(laue: frozenset[bytes], centring: str) -> tuple[Candidate, ...]:
    settings: dict[bytes, list[tuple[Any, Group]]] = {}
    wanted = _shift_set(centring_vectors("R" if centring == REVERSE else centring))
    for entry in gemmi.spacegroup_table():
        group = Group.from_operations(entry.operations(), entry.xhm())
        if _shift_set(group.centrings) != wanted or _key(_rotations(entry)) != laue:
            continue
        if centring == REVERSE:
            group = _turned(group)
        settings.setdefault(_canonical(group), []).append((entry, group))
    return tuple(_candidate(same, settings) for same in settings.values())


def _candidate(same: list[tuple[Any, Group]], settings: dict[bytes, list[tuple[Any, Group]]]) -> Candidate:
    # Origin choice 2 has the centre of inversion at the origin.
    entry, group = min(
        same, key=lambda one: (one[0].ext == "1", not one[0].is_reference_setting(), "n" in one[0].hm)
    )
    mirrored = Group("", group.rotations, -group.translations % 1.0, group.centrings)
    partner = settings.get(_canonical(mirrored))
    hand = None if partner is None or partner is same else partner[0][1].name
    others = tuple(one.name for _, one in same if one.name != group.name)
    return Candidate(group, entry.number, entry.is_centrosymmetric(), hand, others)


def _canonical(group: Group) -> bytes:
    """A key equal for groups that differ by their origin: the least list of translations after shifts."""
    rotations, keys = group.rotations, [np.asarray(one, np.int8).tobytes() for one in group.rotations]
    first = {key: place for place, key in reversed(list(enumerate(keys)))}
    chosen = [first[key] for key in sorted(first)]
    shifts = np.array(list(product(range(0, _STEPS, _ORIGIN_STEP), repeat=3)))
    moved = np.rint(group.translations[chosen] * _STEPS).astype(int) + (
        shifts[:, None] - np.einsum("oij,sj->soi", rotations[chosen], shifts)
    )
    codes = np.full(moved.shape[:2], _STEPS**3)
    for centring in np.rint(group.centrings * _STEPS).astype(int):
        x, y, z = np.moveaxis((moved + centring) % _STEPS, -1, 0)
        codes = np.minimum(codes, (x * _STEPS + y) * _STEPS + z)
    return b"".join(sorted(first)) + min(row.tobytes() for row in np.unique(codes.astype(">u2"), axis=0))


def _turned(group: Group) -> Group:
    """The group on axes -a, -b, c, which turn obverse rhombohedral centring into reverse."""
    turn = np.diag([-1, -1, 1])
    rotations, shifts = turn @ group.rotations @ turn, group.translations @ turn % 1.0
    return Group(f"{group.name} (reverse)", rotations, shifts, group.centrings @ turn % 1.0)


def _rotations(entry: Any) -> Int[np.ndarray, "n 3 3"]:
    """Rotations of a group's Laue class."""
    found = np.array([operation.rot for operation in entry.operations().sym_ops]) // _STEPS
    return np.unique(np.concatenate([found, -found]), axis=0)


def _symbol(entry: Any) -> str:
    """Symbol of a Laue class, distinct from the same class on other axes."""
    symbol = entry.laue_str()
    if symbol == "2/m":
        return f"2/m ({entry.monoclinic_unique_axis()})"
    if symbol in ("-3", "-3m") and entry.ext == "R":
        return f"{symbol} (R)"
    if symbol == "-3m":
        # Secondary axes along a or along 2a + b.
        along = any((row == [[1, -1, 0], [0, -1, 0], [0, 0, -1]]).all() for row in _rotations(entry))
        return "-3m1" if along else "-31m"
    return symbol


def _key(rotations: Int[np.ndarray, "n 3 3"]) -> frozenset[bytes]:
    return frozenset(_bytes(rotations))


def _bytes(rotations: Int[np.ndarray, "n 3 3"]) -> Iterator[bytes]:
    return (np.asarray(one, np.int8).tobytes() for one in rotations)


def _shift_set(shifts: Float[np.ndarray, "n 3"]) -> frozenset[bytes]:
    return frozenset((np.rint(one * _STEPS).astype(np.int8) % _STEPS).tobytes() for one in shifts)


def _keeps_centring(rotations: Int[np.ndarray, "n 3 3"], centring: str) -> bool:
    shifts = centring_vectors(centring)
    wanted = _shift_set(shifts)
    return all(_shift_set(shifts @ one.T) == wanted for one in rotations)
