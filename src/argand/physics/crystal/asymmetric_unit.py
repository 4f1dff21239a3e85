"""The asymmetric unit of a structure in its own cell: sites and operations that give all atoms back."""

from dataclasses import dataclass
from typing import Any

import gemmi
import numpy as np
from jaxtyping import Float, Int, UInt8

from argand.typing import Matrix3, Points3, Vector3

WITHIN = 1e-4
"""Å. Tolerance of the symmetry (spglib's `symprec`), and how far the expanded atoms and the cell may be from
those given. By hand: what six digits of a fraction lose in a cell of 100 Å, and far below any distortion."""
_PARTS = 24
"""Translations of operations are multiples of 1/24 in all settings of the International Tables."""
_MOST = 192
"""Operations of the largest space groups in their conventional cells, such as F m -3 m."""
_IDENTITY = "x,y,z"


@dataclass(frozen=True)
class Site:
    """An orbit: its element, the place of its first atom, and the numbers of its atoms in the structure.

    Atoms are in the order in which the operations give them.
    """

    atomic_number: int
    place: Vector3
    atoms: tuple[int, ...]


@dataclass(frozen=True)
class AsymmetricUnit:
    """Cell (a, b, c in Å, angles in radians), group, operations as triplets, and sites.

    `symbol` is Hermann and Mauguin's: of the setting where the International Tables have it, or else of the
    group's reference setting, as for the primitive cell of a centred lattice. `hall` is empty for the latter.
    """

    cell: Float[np.ndarray, "6"]
    number: int
    symbol: str
    hall: str
    operations: tuple[str, ...]
    sites: tuple[Site, ...]

    @property
    def order(self) -> Int[np.ndarray, " n"]:
        """Numbers of the atoms of the structure in the order in which the expanded sites come."""
        return np.array([atom for site in self.sites for atom in site.atoms])


def asymmetric_unit(
    lattice: Matrix3, species: UInt8[np.ndarray, " n"], frac_coords: Points3, within: float = WITHIN
) -> AsymmetricUnit:
    """Symmetry of a structure within so many Å, in the cell and from the origin that it has; P 1 where none.

    Sites and cell are averaged over the operations (spglib's), which moves no atom and no vector of the cell
    by more than `within`. It is P 1 where it would, and where the operations cannot be written: with an
    origin off the symmetry elements their translations are no simple fractions, and a supercell repeats
    itself. Rows of `lattice` in Å.
    """
    found = _operations(lattice, species, frac_coords, within)
    if found is not None:
        rotations, translations = found
        group = _group(rotations, translations)
        cell = _mean_cell(lattice, rotations)
        images = _images(lattice, species, frac_coords, rotations, translations, within)
        if group is not None and images is not None and _is_near(lattice, cell, within):
            places = _mean_places(frac_coords, rotations, translations, images)
            moved = np.linalg.norm((places - frac_coords) @ lattice, axis=1)
            if moved.max() <= within:
                sites = _sites(species, places, images)
                return AsymmetricUnit(cell, *group, _triplets(rotations, translations), sites)
    sites = (Site(int(z), place, (k,)) for k, (z, place) in enumerate(zip(species, frac_coords, strict=True)))
    return AsymmetricUnit(_cell_of(lattice @ lattice.T), 1, "P 1", "P 1", (_IDENTITY,), tuple(sites))


def symmetry_dataset(
    lattice: Matrix3, species: UInt8[np.ndarray, " n"], frac_coords: Points3, tolerance: float
) -> Any:
    """What spglib finds within `tolerance` Å (its `symprec`); None where it finds nothing."""
    import spglib  # only where it is used: another library to load

    cell = (lattice.tolist(), frac_coords.tolist(), species.tolist())
    # None where nothing is found; releases to come raise instead, and older ones have no such error.
    try:
        return spglib.get_symmetry_dataset(cell, symprec=tolerance)
    except getattr(spglib, "SpglibError", ()):
        return None


def _operations(
    lattice: Matrix3, species: np.ndarray, frac_coords: Points3, within: float
) -> tuple[Int[np.ndarray, "op 3 3"], Float[np.ndarray, "op 3"]] | None:
    """Rotations, and translations as multiples of 1/24; None where there are none but the identity."""
    dataset = symmetry_dataset(lattice, species, frac_coords, within)
    if dataset is None or not 1 < len(dataset.rotations) <= _MOST:
        return None
    translations = np.round(dataset.translations * _PARTS) / _PARTS
    if np.linalg.norm((translations - dataset.translations) @ lattice, axis=1).max() > within:
        return None
    return np.array(dataset.rotations, int), translations % 1.0


def _group(rotations: np.ndarray, translations: np.ndarray) -> tuple[int, str, str] | None:
    """Number, Hermann and Mauguin's symbol and Hall's; None for the operations of a supercell.

    These have translations alone among them, and are of no tabulated setting.
    """
    operations = gemmi.GroupOps([gemmi.Op(text) for text in _triplets(rotations, translations)])
    tabulated = gemmi.find_spacegroup_by_ops(operations)
    if tabulated is not None:
        return tabulated.number, tabulated.xhm(), tabulated.hall
    is_still = (rotations == np.eye(3, dtype=int)).all(axis=(1, 2))
    if is_still.sum() > 1:
        return None
    number = _number_of(rotations, translations)
    return None if number is None else (number, gemmi.find_spacegroup_by_number(number).hm, "")


def _number_of(rotations: np.ndarray, translations: np.ndarray) -> int | None:
    """Number of the group of some operations, by spglib's table."""
    import spglib

    found = spglib.get_spacegroup_type_from_symmetry(rotations, translations)
    return None if found is None else int(found.number)


def _triplets(rotations: np.ndarray, translations: np.ndarray) -> tuple[str, ...]:
    found = []
    for rotation, translation in zip(rotations, translations, strict=True):
        one = gemmi.Op()
        one.rot = (rotation * one.DEN).tolist()
        one.tran = np.round(translation * one.DEN).astype(int).tolist()
        found.append(one.triplet())
    return tuple(found)


def _images(
    lattice: Matrix3,
    species: np.ndarray,
    frac_coords: Points3,
    rotations: np.ndarray,
    translations: np.ndarray,
    within: float,
) -> Int[np.ndarray, "op n"] | None:
    """Which atom each operation brings each to; None where one is not there, within twice the tolerance."""
    from scipy.spatial import KDTree

    tree = KDTree(_inside(frac_coords), boxsize=1.0)
    found = []
    for rotation, translation in zip(rotations, translations, strict=True):
        moved = frac_coords @ rotation.T + translation
        atoms = np.asarray(tree.query(_inside(moved))[1])
        apart = moved - frac_coords[atoms]
        far = np.linalg.norm((apart - np.round(apart)) @ lattice, axis=1) > 2 * within
        if far.any() or (species[atoms] != species).any() or len(set(atoms.tolist())) < len(atoms):
            return None
        found.append(atoms)
    return np.array(found)


def _inside(frac: Points3) -> Points3:
    inside = frac % 1.0
    return np.where(inside >= 1.0, 0.0, inside)


def _mean_places(
    frac_coords: Points3, rotations: np.ndarray, translations: np.ndarray, images: Int[np.ndarray, "op n"]
) -> Points3:
    """Each atom's place, averaged over what the operations bring to it."""
    total = np.zeros_like(frac_coords)
    for rotation, translation, atoms in zip(rotations, translations, images, strict=True):
        apart = frac_coords @ rotation.T + translation - frac_coords[atoms]
        total[atoms] += apart - np.round(apart)
    return frac_coords + total / len(rotations)


def _mean_cell(lattice: Matrix3, rotations: np.ndarray) -> Float[np.ndarray, "6"]:
    """The cell of the metric averaged over the operations."""
    metric = lattice @ lattice.T
    turned = [rotation.T @ metric @ rotation for rotation in rotations.astype(float)]
    return _cell_of(np.mean(turned, axis=0))


def _cell_of(metric: Matrix3) -> Float[np.ndarray, "6"]:
    lengths = np.sqrt(np.diag(metric))
    cosines = np.array([metric[1, 2], metric[0, 2], metric[0, 1]]) / (lengths.prod() / lengths)
    return np.concatenate([lengths, np.arccos(np.clip(cosines, -1.0, 1.0))])


def _is_near(lattice: Matrix3, cell: Float[np.ndarray, "6"], within: float) -> bool:
    """Whether lengths, and angles times the longer of their sides, are as far from the lattice's at most."""
    given = _cell_of(lattice @ lattice.T)
    longer = [max(given[1], given[2]), max(given[0], given[2]), max(given[0], given[1])]
    return bool((np.abs(cell - given) * np.array([1.0, 1.0, 1.0, *longer]) <= within).all())


def _sites(species: np.ndarray, places: Points3, images: Int[np.ndarray, "op n"]) -> tuple[Site, ...]:
    """One site for each orbit, by its first atom."""
    sites, seen = [], set()
    for first in range(len(species)):
        if first not in seen:
            atoms = tuple(dict.fromkeys(images[:, first].tolist()))
            seen.update(atoms)
            sites.append(Site(int(species[first]), places[first], atoms))
    return tuple(sites)
