"""The page of crystals: structures beside those decoded from their vectors, paths between two, and a map."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from argand.page.document import PAGE, Document, write_document
from argand.page.markup import link, text
from argand.page.parts import card, left_out, tiles
from argand.page.structure_view import structure_view
from argand.runs.command import commands_of
from argand.runs.fields import is_plain_name
from argand.systems.crystals.page.drawing import panels
from argand.systems.crystals.page.path import curves
from argand.systems.crystals.page.run import Run, read_run
from argand.systems.crystals.page.structure_map import map_among, map_of_run
from argand.systems.crystals.page.table import GROUP, number, structure_table
from argand.systems.crystals.page.text import structure_text
from argand.systems.crystals.page.words import lead, title, words

_FILES = ("summary.json", "results.jsonl", "records.jsonl", "latents.parquet")
"""Files of a run that its page links to, where they are."""


def write_page(folder: Path, page: Path | None = None, among: Sequence[str] = ()) -> Path:
    """Write the page of what reconstruct, decode, interpolate, alter or sample wrote to `folder`.

    The map is of the structures of `among`, or else of those of the run. InputError without a run.
    """
    run = read_run(folder)
    page = page or folder / PAGE
    beside = page.resolve().parent == folder.resolve()
    seen_map = map_among(among) if among else map_of_run(run)
    parts = [left_out(run.told), *(_parts(run, beside) if run.items else []), seen_map]
    files = [name for name in _FILES if beside and (folder / name).is_file() and is_plain_name(name)]
    document = Document(
        title(run),
        text(lead(run)),
        parts,
        words(run, bool(seen_map)),
        commands_of(folder),
        [link(name) for name in files],
    )
    return write_document(page, document)


def _parts(run: Run, beside: bool) -> list[str]:
    """Main figures, the table, the views, and what is said of the structure shown."""
    seen = structure_view(
        panels(run.kind, run.items),
        "structures in 3-D: atoms in the cell",
        _caption(run),
        height=480,
        group=GROUP,
        name=run.folder.resolve().name or "structure",
    )
    figures = tiles((value, name) for name, value in _figures(run))
    caption = "A click on a row, or Enter, shows its structure."
    listed = structure_table(run.kind, run.items, beside, caption)
    told = structure_text(run.kind, run.items)
    if run.kind == "path":
        return [figures, card("Film of the path", seen, curves(run.items)), listed, card("Step shown", told)]
    drawn = card("Structure shown", seen, told)
    return [figures, drawn, listed] if len(run.items) == 1 else [figures, listed, drawn]


def _caption(run: Run) -> str:
    told = "Bonds join atoms that are as near as their radii tell; they are no result of the run."
    if any(not one.trusted for one in run.items):
        told += " Structures that are not trusted are grey."
    return told


def _figures(run: Run) -> list[tuple[str, str]]:
    """The main figures: names and values."""
    items = run.items
    least = min(items, key=lambda one: one.record["confidence"])
    told = [("trusted", f"{run.trusted_count} of {run.count}")]
    told.append(("least confidence", number(least.record["confidence"], 3)))
    moved = [float(one.moved.distance.max()) for one in items if one.moved is not None and one.trusted]
    if run.kind == "rebuilt" and moved:
        told.append(("largest displacement of an atom, trusted structures", f"{max(moved):.2g} Å"))
    if run.kind == "path":
        told.append(("shortest distance on the path", f"{min(one.shortest_distance for one in items):.2f} Å"))
    if run.kind == "samples":
        told += _of_samples(run)
    return told


def _of_samples(run: Run) -> list[tuple[str, str]]:
    count = len(run.items)
    valid = sum(one.is_valid for one in run.items)
    new = sum(one.record.get("known_as") is None for one in run.items)
    rejected = Counter(run.summary.get("rejected") or {})
    told = ", ".join(f"{many} {why}" for why, many in rejected.most_common(3)) or "none rejected"
    return [
        ("with valid distances", f"{valid} of {count}"),
        ("not known before", f"{new} of {count}"),
        (f"candidates drawn; {told}", str(run.summary["drawn"])),
    ]
