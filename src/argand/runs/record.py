"""Records of answers, plain dicts, as lines of JSON."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from argand.errors import InputError
from argand.io.atomic import append_text, told_of, write_lines

Record = dict[str, Any]

SCHEMA_VERSION = 3
"""Version of the keys of records and of printed JSON, in all systems. It is raised where a key changes its
meaning or is removed, and stays where one is added. 3 brought `trusted` and `reason`; the keys that they
replace (`reliable`, `solved`, `believed`, `verdict`) are still written beside them."""
RESULTS = "results.jsonl"
"""Where a run keeps its records."""
OUTPUTS = ("xyz", "map", "hdf5", "cxi", "picture", "overlay")
"""Keys of a record under which names of files stand that were written for it."""
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
"""What stands under keys that whoever reads records relies on."""
_NO_RECORDS = "{}: holds no records of a run; move it away or name another --out"
SUMMARY = "summary.json"
"""Where a run of crystals or molmnist keeps all that it tells."""


def to_record(value: Any) -> Any:
    """The value for JSON: numpy's numbers as Python's, what is not finite as None."""
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
    """Append records as lines of JSON in one piece: an interruption or a full disk leaves all or none.

    Raises OutputError where the disk refuses.
    """
    append_text(path, "".join(to_line(record) + "\n" for record in records))


def drop_torn_line(path: Path) -> None:
    """Cut off a last line without its end, which a kill or a power cut may leave.

    Raises InputError, and leaves the file as it is, where that is no beginning of a record.
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
    """Records of a file of JSON lines; a last line that was cut off is left out.

    Each has the keys `needed`. InputError, which names damaged lines, for a file that holds anything else.
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
        raise InputError(f"{path}: {damaged[0]}{more}; delete such lines, what they told is asked again")
    return records


def _require_file(path: Path) -> None:
    """InputError for what is no file, such as a folder of that name or a pipe."""
    if not path.is_file():
        raise InputError(f"{path}: is no file; move it away or name another --out")


def _is_torn(line: bytes) -> bool:
    """Whether a line without its end may be what is left of a record: its beginning, or zeros of a disk."""
    return line.startswith(b"{") or not line.strip(b"\0")


def _parsed(line: bytes) -> Any:
    """The value of a line of JSON; None where it is none."""
    try:
        return json.loads(line.decode())
    except (ValueError, RecursionError):  # ValueError: no UTF-8, no JSON, numbers of thousands of digits
        return None


def _fault(record: Any, needed: Sequence[str]) -> str | None:
    """What is wrong with a record, None where nothing is."""
    if record is None:
        return "is no JSON"
    if not isinstance(record, dict):
        return "is no record"
    for key, kinds in _KINDS.items():
        if key in record and (not isinstance(record[key], kinds) or isinstance(record[key], bool)):
            return f"has a damaged '{key}'"
    files = [record[key] for key in OUTPUTS if key in record] + record.get("downloads", [])
    if not all(isinstance(name, str) and Path(name).name == name != ".." for name in files):
        return "names files outside of its folder"
    missing = next((key for key in needed if record.get(key) is None), None)
    return missing and f"has no '{missing}'"


def read_results(folder: Path) -> list[Record]:
    """Records of the run in `folder`; InputError where there is none."""
    results = folder / RESULTS
    if not results.is_file():
        raise InputError(f"{folder}: no {RESULTS} there; name the folder that predict --out wrote")
    return read_records(results)


def write_summary(folder: Path, summary: Record) -> Record:
    """Write what a run tells as one JSON object, in one move; gives it back."""
    write_lines(folder / SUMMARY, [json.dumps(to_record(summary), indent=1, allow_nan=False)])
    return summary
