"""The page of a run: one self-contained HTML file, made from the run's records and pictures."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from argand.errors import InputError
from argand.page.markup import address, best_guess, link, text
from argand.page.shell import PAGE, left_out, write_html
from argand.runs.fields import file_of, usable_records
from argand.runs.record import RESULTS, Record, read_results
from argand.systems.geometry.files.record import TABLE, fields_of, with_verdict
from argand.systems.geometry.files.style import CSS
from argand.systems.geometry.files.text import (
    angles,
    cell,
    crystals,
    label,
    number,
    on_panel,
    pair,
    verdict,
)

_WIDTHS_PX = ((12, 1160), (40, 900), (150, 640))
"""Largest number of pictures -> their width in px. By hand, to keep the one file small enough to open and to
send; each picture links to its full size beside the page."""
_SMALLEST_PX = 400
"""Width in px of each picture where there are more."""

_HEADINGS = (
    "image",
    "header centre, px",
    "beam centre, px",
    "± px",
    "shift, px",
    "pitch, yaw",
    "evidence",
    "d, Å",
    "cell, Å",
    "lattices",
    "s",
    "",
)


def write_page(folder: Path) -> Path:
    """Write the page of the run in `folder`: figures, a table and a card with a picture for each answer.

    Damaged records are left out and reported on the page; InputError for a folder without a run.
    """
    found = [with_verdict(record) for record in read_results(folder)]
    records, told = usable_records(found, fields_of, folder / RESULTS)
    ordered = sorted(records, key=lambda record: not record.get("pooled"))
    title = f"Beam geometry of {_images(len(_single(records)))}"
    width = picture_width(sum("overlay" in record for record in records))
    parts = [
        f"<h1>{title}</h1>",
        f'<p class="lead">{text(folder.resolve().name)} · pixels as (fast, slow), '
        "0-based, integer = pixel edge · grey: best guess of an answer that is not trusted</p>",
        *left_out(told),
        _tiles(records),
        _table(ordered),
        *(_card(folder, place, record, width) for place, record in enumerate(ordered)),
    ]
    return write_html(folder / PAGE, title, parts, f"all numbers: {link(TABLE)}, {link(RESULTS)}", CSS)


def picture_width(pictures: int) -> int:
    """Width in px of each picture on a page with that many."""
    return next((width for most, width in _WIDTHS_PX if pictures <= most), _SMALLEST_PX)


def embedded(path: Path, width: int) -> str:
    """A picture as a data URL: JPEG of at most `width` px, its quality (84) by hand.

    Raises InputError for a file that is not a complete PNG.
    """
    from PIL import Image

    try:
        with Image.open(path, formats=("PNG",)) as whole:
            small = whole.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: not a complete picture ({error}); predict again with --force") from error
    small.thumbnail((width, width))
    packed = io.BytesIO()
    small.save(packed, format="JPEG", quality=84, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(packed.getvalue()).decode()}"


def _single(records: list[Record]) -> list[Record]:
    return [record for record in records if not record.get("pooled")]


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count} images"


def _tiles(records: list[Record]) -> str:
    """The main figures of the run."""
    single = _single(records)
    shifts = [float(np.hypot(*record["shift_px"])) for record in single if record.get("shift_px")]
    pooled = [record for record in records if record.get("pooled") and record["trusted"]]
    tiles = [(f"{sum(record['trusted'] for record in single)} of {len(single)}", "answers trusted")]
    if shifts:
        tiles.append((f"{np.median(shifts):.2f} px", "median shift from the header"))
    tiles += [(pair(record["beam_centre_px"]), f"px, {label(record)}") for record in pooled[:2]]
    seconds = [record["seconds"] for record in single if record.get("seconds")]
    if seconds:
        tiles.append((f"{np.median(seconds):.2f} s", "median time per image"))
    cells = (
        f'<div class="tile"><b>{text(value)}</b><span>{text(name)}</span></div>' for value, name in tiles
    )
    return f'<div class="tiles">{"".join(cells)}</div>'


def _table(records: list[Record]) -> str:
    head = "".join(f"<th>{heading}</th>" for heading in _HEADINGS)
    rows = "".join(_row(place, record) for place, record in enumerate(records))
    return f'<div class="sheet"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _row(place: int, record: Record) -> str:
    guess = pair(record.get("best_guess_px"))
    centre = pair(record.get("beam_centre_px")) if record["trusted"] else guess and f"best guess {guess}"
    cells = (
        text(pair(record.get("header_beam_centre_px"))),
        _shown(record, centre),
        _shown(record, number(record.get("sigma_px"))),
        text(pair(record.get("shift_px"), sign="+")),
        text(angles(record.get("tilt_deg"))),
        text(record.get("path") or "") if record["trusted"] else "",
        _shown(record, number(record.get("resolution"))),
        _shown(record, cell(record)),
        _shown(record, crystals(record)),
        text(number(record.get("seconds"))),
    )
    kind = ' class="pooled"' if record.get("pooled") else ""
    name = f'<a href="#answer-{place}">{text(label(record))}</a>'
    others = "".join(f"<td>{cell or '–'}</td>" for cell in cells)
    others += f"<td>{_chip(record)}</td>"
    return f"<tr{kind}><td>{name}</td>{others}</tr>"


def _shown(record: Record, value: str) -> str:
    """A value that rests on the geometry as HTML, grey where that is not trusted."""
    return text(value) if record["trusted"] or not value else best_guess(text(value))


def _chip(record: Record) -> str:
    return f'<span class="chip {"good" if record["trusted"] else "bad"}">{verdict(record)}</span>'


def _card(folder: Path, place: int, record: Record, width: int) -> str:
    """One answer in full: verdict and reason, numbers, notes, picture, and geometry files."""
    parts = [f"<h2>{text(label(record))}</h2>{_chip(record)}"]
    if record.get("reason"):
        kind = "files" if record["trusted"] else "reason"
        parts.append(f'<p class="{kind}">{text(record["reason"])}</p>')
    parts.append(_numbers(record))
    parts += [f'<p class="files">{text(note)}</p>' for note in record.get("notes") or []]
    if record.get("overlay"):
        parts.append(_picture(folder, record, width))
    if record.get("downloads"):
        parts.append(f'<p class="files">{_links(folder, record["downloads"])}</p>')
    return f'<section class="card" id="answer-{place}">{"".join(parts)}</section>'


def _picture(folder: Path, record: Record, width: int) -> str:
    """The picture of an answer, linked to its full size, or why there is none."""
    try:
        source = embedded(file_of(folder, record["overlay"]), width)
    except InputError as error:
        return f'<p class="reason">{text(error)}</p>'
    image = f'<img loading="lazy" alt="{text(label(record))}" src="{source}">'
    return f'<a href="{address(record["overlay"])}">{image}</a>'


def _numbers(record: Record) -> str:
    """The header's and the predicted centre, and the numbers that belong to them."""
    trusted = record["trusted"]
    sigma = number(record.get("sigma_px"))
    guess = pair(record.get("best_guess_px"))
    rest = "" if trusted else "best-guess"
    entries = [
        ("header centre", pair(record.get("header_beam_centre_px")), "px", "old"),
        ("beam centre", pair(record.get("beam_centre_px")), f"± {sigma} px", "new"),
        ("best guess, not trusted", "" if trusted else guess, f"± {sigma} px" if sigma else "px", rest),
        ("shift", pair(record.get("shift_px"), sign="+"), "px", ""),
        ("shift", pair(record.get("shift_mm"), 3, "+"), "mm", ""),
        ("pitch, yaw", angles(record.get("tilt_deg")), "", ""),
        ("PONI", pair(record.get("poni_px")), "px", ""),
        ("fitted distance", _distance(record), "mm", rest),
        ("unit cell", cell(record), "Å", rest),
        ("standard deviations of the cell", _cell_sigma(record), "", rest),
        ("possible Bravais lattices", " ".join(record.get("bravais") or ()), "", rest),
        ("lattices found", crystals(record), "", rest),
        ("spots, indexed", _spots(record), "", rest),
        ("resolution of the spots", number(record.get("resolution")), "Å", rest),
        ("beam on panel", on_panel(record), "px", ""),
    ]
    cells = (
        f'<div><dt>{name}</dt><dd class="{kind}">{text(value)} {unit}</dd></div>'
        for name, value, unit, kind in entries
        if value
    )
    return f"<dl>{''.join(cells)}</dl>"


def _distance(record: Record) -> str:
    """The fitted distance in mm with its standard deviation; empty without one."""
    value, stretch, sigma = (record.get(key) for key in ("fitted_distance_mm", "stretch", "stretch_sigma"))
    return f"{value:.2f} ± {sigma / stretch * value:.2f}" if value and stretch and sigma else ""


def _cell_sigma(record: Record) -> str:
    """Standard deviations of the cell's lengths in Å and angles in degrees; 0 where fixed by symmetry."""
    sigma = record.get("unit_cell_sigma")
    return "" if not sigma else " ".join("–" if value is None else f"{value:.2g}" for value in sigma)


def _spots(record: Record) -> str:
    share = record.get("indexed_share")
    return "" if not record.get("spots") else f"{record['spots']}, {100 * (share or 0):.0f} %"


def _links(folder: Path, names: Sequence[str]) -> str:
    """Links to the files of an answer; a missing or foreign file is named without a link."""
    return "".join(_file(folder, name) for name in names)


def _file(folder: Path, name: str) -> str:
    try:
        return link(file_of(folder, name).name, download=True)
    except InputError as error:
        return f'<span class="bad">{text(error)}</span> '
