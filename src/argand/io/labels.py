"""Unique atom labels of at most four characters, as SHELXL reads them."""

from collections.abc import Iterator, Sequence
from itertools import count, product

from argand.errors import ConfigError

_LONGEST = 4
"""Characters of a label that SHELXL reads (SHELXL manual, atom list)."""
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def atom_labels(elements: Sequence[str]) -> list[str]:
    """C1, C2, O1, ...: each element numbered from 1, with letters once four characters are not enough.

    Raises ConfigError if these run out too, beyond 33,000 atoms of one element.
    """
    used: set[str] = set()
    names = {element: _names(element) for element in dict.fromkeys(elements)}
    return [_first_free(names[element], used, element) for element in elements]


def hydrogen_labels(
    parents: Sequence[str], counts: Sequence[int], elements: Sequence[str]
) -> list[list[str]]:
    """Labels of the hydrogen atoms on each parent: H7 or H7A, H7B on C7, HN7 or HN7A on N7.

    `elements` and `counts` are given per parent. If a label is too long or taken, the next free one is used.
    """
    used: set[str] = set()
    others = _names("H")
    labels = []
    for parent, number, element in zip(parents, counts, elements, strict=True):
        stem = "H" + (parent.removeprefix(element) if element == "C" else parent).upper()
        wanted = [stem] if number == 1 else [stem + letter for letter in _DIGITS[10 : 10 + number]]
        if any(len(name) > _LONGEST or name in used for name in wanted):
            wanted = [_first_free(others, used, "H") for _ in range(number)]
        used.update(wanted)
        labels.append(wanted)
    return labels


def _first_free(names: Iterator[str], used: set[str], element: str) -> str:
    """The next unused name, ignoring case, since SHELXL converts to upper case."""
    for name in names:
        if name.upper() not in used:
            used.add(name.upper())
            return name
    raise ConfigError(f"too many atoms of {element} for labels of {_LONGEST} characters")


def _names(element: str) -> Iterator[str]:
    """C1 to C999, then CA00 and so on: a letter, then letters and digits, with at least one digit.

    No SHELXL instruction has a digit in its name.
    """
    room = _LONGEST - len(element)
    for number in count(1):
        if len(str(number)) > room:
            break
        yield f"{element}{number}"
    for letters in product(_DIGITS[10:], *[_DIGITS] * (room - 1)):
        if any(letter.isdigit() for letter in letters):
            yield element + "".join(letters)
