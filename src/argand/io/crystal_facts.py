"""Crystal data in a file besides its reflections, and merging them."""

from dataclasses import dataclass, replace

from argand.io.intensities import CellParameters, MeasuredIntensities
from argand.physics.crystal.atom import Radiation
from argand.physics.crystal.symmetry import Group


@dataclass(frozen=True)
class CrystalFacts:
    """Cell, wavelength in Å, symmetry and contents, as in `MeasuredIntensities`; None if not given.

    `notes` are warnings about the file's content.
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
"""Groups of fields taken from one file only, never partly from two."""

_SHOWN = {"cell": "cell", "spacegroup": "space group", "formula": "formula", "elements": "elements"}


def completed(measured: MeasuredIntensities, facts: CrystalFacts, file: str = "") -> MeasuredIntensities:
    """The intensities with missing cell, symmetry, contents and wavelength filled in.

    A note says what was taken from `file`.
    """
    taken: dict[str, object] = {}
    for names in (*_TOGETHER, ("radiation",), ("hklf",)):
        if not any(_is_said(getattr(measured, name)) for name in names):
            taken |= {name: value for name in names if _is_said(value := getattr(facts, name))}
    # A file's own notes matter only if it has no other data, or if some of them are used.
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
