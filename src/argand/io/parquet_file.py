"""Parquet files: their footer is checked before anything is read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from argand.errors import InputError, MissingExtraError
from argand.io.limits import require_at_most, require_file

MOST_ROWS = 10**7
"""Structures in one file. By hand: a hundred times the largest database that argand was tested with."""
MOST_VALUES = 2**27
"""Most numbers of one column in memory at once, 1 GiB in double precision: a million rows (pyarrow's default
row group) of 45 atoms."""
_MOST_BYTES = 2**31
"""Most bytes of one column of a row group, decompressed. By hand, twice the size of `MOST_VALUES` numbers."""


def open_parquet(path: Path, needed: Sequence[str], optional: Sequence[str] = (), whole: bool = False) -> Any:
    """Open a file as `pyarrow.parquet.ParquetFile` and check that it has the needed columns.

    Also checked are the number of rows, and the number of values in these and the optional columns: for each
    row group, or with `whole` in total. Raises InputError for any other file or one that declares too much,
    MissingExtraError without pyarrow.
    """
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise MissingExtraError("parquet files need pyarrow: pip install pyarrow") from error
    require_file(path)
    try:
        # Opened here: pyarrow needs names in UTF-8.
        file = parquet.ParquetFile(path.open("rb"))
        known = file.schema_arrow.names
        _require_small(path, file.metadata, {*needed, *optional}, whole)
    except (OSError, ValueError, ArrowException) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: not a readable parquet file ({reason})") from error
    missing = [name for name in needed if name not in known]
    if missing:
        raise InputError(f"{path}: has no column {', '.join(missing)}")
    return file


def _require_small(path: Path, footer: Any, names: set[str], whole: bool) -> None:
    """InputError for too many rows, or too many values or bytes in the named columns."""
    require_at_most(path, "rows", footer.num_rows, MOST_ROWS)
    sums: dict[str, int] = {}
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        for place in range(group.num_columns):
            column = group.column(place)
            if column.path_in_schema.split(".")[0] not in names:
                continue
            sums[column.path_in_schema] = sums.get(column.path_in_schema, 0) * whole + column.num_values
            require_at_most(path, "values", sums[column.path_in_schema], MOST_VALUES)
            require_at_most(path, "bytes", column.total_uncompressed_size, _MOST_BYTES)
