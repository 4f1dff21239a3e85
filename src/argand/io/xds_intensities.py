"""Integrated intensities of XDS: XDS_ASCII.HKL, scaled or not, and the output of XSCALE."""

import gemmi
import numpy as np
from jaxtyping import Float

from argand.errors import InputError
from argand.io.intensities import MeasuredIntensities, cell_of, radiation_of, whole_indices
from argand.io.limits import MOST_REFLECTIONS, require_at_most
from argand.io.text_size import lines_of

_SYMMORPHIC = (
    *(1, 3, 5, 16, 21, 22, 23, 75, 79, 89, 97, 143, 146, 149, 150, 155, 168, 177),
    *(195, 196, 197, 207, 209, 211),
)
"""Numbers of the space groups with rotations only for each lattice (International Tables A), by which XDS
names a Laue class."""

_ITEMS = ("H", "K", "L", "IOBS", "SIGMA(IOBS)")
"""Columns used (XDS's manual, XDS_ASCII.HKL)."""
_END = "!END_OF_DATA"
_LONGEST, _MOST_ITEMS = 1000, 100
"""Most characters of a line, and largest column number. Set by hand: XDS writes twelve columns in about 130
characters."""


def is_xds(blob: bytes) -> bool:
    """Whether a file begins like those of XDS."""
    return blob.lstrip()[:8].upper() == b"!FORMAT="


def parse_xds(text: str, source: str) -> MeasuredIntensities:
    """Intensities, cell and wavelength; misfits, with negative sigmas, are left out with a note.

    A space group number of rotations alone specifies only lattice and Laue class; others are taken as the
    space group. Raises InputError for a damaged or truncated file.
    """
    said, table = _parts(text, source)
    hkl, intensity, sigma = whole_indices(table[:, :3]), table[:, 3], table[:, 4]
    keep = sigma > 0
    notes = () if keep.all() else (f"{(~keep).sum()} misfits (sigma below 0) of XDS left out",)
    number = int(next(iter(_numbers(said, "SPACE_GROUP_NUMBER", source, 1)), 0))
    symbol = gemmi.find_spacegroup_by_number(number).xhm() if 1 <= number <= 230 else None
    is_hint = number in _SYMMORPHIC
    if symbol and not is_hint:
        notes += (
            f"space group {symbol} is XDS's SPACE_GROUP_NUMBER= {number}: give --spacegroup if it is another",
        )
    cell = _numbers(said, "UNIT_CELL_CONSTANTS", source, 6)
    wavelength = next((wave for wave in _numbers(said, "X-RAY_WAVELENGTH", source, 1) if wave > 0), None)
    return MeasuredIntensities(
        source,
        hkl[keep],
        intensity[keep],
        sigma[keep],
        cell_of(gemmi.UnitCell(*cell)) if cell else None,
        None if is_hint else symbol,
        wavelength=wavelength,
        radiation=radiation_of(None, wavelength),
        notes=notes,
        laue=symbol if is_hint else None,
    )


def _parts(text: str, source: str) -> tuple[dict[str, str], Float[np.ndarray, "n 5"]]:
    """Keys of the header with their values, and h, k, l, I and sigma of each line up to !END_OF_DATA."""
    lines = lines_of(text, source)
    said: dict[str, str] = {}
    table, count = np.empty((len(lines), len(_ITEMS))), 0
    places: list[int] = []
    for number, line in enumerate(lines, 1):
        if line.startswith(_END):
            require_at_most(source, "reflections", count, MOST_REFLECTIONS)
            return said, table[:count]
        if line.startswith("!"):
            # A line may have several keys; only the first matters here.
            key, _, value = line[1:_LONGEST].partition("=")
            said.setdefault(key.strip().upper(), value)
        elif line.strip():
            places = places or _places(said, source)
            parts = line[:_LONGEST].split()
            try:
                table[count] = [float(parts[place]) for place in places]
            except (IndexError, ValueError) as error:
                raise InputError(
                    f"{source}: line {number} is not a reflection of XDS; copy it again"
                ) from error
            count += 1
    raise InputError(f"{source}: is truncated ({_END} is missing); is the file complete?")


def _places(said: dict[str, str], source: str) -> list[int]:
    """Columns of indices, intensity and sigma, from 0."""
    found = [_numbers(said, f"ITEM_{name}", source, 1) for name in _ITEMS]
    if not all(one and 1 <= one[0] <= _MOST_ITEMS and one[0].is_integer() for one in found):
        raise InputError(f"{source}: the header does not define the columns of {', '.join(_ITEMS)}")
    return [int(one[0]) - 1 for one in found]


def _numbers(said: dict[str, str], key: str, source: str, count: int) -> list[float]:
    """The first numbers of a key; none if it is missing, InputError for invalid numbers."""
    if key not in said:
        return []
    try:
        found = [float(word) for word in said[key].split()[:count]]
    except ValueError:
        found = []
    if len(found) < count or not np.isfinite(found).all():
        raise InputError(f"{source}: {key}= {said[key].strip()[:40]} cannot be read; copy the file again")
    return found
