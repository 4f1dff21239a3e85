"""Standard uncertainties of a cell: from a reflection file, usual values, and their notation."""

import re
from collections.abc import Sequence
from pathlib import Path

import gemmi
import numpy as np

from argand.errors import InputError
from argand.io.cif_document import parsed_cif
from argand.io.shelx import MOST_LETTERS
from argand.io.text_size import read_text
from argand.physics.crystal.symmetry import Group

CellErrors = tuple[float, float, float, float, float, float]
"""Uncertainties of a, b, c in Å and α, β, γ in degrees; 0 if fixed by symmetry."""
_TAGS = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
_USUAL_SHARE = 2e-4
"""Usual relative error of an edge: 0.002 Å in 10 Å, as from diffractometers. Set by hand."""
_USUAL_ANGLE = 0.02
"""Usual error of an angle in degrees. Set by hand, as above: 2e-4 radian is 0.01 degrees."""


def stated_cell_errors(source: str) -> CellErrors | None:
    """Errors from a CIF, or from the .ins or .res beside an .hkl file; None if none can be read."""
    path = Path(source)
    name = path.name.lower().removesuffix(".gz")
    try:
        if name.endswith((".cif", ".fcf")):
            return _of_cif(path)
        if name.endswith(".hkl"):
            stem = path.name.removesuffix(".gz").rsplit(".", 1)[0]
            beside = [path.with_name(stem + suffix) for suffix in (".ins", ".res")]
            return next((_of_cards(one) for one in beside if one.exists()), None)
    except (InputError, ValueError, RuntimeError):
        pass
    return None


def usual_cell_errors(cell: Sequence[float], group: Group) -> CellErrors:
    """Usual errors, if no file gives any: 2e-4 of each edge, 0.02 degrees for each free angle."""
    free = []
    for angle in range(3, 6):
        moved = list(cell)
        # Set by hand: half a degree, far above the tolerance.
        moved[angle] += 0.5
        axes = np.array(gemmi.UnitCell(*moved).orth.mat.tolist())
        free.append(_USUAL_ANGLE if group.keeps(axes, 1e-4) else 0.0)
    a, b, c = (_USUAL_SHARE * edge for edge in cell[:3])
    return a, b, c, free[0], free[1], free[2]


def with_uncertainty(value: float, error: float, decimals: int = 4) -> str:
    """1.2340(12): the error in units of the last digit, two digits below 20 and one above.

    Without an error, `decimals` digits are written.
    """
    if not error > 0:
        return f"{value:.{decimals}f}"
    digits = max(0, -int(np.floor(np.log10(error))))
    # Rule 19 of the IUCr: uncertainties of 2 to 19 in the last place.
    if error * 10**digits < 1.95:
        digits += 1
    return f"{value:.{digits}f}({max(round(error * 10**digits), 1)})"


def _of_cif(path: Path) -> CellErrors | None:
    for block in parsed_cif(read_text(path), str(path)):
        texts = [block.find_value(f"_cell_{tag}") for tag in _TAGS]
        if all(text is not None for text in texts):
            errors = [_parenthesised(text) for text in texts if text is not None]
            return _six(errors) if any(errors[:3]) else None
    return None


def _parenthesised(text: str) -> float:
    """0.012 for 5.934(12); 0 without parentheses."""
    found = re.fullmatch(r"['\"]?[-+]?\d*(?:\.(\d{0,9}))?\((\d{1,9})\)['\"]?", text.strip())
    return int(found[2]) / 10 ** len(found[1] or "") if found else 0.0


def _of_cards(path: Path) -> CellErrors | None:
    for line in read_text(path, MOST_LETTERS).splitlines():
        parts = line.split("!")[0].split()
        if len(parts) >= 8 and parts[0].upper() == "ZERR":
            return _six([float(part) for part in parts[2:8]])
    return None


def _six(values: Sequence[float]) -> CellErrors:
    a, b, c, alpha, beta, gamma = values
    return a, b, c, alpha, beta, gamma
