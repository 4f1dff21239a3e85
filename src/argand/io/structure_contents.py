"""Comparison of the atoms of a cell with the formula and Z of its file."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from argand.physics.crystal.atom import usual_volume
from argand.physics.crystal.structure import Structure

_AGREE = 0.5
"""Tolerance in atoms per cell; set by hand: formulas have fractions if sites are not quite full."""


@dataclass(frozen=True)
class Contents:
    """Comparison of the atoms of a cell with formula and Z.

    `agrees` is None without a formula; hydrogen missing in the model is not a contradiction. `text` describes
    the differences. `is_short` means too few atoms of an element other than hydrogen; `is_other` too many of
    one, or too few of all, and not by one factor: explained neither by a wrong Z nor by solvent missing in
    the model.
    """

    agrees: bool | None
    text: str = ""
    is_short: bool = False
    is_other: bool = False


def compared(
    structure: Structure, formula: Mapping[str, float] | None, units: float | None, is_stated: bool
) -> Contents:
    """Compare the atoms of the cell with `units` of the formula, or as many as fit if that is None.

    A formula divisible by Z may already be that of the whole cell, as written by pymatgen. If no symmetry is
    stated (`is_stated`), bare sites would then pass as a cell, so the volume decides.
    """
    if not formula:
        return Contents(None)
    wanted, there = Counter(formula), Counter(structure.symbols)
    wanted["H"] += wanted.pop("D", 0)
    given = [units or _units(wanted, there)]
    if units and all(count % units == 0 for count in formula.values()):
        given += [1.0] if is_stated or _is_of_cell(formula, units, structure.volume) else []
    found = [_compared(wanted, there, one) for one in given]
    return next((one for one in found if one.agrees), found[0])


def _units(wanted: Mapping[str, float], there: Mapping[str, float]) -> float:
    """Largest number of formula units given by any one element.

    Hydrogen, which models may lack, counts only if there is nothing else.
    """
    ratios = {element: there.get(element, 0) / count for element, count in wanted.items() if count}
    heavy = [ratio for element, ratio in ratios.items() if element != "H"]
    return max(heavy or ratios.values(), default=1.0)


def _compared(wanted: Counter, there: Counter, given: float) -> Contents:
    """Compare the atoms present with this many formula units."""
    heavy = [element for element in {**wanted, **there} if element != "H"] or ["H"]
    ratios = [there[element] / wanted[element] if wanted[element] else np.inf for element in heavy]
    apart = {element: there[element] - given * wanted[element] for element in (*heavy, "H")}
    if all(abs(apart[element]) < _AGREE for element in heavy):
        if heavy != ["H"] and apart["H"] <= -_AGREE:
            lacking = f"{-apart['H']:.4g} of {given * wanted['H']:.4g} hydrogen atoms of the formula"
            return Contents(True, f"has no positions for {lacking}")
        if apart["H"] < _AGREE:
            return Contents(True)
    told = {element: given * count for element, count in wanted.items() if count}
    text = f"has {_written(there)} in the cell, but formula and Z give {_written(told)}"
    is_even = max(ratios) - min(ratios) < 0.02 * max(ratios)
    is_short = [apart[element] <= -_AGREE for element in heavy]
    is_over = any(apart[element] >= _AGREE for element in heavy)
    return Contents(False, text, any(is_short), not is_even and (is_over or all(is_short)))


def _is_of_cell(formula: Mapping[str, float], units: float, volume: float) -> bool:
    """Whether the cell's volume in Å³ is closer to the usual volume of one formula than to Z times that.

    By Hofmann, Acta Cryst. B58, 489 (2002).
    """
    usual = usual_volume(formula)
    return bool(abs(np.log(volume / usual)) < abs(np.log(volume / (units * usual))))


def _written(counts: Mapping[str, float]) -> str:
    return " ".join(f"{element}{count:.4g}" for element, count in sorted(counts.items()))
