"""The question that measured intensities pose: unique reflections, cell, space group and contents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np

from argand.errors import InputError
from argand.io.reflections import CellParameters, MeasuredIntensities, parse_cell, read_reflections
from argand.physics.crystal.atom import (
    VOLUME_PER_ATOM,
    Radiation,
    formula_units,
    is_hydrogen,
    parse_formula,
    usual_volume,
)
from argand.physics.crystal.space_group_symbol import setting_note
from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.intensity_statistics import twin_warning
from argand.physics.phasing.merge import Merged, completeness, merge
from argand.physics.phasing.refinement import Observed
from argand.systems.patterson.solution.usable_data import FEWEST, usable
from argand.typing import Matrix3

_LARGEST_R_INT = 0.5
"""R_int of merged equivalents beyond which a warning is given. By hand: pairs of unrelated acentric
intensities, exponential by Wilson's statistics, have 0.5 on average, so nothing is left that agrees."""
_VOLUME_OFF = 1.6
"""Factor between the cell and the usual volume of its contents from which a stated Z is not trusted.

By hand: the nearest other number of formulas is a factor 2 off, and usual volumes are right within a fifth.
"""
_VOLUME_OFF_INORGANIC = 2.5
"""The same without carbon. By hand: usual volumes are those of organic crystals; borates and fluorides can be
a factor 1.8 denser."""
_IMPOSSIBLE = 8.0
"""Times the cell that its contents usually take from which on nothing is begun. By hand: far beyond what
usual volumes can be wrong, and each atom takes time."""
_FAINTEST_ABSENT = 3.0
"""Mean I over sigma of forbidden reflections from which on a warning is given. By hand: three sigma, on
average."""
_WAVELENGTH: Mapping[Radiation, float] = {"xray": 0.71073, "electron": 0.02508}
"""In Å, where the file tells none: Mo Kα, and electrons of 200 kV, h / √(2 m e U (1 + e U / 2 m c²)). They go
into the files that are written; no structure depends on them."""


@dataclass(frozen=True)
class CrystalData:
    """All that a structure is solved from.

    `content` counts the atoms other than hydrogen of the asymmetric unit, `cell_content` all atoms of the
    cell; both are None without a formula. `elements` are all that is known of the contents then, where
    anything is. `measured` is what was given, before it was merged. `notes` are warnings for the user.
    `r_meas` and `cc_half` are those of `Merged`: None where each reflection was given once.
    """

    cell: CellParameters
    group: Group
    observed: Observed
    content: Mapping[str, float] | None
    cell_content: Mapping[str, float] | None
    completeness: float
    wavelength: float
    notes: tuple[str, ...]
    r_meas: float | None = None
    cc_half: float | None = None
    elements: tuple[str, ...] = ()
    measured: MeasuredIntensities | None = None

    @property
    def orthogonalisation(self) -> Matrix3:
        """Columns are a, b, c in Å."""
        return self.observed.orthogonalisation

    @property
    def volume(self) -> float:
        """Å³ of the cell."""
        return float(np.linalg.det(self.orthogonalisation))

    @property
    def atoms(self) -> float:
        """Atoms other than hydrogen in the asymmetric unit, from the formula or the volume."""
        if self.content:
            return sum(self.content.values())
        return self.volume / self.group.order / VOLUME_PER_ATOM


def read_crystal(
    path: Path | str,
    cell: str | Sequence[float] | None = None,
    spacegroup: str | None = None,
    formula: str | None = None,
    d_min: float | None = None,
    units: float | None = None,
    radiation: Radiation | None = None,
    elements: Sequence[str] = (),
) -> CrystalData:
    """`prepare` for a file of reflections; `cell` is six numbers or "a,b,c,alpha,beta,gamma", in Å and
    degrees.

    Raises InputError for a file or a cell that cannot be read, and as `prepare` does.
    """
    measured, stated = read_measured(path, cell)
    return prepare(measured, stated, spacegroup, formula, d_min, units, radiation, elements)


def read_measured(
    path: Path | str, cell: str | Sequence[float] | None = None
) -> tuple[MeasuredIntensities, CellParameters | None]:
    """What a file of reflections holds, and the cell that is stated; arguments of `read_crystal`."""
    if cell is not None and not isinstance(cell, str):
        cell = ",".join(str(float(value)) for value in cell)
    stated = None if cell is None else parse_cell(cell)
    return read_reflections(Path(path)), stated


def has_group(measured: MeasuredIntensities) -> bool:
    """Whether a file says its space group."""
    return measured.group is not None or measured.spacegroup is not None


def prepare(
    measured: MeasuredIntensities,
    cell: CellParameters | None = None,
    spacegroup: str | None = None,
    formula: str | None = None,
    d_min: float | None = None,
    units: float | None = None,
    radiation: Radiation | None = None,
    elements: Sequence[str] = (),
) -> CrystalData:
    """Merge what was measured; what is stated here goes before what the file says.

    `d_min` in Å leaves finer reflections out. `units` of the formula are in the cell; None takes the number
    that the file says or that fills it best. `elements` (symbols) are what the crystal holds where no formula
    is given. Without `radiation` the file's is taken, or X-rays.

    Raises InputError where cell or space group are unknown, contradict each other or the reflections.
    """
    given = measured
    measured, cell = usable(given, cell, d_min)
    group, group_notes = _group(measured, spacegroup, cell)
    orthogonalisation = _axes(cell, group)
    merged = merge(measured.hkl, measured.intensity, measured.sigma, group)
    if len(merged.hkl) < FEWEST:
        raise InputError(
            f"{measured.source}: {len(merged.hkl)} different reflections that {group.name} allows; "
            "check the file and the space group"
        )
    probe = radiation or measured.radiation or "xray"
    observed = Observed(merged.hkl, merged.intensity, merged.sigma, group, orthogonalisation, probe)
    share = completeness(merged.hkl, group, orthogonalisation, observed.d_min)
    notes = (*measured.notes, *group_notes, *_notes(merged, observed, share))
    content, cell_content = None, None
    if formula or not elements:
        stated, is_given = units or _stated_units(measured, formula), units is not None
        content, cell_content, told = _contents(formula or measured.formula, stated, is_given, observed)
        notes += told
    named = () if content else tuple(elements or measured.elements)
    wavelength = measured.wavelength or _WAVELENGTH[probe]
    agreement = merged.r_meas, merged.cc_half
    return CrystalData(
        cell, group, observed, content, cell_content, share, wavelength, notes, *agreement, named, given
    )


def _axes(cell: CellParameters, group: Group) -> Matrix3:
    """a, b, c in Å as columns; InputError where the group does not allow this cell."""
    orthogonalisation = np.array(gemmi.UnitCell(*cell).orth.mat.tolist())
    if not group.keeps(orthogonalisation):
        shown = ", ".join(f"{value:g}" for value in cell)
        raise InputError(f"space group {group.name} contradicts the cell {shown}; check both and the setting")
    return orthogonalisation


def _group(
    measured: MeasuredIntensities, spacegroup: str | None, cell: CellParameters
) -> tuple[Group, tuple[str, ...]]:
    """The group that is stated, or else the file's, with a note where its symbol leaves a choice open."""
    if spacegroup is None and measured.group is not None:
        return measured.group, ()
    name = spacegroup or measured.spacegroup
    if name is None:
        hint = f" but the Laue class of {measured.laue}" if measured.laue else ""
        raise InputError(f"{measured.source}: no space group in it{hint}; give one such as 'P 21/c'")
    group = Group.from_name(name, cell)
    note = setting_note(name, group.name)
    return group, () if note is None else (note,)


def _notes(merged: Merged, observed: Observed, share: float) -> tuple[str, ...]:
    """Warnings about what equivalents, forbidden reflections, statistics and gaps tell."""
    notes, group = [], observed.group
    if merged.r_int is not None and merged.r_int > _LARGEST_R_INT:
        notes.append(
            f"equivalent reflections disagree (R_int {merged.r_int:.2f}): "
            f"check the space group {group.name} and its setting"
        )
    if merged.absent and merged.absent_strength > _FAINTEST_ABSENT:
        notes.append(
            f"{merged.absent} reflections that {group.name} forbids are present "
            f"(mean I/sigma {merged.absent_strength:.1f}): check the space group"
        )
    values = merged.hkl, merged.intensity, merged.sigma
    if (twin := twin_warning(*values, group, observed.orthogonalisation)) is not None:
        notes.append(twin)
    # By hand.
    if share < 0.5:
        notes.append(f"only {share:.0%} of the reflections were measured: a solution is unlikely")
    return tuple(notes)


def _stated_units(measured: MeasuredIntensities, formula: str | None) -> float | None:
    """The Z of the file where it belongs to the formula that is used, the file's or one stated here."""
    if formula is None or measured.formula is None:
        return measured.units
    return measured.units if parse_formula(formula) == parse_formula(measured.formula) else None


def _contents(
    formula: str | None, units: float | None, is_given: bool, observed: Observed
) -> tuple[Mapping[str, float] | None, Mapping[str, float] | None, tuple[str, ...]]:
    """Atoms but hydrogen of the asymmetric unit, all of the cell, and warnings, where a formula is known.

    A number of units from a file that leaves the cell too empty or too full gives way to the best one.
    """
    if formula is None:
        return None, None, ()
    counts = parse_formula(formula)
    volume, order = float(np.linalg.det(observed.orthogonalisation)), observed.group.order
    best = formula_units(counts, volume, order)
    chosen, notes = units or best, []
    if not is_given and _is_off(counts, chosen, volume) and not _is_off(counts, best, volume):
        notes.append(
            f"{chosen:g} of {formula} in {volume:.0f} Å³ are unlikely: {best:g} are used "
            "(--units says otherwise)"
        )
        chosen = best
    elif _is_off(counts, chosen, volume):
        filled = chosen * usual_volume(counts) / volume
        if filled > _IMPOSSIBLE:
            raise InputError(
                f"{chosen:g} of {formula[:60]} usually take {filled:.1f} times the cell's volume; "
                "check formula, --units and cell"
            )
        notes.append(
            f"{chosen:g} of {formula} usually take {filled:.1f} times the cell's volume: check the formula"
        )
    whole = {element: number * chosen for element, number in counts.items()}
    heavy = {element: number / order for element, number in whole.items() if not is_hydrogen(element)}
    return heavy or None, whole, tuple(notes)


def _is_off(counts: Mapping[str, float], units: float, volume: float) -> bool:
    """Whether contents and cell differ more than the usual volumes of atoms can be wrong."""
    most = _VOLUME_OFF if "C" in counts else _VOLUME_OFF_INORGANIC
    return abs(float(np.log(units * usual_volume(counts) / volume))) > float(np.log(most))
