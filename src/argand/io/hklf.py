"""SHELX's .hkl files: HKLF 2 to 6 in fixed columns, with batch numbers, or in columns separated by blanks."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import numpy as np
from jaxtyping import Float, Int

from argand.errors import InputError
from argand.io.hklf_card import HklfCard
from argand.io.intensities import Rows, squared, whole_indices
from argand.io.limits import MOST_REFLECTIONS, require_at_most
from argand.io.text_size import lines_of
from argand.io.twin_batches import component_alone, scale_groups

_INDEX_WIDTH, _VALUE_WIDTH = 4, 8
"""Columns of an index and of F² or sigma in SHELX's FORMAT(3I4,2F8.2,I4)."""
_LONGEST_INDEX, _LONGEST_BATCH = 300, 9
"""Most characters of an index and of a batch number: they fit into a double and an int."""
_LOOKED_AT = 100_000
"""Lines after the end of the reflections searched for more of them; set by hand, for time."""
_END = ["0", "0", "0"]


@dataclass(frozen=True)
class HklfText:
    """The reflections of an .hkl text, with batch numbers (0 if there are none), and the text after them."""

    rows: Rows
    batch: Int[np.ndarray, " n"]
    trailing: str


def parse_hklf(text: str, source: str, card: HklfCard | None = None) -> Rows:
    """Indices, F² and sigma of an .hkl text, according to the HKLF card, or else to the batch numbers.

    Raises InputError for a line that is not a reflection and where the card cannot be obeyed.
    """
    return obeyed(read_hklf(text, source, card), source, card)


def obeyed(read: HklfText, source: str, card: HklfCard | None = None) -> Rows:
    """F² of one twin component, scaled and transformed according to the HKLF card."""
    rows, batch = read.rows, read.batch
    code = (5 if _is_overlapped(batch) else 4) if card is None else card.code
    if code == 3:
        rows = Rows(rows.hkl, *squared(rows.intensity, rows.sigma), rows.notes)
    if code in (5, 6) and batch.any():
        rows = component_alone(rows, batch, source)
    else:
        rows = scale_groups(rows, batch)
    return rows if card is None else card.applied(rows, source)


def read_hklf(text: str, source: str, card: HklfCard | None = None) -> HklfText:
    """The lines up to 0 0 0 or an empty one, unchanged."""
    lines, first, trailing, notes = _until_end(text, source)
    indices = 6 if card is not None and card.code == 6 else 3
    table, is_fixed = _aligned(lines, indices), True
    if table is None:
        table = _table(lines, indices, lambda line: _fixed_line(line, indices, True))
    if table is None:
        table, is_fixed = _table(lines, indices, lambda line: _free_line(line, indices)), False
    if table is None:
        number = count(first)
        table = _table(lines, indices, lambda line: _either(line, indices, f"{source}: line {next(number)}"))
        assert table is not None
    if is_fixed and (stars := int(np.isnan(table[:, indices : indices + 2]).any(1).sum())):
        notes += (f"{stars} reflections too strong for their columns (****): scale the .hkl down",)
    main = ~table[:, 3:indices].any(1)
    if not main.all():
        notes += (f"{(~main).sum()} satellite reflections left out: the average structure is solved",)
    table = table[main]
    rows = Rows(whole_indices(table[:, :3]), table[:, indices], table[:, indices + 1], notes)
    return HklfText(rows, table[:, indices + 2].astype(int), trailing)


def _until_end(text: str, source: str) -> tuple[list[str], int, str, tuple[str, ...]]:
    """Lines of reflections, the number of the first, the text after them, and a note if no end is marked."""
    lines = lines_of(text, source)
    first = next((n for n, line in enumerate(lines) if line.strip()), len(lines))
    for n in range(first, len(lines)):
        line = lines[n]
        if line[:12].split() == _END or line.split(maxsplit=3)[:3] in ([], _END):
            after = lines[n + 1 :]
            return _few(lines[first:n], source), first + 1, "\n".join(after), _unread(after)
    note = "no 0 0 0 line at the end of the reflections: is the file complete?"
    return _few(lines[first:], source), first + 1, "", (note,)


def _few(lines: list[str], source: str) -> list[str]:
    require_at_most(source, "reflections", len(lines), MOST_REFLECTIONS)
    return lines


def _unread(lines: list[str]) -> tuple[str, ...]:
    """A note if reflections continue after the end of the first set."""
    count = sum(_fixed_line(line, 3, True) is not None for line in lines[:_LOOKED_AT])
    end = "an empty line or 0 0 0 ends the reflections"
    return (f"{end}: {count} lines after it were not read",) if count > 1 else ()


def _aligned(lines: list[str], indices: int) -> Float[np.ndarray, "n column"] | None:
    """The table of `_table` for lines of equal length in fixed columns, ten times faster.

    None if a line differs, or needs `_fixed_line`.
    """
    width = len(lines[0]) if lines else 0
    end = indices * _INDEX_WIDTH
    if width < end + 2 * _VALUE_WIDTH or any(len(line) != width for line in lines):
        return None
    letters = np.frombuffer("".join(lines).encode("latin-1", "replace"), np.uint8).reshape(-1, width)
    starts = [*range(0, end, _INDEX_WIDTH), end, end + _VALUE_WIDTH, end + 2 * _VALUE_WIDTH]
    ends = [*starts[1:], min(width, end + 2 * _VALUE_WIDTH + _INDEX_WIDTH)]
    if (letters[:, [at - 1 for at in ends[:indices]]] == ord(" ")).any():
        return None
    table = np.zeros((len(lines), indices + 3))
    try:
        for number, (first, last) in enumerate(zip(starts, ends, strict=True)):
            if last > first:
                column = np.ascontiguousarray(letters[:, first:last]).view(f"S{last - first}")[:, 0]
                table[:, number] = column.astype(int if number < indices or number > indices + 1 else float)
    except ValueError:
        return None
    return table


def _table(
    lines: list[str], indices: int, read: Callable[[str], list[float] | None]
) -> Float[np.ndarray, "n column"] | None:
    """Indices, value, sigma and batch of all lines; None if `read` cannot read one."""
    table = np.empty((len(lines), indices + 3))
    for number, line in enumerate(lines):
        found = read(line)
        if found is None:
            return None
        table[number] = found
    return table


def _fixed_line(line: str, indices: int, strict: bool) -> list[float] | None:
    """Indices, value, sigma and batch (0 for none) of a line in fixed columns; NaN for asterisks."""
    end = indices * _INDEX_WIDTH
    parts = [line[at : at + _INDEX_WIDTH] for at in range(0, end, _INDEX_WIDTH)]
    # FORTRAN right-aligns numbers in their columns; otherwise columns are separated by blanks.
    if strict and any(not part[-1:].strip() for part in parts):
        return None
    parts += [line[end + at : end + at + _VALUE_WIDTH] for at in (0, _VALUE_WIDTH)]
    batch = line[end + 2 * _VALUE_WIDTH : end + 2 * _VALUE_WIDTH + _INDEX_WIDTH].strip()
    try:
        found = [float(int(part)) for part in parts[:indices]] + [_number(part) for part in parts[indices:]]
    except ValueError:
        return None
    return [*found, _batch(batch)]


def _free_line(line: str, indices: int) -> list[float] | None:
    """Indices, value, sigma and batch (0 for none) of a line with columns separated by blanks."""
    parts = line.split(maxsplit=indices + 3)
    if len(parts) < indices + 2 or max(map(len, parts[:indices])) > _LONGEST_INDEX:
        return None
    try:
        found = [float(int(part)) for part in parts[:indices]]
        found += [_number(part) for part in parts[indices : indices + 2]]
    except ValueError:
        return None
    return [*found, _batch(parts[indices + 2] if len(parts) > indices + 2 else "")]


def _either(line: str, indices: int, where: str) -> list[float]:
    found = _fixed_line(line, indices, True) or _free_line(line, indices) or _fixed_line(line, indices, False)
    if found is None:
        shown = "".join(letter if letter.isprintable() else "?" for letter in line.strip()[:30])
        raise InputError(f"{where} is not a reflection ('{shown}'): cut short, or no HKLF 4 file")
    return found


def _number(text: str) -> float:
    """A number as written by FORTRAN: D for E, and asterisks (NaN) if the columns are too narrow."""
    if text.strip() and not text.strip().strip("*"):
        return float("nan")
    return float(text.upper().replace("D", "E"))


def _batch(text: str) -> float:
    try:
        return float(int(text[:_LONGEST_BATCH]))
    except ValueError:
        return 0.0


def _is_overlapped(batch: Int[np.ndarray, " n"]) -> bool:
    """Whether batch numbers are those of HKLF 5; only -1 marks reflections that HKLF 4 reserves for R
    free."""
    return bool((batch < 0).any() and (np.abs(batch) > 1).any())
