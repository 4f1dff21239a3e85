"""SHELX's HKLF card: the code of the format, a scale, and a matrix that transforms the indices."""

from dataclasses import dataclass

import numpy as np

from argand.errors import InputError
from argand.io.intensities import Rows, whole_indices
from argand.typing import Matrix3

_REFUSED = {1: "condensed SHELX-76 data with packed indices"}
_KNOWN = (0, 2, 3, 4, 5, 6)
"""Supported codes; 0, SHELXL's default, means none, and such a card is treated as HKLF 4."""
_ROUNDING = 0.05
"""Largest deviation of transformed indices from integers, per 10 of the largest index.

Set by hand: elements such as 0.333 and 0.667 differ by 0.003 from the intended thirds.
"""


@dataclass(frozen=True)
class HklfCard:
    """`HKLF n s r11 ... r33 wt m`: intensities and sigmas times s, 1/σ² times wt, h' = r h.

    `code` is without its sign (negative if the data follow in the same file). Source: the manual of SHELXL,
    instruction HKLF.
    """

    code: int = 4
    scale: float = 1.0
    matrix: tuple[float, ...] = (1, 0, 0, 0, 1, 0, 0, 0, 1)
    weight: float = 1.0

    @property
    def rotation(self) -> Matrix3:
        """The matrix r [3, 3]."""
        return np.array(self.matrix, float).reshape(3, 3)

    def applied(self, rows: Rows, source: str) -> Rows:
        """The reflections with scale, weight and matrix; InputError if indices do not become integers."""
        sigma = rows.sigma * self.scale / np.sqrt(self.weight)
        hkl = rows.hkl
        if not np.array_equal(self.rotation, np.eye(3)):
            exact = hkl @ self.rotation.T
            hkl = whole_indices(exact)
            allowed = _ROUNDING * max(1.0, float(np.abs(exact).max(initial=0.0)) / 10)
            off = np.abs(exact - hkl).max(1, initial=0.0) > min(allowed, 0.3)
            if off.any():
                first = " ".join(str(index) for index in rows.hkl[off][0])
                raise InputError(
                    f"{source}: the matrix of the HKLF card gives fractional indices for {off.sum()} of "
                    f"{len(off)} reflections, such as {first}; check it or the setting of the .hkl"
                )
        return Rows(hkl, rows.intensity * self.scale, sigma, rows.notes)


def parse_hklf_card(card: str, source: str) -> HklfCard:
    """The card of a line such as `HKLF 4 1 0 0 1 0 -1 0 1 0 0`; missing values have SHELXL's defaults.

    Raises InputError, with the reason, for an unsupported code and an invalid matrix.
    """
    try:
        # At most twelve numbers, and one more that is ignored.
        values = [float(part) for part in card.split(maxsplit=14)[1:14]]
        if not np.isfinite(values).all():
            raise ValueError
    except ValueError as error:
        raise InputError(
            f"{source}: '{card.strip()[:60]}' is not an HKLF card; write it such as HKLF 4"
        ) from error
    code = abs(int(values[0])) if values else 4
    if code not in _KNOWN:
        reason = _REFUSED.get(code, "not a code of SHELXL")
        raise InputError(
            f"{source}: HKLF {code} is not supported ({reason}); write the reflections as HKLF 4"
        )
    scale = values[1] if len(values) > 1 else 1.0
    matrix = (*values[2:11], *HklfCard.matrix[len(values[2:11]) :])
    weight = values[11] if len(values) > 11 else 1.0
    if scale <= 0 or weight <= 0:
        raise InputError(f"{source}: scale and weight of '{card[:60]}' must be above 0")
    found = HklfCard(code or 4, scale, matrix, weight)
    if np.linalg.det(found.rotation) <= 1e-6:
        raise InputError(f"{source}: the matrix of '{card[:60]}' must have a positive determinant; check it")
    return found
