"""A setting of a verb: read off the option of the command line, and checked before it becomes a word."""

import inspect
import math
import re
import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Literal

from argand.duration import Seconds
from argand.errors import ConfigError
from argand.machine import available_cores
from argand.runs.verbs import ADVANCED, RANGES

Kind = Literal["number", "integer", "choice", "flag", "text", "time", "file"]

MOST_LETTERS = 200
"""Longest text of a setting. By hand: a formula, a cell or a list of elements is far shorter."""
_LABELS = {
    "cell": "unit cell",
    "spacegroup": "space group",
    "distance": "distance, mm",
    "wavelength": "wavelength, Å",
    "pixel_size": "pixel size, mm",
    "two_theta": "2θ of the arm, °",
    "max_tilt": "largest tilt, °",
    "geometry": "panel geometry",
    "voxel": "voxel, Å",
    "window": "window, Å",
    "length": "length, Å",
    "d_min": "resolution limit, Å",
    "units": "formula units, Z",
}
"""Labels of settings whose name lacks a unit or a word."""
_TEXTS = {
    "cell": r"[-+0-9.,eE ()]+",
    "spacegroup": r"[A-Za-z0-9/_:() -]+",
    "formula": r"[A-Za-z0-9.() ]+",
    "laue": r"[0-9m/ -]+",
    "elements": r"[A-Za-z, ]+",
    "calibrant": r"[A-Za-z0-9_. -]+",
    "formats": r"[a-z,]+",
}
"""What a text may consist of. None of them can name a file, so that no setting reads one of the server."""


@dataclass(frozen=True)
class Setting:
    """A setting of a verb, with the name and the help of its option.

    Of kind `file`, the setting is a file that is sent along; `several` may then be more than one.
    """

    name: str
    option: str
    kind: Kind
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    default: str = ""
    advanced: bool = False
    several: bool = False

    @property
    def label(self) -> str:
        """Its name in words."""
        return _LABELS.get(self.name, self.name.replace("_", " "))

    def words(self, value: str) -> list[str]:
        """The words of the command line for a value as it was typed; none for an empty one.

        Raises ConfigError, naming the setting, for a value that it does not take.
        """
        value = value.strip()
        if self.kind == "flag":
            return self._switched(value)
        if value == "" or value == self.default:
            return []
        # One word, so that a value that begins with a dash is none of the verb's options.
        return [f"{self.option}={_CHECKS[self.kind](self, value)}"]

    def refusal(self, value: str, wanted: str) -> ConfigError:
        """The error for a value that is not taken."""
        return ConfigError(f"{self.label}: {value[:40]!r} is not {wanted}")

    def _switched(self, value: str) -> list[str]:
        if value not in ("", "yes", "no"):
            raise self.refusal(value, "yes or no")
        if value == "" or value == self.default:
            return []
        return [self.option if value == "yes" else f"--no-{self.option.removeprefix('--')}"]


def _number(setting: Setting, value: str) -> str:
    try:
        number = int(value) if setting.kind == "integer" else float(value.replace(",", "."))
    except ValueError:
        raise setting.refusal(value, "a number" if setting.kind == "number" else "a whole number") from None
    low = -math.inf if setting.low is None else setting.low
    high = math.inf if setting.high is None else setting.high
    if not (math.isfinite(number) and low <= number <= high):
        raise setting.refusal(value, f"a number from {low:g} to {high:g}")
    return f"{number!r}" if setting.kind == "integer" else f"{number:.12g}"


def _choice(setting: Setting, value: str) -> str:
    if value not in setting.choices:
        raise setting.refusal(value, f"one of {', '.join(setting.choices)}")
    return value


def _text(setting: Setting, value: str) -> str:
    if len(value) > MOST_LETTERS or not re.fullmatch(_TEXTS[setting.name], value):
        raise setting.refusal(value, f"what it may be: {setting.help}")
    return value


def _time(setting: Setting, value: str) -> str:
    try:
        return f"{float(Seconds(value)):g}s"
    except ConfigError:
        raise setting.refusal(value, "a length of time such as 30s or 5m") from None


def _file(setting: Setting, value: str) -> str:
    raise setting.refusal(value, "a file that was sent along")


_CHECKS: dict[Kind, Callable[[Setting, str], str]] = {
    "number": _number,
    "integer": _number,
    "choice": _choice,
    "text": _text,
    "time": _time,
    "file": _file,
}


def settings_of(
    verb: Callable[..., Any], names: Sequence[str], choices: dict[str, Any]
) -> tuple[Setting, ...]:
    """The settings of these names, in this order, from the signature of a verb of the command line.

    `choices` are words that options of free text take here, by their name.
    """
    hints = typing.get_type_hints(verb, include_extras=True)
    given = inspect.signature(verb).parameters
    return tuple(_setting(name, hints[name], given[name].default, choices.get(name, ())) for name in names)


def _setting(name: str, hint: Any, default: Any, choices: Sequence[str]) -> Setting:
    annotation, info = typing.get_args(hint)[:2]
    option = next((one for one in info.param_decls or () if one.startswith("--")), None)
    bare = _bare(annotation)
    several = typing.get_origin(bare) is list
    words = tuple(choices) or _words(bare)
    kind: Kind = "choice" if words else "file" if several else _kind(bare)
    low, high = (1, available_cores()) if name == "processes" else RANGES.get(name, (None, None))
    return Setting(
        name,
        option or f"--{name.replace('_', '-')}",
        kind,
        info.help or "",
        low=max((one for one in (low, info.min) if one is not None), default=None),
        high=min((one for one in (high, info.max) if one is not None), default=None),
        choices=words,
        default=_shown(default),
        advanced=info.rich_help_panel == ADVANCED,
        several=several,
    )


def _bare(annotation: Any) -> Any:
    """The type without None."""
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        return next(one for one in typing.get_args(annotation) if one is not types.NoneType)
    return annotation


def _words(bare: Any) -> tuple[str, ...]:
    if typing.get_origin(bare) is Literal:
        return typing.get_args(bare)
    return tuple(one.value for one in bare) if isinstance(bare, type) and issubclass(bare, Enum) else ()


def _kind(bare: type) -> Kind:
    kinds: dict[type, Kind] = {bool: "flag", int: "integer", Seconds: "time", float: "number", Path: "file"}
    return kinds.get(bare, "text")


def _shown(default: Any) -> str:
    if isinstance(default, bool):
        return "yes" if default else "no"
    if isinstance(default, float) and not isinstance(default, Seconds):
        return f"{default:g}"
    return "" if default is None else str(default)
