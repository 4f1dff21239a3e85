"""The text of CrystFEL's .geom files: values with units, paths in image files, vectors, panels.

After crystfel_geometry(5) of CrystFEL 0.11: `name = value` holds for panels that are first mentioned later,
`panel/name = value` for one panel; names that start with `bad`, `group` or `rigid_group` are not panels. Text
after a semicolon is comment.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from argand.errors import InputError
from argand.io.beam_geometry import meant, read_text, vector_meant
from argand.io.panel_model import MOST_PANELS, Lookup
from argand.typing import Vector3

MOST_GENERAL, _MOST_BAD = 500, 10**5
"""Largest numbers of statements for all panels, which each panel copies, and of bad regions. By hand: files
have dozens and thousands."""
_LEAST = 1e-9
"""Least pixels per metre, wavelength in Å, energy in eV and voltage. Set by hand: far below all in use."""
_LONGEST_VECTOR = 200
"""Most characters of a direction, set by hand: three numbers of 20."""
_TERM = re.compile(r"([+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)?)\*?([xyz])")
_ELECTRON_REST_EV, _ELECTRON_AA_SQRT_EV = 510998.95, 12.264259
"""Rest energy of the electron in eV, and h/sqrt(2 m e) in Å V^(1/2) (CODATA 2018)."""


@dataclass(frozen=True)
class GeomText:
    """A .geom file: its lines, the statements for all panels, for each panel and for each bad region."""

    path: str
    lines: tuple[str, ...]
    general: dict[str, str]
    panels: dict[str, dict[str, str]]
    bad: dict[str, dict[str, str]]

    def number(self, of: dict[str, str], name: str, default: float | None = None) -> float:
        """A number that a panel or region states; InputError if there is none and no default."""
        if name not in of:
            if default is None:
                raise InputError(f"{self.path}: no {name} for one of its panels")
            return default
        try:
            return meant(of[name])
        except ValueError as error:
            raise InputError(f"{self.path}: {name} = {of[name][:40]} is not a number") from error

    def pixel_mm(self, of: dict[str, str]) -> float:
        """Size of a panel's pixels."""
        resolution = self.number(of, "res")
        if not resolution > _LEAST:
            raise InputError(f"{self.path}: res = {resolution:g} is not a number of pixels per metre")
        return 1000.0 / resolution

    def length_mm(self, value: str, lookup: Lookup) -> float:
        """A length in mm: `0.1`, `0.1 m`, `100 mm` or the path of a number in the image file.

        Without a unit, numbers are in m and values of paths in mm.
        """
        number, unit, found = self._value(value, lookup)
        scale = {"": 1.0 if found else 1000.0, "m": 1000.0, "mm": 1.0}.get(unit)
        if scale is None:
            raise InputError(f"{self.path}: '{value}' is not a length in m or mm")
        return number * scale

    def wavelength(self, lookup: Lookup) -> float | None:
        """Wavelength in Å from the beam in the file; None if it states none."""
        for name, units in _BEAM_UNITS.items():
            if name in self.general:
                number, unit, _ = self._value(self.general[name], lookup)
                if unit not in units or not number * units.get(unit, 1.0) > _LEAST:
                    raise InputError(f"{self.path}: {name} = {self.general[name]} is invalid")
                return _in_angstrom(name, number * units[unit])
        return None

    def _value(self, text: str, lookup: Lookup) -> tuple[float, str, bool]:
        """Number, unit, and whether it was looked up in the image file."""
        place, _, unit = text.partition(" ")
        looked_up = False
        try:
            number = float(place)
        except ValueError:
            number, looked_up = lookup(place), True
        try:
            number = meant(number)
        except (TypeError, ValueError) as error:
            where = (
                f"no number in the image file at {place[:40]}" if looked_up else f"{place} is not a number"
            )
            raise InputError(f"{self.path}: {where}; write the number into the .geom") from error
        return number, unit.strip(), looked_up


_BEAM_UNITS = {
    "wavelength": {"": 1e10, "m": 1e10, "A": 1.0},
    "photon_energy": {"": 1.0, "eV": 1.0, "keV": 1e3},
    "electron_voltage": {"": 1.0, "V": 1.0, "kV": 1e3},
}
"""Names of the statements on the beam, with their units in Å, eV and V."""


def _in_angstrom(name: str, value: float) -> float:
    if name == "photon_energy":
        from argand.units import wavelength_from_energy

        return wavelength_from_energy(value / 1000.0)
    if name == "electron_voltage":
        # de Broglie wavelength with the relativistic correction of the accelerating voltage.
        return _ELECTRON_AA_SQRT_EV / np.sqrt(value * (1 + value / (2 * _ELECTRON_REST_EV)))
    return value


def read_geom_text(path: str | Path) -> GeomText:
    """The statements of a file; InputError for one without panels."""
    lines = tuple(read_text(path).splitlines())
    general: dict[str, str] = {}
    panels: dict[str, dict[str, str]] = {}
    bad: dict[str, dict[str, str]] = {}
    for number, line in enumerate(lines):
        if len(panels) > MOST_PANELS or len(general) > MOST_GENERAL or len(bad) > _MOST_BAD:
            raise InputError(
                f"{path}: more than {MOST_PANELS} panels, {MOST_GENERAL} statements for all or {_MOST_BAD:,} "
                f"bad regions by line {number}; give a CrystFEL .geom file"
            )
        key, value = statement(line)
        owner, _, name = key.rpartition("/")
        if not owner:
            general[key] = value
        elif owner.startswith("bad"):
            bad.setdefault(owner, {})[name] = value
        elif not owner.startswith(("group", "rigid_group")):
            panels.setdefault(owner, dict(general))[name] = value
    general.pop("", None)
    if not panels:
        raise InputError(f"{path}: no panels in it; give a CrystFEL .geom file")
    return GeomText(str(path), lines, general, panels, bad)


def statement(line: str) -> tuple[str, str]:
    """Name and value of a line; empty for a line without a statement."""
    name, equals, value = line.partition(";")[0].partition("=")
    return (name.strip(), value.strip()) if equals and name.strip() else ("", "")


def restated(line: str, value: str) -> str:
    """The line with another value; blanks and comment are kept."""
    stated, semicolon, comment = line.partition(";")
    name, equals, old = stated.partition("=")
    blanks = old[: len(old) - len(old.lstrip())], old[len(old.rstrip()) :] if old.strip() else ""
    return f"{name}{equals}{blanks[0]}{value}{blanks[1]}{semicolon}{comment}"


def vector(text: str, path: str) -> Vector3:
    """`+0.999x -0.002y` as components along x, y, z; InputError for anything else."""
    bare = text.replace(" ", "") if len(text) <= _LONGEST_VECTOR else ""
    terms = _TERM.findall(bare)
    if not terms or sum(len(number) + len(axis) for number, axis in terms) != len(bare.replace("*", "")):
        raise InputError(f"{path}: '{text[:40]}' is not a direction such as +0.999x -0.002y")
    found = np.zeros(3)
    for number, axis in terms:
        found["xyz".index(axis)] += float(number + "1" if number in ("", "+", "-") else number)
    try:
        return vector_meant(found)
    except ValueError as error:
        raise InputError(f"{path}: '{text[:40]}' is not a direction ({error})") from error
