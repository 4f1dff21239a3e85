"""Latent vectors of structures in a parquet file, with what made them in its metadata."""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from argand import __version__
from argand.errors import InputError, MissingExtraError
from argand.io.atomic import valid_text, write_bytes

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
        "source": [valid_text(row.source) for row in rows],
        "atoms": arrow.array([row.atoms for row in rows], arrow.uint16()),
        "latent": arrow.array([row.latent.astype(np.float32) for row in rows], arrow.list_(arrow.float32())),
        "asked": [row.asked for row in rows],
    }
    origin = json.dumps({"version": __version__, "config": config})
    table = arrow.table(columns).replace_schema_metadata({_KEY: origin})
    made = BytesIO()
    parquet.write_table(table, made, compression="zstd")
    write_bytes(path, made.getbuffer())


def read_latents(path: Path) -> tuple[list[StoredLatent], dict[str, Any]]:
    """The vectors of a file and their configuration; InputError for one that holds none.

    Raises MissingExtraError without pyarrow.
    """
    _, parquet = arrow_modules()
    if not path.is_file():
        raise InputError(f"{path}: no such file; `argand crystals encode` writes one")
    try:
        table = parquet.read_table(BytesIO(path.read_bytes()))
        config = json.loads((table.schema.metadata or {})[_KEY])["config"]
        rows = [
            StoredLatent(
                row["name"],
                row["source"],
                row["atoms"],
                np.array(row["latent"], np.float32),
                row.get("asked", ""),
            )
            for row in table.to_pylist()
        ]
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise InputError(
            f"{path}: no latents of `argand crystals encode`; give a file that it wrote"
        ) from error
    return rows, config


def arrow_modules() -> tuple[Any, Any]:
    """The modules pyarrow and pyarrow.parquet; MissingExtraError without them."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError("latents are kept in parquet files: pip install pyarrow") from error
    return pa, parquet
