"""Cells and places of known crystals, packed: the skeletons that new crystals are made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, UInt8, UInt16

from argand.errors import InputError
from argand.io.arrays import read_arrays, write_arrays
from argand.physics.structure import Structure
from argand.systems.crystals.pool import is_held_out
from argand.systems.crystals.surroundings import fits

SHIPPED = Path(str(files("argand") / "weights" / "crystals-known" / "prototypes.safetensors"))
ROOMIEST = 120.0
"""Å³ for an atom beyond which a structure is atoms in a void: caesium, the roomiest metal, has 115. Of the
pool's cells of up to 20 atoms, 4 % are beyond."""
_STEPS = 65536
"""Places are kept to 1 / 65536 of the cell: 0.0002 Å in one of 12 Å."""


@dataclass(frozen=True)
class Prototypes:
    """Structures one after another; `ends` are the numbers of atoms up to the end of each."""

    names: Sequence[str]
    lattice: Float[np.ndarray, "n 3 3"]
    ends: Int[np.ndarray, " n"]
    species: UInt8[np.ndarray, " atom"]
    places: UInt16[np.ndarray, "atom 3"]

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, row: int) -> Structure:
        """Structure `row`."""
        span = slice(int(self.ends[row - 1]) if row else 0, int(self.ends[row]))
        return Structure(self.lattice[row].astype(float), self.species[span], self.places[span] / _STEPS)


def save_prototypes(path: Path, named: Sequence[tuple[str, Structure]]) -> None:
    """Write structures as safetensors, in one move."""
    structures = [structure for _, structure in named]
    places = np.concatenate([structure.frac_coords for structure in structures])
    arrays = {
        "names": np.frombuffer("\n".join(name for name, _ in named).encode(), np.uint8),
        "lattice": np.array([structure.lattice for structure in structures], np.float32),
        "ends": np.cumsum([len(structure) for structure in structures]),
        "species": np.concatenate([structure.species for structure in structures]),
        "places": (np.rint(places * _STEPS).astype(np.int64) % _STEPS).astype(np.uint16),
    }
    write_arrays(path, arrays)


@cache
def load_prototypes(path: Path | None = None) -> Prototypes:
    """The prototypes in a file, by default those that ship with argand; InputError where there are none."""
    path = path or SHIPPED
    arrays = read_arrays(path, "prototypes", "`argand crystals index --prototypes`")
    try:
        names = arrays["names"].tobytes().decode().split("\n")
        ends = arrays["ends"].astype(int)
        return Prototypes(names, arrays["lattice"], ends, arrays["species"], arrays["places"])
    except KeyError as error:
        raise InputError(f"{path}: holds no prototypes, it has no {error}") from error


def drawn(named: Sequence[tuple[str, Structure]], count: int, seed: int) -> list[tuple[str, Structure]]:
    """`count` structures that networks may learn from and that are dense, or all, in their order."""
    allowed = [
        (name, one)
        for name, one in named
        if fits(one) and one.volume < ROOMIEST * len(one) and not is_held_out(one.formula)
    ]
    rows = np.sort(np.random.default_rng(seed).permutation(len(allowed))[:count])
    return [allowed[row] for row in rows]
