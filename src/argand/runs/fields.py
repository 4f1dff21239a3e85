"""What records and their files must be where a run is read again: nothing in its folder is taken on trust."""

import json
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from argand.errors import InputError
from argand.io.limits import MOST_TEXT_BYTES, read_bytes, require_file
from argand.runs.record import Record

LARGEST = 1e12
"""Of numbers that pages draw or write out. By hand: no quantity of a record comes near, and their squares and
differences can still be told."""
MOST_ITEMS = 10**5
"""Of a list within a record. By hand: positions of atoms are the longest, some 10³."""

_NOT_IN_NAMES = {"/", "\0", os.sep, os.altsep}

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kind:
    """A kind of value: how it is called, and whether a value is of it."""

    name: str
    holds: Callable[[Any], bool]


Fields = dict[str, Kind]
"""The keys that a record must have, each with its kind; a missing key counts as nothing."""


def _is_float(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


TEXT = Kind("text", lambda value: isinstance(value, str))
FLAG = Kind("true or false", lambda value: isinstance(value, bool))
FIGURE = Kind("a number", lambda value: _is_float(value) and not abs(value) > 1e300)
"""Also NaN, for figures that are shown as text."""
NUMBER = Kind("a number", lambda value: _is_float(value) and abs(value) <= LARGEST)
POSITIVE = Kind("a positive number", lambda value: NUMBER.holds(value) and value > 0)
COUNT = Kind("a count", lambda value: NUMBER.holds(value) and isinstance(value, int) and value >= 0)
PLAIN = Kind("text or a number", lambda value: isinstance(value, str | bool) or FIGURE.holds(value))


def maybe(kind: Kind) -> Kind:
    """The kind, or nothing."""
    return Kind(f"{kind.name} or nothing", lambda value: value is None or kind.holds(value))


def either(first: Kind, second: Kind) -> Kind:
    """One kind or another."""
    return Kind(f"{first.name} or {second.name}", lambda value: first.holds(value) or second.holds(value))


def listed(kind: Kind, count: int | None = None) -> Kind:
    """A list of values of a kind, of this length where it is given."""

    def holds(value: Any) -> bool:
        fits = isinstance(value, list) and len(value) <= MOST_ITEMS and count in (None, len(value))
        return fits and all(map(kind.holds, value))

    return Kind(f"a list of {kind.name if count is None else f'{count} times {kind.name}'}", holds)


def named(kind: Kind) -> Kind:
    """An object whose values are all of a kind."""
    holds = lambda value: isinstance(value, dict) and all(map(kind.holds, value.values()))  # noqa: E731
    return Kind(f"an object of {kind.name}", holds)


def record_of(fields: Fields) -> Kind:
    """An object that has these fields."""
    keys = ", ".join(f"'{key}'" for key in fields)
    return Kind(
        f"an object of {keys}", lambda value: isinstance(value, dict) and fault(value, fields) is None
    )


def fault(record: Any, fields: Fields) -> str | None:
    """What is wrong with a record, in a few words; None where it has its fields."""
    if not isinstance(record, dict):
        return "no object"
    wrong = next((key for key, kind in fields.items() if not kind.holds(record.get(key))), None)
    return None if wrong is None else f"'{wrong}' is not {fields[wrong].name}"


def usable_records(
    records: Sequence[Any], fields: Callable[[Record], Fields], where: Path
) -> tuple[list[Record], list[str]]:
    """The records that have their fields, and a line on each other one; these are logged too.

    `fields` of a record may depend on what it tells; `where` is the file that they are from. Raises
    InputError where there are records and none can be used.
    """
    kept, told = [], []
    for number, record in enumerate(records, 1):
        wrong = fault(record, fields(record) if isinstance(record, dict) else {})
        if wrong is None:
            kept.append(record)
        else:
            told.append(f"{where}: record {number} is left out: {wrong}")
    if not records:
        told.append(f"{where}: holds no record")
    elif not kept:
        raise InputError(f"{told[0]}; no record can be used, make this run again")
    for line in told:
        logger.warning("%s", line)
    return kept, told


def read_json(path: Path) -> Any:
    """What a file of JSON holds; InputError where there is none or it cannot be read."""
    try:
        return json.loads(read_bytes(path, MOST_TEXT_BYTES).decode())
    except RecursionError as error:
        raise InputError(f"{path}: damaged (it nests too deeply); make this run again") from error
    except ValueError as error:
        raise InputError(f"{path}: damaged ({error}); make this run again") from error


def file_of(folder: Path, name: str) -> Path:
    """The file of a run that a record names; InputError where it is gone, or lies outside of the folder."""
    if not is_plain_name(name):
        raise InputError(f"{folder}: a record names the file {name!r}, outside of it; make this run again")
    path = folder / name
    require_file(path)
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{path}: a link that leads out of its folder; copy the file there")
    return path


def is_plain_name(name: Any) -> bool:
    """Whether this can be the name of a file in a folder, and leads nowhere else."""
    return isinstance(name, str) and name not in ("", ".", "..") and not set(name) & _NOT_IN_NAMES
