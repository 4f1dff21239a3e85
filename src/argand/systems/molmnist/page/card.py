"""The card of an answer on a page: its verdict, its numbers and the truth where known, plots and files."""

from pathlib import Path
from typing import Any

from argand.errors import InputError
from argand.page.markup import link, text
from argand.page.parts import card, facts, links, shown, verdict
from argand.page.plot import plot_view
from argand.runs.fields import file_of
from argand.runs.record import Record
from argand.systems.molmnist.files.stored_answer import StoredAnswer
from argand.systems.molmnist.inversion.answer_text import found_text, title_of, turn_text, twist_text
from argand.systems.molmnist.page.chains import chains_view
from argand.systems.molmnist.page.plots import answer_plots
from argand.systems.molmnist.page.words import PLOTS_TOLD

_HEIGHT = 320
"""Of a plot in px. By hand: three heat maps fill a row of a wide page."""
FILES = ("hdf5", "cxi", "picture")
"""Keys of a record that name files of an answer."""


def answer_card(folder: Path, record: Record, stored: StoredAnswer, mark: str | None) -> str:
    """The section of an answer, to which `#mark` leads."""
    trusted = record["trusted"]
    guess = "" if trusted else "best guess: "
    name = record["name"]
    return card(
        text(name),
        verdict(trusted, record["reason"]),
        "".join(f'<p class="note">{text(note)}</p>' for note in record["notes"]),
        facts(_numbers(record)),
        plot_view(answer_plots(stored, record), f"pattern and shapes of {name}", PLOTS_TOLD, height=_HEIGHT),
        chains_view(record, f"{guess}{title_of(record)}"),
        links(_files(folder, record)),
        mark=mark,
    )


def _numbers(record: Record) -> list[tuple[str, str]]:
    """Names and values (HTML) of what was found, grey where it is not trusted, with the truth."""
    truth = record.get("truth") or {}
    trusted = record["trusted"]

    def told(value: str, true: str | None, unit: str = "") -> str:
        known = f' <small class="soft">truth {text(true)}{unit}</small>' if true is not None else ""
        return f"{shown(text(value) + unit, trusted)}{known}" if value else ""

    objects = truth.get("fibril") or _bundle_of(truth)
    rotation = f"{record['rotation_deg']:.1f}"
    return [
        ("found", told(found_text(record) or title_of(record), objects)),
        ("|twist|", told(twist_text(record), _number(truth, "twist_deg_per_nm", 2), " °/nm") or "unknown"),
        ("end-to-end twist", told(turn_text(record), _number(truth, "turn_deg", 0), "°")),
        (
            "rotation, modulo 180°",
            told(rotation, _number(truth, "rotation_deg", 1), "°"),
        ),
        ("correlation with the true shape", text(_number(truth, "correlation", 4) or "")),
        ("residual (expected)", f"{record['residual']:.3f} ({record['expected_residual']:.3f})"),
        ("side of the window", text(window_text(record))),
        ("from", text(f"{record['file']}, number {record['index']}")),
    ]


def window_text(record: Record) -> str:
    """The side of the window, and where it is from."""
    origin = record.get("window_from")
    return f"{record['window_side_angstrom']:.1f} Å{f', {origin}' if origin else ''}"


def _bundle_of(truth: dict[str, Any]) -> str | None:
    chains = truth.get("chains")
    return None if chains is None else f"{chains:g} chains, {truth.get('outline')}"


def _number(truth: dict[str, Any], key: str, digits: int) -> str | None:
    value = truth.get(key)
    return None if value is None else f"{value:.{digits}f}"


def _files(folder: Path, record: Record) -> list[str]:
    """Links to the files of an answer that are there."""
    found = []
    for key in FILES:
        name = record.get(key)
        try:
            found.append(link(file_of(folder, name if isinstance(name, str) else "").name, download=True))
        except InputError:
            continue
    return found
