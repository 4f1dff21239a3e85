"""Checks of records and their files when a run is read again: its folder is not trusted."""

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
"""Largest number that pages draw or print. By hand: far beyond any quantity in a record, and squares and
differences are still exact enough."""
MOST_ITEMS = 10**5
"""Largest length of a list in a record. By hand: atomic positions are the longest, some 10³."""

_NOT_IN_NAMES = {"/", "\0", os.sep, os.altsep}

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kind:
    """A kind of value: its name, and a check whether a value is of this kind."""

    name: str
    holds: Callable[[Any], bool]


Fields = dict[str, Kind]
"""The keys that a record must have, each with its kind; a missing key counts as None."""


def _is_float(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


TEXT = Kind("text", lambda value: isinstance(value, str))
FLAG = Kind("true or false", lambda value: isinstance(value, bool))
FIGURE = Kind("a number", lambda value: _is_float(value) and not abs(value) > 1e300)
"""NaN is allowed, for figures that are shown as text."""
NUMBER = Kind("a number", lambda value: _is_float(value) and abs(value) <= LARGEST)
POSITIVE = Kind("a positive number", lambda value: NUMBER.holds(value) and value > 0)
COUNT = Kind("a count", lambda value: NUMBER.holds(value) and isinstance(value, int) and value >= 0)
PLAIN = Kind("text or a number", lambda value: isinstance(value, str | bool) or FIGURE.holds(value))


def maybe(kind: Kind) -> Kind:
    """The kind, or None."""
    return Kind(f"{kind.name} or null", lambda value: value is None or kind.holds(value))


def either(first: Kind, second: Kind) -> Kind:
    """Either of two kinds."""
    return Kind(f"{first.name} or {second.name}", lambda value: first.holds(value) or second.holds(value))


def listed(kind: Kind, count: int | None = None) -> Kind:
    """A list of values of a kind, of length `count` if that is given."""

    def holds(value: Any) -> bool:
        fits = isinstance(value, list) and len(value) <= MOST_ITEMS and count in (None, len(value))
        return fits and all(map(kind.holds, value))

    return Kind(f"a list of {kind.name if count is None else f'{count} x {kind.name}'}", holds)


def named(kind: Kind) -> Kind:
    """An object with values of one kind."""
    holds = lambda value: isinstance(value, dict) and all(map(kind.holds, value.values()))  # noqa: E731
    return Kind(f"an object of {kind.name}", holds)


def record_of(fields: Fields) -> Kind:
    """An object that has these fields."""
    keys = ", ".join(f"'{key}'" for key in fields)
    return Kind(
        f"an object of {keys}", lambda value: isinstance(value, dict) and fault(value, fields) is None
    )


def fault(record: Any, fields: Fields) -> str | None:
    """What is wrong with a record, in a few words; None if its fields are valid."""
    if not isinstance(record, dict):
        return "not a JSON object"
    wrong = next((key for key, kind in fields.items() if not kind.holds(record.get(key))), None)
    return None if wrong is None else f"'{wrong}' is not {fields[wrong].name}"


def usable_records(
    records: Sequence[Any], fields: Callable[[Record], Fields], where: Path
) -> tuple[list[Record], list[str]]:
    """The records with valid fields, and a line about each of the others; these lines are logged too.

    `fields` may depend on the record; `where` is the file they come from. Raises InputError if there are
    records and none is valid.
    """
    kept, told = [], []
    for number, record in enumerate(records, 1):
        wrong = fault(record, fields(record) if isinstance(record, dict) else {})
        if wrong is None:
            kept.append(record)
        else:
            told.append(f"{where}: record {number} skipped: {wrong}")
    if not records:
        told.append(f"{where}: no records")
    elif not kept:
        raise InputError(f"{told[0]}; no record can be used; repeat this run")
    for line in told:
        logger.warning("%s", line)
    return kept, told


def read_json(path: Path) -> Any:
    """Content of a JSON file; InputError if it is missing or cannot be read."""
    try:
        return json.loads(read_bytes(path, MOST_TEXT_BYTES).decode())
    except RecursionError as error:
        raise InputError(f"{path}: damaged (nested too deeply); repeat this run") from error
    except ValueError as error:
        raise InputError(f"{path}: damaged ({error}); repeat this run") from error


def file_of(folder: Path, name: str) -> Path:
    """The file of a run that a record names; InputError if it is missing or lies outside the folder."""
    if not is_plain_name(name):
        raise InputError(f"{folder}: a record names {name!r}, a file outside this folder; repeat this run")
    path = folder / name
    require_file(path)
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{path}: a link to a file outside its folder; copy the file there")
    return path


def is_plain_name(name: Any) -> bool:
    """Whether this can be the name of a file directly in a folder."""
    return isinstance(name, str) and name not in ("", ".", "..") and not set(name) & _NOT_IN_NAMES
