"""The values of a record in words, alike on the screen and on the page."""

from math import hypot
from pathlib import Path
from typing import Any

from argand.systems.geometry.files.record import Record


def label(record: Record) -> str:
    """How a record is called: file and number of the image, or the first of the files that were pooled."""
    if record.get("pooled"):
        return f"pooled from {Path(record['files'][0]).name} on"
    number = f" #{record['index']}" if record.get("index") else ""
    return Path(record["file"]).name + number


def shift_length(record: Record) -> float | None:
    """How far a reliable answer is from the header's centre, in px; None where one of them is missing."""
    shift = record.get("shift_px")
    return None if not record["reliable"] or shift is None else hypot(*shift)


def pair(values: Any, digits: int = 2, sign: str = "") -> str:
    """Two numbers as text; empty where there are none."""
    return "" if values is None else ", ".join(f"{value:{sign}.{digits}f}" for value in values)


def angles(tilt: dict[str, float] | None) -> str:
    """Pitch and yaw in degrees; empty where there is no tilt."""
    return "" if not tilt else pair((tilt["pitch"], tilt["yaw"]), sign="+") + "°"


def number(value: float | None, digits: int = 2) -> str:
    """A number as text; empty where there is none."""
    return "" if value is None else f"{value:.{digits}f}"


def verdict(record: Record) -> str:
    """Whether there is an answer, in two words at most."""
    return "reliable" if record["reliable"] else "failed" if record.get("failed") else "no answer"
