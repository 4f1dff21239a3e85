"""The values of a record as text, for the screen and the page."""

from math import hypot
from pathlib import Path
from typing import Any

from argand.systems.geometry.files.record import Record

RIGHT_DEG = 1e-3
"""Degrees within which an angle counts as 90°. By hand: rounding; symmetry makes it exact."""


def label(record: Record) -> str:
    """Name of a record: file and number of the image, or the first of the pooled files."""
    if record.get("pooled"):
        files = record.get("files") or [record["file"]]
        more = f" and {len(files) - 1} more" if len(files) > 1 else ""
        return f"pooled: {Path(files[0]).name}{more}"
    number = f" #{record['index']}" if record.get("index") else ""
    return Path(record["file"]).name + number


def shift_length(record: Record) -> float | None:
    """Distance of a trusted centre from the header's, in px; None where one of them is missing."""
    shift = record.get("shift_px")
    return None if not record["trusted"] or shift is None else hypot(*shift)


def pair(values: Any, digits: int = 2, sign: str = "") -> str:
    """Two numbers as text; empty where there are none."""
    return "" if values is None else ", ".join(f"{value:{sign}.{digits}f}" for value in values)


def angles(tilt: dict[str, float] | None) -> str:
    """Pitch and yaw in degrees; empty where there is no tilt."""
    return "" if not tilt else pair((tilt["pitch"], tilt["yaw"]), sign="+") + "°"


def number(value: float | None, digits: int = 2) -> str:
    """A number as text; empty where there is none."""
    return "" if value is None else f"{value:.{digits}f}"


def cell(record: Record) -> str:
    """Most likely Bravais lattice, if any, and unit cell: lengths in Å, and angles other than 90°."""
    values = record.get("unit_cell")
    if not values:
        return ""
    lengths = " ".join(f"{value:.4g}" for value in values[:3])
    names = zip(("α", "β", "γ"), values[3:], strict=True)
    turned = "".join(f" {name} {value:.4g}°" for name, value in names if abs(value - 90.0) > RIGHT_DEG)
    symbol = "".join(f"{one} " for one in (record.get("bravais") or [])[:1])
    return f"{symbol}{lengths}{turned}"


def crystals(record: Record) -> str:
    """Number of lattices found, or that the frame is not a hit."""
    if not record.get("hit"):
        return "no hit" if "hit" in record else ""
    return str(record.get("lattices", 0))


def on_panel(record: Record) -> str:
    """The panel that the beam hits and where; empty for a flat detector or a gap."""
    met = record.get("beam_panel")
    return "" if not met else f"{met['name']} at {pair(met['px'])}"


def verdict(record: Record) -> str:
    """The verdict on a record: trusted, not trusted or failed."""
    return "trusted" if record["trusted"] else "failed" if record.get("failed") else "not trusted"
