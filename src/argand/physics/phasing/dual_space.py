"""Phases by dual-space iteration: peaks of the map are atoms, atoms give phases, measured |E| give the map.

After Sheldrick's dual-space recycling (SHELXD, SHELXT: Acta Cryst. A71, 3, 2015), with three extensions to
low resolution: the map near each peak is kept under a wide Gaussian instead of being replaced by an atom;
unmeasured reflections, also beyond the resolution limit, are taken from that modified map ("free lunch",
Caliandro et al., Acta Cryst. D61, 556, 2005); and the amplitudes of the map are weighted by tanh(|E_o|
|E_c|), the expected cosine of the phase error up to a factor.

The recipe's values were chosen by counting successful attempts on measured crystals: five at full resolution,
seven at 1.2 Å, ten at 1.5 Å. Known weakness: one heavy atom among few light ones in a polar group
such as C 2 or I 2, whose pair alone has a centre of inversion, often ends in both hands laid over each other.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Complex, Float, Int
from scipy import fft

from argand.physics.crystal.symmetry import Group, index_key, inverse_d_squared
from argand.physics.phasing.fourier import Coefficients, Grid, Map
from argand.physics.phasing.peak import PeakFinder
from argand.physics.phasing.wilson import normalised
from argand.typing import Matrix3, Miller, Vector3

_ORIGINS = 4
"""Number of next-best origins from which one is drawn if the best is not used.

Set by hand; only overall results are benchmarked (`benchmarks/patterson_solver.py`).
"""
_COARSE = 1.1
"""Resolution in Å from which the recipe for coarse maps is used.

Set by hand: single atoms are no longer resolved from about here on; only overall results are benchmarked
(`benchmarks/patterson_solver.py`).
"""


@dataclass(frozen=True)
class Recipe:
    """Settings of the iteration; lengths in Å.

    `sharpness` is the exponent of |E| in |E|^s |F|^(1-s), `omitted` the share of peaks that a cycle leaves
    out at random, `lunch` the weight of unmeasured reflections, which go to `extended_d` at least,
    `other_origins` the share of attempts that take not the best place of the symmetry but one of the next.
    Values by counting successful attempts, see above; `spacing`, `peak_radius` and cycles limit the time.
    `benchmarks/patterson_solver.py` shows what the whole solves.
    """

    sharpness: float = 0.6
    omitted: float = 0.1
    lunch: float = 0.7
    extended_d: float = 1.0
    spacing: float = 0.4
    peak_radius: float = 0.7
    mask_radius: float = 1.0
    mask_width: float = 0.6
    free_cycles: int = 100
    symmetric_cycles: int = 40
    quiet_cycles: int = 8
    other_origins: float = 0.2


def recipe_for(d_min: float) -> Recipe:
    """The recipe for data to d_min Å: coarse maps need wider masks and fewer omitted peaks.

    Values as of `Recipe`; the coarse ones by counting successful attempts at 1.2 and 1.5 Å.
    """
    return Recipe() if d_min < _COARSE else Recipe(omitted=0.05, mask_radius=1.1, mask_width=0.7)


@dataclass(frozen=True)
class Amplitudes:
    """Measured |E| and |F| (any scale) of unique reflections, expanded to the full sphere by the group's
    symmetry."""

    hkl: Miller
    normalised: Float[np.ndarray, " n"]
    structure: Float[np.ndarray, " n"]

    @classmethod
    def of(
        cls, hkl: Miller, intensity: Float[np.ndarray, " n"], group: Group, orthogonalisation: Matrix3
    ) -> "Amplitudes":
        """From intensities, normalised by Wilson statistics; negative ones are set to zero."""
        strength = normalised(hkl, intensity, group, orthogonalisation)
        return cls(hkl, strength, np.sqrt(np.clip(intensity, 0.0, None)))


@dataclass(frozen=True)
class Phased:
    """Result of an iteration: structure factors of the modified map and their correlation with |E|."""

    calculated: Coefficients
    correlation: float


class DualSpace:
    """The iteration on one grid: in the full space group, or in the lattice translations alone."""

    def __init__(self, data: Amplitudes, grid: Grid, recipe: Recipe) -> None:
        self.grid, self.recipe = grid, recipe
        expansion = Expansion(data.hkl, grid)
        self.measured, source = expansion.measured, expansion.source
        self.strength = np.where(self.measured, data.normalised[source], 0.0).astype(np.float32)
        structure = np.where(self.measured, data.structure[source], 0.0)
        # |E| has no ε factor, so amplitudes mixed with it must have none either.
        structure /= np.sqrt(grid.symmetry.epsilon(grid.hkl))
        mean = (structure**2).sum() / max((self.strength**2).sum(), 1e-12)
        share = recipe.sharpness
        self.amplitude = (self.strength**share * (structure / np.sqrt(mean)) ** (1 - share)).astype(
            np.float32
        )
        self.finder = PeakFinder(grid, recipe.peak_radius)

    @cached_property
    def _mask(self) -> tuple[Int[np.ndarray, "n 3"], Float[np.ndarray, " n"]]:
        steps, length = self.finder.offsets(self.recipe.mask_radius)
        return steps, np.exp(-((length / self.recipe.mask_width) ** 2) / 2).astype(np.float32)

    def random_phases(self, rng: np.random.Generator) -> Coefficients:
        """Phase factors of a map of white noise that obeys the group."""
        return phase_factor(self.grid.coefficients(rng.random(self.grid.shape, dtype=np.float32)))

    def run(self, phases: Coefficients, atoms: float, cycles: int, rng: np.random.Generator) -> Phased:
        """Iterate from phase factors; `atoms` is the number in the asymmetric unit of the grid's group.

        The last cycles omit no peaks.
        """
        calculated, coefficients = phases, self.amplitude * phases
        for cycle in range(cycles):
            density = self.grid.density(coefficients)
            points = self.finder.find(density, atoms)
            if cycle < cycles - self.recipe.quiet_cycles:
                stays = rng.random(len(points)) >= self.recipe.omitted
                points = points[stays] if stays.any() else points
            calculated = self.grid.coefficients(self._kept(density, points))
            coefficients = self.weighted(calculated)
        return Phased(calculated, self.correlation(calculated))

    def weighted(self, calculated: Coefficients) -> Coefficients:
        """Coefficients of the next map from the structure factors of the modified one."""
        calculated = calculated * self._scale(calculated)
        size = np.abs(calculated)
        factor = self.amplitude * np.tanh(self.strength * size) / np.maximum(size, 1e-9)
        return calculated * np.where(self.measured, factor, self.recipe.lunch).astype(np.float32)

    def correlation(self, calculated: Coefficients) -> float:
        """Correlation of measured |E| with the calculated amplitudes, over the full sphere.

        Pearson's, weighted by multiplicity in the full sphere.
        """
        weight = self.grid.weight[self.measured]
        observed, other = self.strength[self.measured], np.abs(calculated)[self.measured]
        observed = observed - np.average(observed, weights=weight)
        other = other - np.average(other, weights=weight)
        norm = (weight * observed**2).sum() * (weight * other**2).sum()
        return float((weight * observed * other).sum() / np.sqrt(max(norm, 1e-20)))

    def _scale(self, calculated: Coefficients) -> np.float32:
        """Factor that scales the calculated amplitudes of measured reflections to the mean square of |E|."""
        weight = self.grid.weight[self.measured]
        sizes = (weight * np.abs(calculated[self.measured]) ** 2).sum()
        return np.float32(
            np.sqrt((weight * self.strength[self.measured] ** 2).sum() / max(float(sizes), 1e-20))
        )

    def _kept(self, density: Map, points: Int[np.ndarray, "n 3"]) -> Map:
        """The positive density near the points; at special positions weighted for one operator."""
        steps, shape = self._mask
        places = self.finder.around(points, steps)
        counted = self.finder.occupancy[self.finder.flat(points)]
        kept = np.zeros(density.size, np.float32)
        kept[places] = np.maximum(density.ravel()[places], 0) * shape * counted[:, None]
        return kept.reshape(density.shape)


class Expansion:
    """Expansion of unique reflections to their equivalents on a grid."""

    def __init__(self, hkl: Miller, grid: Grid) -> None:
        group, known = grid.symmetry, index_key(grid.symmetry.representative(hkl))
        order = np.argsort(known)
        wanted = index_key(group.representative(grid.hkl))
        self.source = order[np.clip(np.searchsorted(known[order], wanted), 0, len(known) - 1)]
        self.measured = known[self.source] == wanted
        unique = hkl[self.source]
        self._turn, self._mate = np.ones(len(wanted), np.complex64), np.zeros(len(wanted), bool)
        for image, phase in zip(group.equivalents(unique), group.phases(unique), strict=True):
            for sign in (1, -1):
                same = (sign * image == grid.hkl).all(1)
                self._turn[same], self._mate[same] = np.exp(-1j * phase[same]), sign < 0

    def full(self, values: Complex[np.ndarray, " m"]) -> Coefficients:
        """Values for all reflections of the grid from those of the unique ones; zero where missing."""
        expanded = values[self.source] * self._turn
        expanded = np.where(self._mate, expanded.conj(), expanded)
        return np.where(self.measured, expanded, 0).astype(np.complex64)


def phase_factor(coefficients: Complex[np.ndarray, "*n"]) -> Complex[np.ndarray, "*n"]:
    """exp(iφ) of complex numbers."""
    return (coefficients / np.maximum(np.abs(coefficients), 1e-12)).astype(np.complex64)


def origin_scores(grid: Grid, coefficients: Coefficients) -> Map:
    """Agreement of structure factors without symmetry with the grid's group after each shift of the atoms.

    Σ |F(h) F(hR)| cos(difference of the phases that the group makes equal), over all operators and
    reflections, by one Fourier transform; 1 where the group holds exactly. Constant along free axes.
    """
    total = np.zeros(int(np.prod(grid.half_shape)), np.complex128)
    norm = 0.0
    for rotation, mate in zip(grid.group.rotations, grid.mates(coefficients), strict=True):
        if (rotation == np.eye(3)).all():
            continue
        product = grid.weight * coefficients * mate.conj()
        norm += float(np.abs(product).sum())
        place, conjugate = grid.places(grid.hkl - grid.hkl @ rotation)
        # The real transform counts all except its two self-conjugate planes twice.
        product = np.where(conjugate, product.conj(), product)
        plane = place % grid.half_shape[2]
        product *= np.where((plane == 0) | (plane == grid.shape[2] // 2), 1.0, 0.5)
        size = len(total)
        total += np.bincount(place, np.real(product), size) + 1j * np.bincount(place, np.imag(product), size)
    score = np.asarray(fft.irfftn(total.reshape(grid.half_shape), grid.shape, norm="forward"))
    return score / max(norm, 1e-20)


class Search:
    """Attempts from random phases: free of symmetry at first, then at the best origin in the whole group."""

    def __init__(self, data: Amplitudes, group: Group, orthogonalisation: Matrix3, recipe: Recipe) -> None:
        d_min = float(1 / np.sqrt(inverse_d_squared(data.hkl, orthogonalisation).max()))
        reach = min(d_min, recipe.extended_d)
        frame = (orthogonalisation, reach, recipe.spacing)
        self.recipe, self.group = recipe, group
        self.symmetric = DualSpace(data, Grid(group, group, *frame), recipe)
        self.free = DualSpace(data, Grid(group, group.lattice, *frame), recipe)

    def attempt(self, atoms: float, rng: np.random.Generator) -> Phased:
        """One attempt; `atoms` (other than hydrogen) is how many the group's asymmetric unit holds."""
        per_lattice_point = atoms * self.group.order / len(self.group.centrings)
        cycles = self.recipe.free_cycles
        phased = self.free.run(self.free.random_phases(rng), per_lattice_point, cycles, rng)
        if self.group.order == len(self.group.centrings):
            return phased
        grid = self.symmetric.grid
        coefficients = self.free.weighted(phased.calculated)
        shift = self._origin(origin_scores(grid, coefficients), rng)
        moved = grid.average(grid.spectrum(grid.shifted(coefficients, shift)))
        return self.symmetric.run(phase_factor(moved), atoms, self.recipe.symmetric_cycles, rng)

    def _origin(self, scores: Map, rng: np.random.Generator) -> Vector3:
        """Usually the best origin; occasionally one of the next best, as pseudosymmetry can mislead."""
        if rng.random() >= self.recipe.other_origins:
            best = np.array(np.unravel_index(int(np.argmax(scores)), scores.shape))
        else:
            best = rng.choice(self.free.finder.find(scores, _ORIGINS))
        return best / scores.shape
