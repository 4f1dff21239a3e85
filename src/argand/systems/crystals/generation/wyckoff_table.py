"""The Wyckoff positions of all space groups by letter: a table that comes with argand, and what makes it."""

import string
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from argand.errors import InputError
from argand.io.arrays import read_arrays, write_arrays
from argand.io.resource import system_data
from argand.physics.crystal.cell import Cell
from argand.physics.crystal.normaliser import letter_permutations
from argand.physics.crystal.wyckoff import (
    GENERIC,
    GROUPS,
    Position,
    classified,
    derived_positions,
    operations,
    primitive_vectors,
)

TABLE = system_data("crystals", "wyckoff.safetensors")
LETTERS = string.ascii_lowercase + "A"
"""Letters of Wyckoff positions in their order; Pmmm alone has all 27 (International Tables, volume A)."""
_PARTS = 24
"""Offsets are kept in 24ths of the cell."""
# A cell of each system that no other symmetry fits, by hand: Å and degrees.
_CELLS = (
    (2, (5.1, 6.3, 7.7, 81.3, 94.7, 103.9)),
    (15, (5.1, 6.3, 7.7, 90.0, 99.3, 90.0)),
    (74, (5.1, 6.3, 7.7, 90.0, 90.0, 90.0)),
    (142, (5.1, 5.1, 7.7, 90.0, 90.0, 90.0)),
    (194, (5.1, 5.1, 7.7, 90.0, 90.0, 120.0)),
    (230, (5.1, 5.1, 5.1, 90.0, 90.0, 90.0)),
)
# Two points of no symmetry, by hand, which leave a structure the symmetry of its group and no more.
_ANYWHERE = ((0.0713, 0.1377, 0.2191), (0.1931, 0.0417, 0.3337))


@cache
def positions(group: int) -> dict[str, Position]:
    """The Wyckoff positions of a group, 1 to 230, by letter in their order."""
    table = _table()
    found = {}
    for row in np.flatnonzero(table["group"] == group):
        fixed = int(table["fixed"][row])
        normals, offsets = table["normals"][row, :fixed].astype(int), table["offsets"][row, :fixed] / _PARTS
        position = Position(int(table["multiplicity"][row]), normals, offsets)
        found[LETTERS[int(table["letter"][row])]] = position
    return found


@cache
def permutations(group: int) -> Int[np.ndarray, "permutation letter"]:
    """How changes of origin and axes exchange the letters of a group: [p, i] is what letter i becomes."""
    counts, values = _table()["permutation_counts"], _table()["permutations"]
    sizes = counts.astype(int) * [len(positions(number)) for number in range(1, GROUPS + 1)]
    start = int(sizes[: group - 1].sum())
    return values[start : start + sizes[group - 1]].reshape(counts[group - 1], -1).astype(int)


@cache
def _table() -> dict[str, np.ndarray]:
    return read_arrays(TABLE, "Wyckoff positions", "`wyckoff_table.write_table`")


def write_table(path: Path = TABLE) -> None:
    """Derive the positions of all groups and their permutations, and write them; two minutes."""
    rows: list[tuple[Any, ...]] = []
    exchanged: list[np.ndarray] = []
    for group in range(1, GROUPS + 1):
        found = lettered_positions(group)
        exchanged.append(
            letter_permutations(operations(group), primitive_vectors(group), list(found.values()))
        )
        for letter, one in found.items():
            normals, offsets = np.zeros((3, 3), np.int8), np.zeros(3, np.uint8)
            normals[: len(one.normals)] = one.normals
            offsets[: len(one.normals)] = np.rint(one.offsets * _PARTS)
            rows.append((group, LETTERS.index(letter), one.multiplicity, len(one.normals), normals, offsets))
    group, letter, multiplicity, fixed, normals, offsets = zip(*rows, strict=True)
    small = {"group": group, "letter": letter, "multiplicity": multiplicity, "fixed": fixed}
    arrays: dict[str, np.ndarray] = {name: np.array(values, np.uint8) for name, values in small.items()}
    arrays |= {"normals": np.stack(normals), "offsets": np.stack(offsets)}
    arrays["permutation_counts"] = np.array([len(one) for one in exchanged], np.uint16)
    arrays["permutations"] = np.concatenate([one.ravel() for one in exchanged]).astype(np.uint8)
    write_arrays(path, arrays)


def lettered_positions(group: int) -> dict[str, Position]:
    """The positions of a group by the letters that spglib gives to a structure with atoms on all of them."""
    import spglib

    ops = operations(group)
    points = [position.point(GENERIC[: position.freedom]) for position in derived_positions(group)]
    # The fillers come first and lie on no symmetry, so that the structure has that of its group and no more.
    orbits = [_orbit(group, point) for point in [*np.array(_ANYWHERE), *points]]
    kinds = np.repeat(np.arange(len(orbits)), [len(orbit) for orbit in orbits])
    cell = (_lattice(group).tolist(), np.concatenate(orbits).tolist(), kinds.tolist())
    dataset = spglib.get_symmetry_dataset(cell, symprec=1e-4)
    if dataset is None or dataset.number != group:
        raise InputError(f"spglib finds another group than {group} in a structure made for it")
    found = {}
    for kind in range(len(_ANYWHERE), len(orbits)):
        letter = dataset.wyckoffs[int(np.flatnonzero(kinds == kind)[0])]
        # spglib may move the origin: the letter is that of where its own standard places are.
        place = dataset.std_positions[int(np.flatnonzero(dataset.std_types == kind)[0])]
        found[letter] = classified(ops, place)[1]
    return dict(sorted(found.items(), key=lambda one: LETTERS.index(one[0])))


def _lattice(group: int) -> np.ndarray:
    sides = next(cell for last, cell in _CELLS if group <= last)
    return Cell(*sides[:3], *np.radians(sides[3:])).orthogonalisation.T


def _orbit(group: int, point: np.ndarray) -> np.ndarray:
    """All sites of a point in the conventional cell."""
    return np.unique(np.round(operations(group).images(point) % 1.0, 8) % 1.0, axis=0)
