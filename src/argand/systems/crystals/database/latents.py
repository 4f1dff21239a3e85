"""Latent vectors of structures in a parquet file, with what made them in its metadata."""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from argand import __version__
from argand.errors import InputError, MissingExtraError
from argand.io.atomic import valid_text, written
from argand.io.parquet_file import open_parquet

_KEY = b"argand"
_NEEDED = ("name", "source", "atoms", "latent")
_OPTIONAL = ("asked", "trusted", "reason")
"""Columns that files of older versions lack, some or all."""
_GROUP = 4096
"""Vectors of a file that are in memory at once. By hand: some 10 MB of them."""


@dataclass(frozen=True)
class StoredLatent:
    """The vector of a structure, its name, the file it came from, and how many atoms it has.

    `asked` is the digest of what it rests on, by which a later run tells whether it still holds; `trusted`
    and `reason` say whether the vector gives its structure back.
    """

    name: str
    source: str
    atoms: int
    latent: Float[np.ndarray, " size"]
    asked: str = ""
    trusted: bool = True
    reason: str = ""


def text_of_latent(latent: Float[np.ndarray, " size"]) -> str:
    """A vector for JSON: base64 of float32, the least significant byte first."""
    return b64encode(latent.astype("<f4").tobytes()).decode()


def latent_of_text(text: str) -> Float[np.ndarray, " size"]:
    """The vector that `text_of_latent` wrote, float32."""
    return np.frombuffer(b64decode(text), "<f4").astype(np.float32)


def write_latents(path: Path, rows: Iterable[StoredLatent], config: Mapping[str, Any]) -> None:
    """Write the vectors, float32, with the configuration that made them; in one move.

    Rows are taken as they come, so that they need not lie in memory. Raises MissingExtraError without
    pyarrow.
    """
    arrow, parquet = arrow_modules()
    text = arrow.string()
    fields = {"name": text, "source": text, "atoms": arrow.uint16()}
    fields |= {"latent": arrow.list_(arrow.float32()), "asked": text}
    fields |= {"trusted": arrow.bool_(), "reason": text}
    made = json.dumps({"version": __version__, "config": config})
    schema = arrow.schema(list(fields.items()), metadata={_KEY: made})
    left = iter(rows)
    with (
        written(path) as temporary,
        temporary.open("wb") as raw,
        parquet.ParquetWriter(raw, schema, compression="zstd") as file,
    ):
        while group := list(islice(left, _GROUP)):
            file.write_table(arrow.Table.from_pylist([_row(one) for one in group], schema))


def _row(one: StoredLatent) -> dict[str, Any]:
    # Names of files can have bytes that no text has.
    row = {"name": one.name, "source": valid_text(one.source), "atoms": one.atoms}
    verdict = {"trusted": one.trusted, "reason": valid_text(one.reason)}
    return row | {"latent": one.latent.astype(np.float32), "asked": one.asked, **verdict}


class LatentFile:
    """The vectors of a file, read as they are asked for, and the configuration that made them.

    InputError for a file that holds none, MissingExtraError without pyarrow.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.is_file():
            raise InputError(f"{path}: no such file; `argand crystals encode` writes one")
        arrow_modules()
        with self._told():
            footer = open_parquet(path, _NEEDED, _OPTIONAL).metadata
            self._count = footer.num_rows
            self.config: dict[str, Any] = json.loads((footer.metadata or {})[_KEY])["config"]
            if not isinstance(self.config, dict):
                raise TypeError("its configuration is not an object")

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[StoredLatent]:
        with self._told():
            for batch in open_parquet(self._path, _NEEDED, _OPTIONAL).iter_batches(_GROUP):
                yield from _rows(batch)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (InputError, OSError, KeyError, RecursionError, TypeError, ValueError) as error:
            raise InputError(
                f"{self._path}: no latents of `argand crystals encode`; give a file that it wrote"
            ) from error


def read_latents(path: Path) -> tuple[list[StoredLatent], dict[str, Any]]:
    """All vectors of a file and their configuration; errors as of `LatentFile`."""
    file = LatentFile(path)
    return list(file), file.config


def _rows(batch: Any) -> list[StoredLatent]:
    """The rows of a batch; TypeError or ValueError where a column is of another kind."""
    names, sources, atoms = (batch[name].to_pylist() for name in ("name", "source", "atoms"))
    asked, trusted, reasons = (_column(batch, name, len(names)) for name in _OPTIONAL)
    latents = batch["latent"]
    if not hasattr(latents, "value_lengths") or latents.null_count:
        raise TypeError("a column of latents that is none of lists, or lacks some")
    ends = np.cumsum(latents.value_lengths().to_numpy(zero_copy_only=False).astype(int))
    values = latents.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    found = []
    columns = (names, sources, atoms, asked, trusted, reasons, [0, *ends[:-1]], ends)
    for name, source, count, digest, is_sure, reason, first, last in zip(*columns, strict=True):
        if not isinstance(name, str) or not isinstance(source, str) or not isinstance(count, int):
            raise TypeError("a row without name, source or atoms")
        verdict = (is_sure is not False, str(reason or ""))
        found.append(StoredLatent(name, source, count, values[first:last], digest or "", *verdict))
    return found


def _column(batch: Any, name: str, count: int) -> list[Any]:
    """The values of a column that a file may lack."""
    return batch[name].to_pylist() if name in batch.schema.names else [None] * count


def arrow_modules() -> tuple[Any, Any]:
    """The modules pyarrow and pyarrow.parquet; MissingExtraError without them."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError("latents are kept in parquet files: pip install pyarrow") from error
    return pa, parquet
