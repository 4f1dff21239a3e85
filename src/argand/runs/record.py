"""Records of answers: plain dicts, stored as JSON lines."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from argand.errors import InputError
from argand.io.atomic import append_text, told_of, write_lines

Record = dict[str, Any]

SCHEMA_VERSION = 3
"""Version of the keys of records and of printed JSON, for all systems. It is raised when a key changes its
meaning or is removed, not when one is added. Version 3 added `trusted` and `reason`; the keys that they
replace (`reliable`, `solved`, `believed`, `verdict`) are still written."""
RESULTS = "results.jsonl"
"""File in which a run stores its records."""
OUTPUTS = ("xyz", "map", "hdf5", "cxi", "picture", "overlay", "image", "pixels")
"""Keys of a record that name its output files."""
_KINDS: dict[str, Any] = {
    "file": str | None,
    "source": str | None,
    "name": str,
    "asked": str | None,
    "index": int | None,
    "entry": int | None,
    "draw": int,
    "files": list,
    "downloads": list,
    "notes": list,
}
"""Types of the keys that readers of records rely on."""
_NO_RECORDS = "{}: contains no records of a run; move it away or choose another --out"
SUMMARY = "summary.json"
"""File in which a run of crystals or molmnist stores its summary."""


def to_record(value: Any) -> Any:
    """Convert a value for JSON: numpy scalars to Python numbers, non-finite numbers to None."""
    if isinstance(value, dict):
        return {key: to_record(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [to_record(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


def to_line(record: Record) -> str:
    """A record as one line of JSON."""
    return json.dumps(to_record(record), allow_nan=False)


def append_records(path: Path, records: Iterable[Record]) -> None:
    """Append records as JSON lines in one piece: an interruption or a full disk leaves all or none.

    Raises OutputError if the write fails.
    """
    append_text(path, "".join(to_line(record) + "\n" for record in records))


def drop_torn_line(path: Path) -> None:
    """Repair or cut off an incomplete last line, which a kill or a power failure may leave.

    Raises InputError, and leaves the file unchanged, if the line is not the beginning of a record.
    """
    _require_file(path)
    with told_of(path), path.open("rb+") as results:
        content = results.read()
        end = content.rfind(b"\n") + 1
        if not _is_torn(content[end:]):
            raise InputError(_NO_RECORDS.format(path))
        if isinstance(_parsed(content[end:]), dict):
            results.write(b"\n")
        else:
            results.truncate(end)


def read_records(path: Path, needed: Sequence[str] = ()) -> list[Record]:
    """Read the records of a JSON lines file; an incomplete last line is skipped.

    Each must have the keys `needed`. Raises InputError, naming damaged lines, for any other content.
    """
    _require_file(path)
    records: list[Record] = []
    damaged: list[str] = []
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            record = _parsed(line)
            why = _fault(record, needed)
            if why is None:
                records.append(record)
            elif line.endswith(b"\n") or not _is_torn(line):
                damaged.append(f"line {number} {why}")
    if damaged and not records:
        raise InputError(_NO_RECORDS.format(path))
    if damaged:
        more = f", and {len(damaged) - 1} more" if len(damaged) > 1 else ""
        raise InputError(f"{path}: {damaged[0]}{more}; delete these lines to compute their answers again")
    return records


def _require_file(path: Path) -> None:
    """InputError if it is not a regular file, for example a folder or a pipe."""
    if not path.is_file():
        raise InputError(f"{path}: not a file; move it away or choose another --out")


def _is_torn(line: bytes) -> bool:
    """Whether an incomplete line may be the remains of a record: its beginning, or zeros from a crash."""
    return line.startswith(b"{") or not line.strip(b"\0")


def _parsed(line: bytes) -> Any:
    """The value of a line of JSON; None if it is not JSON."""
    try:
        return json.loads(line.decode())
    except (ValueError, RecursionError):  # ValueError: not UTF-8, not JSON, or a number with too many digits
        return None


def _fault(record: Any, needed: Sequence[str]) -> str | None:
    """What is wrong with a record; None if nothing is."""
    if record is None:
        return "is not JSON"
    if not isinstance(record, dict):
        return "is not a record"
    for key, kinds in _KINDS.items():
        if key in record and (not isinstance(record[key], kinds) or isinstance(record[key], bool)):
            return f"has a damaged '{key}'"
    files = [record[key] for key in OUTPUTS if key in record] + record.get("downloads", [])
    if not all(isinstance(name, str) and Path(name).name == name != ".." for name in files):
        return "names files outside its folder"
    missing = next((key for key in needed if record.get(key) is None), None)
    return missing and f"has no '{missing}'"


def read_results(folder: Path) -> list[Record]:
    """Records of the run in `folder`; InputError if there is none."""
    results = folder / RESULTS
    if not results.is_file():
        raise InputError(f"{folder}: contains no {RESULTS}; give the folder that predict --out wrote")
    return read_records(results)


def write_summary(folder: Path, summary: Record) -> Record:
    """Write the summary of a run as one JSON object, atomically; returns it."""
    write_lines(folder / SUMMARY, [json.dumps(to_record(summary), indent=1, allow_nan=False)])
    return summary
