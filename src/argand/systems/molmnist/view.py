"""The page of a run: its answers in a table and small pictures, and a card with plots for each.

Where the cards would make the page too large, each has a page of its own beside it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from argand.errors import InputError
from argand.io import manifest
from argand.page.document import PAGE, SCRIPT, Document, write_document
from argand.page.markup import address, link, text
from argand.page.parts import Column, badge, left_out, shown, table, thumbnails
from argand.runs.command import commands_of
from argand.runs.fields import fault, file_of, listed, read_json, record_of, usable_records
from argand.runs.record import RESULTS, SUMMARY, Record
from argand.systems.molmnist.files.record_fields import FIELDS, fields_of
from argand.systems.molmnist.files.stored_answer import read_answer
from argand.systems.molmnist.inversion.answer_text import found_text, turn_text, twist_text
from argand.systems.molmnist.page.card import answer_card, window_text
from argand.systems.molmnist.page.plots import thumbnail
from argand.systems.molmnist.page.words import LEAD, WORDS

MOST_BYTES = 1_200_000
"""Of cards in one page; where they are more, each has a page of its own. By hand: with script and table a
page stays below 1.5 MB, which some 20 answers reach."""
MOST_THUMBNAILS = 500
"""Small pictures on a page. By hand: at 2 kB each they take as much room as the cards may."""
_COLUMNS = (
    "pattern",
    "verdict",
    "found",
    Column("|twist|, °/nm", number=True),
    Column("end to end, °", number=True),
    Column("rotation, °", number=True),
    "window",
    Column("residual", number=True),
    Column("expected", number=True),
)


_SINGLE = re.compile(r"answer-\d{4,}\.html")
"""Pages of single answers. Other outputs end otherwise."""
Cards = Iterator[tuple[int, str]]
"""Numbers of answers, from 0, and their cards."""


def write_page(folder: Path) -> Path:
    """Write the page of the run in `folder`, and pages of single answers where they are many.

    InputError where there is none in it. An answer with a damaged or missing file is in the table only, and
    the page says why.
    """
    records, told = read_records(folder)
    small: dict[int, str] = {}
    cards = _cards(folder, records, small, told)
    together: dict[int, str] = {}
    for number, one in cards:
        together[number] = one
        if sum(map(len, together.values())) > MOST_BYTES:
            singles = _write_singles(folder, records, chain(together.items(), cards))
            break
    else:
        singles = []
    targets = {number: _single(number) if singles else _mark(number) for number in small}
    parts = [
        *left_out(told),
        _table(records, targets),
        _thumbnails(records, small, targets),
        *([] if singles else together.values()),
    ]
    page = write_document(folder / PAGE, _document(folder, _title(records), ["".join(parts)]))
    _remove_singles(folder, singles)
    return page


def read_records(folder: Path) -> tuple[list[Record], list[str]]:
    """Records of a run, and a line on each that is damaged; InputError where there is none."""
    path = folder / SUMMARY
    if not path.exists():
        raise InputError(f"{folder}: no {SUMMARY} in it; give a folder written by predict --out")
    summary = read_json(path)
    wrong = fault(summary, {"records": listed(record_of({}))})
    if wrong is not None:
        raise InputError(f"{path}: damaged ({wrong}); predict again")
    kept, told = usable_records(summary["records"], fields_of, path)
    return [dict.fromkeys(FIELDS) | record for record in kept], told


def _cards(folder: Path, records: Sequence[Record], small: dict[int, str], told: list[str]) -> Cards:
    """The card of each answer; notes its small picture in `small`, or in `told` why it cannot be drawn."""
    for number, record in enumerate(records):
        if record.get("failed"):
            continue
        try:
            stored = read_answer(file_of(folder, record["hdf5"]))
            made = answer_card(folder, record, stored, _mark(number))
            small[number] = thumbnail(stored, record["trusted"])
        except InputError as error:
            told.append(f"not drawn: {error}")
        else:
            yield number, made


def _document(folder: Path, title: str, parts: list[str], near: Sequence[str] = ()) -> Document:
    files = [link(name) for name in (SUMMARY, RESULTS) if (folder / name).is_file()]
    return Document(title, text(LEAD), parts, WORDS, commands_of(folder), files, near)


def _title(records: Sequence[Record]) -> str:
    trusted = sum(record["trusted"] for record in records)
    return f"Fibrils from their diffraction: {trusted} of {len(records)} answers trusted"


def _mark(number: int) -> str:
    return f"answer-{number}"


def _single(number: int) -> str:
    """Name of the page of one answer."""
    return f"answer-{number + 1:04d}.html"


def _write_singles(folder: Path, records: Sequence[Record], cards: Iterable[tuple[int, str]]) -> list[str]:
    """Write a page for each answer, with links to those before and after; their names."""
    written: list[str] = []
    waiting = iter(cards)
    now = next(waiting, None)
    while now is not None:
        number, made = now
        now = next(waiting, None)
        near = [link(PAGE, "all answers")]
        near += [link(written[-1], "← previous")] if written else []
        near += [link(_single(now[0]), "next →")] if now else []
        document = _document(folder, records[number]["name"], [made], near)
        written.append(write_document(folder / _single(number), document, shared=True).name)
    return written


def _remove_singles(folder: Path, kept: Sequence[str]) -> None:
    """Remove pages of single answers that an earlier run wrote, and their script where none is kept."""
    if not manifest.has_manifest(folder):
        return
    for path in manifest.listed(folder):
        left = _SINGLE.fullmatch(path.name) and path.name not in kept
        if path.parent == folder.absolute() and (left or (path.name == SCRIPT and not kept)):
            path.unlink(missing_ok=True)


def _table(records: Sequence[Record], targets: dict[int, str]) -> str:
    """The table of the answers, without columns that are empty in all."""
    rows = [_row(record, targets.get(number)) for number, record in enumerate(records)]
    kept = [place for place in range(len(_COLUMNS)) if any(row[place] for row in rows)]
    return table([_COLUMNS[place] for place in kept], [[row[place] for place in kept] for row in rows])


def _row(record: Record, target: str | None) -> list[str]:
    """The cells of one answer, with a link to the answer's card where it has one."""
    if record.get("failed"):
        name = text(Path(record["file"]).name)
        return [name, badge(False, "no answer"), text(record["reason"]), *[""] * (len(_COLUMNS) - 3)]
    trusted = record["trusted"]
    numbers = (
        found_text(record),
        twist_text(record) or "unknown",
        turn_text(record),
        f"{record['rotation_deg']:.1f}",
    )
    return [
        _linked(target, text(record["name"])),
        badge(trusted),
        *(shown(text(value), trusted) for value in numbers),
        text(window_text(record)),
        f"{record['residual']:.3f}",
        f"{record['expected_residual']:.3f}",
    ]


def _linked(target: str | None, html: str) -> str:
    if target is None:
        return html
    return f'<a href="{address(target) if _SINGLE.fullmatch(target) else f"#{target}"}">{html}</a>'


def _thumbnails(records: Sequence[Record], small: dict[int, str], targets: dict[int, str]) -> str:
    """Small pictures of several answers; nothing for one, or for more than a page can take."""
    if not 1 < len(small) <= MOST_THUMBNAILS:
        return ""
    entries = []
    for number, source in small.items():
        target = targets[number]
        below = f"{text(records[number]['name'])}<br>{badge(records[number]['trusted'])}"
        entries.append((target if _SINGLE.fullmatch(target) else f"#{target}", source, below))
    return thumbnails(entries)
