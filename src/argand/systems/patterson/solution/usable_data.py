"""Which of the measured reflections are of use, in which cell: checked before anything is sized by them."""

from dataclasses import replace

import gemmi
import numpy as np
from jaxtyping import Bool, Float

from argand.errors import InputError
from argand.io.reflections import CellParameters, MeasuredIntensities, parse_cell
from argand.physics.crystal.symmetry import inverse_d_squared
from argand.typing import Matrix3

_FINEST = 0.15
"""In Å: by hand, half the shortest wavelength in use; beyond it indices or cell are wrong."""
FEWEST = 5
"""Reflections below which nothing is begun. By hand, against slips of --d-min; validation asks for 15."""
_MOST_INDICES = 2**22
"""Indices in the box about half of the sphere of all that could be measured, which grids and lists are sized
by: some 100 bytes each. By hand: a million Å³ at 1 Å, larger than any structure that was solved from
intensities alone."""
_PHASED, _COARSEST = 1.0, 10.0
"""Å to which grids and lists reach whatever was measured, and beyond which data tell no atoms apart. By hand:
phases are sought to about 1 Å, and no structure is solved from data that end at 10 Å."""
_COARSE_ENOUGH = 1.0
"""Å; finer data alone are left to refinement (`structure_search.PHASING_D_MIN`), and no structure is sought
from them."""
_STRAYS, _GAP = 0.002, 3.0
"""Share of the reflections, or one of more than 1 / share, that can be strays; and the factor between the
volumes of the spheres with them and without, in reciprocal space, from which on they are. By hand: no
measurement leaves two thirds of its sphere to so few."""


def usable(
    measured: MeasuredIntensities, cell: CellParameters | None, d_min: float | None
) -> tuple[MeasuredIntensities, CellParameters]:
    """The reflections down to `d_min` (Å) without those that cannot be right, and the cell that is taken.

    `cell` goes before the file's. What is left out is in the notes. Raises InputError without a cell,
    where too few reflections are left, and where these could be of more than argand can hold.
    """
    cell = _cell(measured, cell)
    axes = np.array(gemmi.UnitCell(*cell).orth.mat.tolist())
    squared = inverse_d_squared(measured.hkl, axes)
    is_fine = squared > _FINEST**-2
    # So that a limit that was printed from a reflection keeps it.
    keep = ~is_fine & (squared <= (max(d_min or 0.0, 1e-3) - 1e-6) ** -2)
    is_stray = np.zeros(len(keep), bool)
    is_stray[keep] = _strays(squared[keep])
    keep &= ~is_stray
    if keep.sum() < FEWEST:
        cure = "check the cell" if is_fine.sum() > keep.sum() else "lower --d-min"
        limit = d_min or _FINEST
        raise InputError(f"{measured.source}: {keep.sum()} reflections at d >= {limit} Å; {cure}")
    coarse = int((squared[keep] <= _COARSE_ENOUGH**-2).sum())
    if coarse < FEWEST:
        raise InputError(
            f"{measured.source}: {coarse} reflections at d >= {_COARSE_ENOUGH:g} Å; check the cell, and "
            "whether the file is whole"
        )
    _require_few_indices(measured.source, axes, float(squared[keep].max()))
    notes = measured.notes
    if is_fine.any():
        notes += (f"{is_fine.sum()} reflections of d < {_FINEST} Å left out: check cell and indices",)
    if is_stray.any():
        first = " ".join(map(str, measured.hkl[is_stray][0]))
        notes += (
            f"{is_stray.sum()} reflections far beyond all others left out, such as {first}: check indices",
        )
    rows = (measured.hkl[keep], measured.intensity[keep], measured.sigma[keep])
    return replace(measured, hkl=rows[0], intensity=rows[1], sigma=rows[2], notes=notes), cell


def _cell(measured: MeasuredIntensities, cell: CellParameters | None) -> CellParameters:
    """The cell that is stated, or the file's; InputError where neither can be."""
    taken = cell or measured.cell
    if taken is None:
        raise InputError(f"{measured.source}: no cell in it; give --cell a,b,c,alpha,beta,gamma")
    try:
        return parse_cell(",".join(str(float(value)) for value in taken))
    except InputError as error:
        where = "" if cell else f"{measured.source}: its cell is impossible, give --cell: "
        raise InputError(f"{where}{error}") from error


def _strays(squared: Float[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """The finest few reflections that are far beyond all others; `squared` is 1/d²."""
    marks = np.zeros(len(squared), bool)
    most = max(1, int(_STRAYS * len(squared)))
    # By hand: of fewer, one may well be by itself.
    if len(squared) < 20:
        return marks
    order = np.argsort(-squared, kind="stable")[: most + 1]
    steps = (squared[order[:-1]] / squared[order[1:]]) ** 1.5
    wide = np.flatnonzero(steps > _GAP)
    if len(wide):
        marks[order[: wide[-1] + 1]] = True
    return marks


def _require_few_indices(source: str, axes: Matrix3, squared: float) -> None:
    """InputError where a cell of these axes (Å, columns) has too many reflections up to 1/d²."""
    d_min = squared**-0.5
    if d_min > _COARSEST:
        raise InputError(
            f"{source}: no reflection is finer than d = {d_min:.0f} Å in this cell; check the cell"
        )
    finest = min(d_min, _PHASED)
    count = 4 * float(np.prod(np.linalg.norm(axes, axis=0))) / finest**3
    if count > _MOST_INDICES:
        raise InputError(
            f"{source}: the cell would have some {count:.1g} reflections up to d = {finest:.2f} Å, "
            f"more than argand can hold; check the cell, or give a larger --d-min"
        )
