"""Rows of a parquet file as structures."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from argand.errors import InputError
from argand.io.parquet_file import open_parquet
from argand.physics.crystal.structure import Structure, checked

COLUMNS = ("lattice", "species", "frac_coords")
"""Required columns: 9 numbers in Å, vectors as rows; n atomic numbers; 3 n numbers."""
_LABELS = ("material_id", "name")
"""Columns that name structures; the first present is used."""
_ROWS, _LONGEST = 512, 10**6
"""Rows of a parquet file read at once, and most bytes of a row; set by hand, a bound on memory: a thousand
atoms take 32,000."""

Row = dict[str, Any]


def rows_of_parquet(path: Path) -> Iterator[tuple[str, Row | InputError]]:
    """Names and contents of the rows; InputError if the file is not parquet or lacks a column.

    A row far too long for a structure is returned as an InputError. Raises MissingExtraError without pyarrow.
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
        raise InputError(f"not a readable parquet file ({reason})") from error


def _rows(batch: Any) -> Iterator[Row | InputError]:
    """The rows as plain Python, which takes ten times the memory of the columns."""
    if batch.nbytes <= _LONGEST * batch.num_rows:
        yield from batch.to_pylist()
        return
    for number in range(batch.num_rows):
        one = batch.slice(number, 1)
        if one.nbytes > _LONGEST:
            yield InputError(f"a row of {one.nbytes:,} bytes is not a structure")
        else:
            yield from one.to_pylist()


def count_rows(path: Path) -> int:
    """Number of rows of a parquet file, from its footer; one for any other file."""
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
    """The structure of a row; InputError, with the reason, if invalid."""
    if isinstance(row, InputError):
        raise row
    lattice, species, frac = (_numbers(row[name], name) for name in COLUMNS)
    if len(lattice) != 9:
        raise InputError(f"{len(lattice)} numbers are not a lattice of 9")
    if len(frac) % 3:
        raise InputError(f"{len(frac)} coordinates are not three for each atom")
    if not np.array_equal(species, np.rint(species)):
        raise InputError("species must be atomic numbers, which are integers")
    return checked(lattice.reshape(3, 3), species.astype(int), frac.reshape(-1, 3), max_atoms)


def _numbers(value: Any, name: str) -> np.ndarray:
    """A column's list, or list of lists, as one row of numbers."""
    if value is None:
        raise InputError("a lattice of 9 numbers, species and frac_coords are required")
    try:
        found = np.asarray(value)
    except ValueError as error:
        raise InputError(f"{name} is a list of lists of different lengths") from error
    # Text is not converted to numbers: it may be element symbols.
    if found.size and found.dtype.kind not in "iuf":
        raise InputError(f"{name} contains a value that is not a number: {str(value)[:60]}")
    return found.astype(float).reshape(-1)
