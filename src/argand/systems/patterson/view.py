"""The page of a run in one HTML file: each Patterson map with its atoms, or the solved crystals."""

from pathlib import Path

from argand.errors import InputError
from argand.page.document import PAGE, Document, write_document
from argand.page.markup import link, text
from argand.page.parts import Column, Row, badge, card, left_out, shown, table, tiles, verdict
from argand.page.sections_view import sections_view
from argand.page.structure_view import Panel, structure_view
from argand.runs.command import commands_of
from argand.runs.fields import (
    COUNT,
    FLAG,
    NUMBER,
    POSITIVE,
    TEXT,
    Fields,
    file_of,
    listed,
    maybe,
    usable_records,
)
from argand.runs.record import RESULTS, Record, read_results
from argand.systems.patterson.maps.drawn_map import drawn_atoms, drawn_map
from argand.systems.patterson.solution.page import write_solve_page
from argand.systems.patterson.solution.page_words import WORDS as CRYSTAL_WORDS

LEAD = (
    "Atoms from Patterson maps, that is from the vectors between them, without phases. Positions are in"
    " voxels"
    " (points of the map) with the mean at the centre of the box, or in Å where the cell is known. A"
    " Patterson map"
    " determines neither the origin nor the hand of a structure: shifted and inverted atoms are equally"
    " right."
)
WORDS = {
    "Patterson map": "Its peaks lie at the vectors between atoms; the peak at the origin is the vector of"
    " each atom"
    " to itself, and is cut off here.",
    "residual": "Relative misfit between the amplitudes of the map and those of the atoms; for a crystal R1."
    " It is 0"
    " for a perfect answer.",
    "found by": "`network`: a neural network read the atoms from superpositions of the map; `dual-space`:"
    " iteration"
    " between map and reciprocal space from random phases.",
    "attempts": "Starts that were made, each from other vectors or phases.",
    "best guess": CRYSTAL_WORDS["best guess"],
    "σ of a map": CRYSTAL_WORDS["σ of a map"],
}
_KEYS = "Keys: {} choose the axis, Page Up and Page Down the section, arrows the place that is read."


def write_page(folder: Path) -> Path:
    """Write the page of what predict or solve left in `folder`; InputError when there is neither."""
    return _write_maps(folder) if (folder / RESULTS).exists() else write_solve_page(folder)


def _write_maps(folder: Path) -> Path:
    """Write the page of answered maps."""
    records, told = usable_records(read_results(folder), _fields, folder / RESULTS)
    trusted = sum(record["trusted"] for record in records)
    numbers = [Column(name, number=True) for name in ("residual", "attempts", "atoms")]
    heads = ["map", "verdict", "found by", *numbers, "why"]
    drawn = [number for number, one in enumerate(records) if one.get("map") and not one.get("failed")]
    cards = [_card(folder, records[number], number) for number in drawn]
    failed = sum(bool(record.get("failed")) for record in records)
    parts = [
        tiles(
            [
                (f"{trusted} of {len(records)}", "maps whose answer is trusted"),
                (str(len(records) - trusted - failed), "best guesses, not trusted"),
                (str(failed), "files without an answer"),
            ]
        ),
        left_out(told),
        table(heads, [_row(folder, record, number) for number, record in enumerate(records)]),
        *cards,
    ]
    title = f"Patterson maps: {trusted} of {len(records)} trusted"
    document = Document(title, text(LEAD), parts, WORDS, commands_of(folder), [link(RESULTS)])
    return write_document(folder / PAGE, document)


def _fields(record: Record) -> Fields:
    """What a record must have: an answer, or the reason why there is none."""
    about = {"file": TEXT, "trusted": FLAG, "reason": TEXT, "map": maybe(TEXT), "failed": maybe(FLAG)}
    if record.get("failed"):
        return about
    counted = {"path": TEXT, "residual": maybe(NUMBER), "attempts": COUNT}
    places = {"positions_voxel": listed(listed(NUMBER, 3)), "xyz": maybe(TEXT)}
    return about | counted | places | {"cell": maybe(listed(POSITIVE, 6)), "elements": maybe(listed(TEXT))}


def _row(folder: Path, record: Record, number: int) -> Row:
    name, why = text(Path(record["file"]).name), text(record["reason"])
    if record.get("failed"):
        return Row([name, badge(False, "failed"), "", "", "", "", why])
    name = f'<a href="#map-{number}">{name}</a>' if record.get("map") else name
    residual = "" if record.get("residual") is None else f"{record['residual']:.4f}"
    trusted = record["trusted"]
    cells = [text(record["path"]), residual, str(record["attempts"]), _atoms_link(folder, record)]
    words = None if trusted else "best guess"
    return Row([name, badge(trusted, words), *(shown(cell, trusted) for cell in cells), why])


def _atoms_link(folder: Path, record: Record) -> str:
    """How many atoms were found, as a link to their file where it is there."""
    count = len(record["positions_voxel"])
    try:
        return link(file_of(folder, record.get("xyz") or "").name, count)
    except InputError:
        return str(count)


def _card(folder: Path, record: Record, number: int) -> str:
    """A map: its verdict, sections through it, and its atoms; or why it cannot be drawn."""
    name = Path(record["file"]).name
    parts = [verdict(record["trusted"], record["reason"])]
    try:
        sections = drawn_map(folder, record)
        keys = _KEYS.format("x, y, z" if sections.reach else "a, b, c")
        map_view = sections_view(
            sections,
            f"Sections through the Patterson map {name}",
            "Contours and colour are relative to the highest peak beyond the origin, whose peak is cut off;"
            f" what is negative is orange. {keys}",
            height=380,
            name=name,
        )
        atoms = drawn_atoms(record, sections.values.shape)
        count = len(atoms.elements)
        told = f"{count} atoms of {name}"
        atom_view = structure_view([Panel("", [atoms])], told, f"{count} atoms", height=380, name=name)
        parts.append(f'<div class="pair">{map_view}{atom_view}</div>')
        parts.append(_files(folder, record))
    except InputError as error:
        parts.append(left_out([str(error)]))
    return card(text(name), *parts, mark=f"map-{number}")


def _files(folder: Path, record: Record) -> str:
    """Links to the map and the atoms."""
    uses = {"map": "the map, for Coot, ChimeraX or VESTA", "xyz": "the atoms, for Avogadro or Jmol"}
    found = []
    for kind, use in uses.items():
        try:
            found.append(f"{link(file_of(folder, record.get(kind) or '').name)}: {use}")
        except InputError:
            continue
    return f"<p>{'; '.join(found)}</p>" if found else ""
