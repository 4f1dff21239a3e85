"""Frames of extended XYZ files, through ase."""

import re
from io import StringIO
from typing import Any

from argand.errors import InputError, MissingExtraError
from argand.io.foreign_structure import structure_of_atoms
from argand.io.text_size import lines_of
from argand.physics.crystal.structure import Structure

_LONGEST, _MOST_DIGITS = 100_000, 9
"""Letters of a line of facts, and digits of a count of atoms, that are read. By hand: programs write some
hundred letters, and more atoms are in no file."""


def frames_of_xyz(text: str) -> list[str]:
    """The text of each frame: a count of atoms, a line of facts, and a line for each atom.

    Where a count is none the frames cannot be told apart, and the rest is one.
    """
    lines = lines_of(text, "the XYZ file")
    frames: list[str] = []
    start = 0
    while start < len(lines):
        # Empty lines may stand between frames, and at the end.
        if not lines[start].strip():
            start += 1
            continue
        count = _count(lines[start])
        end = len(lines) if count is None else start + 2 + count
        frames.append("\n".join(lines[start:end]) + "\n")
        start = end
    return frames


def structure_of_frame(frame: str, max_atoms: int) -> tuple[Structure, tuple[str, ...]]:
    """The structure of a frame, and what is to be said of it; InputError, with the reason, for what is none.

    Raises MissingExtraError without ase.
    """
    lines = frame.split("\n")
    count = _count(lines[0])
    if count is None:
        raise InputError(f"not an extxyz file that can be read ('{lines[0][:40]}' is no count of atoms)")
    if count > max_atoms:
        raise InputError(f"{count} atoms are beyond the largest supported cell of {max_atoms}")
    if len(lines) < count + 3:
        raise InputError(f"{count} atoms are announced, but {max(len(lines) - 3, 0)} lines follow")
    _check_facts(lines[1])
    ase_module()
    from ase.io import read

    try:
        atoms: Any = read(StringIO(frame), index=0, format="extxyz")
    except KeyError as error:
        raise InputError(f"no element is called {error}") from error
    except Exception as error:  # ase raises whatever a malformed line happens to cause
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"not an extxyz file that can be read ({reason})") from error
    return structure_of_atoms(atoms, max_atoms), _notes(atoms)


def _count(line: str) -> int | None:
    """The count of atoms that a frame begins with; None where there is none."""
    word = (line[:_LONGEST].split(maxsplit=1) or [""])[0]
    return int(word) if word.isdecimal() and len(word) <= _MOST_DIGITS else None


def _check_facts(line: str) -> None:
    """InputError for a line of facts that ase would take very long, or very much memory, to read."""
    if len(line) > _LONGEST:
        raise InputError(f"its line of facts has {len(line)} letters; keep Lattice, Properties and pbc alone")
    # Names, types and how many columns each, as species:S:1:pos:R:3.
    told = re.search(r"properties\s*=\s*[\"'{]?([^\s\"'}]*)", line, re.IGNORECASE)
    columns = re.findall(r":\w:(\d+)", told[1]) if told else []
    if any(len(number) > 3 for number in columns):
        raise InputError(f"no atom has as many columns as Properties declare ({told and told[1][:60]})")


def _notes(atoms: Any) -> tuple[str, ...]:
    """That slabs and molecules in a box are taken for crystals."""
    axes = [axis for axis, repeats in zip("abc", atoms.pbc, strict=True) if not repeats]
    if not axes:
        return ()
    return (f"is not periodic along {' and '.join(axes)} by its pbc, but is read as a crystal",)


def ase_module() -> Any:
    """The module ase; MissingExtraError without it."""
    try:
        import ase
    except ImportError as error:
        raise MissingExtraError("XYZ and POSCAR files need ase: pip install ase") from error
    return ase
