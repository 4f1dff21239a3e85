"""A crystal structure as arrays: the lattice, species and positions of all atoms in one cell."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import gemmi
import numpy as np
from jaxtyping import Float, Int, UInt8

from argand.errors import InputError, MissingExtraError
from argand.physics.crystal.asymmetric_unit import asymmetric_unit
from argand.physics.crystal.cif import cif_text
from argand.physics.crystal.formula import counts_of, formula_text
from argand.physics.crystal.picture import facts_html, projection_svg
from argand.typing import Matrix3, Points3

MAX_ATOMS = 1000
"""Larger cells are rejected: decoding solves equations in three unknowns per atom.

Set by hand, a bound on time; cells of up to 200 atoms are measured (`benchmarks/crystals.py`), single larger
ones in `benchmarks/crystals_others.py`.
"""
MIN_DISTANCE = 0.5
"""Å; atoms closer than this coincide (the shortest bond, in H2, is 0.74).

Set by hand, below that bond.
"""
MIN_VOLUME_PER_ATOM = 1.0
"""Å³; the densest known solids have more than 4 per atom.

Set by hand, below that; wrong length units give a thousandth of it.
"""
MAX_LENGTH = 800.0
"""Largest component of a lattice vector in Å. Set by hand: long-period polytypes have up to some hundred, and
latents resolve lengths up to 890 Å."""
MAX_VOLUME_PER_ATOM = 1e5
"""Å³; set by hand, one atom alone in a box of 46 Å. Beyond this the cell is in other units, or atoms are
missing."""
_FARTHEST = 1e6
"""Largest distance of a position from the first cell, in cells. Set by hand: beyond it a fraction loses its
digits."""
MAX_Z = 103
"""Lawrencium, the last element of the f block; no crystals are known beyond it."""

NEIGHBOUR_CELLS = np.array(list(product((-1, 0, 1), repeat=3)))
"""The 27 cells around the origin: enough in a reduced cell after rounding."""


@dataclass(frozen=True)
class Structure:
    """Rows of `lattice` are the cell's vectors in Å, `species` atomic numbers, `frac_coords` in [0, 1).

    Every structure has a right-handed cell. If a left-handed one is given, as after cell reduction, all its
    vectors and positions are reversed: the same crystal, not its mirror image. So lengths, angles and
    positions alone determine the crystal with its hand; latents, CIFs and comparisons use nothing else.
    """

    lattice: Matrix3
    species: UInt8[np.ndarray, " n"]
    frac_coords: Points3

    def __post_init__(self) -> None:
        if np.linalg.det(self.lattice) < 0:
            object.__setattr__(self, "lattice", -np.asarray(self.lattice))
            object.__setattr__(self, "frac_coords", wrapped(-np.asarray(self.frac_coords)))

    def __len__(self) -> int:
        return len(self.species)

    @property
    def volume(self) -> float:
        """Volume of the cell in Å³."""
        return float(abs(np.linalg.det(self.lattice)))

    @property
    def symbols(self) -> list[str]:
        """Chemical symbol of each atom."""
        return [gemmi.Element(int(z)).name for z in self.species]

    @property
    def formula(self) -> str:
        """Reduced formula as chemists write it, such as `LiFePO4`; the rule is that of `formula_text`."""
        return formula_text(counts_of(self.species))

    @property
    def cell_text(self) -> str:
        """Lengths and angles of the cell as text."""
        values = parameters(self.lattice)
        lengths = " ".join(f"{one:.4g}" for one in values[:3])
        return f"{lengths} Å, {' '.join(f'{one:.4g}' for one in np.degrees(values[3:]))}°"

    def __repr__(self) -> str:
        atoms = "1 atom" if len(self) == 1 else f"{len(self)} atoms"
        return f"<Structure {self.formula}: {atoms}, {self.cell_text}>"

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Rows of a table about the structure."""
        atoms = [("formula", self.formula), ("atoms in the cell", str(len(self)))]
        return [*atoms, ("cell", self.cell_text), ("volume", f"{self.volume:.4g} Å³")]

    @property
    def picture(self) -> str:
        """The cell and its atoms as SVG."""
        return projection_svg(self.lattice, self.species, self.frac_coords)

    def _repr_html_(self) -> str:
        return facts_html(self.facts, self.picture)

    def to_cif(self, name: str = "", tags: Mapping[str, str] | None = None) -> str:
        """The text of a CIF with the symmetry found, as `cif_text` writes it; `tags` are further items."""
        return cif_text(self.lattice, self.species, self.frac_coords, name or self.formula, tags)

    @property
    def cif_order(self) -> Int[np.ndarray, " n"]:
        """Numbers of the atoms in the order in which they come when `to_cif` is read."""
        return asymmetric_unit(self.lattice, self.species, self.frac_coords).order

    def to_dict(self) -> dict[str, Any]:
        """Formula, cell, lattice (rows in Å), symbols and fractional coordinates as plain values."""
        lengths, angles = np.split(parameters(self.lattice), 2)
        return {
            "formula": self.formula,
            "atoms": len(self),
            "cell": [*lengths.tolist(), *np.degrees(angles).tolist()],
            "volume": self.volume,
            "lattice": self.lattice.tolist(),
            "symbols": self.symbols,
            "frac_coords": self.frac_coords.tolist(),
        }

    def to_dataframe(self) -> Any:
        """A row for each atom: symbol and fractional coordinates. MissingExtraError without pandas."""
        try:
            import pandas as pd
        except ImportError as error:
            raise MissingExtraError("a data frame needs pandas: pip install pandas") from error
        x, y, z = self.frac_coords.T
        return pd.DataFrame({"symbol": self.symbols, "x": x, "y": y, "z": z})

    def to_ase(self) -> Any:
        """The structure as an `ase.Atoms`, periodic along all axes; MissingExtraError without ase."""
        try:
            import ase
        except ImportError as error:
            raise MissingExtraError("Atoms, POSCAR and XYZ files need ase: pip install ase") from error
        places = {"scaled_positions": self.frac_coords, "cell": self.lattice, "pbc": True}
        return ase.Atoms(numbers=self.species, **places)

    def to_pymatgen(self) -> Any:
        """The structure as a `pymatgen.core.Structure`; MissingExtraError without pymatgen."""
        try:
            from pymatgen.core import Structure as Foreign  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            raise MissingExtraError("a structure of pymatgen needs pymatgen: pip install pymatgen") from error
        return Foreign(self.lattice, self.symbols, self.frac_coords)


def checked(
    lattice: Float[np.ndarray, "3 3"],
    species: np.ndarray,
    frac_coords: np.ndarray,
    max_atoms: int = MAX_ATOMS,
) -> Structure:
    """A structure with positions wrapped into the cell; InputError, with the reason, for invalid input.

    Rejected are: no atoms, more than `max_atoms`, non-finite or far too large numbers, a lattice without
    volume, too much or too little volume per atom, atomic numbers outside 1 to 103, and two atoms on the same
    position.
    """
    lattice = np.asarray(lattice, float).reshape(3, 3)
    species = np.asarray(species).reshape(-1)
    frac = np.asarray(frac_coords, float).reshape(-1, 3)
    if len(species) == 0:
        raise InputError("there are no atoms in the cell")
    if len(frac) != len(species):
        raise InputError(f"{len(species)} species, but {len(frac)} positions")
    if len(species) > max_atoms:
        raise InputError(f"{len(species)} atoms exceed the largest supported cell of {max_atoms}")
    require_lattice(lattice)
    if not np.isfinite(frac).all():
        raise InputError("a coordinate is not a finite number")
    if np.abs(frac).max() > _FARTHEST:
        raise InputError(f"an atom is {np.abs(frac).max():.2g} cells away; are its coordinates right?")
    _require_volume(lattice, len(species))
    if species.min() < 1 or species.max() > MAX_Z:
        raise InputError(
            f"no known element has the atomic number {species[(species < 1) | (species > MAX_Z)][0]}"
        )
    structure = Structure(lattice, species.astype(np.uint8), wrapped(frac))
    first, second, distance = closest_pair(structure)
    if distance < MIN_DISTANCE:
        names = structure.symbols
        raise InputError(
            f"atoms {first + 1} ({names[first]}) and {second + 1} ({names[second]}) are too close, "
            f"{distance:.2f} Å apart"
        )
    return structure


def require_lattice(lattice: Float[np.ndarray, "3 3"]) -> None:
    """InputError for vectors with non-finite numbers, or too large for any crystal."""
    if not np.isfinite(lattice).all():
        raise InputError("the lattice has a number that is not finite")
    if np.abs(lattice).max() > MAX_LENGTH:
        raise InputError(f"a cell of {np.abs(lattice).max():.3g} Å exceeds {MAX_LENGTH:g} Å; is it in Å?")


def _require_volume(lattice: Matrix3, count: int) -> None:
    """InputError for a lattice without volume, or with too little or too much volume for so many atoms."""
    volume = abs(np.linalg.det(lattice))
    # Set by hand: a volume below a thousandth of a box of these edges, or of 1 Å³, is flat.
    if volume < 1e-3 * max(np.prod(np.linalg.norm(lattice, axis=1)), 1.0):
        raise InputError("the lattice has no volume; its vectors are zero or lie in a plane")
    if volume < MIN_VOLUME_PER_ATOM * count:
        raise InputError(f"{volume / count:.2g} Å³ per atom is too small for a crystal; is the cell in Å?")
    if volume > MAX_VOLUME_PER_ATOM * count:
        raise InputError(
            f"{volume / count:.2g} Å³ per atom is too large; are atoms missing, or is the cell not in Å?"
        )


def wrapped(frac: Points3) -> Points3:
    """The same positions with coordinates in [0, 1)."""
    inside = frac - np.floor(frac)
    # A tiny negative number wraps to exactly 1.0.
    return np.where(inside >= 1.0, 0.0, inside)


def closest_pair(structure: Structure) -> tuple[int, int, float]:
    """The two closest atoms of the crystal, numbered from 0, and their distance in Å.

    Images of one atom in other cells count; their distance is the shortest lattice vector.
    """
    best = (0, 0, shortest_vector(structure.lattice))
    for i, row in enumerate(distances(structure.lattice, structure.frac_coords)):
        row[: i + 1] = np.inf
        j = int(row.argmin())
        if row[j] < best[2]:
            best = (i, j, float(row[j]))
    return best


def distances(lattice: Matrix3, frac: Points3) -> Float[np.ndarray, "n n"]:
    """Shortest distances in Å between atoms and between any of their images."""
    reduced, change = reduced_lattice(lattice)
    places = frac @ np.linalg.inv(change)
    shortest = np.full((len(frac), len(frac)), np.inf)
    apart = places[:, None] - places[None]
    apart = (apart - np.round(apart)) @ reduced
    for shift in NEIGHBOUR_CELLS @ reduced:
        moved = apart + shift
        shortest = np.minimum(shortest, np.einsum("ijk,ijk->ij", moved, moved))
    return np.sqrt(np.maximum(shortest, 0.0))


def shortest_vector(lattice: Matrix3) -> float:
    """Length in Å of the shortest lattice vector."""
    reduced, _ = reduced_lattice(lattice)
    return float(np.linalg.norm(reduced, axis=1).min())


def reduced_lattice(lattice: Matrix3) -> tuple[Matrix3, Matrix3]:
    """The shortest vectors of the same lattice, and an integer matrix M: reduced = M lattice.

    Pairs of vectors are shortened against each other, and by sums of two (Semaev 2001), until none changes.
    """
    vectors, change = np.array(lattice, float), np.eye(3)
    # Set by hand: each round shortens a vector, and cells from files take a few; the bound ends cycles due to
    # rounding.
    for _ in range(200):
        order = np.argsort(np.linalg.norm(vectors, axis=1), kind="stable")
        vectors, change = vectors[order], change[order]
        gram = vectors[:2] @ vectors[:2].T
        steps = [(1, 0, np.round(gram[0, 1] / gram[0, 0]))]
        if steps[0][2] == 0:
            near = np.linalg.lstsq(vectors[:2].T, vectors[2], rcond=None)[0]
            whole = np.array(list(product((-1, 0, 1, 2), repeat=2))) + np.floor(near)
            left = np.linalg.norm(vectors[2] - whole @ vectors[:2], axis=1)
            best = int(left.argmin())
            if left[best] > np.linalg.norm(vectors[2]) - 1e-9:
                return vectors, change
            steps = [(2, 0, whole[best, 0]), (2, 1, whole[best, 1])]
        for target, other, count in steps:
            vectors[target] -= count * vectors[other]
            change[target] -= count * change[other]
    return vectors, change


def parameters(lattice: Matrix3) -> Float[np.ndarray, "6"]:
    """a, b, c in Å and alpha, beta, gamma in radians of a lattice of row vectors."""
    lengths = np.linalg.norm(lattice, axis=1)
    unit = lattice / lengths[:, None]
    cosines = [unit[1] @ unit[2], unit[0] @ unit[2], unit[0] @ unit[1]]
    return np.array([*lengths, *np.arccos(np.clip(cosines, -1.0, 1.0))])
