"""The page of a run: pattern, shape, truth and the fibril in 3-D, in one HTML file."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from argand.errors import InputError
from argand.io.resource import system_data
from argand.page.markup import address, best_guess, filled, text
from argand.page.shell import PAGE, Drawing, left_out, write_html
from argand.physics.fibre.twist import DEG_PER_NM, twisted
from argand.runs.fields import fault, file_of, listed, read_json, record_of, usable_records
from argand.runs.record import SUMMARY, Record
from argand.systems.molmnist.fibril.cellulose import cellulose
from argand.systems.molmnist.fibril.fibril import (
    FIBRILS,
    LENGTH,
    chain_atoms,
    chain_labels,
    chain_places,
    chain_sites,
)
from argand.systems.molmnist.files.record_fields import FIELDS, fields_of
from argand.systems.molmnist.files.stored_answer import read_answer
from argand.systems.molmnist.inversion.answer_text import found_text, title_of, turn_text, twist_text
from argand.systems.molmnist.inversion.picture import shape_extent
from argand.systems.molmnist.inversion.truth import softened
from argand.systems.molmnist.simulate import turned

MOST_BYTES = 2_000_000
"""Of figures in a page; the list has all answers, those beyond this limit without figures. By hand: a pattern
alone takes 53 kB."""
MOST_PIXELS = 200
"""Along a side of a drawn pattern; larger ones are binned. By hand: the standard pattern is not."""
BACKBONE = ("C4", "C1")
"""Atoms of each glucose that the line of a drawn chain passes through."""
_DECADES = 7.0
"""Of intensity below the brightest pixel that are drawn. By hand, for the eye; pictures have the same."""
_LEVELS = 255
"""Largest code of a byte."""

_FOOT = """A pattern does not tell a shape from the same shape rotated by 180°; the truth, where known, is
shown in the orientation that agrees. A projection does not show the hand of a twist: fibrils are drawn
right-handed. Shapes and numbers of answers that are not trusted are grey: they are best guesses."""

Packed = dict[str, Any]


def write_page(folder: Path) -> Path:
    """Write the page of the run in `folder`.

    InputError where there is none in it. An answer with a damaged or missing file is in the list only, and
    the page says why.
    """
    records, told = read_records(folder)
    spent, views = 0, []
    for record in records:
        view = None
        if not record.get("failed") and spent <= MOST_BYTES:
            try:
                view = _view(folder, record)
            except InputError as error:
                told.append(f"not drawn: {error}")
        spent += len(json.dumps(view))
        views.append(view)
    title = _title(records)
    rows = "".join(_row(number, record) for number, record in enumerate(records))
    body, style, code = (_shipped(name) for name in ("view.html", "view.css", "view.js"))
    parts = [filled(body, {"title": text(title), "told": "".join(left_out(told)), "rows": rows})]
    return write_html(folder / PAGE, title, parts, _FOOT, style, Drawing(views, code))


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


def _shipped(name: str) -> str:
    return system_data("molmnist", name).read_text(encoding="utf-8")


def _title(records: list[Record]) -> str:
    trusted = sum(record["trusted"] for record in records)
    return f"Fibrils from their diffraction: {trusted} of {len(records)} answers trusted"


def _row(number: int, record: Record) -> str:
    """One line of the list."""
    if record.get("failed"):
        name = text(Path(record["file"]).name)
        said = text(record["reason"])
        return f'<tr class="dead"><td>{name}<td colspan="5">{said}<td><span class="chip bad">no answer</span>'
    colour, verdict = ("good", "trusted") if record["trusted"] else ("bad", "not trusted")
    numbers = [
        text(found_text(record)),
        f"{twist_text(record) or 'unknown'} <small>{turn_text(record)}</small>",
        f"{record['rotation_deg']:.1f}",
    ]
    cells = (
        f'<a href="#{number}">{text(record["name"])}</a>',
        *(numbers if record["trusted"] else map(best_guess, numbers)),
        f"{record['window_side_angstrom']:.1f} <small>{text(record.get('window_from') or '')}</small>",
        f"{record['residual']:.3f} <small>{record['expected_residual']:.3f}</small>",
        f'<span class="chip {colour}">{verdict}</span>',
    )
    return f'<tr data-number="{number}"><td>{"<td>".join(cells)}'


def _view(folder: Path, record: Record) -> Packed:
    """What the page draws of one answer; InputError where its file is gone or damaged."""
    stored = read_answer(file_of(folder, record["hdf5"]))
    shape, sd, truth = stored.shape, stored.shape_sd, stored.true_shape
    side = shape_extent(shape if truth is None else np.maximum(shape, truth))
    pixel = record["window_side_angstrom"] / len(shape)
    top = float(max(shape.max(), 0.0 if truth is None else truth.max()))
    images = {
        "shape": (shape, 0.0, top),
        "sd": (sd, float(sd[sd > 0].min(initial=sd.max())), float(sd.max())),
    }
    if truth is not None:
        off = softened(shape - truth, pixel)
        most = float(np.abs(off).max())
        images |= {"truth": (truth, 0.0, top), "difference": (off, -most, most)}
    return {
        "name": record["name"],
        "file": f"{record['file']}, number {record['index']}",
        "trusted": record["trusted"],
        "reason": record["reason"],
        "notes": record["notes"],
        "fibril": record["fibril"],
        "probabilities": {name: round(value, 4) for name, value in record["probabilities"].items()},
        "twist": record["twist_deg_per_nm"],
        "twist_sd": record["twist_sd_deg_per_nm"],
        "rotation": record["rotation_deg"],
        "found": title_of(record),
        "turn": record.get("turn_deg"),
        "turn_sd": record.get("turn_sd_deg"),
        "window": {"side": record["window_side_angstrom"], "from": record.get("window_from") or ""},
        "truth": record.get("truth"),
        "files": _files(folder, record),
        "pattern": _packed_pattern(stored.pattern, stored.live, record["window_side_angstrom"]),
        "images": {name: _packed_image(*image, side, pixel) for name, image in images.items()},
        "chains": _packed_chains(record),
    }


def _files(folder: Path, record: Record) -> list[tuple[str, str]]:
    """Names and addresses of the files of an answer that are there."""
    found = []
    for name in (record["hdf5"], record.get("cxi")):
        try:
            found.append((name, address(file_of(folder, name or "").name)))
        except InputError:
            continue
    return found


def _packed_pattern(pattern: np.ndarray, live: np.ndarray, window_side: float) -> Packed:
    """Decimal logarithms of a pattern in bytes; 0 is a pixel without an intensity."""
    bins = -(-len(pattern) // MOST_PIXELS)
    keep = len(pattern) // bins * bins
    cells = (keep // bins, bins) * 2
    count = live[:keep, :keep].reshape(cells).sum((1, 3))
    sums = np.where(live, pattern, 0)[:keep, :keep].reshape(cells).sum((1, 3), dtype=float)
    mean = sums / np.maximum(count, 1)
    there = mean > 0
    logs = np.log10(np.where(there, mean, 1.0))
    top = float(logs[there].max()) if there.any() else 1.0
    low = max(float(logs[there].min()) if there.any() else 0.0, top - _DECADES)
    codes = 1 + np.rint((logs - low).clip(0) / max(top - low, 1e-6) * (_LEVELS - 1))
    step = 2 * np.pi / window_side
    return _packed(np.where(there, codes, 0)) | {
        "low": low,
        "top": top,
        "first": -(len(pattern) // 2) * step + (bins - 1) / 2 * step,
        "step": bins * step,
    }


def _packed_image(values: np.ndarray, low: float, top: float, side: int, pixel: float) -> Packed:
    """The middle of an image in bytes."""
    first = (len(values) - side) // 2
    cut = values[first : first + side, first : first + side]
    codes = np.rint((cut - low) / max(top - low, 1e-9) * _LEVELS).clip(0, _LEVELS)
    start = (first + 0.5 - len(values) / 2) * pixel
    return _packed(codes) | {"low": low, "top": top, "first": start, "step": pixel}


def _packed(codes: np.ndarray) -> Packed:
    data = base64.b64encode(codes.astype(np.uint8).tobytes()).decode()
    return {"data": data, "rows": codes.shape[0], "columns": codes.shape[1]}


def _packed_chains(record: Record) -> Packed | None:
    """Backbones of the chains, rotated and twisted as predicted, in tenths of an Å; None where unknown.

    200 Å long, straight where the twist is unknown, else right-handed: a projection does not show the hand.
    """
    if record.get("sites"):
        sites = np.array(record["sites"], float)
    elif record["fibril"] in FIBRILS:
        sites = chain_sites(record["fibril"])
    else:
        return None
    paths = chain_paths(sites, _drawn_twist(record), record["rotation_deg"])
    tenths = np.rint(10 * paths).astype("<i2")
    data = base64.b64encode(tenths.tobytes()).decode()
    return {"data": data, "chains": paths.shape[0], "points": paths.shape[1]}


def _drawn_twist(record: Record) -> float:
    """Twist of a drawn fibril in degrees/nm: as predicted, else what the end-to-end twist means at 200 Å."""
    if record["twist_deg_per_nm"] is not None:
        return record["twist_deg_per_nm"]
    return 10 * (record.get("turn_deg") or 0.0) / LENGTH


def chain_paths(
    sites: Float[np.ndarray, "chain 2"], twist_deg_per_nm: float, rotation_deg: float
) -> Float[np.ndarray, "chain point 3"]:
    """Backbone of the chain at each site, in Å: twisted about their centroid and rotated about it."""
    count = 2 * int(np.ceil(LENGTH / (2 * cellulose().rise)))
    names = np.array(chain_labels(count)[0])
    on_path = np.isin(names, BACKBONE)
    places = chain_places(np.asarray(sites, float))
    paths = []
    for (u, _), place in zip(sites, places - places.mean(0), strict=True):
        cart = chain_atoms(int(u) % 2, count)[on_path]
        cart = cart[cart[:, 2].argsort()]
        paths.append(cart + np.array([*place, -cart[:, 2].mean()]))
    wound = twisted(np.concatenate(paths), twist_deg_per_nm / DEG_PER_NM)
    return turned(wound, float(np.radians(rotation_deg))).reshape(len(paths), -1, 3)
