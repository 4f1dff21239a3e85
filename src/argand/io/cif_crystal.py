"""Crystal data in a CIF: cell, symmetry, formula, Z, wavelength and probe."""

import gemmi
import numpy as np

from argand.errors import ConfigError
from argand.io.crystal_facts import CrystalFacts
from argand.io.intensities import cell_of, radiation_of
from argand.physics.crystal.atom import parse_formula
from argand.physics.crystal.symmetry import Group, complete_group

MISSING = (".", "?", "")
"""Values of a CIF that mean unknown."""
_HALL = ("_space_group_name_Hall", "_symmetry_space_group_name_Hall")
_HERMANN_MAUGUIN = (
    "_space_group_name_H-M_alt",
    "_symmetry_space_group_name_H-M",
    "_symmetry.space_group_name_H-M",
)
_NUMBER = ("_space_group_IT_number", "_symmetry_Int_Tables_number")
_FORMULA = ("_chemical_formula_sum", "_chemical_oxdiff_formula")
_WAVELENGTH = ("_diffrn_radiation_wavelength", "_diffrn_radiation_wavelength.wavelength")
_PROBE = ("_diffrn_radiation_probe", "_diffrn_radiation_type")


def cif_facts(block: gemmi.cif.Block) -> CrystalFacts:
    """Crystal data of a data block; a formula that cannot be parsed is left out with a note."""
    structure = gemmi.make_small_structure_from_block(block)
    cell = cell_of(structure.cell) or cell_of(_mmcif_cell(block))
    wavelength = number(
        value(block, ("_diffrn_radiation_wavelength", "_diffrn_radiation_wavelength.wavelength"))
    )
    formula, notes = value(block, _FORMULA), ()
    try:
        parse_formula(formula or "C")
    except ConfigError:
        formula, notes = None, (f"the formula '{formula}' cannot be parsed: give it by --formula",)
    return CrystalFacts(
        cell,
        wavelength,
        _group(block),
        formula,
        value(block, (*_HERMANN_MAUGUIN, *_HALL, *_NUMBER)),
        radiation_of(value(block, _PROBE), wavelength),
        units=number(value(block, ("_cell_formula_units_Z",))) or None,
        notes=notes,
    )


def _mmcif_cell(block: gemmi.cif.Block) -> gemmi.UnitCell:
    names = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    found = [number(value(block, (f"_cell.{name}",))) for name in names]
    return gemmi.UnitCell(*(part or 0.0 for part in found)) if all(found) else gemmi.UnitCell()


def _group(block: gemmi.cif.Block) -> Group | None:
    """The group of the operators listed in a block."""
    for tag in ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz"):
        found = [gemmi.cif.as_string(text) for text in block.find_values(tag)]
        if found and not any(text in MISSING for text in found):
            operations = complete_group([gemmi.Op(text) for text in found])
            return Group.from_operations(operations, value(block, _HERMANN_MAUGUIN) or "")
    return None


def value(block: gemmi.cif.Block, tags: tuple[str, ...]) -> str | None:
    """The first known value of these tags."""
    for tag in tags:
        found = block.find_value(tag) or next(iter(block.find_values(tag)), None)
        if found is not None and gemmi.cif.as_string(found).strip() not in MISSING:
            return gemmi.cif.as_string(found).strip()
    return None


def number(text: str | None) -> float | None:
    """A number in a CIF without its uncertainty, None if there is none."""
    found = float("nan") if text is None else float(gemmi.cif.as_number(text))
    return None if np.isnan(found) else found
