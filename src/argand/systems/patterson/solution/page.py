"""The page of solved crystals: settings, result, log, peaks of the Patterson map, and 3-D views."""

from pathlib import Path
from typing import Any

from argand.errors import InputError
from argand.page.figure import drawing_of, place
from argand.page.markup import best_guess, link, text
from argand.page.shell import MOST, PAGE, left_out, table, write_html
from argand.runs.fields import fault, file_of, read_json
from argand.systems.patterson.solution.scene import read_model, scene
from argand.systems.patterson.solution.space_group_table import GROUP_COLUMNS, MOST_GROUPS, group_cells
from argand.systems.patterson.solution.summary_fields import PEAKS, fields_of

Summary = dict[str, Any]
MOST_PEAKS = 30
"""Peaks in the table of the Patterson map. By hand; the JSON file has more."""
MOST_NAMED = 4
"""Harker sections that are named of one peak. By hand, for the width of a row."""
FIRST_ATTEMPTS = 20
"""Attempts that the log shows in any case. By hand; later ones only where they improved R1."""
ASKED = {
    "spacegroup": "space group",
    "laue": "Laue class",
    "units": "formula units in the cell (Z)",
    "d_min": "resolution limit, Å",
    "seed": "random seed",
}
ASKED |= {"time_limit": "time limit, s"}
FOOT = "Coordinates are fractional; the density is that of the measured amplitudes with the model's phases."


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
    names, parts, told, figures = [], [], [], []
    for summary in summaries[:MOST]:
        try:
            parts += _parts(folder, summary, figures)
            names.append(summary["name"])
        except InputError as error:
            told.append(f"{summary['name']} is left out: {error}")
    if not names:
        raise InputError(f"{told[0]}; solve again with --force")
    others = [link(f"{one['name']}.json") for one in summaries[MOST:]]
    older = ["<h2>Older</h2>", ", ".join(others)] if others else []
    body = [*left_out(told), *parts, *older]
    return write_html(folder / PAGE, ", ".join(names), body, FOOT, drawing=drawing_of(figures))


def _parts(folder: Path, summary: Summary, figures: list[Any]) -> list[str]:
    """One crystal, whose figure is added to the others'; InputError where something of it is damaged."""
    wrong = fault(summary, fields_of(summary))
    if wrong is not None:
        raise InputError(f"{folder / summary['name']}.json: {wrong}")
    files = {kind: file_of(folder, Path(path).name) for kind, path in summary["files"].items()}
    peaks = read_json(files["patterson_peaks"])
    if not PEAKS.holds(peaks):
        raise InputError(f"{files['patterson_peaks']}: no peaks of a Patterson map")
    trusted = summary["trusted"]
    colour, verdict = ("good", "trusted") if trusted else ("bad", "not trusted")
    figures.append(scene(files, read_model(files["cif"])))
    return [
        f"<h1>{text(summary['name'])}: <span class={colour}>{verdict}</span></h1>",
        f"<p>{text(summary['reason'])}</p>",
        *([f"<p>{text(summary['outlook'])}</p>"] if summary.get("outlook") else []),
        *(f'<p class="bad">{text(note)}</p>' for note in summary["notes"]),
        place(len(figures) - 1),
        "<h2>Settings</h2>",
        _settings(summary),
        f"<h2>{'Result' if trusted else 'Best guess (not trusted)'}</h2>",
        _result(summary),
        *_groups(summary),
        "<h2>Files</h2><p>" + ", ".join(link(path.name) for path in files.values()) + "</p>",
        "<h2>Log</h2>",
        _log(summary["log"]),
        "<h2>Highest peaks of the Patterson map</h2>",
        "<p>Sharpened, without its origin; heights in thousandths of the largest possible height. A peak on"
        " a Harker section, given by its operator, may be the vector between an atom and its image.</p>",
        _peaks(peaks),
    ]


def _groups(summary: Summary) -> list[str]:
    """The table of space groups, where the group was found."""
    if not summary.get("spacegroup_found"):
        return []
    rows = [[text(cell) for cell in group_cells(row)] for row in summary["space_groups"][:MOST_GROUPS]]
    told = (
        f"Laue class {text(summary['laue'])}, lattice {text(summary['centring'])}, "
        f"mean |E² - 1| {summary['e_squared_minus_one']:.2f} (0.97 centric, 0.74 acentric)."
        " Phases determined without symmetry have a consistency near 1 with the correct group; its forbidden"
        " reflections have I/σ near 0; where none was measured, they are no evidence."
    )
    return ["<h2>Space groups</h2>", f"<p>{told}</p>", table(("", *GROUP_COLUMNS.values(), ""), rows)]


def _settings(summary: Summary) -> str:
    asked = summary["asked"] | {"cell": ", ".join(f"{value:g}" for value in summary["asked"]["cell"])}
    rows = [(ASKED.get(key, key), _plain(value)) for key, value in asked.items() if value is not None]
    return table((), [[text(value) for value in row] for row in rows])


def _result(summary: Summary) -> str:
    """Figures of the model; grey where it is not trusted."""
    rows: list[tuple[str, str]] = []
    if summary.get("formula") and summary.get("units") is not None:
        rows.append(("formula, Z", f"{summary['formula']}, {summary['units']:g}"))
    number = summary.get("spacegroup_number")
    rows += [
        ("space group", summary["spacegroup"] + ("" if number is None else f" (No. {number})")),
        ("found by", f"{summary['path']}, {summary['attempts']} attempts in {summary['seconds']:.1f} s"),
        ("R1 (F² > 2σ; all)", f"{summary['r1']:.3f}; {summary['r1_all']:.3f}"),
        ("atoms found", _counted(summary)),
        ("unique reflections", f"{summary['reflections']}, {100 * summary['completeness']:.1f} % complete"),
        ("resolution", f"{summary['d_min']:.2f} Å"),
    ]
    if summary.get("hydrogens") is not None:
        expected = summary.get("expected_hydrogens")
        wanted = "" if expected is None else f" of {expected:g}"
        placed = f"{summary['hydrogens']}{wanted}, R1 {summary['r1_with_hydrogens']:.3f} with them"
        rows.append(("hydrogen placed", placed))
    if summary.get("hand"):
        rows.append(("absolute structure", summary["hand"]))
    agreement = {"r_meas": "R_meas of equivalents", "cc_half": "CC1/2 of equivalents"}
    rows += [(name, f"{summary[key]:.3f}") for key, name in agreement.items() if summary.get(key) is not None]
    shown = str if summary["trusted"] else best_guess
    return table((), [[text(name), shown(text(value))] for name, value in rows])


def _plain(value: Any) -> Any:
    """A value that was asked for, in words where it is a list."""
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _counted(summary: Summary) -> str:
    expected = summary["expected_atoms"]
    told = (
        f"of {expected:g} in the formula"
        if summary["asked"].get("formula")
        else f"about {expected:.0f} expected"
    )
    return f"{summary['n_atoms']}, {told}"


def _log(attempts: list[list[float]]) -> str:
    """The first attempts, and every later one that improved R1."""
    rows, best = [], 2.0  # Above any R1.
    for number, (seconds, correlation, r1) in enumerate(attempts, 1):
        if number <= FIRST_ATTEMPTS or r1 < best:
            rows.append([str(number), f"{seconds:.2f}", f"{correlation:.3f}", f"{r1:.3f}"])
        best = min(best, r1)
    return table(("attempt", "seconds", "correlation of amplitudes", "best R1"), rows)


def _peaks(peaks: list[dict[str, Any]]) -> str:
    rows = []
    for number, peak in enumerate(peaks[:MOST_PEAKS], 1):
        place = " ".join(f"{value:7.3f}" for value in peak["frac"])
        named, more = peak["harker"][:MOST_NAMED], len(peak["harker"]) - MOST_NAMED
        told = "; ".join(named) + (f" and {more} more" if more > 0 else "")
        harker = f"<span class=good>{text(told)}</span>"
        rows.append([str(number), place, f"{peak['length']:.2f}", f"{1000 * peak['height']:.0f}", harker])
    return table(("", "u v w", "length, Å", "height", "Harker section of"), rows)
