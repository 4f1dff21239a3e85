"""Parquet files: what their footer declares is checked before anything is read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from argand.errors import InputError, MissingExtraError
from argand.io.limits import require_at_most, require_file

MOST_ROWS = 10**7
"""Structures of one file. By hand: a hundred times the largest database that argand was tried with."""
MOST_VALUES = 2**27
"""Numbers of one column that are in memory at once, 1 GiB in double precision: a million rows, as many as
pyarrow writes to one group by default, of 45 atoms."""
_MOST_BYTES = 2**31
"""Of one column of a group, unpacked. By hand, twice what so many numbers take."""


def open_parquet(path: Path, needed: Sequence[str], optional: Sequence[str] = (), whole: bool = False) -> Any:
    """The `pyarrow.parquet.ParquetFile` of a file that has the columns which are needed.

    Checked are the rows, and the numbers in these and the optional columns: of each group of rows, or with
    `whole` of all together. Raises InputError for what is no such file or declares too much,
    MissingExtraError without pyarrow.
    """
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise MissingExtraError("parquet files need pyarrow: pip install pyarrow") from error
    require_file(path)
    try:
        # Opened here: pyarrow takes no name that is no UTF-8.
        file = parquet.ParquetFile(path.open("rb"))
        known = file.schema_arrow.names
        _require_small(path, file.metadata, {*needed, *optional}, whole)
    except (OSError, ValueError, ArrowException) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: not a parquet file that can be read ({reason})") from error
    missing = [name for name in needed if name not in known]
    if missing:
        raise InputError(f"{path}: has no column {', '.join(missing)}")
    return file


def _require_small(path: Path, footer: Any, names: set[str], whole: bool) -> None:
    """InputError for too many rows, and where columns of these names declare too many numbers or bytes."""
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
