"""Frames of extended XYZ files, through ase."""

import re
from io import StringIO
from typing import Any

from argand.errors import InputError, MissingExtraError
from argand.io.foreign_structure import structure_of_atoms
from argand.io.text_size import lines_of
from argand.physics.crystal.structure import Structure

_LONGEST, _MOST_DIGITS = 100_000, 9
"""Most characters of a comment line, and digits of a count of atoms. Set by hand: programs write some hundred
characters, and no file has more atoms."""


def frames_of_xyz(text: str) -> list[str]:
    """The text of each frame: a count of atoms, a comment line, and a line for each atom.

    After an invalid count the frames cannot be separated, and the rest is one frame.
    """
    lines = lines_of(text, "the XYZ file")
    frames: list[str] = []
    start = 0
    while start < len(lines):
        # Empty lines may appear between frames, and at the end.
        if not lines[start].strip():
            start += 1
            continue
        count = _count(lines[start])
        end = len(lines) if count is None else start + 2 + count
        frames.append("\n".join(lines[start:end]) + "\n")
        start = end
    return frames


def structure_of_frame(frame: str, max_atoms: int) -> tuple[Structure, tuple[str, ...]]:
    """The structure of a frame, and notes on it; InputError, with the reason, if invalid.

    Raises MissingExtraError without ase.
    """
    lines = frame.split("\n")
    count = _count(lines[0])
    if count is None:
        raise InputError(f"not a readable extxyz file ('{lines[0][:40]}' is not a count of atoms)")
    if count > max_atoms:
        raise InputError(f"{count} atoms exceed the largest supported cell of {max_atoms}")
    if len(lines) < count + 3:
        raise InputError(f"{count} atoms are announced, but {max(len(lines) - 3, 0)} lines follow")
    _check_facts(lines[1])
    ase_module()
    from ase.io import read

    try:
        atoms: Any = read(StringIO(frame), index=0, format="extxyz")
    except KeyError as error:
        raise InputError(f"unknown element {error}") from error
    except Exception as error:  # ase raises whatever a malformed line happens to cause
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"not a readable extxyz file ({reason})") from error
    return structure_of_atoms(atoms, max_atoms), _notes(atoms)


def _count(line: str) -> int | None:
    """The count of atoms at the start of a frame; None if there is none."""
    word = (line[:_LONGEST].split(maxsplit=1) or [""])[0]
    return int(word) if word.isdecimal() and len(word) <= _MOST_DIGITS else None


def _check_facts(line: str) -> None:
    """InputError for a comment line that would take ase too much time or memory."""
    if len(line) > _LONGEST:
        raise InputError(
            f"its comment line has {len(line)} characters; keep only Lattice, Properties and pbc"
        )
    # Names, types and how many columns each, as species:S:1:pos:R:3.
    told = re.search(r"properties\s*=\s*[\"'{]?([^\s\"'}]*)", line, re.IGNORECASE)
    columns = re.findall(r":\w:(\d+)", told[1]) if told else []
    if any(len(number) > 3 for number in columns):
        raise InputError(f"no atom has as many columns as declared in Properties ({told and told[1][:60]})")


def _notes(atoms: Any) -> tuple[str, ...]:
    """A note that slabs and molecules in a box are treated as crystals."""
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
