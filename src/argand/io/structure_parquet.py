"""Rows of a parquet file as structures."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from argand.errors import InputError, MissingExtraError
from argand.physics.crystal.structure import Structure, checked

COLUMNS = ("lattice", "species", "frac_coords")
"""What a row needs: 9 numbers in Å, rows being vectors; n atomic numbers; 3 n numbers."""
_LABELS = ("material_id", "name")
"""Columns that name structures, the first that is there."""
_ROWS = 512
"""Rows of a parquet file read at once; by hand, a bound on memory."""

Row = dict[str, Any]


def rows_of_parquet(path: Path) -> Iterator[tuple[str, Row]]:
    """Names and contents of the rows; InputError where the file is none, or lacks a column.

    Raises MissingExtraError without pyarrow.
    """
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise MissingExtraError("parquet files need pyarrow: pip install pyarrow") from error
    try:
        table = parquet.ParquetFile(path)
        known = table.schema_arrow.names
        missing = [name for name in COLUMNS if name not in known]
        if missing:
            raise InputError(f"has no column {', '.join(missing)}")
        label = next((name for name in _LABELS if name in known), None)
        number = 0
        for batch in table.iter_batches(_ROWS, columns=[*COLUMNS, *([label] if label else [])]):
            for row in batch.to_pylist():
                named = row.get(label) if label else None
                yield f"{path.stem}-{number}" if named is None else str(named), row
                number += 1
    except (OSError, ValueError, ArrowException) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"not a parquet file that can be read ({reason})") from error


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


def structure_of_row(row: Row, max_atoms: int) -> Structure:
    """The structure of a row; InputError, with the reason, for what is none."""
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
