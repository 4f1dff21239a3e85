"""Rows of a parquet file as structures."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from argand.errors import InputError
from argand.io.parquet_file import open_parquet
from argand.physics.crystal.structure import Structure, checked

COLUMNS = ("lattice", "species", "frac_coords")
"""What a row needs: 9 numbers in Å, rows being vectors; n atomic numbers; 3 n numbers."""
_LABELS = ("material_id", "name")
"""Columns that name structures, the first that is there."""
_ROWS, _LONGEST = 512, 10**6
"""Rows of a parquet file read at once, and bytes of the longest row; by hand, a bound on memory: a thousand
atoms take 32,000."""

Row = dict[str, Any]


def rows_of_parquet(path: Path) -> Iterator[tuple[str, Row | InputError]]:
    """Names and contents of the rows; InputError where the file is none, or lacks a column.

    A row that is far too long for a structure is an InputError itself. Raises MissingExtraError without
    pyarrow.
    """
    file = open_parquet(path, COLUMNS, _LABELS)
    from pyarrow import ArrowException

    label = next((name for name in _LABELS if name in file.schema_arrow.names), None)
    number = 0
    try:
        for batch in file.iter_batches(_ROWS, columns=[*COLUMNS, *([label] if label else [])]):
            for row in _rows(batch):
                named = row.get(label) if label and isinstance(row, dict) else None
                yield f"{path.stem}-{number}" if named is None else str(named), row
                number += 1
    except (OSError, ValueError, ArrowException) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"not a parquet file that can be read ({reason})") from error


def _rows(batch: Any) -> Iterator[Row | InputError]:
    """The rows as plain Python, which takes ten times the memory of the columns."""
    if batch.nbytes <= _LONGEST * batch.num_rows:
        yield from batch.to_pylist()
        return
    for number in range(batch.num_rows):
        one = batch.slice(number, 1)
        if one.nbytes > _LONGEST:
            yield InputError(f"a row of {one.nbytes:,} bytes is no structure")
        else:
            yield from one.to_pylist()


def count_rows(path: Path) -> int:
    """Rows of a parquet file, by its footer alone; one for any other file."""
    if path.suffix.lower() != ".parquet":
        return 1
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        return 1
    try:
        return parquet.read_metadata(path).num_rows
    except (OSError, ValueError, ArrowException):
        return 1


def structure_of_row(row: Row | InputError, max_atoms: int) -> Structure:
    """The structure of a row; InputError, with the reason, for what is none."""
    if isinstance(row, InputError):
        raise row
    lattice, species, frac = (_numbers(row[name], name) for name in COLUMNS)
    if len(lattice) != 9:
        raise InputError(f"{len(lattice)} numbers are no lattice of 9")
    if len(frac) % 3:
        raise InputError(f"{len(frac)} coordinates are not three for each atom")
    if not np.array_equal(species, np.rint(species)):
        raise InputError("species are to be atomic numbers, which are whole")
    return checked(lattice.reshape(3, 3), species.astype(int), frac.reshape(-1, 3), max_atoms)


def _numbers(value: Any, name: str) -> np.ndarray:
    """A column's list, or list of lists, as one row of numbers."""
    if value is None:
        raise InputError("a lattice of 9 numbers, species and frac_coords are needed")
    try:
        found = np.asarray(value)
    except ValueError as error:
        raise InputError(f"{name} is a list of lists that are not of one length") from error
    # Text is not taken for numbers: elements may be meant.
    if found.size and found.dtype.kind not in "iuf":
        raise InputError(f"{name} holds what is no number: {str(value)[:60]}")
    return found.astype(float).reshape(-1)
