"""A crystal as a vector of what its space group leaves free.

The vector begins with whole numbers: the Hall symbol's, atoms and orbits of the primitive cell, elements, and
the atomic number of each; then follow the free lengths and angles of the conventional cell. All else are
independent Fourier coefficients of the primitive cell, as numbers of one size: of weights that tell its
elements apart, and of weight 1. What the operators say of all other coefficients is not written.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float, UInt8

from argand.errors import ConfigError, InputError
from argand.physics.crystal.reciprocal import waves
from argand.physics.crystal.structure import MAX_ATOMS, MAX_Z, Structure, parameters
from argand.physics.crystal.supercell import Multiples
from argand.systems.crystals.latent.representation import Latent, thick
from argand.systems.crystals.latent.symmetric.orbit import orbits_of
from argand.systems.crystals.latent.symmetric.setting import Setting, Standard, setting_of, standardised
from argand.systems.crystals.latent.symmetric.stars import Stars, stars_of
from argand.typing import Matrix3, Vector3

WHOLE = 4
"""Whole numbers before those of the elements: Hall symbol, atoms, orbits, elements."""
_TAIL = 12
"""Numbers of the cell (9) and of the origin (3) that a structure was given with."""
_GRID = (0.1, 0.05)
"""Steps of the logarithms of lengths and of the cosines of angles, whose rounded values decide on indices; as
in the vector without symmetry."""
_UNIT_LENGTH = 6.0
"""Å; as in the vector without symmetry."""
_MOST_NUMBERS = 10**6
"""Of a vector. By hand: beyond use, and below what fills the memory."""
GROWTH = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
"""Lengths of the vectors that are tried in turn, in terms of the first. By hand; benchmarks/crystals_short.py
says how many structures need a longer one."""


@dataclass(frozen=True)
class SymmetricContent:
    """What a vector says: group, cell (primitive vectors in Å, rows), counts, elements and coefficients."""

    hall: int
    setting: Setting
    lattice: Matrix3
    count: int
    orbits: int
    elements: UInt8[np.ndarray, " element"]
    stars: Stars
    density: Complex[np.ndarray, " star"]
    species_stars: Stars
    species: Complex[np.ndarray, " low"]
    total: float
    multiples: Multiples | None = None
    """With `shift`, how the structure was given (`setting.Standard`); None where that is not kept."""
    shift: Vector3 | None = None


@dataclass(frozen=True)
class SymmetricRepresentation:
    """How long vectors are: `numbers` for cells of up to `atoms` atoms, in proportion to the atoms beyond.

    `tolerance` in Å is what may be missing to the space group (spglib's `symprec`); `species_share` of the
    coefficients tell elements apart, and no fewer than orbits there are. With `keeps_setting` twelve of the
    numbers say in which cell and from which origin the structure was given. The share was chosen on mp_20 val
    (benchmarks/crystals_short.py). The tolerance is by hand: ten times as much brings a little more back from
    64 numbers there, but what comes back is then not what was given. ConfigError for too few numbers.
    """

    numbers: int = 64
    tolerance: float = 0.01
    species_share: float = 0.2
    atoms: int = 20
    keeps_setting: bool = False

    def __post_init__(self) -> None:
        # Head of a cubic element, and one coefficient.
        if self.numbers < WHOLE + 3:
            raise ConfigError(
                f"a symmetric vector of {self.numbers} numbers holds no crystal; give 7 or more"
            )
        if not (
            self.numbers <= _MOST_NUMBERS and 0 < self.species_share < 1 and 1 <= self.atoms <= MAX_ATOMS
        ):
            raise ConfigError(
                f"a representation of {self.numbers:.3g} numbers, a share of {self.species_share:g} and "
                f"{self.atoms:.3g} atoms is none"
            )
        if not 0 < self.tolerance < np.inf:
            raise ConfigError(f"a tolerance of {self.tolerance:g} Å finds no symmetry; give one above 0")

    def standardised(self, structure: Structure) -> Standard:
        """As `setting.standardised`, within the tolerance."""
        return standardised(structure, self.tolerance)

    def size(self, count: int, step: int = 0) -> int:
        """Length of the vector of a primitive cell of so many atoms; one fewer where a pair does not fit."""
        return int(self.numbers * GROWTH[step] * max(1.0, count / self.atoms))

    def encode(self, given: Standard, step: int = 0, lattice: Matrix3 | None = None) -> Latent:
        """The vector of a structure in its setting, float32; InputError where that step is too short.

        With `lattice` (primitive vectors in Å, as symmetric as the group) that of its atoms in another cell.
        """
        setting, standard = setting_of(given.hall), given.structure
        elements, kinds = np.unique(standard.species, return_inverse=True)
        orbits = len(orbits_of(setting, standard))
        cell = _cell_numbers(setting, standard.lattice if lattice is None else lattice)
        head = [given.hall, len(standard), orbits, len(elements), *elements]
        tail = [*given.multiples.ravel(), *given.shift] if self.keeps_setting else []
        left = self.size(len(standard), step) - len(head) - len(cell) - len(tail)
        density, species = self._stars(setting, np.array(cell), left, orbits, len(elements))
        weights = element_weights(len(elements))[kinds]
        scale = 1.0 / np.sqrt(len(standard))
        low = waves(species.hkl, standard.frac_coords) @ weights
        high = waves(density.hkl, standard.frac_coords).sum(1)
        total = [weights.sum() * scale] if len(elements) > 1 else []
        numbers = [head, cell, tail, total, species.pack(low * scale), density.pack(high * scale)]
        return np.concatenate(numbers).astype(np.float32)

    def head_size(self, latent: Float[np.ndarray, " size"]) -> int:
        """How many numbers come before the coefficients; InputError for no vector."""
        content = self.read(latent)
        return WHOLE + len(content.elements) + len(content.setting.free) + _TAIL * self.keeps_setting

    def lattice(self, hall: int, cell: Float[np.ndarray, " free"]) -> Matrix3:
        """Primitive vectors in Å as rows, from the numbers of the free lengths and angles of a vector."""
        return _lattice(setting_of(hall), cell)

    def _stars(
        self, setting: Setting, cell: Float[np.ndarray, " free"], left: int, orbits: int, elements: int
    ) -> tuple[Stars, Stars]:
        """Stars of places and of species, for so many numbers after the head."""
        stars = stars_of(setting, _coarse_lattice(setting, cell), max(left, 1))
        # A pair that does not fit leaves a number; a vector is as long as what it holds.
        for numbers in range(left, 0, -1):
            # The sum over all atoms is one of the numbers of species.
            low = max(orbits, int(self.species_share * numbers)) if elements > 1 else 0
            species = stars.first(low)
            rest = numbers - species.numbers - (elements > 1)
            if rest < 1:
                break
            if stars.first(rest).numbers == rest:
                return stars.first(rest), species
        raise InputError(f"{self.numbers} numbers are too few for {orbits} orbits of {elements} elements")

    def read(self, latent: Float[np.ndarray, " size"]) -> SymmetricContent:
        """What the vector says; InputError for one without sense."""
        latent = np.asarray(latent, float)
        if latent.ndim != 1 or len(latent) < WHOLE + 3 or not np.isfinite(latent).all():
            raise InputError("not a symmetric latent vector: a row of finite numbers is needed")
        hall, count, orbits, kinds = (int(np.rint(value)) for value in latent[:WHOLE])
        setting = setting_of(hall)
        start = WHOLE + kinds
        cell = latent[start : start + len(setting.free)]
        start += len(setting.free)
        origin = latent[start : start + _TAIL] if self.keeps_setting else None
        start += _TAIL * self.keeps_setting
        elements = np.rint(latent[WHOLE : WHOLE + kinds])
        is_whole = 1 <= kinds <= orbits <= count <= MAX_ATOMS and len(latent) > start
        if not is_whole or elements.min() < 1 or elements.max() > MAX_Z:
            raise InputError("not a symmetric latent vector: its atoms, orbits or elements make no sense")
        has_total = int(kinds > 1)
        density, species = self._stars(setting, cell, len(latent) - start, orbits, kinds)
        if density.numbers + species.numbers + has_total != len(latent) - start:
            raise InputError(f"a symmetric latent does not have {len(latent)} numbers with such a cell")
        scale = np.sqrt(count)
        middle = start + has_total + species.numbers
        return SymmetricContent(
            hall,
            setting,
            _lattice(setting, cell),
            count,
            orbits,
            elements.astype(np.uint8),
            density,
            density.unpack(latent[middle:]) * scale,
            species,
            species.unpack(latent[start + has_total : middle]) * scale,
            latent[start] * scale if has_total else 0.0,
            None if origin is None else _multiples(origin[:9], count),
            None if origin is None else origin[9:],
        )


def element_weights(count: int) -> Float[np.ndarray, " element"]:
    """Weights of the elements of one crystal, in the order of their atomic numbers: evenly from -1 to 1."""
    return np.linspace(-1.0, 1.0, count) if count > 1 else np.zeros(1)


def _multiples(numbers: Float[np.ndarray, "9"], count: int) -> Multiples:
    """The cell a structure was given by; InputError where it is none, or one too large."""
    multiples = np.rint(numbers).reshape(3, 3)
    # Halves, since determinants are rounded.
    if not 0.5 < np.linalg.det(multiples) < MAX_ATOMS / count + 0.5:
        raise InputError("not a symmetric latent vector: the cell that it was given by makes no sense")
    return multiples.astype(int)


def _cell_numbers(setting: Setting, lattice: Matrix3) -> list[float]:
    """The free lengths and angles in steps of the coarse cell; primitive vectors in Å as rows."""
    values = parameters(np.linalg.inv(setting.basis) @ lattice)
    numbers = np.concatenate([np.log(values[:3] / _UNIT_LENGTH) / _GRID[0], np.cos(values[3:]) / _GRID[1]])
    # As single precision holds them: writer and reader must round alike.
    return numbers[list(setting.free)].astype(np.float32).astype(float).tolist()


def _cell_values(setting: Setting, numbers: Float[np.ndarray, " free"]) -> Float[np.ndarray, " free"]:
    """Lengths in Å and cosines."""
    is_length = np.array(setting.free) < 3
    # 0.3 to 890 Å, as in the vector without symmetry.
    lengths = _UNIT_LENGTH * np.exp(np.clip(numbers * _GRID[0], -3.0, 5.0))
    return np.where(is_length, lengths, np.clip(numbers * _GRID[1], -0.9999, 0.9999))


def _lattice(setting: Setting, numbers: Float[np.ndarray, " free"]) -> Matrix3:
    """Primitive vectors in Å as rows; InputError where they have no volume."""
    values = _cell_values(setting, numbers)
    is_length = np.array(setting.free) < 3
    rows = setting.lattice(np.where(is_length, values, np.arccos(np.where(is_length, 0.0, values))))
    if not np.isfinite(rows).all() or np.linalg.det(rows) < 1e-3 * np.prod(np.linalg.norm(rows, axis=1)):
        raise InputError("the latent's lattice has no volume")
    return rows


def _coarse_lattice(setting: Setting, numbers: Float[np.ndarray, " free"]) -> Matrix3:
    """The cell that decides on the indices: rounded, and thick enough to have a volume."""
    values = _cell_values(setting, np.rint(numbers))
    if len(setting.free) == 6:
        return setting.basis @ thick(values[3:], values[:3])
    is_length = np.array(setting.free) < 3
    # By hand: 18° from flat, as a rounded angle may be.
    angles = np.arccos(np.clip(np.where(is_length, 0.0, values), -0.95, 0.95))
    return setting.lattice(np.where(is_length, values, angles))
