"""Integrated intensities of XDS: XDS_ASCII.HKL, scaled or not, and what XSCALE writes."""

from pathlib import Path

import gemmi
import numpy as np

from argand.io.intensities import MeasuredIntensities, radiation_of
from argand.io.plain_name import plain_name

_SYMMORPHIC = (
    *(1, 3, 5, 16, 21, 22, 23, 75, 79, 89, 97, 143, 146, 149, 150, 155, 168, 177),
    *(195, 196, 197, 207, 209, 211),
)
"""Numbers of the space groups of rotations alone with each lattice (International Tables A), by which XDS
names a Laue class."""


def is_xds(blob: bytes) -> bool:
    """Whether a file begins as those of XDS do."""
    return blob.lstrip()[:8].upper() == b"!FORMAT="


def read_xds_intensities(path: Path) -> MeasuredIntensities:
    """Intensities, cell and wavelength; misfits, whose sigmas are negative, are left out with a note.

    A space group number of rotations alone tells lattice and Laue class, and no more; others are taken for
    the space group. Raises gemmi's RuntimeError for a damaged file.
    """
    with plain_name(path) as name:
        found = gemmi.read_xds_ascii(name)
    hkl, intensity, sigma = (
        np.array(part) for part in (found.miller_array, found.iobs_array, found.sigma_array)
    )
    keep = sigma > 0
    notes = () if keep.all() else (f"{(~keep).sum()} misfits (sigma below 0) of XDS left out",)
    number = found.spacegroup_number
    symbol = gemmi.find_spacegroup_by_number(number).xhm() if 1 <= number <= 230 else None
    is_hint = number in _SYMMORPHIC
    if symbol and not is_hint:
        notes += (
            f"space group {symbol} is XDS's SPACE_GROUP_NUMBER= {number}: give --spacegroup if it is another",
        )
    cell = gemmi.UnitCell(*found.cell_constants)
    a, b, c, alpha, beta, gamma = cell.parameters
    wavelength = found.wavelength if found.wavelength > 0 else None
    return MeasuredIntensities(
        str(path),
        hkl[keep].astype(int),
        intensity[keep],
        sigma[keep],
        (a, b, c, alpha, beta, gamma) if cell.is_crystal() else None,
        None if is_hint else symbol,
        wavelength=wavelength,
        radiation=radiation_of(None, wavelength),
        notes=notes,
        laue=symbol if is_hint else None,
    )
