"""Latent vectors of structures in a parquet file, with what made them in its metadata."""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from argand import __version__
from argand.errors import InputError, MissingExtraError
from argand.io.atomic import written
from argand.io.parquet_file import open_parquet

_KEY = b"argand"


@dataclass(frozen=True)
class StoredLatent:
    """The vector of a structure, its name, the file it came from, and how many atoms it has.

    `asked` is the digest of what it rests on, by which a later run tells whether it still holds.
    """

    name: str
    source: str
    atoms: int
    latent: Float[np.ndarray, " size"]
    asked: str = ""


def text_of_latent(latent: Float[np.ndarray, " size"]) -> str:
    """A vector for JSON: base64 of float32, the least significant byte first."""
    return b64encode(latent.astype("<f4").tobytes()).decode()


def latent_of_text(text: str) -> Float[np.ndarray, " size"]:
    """The vector that `text_of_latent` wrote, float32."""
    return np.frombuffer(b64decode(text), "<f4").astype(np.float32)


def write_latents(path: Path, rows: Sequence[StoredLatent], config: Mapping[str, Any]) -> None:
    """Write the vectors, float32, with the configuration that made them; in one move.

    Raises MissingExtraError without pyarrow.
    """
    arrow, parquet = arrow_modules()
    columns = {
        "name": [row.name for row in rows],
        # Names of files can have bytes that no text has.
        "source": [row.source.encode(errors="backslashreplace").decode() for row in rows],
        "atoms": arrow.array([row.atoms for row in rows], arrow.uint16()),
        "latent": arrow.array([row.latent.astype(np.float32) for row in rows], arrow.list_(arrow.float32())),
        "asked": [row.asked for row in rows],
    }
    made = json.dumps({"version": __version__, "config": config})
    table = arrow.table(columns).replace_schema_metadata({_KEY: made})
    with written(path) as temporary:
        parquet.write_table(table, temporary, compression="zstd")


def read_latents(path: Path) -> tuple[list[StoredLatent], dict[str, Any]]:
    """The vectors of a file and their configuration; InputError for one that holds none.

    Raises MissingExtraError without pyarrow.
    """
    arrow_modules()
    needed = ("name", "source", "atoms", "latent")
    try:
        file = open_parquet(path, needed, ("asked",), whole=True)
        table = file.read()
        config = json.loads((table.schema.metadata or {})[_KEY])["config"]
        if not isinstance(config, dict):
            raise TypeError("its configuration is no set of entries")
        rows = _rows(table)
    except (OSError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: no latents of `argand crystals encode`; give a file that it wrote"
        ) from error
    return rows, config


def _rows(table: Any) -> list[StoredLatent]:
    """The rows of a table; TypeError or ValueError where a column is of another kind."""
    names, sources, atoms = (table[name].to_pylist() for name in ("name", "source", "atoms"))
    asked = table["asked"].to_pylist() if "asked" in table.column_names else [""] * len(names)
    latents = table["latent"].combine_chunks()
    if not hasattr(latents, "value_lengths") or latents.null_count:
        raise TypeError("a column of latents that is none of lists, or lacks some")
    lengths = latents.value_lengths().to_numpy(zero_copy_only=False)
    ends = np.cumsum(lengths.astype(int))
    values = latents.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    rows = zip(names, sources, atoms, asked, ends - lengths.astype(int), ends, strict=True)
    found = []
    for name, source, count, digest, first, last in rows:
        if not isinstance(name, str) or not isinstance(source, str) or not isinstance(count, int):
            raise TypeError("a row without name, source or atoms")
        found.append(StoredLatent(name, source, count, values[first:last], digest or ""))
    return found


def arrow_modules() -> tuple[Any, Any]:
    """The modules pyarrow and pyarrow.parquet; MissingExtraError without them."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError("latents are kept in parquet files: pip install pyarrow") from error
    return pa, parquet
