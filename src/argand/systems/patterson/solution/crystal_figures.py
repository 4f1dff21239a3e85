"""The figures of a solved crystal on its page: verdict, settings, result, space groups and log."""

from typing import Any

from argand.page.markup import text
from argand.page.parts import Column, card, facts, fold, left_out, table, tiles, verdict
from argand.page.plot import Series, lines, plot_view
from argand.systems.patterson.solution.page_words import ASKED
from argand.systems.patterson.solution.space_group_table import GROUP_COLUMNS, MOST_GROUPS, group_cells

Summary = dict[str, Any]
FIRST_ATTEMPTS = 20
"""Attempts that the table shows in any case. By hand; later ones only where they improved R1."""


def verdict_card(summary: Summary, mark: str) -> str:
    """Name, verdict with its reason, what more time may bring, notes, and the main figures."""
    guess = "" if summary["trusted"] else " of the best guess"
    outlook = f"<p>{text(summary['outlook'])}</p>" if summary.get("outlook") else ""
    return card(
        text(summary["name"]),
        verdict(summary["trusted"], summary["reason"]),
        outlook,
        left_out(summary["notes"]),
        tiles(
            [
                (f"{summary['r1']:.3f}", f"R1{guess} (F² > 2σ)"),
                (atoms_found(summary), f"atoms found{guess}"),
                (f"{summary['d_min']:.2f} Å", "resolution"),
                (
                    summary["spacegroup"],
                    "space group" + (" found" if summary.get("spacegroup_found") else ""),
                ),
            ]
        ),
        mark=mark,
    )


def atoms_found(summary: Summary) -> str:
    """How many atoms were found of how many that are expected."""
    expected = summary["expected_atoms"]
    if summary["n_atoms"] > expected + 0.5:
        # On special positions an atom fills less of the formula than one in a general position.
        return f"{summary['n_atoms']} sites"
    if summary["asked"].get("formula"):
        return f"{summary['n_atoms']} of {expected:g}"
    return f"{summary['n_atoms']} of about {expected:.0f}"


def figures_cards(summary: Summary) -> list[str]:
    """Result and settings side by side, and the space groups that were compared."""
    title = "Result" if summary["trusted"] else "Best guess (not trusted)"
    result = card(title, facts(_result(summary), summary["trusted"]))
    return [
        f'<div class="pair">{result}{card("Settings", facts(_settings(summary)))}</div>',
        _groups(summary),
    ]


def _settings(summary: Summary) -> list[tuple[str, str]]:
    asked = summary["asked"] | {"cell": [f"{value:g}" for value in summary["asked"]["cell"]]}
    return [
        (ASKED.get(key) or key, text(_plain(value)))
        for key, value in asked.items()
        if value is not None and value is not False
    ]


def _plain(value: Any) -> Any:
    """A value that was asked for, in words."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "yes" if value is True else value


def _result(summary: Summary) -> list[tuple[str, str]]:
    """Names and values as HTML."""
    number = summary.get("spacegroup_number")
    attempts = f"{summary['attempts']} attempt{'' if summary['attempts'] == 1 else 's'}"
    rows: list[tuple[str, str]] = [
        ("formula, Z", _contents(summary)),
        ("space group", summary["spacegroup"] + ("" if number is None else f" (No. {number})")),
        ("R1 (F² > 2σ; all)", f"{summary['r1']:.3f}; {summary['r1_all']:.3f}"),
        ("atoms found", atoms_found(summary)),
        ("hydrogen placed", _hydrogens(summary)),
        ("absolute structure", str(summary.get("hand") or "")),
        ("unique reflections", f"{summary['reflections']}, {100 * summary['completeness']:.1f} % complete"),
        ("resolution", f"{summary['d_min']:.2f} Å"),
        *_agreement(summary),
        ("found by", f"{summary['path']}, {attempts} in {summary['seconds']:.1f} s"),
    ]
    return [(name, text(value)) for name, value in rows]


def _contents(summary: Summary) -> str:
    known = summary.get("formula") and summary.get("units") is not None
    return f"{summary['formula']}, {summary['units']:g}" if known else ""


def _hydrogens(summary: Summary) -> str:
    if summary.get("hydrogens") is None:
        return ""
    expected = summary.get("expected_hydrogens")
    wanted = "" if expected is None else f" of {expected:g}"
    return f"{summary['hydrogens']}{wanted}, R1 {summary['r1_with_hydrogens']:.3f} with them"


def _agreement(summary: Summary) -> list[tuple[str, str]]:
    """How well equivalent reflections agree, where each was given more than once."""
    names = {"r_meas": "R_meas of equivalents", "cc_half": "CC1/2 of equivalents"}
    return [(name, f"{summary[key]:.3f}") for key, name in names.items() if summary.get(key) is not None]


def _groups(summary: Summary) -> str:
    """The table of space groups, where the group was found."""
    if not summary.get("spacegroup_found"):
        return ""
    rows = [[text(cell) for cell in group_cells(row)] for row in summary["space_groups"][:MOST_GROUPS]]
    told = (
        f"Laue class {text(summary['laue'])}, lattice {text(summary['centring'])}, "
        f"mean |E² - 1| {summary['e_squared_minus_one']:.2f} (0.97 centric, 0.74 acentric)."
        " Phases determined without symmetry have a consistency near 1 with the correct group; its forbidden"
        " reflections have I/σ near 0; where none was measured, they are no evidence."
    )
    heads = ["space group", *(Column(name, number=True) for name in GROUP_COLUMNS.values()), "verdict"]
    return card("Space groups", f"<p>{told}</p>", table(heads, rows))


def log_card(summary: Summary) -> str:
    """How the search went: the best R1 of each attempt as a curve, and its figures."""
    log = summary["log"]
    drawn = ""
    if len(log) > 1:
        seconds, correlation, best = zip(*log, strict=True)
        plots = [
            lines([Series("best R1", seconds, best)], title="best R1 so far", x="time, s", y="R1"),
            lines(
                [Series("correlation", seconds, correlation)],
                title="correlation of amplitudes of each attempt",
                x="time, s",
                y="correlation",
            ),
        ]
        drawn = plot_view(plots, "best R1 and correlation of amplitudes against time", height=260)
    return card("Search", drawn, fold(f"Attempts ({len(log)})", _log_table(log)))


def _log_table(log: list[list[float]]) -> str:
    """The first attempts, and every later one that improved R1."""
    rows, best = [], 2.0  # Above any R1.
    for number, (seconds, correlation, r1) in enumerate(log, 1):
        if number <= FIRST_ATTEMPTS or r1 < best:
            rows.append([str(number), f"{seconds:.2f}", f"{correlation:.3f}", f"{r1:.3f}"])
        best = min(best, r1)
    names = ("attempt", "seconds", "correlation of amplitudes", "best R1")
    return table([Column(name, number=True) for name in names], rows)
