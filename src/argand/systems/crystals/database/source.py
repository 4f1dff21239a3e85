"""What is taken for a crystal structure in Python: files, foreign structures, answers, items of data sets."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from argand.errors import InputError
from argand.io.foreign_structure import foreign_structure
from argand.io.structure import read_structure
from argand.io.structure_parquet import structure_of_row
from argand.physics.crystal.structure import MAX_ATOMS, Structure

Source = Any
"""A file (CIF, POSCAR, extended XYZ), a Structure of argand or of pymatgen, an ase.Atoms, an answer of the
predictor, or a row of a parquet file (`lattice`, `species`, `frac_coords`)."""
_COLUMNS = {"lattice", "species", "frac_coords"}


def structure_of(source: Source) -> Structure:
    """The structure itself, or read from a file; InputError for anything else."""
    if isinstance(source, Structure):
        return source
    if isinstance(source, str | Path):
        return read_structure(source)
    if isinstance(source, Mapping) and set(source) >= _COLUMNS:
        return structure_of_row(dict(source), MAX_ATOMS)
    answer = getattr(source, "structure", None)
    if isinstance(answer, Structure):
        return answer
    found = foreign_structure(source)
    if found is not None:
        return found
    kind = type(source).__name__
    raise InputError(
        f"a {kind} is not a crystal structure; give a file, an ase.Atoms, or a Structure (argand, pymatgen)"
    )


def is_several(source: Any) -> bool:
    """Whether an argument is a list of inputs; structures of pymatgen and ase are sequences too."""
    return isinstance(source, list | Iterator) or (type(source) is tuple)
