"""Which symmetry operators the sites of a CIF have: listed, of magnetic groups, by symbols and by numbers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import gemmi
import numpy as np
from jaxtyping import Float, Int

from argand.errors import ConfigError, InputError
from argand.physics.crystal.space_group_symbol import find_operations
from argand.typing import Matrix3

_LISTED = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")
_MAGNETIC = ("_space_group_symop_magn_operation_xyz", "_space_group_magn_symop_operation_xyz")
_CENTRINGS = ("_space_group_symop_magn_centering_xyz", "_space_group_magn_symop_centering_xyz")
"""Each of the magnetic CIF dictionary, and as older files have it."""
_HALL = ("_space_group_name_hall", "_symmetry_space_group_name_hall")
_HERMANN_MAUGUIN = (
    "_space_group_name_h-m_alt",
    "_symmetry_space_group_name_h-m",
    "_space_group_name_h-m_full",
    "_space_group_name_h-m",
)
_NUMBER = ("_space_group_it_number", "_symmetry_int_tables_number")
_MODULATED = re.compile(r"_space_group_symop(_magn)?_ssg_|_space_group_ssg_name|_cell_modulation_")
_OF_MAGNETIC = re.compile(r"_space_group_(symop_)?magn[._]")
_FITS = 0.02
"""How far operators may change the metric of a cell, relative to its lengths: 2 %, or about 1° of an angle.

By hand: above what relaxed and measured cells lose of their symmetry, below what another setting changes.
"""
_MOST = 192
"""Operators of the largest space groups, such as F m -3 m; cells of magnetic and other supercells have more,
so the limit is on what is checked. By hand, for time."""

Items = Mapping[str, Sequence[str]]
"""Values by tag, which is in small letters with `_` for `.`; empty where they say nothing."""


@dataclass(frozen=True)
class Operators:
    """Rotations and translations in fractions, and what is said of where they come from.

    `is_stated` where the file says something of its symmetry, `is_listed` where it lists the operators;
    `is_usual` where they are taken unless something speaks against them; `told` where something was chosen.
    """

    rotations: Int[np.ndarray, "n 3 3"]
    translations: Float[np.ndarray, "n 3"]
    name: str
    is_stated: bool = True
    is_listed: bool = False
    is_usual: bool = False
    told: str = ""

    def __len__(self) -> int:
        return len(self.rotations)


def candidates(items: Items, cell: gemmi.UnitCell) -> list[Operators]:
    """The operators of a CIF's block; more than one where the file leaves open which, the most probable
    first.

    Operators that are listed count, but where only the identity is, a group that is named may be meant.
    Raises InputError, with the reason, for operators or names that are not understood or do not fit the cell.
    """
    if any(_MODULATED.match(tag) for tag in items):
        raise InputError("is a modulated structure, in superspace; give an approximant without modulation")
    listed = _listed(items)
    if listed is not None and len(listed) > 1:
        _check_cell(listed, cell)
        return [listed]
    if listed is None and any(_OF_MAGNETIC.match(tag) for tag in items):
        raise InputError("names a magnetic space group, but lists no operators (_space_group_symop_magn_...)")
    try:
        named = _named(items, cell)
    except InputError:
        if listed is None:
            raise
        return [listed]
    if listed is not None:
        larger = [group for group in named if len(group) > 1]
        if not larger:
            return [listed]
        told = f"lists the identity alone, but names {larger[0].name}"
        return [
            _told(listed, f"{told}; the identity is taken"),
            *(_told(group, f"{told}; {group.name} is taken") for group in larger),
        ]
    if named:
        return named
    told = "states no symmetry and is read as P 1"
    return [Operators(np.eye(3, dtype=int)[None], np.zeros((1, 3)), "P 1", is_stated=False, told=told)]


def _listed(items: Items) -> Operators | None:
    """The operators that are listed, each once and the identity among them; None where there are none."""
    magnetic = _column(items, _MAGNETIC)
    if magnetic:
        # Time reversal moves no atom.
        every = [_operator(re.sub(r",\s*[-+]?1\s*$", "", text)) for text in magnetic]
        centrings = [_operator(re.sub(r",\s*[-+]?1\s*$", "", one)) for one in _column(items, _CENTRINGS)]
        every = [centring * one for centring in centrings or [gemmi.Op()] for one in every]
    else:
        every = [_operator(text) for text in _column(items, _LISTED)]
    if not every:
        return None
    found = {one.triplet(): one for one in (operator.wrap() for operator in [gemmi.Op(), *every])}
    for text, one in found.items():
        rotation = np.array(one.rot) / one.DEN
        if (rotation != np.rint(rotation)).any() or abs(round(np.linalg.det(rotation), 6)) != 1:
            raise InputError(f"'{text}' is not a symmetry operator")
    operators = _operators(list(found.values()), "the listed operators", is_listed=True)
    if len(found) <= _MOST and not _is_closed(operators):
        raise InputError(
            f"the {len(found)} symmetry operators that are listed are no group; some are missing"
        )
    return operators


def _is_closed(operators: Operators) -> bool:
    """Whether the product of any two operators is one of them, but for whole translations."""
    rotations, translations = operators.rotations, operators.translations
    products = np.einsum("aij,bjk->abik", rotations, rotations).reshape(-1, 3, 3)
    shifts = np.einsum("aij,bj->abi", rotations, translations) + translations[:, None]
    return bool(np.isin(_keys(products, shifts.reshape(-1, 3)), _keys(rotations, translations)).all())


def _keys(rotations: np.ndarray, translations: np.ndarray) -> Int[np.ndarray, " n"]:
    """A number for each operator, of which translations are whole twenty-fourths.

    Elements of rotations are told apart from -3 to 3; those of any setting are within -2 and 2.
    """
    digits = np.rint(translations * gemmi.Op.DEN).astype(int) % gemmi.Op.DEN
    return rotations.reshape(-1, 9) % 7 @ 7 ** np.arange(9) * gemmi.Op.DEN**3 + digits @ (
        gemmi.Op.DEN ** np.arange(3)
    )


def _operator(text: str) -> gemmi.Op:
    try:
        return gemmi.Op(text)
    except (RuntimeError, ValueError) as error:
        raise InputError(f"the symmetry operator '{text[:60]}' is not understood") from error


def _operators(found: Sequence[gemmi.Op], name: str, is_listed: bool = False) -> Operators:
    rotations = np.array([np.array(one.rot) // one.DEN for one in found])
    translations = np.array([np.array(one.tran) / one.DEN for one in found])
    return Operators(rotations, translations, name, is_listed=is_listed)


def _column(items: Items, tags: Sequence[str]) -> list[str]:
    """The values of the first of the tags that has some, without those that say nothing."""
    columns = ([text for text in items.get(tag, ()) if text.strip() not in ("", ".", "?")] for tag in tags)
    return next((column for column in columns if column), [])


def _named(items: Items, cell: gemmi.UnitCell) -> list[Operators]:
    """The settings that Hall's symbol, Hermann and Mauguin's and the number allow, of those that fit.

    The first of these three that is understood counts, or all where they are of different groups.
    """
    hall, symbol, number = (
        next(iter(_column(items, tags)), "") for tags in (_HALL, _HERMANN_MAUGUIN, _NUMBER)
    )
    sources = [_of_hall(hall), _settings(symbol, cell), _settings(number if number.isdigit() else "", cell)]
    groups = {_number_of(found[0].name): found for found in reversed(sources) if found}
    if not groups:
        if hall or symbol or number:
            unknown = symbol or hall or number
            raise InputError(f"the space group '{unknown}' is unknown and no operators are listed")
        return []
    if len(groups.keys() - {None}) > 1:
        names = dict.fromkeys(found[0].name for found in sources if found)
        what = f"names the space groups {' and '.join(names)}"
        return _fitting([_told(one, f"{what}; {one.name} is taken") for one in chain(*groups.values())], cell)
    named = next(found for found in sources if found)
    return _fitting(named if named is not sources[2] else _of_number(named), cell)


def _of_number(standard: Sequence[Operators]) -> list[Operators]:
    """All settings of a number, the standard one first; it is the usual one where it has one origin.

    Left out are those with more lattice points in the cell, such as F -1: with them, too few atoms for
    formula and Z would be explained away.
    """
    known = gemmi.find_spacegroup_by_name(standard[0].name)
    first = [one.name for one in standard]
    others = [group for group in gemmi.spacegroup_table() if group.number == known.number]
    rest = [_operators(list(group.operations()), group.xhm()) for group in others if group.xhm() not in first]
    rest = [one for one in rest if len(one) <= len(standard[0])]
    told = f"names its space group by the number {known.number} alone;"
    found = [_told(one, f"{told} the setting {one.name} is taken") for one in (*standard, *rest)]
    found[0] = replace(found[0], is_usual=len(standard) == 1)
    return found


def _told(operators: Operators, told: str) -> Operators:
    return replace(operators, told=told)


def _of_hall(symbol: str) -> list[Operators]:
    """The operators of Hall's symbol, which leaves nothing open; none where it is not understood."""
    try:
        operations = gemmi.symops_from_hall(symbol)
    except (RuntimeError, ValueError):
        return []
    known = gemmi.find_spacegroup_by_ops(operations)
    return [_operators(list(operations), known.xhm() if known else symbol)]


def _settings(symbol: str, cell: gemmi.UnitCell) -> list[Operators]:
    """The setting of a symbol, or both where it leaves the origin open; none for an unknown one."""
    try:
        operations, name = find_operations(symbol, cell.parameters)
    except ConfigError:
        return []
    found = [_operators(list(operations), name)]
    other = gemmi.find_spacegroup_by_name(name[:-1] + "2") if name.endswith(":1") else None
    if other is not None and not re.search(r"(:\s*1|S|O1)\s*$", symbol, re.IGNORECASE):
        found.append(_operators(list(other.operations()), other.xhm()))
        return [_told(one, f"leaves the origin of {name[:-2]} open; {one.name} is taken") for one in found]
    return found


def _number_of(name: str) -> int | None:
    known = gemmi.find_spacegroup_by_name(name)
    return known.number if known else None


def _fitting(found: Sequence[Operators], cell: gemmi.UnitCell) -> list[Operators]:
    """Those that fit the cell, or the rhombohedral setting that does; InputError where none is."""
    fitting = [one for one in found if _fits(one, cell)]
    if fitting:
        return fitting
    for one in found:
        axes = {":H": ":R", ":R": ":H"}.get(one.name[-2:])
        other = gemmi.find_spacegroup_by_name(one.name[:-2] + axes) if axes else None
        if other is not None:
            turned = _operators(list(other.operations()), other.xhm())
            if _fits(turned, cell):
                return [_told(turned, f"names {one.name}, but its cell is that of {turned.name}")]
    _check_cell(found[0], cell)
    return []


def _check_cell(operators: Operators, cell: gemmi.UnitCell) -> None:
    if not _fits(operators, cell):
        lengths = ", ".join(f"{value:g}" for value in cell.parameters)
        raise InputError(f"the symmetry ({operators.name}) does not fit the cell {lengths}")


def _fits(operators: Operators, cell: gemmi.UnitCell) -> bool:
    """Whether the rotations leave lengths and angles of the cell as they are."""
    lattice: Matrix3 = np.array(cell.orth.mat.tolist()).T
    metric = lattice @ lattice.T
    turned = np.einsum("nji,jk,nkl->nil", operators.rotations, metric, operators.rotations)
    unit = np.sqrt(np.diag(metric))
    return bool((np.abs(turned - metric) <= 2 * _FITS * np.outer(unit, unit)).all())
