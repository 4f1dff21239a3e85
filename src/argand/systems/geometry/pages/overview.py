"""The run at a glance: its main figures, a table of all answers, and thumbnails."""

from collections.abc import Sequence

import numpy as np

from argand.errors import InputError
from argand.page.document import PAGE
from argand.page.markup import address, text
from argand.page.parts import Column, Row, badge, card, shown, table, thumbnails, tiles
from argand.runs.record import Record
from argand.systems.geometry.files.text import (
    angles,
    cell,
    label,
    number,
    pair,
    shift_length,
    verdict,
)
from argand.systems.geometry.pages.run import RunPages

_COLUMNS = (
    "image",
    "verdict",
    *(Column(name, True) for name in ("beam centre, px", "± px", "shift, px", "pitch, yaw")),
    "evidence",
    *(Column(name, True) for name in ("d, Å", "header, px")),
    "cell, Å",
)


def main_figures(run: RunPages) -> str:
    """Tiles: of the one answer, or of all."""
    if len(run.single) == 1:
        return tiles(_of_one(run.single[0]))
    single = run.single
    shifts = [length for record in single if (length := shift_length(record)) is not None]
    pooled = [record for record in run.records if record.get("pooled") and record["trusted"]]
    entries = [(f"{sum(record['trusted'] for record in single)} of {len(single)}", "answers trusted")]
    if shifts:
        entries.append((f"{np.median(shifts):.2f} px", "median shift from the header"))
    entries += [(pair(record["beam_centre_px"]), f"px, {label(record)}") for record in pooled[:2]]
    seconds = [record["seconds"] for record in single if record.get("seconds")]
    if seconds:
        entries.append((f"{np.median(seconds):.2f} s", "median time per image"))
    return tiles(entries)


def _of_one(record: Record) -> list[tuple[str, str]]:
    sigma = number(record.get("sigma_px"))
    known = f"± {sigma} px" if sigma else "px"
    centre, guess = pair(record.get("beam_centre_px")), pair(record.get("best_guess_px"))
    entries = [
        (centre, f"predicted beam centre, {known}"),
        (guess, f"best guess, not trusted, {known}"),
        (pair(record.get("header_beam_centre_px")), "header's beam centre, px"),
        (pair(record.get("shift_px"), sign="+"), "shift, px"),
        (angles(record.get("tilt_deg")), "pitch, yaw"),
    ]
    return [(value, name) for value, name in entries if value]


def answer_table(run: RunPages, marks: dict[int, str]) -> str:
    """A row for each answer, which links to its card; `marks` are those of cards on this page, by `id`."""
    rows = [_row(run, record, marks) for record in run.records]
    return table(_COLUMNS, rows)


def _row(run: RunPages, record: Record, marks: dict[int, str]) -> Row:
    trusted = record["trusted"]
    centre = record.get("beam_centre_px") if trusted else record.get("best_guess_px")
    cells = (
        _name(run, record, marks),
        badge(trusted, verdict(record)),
        _shown(record, pair(centre)),
        _shown(record, number(record.get("sigma_px"))),
        text(pair(record.get("shift_px"), sign="+")),
        text(angles(record.get("tilt_deg"))),
        text(record.get("path") or "") if trusted else "",
        _shown(record, number(record.get("resolution"))),
        text(pair(record.get("header_beam_centre_px"))),
        _shown(record, cell(record)),
    )
    return Row(cells, strong=bool(record.get("pooled")))


def _name(run: RunPages, record: Record, marks: dict[int, str]) -> str:
    """The name of a record, wide enough for usual ones, with a link to where it is shown."""
    mark = marks.get(id(record))
    target = f"#{mark}" if mark else address(run.page_of(record))
    wide = f'<span style="display:inline-block;min-width:9em">{text(label(record))}</span>'
    return wide if target == PAGE else f'<a href="{target}">{wide}</a>'


def doubts(run: RunPages, records: Sequence[Record], marks: dict[int, str]) -> str:
    """Why answers without a card on this page are not trusted; empty if all are."""
    rows = [
        Row(
            (_name(run, record, {}), badge(False, verdict(record)), text(record.get("reason") or "")),
            mark=marks.get(id(record)),
        )
        for record in records
        if not record["trusted"]
    ]
    return card("Why answers are not trusted", table(("image", "verdict", "reason"), rows)) if rows else ""


def _shown(record: Record, value: str) -> str:
    """A value that rests on the geometry as HTML, grey where that is not trusted."""
    return shown(text(value), record["trusted"])


def thumbnail_list(run: RunPages) -> tuple[str, list[str]]:
    """Thumbnails that link to the images' pages, and why some images have none."""
    entries, told = [], []
    for record in run.images:
        try:
            thumb = run.thumb(record)
        except InputError as error:
            told.append(str(error))
            continue
        if thumb is not None:
            sign = "✓" if record["trusted"] else "✗"
            kind = "good" if record["trusted"] else "bad"
            words = f'<span class="{kind}">{sign} {text(verdict(record))}</span> {text(label(record))}'
            entries.append((run.page_of(record), _safe(thumb), words))
    return (thumbnails(entries) if entries else ""), told


def _safe(source: str) -> str:
    """The data URL of a picture as an attribute; whatever else a file says is shown as nothing."""
    return text(source) if source.startswith("data:image/jpeg;base64,") else "data:,"


def near_links(run: RunPages, record: Record) -> Sequence[str]:
    """Links to the page of the run and to the images before and after one."""
    before, after = run.neighbours(record)
    found = [('<a class="button" href="index.html">↑ all images</a>')]
    if before:
        found.append(_button(run, before, "← previous: "))
    if after:
        found.append(_button(run, after, "next: ", " →"))
    return found


def _button(run: RunPages, record: Record, words: str, ending: str = "") -> str:
    return f'<a class="button" href="{address(run.page_of(record))}">{words}{text(label(record))}{ending}</a>'
