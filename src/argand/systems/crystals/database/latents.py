"""Latent vectors of structures in a parquet file, with what made them in its metadata."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from argand import __version__
from argand.errors import InputError, MissingExtraError
from argand.io.atomic import written

_KEY = b"argand"


@dataclass(frozen=True)
class StoredLatent:
    """The vector of a structure, its name, the file it came from, and how many atoms it has."""

    name: str
    source: str
    atoms: int
    latent: Float[np.ndarray, " size"]


def write_latents(path: Path, rows: Sequence[StoredLatent], config: Mapping[str, Any]) -> None:
    """Write the vectors, float32, with the configuration that made them; in one move.

    Raises MissingExtraError without pyarrow.
    """
    arrow, parquet = _arrow()
    columns = {
        "name": [row.name for row in rows],
        "source": [row.source for row in rows],
        "atoms": arrow.array([row.atoms for row in rows], arrow.uint16()),
        "latent": arrow.array([row.latent.astype(np.float32) for row in rows], arrow.list_(arrow.float32())),
    }
    made = json.dumps({"version": __version__, "config": config})
    table = arrow.table(columns).replace_schema_metadata({_KEY: made})
    with written(path) as temporary:
        parquet.write_table(table, temporary, compression="zstd")


def read_latents(path: Path) -> tuple[list[StoredLatent], dict[str, Any]]:
    """The vectors of a file and their configuration; InputError for one that holds none.

    Raises MissingExtraError without pyarrow.
    """
    _, parquet = _arrow()
    if not path.is_file():
        raise InputError(f"{path}: no such file; `argand crystals encode` writes one")
    try:
        table = parquet.read_table(path)
        config = json.loads((table.schema.metadata or {})[_KEY])["config"]
        rows = [
            StoredLatent(row["name"], row["source"], row["atoms"], np.array(row["latent"], np.float32))
            for row in table.to_pylist()
        ]
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise InputError(
            f"{path}: no latents of `argand crystals encode`; give a file that it wrote"
        ) from error
    return rows, config


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError("latents are kept in parquet files: pip install pyarrow") from error
    return pa, parquet
