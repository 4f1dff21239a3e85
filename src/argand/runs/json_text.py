"""JSON that every program reads: numbers that are not finite are null."""

import json
from typing import Any

from argand.runs.record import to_record


def json_text(value: Any, indent: int = 1) -> str:
    """Plain values, arrays and numbers of numpy as JSON."""
    return json.dumps(to_record(value), indent=indent, allow_nan=False)
