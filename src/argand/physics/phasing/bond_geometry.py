"""Evidence for elements from bond lengths and coordination numbers: costs in nats (log odds)."""

from functools import cache, lru_cache

import gemmi
import numpy as np

LENGTHS: dict[tuple[str, str], tuple[tuple[float, float], ...]] = {
    ("C", "C"): (
        (1.20, 0.02), (1.33, 0.08), (1.39, 0.40), (1.43, 0.06), (1.47, 0.06), (1.51, 0.20), (1.54, 0.18),
    ),
    ("C", "N"): ((1.15, 0.08), (1.28, 0.10), (1.33, 0.25), (1.37, 0.20), (1.42, 0.10), (1.47, 0.27)),
    ("C", "O"): ((1.14, 0.05), (1.21, 0.25), (1.25, 0.15), (1.30, 0.10), (1.36, 0.15), (1.43, 0.30)),
    ("C", "F"): ((1.33, 0.50), (1.36, 0.50)),
    ("N", "N"): ((1.12, 0.10), (1.24, 0.20), (1.31, 0.20), (1.36, 0.25), (1.40, 0.25)),
    ("N", "O"): ((1.22, 0.60), (1.27, 0.12), (1.33, 0.08), (1.40, 0.20)),
    ("O", "O"): ((1.47, 1.00),),
    ("B", "C"): ((1.58, 0.70), (1.70, 0.30)),
    ("B", "O"): ((1.37, 0.60), (1.47, 0.40)),
    ("B", "F"): ((1.38, 1.00),),
    ("B", "N"): ((1.42, 0.40), (1.55, 0.60)),
    ("B", "B"): ((1.72, 0.50), (1.79, 0.50)),
    ("O", "P"): ((1.49, 0.30), (1.54, 0.40), (1.60, 0.30)),
    ("O", "S"): ((1.44, 0.50), (1.48, 0.50)),
    ("O", "Si"): ((1.62, 1.00),),
    ("Al", "O"): ((1.75, 0.70), (1.88, 0.30)),
    ("Cl", "O"): ((1.42, 1.00),),
    ("F", "P"): ((1.58, 1.00),),
    ("C", "P"): ((1.80, 0.50), (1.84, 0.50)),
    ("C", "S"): ((1.68, 0.15), (1.72, 0.35), (1.77, 0.30), (1.82, 0.20)),
    ("C", "Si"): ((1.87, 1.00),),
    ("C", "Cl"): ((1.74, 0.70), (1.79, 0.30)),
    ("Br", "C"): ((1.90, 0.70), (1.95, 0.30)),
    ("N", "P"): ((1.60, 0.30), (1.67, 0.70)),
    ("N", "S"): ((1.56, 0.30), (1.63, 0.50), (1.70, 0.20)),
    ("P", "S"): ((1.94, 0.50), (2.05, 0.50)),
    ("S", "S"): ((2.05, 1.00),),
}  # fmt: skip
"""Length in Å and share of the usual bonds between two elements.

Allen et al., J. Chem. Soc. Perkin Trans. 2, S1, 1987, rounded; shares set by hand.
"""
_SPREAD = 0.035
"""Standard deviation of bonds in Å from those values, including errors of unrefined positions; set by
hand."""
_FLAT = 0.02
"""Share of bonds of any length, so that no length is impossible; set by hand."""
_USUAL = 1.0
"""Offset that makes the cost of a usual bond about that of a pair without a table."""
_RARE_BONDS = {
    ("N", "N"): 1.5, ("N", "O"): 1.5, ("O", "O"): 4.0, ("F", "O"): 6.0, ("F", "N"): 5.0, ("F", "F"): 8.0,
    ("B", "B"): 0.5, ("Cl", "N"): 3.0,
}  # fmt: skip
"""Costs of rare bonds; set by hand."""
_METAL_LIKE_SHORT, _SHORT = 0.65, 0.32
"""Å by which bonds to metals, and others, may be shorter than the sum of covalent radii.

From multiple bonds: W=O and V=O have 1.70 and 1.59 Å against 2.28 and 2.19, S=O and P=O 1.43 and 1.48 against
1.71 and 1.73.
"""
_LONG = 0.30
"""Å beyond the sum of radii up to which two atoms are bonded; set by hand."""
_HALOGENS = ("F", "Cl", "Br", "I")


@cache
def _radius(symbol: str) -> float:
    return float(gemmi.Element(symbol).covalent_r)


@cache
def is_metal(symbol: str) -> bool:
    """Whether an element bonds like a metal; boron and silicon are excluded."""
    return bool(gemmi.Element(symbol).is_metal) and symbol not in ("Ge", "As", "Sb", "Te")


def bonded(first: str, second: str, length: float) -> bool:
    """Whether two elements at this distance are neighbours."""
    return length < _radius(first) + _radius(second) + _LONG


@lru_cache(maxsize=200_000)
def bond_cost(first: str, second: str, length: float) -> float:
    """Cost of two elements at a distance in Å: too short, too long for a bond yet too close, or rare."""
    a, b = sorted((first, second))
    if (a, b) in LENGTHS and length < max(1.9, LENGTHS[(a, b)][-1][0] + 0.2):
        weights = LENGTHS[(a, b)]
        density = sum(share * np.exp(-0.5 * ((length - mean) / _SPREAD) ** 2) for mean, share in weights) / (
            _SPREAD * 2.5
        )
        return float(_USUAL - np.log((1 - _FLAT) * density + _FLAT) + _RARE_BONDS.get((a, b), 0.0))
    usual = _radius(a) + _radius(b)
    metal = is_metal(a) or is_metal(b)
    shortest = usual - (_METAL_LIKE_SHORT if metal else _SHORT)
    cost = 0.0
    if length < shortest:
        cost += 0.5 * ((shortest - length) / 0.06) ** 2
    if not metal and usual + 0.15 < length < 2.05:
        cost += 0.5 * (min(length - usual - 0.15, 2.05 - length) / 0.05) ** 2 + 1.0
    if bonded(a, b, length):
        cost += _RARE_BONDS.get((a, b), 0.0)
        if metal and is_metal(a) and is_metal(b):
            cost += 1.0
        if a in _HALOGENS and b in _HALOGENS:
            cost += 4.0
        if metal and ("C" in (a, b)):
            cost += 1.2
    return min(cost, 12.0)


def coordination_cost(symbol: str, around: tuple[str, ...]) -> float:
    """Cost of an element with these neighbours."""
    metals = sum(is_metal(other) for other in around)
    others = len(around) - metals
    if symbol == "C":
        crowd = max(0, others - 4) * 4.0
        return 4.0 if not others else crowd + (2.0 if others == 4 and around.count("O") > 2 else 0.0)
    if symbol == "N":
        return max(0, others - 4) * 5.0 + (1.5 if not around else 0.0) + (1.5 if others == 4 else 0.0)
    if symbol == "O":
        return max(0, others - 2) * 4.0
    if symbol == "F":
        return max(0, others - 1) * 5.0 + (2.0 if not around else 0.0)
    if symbol in ("Cl", "Br", "I"):
        oxygens = sum(other in ("O", "F") for other in around)
        return max(0, others - oxygens - 1) * 3.0
    oxygens = around.count("O")
    if symbol == "S":
        # Four neighbours as in sulphones and sulphates, or metals.
        return 3.0 if not around or (others > 3 and oxygens < 2) or (others == 3 and metals) else 0.0
    if symbol == "P":
        return 3.0 if not around else 9.0 * (others > 4 and oxygens > 3)
    if symbol in ("Si", "B"):
        return 3.0 if not around else 4.0 * (others > 4 and oxygens > 3)
    if is_metal(symbol):
        return 2.0 * max(0, 2 - len(around))
    return 0.0
