"""Whether the atoms of a cell are those that formula and Z of its file tell."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from argand.physics.crystal.atom import usual_volume
from argand.physics.crystal.structure import Structure

_AGREE = 0.5
"""Atoms in the cell; by hand: formulas have fractions where sites are not quite full."""


@dataclass(frozen=True)
class Contents:
    """How the atoms of a cell compare with formula and Z.

    `agrees` is None without a formula; hydrogen that the model lacks is no contradiction. `text` says what
    differs. `is_short` says that there are too few of an element other than hydrogen; `is_other` that there
    are too many of one, or too few of all, and not by one factor: what neither a wrong Z nor solvent that the
    model lacks explains.
    """

    agrees: bool | None
    text: str = ""
    is_short: bool = False
    is_other: bool = False


def compared(structure: Structure, formula: Mapping[str, float] | None, units: float | None) -> Contents:
    """The atoms of the cell beside `units` of the formula, or as many as fit where that is None."""
    if not formula:
        return Contents(None)
    wanted, there = Counter(formula), Counter(structure.symbols)
    wanted["H"] += wanted.pop("D", 0)
    heavy = [element for element in {**wanted, **there} if element != "H"] or ["H"]
    ratios = [there[element] / wanted[element] if wanted[element] else np.inf for element in heavy]
    given = max((ratio for ratio in ratios if ratio < np.inf), default=1.0)
    if units:
        given = 1.0 if _is_of_cell(formula, units, structure.volume) else units
    apart = {element: there[element] - given * wanted[element] for element in (*heavy, "H")}
    if all(abs(apart[element]) < _AGREE for element in heavy):
        if heavy != ["H"] and apart["H"] <= -_AGREE:
            lacking = f"{-apart['H']:.4g} of {given * wanted['H']:.4g} hydrogen atoms of the formula"
            return Contents(True, f"has no places for {lacking}")
        if apart["H"] < _AGREE:
            return Contents(True)
    told = {element: given * count for element, count in wanted.items() if count}
    text = f"has {_written(there)} in the cell, but formula and Z tell {_written(told)}"
    is_even = max(ratios) - min(ratios) < 0.02 * max(ratios)
    is_short = [apart[element] <= -_AGREE for element in heavy]
    is_over = any(apart[element] >= _AGREE for element in heavy)
    return Contents(False, text, any(is_short), not is_even and (is_over or all(is_short)))


def _is_of_cell(formula: Mapping[str, float], units: float, volume: float) -> bool:
    """Whether the formula is that of the whole cell already, as pymatgen writes it beside Z.

    So it is where Z divides it, and where the cell's volume in Å³ is nearer to what its atoms usually take up
    (Hofmann, Acta Cryst. B58, 489, 2002) than to Z times that.
    """
    usual = usual_volume(formula)
    is_near = bool(abs(np.log(volume / usual)) < abs(np.log(volume / (units * usual))))
    return is_near and all(count % units == 0 for count in formula.values())


def _written(counts: Mapping[str, float]) -> str:
    return " ".join(f"{element}{count:.4g}" for element, count in sorted(counts.items()))
