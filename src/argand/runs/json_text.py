"""JSON that every program can read: non-finite numbers become null."""

import json
from typing import Any

from argand.runs.record import to_record


def json_text(value: Any, indent: int = 1) -> str:
    """JSON of plain values, numpy arrays and numpy scalars."""
    return json.dumps(to_record(value), indent=indent, allow_nan=False)
