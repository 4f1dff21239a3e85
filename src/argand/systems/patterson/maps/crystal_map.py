"""Patterson maps of cells of any shape and of atoms of any kind: their transform, solved as measured
crystals are."""

import gemmi
import numpy as np
from jaxtyping import Float, Int

from argand.errors import InputError
from argand.io.reflections import CellParameters, MeasuredIntensities
from argand.physics.crystal.atom import VOLUME_PER_ATOM
from argand.physics.crystal.symmetry import inverse_d_squared
from argand.systems.patterson.maps.origin import require_origin
from argand.systems.patterson.maps.prediction import Prediction
from argand.systems.patterson.solution.reflections import CrystalData, prepare
from argand.systems.patterson.solution.solve import Solution, solve

PATH = "dual-space iteration of crystals"
"""What is said to have found the atoms."""
HEAVY = ("S", "Br", "I")
"""Elements that stand for one heavy atom: about 2.7, 6 and 9 times the electrons of carbon. By hand."""
CLEAR = 0.08
"""R1 of an answer after which no heavier atom is tried. By hand: light atoms that are all taken for carbon
leave 0.07 on simulated crystals of C, N and O."""
STARTS, PERFECT = 6, 0.02
"""Searches of a content with a heavy atom, of which the lowest R1 counts, and R1 that ends them. By hand."""
UNEVEN, UNEVEN_R1 = 2.0, 0.07
"""Share of electrons from which on contents are uneven, and R1 up to which their models are trusted: in P
1 a heavy atom lets light ones that are half wrong fit to less than 0.1. By hand, on the tuning crystals of
benchmarks/patterson_foreign_maps.py."""
FEWEST = 6
"""Voxels along a side below which a map is refused. By hand: fewer hold two orders of reflections."""
ROUNDING, SIGMA = 1e-6, 0.01
"""Intensities of this share of the largest were not measured: the rounding of a map in single precision;
and the standard deviation, in shares of an intensity, which a map does not tell. By hand; it only makes
very weak reflections count less in R1."""


def solve_crystal_map(
    patterson: Float[np.ndarray, "x y z"],
    cell: CellParameters,
    atoms: int | None = None,
    formula: str | None = None,
    *,
    time_limit: float = 30.0,
    seed: int = 0,
) -> Prediction:
    """Atoms of the map of a whole cell in P 1, its origin at index 0; `cell` in Å and degrees.

    `formula` is what the cell holds. Without it `atoms`, or as many as usually fill a cell, are taken to be
    equal (carbon), then one of them heavier and heavier: a map does not tell its scale, so that elements
    are no more than marks of weight. `time_limit` in seconds, for all together. Raises InputError for what
    is no Patterson map.
    """
    hkl, intensity = reflections_of(patterson, cell)
    measured = MeasuredIntensities("the map", hkl, intensity, SIGMA * np.abs(intensity) + 1e-6)
    contents = [formula] if formula else _contents(atoms or _usual_atoms(cell))
    best: Solution | None = None
    for content in contents:
        crystal = prepare(measured, cell, "P 1", content, units=1.0)
        # One heavy atom alone is centrosymmetric: both hands of the rest are often laid over each other.
        starts = STARTS if _is_uneven(crystal) else 1
        limit = time_limit / len(contents) / starts
        for start in range(starts):
            best = _better(best, solve(crystal, limit, seed + start))
            if best.r1 <= PERFECT:
                break
        if best is not None and best.trusted and best.r1 <= CLEAR:
            break
    assert best is not None
    return _prediction(best, patterson.shape)


def _better(best: Solution | None, found: Solution) -> Solution:
    """The trusted one; of equal ones that of lower R1."""
    if best is None or (found.trusted, -found.r1) > (best.trusted, -best.r1):
        return found
    return best


def _is_uneven(crystal: CrystalData) -> bool:
    """Whether the contents have atoms of very different weight."""
    electrons = [gemmi.Element(name).atomic_number for name in crystal.content or {}]
    return bool(electrons) and max(electrons) > UNEVEN * min(electrons)


def _usual_atoms(cell: CellParameters) -> int:
    """Atoms that fill a cell as usual."""
    return max(2, round(gemmi.UnitCell(*cell).volume / VOLUME_PER_ATOM))


def _contents(atoms: int) -> list[str]:
    """What so many unknown atoms are taken for, one after the other: equal ones, or one of them heavy."""
    return [f"C{atoms}", *(f"C{atoms - 1}{heavy}" for heavy in HEAVY)]


def reflections_of(
    patterson: Float[np.ndarray, "x y z"], cell: CellParameters
) -> tuple[Int[np.ndarray, "n 3"], Float[np.ndarray, " n"]]:
    """Indices and |F|², one of each pair h, -h, of a map with its origin at index 0, their mean 1000.

    To the resolution up to which the grid holds all reflections. What is zero within rounding was not
    measured. Raises InputError for a map that cannot be a Patterson map.
    """
    _check(patterson)
    half = np.fft.rfftn(patterson.astype(np.float64)).real
    x, y, z = patterson.shape
    axes = np.fft.fftfreq(x, 1 / x), np.fft.fftfreq(y, 1 / y), np.fft.rfftfreq(z, 1 / z)
    hkl = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3).round().astype(int)
    h, k, l = hkl.T  # noqa: E741
    once = (l > 0) | ((l == 0) & ((k > 0) | ((k == 0) & (h > 0))))
    # A sphere of radius s reaches s times its edge along each index.
    finest = min((size - 1) // 2 / edge for size, edge in zip(patterson.shape, cell[:3], strict=True))
    basis = np.array(gemmi.UnitCell(*cell).orth.mat.tolist())
    keep = once & (inverse_d_squared(hkl, basis) <= finest**2)
    intensity = half.reshape(-1)
    keep &= np.abs(intensity) > ROUNDING * intensity.max()
    chosen = intensity[keep]
    if len(chosen) == 0 or chosen.mean() <= 0:
        raise InputError(
            "the map's transform is not positive; give a Patterson map, the transform of intensities"
        )
    return hkl[keep], chosen * (1000 / chosen.mean())


def _check(patterson: Float[np.ndarray, "x y z"]) -> None:
    """InputError for a map that is too small, not finite, or whose origin is not first and highest."""
    if min(patterson.shape) < FEWEST:
        raise InputError(f"a map of shape {patterson.shape}; give {FEWEST} voxels or more along each side")
    if not np.isfinite(patterson).all():
        raise InputError("the map has values that are not finite; remove them")
    require_origin(patterson)


def _prediction(found: Solution, shape: tuple[int, ...]) -> Prediction:
    """The answer in voxels along the cell's edges, the atoms' mean at the middle of the box."""
    place = found.atoms.frac * np.array(shape)
    place = place - place.mean(0) + np.array(shape) / 2
    trusted, reason = found.trusted, found.reason
    if trusted and _is_uneven(found.crystal) and found.r1 > UNEVEN_R1:
        trusted = False
        reason = f"R1 = {found.r1:.3f} (limit {UNEVEN_R1:g} beside a heavy atom in P 1)"
    return Prediction(
        place.astype(np.float32),
        trusted,
        found.r1,
        PATH,
        found.attempts,
        elements=found.atoms.elements,
        reason=reason,
        box=shape,
        cell=found.crystal.cell,
    )
