"""POSCAR files of VASP (https://www.vasp.at/wiki/POSCAR): lattice, elements, counts and positions."""

import re
from collections.abc import Sequence

import gemmi
import numpy as np

from argand.errors import InputError
from argand.io.text_size import lines_of
from argand.physics.crystal.structure import Structure, checked, require_lattice
from argand.typing import Matrix3, Points3

_FIRST_FIVE = ("title", "scale", "first vector", "second vector", "third vector")
"""First lines of every POSCAR."""
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_MOST_DIGITS = 9
"""Most digits of a count of atoms. Set by hand: no file has more atoms."""


def structure_of_poscar(text: str, max_atoms: int) -> Structure:
    """The structure of a POSCAR or CONTCAR; InputError, with the reason, if invalid.

    One factor scales everything, a negative one is the cell's volume, three scale x, y and z. Data after the
    positions, such as velocities, are ignored. Files of VASP 4 have no line of elements: if their title is
    exactly one symbol per count, these are used, otherwise the file is rejected.
    """
    lines = lines_of(text, "the POSCAR")
    if len(lines) < len(_FIRST_FIVE) + 2:
        raise InputError("not a readable POSCAR file (it ends before the counts of atoms)")
    vectors = np.array([_numbers(lines[row], 3, _FIRST_FIVE[row]) for row in (2, 3, 4)])
    scale = _scale(lines[1], vectors)
    symbols, counts, row = _contents(lines)
    count = sum(counts)
    if count > max_atoms:
        raise InputError(f"{count} atoms exceed the largest supported cell of {max_atoms}")
    row += _starts(lines, row, "s")
    is_cartesian = _starts(lines, row, "ck")
    places = lines[row + 1 : row + 1 + count]
    if len(places) < count:
        raise InputError(f"{count} atoms are announced, but {len(places)} positions follow")
    given = np.array([_numbers(line, 3, "position of an atom") for line in places]).reshape(-1, 3)
    lattice = vectors * scale
    frac = _fractions(lattice, given * scale) if is_cartesian else given
    return checked(lattice, np.repeat([_atomic_number(one) for one in symbols], counts), frac, max_atoms)


def _numbers(line: str, least: int, what: str) -> list[float]:
    """The first numbers of a line; InputError if there are fewer."""
    try:
        found = [float(word) for word in line.split(maxsplit=least)[:least]]
    except ValueError:
        found = []
    if len(found) < least:
        raise InputError(f"not a readable POSCAR file (the {what} is '{line.strip()[:40]}')")
    return found


def _scale(line: str, vectors: Matrix3) -> np.ndarray:
    """Factors of x, y and z."""
    words = line.split(maxsplit=3)[:3]
    # A comment may follow without a marker; the words nan and inf are not accepted as numbers.
    found = np.array([float(word) for word in words if _NUMBER.fullmatch(word)])
    if len(found) == 3 == len(words):
        if (found <= 0).any():
            raise InputError("three scale factors must all be positive")
        return found
    if not len(found) or found[0] == 0:
        raise InputError(f"not a readable POSCAR file (the scale is '{line.strip()[:40]}')")
    if found[0] > 0:
        return np.full(3, found[0])
    # The absolute volume, as in VASP, for left-handed cells too: a negative factor would give a mirror image.
    volume = abs(np.linalg.det(vectors))
    if volume == 0:
        raise InputError("the lattice has no volume; its vectors are zero or lie in a plane")
    return np.full(3, np.cbrt(-found[0] / volume))


def _contents(lines: Sequence[str]) -> tuple[list[str], list[int], int]:
    """Symbols, counts, and the row after them."""
    words = lines[5].split()
    if words and words[0].isdecimal():
        counts = _counts(lines[5])
        title = lines[0].split()
        if len(title) != len(counts) or not all(_is_symbol(word) for word in title):
            raise InputError(
                "names no elements (a POSCAR of VASP 4): add a line with their symbols above the counts"
            )
        return title, counts, 6
    counts = _counts(lines[6])
    # Some versions of VASP write the names of potentials, Na_pv or Na_pv/6a2f546d.
    symbols = [re.split(r"[_/.]", word)[0] for word in lines[5].split("!")[0].split("#")[0].split()]
    if len(symbols) != len(counts):
        raise InputError(f"{len(symbols)} elements are named, but {len(counts)} counts of atoms")
    return symbols, counts, 7


def _counts(line: str) -> list[int]:
    words = line.split("!")[0].split("#")[0].split()
    if not words or not all(word.isdecimal() and len(word) <= _MOST_DIGITS for word in words):
        raise InputError(f"not a readable POSCAR file (the counts of atoms are '{line.strip()[:40]}')")
    return [int(word) for word in words]


def _is_symbol(word: str) -> bool:
    """Whether a word is a chemical symbol in its usual spelling."""
    return gemmi.Element(word).name == word and gemmi.Element(word).atomic_number > 0


def _atomic_number(symbol: str) -> int:
    number = gemmi.Element(symbol).atomic_number
    if number == 0 or symbol.upper() == "D":
        raise InputError(f"unknown element '{symbol}'")
    return number


def _starts(lines: Sequence[str], row: int, letters: str) -> bool:
    """Whether the line begins with one of these letters, in either case."""
    return row < len(lines) and lines[row].strip()[:1].lower() in tuple(letters)


def _fractions(lattice: Matrix3, places: Points3) -> Points3:
    require_lattice(lattice)
    # Set by hand: `checked` rejects a lattice as flat as this; fractional coordinates are undefined.
    if abs(np.linalg.det(lattice)) < 1e-9:
        raise InputError("the lattice has no volume; its vectors are zero or lie in a plane")
    return np.linalg.solve(lattice.T, places.T).T
