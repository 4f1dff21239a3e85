"""Whether the atoms of a cell are those that formula and Z of its file tell."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

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
    wanted = Counter(formula)
    wanted["H"] += wanted.pop("D", 0)
    wanted += Counter()
    there = Counter(structure.symbols)
    heavy = [element for element in (*wanted, *(there - wanted)) if element != "H"] or ["H"]
    ratios = [there[element] / wanted[element] if wanted[element] else float("inf") for element in heavy]
    given = units if units else max(ratio for ratio in [*ratios, 0.0] if ratio != float("inf"))
    apart = {element: there[element] - given * wanted[element] for element in (*heavy, "H")}
    if all(abs(apart[element]) < _AGREE for element in heavy):
        if heavy != ["H"] and apart["H"] <= -_AGREE:
            lacking = f"{-apart['H']:.4g} of {given * wanted['H']:.4g} hydrogen atoms of the formula"
            return Contents(True, f"has no places for {lacking}")
        if apart["H"] < _AGREE:
            return Contents(True)
    text = f"has {_written(there)} in the cell, but formula and Z tell {_written(_scaled(wanted, given))}"
    is_even = max(ratios) - min(ratios) < 0.02 * max(ratios)
    is_short = [apart[element] <= -_AGREE for element in heavy]
    is_over = any(apart[element] >= _AGREE for element in heavy)
    return Contents(False, text, any(is_short), not is_even and (is_over or all(is_short)))


def _scaled(formula: Mapping[str, float], units: float) -> dict[str, float]:
    return {element: count * units for element, count in formula.items()}


def _written(counts: Mapping[str, float]) -> str:
    return " ".join(f"{element}{count:.4g}" for element, count in sorted(counts.items()))
