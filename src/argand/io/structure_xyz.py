"""Frames of extended XYZ files, through ase."""

from io import StringIO
from typing import Any

from argand.errors import InputError, MissingExtraError
from argand.io.foreign_structure import structure_of_atoms
from argand.physics.crystal.structure import Structure


def frames_of_xyz(text: str) -> list[str]:
    """The text of each frame: a count of atoms, a line of facts, and a line for each atom.

    Where a count is none the frames cannot be told apart, and the rest is one.
    """
    lines = text.splitlines()
    frames: list[str] = []
    start = 0
    while start < len(lines):
        # Empty lines may stand between frames, and at the end.
        if not lines[start].strip():
            start += 1
            continue
        word = lines[start].split()[0]
        end = start + 2 + int(word) if word.isdigit() else len(lines)
        frames.append("\n".join(lines[start:end]) + "\n")
        start = end
    return frames


def structure_of_frame(frame: str, max_atoms: int) -> tuple[Structure, tuple[str, ...]]:
    """The structure of a frame, and what is to be said of it; InputError, with the reason, for what is none.

    Raises MissingExtraError without ase.
    """
    word = frame.split(maxsplit=1)[0]
    if not word.isdigit():
        raise InputError(f"not an extxyz file that can be read ('{word[:40]}' is no count of atoms)")
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
