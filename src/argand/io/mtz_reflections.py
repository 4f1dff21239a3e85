"""Reflections of MTZ files: the first column of intensities, or else of amplitudes.

The layout: https://www.ccp4.ac.uk/html/mtzformat.html. It is read here and not by gemmi, which trusts the
header's position and sizes.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np
from jaxtyping import Float32

from argand.errors import InputError
from argand.io.intensities import CellParameters, MeasuredIntensities, squared, unknown_sigma, whole_indices
from argand.io.limits import MOST_REFLECTIONS, require_at_most
from argand.physics.crystal.symmetry import Group, complete_group

_RECORD, _WORD = 80, 4
"""Bytes of a header record, and of a number."""
_MOST_COLUMNS = 1000
"""Set by hand: MTZ files of merged data sets have up to about a hundred."""


@dataclass(frozen=True)
class MtzFile:
    """Column types by label, column values (NaN if missing), and the records of the header."""

    types: tuple[str, ...]
    values: Float32[np.ndarray, "n column"]
    records: tuple[tuple[str, str], ...]

    def records_of(self, name: str) -> list[str]:
        """The text after this name in each of its records."""
        return [text for known, text in self.records if known == name]


def read_mtz_reflections(path: Path, blob: bytes) -> MeasuredIntensities:
    """Reflections, cell and symmetry; InputError for a file that is not MTZ, is damaged, or lacks the
    columns."""
    mtz = parse_mtz(blob, str(path))
    which = next((kind for kind in "JFG" if kind in mtz.types), None)
    if which is None:
        raise InputError(f"{path}: has no column of intensities (J) or amplitudes (F)")
    column = mtz.types.index(which)
    data = mtz.values[np.isfinite(mtz.values[:, column])]
    value = data[:, column].astype(float)
    if "".join(mtz.types[column + 1 : column + 2]) in ("Q", "M", "L"):
        sigma = data[:, column + 1].astype(float)
    else:
        sigma = unknown_sigma(value)
    keep = np.isfinite(sigma)
    hkl, value, sigma = whole_indices(data[keep, :3].astype(float)), value[keep], sigma[keep]
    if which != "J":
        value, sigma = squared(value, sigma)
    group = _group(mtz)
    name = group.name if group is not None and group.name else None
    return MeasuredIntensities(str(path), hkl, value, sigma, _cell(mtz), name, group)


def parse_mtz(blob: bytes, source: str) -> MtzFile:
    """Header and values of an MTZ file; InputError if they are missing or inconsistent."""
    if blob[:4] != b"MTZ " or len(blob) < _RECORD:
        raise InputError(f"{source}: is not an MTZ file")
    # The first half byte of the machine stamp: 1 stands for big-endian numbers, 4 for little-endian ones.
    order = ">" if blob[8] >> 4 == 1 else "<"
    words = int(np.frombuffer(blob, f"{order}i4", 1, 4)[0])
    if words == -1:
        words = int(np.frombuffer(blob, f"{order}i8", 1, 12)[0])
    start = (words - 1) * _WORD
    if not _RECORD <= start <= len(blob) - _RECORD:
        raise InputError(f"{source}: damaged MTZ, its header is not at the stated position; copy it again")
    records = _records(blob[start:])
    columns, count = _sizes(records, source)
    types = tuple(_column_type(text) for name, text in records if name == "COLUMN")
    if len(types) != columns or columns < 4:
        raise InputError(f"{source}: damaged MTZ, {columns} columns with {len(types)} names; copy it again")
    if _RECORD + _WORD * columns * count > start:
        raise InputError(f"{source}: damaged MTZ, shorter than {count} reflections; copy it again")
    values = np.frombuffer(blob, f"{order}f4", columns * count, _RECORD).reshape(count, columns)
    return MtzFile(types, values.astype(np.float32), records)


def _records(header: bytes) -> tuple[tuple[str, str], ...]:
    """Name and content of each record up to END."""
    found = []
    # Two records per column, plus others.
    for first in range(0, min(len(header), 4 * _MOST_COLUMNS * _RECORD), _RECORD):
        name, _, text = header[first : first + _RECORD].decode("latin-1").partition(" ")
        if name == "END":
            break
        found.append((name.upper(), text))
    return tuple(found)


def _sizes(records: tuple[tuple[str, str], ...], source: str) -> tuple[int, int]:
    """Numbers of columns and reflections declared in the header."""
    told = next((text.split() for name, text in records if name == "NCOL"), [])
    if len(told) < 2 or not all(word.isdecimal() for word in told[:2]):
        raise InputError(f"{source}: damaged MTZ, its header lacks the sizes; copy it again")
    columns, count = int(told[0]), int(told[1])
    require_at_most(source, "columns", columns, _MOST_COLUMNS)
    require_at_most(source, "reflections", count, MOST_REFLECTIONS)
    return columns, count


def _column_type(text: str) -> str:
    """The type in a column record, after its label."""
    return "".join(text.split()[1:2])


def _cell(mtz: MtzFile) -> CellParameters | None:
    """The cell of the header; None if there is none."""
    try:
        a, b, c, alpha, beta, gamma = (float(word) for word in mtz.records_of("CELL")[0].split()[:6])
    except (IndexError, ValueError):
        return None
    return a, b, c, alpha, beta, gamma


def _group(mtz: MtzFile) -> Group | None:
    """The group of the operators, or else of the quoted name; None if neither is valid."""
    operators = mtz.records_of("SYMM")
    try:
        if operators:
            operations = complete_group([gemmi.Op(text.strip().lower()) for text in operators])
            known = gemmi.find_spacegroup_by_ops(operations)
            return Group.from_operations(operations, known.xhm() if known else "")
    except (RuntimeError, ValueError):
        return None
    quoted = re.search(r"'([^']{1,40})'", "".join(mtz.records_of("SYMINF")[:1]))
    known = gemmi.find_spacegroup_by_name(quoted[1]) if quoted else None
    return Group.from_operations(known.operations(), known.xhm()) if known else None
