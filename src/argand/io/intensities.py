"""Measured intensities as listed in files: the result of all readers."""

import re
from dataclasses import dataclass, field, replace

import gemmi
import numpy as np
from jaxtyping import Bool, Float

from argand.errors import InputError
from argand.physics.crystal.atom import Radiation
from argand.physics.crystal.symmetry import Group
from argand.typing import Miller

CellParameters = tuple[float, float, float, float, float, float]
"""a, b, c in Å and α, β, γ in degrees."""
_FEWEST = 5
"""Fewest reflections of a file; set by hand: fewer mean a truncated file."""
_STRONGEST, _WEAKEST = 1e15, 1e-12
"""Largest intensity or sigma, and least value of the strongest. Set by hand: beyond any scale in use, with
finite fourth powers."""
_PLACEHOLDER_COUNT, _PLACEHOLDER_SHARE = 10, 0.01
"""Least number of equal values, and share of all, that count as placeholders; set by hand, not measured."""
_PLACEHOLDER_BELOW = -2.0
"""Intensity in standard deviations below which it may be a placeholder.

Set by hand: true intensities are 0 or more, and many equal ones below -2 σ are not measurements.
"""
_LONGEST_ELECTRON_WAVE = 0.1
"""Longest electron wavelength in Å, at 15 kV; X-rays in use are longer.

h / √(2 m e U (1 + e U / 2 m c²)) is 0.0994 Å at 15 kV. X-rays of 0.1 Å have 124 keV.
"""
_SHORTEST_WAVE, _LONGEST_WAVE = 0.005, 25.0
"""Range of wavelengths in Å, set by hand: electrons of 2 MV, and the longest neutron wavelengths for
crystals."""
_UNKNOWN_SIGMA = 0.02
"""Sigma relative to the mean value if a file has none: set by hand, it weighs all reflections equally."""
_LARGEST_INDEX = 100_000.0
"""Set by hand: far beyond any index, and within the range of the sort keys of reflections."""


@dataclass(frozen=True)
class MeasuredIntensities:
    """Intensities as listed in a file, and its crystal data.

    `spacegroup` is a Hermann-Mauguin or Hall symbol; `group` is set if operators are given instead.
    `elements` are those named in a file without their counts; `units` is the number of formula units in the
    cell (Z). `hklf` is SHELX's original HKLF card, already applied to `hkl`, `intensity` and `sigma`. `laue`
    is the symbol of a space group given only to specify lattice and Laue class.
    """

    source: str
    hkl: Miller
    intensity: Float[np.ndarray, " n"]
    sigma: Float[np.ndarray, " n"]
    cell: CellParameters | None = None
    spacegroup: str | None = None
    group: Group | None = None
    formula: str | None = None
    wavelength: float | None = None
    radiation: Radiation | None = None
    notes: tuple[str, ...] = field(default=())
    elements: tuple[str, ...] = ()
    units: float | None = None
    hklf: str = ""
    laue: str | None = None


@dataclass(frozen=True)
class Rows:
    """Reflections of a file: `hkl` [n, 3], F² and its sigma [n] on one scale, and warnings."""

    hkl: Miller
    intensity: Float[np.ndarray, " n"]
    sigma: Float[np.ndarray, " n"]
    notes: tuple[str, ...] = ()

    def measured(self, source: str) -> MeasuredIntensities:
        """The same as measured intensities, without crystal data."""
        return MeasuredIntensities(source, self.hkl, self.intensity, self.sigma, notes=self.notes)


def whole_indices(values: Float[np.ndarray, "n 3"]) -> Miller:
    """Indices as integers; ValueError for numbers too large to be an index."""
    if not (np.abs(values) < _LARGEST_INDEX).all():
        raise ValueError("an invalid number for h, k or l")
    return np.rint(values).astype(int)


def squared(
    amplitude: Float[np.ndarray, " n"], sigma: Float[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """F² and its sigma from F and its own: F² keeps the sign of F, and dF² = 2 F dF."""
    return amplitude * np.abs(amplitude), 2 * np.abs(amplitude) * sigma


def unknown_sigma(value: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Equal sigmas, 2 % of the mean value, if a file has none."""
    known = np.abs(value[np.isfinite(value)])
    return np.full(len(value), _UNKNOWN_SIGMA * float(known.mean()) if len(known) else 0.0)


def radiation_of(probe: str | None, wavelength: float | None) -> Radiation | None:
    """The radiation according to a probe's name, or else a wavelength in Å."""
    if probe is not None and "electron" in probe.lower():
        return "electron"
    if wavelength is None:
        return None
    return "electron" if 0 < wavelength < _LONGEST_ELECTRON_WAVE else "xray"


def checked(measured: MeasuredIntensities) -> MeasuredIntensities:
    """The reflections with usable numbers; InputError if too few are."""
    # Written so that NaN fails.
    finite = (np.abs(measured.intensity) <= _STRONGEST) & (np.abs(measured.sigma) <= _STRONGEST)
    good = finite & (measured.hkl != 0).any(1)
    if good.sum() < _FEWEST:
        raise InputError(
            f"{measured.source}: only {good.sum()} reflections can be read; is the file complete?"
        )
    if not (measured.intensity[good] > _WEAKEST).any():
        raise InputError(f"{measured.source}: no intensity is above zero; are the columns right?")
    # Set by hand: pure noise about 0 has one half.
    if (measured.intensity[good] < 0).mean() > 0.5:
        raise InputError(f"{measured.source}: most intensities are negative; are the columns right?")
    placeholder = good & _placeholders(measured.intensity, measured.sigma)
    notes = measured.notes
    if not finite.all():
        notes += (f"{(~finite).sum()} reflections without a number for I or sigma left out",)
    if placeholder.any():
        value = measured.intensity[placeholder][0]
        notes += (f"{placeholder.sum()} reflections of one value ({value:g}) treated as unmeasured",)
    kept = good & ~placeholder
    rows = (measured.hkl[kept], measured.intensity[kept], measured.sigma[kept])
    if np.ptp(rows[1]) == 0:
        raise InputError(f"{measured.source}: all intensities are equal; are the columns right?")
    found = replace(measured, hkl=rows[0], intensity=rows[1], sigma=rows[2], notes=notes)
    wave = measured.wavelength
    if wave is None or _SHORTEST_WAVE <= wave <= _LONGEST_WAVE:
        return found
    told = f"a wavelength of {wave:g} Å is impossible: ignored"
    return replace(found, wavelength=None, radiation=None, notes=(*notes, told))


def _placeholders(
    intensity: Float[np.ndarray, " n"], sigma: Float[np.ndarray, " n"]
) -> Bool[np.ndarray, " n"]:
    """Reflections with one common strongly negative intensity and sigma, with which some programs mark
    missing ones."""
    pairs = np.column_stack([intensity, sigma])
    _, which, count = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    fewest = max(_PLACEHOLDER_COUNT, _PLACEHOLDER_SHARE * len(intensity))
    # A ratio beyond the number range is also below the limit.
    with np.errstate(over="ignore"):
        return (count[which.ravel()] >= fewest) & (intensity < _PLACEHOLDER_BELOW * sigma)


def parse_cell(text: str) -> CellParameters:
    """Six numbers separated by commas or blanks, as `5.9,12.3,5.8,90,90,90`; InputError otherwise."""
    try:
        a, b, c, alpha, beta, gamma = (float(part) for part in re.split(r"[,\s]+", text.strip()))
    except ValueError as error:
        raise InputError(
            f"'{text[:100]}' is not a cell; write a,b,c,alpha,beta,gamma in Å and degrees"
        ) from error
    # Set by hand: numbers beyond these are in nm or radians, or in the wrong order; tested one by one, for
    # NaN.
    lengths_fit = all(1 <= length < 2000 for length in (a, b, c))
    angles_fit = all(20 < angle < 160 for angle in (alpha, beta, gamma))
    if not lengths_fit or not angles_fit:
        raise InputError(f"'{text[:100]}' is not a cell; write a,b,c,alpha,beta,gamma in Å and degrees")
    cosines = np.cos(np.radians([alpha, beta, gamma]))
    # (V / abc)² (International Tables B 1.1); set by hand, far flatter than any reduced or usual cell.
    if 1 - (cosines**2).sum() + 2 * cosines.prod() < 1e-3:
        raise InputError(f"'{text[:100]}' is not a cell: its angles contradict each other; check them")
    return a, b, c, alpha, beta, gamma


def cell_of(cell: gemmi.UnitCell) -> CellParameters | None:
    """The numbers of gemmi's cell, None if it is not set."""
    return (cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma) if cell.is_crystal() else None
