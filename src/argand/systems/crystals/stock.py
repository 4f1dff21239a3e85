"""The structures that samples are simulated from: a parquet file, files and folders, or built-in prototypes.

The Materials Project structures that the shipped networks were trained on are not part of argand.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
from jaxtyping import Float, Int, UInt8

from argand.errors import ConfigError, InputError
from argand.io.crystal import expand, read_many
from argand.physics.structure import Structure, wrapped

PROTOTYPES = "prototypes"
"""Source that needs no files: simple cubic structures of made-up compositions, for tests."""
_SITES = {
    "rock salt": (((0.0, 0.0, 0.0), (0.5, 0.5, 0.5)), 2.0, True),
    "zinc blende": (((0.0, 0.0, 0.0), (0.25, 0.25, 0.25)), 4 / np.sqrt(3), True),
    "caesium chloride": (((0.0, 0.0, 0.0), (0.5, 0.5, 0.5)), 2 / np.sqrt(3), False),
    "perovskite": (
        ((0.0, 0.0, 0.0), (0.5, 0.5, 0.5), (0.5, 0.5, 0.0), (0.5, 0.0, 0.5), (0.0, 0.5, 0.5)),
        np.sqrt(2),
        False,
    ),
}
"""Places, side of the cube over the sum of two radii, and whether its faces are centred."""
_PER_PROTOTYPE = 8
_FACES = np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])


@dataclass(frozen=True)
class Stock:
    """Structures end to end: those of number i are `starts[i]` to `starts[i + 1]` of all atoms."""

    lattices: Float[np.ndarray, "n 3 3"]
    starts: Int[np.ndarray, " n_and_one"]
    species: UInt8[np.ndarray, " atom"]
    frac_coords: Float[np.ndarray, "atom 3"]

    def __len__(self) -> int:
        return len(self.lattices)

    def structure(self, number: int) -> Structure:
        """Structure of this number."""
        rows = slice(self.starts[number], self.starts[number + 1])
        frac = wrapped(self.frac_coords[rows].astype(float))
        return Structure(self.lattices[number].astype(float), self.species[rows], frac)


@cache
def stock_of(source: str) -> Stock:
    """The structures of a source, read once in a process.

    Of a parquet file with a column `bench`, those that a benchmark holds are left out. Raises ConfigError for
    no source, InputError for one without structures.
    """
    if not source:
        raise ConfigError(
            "nothing to simulate from: name structures (a parquet file or a folder) with --structures; "
            "those that the shipped networks learnt from are not part of argand"
        )
    if source == PROTOTYPES:
        return _stacked(prototypes())
    path = Path(source)
    if path.suffix.lower() == ".parquet" and path.is_file():
        return _from_parquet(path)
    found = [one for file in expand([source]) for _, one in read_many(file)]
    kept = [one for one in found if isinstance(one, Structure)]
    if not kept:
        raise InputError(f"{source}: holds no structure that can be used")
    return _stacked(kept)


def _from_parquet(path: Path) -> Stock:
    """Straight from the columns: a hundred thousand structures in seconds."""
    from pyarrow import ArrowException, array, parquet

    try:
        known = parquet.read_schema(path).names
        table = parquet.read_table(path, columns=["lattice", "species", "frac_coords"])
        bench = parquet.read_table(path, columns=["bench"])["bench"] if "bench" in known else None
    except (OSError, ValueError, ArrowException) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path}: no parquet file with lattice, species and frac_coords ({reason})"
        ) from error
    if bench is not None:
        table = table.filter(array([not value for value in bench.to_pylist()]))
    if not len(table):
        raise InputError(f"{path}: holds no structure outside the benchmarks")
    species, counts = _flat(table["species"])
    return Stock(
        _flat(table["lattice"])[0].reshape(-1, 3, 3),
        np.concatenate([[0], np.cumsum(counts)]),
        species.astype(np.uint8),
        _flat(table["frac_coords"])[0].reshape(-1, 3),
    )


def _flat(column: Any) -> tuple[np.ndarray, np.ndarray]:
    """Values of a column of lists end to end, and the length of each list."""
    whole = column.combine_chunks()
    return whole.flatten().to_numpy(zero_copy_only=False), whole.value_lengths().to_numpy()


def _stacked(structures: list[Structure]) -> Stock:
    counts = [len(one) for one in structures]
    return Stock(
        np.stack([one.lattice for one in structures]),
        np.concatenate([[0], np.cumsum(counts)]),
        np.concatenate([one.species for one in structures]),
        np.concatenate([one.frac_coords for one in structures]),
    )


def prototypes() -> list[Structure]:
    """Simple cubic structures with elements drawn at random; sides from covalent radii."""
    rng = np.random.default_rng(0)
    made = []
    for places, side, is_centred in _SITES.values():
        for _ in range(_PER_PROTOTYPE):
            elements = rng.choice(np.arange(1, 95), min(len(places), 3), replace=False).astype(np.uint8)
            species = np.array([elements[min(i, len(elements) - 1)] for i in range(len(places))], np.uint8)
            radius = sum(gemmi.Element(int(z)).covalent_r for z in species[-2:])
            lattice = side * radius * (_FACES if is_centred else np.eye(3))
            made.append(Structure(lattice, species, np.array(places)))
    return made
