"""A crystal as a short vector: its lattice, its number of atoms, and low-order Fourier coefficients.

The coefficients are those of point atoms: of weight 1, which say where atoms are, and of weights that are the
elements' codes, which say what they are. Their indices are the shortest reciprocal vectors of the cell, or,
where these do not determine the atoms (much vacuum, superlattices), such that reach further. The vector
begins with the cell on a coarse grid, which alone decides on the indices, so that a small error in a vector
cannot shuffle its coefficients; the exact cell follows as a small difference. The crystal is put into its
canonical setting first, and twelve numbers follow that say how it was given: nine whole ones, the cell's
vectors in terms of the canonical cell's, and the shift of the origin. They are no part of what the crystal
is; a vector without them is read in the canonical setting. The length says which step of indices a vector
has, and what follows it.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float, Int

from argand.errors import ConfigError, InputError
from argand.physics.crystal.canonical import Setting
from argand.physics.crystal.cell import Cell
from argand.physics.crystal.reciprocal import Indices, shortest_hkl, waves
from argand.physics.crystal.structure import MAX_ATOMS, Structure, parameters
from argand.physics.crystal.supercell import Folded, Multiples
from argand.systems.crystals.latent.element_codes import code_weights
from argand.typing import Matrix3, Vector3

HEAD = 13
"""Numbers of the coarse cell (6), the difference from it (6), and the number of atoms."""
_GRID = np.array([0.1, 0.1, 0.1, 0.05, 0.05, 0.05])
"""Of the coarse cell: logarithms of the lengths, cosines of the angles. By hand: a length to 10 %, an angle
to 3°; half a step is what an error of the vector may be before indices are others."""
_UNIT_LENGTH = 6.0
"""Å; by hand, a usual length of a cell, so that logarithms are small."""
_WHOLE = 9
"""Whole numbers that make the cell as it was given; alone they follow the vector of a supercell that is kept
as given."""
SETTING = 12
"""Numbers that say how a crystal in its canonical setting was given: `_WHOLE`, and a shift."""
_FLATTEST = 0.02
"""Least eigenvalue of the matrix of cosines of a coarse cell. By hand: rounded cosines can belong to no
lattice, and any that is the same for ever serves to choose indices."""
_ATOMS_SCALE = 20.0
"""Unit of the number of atoms, the largest cells of MP-20; rounding forgives an error of a fortieth."""
_FINEST = (1.25, 1.0)
"""Å; resolutions to which spread indices of small and of large cells reach, where these have more of them
than the vector holds. By hand, after 1.25 and then 1.0 for all had been tried; with both
benchmarks/crystals_others.py rebuilds 58 of 58 structures; 49 were in sight when they were chosen."""
_MOST_INSIDE = 30
"""Times the indices of the vector; beyond this, empty cells are resolved less. By hand, held by the same
benchmark."""
LOWEST_SHARE = 0.3
"""Of spread indices, those that stay the shortest ones and tell where in the cell matter is. By hand, held as
above."""
_GROWTH = (1.0, 2.0, 5.0)
"""Lengths of vectors of large cells, step by step; a small cell has the first two steps, of one length. By
hand; of the first 49 structures of benchmarks/crystals_others.py seven took the second, none the third."""
_HASH = np.array([0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB], np.uint64)
"""Multipliers of SplitMix64 (Vigna's splitmix64.c); the first is 2⁶⁴ over the golden ratio."""
_SHORTEST = 64
"""Numbers of the shortest latent. By hand: 30 of them tell places, by count enough for ten atoms."""
_DIMENSIONS = ((400, 4), (200, 2), (_SHORTEST, 1))
"""Least numbers of a latent, and the dimensions of its species. By hand: by benchmarks/crystals.py all of 500
cells of MP-20 come back from 512 and 256 numbers (4 and 2 dimensions), 89 % from 128 (1)."""

_MOST_NUMBERS, _MOST_DIMENSIONS = 10**6, 8
"""Of a latent, and dimensions of its species. By hand: beyond use, and below what fills the memory."""
Latent = Float[np.ndarray, " size"]


@dataclass(frozen=True)
class Content:
    """What a vector says: cell, number of atoms and coefficients; the species' are at `species_hkl`."""

    lattice: Matrix3
    count: int
    hkl: Indices
    density: Complex[np.ndarray, " hkl"]
    species_hkl: Int[np.ndarray, "low 3"]
    species: Complex[np.ndarray, "low dims"]
    totals: Float[np.ndarray, " dims"]
    setting: tuple[Multiples, Vector3] | None = None
    """Whole numbers that make the cell as given out of this one, and the shift of places, in its fractions;
    all else is said of the canonical cell, or of a supercell's smallest."""


@dataclass(frozen=True)
class Representation:
    """How long vectors are: `numbers` for cells of up to `atoms` atoms, in proportion to the atoms beyond.

    The elements' codes have `code_dims` dimensions and take `species_share` of the numbers. Defaults
    by hand, by counting: for 20 atoms 302 numbers tell 60 coordinates of places, 196 the 80 of codes; what
    they and fewer achieve is in benchmarks/crystals.py. With `as_given` crystals are encoded in the cell and
    with the origin they come in, and not in their canonical setting; reading does not depend on it.
    ConfigError for too few numbers.
    """

    numbers: int = 512
    code_dims: int = 4
    species_share: float = 0.4
    atoms: int = 20
    as_given: bool = False

    def __post_init__(self) -> None:
        sizes = self.numbers <= _MOST_NUMBERS and 1 <= self.code_dims <= _MOST_DIMENSIONS
        if not sizes or not 0 < self.species_share < 1 or not 1 <= self.atoms <= MAX_ATOMS:
            raise ConfigError(f"no representation is of this kind: {self}")
        if min(self.counts(1)) < 1:
            raise ConfigError(
                f"{self.numbers} numbers are too few for {self.code_dims} dimensions of species"
            )

    def steps(self, count: int) -> int:
        """How many kinds of vectors a cell of so many atoms can have; the first has no spread indices."""
        return len(_GROWTH) if count > self.atoms else 2

    def size(self, count: int, step: int = 0) -> int:
        """Length of the vector of a cell with so many atoms; each step has another."""
        high, low = self.counts(count, step)
        return HEAD + self.code_dims + 2 * high + 2 * self.code_dims * low

    def counts(self, count: int, step: int = 0) -> tuple[int, int]:
        """How many indices there are, and how many of them tell of the species.

        An index costs two numbers, real and imaginary, and two for each dimension of the codes.
        """
        growth = _GROWTH[step] if count > self.atoms else 1.0
        total = int(self.numbers * growth * max(1.0, count / self.atoms)) - HEAD - self.code_dims
        low = int(self.species_share * total / (2 * self.code_dims))
        # Some indices fewer at each step make lengths differ where they do not grow.
        return (total - 2 * self.code_dims * low) // 2 - 2 * step, low

    def encode(self, structure: Structure, step: int = 0) -> Latent:
        """The vector of a structure in the setting that it has, float32 [`size(count, step)`]."""
        return self.encode_in(head_of(structure.lattice, len(structure)), structure, step)

    def encode_folded(self, folded: Folded, step: int = 0) -> Latent:
        """The vector of a supercell, as long as that of its smallest cell and nine numbers more."""
        tail = folded.multiples.ravel().astype(np.float32)
        return np.concatenate([self.encode(folded.primitive, step), tail])

    def encode_setting(self, setting: Setting, step: int = 0) -> Latent:
        """The vector of a crystal in its canonical setting, and twelve numbers that say how it was given."""
        tail = np.concatenate([setting.multiples.ravel(), setting.shift]).astype(np.float32)
        return np.concatenate([self.encode(setting.structure, step), tail])

    def encode_in(self, head: Float[np.ndarray, "13"], structure: Structure, step: int = 0) -> Latent:
        """The vector of the atoms in the cell, and with the count of atoms, of another head.

        So two structures get vectors of one kind, which can be mixed.
        """
        hkl, species_hkl = self.indices(head, step)
        weights = code_weights(structure.species, self.code_dims)
        # Atoms at random have |F|² = N in the mean: with this all cells have coefficients of one size.
        scale = 1.0 / np.sqrt(_count_of(head))
        wave = waves(hkl, structure.frac_coords)
        species = waves(species_hkl, structure.frac_coords) @ weights
        parts = (wave.sum(1), species.ravel())
        numbers = [np.stack([np.real(part), np.imag(part)], axis=-1).ravel() * scale for part in parts]
        return np.concatenate([head, weights.sum(0) * scale, *numbers]).astype(np.float32)

    def indices(
        self, head: Float[np.ndarray, " size"], step: int
    ) -> tuple[Int[np.ndarray, "high 3"], Int[np.ndarray, "low 3"]]:
        """Indices of places and of species: the shortest vectors of the coarse cell, or spread ones."""
        count = _count_of(head)
        high, low = self.counts(count, step)
        lattice = _coarse_lattice(head)
        if step == 0:
            hkl = shortest_hkl(lattice, high)
            return hkl, hkl[:low]
        finest = _FINEST[0] if count <= self.atoms else _FINEST[1]
        # Half of the sphere's volume (Friedel's mates are left out) times the cell's.
        inside = int(2 / 3 * np.pi * abs(np.linalg.det(lattice)) / finest**3)
        hkl = _spread(shortest_hkl(lattice, max(high, min(inside, _MOST_INSIDE * high))), high, step)
        return hkl, _spread(hkl, low, step)

    def read(self, latent: Float[np.ndarray, " size"]) -> Content:
        """What the vector says; InputError for one of the wrong length or without sense."""
        latent = np.asarray(latent, float)
        count, step, size = self._layout(latent)
        tail, latent = latent[size:], latent[:size]
        high, low = self.counts(count, step)
        hkl, species_hkl = self.indices(latent, step)
        start = HEAD + self.code_dims
        values = (latent[start:].reshape(-1, 2) @ np.array([1.0, 1.0j])) * np.sqrt(count)
        species = values[high:].reshape(low, self.code_dims)
        totals = latent[HEAD:start] * np.sqrt(count)
        setting = _setting(tail, count) if len(tail) else None
        return Content(_lattice(latent), count, hkl, values[:high], species_hkl, species, totals, setting)

    def parts(
        self, latent: Float[np.ndarray, " all"]
    ) -> tuple[Float[np.ndarray, " crystal"], Float[np.ndarray, " setting"]]:
        """The numbers that say what the crystal is, and those that say how it was given; InputError for none.

        The second part is empty where there are no such numbers.
        """
        size = self._layout(np.asarray(latent, float))[2]
        return latent[:size], latent[size:]

    def _layout(self, latent: Float[np.ndarray, " size"]) -> tuple[int, int, int]:
        """Number of atoms, step, and how many numbers come before those of the setting."""
        if latent.ndim != 1 or len(latent) <= HEAD or not np.isfinite(latent).all():
            raise InputError("not a latent vector: a row of finite numbers is needed")
        count = _count_of(latent)
        for step in range(self.steps(count)) if 1 <= count <= MAX_ATOMS else ():
            size = self.size(count, step)
            if len(latent) - size in (0, _WHOLE, SETTING):
                return count, step, size
        raise InputError(f"a latent of {len(latent)} numbers does not belong to a cell of {count} atoms")


def _count_of(head: np.ndarray) -> int:
    return int(np.rint(head[HEAD - 1] * _ATOMS_SCALE))


def _setting(tail: np.ndarray, count: int) -> tuple[Multiples, Vector3]:
    """Whole numbers and shift after a vector; InputError where they make no cell, or one too large."""
    multiples = np.rint(tail[:_WHOLE]).reshape(3, 3)
    copies = abs(np.linalg.det(multiples))
    # One copy or more, as few as keep the structure within MAX_ATOMS; halves, since determinants are rounded.
    if not 0.5 < copies < MAX_ATOMS / count + 0.5:
        raise InputError(f"a latent of {copies:.3g} times a cell of {count} atoms is none of a supercell")
    return multiples.astype(int), tail[_WHOLE:] if len(tail) == SETTING else np.zeros(3)


def head_of(lattice: Matrix3, count: int) -> Float[np.ndarray, "13"]:
    """The numbers before the coefficients, as float32 holds them; lattice rows in Å.

    Rounded to float32 at once: writer and reader must come to the same coarse cell.
    """
    cell = parameters(lattice)
    exact = np.concatenate([np.log(cell[:3] / _UNIT_LENGTH), np.cos(cell[3:])])
    coarse = np.rint(exact / _GRID)
    fine = exact / _GRID - coarse
    numbers = [*(coarse * _GRID), *fine, count / _ATOMS_SCALE]
    return np.array(numbers, np.float32).astype(float)


def _lattice(head: np.ndarray) -> Matrix3:
    """The exact cell, rows its vectors: a along x, b in the xy plane."""
    values = (np.rint(head[:6] / _GRID) + head[6:12]) * _GRID
    # 0.3 to 890 Å, and 0.8° from a flat angle: what lies beyond is an error of the vector, not a crystal.
    lengths = _UNIT_LENGTH * np.exp(np.clip(values[:3], -3.0, 5.0))
    rows = Cell(*lengths, *np.arccos(np.clip(values[3:], -0.9999, 0.9999))).orthogonalisation.T
    if not np.isfinite(rows).all() or np.linalg.det(rows) < 1e-3 * np.prod(lengths):
        raise InputError("the latent's lattice has no volume")
    return rows


def lattice_between(first: Matrix3, second: Matrix3, share: float) -> Matrix3:
    """The cell at `share` (0 to 1) of the way: lengths change evenly in their logarithms, cosines as such.

    Rows in Å. InputError where what lies between has no volume.
    """
    heads = [head_of(one, 1) for one in (first, second)]
    exact = [(np.rint(head[:6] / _GRID) + head[6:12]) * _GRID for head in heads]
    mixed = (1 - share) * exact[0] + share * exact[1]
    coarse = np.rint(mixed / _GRID)
    return _lattice(np.array([*(coarse * _GRID), *(mixed / _GRID - coarse), 0.0]))


def _coarse_lattice(head: np.ndarray) -> Matrix3:
    """The cell that decides on the indices."""
    coarse = np.rint(head[:6] / _GRID) * _GRID
    lengths = _UNIT_LENGTH * np.exp(np.clip(coarse[:3], -3.0, 5.0))
    return thick(np.clip(coarse[3:], -1.0, 1.0), lengths)


def _spread(hkl: Indices, count: int, step: int) -> Int[np.ndarray, "count 3"]:
    """So many of the indices: the first ones, and others all over the rest, the same for ever at a step."""
    first = int(LOWEST_SHARE * count)
    ranks = np.arange(first, len(hkl), dtype=np.uint64)
    # The finaliser of SplitMix64: neither ranks nor directions show in the choice.
    mixed = (ranks + np.uint64(step << 32)) * _HASH[0]
    for shift, factor in zip((30, 27), _HASH[1:], strict=True):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * factor
    chosen = ranks[np.argsort(mixed ^ (mixed >> np.uint64(31)), kind="stable")[: count - first]].astype(int)
    return hkl[np.concatenate([np.arange(first), np.sort(chosen)])]


def thick(cosines: Vector3, lengths: Vector3) -> Matrix3:
    """A lattice of these lengths and angles, or one a little thicker where they allow of no volume."""
    alpha, beta, gamma = cosines
    metric = np.array([[1.0, gamma, beta], [gamma, 1.0, alpha], [beta, alpha, 1.0]])
    values, vectors = np.linalg.eigh(metric)
    return lengths[:, None] * vectors * np.sqrt(np.maximum(values, _FLATTEST))


def representation_of(numbers: int) -> Representation:
    """The representation of so many numbers; short ones spend fewer on telling species apart.

    ConfigError for fewer than 64.
    """
    if numbers < _SHORTEST:
        raise ConfigError(f"a latent of {numbers} numbers is too short; {_SHORTEST} are the least")
    dims = next(dims for least, dims in _DIMENSIONS if numbers >= least)
    return Representation(numbers, dims)
