"""What a file says of a crystal beside its reflections, and how that comes to them."""

from dataclasses import dataclass, replace

from argand.io.intensities import CellParameters, MeasuredIntensities
from argand.physics.crystal.atom import Radiation
from argand.physics.crystal.symmetry import Group


@dataclass(frozen=True)
class CrystalFacts:
    """Cell, wavelength in Å, symmetry and contents, as in `MeasuredIntensities`; None where nothing is said.

    `notes` are warnings about what the file says.
    """

    cell: CellParameters | None = None
    wavelength: float | None = None
    group: Group | None = None
    formula: str | None = None
    spacegroup: str | None = None
    radiation: Radiation | None = None
    elements: tuple[str, ...] = ()
    units: float | None = None
    hklf: str = ""
    laue: str | None = None
    notes: tuple[str, ...] = ()


_TOGETHER = (("cell",), ("spacegroup", "group", "laue"), ("formula", "elements", "units"), ("wavelength",))
"""What is taken from one file or from another, but not in parts from both."""

_SHOWN = {"cell": "cell", "spacegroup": "space group", "formula": "formula", "elements": "elements"}


def completed(measured: MeasuredIntensities, facts: CrystalFacts, file: str = "") -> MeasuredIntensities:
    """The intensities with what they lack of cell, symmetry, contents and wavelength.

    `file` is named in a note that says what was taken from it.
    """
    taken: dict[str, object] = {}
    for names in (*_TOGETHER, ("radiation",), ("hklf",)):
        if not any(_is_said(getattr(measured, name)) for name in names):
            taken |= {name: value for name in names if _is_said(value := getattr(facts, name))}
    # What a file says of itself matters where it says nothing else, or where something of it is used.
    is_told = bool(taken) or facts == CrystalFacts(notes=facts.notes)
    notes = (*measured.notes, *(facts.notes if is_told else ()))
    shown = [_SHOWN[name] for name in _SHOWN if name in taken]
    if file and shown:
        notes += (f"{_listed(shown)} from {file}",)
    return replace(measured, **taken, notes=notes)


def _listed(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]


def _is_said(value: object) -> bool:
    return value is not None and value not in ("", ())
