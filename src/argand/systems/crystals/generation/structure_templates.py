"""Cells and places of known crystals, packed: the skeletons that new crystals are made of."""

from functools import cache
from pathlib import Path

import numpy as np

from argand.errors import InputError
from argand.io.arrays import read_arrays, write_arrays
from argand.io.resource import shipped_weights
from argand.systems.crystals.database.dataset import StructureDataset, stacked
from argand.systems.crystals.generation.local_environment import fits
from argand.systems.crystals.generation.occupation_dataset import is_held_out

SHIPPED = shipped_weights("crystals-known") / "prototypes.safetensors"
ROOMIEST = 120.0
"""Å³ for an atom beyond which a structure is atoms in a void: caesium, the roomiest metal, has 115. Of the
pool's cells of up to 20 atoms, 4 % are beyond. By hand, above that metal."""
_STEPS = 65536
"""Places are kept to 1 / 65536 of the cell: 0.0002 Å in one of 12 Å. Two bytes each, all of their values."""


def save_templates(path: Path, structures: StructureDataset) -> None:
    """Write structures as safetensors, in one move: lattices in Å, places in 65536ths of the cell."""
    places = np.rint(structures.frac_coords.astype(float) * _STEPS).astype(np.int64) % _STEPS
    arrays = {
        "names": np.frombuffer("\n".join(structures.names).encode(), np.uint8),
        "lattice": structures.lattices.astype(np.float32),
        "ends": structures.ends,
        "species": structures.species,
        "places": places.astype(np.uint16),
    }
    write_arrays(path, arrays)


@cache
def load_templates(path: Path | None = None) -> StructureDataset:
    """The prototypes in a file, by default those that ship with argand; InputError where there are none."""
    path = path or SHIPPED
    arrays = read_arrays(path, "prototypes", "`argand crystals index --prototypes`")
    try:
        names = arrays["names"].tobytes().decode().split("\n")
        places = arrays["places"] / _STEPS
        return StructureDataset(names, arrays["lattice"], arrays["ends"], arrays["species"], places)
    except (KeyError, InputError) as error:
        raise InputError(f"{path}: holds no prototypes ({error})") from error


def draw_templates(structures: StructureDataset, count: int, seed: int) -> StructureDataset:
    """`count` structures that networks may learn from and that are dense, or all, in their order.

    None of a formula that is held out, since the benchmark compares samples with these.
    """
    allowed = [
        (name, one)
        for name, one in structures.named("choose")
        if fits(one) and one.volume < ROOMIEST * len(one) and not is_held_out(one)
    ]
    rows = np.sort(np.random.default_rng(seed).permutation(len(allowed))[:count])
    return stacked([allowed[row] for row in rows])
