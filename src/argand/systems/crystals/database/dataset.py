"""Many structures in few arrays, from a parquet file, files and folders, or built-in prototypes.

The Materials Project structures that the shipped networks were trained on are not part of argand.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from argand.errors import ConfigError, InputError
from argand.io.parquet_file import open_parquet
from argand.io.structure import structure_files, usable
from argand.io.structure_parquet import COLUMNS
from argand.physics.crystal.picture import facts_html
from argand.physics.crystal.structure import MAX_Z, Structure, wrapped
from argand.progress import ProgressDisplay

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
"""Places, side of the cube over the sum of the last two atoms' radii, and whether its faces are centred.

Geometry: these two touch, along half an edge, a quarter and a half of the body diagonal, and half of a
face's."""
_LABELS = ("material_id", "bench")
"""Columns that a file may have: names, and which structures a benchmark holds."""
_PER_PROTOTYPE = 8
"""By hand: enough for tests."""
# Primitive vectors of a face-centred cube of side 1.
_FACES = np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StructureDataset:
    """Named structures end to end; `ends` are the numbers of atoms up to the end of each.

    Raises InputError where the arrays do not belong together.
    """

    names: Sequence[str]
    lattices: Float[np.ndarray, "n 3 3"]
    ends: Int[np.ndarray, " n"]
    species: UInt8[np.ndarray, " atom"]
    frac_coords: Float[np.ndarray, "atom 3"]

    def __post_init__(self) -> None:
        count, atoms = len(self.names), len(self.species)
        is_whole = self.lattices.shape == (count, 3, 3) and self.frac_coords.shape == (atoms, 3)
        if not is_whole or self.ends.shape != (count,) or not count or self.ends[-1] != atoms:
            raise InputError("lattices, species and places of structures do not belong together")
        if (np.diff(self.ends, prepend=0) < 1).any():
            raise InputError("a structure has no atoms")

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return f"<StructureDataset: {len(self)} structures, {len(self.species)} atoms>"

    def _repr_html_(self) -> str:
        rows = {"structures": str(len(self)), "atoms": str(len(self.species))}
        return facts_html([*rows.items(), ("first", self.names[0])], self[0].picture)

    def __getitem__(self, number: int) -> Structure:
        """Structure of this number, its places wrapped into the cell."""
        rows = slice(int(self.ends[number - 1]) if number else 0, int(self.ends[number]))
        frac = wrapped(self.frac_coords[rows].astype(float))
        return Structure(self.lattices[number].astype(float), self.species[rows], frac)

    def named(self, doing: str) -> Iterator[tuple[str, Structure]]:
        """Names and structures, with a progress bar of this name."""
        with ProgressDisplay(doing, "structures") as display:
            for number, name in enumerate(self.names):
                yield name, self[number]
                display.update((number + 1) / len(self), number + 1)


def stacked(named: Sequence[tuple[str, Structure]]) -> StructureDataset:
    """Structures in memory, one or more, as a data set."""
    structures = [structure for _, structure in named]
    return StructureDataset(
        [name for name, _ in named],
        np.stack([one.lattice for one in structures]),
        np.cumsum([len(one) for one in structures]),
        np.concatenate([one.species for one in structures]),
        np.concatenate([one.frac_coords for one in structures]),
    )


@cache
def load_structures(source: str) -> StructureDataset:
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
        return stacked([("", one) for one in prototypes()])
    path = Path(source)
    if path.suffix.lower() == ".parquet" and path.is_file():
        return from_parquet(path)
    kept = [named for file in structure_files(source) for named in usable(file)]
    if not kept:
        raise InputError(f"{source}: holds no structure that can be used")
    return stacked(kept)


def from_parquet(path: Path, largest: int | None = None, benchmarks: bool = False) -> StructureDataset:
    """The rows of a file that belong to no benchmark, of up to `largest` atoms, as they are.

    With `benchmarks` those too: to tell what is known, never to learn from. Straight from the columns: a
    hundred thousand structures in seconds. Rows that are no structure (nulls, lists of the wrong length, flat
    lattices, unknown elements) are told and left out. Raises InputError where the file is none, lacks a
    column, or holds no such row.
    """
    file = open_parquet(path, COLUMNS, _LABELS, whole=True)
    from pyarrow import ArrowException, array

    columns = [name for name in _LABELS if name in file.schema_arrow.names]
    try:
        table = file.read(columns=[*COLUMNS, *columns])
    except (OSError, ValueError, ArrowException) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: not a parquet file that can be read ({reason})") from error
    table = table.filter(array(_whole(table, path)))
    if "bench" in columns and not benchmarks:
        table = table.filter(array([not value for value in table["bench"].to_pylist()]))
    if largest is not None:
        table = table.filter(array(_flat(table["species"])[1] <= largest))
    if not len(table):
        limit = "" if largest is None else f" of up to {largest} atoms"
        raise InputError(f"{path}: holds no structure{limit} outside the benchmarks")
    species, counts = _flat(table["species"])
    names = table["material_id"].to_pylist() if "material_id" in columns else map(str, range(len(table)))
    return StructureDataset(
        list(names),
        _flat(table["lattice"])[0].reshape(-1, 3, 3),
        np.cumsum(counts),
        species.astype(np.uint8),
        _flat(table["frac_coords"])[0].reshape(-1, 3),
    )


def _whole(table: Any, path: Path) -> Bool[np.ndarray, " row"]:
    """Which rows are structures; InputError for columns that are no lists of numbers."""
    from pyarrow import array, types

    for name in COLUMNS:
        kind = table.schema.field(name).type
        is_list = types.is_list(kind) or types.is_large_list(kind)
        if not is_list or not (types.is_integer(kind.value_type) or types.is_floating(kind.value_type)):
            raise InputError(f"{path}: {name} is a column of {kind}, not of lists of numbers")
    counts = {name: table[name].combine_chunks().value_lengths().fill_null(-1).to_numpy() for name in COLUMNS}
    whole = (counts["lattice"] == 9) & (counts["species"] > 0)
    whole &= counts["frac_coords"] == 3 * counts["species"]
    kept = table.filter(array(whole))
    good = np.ones(len(kept), bool)
    for name in COLUMNS if len(kept) else ():
        values, lengths = _flat(kept[name])
        fine = np.isfinite(values)
        if name == "species":
            fine &= (values >= 1) & (values <= MAX_Z) & (values == np.rint(values))
        good &= np.logical_and.reduceat(fine, np.cumsum(lengths) - lengths)
    if len(kept):
        # Å³: 0 but for rounding.
        good &= np.abs(np.linalg.det(_flat(kept["lattice"])[0].reshape(-1, 3, 3))) > 1e-6
    whole[whole] = good
    if not whole.all():
        logger.warning("%s: %d rows are no structures and are left out", path, (~whole).sum())
    return whole


def _flat(column: Any) -> tuple[np.ndarray, np.ndarray]:
    """Values of a column of lists end to end, and the length of each list."""
    whole = column.combine_chunks()
    return whole.flatten().to_numpy(zero_copy_only=False), whole.value_lengths().to_numpy()


def prototypes() -> list[Structure]:
    """Simple cubic structures with elements drawn at random.

    Sides from covalent radii (gemmi's), lattices in Å.
    """
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
