"""Files beside a reflection file that supply missing crystal data: .ins, .res, .cif_od, .cif, .p4p and
.m50."""

import re
from collections.abc import Iterator
from pathlib import Path

from argand.errors import ConfigError, InputError
from argand.io.cif_reflections import parse_cif_facts
from argand.io.crystal_facts import CrystalFacts
from argand.io.intensities import CellParameters, radiation_of
from argand.io.jana import parse_m50
from argand.io.shelx import MOST_LETTERS, read_instructions
from argand.io.text_size import read_text
from argand.physics.crystal.atom import parse_formula

INSTRUCTIONS = (".ins", ".res")
"""Endings of SHELX instructions, which belong to an .hkl file and are used without a note."""
_CIFS = (".cif_od", ".cif")
_OTHERS = (*_CIFS, ".p4p", ".m50")


def stem_of(path: Path) -> str:
    """A file's name without its ending, and without .gz."""
    name = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
    return name.rsplit(".", 1)[0]


def file_beside(path: Path, suffixes: tuple[str, ...]) -> Path | None:
    """The file of the same stem with one of the endings, in any case; in order of preference."""
    wanted = [stem_of(path).lower() + suffix for suffix in suffixes]
    folder = sorted(path.parent.iterdir()) if path.parent.is_dir() else []
    # Of files that differ only in case, the one spelt like the reflection file.
    names = sorted(folder, key=lambda one: not one.name.startswith(stem_of(path)))
    found = {one.name.lower(): one for one in reversed(names) if one.name.lower() in wanted}
    return next((found[name] for name in wanted if name in found and found[name] != path), None)


def instructions_beside(path: Path) -> CrystalFacts:
    """Crystal data from the .ins or .res of the same name; empty if there is none."""
    beside = file_beside(path, INSTRUCTIONS)
    return (
        CrystalFacts() if beside is None else read_instructions(read_text(beside, MOST_LETTERS), str(beside))
    )


def facts_beside(path: Path) -> Iterator[tuple[CrystalFacts, str]]:
    """Crystal data from other files of the same name, each with its file name; damaged ones are skipped."""
    for suffix in _OTHERS:
        beside = file_beside(path, (suffix,))
        if beside is None:
            continue
        try:
            yield _facts(beside), beside.name
        except (InputError, ValueError, RuntimeError) as error:
            note = f"{beside.name} beside it cannot be read ({' '.join(str(error).split())[:100]})"
            yield CrystalFacts(notes=(note,)), beside.name


def _facts(path: Path) -> CrystalFacts:
    # CIFs may contain complete reflection lists.
    text = read_text(path) if path.suffix.lower() in _CIFS else read_text(path, MOST_LETTERS)
    if path.suffix.lower() == ".p4p":
        return parse_p4p(text)
    if path.suffix.lower() == ".m50":
        return parse_m50(text)
    return parse_cif_facts(text, str(path))


def parse_p4p(text: str) -> CrystalFacts:
    """Cell, wavelength and formula of Bruker's .p4p: the cards CELL, SOURCE and CHEM."""
    cards: dict[str, list[str]] = {}
    for line in text.splitlines():
        if parts := line.split():
            cards.setdefault(parts[0].upper(), parts[1:])
    cell: CellParameters | None = None
    if len(cards.get("CELL", [])) >= 6:
        a, b, c, alpha, beta, gamma = (float(part) for part in cards["CELL"][:6])
        cell = (a, b, c, alpha, beta, gamma)
    waves = [part for part in cards.get("SOURCE", [])[1:] if re.fullmatch(r"\d*\.\d+", part)]
    wavelength = float(waves[0]) if waves else None
    formula: str | None = " ".join(cards.get("CHEM", []))
    try:
        parse_formula(formula or "")
    except ConfigError:
        formula = None
    return CrystalFacts(cell, wavelength, formula=formula, radiation=radiation_of(None, wavelength))
