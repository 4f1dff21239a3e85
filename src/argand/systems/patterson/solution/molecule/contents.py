"""How many copies of each molecule the asymmetric unit holds, and which are on special positions."""

from collections.abc import Sequence
from fractions import Fraction

from argand.errors import InputError
from argand.physics.crystal.atom import formula_units, strengths
from argand.physics.molecule.assembly import Assembly, Copy
from argand.physics.molecule.body import Body
from argand.systems.patterson.solution.reflections import CrystalData

MOST_COPIES = 6
"""Molecules of an asymmetric unit beyond which the search is not begun; by hand, it finds one after the
other."""


def formula_of(bodies: Sequence[Body]) -> str:
    """Formula of all molecules together, as the reader of reflections takes it."""
    counts: dict[str, float] = {}
    for body in bodies:
        for element, number in body.formula.items():
            counts[element] = counts.get(element, 0.0) + number
    return " ".join(f"{element}{number:g}" for element, number in counts.items())


def contents_of(crystal: CrystalData, bodies: Sequence[Body], units: float | None = None) -> Assembly:
    """Copies of the asymmetric unit, what scatters most first; `units` of all bodies together are in the
    cell.

    Without `units` what the file of reflections says, or what fills the cell best, is taken. A molecule
    of which less than one is there stands on a
    special position, kept by as many operators as that is the part of.

    Raises InputError where the number fits no group of this order, or is too large.
    """
    counts: dict[str, float] = {}
    for body in bodies:
        for element, number in body.formula.items():
            counts[element] = counts.get(element, 0.0) + number
    order = crystal.group.order
    stated = crystal.measured.units if crystal.measured else None
    units = units or stated or formula_units(counts, crystal.volume, order)
    copies: list[Copy] = []
    for body, together in _grouped(bodies):
        share = Fraction(units * together / order).limit_denominator(order)
        whole, rest = divmod(share, 1)
        copies += [Copy(body)] * int(whole)
        if rest:
            if rest.numerator != 1:
                raise InputError(
                    f"{float(share):g} molecules per operator of {crystal.group.name} are impossible; "
                    "give --units, how many of all molecules together are in the cell"
                )
            copies.append(Copy(body, rest.denominator))
    if not 0 < len(copies) <= MOST_COPIES:
        raise InputError(
            f"{len(copies)} molecules in the asymmetric unit; the search takes 1 to {MOST_COPIES}"
        )
    return Assembly(tuple(sorted(copies, key=lambda copy: -_power(copy, crystal))))


def _grouped(bodies: Sequence[Body]) -> list[tuple[Body, int]]:
    """Bodies that differ, and how often each is given."""
    found: list[tuple[Body, int]] = []
    for body in bodies:
        for number, (known, count) in enumerate(found):
            if known is body or (
                known.elements == body.elements and known.bonds.tolist() == body.bonds.tolist()
            ):
                found[number] = known, count + 1
                break
        else:
            found.append((body, 1))
    return found


def _power(copy: Copy, crystal: CrystalData) -> float:
    """What a copy scatters, in squared electrons or their like."""
    return float((strengths(copy.body.elements, crystal.observed.radiation) ** 2).sum()) / copy.keepers
