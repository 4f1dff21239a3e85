"""One answer in full: verdict, numbers, notes, the image, and geometry files."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from argand.errors import InputError
from argand.page.image_view import ShownImage, image_view
from argand.page.markup import address, link, text
from argand.page.parts import card, facts, links, shown, verdict
from argand.page.pixels import read_beside
from argand.physics.still.resolution import ring_spacings
from argand.runs.fields import file_of
from argand.runs.record import Record
from argand.systems.geometry.files.text import angles, cell, crystals, label, number, on_panel, pair
from argand.systems.geometry.pages.run import RunPages, covariance_of, geometry_of, small_of

WIDTH_PX = 1160
"""Width of a still picture, which answers of earlier versions have: that of the page."""


def answer_card(run: RunPages, record: Record, mark: str | None = None, heading: str | None = None) -> str:
    """The card of an answer; links lead to its `mark`. `heading` is HTML, its name without."""
    reason = record.get("reason") or ""
    parts = [verdict(record["trusted"], reason), _facts(record)]
    parts += [f'<p class="soft">{text(note)}</p>' for note in record.get("notes") or []]
    parts.append(_image(run, record))
    if record.get("downloads"):
        files = links(_links(run.folder, record["downloads"]))
        parts.append(f"<h3>Geometry files for other programs</h3>{files}")
    return card(heading or text(label(record)), *parts, mark=mark)


def _image(run: RunPages, record: Record) -> str:
    """The image of an answer: to zoom, else as a still picture, else why there is none."""
    try:
        if record.get("image"):
            return _view(run, record)
        if record.get("overlay"):
            source = embedded(file_of(run.folder, record["overlay"]), WIDTH_PX)
            picture = f'<img alt="image with rings and centres" src="{source}">'
            return f'<a href="{address(record["overlay"])}">{picture}</a>'
    except InputError as error:
        return f'<p class="note">{text(error)}</p>'
    return ""


def _small(run: RunPages, record: Record) -> dict[str, Any] | str:
    """The small image; on a page of several, the name of its script, which holds nothing else."""
    small = small_of(run.folder, record) if run.is_one_page else None
    if small is None:
        run.thumb(record)
        return record["image"]
    return small


def _view(run: RunPages, record: Record) -> str:
    geometry = geometry_of(record)
    shape = record.get("shape")
    before, after = run.neighbours(record)
    header = record.get("header_beam_centre_px")
    image = ShownImage(
        _small(run, record),
        _pixels(run.folder, record),
        geometry,
        record["trusted"],
        header and (header[0], header[1]),
        covariance_of(record),
        ring_spacings(geometry, (int(shape[0]), int(shape[1]))) if geometry and shape else (),
        run.page_of(before) if before else None,
        run.page_of(after) if after else None,
    )
    return image_view(f"diffraction image {label(record)}", image)


def _pixels(folder: Path, record: Record) -> str | None:
    """Name of the script with all pixels; None where an answer has none. InputError for a damaged one."""
    name = record.get("pixels")
    if name:
        read_beside(file_of(folder, name))
    return name


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


def _facts(record: Record) -> str:
    """The header's and the predicted centre, and the numbers that belong to them."""
    sigma = number(record.get("sigma_px"))
    known = f" ± {sigma} px" if sigma else " px"
    centre, guess = pair(record.get("beam_centre_px")), pair(record.get("best_guess_px"))
    stated = [
        ("header's beam centre", _with(pair(record.get("header_beam_centre_px")), " px")),
        ("predicted beam centre", _with(centre, known)),
        ("shift", _with(pair(record.get("shift_px"), sign="+"), " px")),
        ("shift", _with(pair(record.get("shift_mm"), 3, "+"), " mm")),
        ("pitch, yaw", _tilt(record)),
        ("PONI", _with(pair(record.get("poni_px")), " px")),
        ("beam on panel", _with(on_panel(record), " px")),
        ("evidence", _evidence(record)),
        ("distance given", _with(number(record.get("distance_mm")), " mm")),
        ("wavelength", _with(number(record.get("wavelength"), 4), " Å")),
    ]
    sample = [
        ("best guess of the beam centre", _with("" if record["trusted"] else guess, known)),
        ("fitted distance", _with(_distance(record), " mm")),
        ("unit cell", _with(cell(record), " Å")),
        ("standard deviations of the cell", _cell_sigma(record)),
        ("possible Bravais lattices", " ".join(record.get("bravais") or ())),
        ("lattices found", crystals(record)),
        ("spots, indexed", _spots(record)),
        ("resolution of the spots", _with(number(record.get("resolution")), " Å")),
    ]
    entries = [(name, text(value)) for name, value in stated]
    entries += [(name, shown(text(value), record["trusted"])) for name, value in sample]
    return facts([*entries, ("time", _with(number(record.get("seconds")), " s"))])


def _with(value: str, unit: str) -> str:
    return value and f"{value}{unit}"


def _tilt(record: Record) -> str:
    """Pitch and yaw with their standard deviations, or that they were not measured."""
    if record["trusted"] and record.get("tilt_measured") is False:
        return "not measured"
    sigma = pair(record.get("tilt_sigma_deg"))
    told = angles(record.get("tilt_deg"))
    return f"{told} ± {sigma}°" if told and sigma else told


def _evidence(record: Record) -> str:
    path = record.get("path") or ""
    return "" if path == "none" else path


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


def _links(folder: Path, names: Sequence[str]) -> list[str]:
    """Links to the files of an answer; a missing or foreign file is named without a link."""
    return [_file(folder, name) for name in names]


def _file(folder: Path, name: str) -> str:
    try:
        return link(file_of(folder, name).name, download=True)
    except InputError as error:
        return f'<span class="bad">{text(error)}</span>'
