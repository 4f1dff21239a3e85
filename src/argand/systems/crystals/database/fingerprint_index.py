"""Known structures in a compact index: what is most like a given one, and whether it is known itself.

An index holds the name, reduced formula, volume for an atom, a short fingerprint and the atoms, coarsely, of
each structure. What two structures of one formula have in common is asked of pymatgen's StructureMatcher
where it is installed, and of their fingerprints elsewhere. Both compare at one density, so that strain hides
nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
from jaxtyping import Float

from argand.errors import InputError
from argand.io.arrays import read_arrays, write_arrays
from argand.io.compressed import compressed, restored
from argand.io.resource import shipped_weights
from argand.physics.crystal.comparison import match
from argand.physics.crystal.formula import formula_text
from argand.physics.crystal.structure import Structure
from argand.systems.crystals.database.fingerprint import fingerprint
from argand.systems.crystals.database.packed_structures import PackedStructures, pack, unpacked
from argand.systems.crystals.latent.element_codes import code_weights

SHIPPED = shipped_weights("crystals-known") / "known.safetensors"
SAME = 0.5
"""Structures of one formula whose fingerprints are nearer than this are the same, without StructureMatcher.

By hand: of 2,500 samples 96.6 % are marked as it marks them, and by no other threshold, nor by all 48 numbers
of a fingerprint, more than 96.8 %: it takes even fcc for bcc."""
_VOLUME = 16.0
"""Å³ for an atom at which shapes are compared: by hand, a usual one; the index was made with it."""
_FIRST_SHELL = 5
"""In a fingerprint, after the mean code of the species and the density."""
_CODE_DIMS, _CODE_SCALE = 4, 4.0
"""Those of `fingerprint`, whose first four numbers these reproduce."""
_KEPT = 12
"""Principal components kept of the shells. By hand: a byte each, so 60,000 structures fit into the
package."""
_LEVELS = 127
"""Largest number of a signed byte."""

Formula = tuple[tuple[int, ...], tuple[int, ...]]
Fingerprint = Float[np.ndarray, " number"]
Record = dict[str, Any]


def formula_of(structure: Structure) -> Formula:
    """Atomic numbers and their counts in the reduced formula."""
    numbers, counts = np.unique(structure.species, return_counts=True)
    counts = counts // np.gcd.reduce(counts)
    return tuple(map(int, numbers)), tuple(map(int, counts))


def shape_of(structure: Structure) -> Float[np.ndarray, " shell"]:
    """Strengths in shells of reciprocal space, at one density: what `fingerprint` says of places."""
    stretch = (_VOLUME * len(structure) / structure.volume) ** (1 / 3)
    alike = Structure(structure.lattice * stretch, structure.species, structure.frac_coords)
    return fingerprint(alike)[_FIRST_SHELL:]


@dataclass(frozen=True)
class FingerprintIndex:
    """An index in memory; `components` are the shapes along `basis`, whose rows carry their unit."""

    names: Sequence[str]
    formulas: Sequence[Formula]
    log_volume: Float[np.ndarray, " n"]
    components: Float[np.ndarray, "n kept"]
    mean: Float[np.ndarray, " shell"]
    basis: Float[np.ndarray, "kept shell"]
    structures: PackedStructures

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return f"<FingerprintIndex: {len(self)} structures>"

    def print_of(self, structure: Structure) -> Fingerprint:
        """Mean code of the species, logarithm of the volume for an atom, and components of the shape."""
        volume = np.log(structure.volume / len(structure))
        shape = self.basis @ (shape_of(structure) - self.mean)
        return np.concatenate([_mean_codes([formula_of(structure)])[0], [volume], shape])

    @cached_property
    def prints(self) -> Float[np.ndarray, "n number"]:
        """Fingerprints of all structures."""
        return np.column_stack([_mean_codes(self.formulas), self.log_volume, self.components])

    @cached_property
    def rows_of(self) -> dict[Formula, list[int]]:
        """The rows of each formula."""
        rows: dict[Formula, list[int]] = {}
        for row, formula in enumerate(self.formulas):
            rows.setdefault(formula, []).append(row)
        return rows

    def nearest(self, structure: Structure, most: int = 1) -> list[Record]:
        """The structures most like one, nearest first, with name, formula and distance.

        The distance is Euclid's between `print_of` of both and has no unit; species weigh most in it.
        """
        apart = np.linalg.norm(self.prints - self.print_of(structure), axis=1)
        order = np.argsort(apart, kind="stable")[:most]
        return [
            {"name": self.names[row], "formula": text_of(self.formulas[row]), "distance": float(apart[row])}
            for row in order
        ]

    def same_as(self, structure: Structure) -> str | None:
        """Name of the known structure that this one is, or None: same formula, and the same by
        StructureMatcher.

        Without pymatgen by fingerprints, which agrees less often (`SAME`).
        """
        for row, apart in self.same_formula(structure):
            if match(structure, self.structures[row]) is not None if has_matcher() else apart < SAME:
                return self.names[row]
        return None

    def same_formula(self, structure: Structure) -> list[tuple[int, float]]:
        """Rows of the structures of the same formula and how far their shapes are, nearest first."""
        rows = self.rows_of.get(formula_of(structure), [])
        if not rows:
            return []
        apart = np.linalg.norm((self.prints[rows] - self.print_of(structure))[:, _FIRST_SHELL:], axis=1)
        return sorted(zip(rows, apart.tolist(), strict=True), key=lambda pair: pair[1])


@cache
def has_matcher() -> bool:
    """Whether pymatgen is installed, whose StructureMatcher tells what is the same."""
    return find_spec("pymatgen") is not None


def is_same(first: Structure, second: Structure) -> bool:
    """Whether two structures are one, as of `FingerprintIndex.same_as`."""
    if formula_of(first) != formula_of(second):
        return False
    if has_matcher():
        return match(first, second) is not None
    return bool(np.linalg.norm(shape_of(first) - shape_of(second)) < SAME)


def text_of(formula: Formula) -> str:
    """The formula as `Structure.formula` writes it."""
    return formula_text({gemmi.Element(z).name: count for z, count in zip(*formula, strict=True)})


def index_of(structures: Iterable[tuple[str, Structure]]) -> FingerprintIndex:
    """An index of named structures; InputError where there are none."""
    names, formulas, volumes, shapes, kept = [], [], [], [], []
    for name, structure in structures:
        names.append(name)
        formulas.append(formula_of(structure))
        volumes.append(np.log(structure.volume / len(structure)))
        shapes.append(shape_of(structure).astype(np.float32))
        kept.append(structure)
    if not names:
        raise InputError("there are no structures to make an index of")
    values = np.array(shapes)
    mean = values.mean(0)
    # Of the first 20,000 at most, by hand: they span 48 dimensions well.
    basis = np.linalg.svd((values - mean)[:20000], full_matrices=False)[2][:_KEPT]
    components = (values - mean) @ basis.T
    return FingerprintIndex(names, formulas, np.array(volumes), components, mean, basis, pack(kept))


def save_index(path: Path, known: FingerprintIndex) -> None:
    """Write an index as safetensors, in one move; components are rounded to a byte each, places coarsely."""
    unit = np.maximum(np.abs(known.components).max(0), 1e-9) / _LEVELS
    arrays = {
        "names": compressed(np.frombuffer("\n".join(known.names).encode(), np.uint8)),
        **formula_arrays(known.formulas),
        "log_volume": known.log_volume.astype(np.float16),
        "components": np.rint(known.components / unit).astype(np.int8),
        "unit": unit.astype(np.float32),
        "mean": known.mean.astype(np.float32),
        "basis": known.basis.astype(np.float32),
        **known.structures.arrays(),
    }
    write_arrays(path, arrays)


@cache
def load_index(path: Path | None = None) -> FingerprintIndex:
    """The index in a file or folder, by default the shipped one; InputError where it is none."""
    path = path or SHIPPED
    path = path / SHIPPED.name if path.is_dir() else path
    arrays = read_arrays(path, "an index", "`argand crystals index`")
    try:
        return FingerprintIndex(
            names=restored(arrays["names"], np.uint8).tobytes().decode().split("\n"),
            formulas=formulas_in(arrays),
            log_volume=arrays["log_volume"].astype(float),
            components=arrays["components"] * arrays["unit"].astype(float),
            mean=arrays["mean"].astype(float),
            basis=arrays["basis"].astype(float),
            structures=unpacked(arrays),
        )
    except (KeyError, ValueError) as error:
        raise InputError(f"{path}: not an index ({error}); `argand crystals index` makes one") from error


def formula_arrays(formulas: Sequence[Formula]) -> dict[str, np.ndarray]:
    """Formulas as arrays of compressed bytes for a file."""
    kinds = np.array([len(numbers) for numbers, _ in formulas], np.uint8)
    species = np.array([z for numbers, _ in formulas for z in numbers], np.uint8)
    counts = np.array([one for _, counts in formulas for one in counts], np.uint16)
    return {"kinds": compressed(kinds), "species": compressed(species), "counts": compressed(counts)}


def formulas_in(arrays: Mapping[str, np.ndarray]) -> list[Formula]:
    """The formulas of a file; KeyError for a missing array, ValueError for one that cannot be read."""
    ends = np.cumsum(restored(arrays["kinds"], np.uint8).astype(int))
    species = restored(arrays["species"], np.uint8).tolist()
    counts = restored(arrays["counts"], np.uint16).tolist()
    spans = zip([0, *ends[:-1]], ends, strict=True)
    return [(tuple(species[first:last]), tuple(counts[first:last])) for first, last in spans]


def _mean_codes(formulas: Sequence[Formula]) -> Float[np.ndarray, "n code"]:
    """Mean code of the atoms of each formula, in the unit of a fingerprint."""
    species, counts = (np.concatenate([one[part] for one in formulas]).astype(float) for part in (0, 1))
    starts = np.cumsum([0, *(len(one[0]) for one in formulas[:-1])])
    codes = code_weights(species.astype(np.uint8), _CODE_DIMS)
    totals = np.add.reduceat(counts, starts)
    return _CODE_SCALE * np.add.reduceat(counts[:, None] * codes, starts) / totals[:, None]
