"""Reflections as columns parted by blanks, commas or semicolons, with a line of names or remarks, as CSV."""

import re
from collections.abc import Mapping

import numpy as np

from argand.errors import InputError
from argand.io.intensities import Rows, squared, unknown_sigma

_REMARK = ("#", "!", ";")
_INTENSITY = ("i", "io", "iobs", "int", "intensity", "f2", "fo2", "fobs2", "fsq", "fsquared", "fsquaredmeas")
_INTENSITY += ("f2obs", "f2meas", "imean", "inet", "intensitymeas", "intensitynet", "fosq", "fosqr")
_AMPLITUDE = ("f", "fo", "fobs", "fmeas", "fp", "amplitude")
_INDEX = ("h", "k", "l")


def has_names(text: str) -> bool:
    """Whether a text is a table that names its columns, or one parted by commas, or begins with remarks."""
    start = [line.strip() for line in text.splitlines()[:50] if line.strip()]
    if not start:
        return False
    plain = [line for line in start if not line.startswith(_REMARK)]
    if len(plain) < len(start):
        return True
    return _columns(plain[0]) is not None or all(re.search("[,;]", line) for line in plain[:3])


def parse_free(text: str, source: str) -> Rows:
    """Indices, F² and sigma of a table; by its names, or else as h, k, l, F² and sigma.

    Lines that begin with #, ! or ; are remarks, and a name such as F or Fobs means an amplitude. Raises
    InputError for a line that is no reflection.
    """
    names: Mapping[str, int] | None = None
    rows: list[list[float]] = []
    for number, line in enumerate(text.splitlines(), 1):
        bare = re.split(r"[#!]", line)[0].strip()
        if not rows and names is None:
            names = _columns(line.strip().lstrip("".join(_REMARK)))
            if names is not None:
                continue
        if not bare or bare.startswith(_REMARK):
            continue
        found = _line(bare, names or {}, f"{source}: line {number}")
        if not any(found[:3]):
            break
        rows.append(found)
    return _rows(rows, names or {})


def _columns(line: str) -> dict[str, int] | None:
    """Which column is h, k, l, value (of F² or F) and sigma, where a line names them."""
    plain = [re.sub(r"[\s'\"|^²_().*-]", lambda mark: "2" if mark[0] == "²" else "", part).lower() for part in _split(line)]
    plain = [re.sub("^refln|^index", "", part) for part in plain]
    plain = [re.sub("^index", "", part) for part in plain]
    if any(name not in plain for name in _INDEX):
        return None
    found = {name: plain.index(name) for name in _INDEX}
    for kind, known in (("intensity", _INTENSITY), ("amplitude", _AMPLITUDE)):
        which = next((at for at, part in enumerate(plain) if part in known), None)
        if which is not None and "value" not in found:
            found |= {"value": which, "is_amplitude": int(kind == "amplitude")}
    if "value" not in found:
        return None
    sigma = [at for at, part in enumerate(plain) if re.match("sig|esd|su$|err|σ|s$|sd$|d?sigma", part)]
    # The sigma of the value stands behind it.
    behind = [at for at in sigma if at > found["value"]] or sigma
    return found | ({"sigma": behind[0]} if behind else {})


def _split(line: str) -> list[str]:
    """Parts of a line; a comma within semicolons is a decimal one."""
    if ";" in line:
        return [part.strip().replace(",", ".") for part in line.strip().strip(";").split(";")]
    if "," in line:
        return [part.strip() for part in line.strip().strip(",").split(",")]
    return line.split()


def _line(line: str, names: Mapping[str, int], where: str) -> list[float]:
    """h, k, l, value and sigma; NaN for a value or sigma that is missing."""
    parts = _split(line)
    columns = [names.get(name, at) for at, name in enumerate((*_INDEX, "value"))]
    columns += [names["sigma"]] if "sigma" in names else [4] if not names and len(parts) > 4 else []
    try:
        indices = [float(parts[at]) for at in columns[:3]]
        values = [_value(parts[at]) for at in columns[3:]]
    except (ValueError, IndexError) as error:
        raise InputError(f"{where} is no reflection ('{line[:30]}'): h k l I sigma are asked for") from error
    if any(index != int(index) for index in indices):
        raise InputError(f"{where} has no whole indices ('{line[:30]}'): h k l I sigma are asked for")
    return [*indices, *values]


def _value(text: str) -> float:
    return float("nan") if text.lower() in ("", ".", "?", "nan", "na", "n/a") or not text.strip("*") else float(text)


def _rows(rows: list[list[float]], names: Mapping[str, int]) -> Rows:
    notes: tuple[str, ...] = ()
    if rows and min(len(row) for row in rows) < 5:
        notes = ("no sigmas in the file: all are taken to be 2 % of the mean intensity",)
        rows = [row[:4] for row in rows]
    table = np.array(rows, float).reshape(len(rows), -1) if rows else np.zeros((0, 5))
    value = table[:, 3]
    sigma = table[:, 4] if table.shape[1] > 4 else unknown_sigma(value)
    if names.get("is_amplitude"):
        value, sigma = squared(value, sigma)
    return Rows(table[:, :3].astype(int), value, sigma, notes)
