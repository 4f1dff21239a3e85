"""Digests of what a data set holds, whatever its files look like: array by array, pair by pair.

The digest of a pair is the SHA-256 over its arrays in the order of their names: the line `name dtype shape`,
such as `pattern <f4 [200, 200]` (a number is `[1]`), then the values (little-endian, row by row). The digest
of a set is the SHA-256 over the 32 bytes of each pair's, in the order of the pairs. So it is blind to
compression, shards and versions of HDF5.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from argand.io.resource import system_data
from argand.system import from_config

DIGESTS = system_data("molmnist", "digests.json")
"""What benchmarks/molmnist_digests.py found of the sets by name."""

STEP, PROBE_STEP = 101, 1111
"""Pairs whose digests are on record by themselves. By hand: both share no factor with 10, so that all fibrils
and splits are among them."""


def pair_digest(sample: Mapping[str, np.ndarray]) -> bytes:
    """The 32 bytes of one pair."""
    total = hashlib.sha256()
    for name in sorted(sample):
        # A number by itself becomes an array of one.
        values = np.ascontiguousarray(sample[name])
        values = values.astype(values.dtype.newbyteorder("<"), copy=False)
        total.update(f"{name} {values.dtype.str} {list(values.shape)}\n".encode())
        total.update(values.tobytes())
    return total.digest()


def set_digest(pairs: Iterable[bytes]) -> str:
    """SHA-256 of a set, from the digests of its pairs."""
    total = hashlib.sha256()
    for digest in pairs:
        total.update(digest)
    return total.hexdigest()


def stored_digests(columns: Mapping[str, Any], count: int, batch: int = 250) -> Iterator[bytes]:
    """The digest of each of `count` pairs whose arrays are rows of `columns`, read `batch` rows at a time.

    By default as many as a shard has.
    """
    for start in range(0, count, batch):
        some = {name: np.asarray(column[start : start + batch]) for name, column in columns.items()}
        for row in range(min(batch, count - start)):
            yield pair_digest({name: np.asarray(values[row]) for name, values in some.items()})


@dataclass(frozen=True)
class PublishedDigest:
    """What a set by name holds: pairs, seed, SHA-256 of all, and digests of some by themselves.

    `first` has those of every `step`-th pair, shortened; `probes` what `probe` gives of every
    `PROBE_STEP`-th. `sha256` is None as long as not all pairs have been computed.
    """

    pairs: int
    seed: int
    sha256: str | None
    step: int
    first: tuple[str, ...]
    probes: tuple[tuple[str, float, float], ...]

    def agreeing(self, digests: list[bytes]) -> tuple[int, int]:
        """How many of the pairs whose digests are on record are as they were, and how many there are."""
        seen = digests[:: self.step][: len(self.first)]
        right = sum(short(mine) == known for mine, known in zip(seen, self.first, strict=False))
        return right, len(seen)


def short(digest: bytes) -> str:
    """The first 8 bytes in hexadecimal digits: enough to tell pairs apart."""
    return digest[:8].hex()


def probe(sample: Mapping[str, np.ndarray]) -> tuple[str, float, float]:
    """What a pair holds to within the rounding of processors.

    The short digest of all but the pattern, the pattern's sum, and the mean decimal logarithm of what is not
    0 in it.
    """
    pattern = np.asarray(sample["pattern"], float)
    rest = {name: values for name, values in sample.items() if name != "pattern"}
    logs = np.log10(pattern[pattern > 0])
    return short(pair_digest(rest)), float(pattern.sum()), float(logs.mean()) if logs.size else 0.0


@cache
def published_digests(path: Path = DIGESTS) -> dict[str, PublishedDigest]:
    """Digests of the sets by name."""
    told = json.loads(path.read_text(encoding="utf-8"))
    return {name: from_config(PublishedDigest, one) for name, one in told.items()}
