"""Tables of crystals: solved, placed by a known molecule, and with their space group found."""

from patterson_counts import SMALL, summarise
from report import Report, Row

GOALS = {0.0: 0.98, 0.84: 0.98, 1.2: 0.9, 1.5: 0.7}
"""Least shares solved by d_min in Å, 0 for all data, those of 0.98 of sets up to `SMALL` atoms."""
FULL = (0.0, 0.84)
"""d_min in Å at which the goal is for sets up to `SMALL` atoms."""
ELEMENTS = {"formula": 0.97, "elements": 0.9, "nothing": 0.75}
"""Least shares of correct elements by what is given; at the resolutions of `GOALS`."""
GIVEN = {"formula": "formula given", "elements": "elements given", "nothing": "contents not given"}
PACKAGES = {"smtbx": "smtbx (cctbx-base {})", "grok-phase-solver": "grok-phase-solver {}"}
_KEYS = ("kind", "contents", "d_min")
_KINDS, _CONTENTS = ("measured", "simulated", "electron"), tuple(GIVEN)
_PROBES = {
    "electron": "simulated electron diffraction",
    "measured": "measured crystals",
    "simulated": "simulated crystals",
}


def patterson_solver_table(report: Report) -> tuple[str, list[Row]]:
    """Crystals solved of the half that no settings were chosen on, and of the other half.

    They are counted anew from the rows. `report["beside"]` has the figures of other programs on the same
    sets, where they were measured.
    """
    caption = (
        f"Crystals solved with the space group given, {report['limit_core_s']:g} s of one core each. "
        "Solved: 90 % of the non-hydrogen atoms within 0.5 Å of the published ones, at most 10 % false. "
        "Trusted: the verdict of the program, which does not know the published structure. Elements: "
        "share correct among the atoms of solved structures. Seconds: median of solved structures. "
        "Settings were chosen on one half of the data; the result is that of the other half"
    )
    beside = report.get("beside")
    if beside:
        caption += _programs(beside)
    programs = [line for line in beside["summary"] if line["part"] == "report"] if beside else []
    return caption, [_solver_row(*halves, programs) for halves in _halves(summarise(report["sets"]))]


def _programs(beside: Report) -> str:
    there = {line["opponent"] for line in beside["summary"]}
    named = {name: text for name, text in PACKAGES.items() if name in there}
    shown = " and ".join(text.format(beside["versions"][name]) for name, text in named.items())
    return (
        f". For comparison: {shown} with the same data, space group and contents,"
        f" {beside['limit_core_s']:g} s of one core each; own: the atoms of the trial that it accepts,"
        " rebuilt: our model building from the phases of all its trials"
    )


def _halves(lines: list[Report]) -> list[tuple[Report | None, Report | None]]:
    """Lines of both halves, report and choose, of which one may be missing, in the order of the table."""
    known = {(line["part"], *(line[key] for key in _KEYS)): line for line in lines}
    keys = {tuple(line[key] for key in _KEYS) for line in lines}

    def order(key: tuple) -> tuple[int, int, float]:
        return _KINDS.index(key[0]), _CONTENTS.index(key[1]), key[2]

    return [(known.get(("report", *key)), known.get(("choose", *key))) for key in sorted(keys, key=order)]


def _solver_row(report: Report | None, choose: Report | None, programs: list[Report]) -> Row:
    line = report or choose
    assert line is not None
    measured = "not measured" if report is None else solver_counts(report)
    goals = solver_goals(line)
    missed = [goal for goal, reached in goals.items() if not reached] if report else []
    if missed:
        measured += f" (goal missed: {', '.join(missed)})" if len(goals) > 1 else " (goal missed)"
    others = []
    if line["contents"] == "formula":
        where = line["kind"], line["d_min"]
        others = [_program_counts(one) for one in programs if (one["kind"], one["d_min"]) == where]
    chosen = "" if choose is None else solver_counts(choose)
    what = f"{_PROBES[line['kind']]}: solved"
    return Row(what, _where(line), ", ".join(goals), measured, "; ".join(others), chosen)


def _where(line: Report) -> str:
    data = f"data to {line['d_min']:g} Å" if line["d_min"] else "all data"
    return f"{data}, {GIVEN[line['contents']]}"


def solver_goals(line: Report) -> dict[str, bool]:
    """The goals and whether they were reached; none at other resolutions, nor for electron diffraction."""
    share = GOALS.get(line["d_min"])
    if share is None or line["kind"] == "electron":
        return {}
    small = line["d_min"] in FULL
    solved, sets = (line["small solved"], line["small"]) if small else (line["solved"], line["sets"])
    goal = f"≥ {100 * share:g} %" + (f" up to {SMALL} atoms" if small else "")
    named = ELEMENTS[line["contents"]]
    return {goal: solved / max(sets, 1) >= share, f"elements ≥ {100 * named:g} %": line["elements"] >= named}


def solver_counts(line: Report) -> str:
    """Structures solved and trusted, elements and seconds of a half."""
    text = f"solved {line['solved']} of {line['sets']}"
    if line["d_min"] in FULL and line["small"] < line["sets"]:
        text += f" (up to {SMALL} atoms {line['small solved']} of {line['small']})"
    text += f"; trusted {line['claimed']}, {line['wrong']} of them wrong"
    if not line["solved"]:
        return text
    text += f"; elements {100 * line['elements']:.1f} %"
    if line["uncertain"] is not None:
        text += f", {100 * line['uncertain']:.1f} % flagged uncertain"
        if line["sure but wrong"] is not None:
            text += f", of the others {100 * line['sure but wrong']:.1f} % wrong"
    return f"{text}; {line['median s']:.1f} s"


def _program_counts(one: Report) -> str:
    return f"{one['opponent']}: own {one['own']}, rebuilt {one['built']} of {one['sets']}"


def patterson_space_group_table(report: Report) -> tuple[str, list[Row]]:
    """Space groups found where none was given, on both halves."""
    caption = (
        f"Space groups found where none is given, {report['limit_core_s']:g} s of one core each. Correct: "
        "the same space group with any origin, or its enantiomorph. Solved and trusted as above; in a "
        "wrong group all atoms of the cell are compared. One rule on absences was made after two errors "
        "on the reported half had been seen, which flatters the result by at most two structures"
    )
    rows = []
    for there, choose in _halves(report["summary"]):
        line = there or choose
        assert line is not None
        measured = "not measured" if there is None else group_counts(there)
        chosen = "" if choose is None else group_counts(choose)
        what = f"{_PROBES[line['kind']]}: space group correct"
        rows.append(Row(what, _where(line), "", measured, "", chosen))
    return caption, rows


def group_counts(line: Report) -> str:
    """Space groups correct, structures solved and trusted, and seconds of a half."""
    solved = f"solved {line['solved']}, of these in the correct group {line['right among solved']}"
    trusted = f"trusted {line['claimed']}, in a wrong group {line['claimed, wrong group']}"
    return f"{line['right']} of {line['sets']}; {solved}; {trusted}; {line['median s']:.1f} s"


def patterson_molecule_table(report: Report) -> tuple[str, list[Row]]:
    """Known molecules placed in data too coarse for atoms."""
    caption = (
        f"Known molecules placed in the crystal (`--molecule`), {report['limit_core_s']:g} s of one core "
        "each, on crystals that no settings were chosen on. Rigid: the conformation of the crystal is "
        "given; flexible: torsions are searched"
    )
    rows = []
    for line in report["summary"]:
        measured = f"solved {line['solved']} of {line['sets']}; trusted {line['claimed']}"
        measured += f", {line['wrong']} of them wrong; {line['median s']:.1f} s"
        what = f"{_PROBES[line['kind']]}: {line['shape']} molecule placed"
        rows.append(Row(what, f"data to {line['d_min']:g} Å", "", measured))
    return caption, rows
