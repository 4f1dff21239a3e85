"""Reflections in columns separated by blanks, commas or semicolons, with a header line or comments, as
CSV."""

import re
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from argand.errors import InputError
from argand.io.intensities import Rows, squared, unknown_sigma, whole_indices
from argand.io.limits import MOST_REFLECTIONS, require_at_most
from argand.io.text_size import lines_of

_LONGEST = 10_000
"""Most characters read of a line. Set by hand: a line of a table has about a hundred."""
_REMARK = ("#", "!", ";")
_INDEX = ("h", "k", "l")
_INTENSITY = ("i", "io", "iobs", "int", "intensity", "f2", "fo2", "fobs2", "fsq", "fosq", "fosqr", "f2obs")
_INTENSITY += ("f2meas", "fsquared", "fsquaredmeas", "imean", "inet", "intensitymeas", "intensitynet")
_AMPLITUDE = ("f", "fo", "fobs", "fmeas", "fp", "amplitude")
_SIGMA = re.compile("d?sig|esd|su$|err|σ|s$|sd$")


@dataclass(frozen=True)
class Columns:
    """Roles of the columns; `sigma` is None if there is none, and then `value` is last."""

    indices: tuple[int, int, int] = (0, 1, 2)
    value: int = 3
    sigma: int | None = 4
    is_amplitude: bool = False
    is_named: bool = False


def has_names(text: str) -> bool:
    """Whether a text is a table with named columns, is separated by commas, or begins with comments."""
    start = [line.strip() for line in text[: 50 * _LONGEST].split("\n")[:50] if line.strip()]
    plain = [line for line in start if not line.startswith(_REMARK)]
    if not plain:
        return False
    parted = all(re.search("[,;]", line) for line in plain[:3])
    return len(plain) < len(start) or parted or _columns(plain[0]) is not None


def parse_free(text: str, source: str) -> Rows:
    """Indices, F² and sigma of a table; by column names, or else in the order h, k, l, F², sigma.

    Lines that begin with #, ! or ; are remarks, and a name such as F or Fobs means an amplitude. Raises
    InputError for a line that is not a reflection.
    """
    columns = Columns()
    lines = lines_of(text, source)
    table, count = np.full((len(lines), 5), np.nan), 0
    width = 5
    for number, whole in enumerate(lines, 1):
        line = whole[:_LONGEST]
        named = None if count or columns.is_named else _columns(line.strip().lstrip("".join(_REMARK)))
        bare = re.split("[#!]", line, maxsplit=1)[0].strip()
        if named is not None:
            columns = named
        elif bare and not bare.startswith(_REMARK):
            found = _line(bare, columns, f"{source}: line {number}")
            if not any(found[:3]):
                break
            table[count, : len(found)] = found
            width, count = min(width, len(found)), count + 1
    require_at_most(source, "reflections", count, MOST_REFLECTIONS)
    return _rows(table[:count, :width], columns.is_amplitude)


def _columns(line: str) -> Columns | None:
    """The columns named in a line, None if it does not name them."""
    names = [_bare_name(part) for part in _split(line)]
    if any(name not in names for name in _INDEX):
        return None
    h, k, el = (names.index(name) for name in _INDEX)
    for known in (_INTENSITY, _AMPLITUDE):
        value = next((at for at, name in enumerate(names) if name in known), None)
        if value is not None:
            sigmas = [at for at, name in enumerate(names) if _SIGMA.match(name)]
            # The sigma of a value follows it.
            behind = [at for at in sigmas if at > value] or sigmas
            return Columns((h, k, el), value, behind[0] if behind else None, known is _AMPLITUDE, True)
    return None


def _bare_name(part: str) -> str:
    """A name in lower-case letters and digits only: index_h is h, and F² and Fo^2 are f2 and fo2."""
    plain = re.sub(r"[^\wσ]|_", "", part.lower().replace("²", "2").replace("**", ""))
    return re.sub("^(refln)?(index)?", "", plain)


def _split(line: str) -> list[str]:
    """Parts of a line; with semicolons, a comma is a decimal one."""
    if ";" in line:
        return [part.strip().replace(",", ".") for part in line.strip().strip(";").split(";")]
    if "," in line:
        return [part.strip() for part in line.strip().strip(",").split(",")]
    return line.split()


def _line(line: str, columns: Columns, where: str) -> list[float]:
    """h, k, l, value and sigma, if any; NaN for a missing value or sigma."""
    parts = _split(line)
    try:
        indices = [float(parts[at]) for at in columns.indices]
        values = [_value(parts[columns.value])]
        if columns.sigma is not None and (columns.is_named or len(parts) > columns.sigma):
            values.append(_value(parts[columns.sigma]))
    except (ValueError, IndexError) as error:
        raise InputError(f"{where} is not a reflection ('{line[:30]}'): h k l I sigma expected") from error
    if any(not index.is_integer() for index in indices):
        raise InputError(
            f"{where} has indices that are not whole numbers ('{line[:30]}'): h k l I sigma expected"
        )
    return [*indices, *values]


def _value(text: str) -> float:
    missing = text.lower() in ("", ".", "?", "nan", "na", "n/a") or not text.strip("*")
    return float("nan") if missing else float(text)


def _rows(table: Float[np.ndarray, "n column"], is_amplitude: bool) -> Rows:
    notes: tuple[str, ...] = ()
    value = table[:, 3]
    if table.shape[1] < 5:
        notes = ("no sigmas in the file: all are set to 2 % of the mean",)
        sigma = unknown_sigma(value)
    else:
        sigma = table[:, 4]
    if is_amplitude:
        value, sigma = squared(value, sigma)
    return Rows(whole_indices(table[:, :3]), value, sigma, notes)
