"""The page of solved crystals: verdict, structure in its density, Patterson map, settings, result and log."""

from pathlib import Path
from typing import Any

from argand.errors import InputError
from argand.page.document import PAGE, Document, write_document
from argand.page.markup import link, text
from argand.page.parts import Row, badge, card, left_out, links, table
from argand.runs.command import commands_of
from argand.runs.fields import fault, file_of, read_json
from argand.systems.patterson.solution.crystal_figures import figures_cards, log_card, verdict_card
from argand.systems.patterson.solution.crystal_views import patterson_card, structure_card
from argand.systems.patterson.solution.drawn_crystal import read_model, read_values
from argand.systems.patterson.solution.page_words import FILE_USES, WORDS
from argand.systems.patterson.solution.summary_fields import PEAKS, fields_of

Summary = dict[str, Any]
MOST = 12
"""Crystals on a page. By hand: each takes some hundred kB."""
LEAD = (
    "Crystal structures from measured intensities, solved without phases. Coordinates are fractions of the"
    " cell,"
    " lengths in Å, displacements U in Å²; the density is that of the measured amplitudes with the phases of"
    " the"
    " model. A model that is not trusted is a best guess, grey here and marked in every file."
)


def solve_summaries(folder: Path) -> list[Summary]:
    """Summaries of the runs of `argand patterson solve` in a folder, newest first; perhaps none.

    They are as they were read: whether a summary is whole, its `fields_of` tell.
    """
    found = []
    there = [path for path in folder.glob("*.json") if path.is_file()]
    for path in sorted(there, key=lambda path: -path.stat().st_mtime):
        try:
            content = read_json(file_of(folder, path.name))
        except InputError:
            continue
        if isinstance(content, dict) and {"files", "r1", "asked"} <= content.keys():
            found.append(content | {"name": path.stem})
    return found


def write_solve_page(folder: Path) -> Path:
    """Write the page of the newest crystals in `folder`; InputError where none was tried there.

    A crystal of which something is damaged or gone is left out, and the page says so; InputError where that
    is so of all of them.
    """
    summaries = solve_summaries(folder)
    if not summaries:
        raise InputError(f"{folder}: no run there; name a folder that solve or predict wrote")
    shown, parts, told = [], [], []
    for number, summary in enumerate(summaries[:MOST], 1):
        try:
            parts += _crystal(folder, summary, number)
            shown.append((number, summary))
        except InputError as error:
            told.append(f"{summary['name']} is left out: {error}")
    if not shown:
        raise InputError(f"{told[0]}; solve again with --force")
    document = Document(
        title=_title(shown),
        lead=text(LEAD),
        parts=[left_out(told), _overview(shown), *parts, _older(summaries[MOST:])],
        words=WORDS,
        commands=commands_of(folder),
    )
    return write_document(folder / PAGE, document)


def _title(shown: list[tuple[int, Summary]]) -> str:
    if len(shown) > 1:
        trusted = sum(summary["trusted"] for _, summary in shown)
        return f"Solved crystals: {trusted} of {len(shown)} trusted"
    ((_, summary),) = shown
    return f"{summary['name']}: {'trusted' if summary['trusted'] else 'best guess, not trusted'}"


def _overview(shown: list[tuple[int, Summary]]) -> str:
    """A row for each of several crystals, which leads to it."""
    if len(shown) == 1:
        return ""
    rows = [
        Row(
            [
                f'<a href="#crystal-{number}">{text(summary["name"])}</a>',
                badge(summary["trusted"]),
                text(summary["spacegroup"]),
                f"{summary['r1']:.3f}",
                text(summary["reason"]),
            ]
        )
        for number, summary in shown
    ]
    return table(("crystal", "verdict", "space group", "R1", "why"), rows)


def _older(summaries: list[Summary]) -> str:
    """Links to the crystals for which there is no room."""
    others = links(link(f"{one['name']}.json") for one in summaries)
    return card("Older crystals", others) if others else ""


def _crystal(folder: Path, summary: Summary, number: int) -> list[str]:
    """The cards of one crystal; InputError where something of it is damaged."""
    wrong = fault(summary, fields_of(summary))
    if wrong is not None:
        raise InputError(f"{folder / summary['name']}.json: {wrong}")
    files = {kind: file_of(folder, Path(path).name) for kind, path in summary["files"].items()}
    peaks = read_json(files["patterson_peaks"])
    if not PEAKS.holds(peaks):
        raise InputError(f"{files['patterson_peaks']}: no peaks of a Patterson map")
    model = read_model(files["cif"])
    return [
        verdict_card(summary, f"crystal-{number}"),
        structure_card(summary, model, read_values(files["density"]), number),
        patterson_card(summary, model, read_values(files["patterson"]), peaks, number),
        *figures_cards(summary),
        log_card(summary),
        _files(summary, files),
    ]


def _files(summary: Summary, files: dict[str, Path]) -> str:
    """The files, and what each is for."""
    order = [
        *(kind for kind in FILE_USES if kind in files),
        *(kind for kind in files if kind not in FILE_USES),
    ]
    rows = [[link(files[kind].name), text(FILE_USES.get(kind, kind))] for kind in order]
    return card(f"Files of {text(summary['name'])}", table(("file", "for what"), rows, sorts=False))
