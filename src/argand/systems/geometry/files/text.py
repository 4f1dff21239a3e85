"""The values of a record in words, alike on the screen and on the page."""

from pathlib import Path
from typing import Any

from argand.systems.geometry.files.record import Record


def label(record: Record) -> str:
    """How a record is called: file and number of the image, or the first of the files that were pooled."""
    if record.get("pooled"):
        return f"pooled from {Path(record['files'][0]).name} on"
    number = f" #{record['index']}" if record.get("index") else ""
    return Path(record["file"]).name + number


def pair(values: Any, digits: int = 2, sign: str = "") -> str:
    """Two numbers as text; empty where there are none."""
    return "" if values is None else ", ".join(f"{value:{sign}.{digits}f}" for value in values)


def angles(tilt: dict[str, float] | None) -> str:
    """Pitch and yaw in degrees; empty where there is no tilt."""
    return "" if not tilt else pair((tilt["pitch"], tilt["yaw"]), sign="+") + "°"


def number(value: float | None, digits: int = 2) -> str:
    """A number as text; empty where there is none."""
    return "" if value is None else f"{value:.{digits}f}"


def on_panel(record: Record) -> str:
    """Which panel the beam meets and where; empty for a detector of one piece or a gap."""
    met = record.get("beam_panel")
    return "" if not met else f"{met['name']} at {pair(met['px'])}"


def verdict(record: Record) -> str:
    """Whether there is an answer, in two words at most."""
    return "reliable" if record["reliable"] else "failed" if record.get("failed") else "no answer"
