"""Chemical formulas as chemists write them: LiFePO4, NH3, PbTiO3, C2H5NO2."""

from collections.abc import Callable, Mapping
from typing import Any

import gemmi
import numpy as np
from jaxtyping import UInt8

Counts = Mapping[str, int]
"""Atoms of each element, by its symbol."""
Order = Callable[[str], tuple[Any, ...]]
"""What symbols of elements are sorted by."""

# fmt: off
_ELECTRONEGATIVITY = (
    2.20, None, 0.98, 1.57, 2.04, 2.55, 3.04, 3.44, 3.98, None, 0.93, 1.31, 1.61, 1.90, 2.19, 2.58, 3.16,
    None, 0.82, 1.00, 1.36, 1.54, 1.63, 1.66, 1.55, 1.83, 1.88, 1.91, 1.90, 1.65, 1.81, 2.01, 2.18, 2.55,
    2.96, 3.00, 0.82, 0.95, 1.22, 1.33, 1.60, 2.16, 1.90, 2.20, 2.28, 2.20, 1.93, 1.69, 1.78, 1.96, 2.05,
    2.10, 2.66, 2.60, 0.79, 0.89, 1.10, 1.12, 1.13, 1.14, 1.13, 1.17, 1.20, 1.20, 1.10, 1.22, 1.23, 1.24,
    1.25, 1.10, 1.27, 1.30, 1.50, 2.36, 1.90, 2.20, 2.20, 2.28, 2.54, 2.00, 1.62, 2.33, 2.02, 2.00, 2.20,
    2.20, 0.70, 0.90, 1.10, 1.30, 1.50, 1.38, 1.36, 1.28, 1.30, 1.30, 1.30, 1.30, 1.30, 1.30, 1.30, 1.30,
    1.30,
)
# fmt: on
"""Electronegativities of H to Lr on Pauling's scale, as pymatgen has them; None where there is none."""
_NOBLE_GASES = frozenset({"He", "Ne", "Ar", "Kr", "Xe", "Rn"})
"""Elements without bonds but in a few compounds."""
_NOT_METALS = _NOBLE_GASES | frozenset(
    ("H", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "Ge", "As", "Se", "Br", "Te", "I", "At")
)
"""Elements that follow metals whatever their electronegativity (AuTe2): nonmetals and metalloids."""
_ANIONS = frozenset(["O", "F", "S", "Cl", "Se", "Br", "Te", "I"])
_LARGE_CATIONS = frozenset(["Pb", "Bi", "Tl"])
"""Cations that precede transition metals in compounds with `_ANIONS`: PbTiO3, BiFeO3."""
_UNIVALENT = frozenset(["Cu", "Ag"])
"""Cations that precede others in compounds with `_ANIONS` other than O and F: CuInSe2, Cs2AgBiBr6."""
_LARGE, _SINGLE = 1.21, 1.205
"""Where these stand among electronegativities. By hand: after alkali metals, alkaline earths and lanthanum,
before magnesium; univalent ones first."""
_BEFORE_HYDROGEN = 2.195
"""Where N stands with H and no O (NH3): just before hydrogen's 2.20."""
_PAIRS = frozenset(["H", "N", "O", "F", "Cl", "Br", "I"])
"""Elements of molecules of two atoms."""
_PEROXIDES = frozenset(["H", "Li", "Na", "K", "Rb", "Cs"])
"""Elements with an O2 group where there is one O for each of their atoms: Na2O2, as pymatgen writes them."""


def counts_of(species: UInt8[np.ndarray, " n"]) -> dict[str, int]:
    """How many atoms of each element there are, by symbol, in the order of atomic numbers."""
    numbers, counts = np.unique(species, return_counts=True)
    return {gemmi.Element(int(z)).name: int(count) for z, count in zip(numbers, counts, strict=True)}


def reduced(counts: Counts) -> tuple[dict[str, int], int]:
    """Counts of one formula unit, and how many of them there are.

    Molecules of two atoms (O2) and peroxides (Na2O2) are not halved.
    """
    units = int(np.gcd.reduce(list(counts.values())))
    unit = {element: count // units for element, count in counts.items()}
    is_pair = len(unit) == 1 and set(unit) <= _PAIRS
    is_peroxide = len(unit) == 2 and set(unit.values()) == {1} and "O" in unit and set(unit) & _PEROXIDES
    if (is_pair or is_peroxide) and units % 2 == 0:
        return {element: 2 * count for element, count in unit.items()}, units // 2
    return unit, units


def formula_text(counts: Counts) -> str:
    """The reduced formula, such as `LiFePO4`.

    Elements are in the order of their electronegativity (Pauling), with these exceptions. What has C and H is
    in Hill's order: C, H, then the alphabet (C2H5NO2). Metals precede other elements (AuTe2). Pb, Bi and Tl
    precede transition metals in their salts (PbTiO3), and Cu and Ag other metals in chalcogenides and halides
    (CuInSe2). With oxygen H is the first of what is not a metal (KH2PO4, H3BO3), without it follows N (NH3).
    Molecules of two atoms (O2) and peroxides (Na2O2) are not halved; other molecules are, since a
    composition does not tell them (naphthalene is C5H4).
    """
    return _joined(reduced(counts)[0])


def hill_text(counts: Counts) -> str:
    """The formula unit as CIFs have it in `_chemical_formula_sum`: `Fe Li O4 P`.

    In Hill's order: C and H first where there is C, the others by the alphabet.
    """
    unit = reduced(counts)[0]
    return " ".join(f"{element}{_number(unit[element])}" for element in sorted(unit, key=_hill(unit)))


def _joined(unit: Counts) -> str:
    key = _hill(unit) if {"C", "H"} <= set(unit) else _usual(unit)
    return "".join(f"{element}{_number(unit[element])}" for element in sorted(unit, key=key))


def _number(count: int) -> str:
    return "" if count == 1 else str(count)


def _hill(unit: Counts) -> Order:
    first = {"C": 0, "H": 1} if "C" in unit else {}
    return lambda element: (first.get(element, 2), element)


def _usual(unit: Counts) -> Order:
    return lambda element: (element in _NOT_METALS, _rank(element, unit), element)


def _rank(element: str, unit: Counts) -> float:
    """The electronegativity of an element, but for the exceptions of `formula_text`."""
    others = set(unit)
    if element == "H" and "O" in others:
        return 0.0
    if element == "N" and "H" in others and "O" not in others:
        return _BEFORE_HYDROGEN
    if element in _LARGE_CATIONS and others & _ANIONS:
        return _LARGE
    if element in _UNIVALENT and others & _ANIONS and not others & {"O", "F"}:
        return _SINGLE
    value = _ELECTRONEGATIVITY[gemmi.Element(element).atomic_number - 1]
    return np.inf if value is None else value
