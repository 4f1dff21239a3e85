"""Records of answers, plain dicts, as lines of JSON."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from argand.errors import InputError
from argand.io.atomic import write_lines

Record = dict[str, Any]

RESULTS = "results.jsonl"
"""Where a run keeps its records."""
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
    """Append records as lines of JSON in one piece, so that an interruption leaves all of them or none."""
    # One unbuffered write: a buffer would be flushed in parts.
    text = "".join(to_line(record) + "\n" for record in records)
    with path.open("ab", buffering=0) as results:
        results.write(text.encode())


def drop_torn_line(path: Path) -> None:
    """Cut off a last line without its end, which a kill or a power cut may leave."""
    with path.open("rb+") as results:
        content = results.read()
        results.truncate(content.rfind(b"\n") + 1)


def read_records(path: Path) -> list[Record]:
    """Records of a file of JSON lines; a last line that was cut off is left out.

    Raises InputError for a file that holds anything else.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError as error:
            if number == len(lines):
                break
            raise InputError(f"{path}: line {number} is no JSON; name the results of a run") from error
    return records


def read_results(folder: Path) -> list[Record]:
    """Records of the run in `folder`; InputError where there is none."""
    results = folder / RESULTS
    if not results.is_file():
        raise InputError(f"{folder}: no {RESULTS} there; name the folder that predict --out wrote")
    return read_records(results)


def write_summary(folder: Path, summary: Record) -> Record:
    """Write what a run tells as one JSON object, in one move; gives it back."""
    write_lines(folder / SUMMARY, [json.dumps(summary, indent=1)])
    return summary
