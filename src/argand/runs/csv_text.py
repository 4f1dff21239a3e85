"""CSV of records, one row each."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

from argand.runs.answers import flat
from argand.runs.record import to_record


def csv_text(records: Iterable[Mapping[str, Any]]) -> str:
    """CSV with a column for each key that a record has, in the order in which the keys come first.

    Keys of nested records are joined by dots; lists of texts by "; ", other lists are JSON. What is
    missing or not finite is empty.
    """
    rows = [{key: _cell(value) for key, value in flat(to_record(record)).items()} for record in records]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return "; ".join(value) if all(isinstance(one, str) for one in value) else json.dumps(value)
