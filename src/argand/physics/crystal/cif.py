"""A crystal structure as the text of a CIF, with the symmetry that it has."""

import re
from collections.abc import Mapping

import gemmi
import numpy as np
from jaxtyping import UInt8

from argand import __version__
from argand.physics.crystal.asymmetric_unit import AsymmetricUnit, asymmetric_unit
from argand.physics.crystal.formula import counts_of, formula_text, hill_text, reduced
from argand.typing import Matrix3, Points3

_CELL = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
_DIGITS = 8
"""Of fractional coordinates. By hand: 1e-5 Å in the longest cell that is supported."""


def cif_text(
    lattice: Matrix3,
    species: UInt8[np.ndarray, " n"],
    frac_coords: Points3,
    name: str,
    tags: Mapping[str, str] | None = None,
) -> str:
    """The structure as a CIF in its own cell and from its own origin, with the symmetry found there.

    Coordinates of the asymmetric unit are in [0, 1). The symmetry is that of `asymmetric_unit`, within
    1e-4 Å; a structure without any is written in P 1. Operations are those of the cell that is written: where
    it is the primitive cell of a centred lattice, the symbol is that of the reference setting, and programs
    go by the operations. `tags` are further items and their values.
    """
    unit = asymmetric_unit(lattice, species, frac_coords)
    counts = counts_of(species)
    document = gemmi.cif.Document()
    block = document.add_new_block(_block_name(name))
    block.set_pair("_audit_creation_method", gemmi.cif.quote(f"argand {__version__}"))
    block.set_pair("_chemical_formula_structural", gemmi.cif.quote(formula_text(counts)))
    block.set_pair("_chemical_formula_sum", gemmi.cif.quote(hill_text(counts)))
    values = unit.cell * np.array([1, 1, 1, *[180 / np.pi] * 3])
    for tag, value in zip(_CELL, values, strict=True):
        block.set_pair(f"_cell_{tag}", f"{value:.6f}")
    block.set_pair("_cell_volume", f"{gemmi.UnitCell(*values).volume:.4f}")
    block.set_pair("_cell_formula_units_Z", str(reduced(counts)[1]))
    block.set_pair("_space_group_name_H-M_alt", gemmi.cif.quote(unit.symbol))
    block.set_pair("_space_group_IT_number", str(unit.number))
    if unit.hall:
        block.set_pair("_space_group_name_Hall", gemmi.cif.quote(unit.hall))
    for tag, value in (tags or {}).items():
        block.set_pair(tag, gemmi.cif.quote(value))
    _add_loops(block, unit)
    return document.as_string()


def _block_name(name: str) -> str:
    # Bytes of names of files that are no UTF-8 become `\udcff`, as in all that is written.
    return re.sub(r"\s+", "_", name.encode(errors="backslashreplace").decode()) or "structure"


def _add_loops(block: gemmi.cif.Block, unit: AsymmetricUnit) -> None:
    """Operations and sites."""
    operations = block.init_loop("_space_group_symop_", ["id", "operation_xyz"])
    for number, text in enumerate(unit.operations, 1):
        operations.add_row([str(number), gemmi.cif.quote(text)])
    columns = [
        "label",
        "type_symbol",
        "site_symmetry_multiplicity",
        "fract_x",
        "fract_y",
        "fract_z",
        "occupancy",
    ]
    sites = block.init_loop("_atom_site_", columns)
    for number, site in enumerate(unit.sites, 1):
        symbol = gemmi.Element(site.atomic_number).name
        # Rounded first: what is just below 1 would be written as 1.
        place = np.round(site.place, _DIGITS) % 1.0
        written = [f"{x:.{_DIGITS}f}" for x in place]
        sites.add_row([f"{symbol}{number}", symbol, str(len(site.atoms)), *written, "1"])
