"""Durations as people write them."""

import re

from argand.errors import ConfigError

MOST_SECONDS = 1e9
"""31 years. By hand: longer than any real run."""
_UNITS = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "min": 60.0, "s": 1.0}
_NUMBER = r"\d+(?:\.\d*)?|\.\d+"
_PARTS = re.compile(rf"(?:({_NUMBER})\s*(d|h|min|m|s)\s*)")
_CLOCK = re.compile(rf"(?:(\d+):)?(\d+):({_NUMBER})")


def seconds_from(text: str | float) -> float:
    """Parse `90`, `90s`, `10m`, `1h30m`, `MM:SS` or `HH:MM:SS` as seconds.

    Raises ConfigError for anything else, and for zero.
    """
    seconds = _read(str(text).strip().lower())
    if seconds is None or not 0 < seconds <= MOST_SECONDS:
        raise ConfigError(f"not a length of time: '{text}'; write it as 90s, 10m, 1h30m or 01:30:00")
    return seconds


def _read(text: str) -> float | None:
    """Seconds that a text stands for; None if it is not a duration."""
    if re.fullmatch(rf"(?:{_NUMBER})(?:e[+-]?\d+)?", text):
        return float(text)
    if clock := _CLOCK.fullmatch(text):
        hours, minutes, seconds = (float(part or 0) for part in clock.groups())
        return 3600 * hours + 60 * minutes + seconds
    parts = _PARTS.findall(text)
    if parts and not _PARTS.sub("", text):
        return sum(float(number) * _UNITS[unit] for number, unit in parts)
    return None


class Seconds(float):
    """A duration in s, parsed by `seconds_from` and printed as people write it."""

    def __new__(cls, text: str | float) -> "Seconds":
        """Parse a duration; ConfigError as for `seconds_from`."""
        return super().__new__(cls, seconds_from(text))

    def __str__(self) -> str:
        return as_text(self)


def as_text(seconds: float) -> str:
    """The shortest form of a duration that `seconds_from` reads: `90s`, `10m`, `1h30m`."""
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [f"{hours:g}h" if hours else "", f"{minutes:g}m" if minutes else "", f"{rest:g}s" if rest else ""]
    return "".join(parts) or "0s"
