"""Reflections of a CIF or .fcf: SHELXL's LIST 3 to 8, diffrn_refln and mmCIF loops, embedded .hkl texts."""

import re
from dataclasses import replace
from typing import Any

import gemmi
import numpy as np
from jaxtyping import Bool, Float

from argand.errors import InputError
from argand.io.cif_crystal import MISSING, cif_facts, value
from argand.io.cif_document import read_document
from argand.io.crystal_facts import CrystalFacts, completed
from argand.io.hklf import parse_hklf
from argand.io.hklf_card import parse_hklf_card
from argand.io.intensities import MeasuredIntensities, Rows, squared, unknown_sigma, whole_indices
from argand.io.limits import MOST_REFLECTIONS, require_at_most
from argand.io.shelx import read_instructions

_INDEX = ("index_h", "index_k", "index_l")
_COLUMNS = (
    ("_refln_", "F_squared_meas", ("F_squared_sigma",), True),
    ("_refln_", "F_meas", ("F_sigma", "F_meas_sigma"), False),
    ("_refln.", "F_squared_meas", ("F_squared_sigma",), True),
    ("_refln.", "intensity_meas", ("intensity_sigma",), True),
    ("_refln.", "F_meas_au", ("F_meas_sigma_au",), False),
    ("_refln.", "F_meas", ("F_meas_sigma", "F_sigma"), False),
    ("_diffrn_refln_", "intensity_net", ("intensity_u", "intensity_sigma"), True),
    ("_diffrn_refln.", "intensity_net", ("intensity_u", "intensity_sigma"), True),
    ("_refln_", "intensity_meas", ("intensity_sigma",), True),
)
"""Prefix of the names, value, alternative names of its sigma, and whether the value is F² rather than F."""
_EMBEDDED = ("_shelx_hkl_file", "_iucr_refine_reflections_details")
_INSTRUCTIONS = ("_shelx_res_file", "_iucr_refine_instructions_details")


def parse_cif(text: str, source: str) -> MeasuredIntensities:
    """Measured intensities of the first block with any, and the file's crystal data.

    Raises InputError if no block has any.
    """
    document, notes = read_document(text, source)
    blocks = [block for block in document if _has_reflections(block)]
    block = blocks[0] if blocks else document[0]
    if len(blocks) > 1:
        notes += (f"{len(blocks)} data blocks with reflections: using those of '{block.name}'",)
    rows, card = _reflections(block, source)
    measured = completed(rows.measured(source), replace(cif_facts(block), hklf=card))
    for other in document:
        if other.name != block.name:
            measured = completed(measured, cif_facts(other))
    return replace(measured, notes=(*notes, *measured.notes))


def parse_cif_facts(text: str, source: str) -> CrystalFacts:
    """Crystal data of the blocks of a CIF, preferring the first with a cell."""
    document, notes = read_document(text, source)
    found = [cif_facts(block) for block in document]
    best = next((facts for facts in found if facts.cell is not None), found[0])
    return replace(best, notes=(*notes, *best.notes))


def _has_reflections(block: gemmi.cif.Block) -> bool:
    tags = ("_refln_index_h", "_refln.index_h", "_diffrn_refln_index_h", "_diffrn_refln.index_h")
    return any(len(block.find_values(tag)) for tag in tags) or value(block, _EMBEDDED) is not None


def _reflections(block: gemmi.cif.Block, source: str) -> tuple[Rows, str]:
    """Reflections of an embedded .hkl text or of a loop, and the HKLF card applied."""
    embedded = next((text for tag in _EMBEDDED if (text := _text(block, tag)) is not None), None)
    if embedded is not None:
        instructions = [text for tag in _INSTRUCTIONS if (text := _text(block, tag)) is not None]
        card = read_instructions(instructions[0], source).hklf if instructions else ""
        where = f"{source}, embedded .hkl"
        return parse_hklf(embedded, where, parse_hklf_card(card, source) if card else None), card
    for prefix, column, sigmas, is_squared in _COLUMNS:
        table = block.find(prefix, [*_INDEX, column, *(f"?{name}" for name in sigmas)])
        if len(table) and table.width() > 3:
            return _table_values(table, is_squared, source), ""
    raise InputError(f"{source}: contains no measured intensities; give the .hkl or .fcf file")


def _text(block: gemmi.cif.Block, tag: str) -> str | None:
    """A multi-line text field, None for any other value."""
    found = block.find_value(tag)
    text = "" if found is None else gemmi.cif.as_string(found).lstrip("\r\n")
    return text if re.search(r"\n.*\S", text) else None


def _table_values(table: Any, is_squared: bool, source: str) -> Rows:
    require_at_most(source, "reflections", len(table), MOST_REFLECTIONS)
    columns = [table.column(at) for at in range(table.width()) if table.has_column(at)][:5]
    kept = np.ones(len(table), bool)
    for column in columns[:4]:
        kept &= np.fromiter((cell not in MISSING for cell in column), bool, len(kept))
    hkl = whole_indices(np.column_stack([_numbers(column, kept) for column in columns[:3]]))
    found = _numbers(columns[3], kept)
    notes: tuple[str, ...] = ()
    if not kept.all():
        notes = (f"{(~kept).sum()} reflections without a value left out",)
    if len(columns) > 4:
        sigma = _numbers(columns[4], kept)
    else:
        sigma = unknown_sigma(found)
        notes += ("no sigmas in the file: all are set to 2 % of the mean",)
    if not is_squared:
        found, sigma = squared(found, sigma)
    return Rows(hkl, found, sigma, notes)


def _numbers(column: Any, kept: Bool[np.ndarray, " row"]) -> Float[np.ndarray, " kept"]:
    """Numbers of the kept rows, without their uncertainties; NaN if invalid."""
    return np.fromiter(map(gemmi.cif.as_number, column), float, len(kept))[kept]
