"""Measured intensities in any supported format: the common entry point.

SHELX HKLF 2 to 6, tables with column names or comments, CIF and .fcf, MTZ, XDS_ASCII, Jana's .m90 and .m91,
plain or gzipped. Cell, symmetry, contents and wavelength are read too, and if missing, taken from files of
the same name beside it.
"""

import re
from dataclasses import replace
from pathlib import Path

from argand.errors import InputError
from argand.io.cif_reflections import parse_cif, parse_cif_facts
from argand.io.crystal_beside import INSTRUCTIONS, facts_beside, file_beside, instructions_beside
from argand.io.crystal_facts import CrystalFacts, completed
from argand.io.free_columns import has_names, parse_free
from argand.io.hklf import obeyed, read_hklf
from argand.io.hklf_card import parse_hklf_card
from argand.io.intensities import CellParameters, MeasuredIntensities, checked, parse_cell, radiation_of
from argand.io.jana import parse_m90
from argand.io.limits import MOST_BYTES, MOST_TEXT_BYTES, read_bytes
from argand.io.mtz_reflections import read_mtz_reflections
from argand.io.shelx import read_instructions
from argand.io.text_size import decoded
from argand.io.xds_intensities import is_xds, parse_xds

__all__ = ["CellParameters", "MeasuredIntensities", "parse_cell", "read_reflections"]


def read_reflections(path: str | Path, beside: bool = True) -> MeasuredIntensities:
    """Measured intensities of a file; InputError if there are none.

    The format is recognised from the content, and from the ending for MTZ and Jana. Without `beside`, files
    of the same name are not read; an .ins or .res stands for the .hkl beside it.
    """
    path = Path(path)
    if path.name.lower().endswith(INSTRUCTIONS):
        path = _hkl_of(path)
    is_mtz = _bare_name(path).endswith(".mtz")
    blob = read_bytes(path, MOST_BYTES if is_mtz else MOST_TEXT_BYTES)
    try:
        measured = _read(path, blob, beside)
        for facts, name in facts_beside(path) if beside and _lacks(measured) else ():
            measured = completed(measured, facts, name) if _lacks(measured) else measured
    except (ValueError, RuntimeError, IndexError) as error:
        told = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: cannot be read ({told}); is the file complete?") from error
    return checked(measured)


def _bare_name(path: Path) -> str:
    """The name in lower case, without a compression suffix."""
    return path.name.lower().removesuffix(".gz")


def _hkl_of(path: Path) -> Path:
    found = file_beside(path, (".hkl", ".hkl.gz"))
    if found is None:
        raise InputError(f"{path}: contains no reflections, and no .hkl of this name is beside it")
    return found


def _lacks(measured: MeasuredIntensities) -> bool:
    """Whether cell, symmetry or contents are still unknown."""
    symmetry = measured.group is not None or measured.spacegroup is not None
    return measured.cell is None or not symmetry or not (measured.formula or measured.elements)


def _read(path: Path, blob: bytes, beside: bool) -> MeasuredIntensities:
    """The reflections from the reader of their format, and crystal data from SHELX instructions beside
    them."""
    name = _bare_name(path)
    if name.endswith(".mtz") or blob[:4] == b"MTZ ":
        return read_mtz_reflections(path, blob)
    said = instructions_beside(path) if beside else CrystalFacts()
    if is_xds(blob):
        return completed(parse_xds(decoded(blob), str(path)), replace(said, hklf=""))
    text = decoded(blob)
    if name.endswith((".m90", ".m91")):
        rows, wavelength = parse_m90(text, str(path))
        facts = CrystalFacts(wavelength=wavelength, radiation=radiation_of(None, wavelength))
        return completed(completed(rows.measured(str(path)), facts), replace(said, hklf=""))
    if name.endswith((".cif", ".fcf", ".cif_od")) or _begins_block(text):
        return completed(parse_cif(text, str(path)), replace(said, hklf=""))
    if has_names(text):
        return completed(parse_free(text, str(path)).measured(str(path)), replace(said, hklf=""))
    return _from_hkl(text, str(path), said)


def _begins_block(text: str) -> bool:
    """Whether a text begins like a CIF: with `data_`, after comments and empty lines."""
    start = 0
    while (end := text.find("\n", start)) >= 0:
        line = text[start:end].strip()
        if line and not line.startswith("#"):
            break
        start = end + 1
    return text[start : start + 1000].lstrip()[:5].lower() == "data_"


def _from_hkl(text: str, source: str, said: CrystalFacts) -> MeasuredIntensities:
    """An .hkl text with the HKLF card beside it, or in the instructions appended to it."""
    card = parse_hklf_card(said.hklf, source) if said.hklf else None
    read = read_hklf(text, source, card)
    appended = _appended(read.trailing, source)
    if card is None and appended.hklf:
        card = parse_hklf_card(appended.hklf, source)
        read = read_hklf(text, source, card)
    measured = obeyed(read, source, card).measured(source)
    return completed(completed(measured, said), appended, "the text after the reflections")


def _appended(text: str, source: str) -> CrystalFacts:
    """Crystal data in instructions or CIF items after the reflections."""
    if re.search(r"(?im)^CELL\s+\d", text):
        return read_instructions(text, source)
    if not re.search(r"(?im)^_cell_length_a", text):
        return CrystalFacts()
    start = "" if re.match(r"\s*data_", text, re.IGNORECASE) else "data_appended\n"
    return parse_cif_facts(start + text, source)
