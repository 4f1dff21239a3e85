"""Which frameworks are known: labels of structures without their elements, and a compact list of them.

The label is the space group and, for each element, the letters of the sites that it takes, as in the labels
of AFLOW's prototypes (Mehl et al., Comput. Mater. Sci. 136, S1, 2017): all rock salts are one framework. Of
all choices of origin and axes that give the same crystal the label is the first. Free coordinates and the
cell are not in it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt64

from argand.errors import InputError
from argand.io.arrays import read_arrays, write_arrays
from argand.io.resource import shipped_weights
from argand.physics.crystal.structure import Structure
from argand.systems.crystals.generation.framework import MOST_SITES, SYMPREC, Framework, framework
from argand.systems.crystals.generation.wyckoff_table import LETTERS, permutations

SHIPPED = shipped_weights("crystals-known") / "frameworks.safetensors"
_MIRRORED = {
    78: 76,
    95: 91,
    96: 92,
    145: 144,
    153: 151,
    154: 152,
    170: 169,
    172: 171,
    179: 178,
    181: 180,
    213: 212,
}
"""Groups that are mirror images of others, whose letters are the same (International Tables A): a crystal and
its mirror image have one framework."""


@dataclass(frozen=True)
class FrameworkIndex:
    """Known frameworks by the sorted hashes of their labels."""

    hashes: UInt64[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.hashes)

    def known(self, structure: Structure, tolerance: float = SYMPREC) -> bool | None:
        """Whether the framework of the structure is listed; None where that cannot be said.

        It cannot for primitive cells of more than `MOST_SITES` atoms, of which none is listed, and where
        spglib finds no operations, as with atoms nearer than the tolerance. Symmetry is looked for within
        `tolerance` Å; the list was made with `SYMPREC`. A structure that is not relaxed may have a framework
        of lower symmetry than it relaxes to.
        """
        found = framework(structure, tolerance)
        if found is None or found.sites > MOST_SITES:
            return None
        return bool(self.holds([label_of(found)])[0])

    def holds(self, labels: Iterable[str]) -> Bool[np.ndarray, " label"]:
        """Which labels are listed."""
        asked = _hashes(labels)
        place = np.searchsorted(self.hashes, asked).clip(max=len(self.hashes) - 1)
        return self.hashes[place] == asked


def framework_of(structure: Structure, tolerance: float = SYMPREC) -> str | None:
    """Label of the framework of a structure, such as `225:a:b` for rock salt; None where spglib finds none.

    By the operations that hold within `tolerance` Å, in the primitive cell, whatever cell is given.
    """
    found = framework(structure, tolerance)
    return None if found is None else label_of(found)


def label_of(one: Framework) -> str:
    """Label of a framework: its group and the letters of each element, `2c` for two orbits on c."""
    exchanges = permutations(one.group)
    counts = np.zeros((len(np.unique(one.elements)), exchanges.shape[1]), np.uint8)
    np.add.at(counts, (np.unique(one.elements, return_inverse=True)[1].reshape(-1), one.letters), 1)
    # Column i goes to column exchange[i] of its row of exchanged counts.
    seen = counts.T[np.argsort(exchanges, axis=1)].transpose(0, 2, 1)
    # Rows as strings of bytes compare as letters do; sorted, elements are told apart by nothing else.
    words = np.sort(np.ascontiguousarray(seen).view(f"S{seen.shape[2]}")[..., 0], axis=1)[:, ::-1]
    whole = np.ascontiguousarray(words).view(f"S{words.dtype.itemsize * words.shape[1]}")[:, 0]
    best = words[int(np.argsort(whole, kind="stable")[-1])]
    names = ["".join(_name(count, letter) for letter, count in enumerate(word) if count) for word in best]
    return ":".join([str(_MIRRORED.get(one.group, one.group)), *names])


def save_frameworks(path: Path, labels: Iterable[str]) -> int:
    """Write the list of these labels, each once, in one move; how many there are."""
    hashes = np.unique(_hashes(labels))
    write_arrays(path, {"hashes": hashes})
    return len(hashes)


@cache
def load_frameworks(path: Path | None = None) -> FrameworkIndex:
    """The known frameworks in a file, by default those that ship with argand; InputError where it is none."""
    source = path or SHIPPED
    arrays = read_arrays(source, "known frameworks", "`argand crystals index --frameworks`")
    if arrays.keys() != {"hashes"} or not len(arrays["hashes"]):
        raise InputError(f"{source}: holds no known frameworks")
    return FrameworkIndex(arrays["hashes"])


def _name(count: int, letter: int) -> str:
    return (str(count) if count > 1 else "") + LETTERS[letter]


def _hashes(labels: Iterable[str]) -> UInt64[np.ndarray, " label"]:
    """64 bits of each label: two of 30,000 labels share theirs with a chance of 3e-11."""
    return np.array(
        [int.from_bytes(blake2b(label.encode(), digest_size=8).digest()) for label in labels], np.uint64
    )
