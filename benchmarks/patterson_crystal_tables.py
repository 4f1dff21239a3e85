"""The README's tables of crystals that `argand patterson solve` solves, and of space groups that it finds."""

from patterson_counts import SMALL, summarise
from report import Report, Row

GOALS = {0.0: 0.98, 0.84: 0.98, 1.2: 0.9, 1.5: 0.7}
"""Least shares solved by d_min in Å, 0 for all data, those of 0.98 of sets up to `SMALL` atoms."""
FULL = (0.0, 0.84)
"""d_min in Å at which the goal is for sets up to `SMALL` atoms."""
ELEMENTS = {"formula": 0.97, "elements": 0.9, "nothing": 0.75}
"""Least shares of right elements by what is told; at the resolutions of `GOALS`."""
TOLD = {"formula": "formula given", "elements": "elements given", "nothing": "contents not given"}
PACKAGES = {"smtbx": "smtbx (cctbx-base {})", "grok-phase-solver": "grok-phase-solver {}"}
_KEYS = ("kind", "contents", "d_min")
_KINDS, _CONTENTS = ("measured", "simulated", "electron"), tuple(TOLD)
_PROBES = {"electron": "simulated, electrons"}


def patterson_solver_table(report: Report) -> tuple[str, list[Row]]:
    """Crystals solved of the half that was not chosen on, beside the other half.

    They are counted anew from the rows. `report["beside"]`, where it is there, holds the figures of other
    programs on the same sets.
    """
    caption = (
        f"Crystals solved with the space group given, {report['limit_core_s']:g} s of one core each. Solved:"
        " 90 % of the atoms but hydrogen within 0.5 Å, at most 10 % false. Claimed: what the program says"
        " without the truth; wrongly: the truth does not bear it out. Elements: right ones among the atoms of"
        " solved sets. Seconds: median of solved sets. All choices were made on the one half of the sets, and"
        " the figures that count are those of the other, which stand under measured"
    )
    beside = report.get("beside")
    if beside:
        caption += _rivals_told(beside)
    rivals = [line for line in beside["summary"] if line["part"] == "report"] if beside else []
    return caption, [_solver_row(*halves, rivals) for halves in _halves(summarise(report["sets"]))]


def _rivals_told(beside: Report) -> str:
    there = {line["opponent"] for line in beside["summary"]}
    named = {name: text for name, text in PACKAGES.items() if name in there}
    shown = " and ".join(text.format(beside["versions"][name]) for name, text in named.items())
    return (
        f". For comparison: {shown} with the same data, space group and contents,"
        f" {beside['limit_core_s']:g} s of one core each; own: the atoms of the try that it believes in,"
        " built: our model building from the phases of all its tries"
    )


def _halves(lines: list[Report]) -> list[tuple[Report | None, Report | None]]:
    """Lines of both halves, report and choose, of which one may be missing, in the order of the table."""
    known = {(line["part"], *(line[key] for key in _KEYS)): line for line in lines}
    keys = {tuple(line[key] for key in _KEYS) for line in lines}

    def order(key: tuple) -> tuple[int, int, float]:
        return _KINDS.index(key[0]), _CONTENTS.index(key[1]), key[2]

    return [(known.get(("report", *key)), known.get(("choose", *key))) for key in sorted(keys, key=order)]


def _solver_row(report: Report | None, choose: Report | None, rivals: list[Report]) -> Row:
    line = report or choose
    assert line is not None
    measured = "not measured" if report is None else solver_counts(report)
    goals = solver_goals(line)
    missed = [goal for goal, reached in goals.items() if not reached] if report else []
    if missed:
        measured += f" (goal missed: {', '.join(missed)})" if len(goals) > 1 else " (goal missed)"
    others = [] if choose is None else [f"half chosen on: {solver_counts(choose)}"]
    if line["contents"] == "formula":
        where = line["kind"], line["d_min"]
        others += [_rival_counts(one) for one in rivals if (one["kind"], one["d_min"]) == where]
    what = f"{_PROBES.get(line['kind'], line['kind'])}: solved"
    return Row(what, _where(line), ", ".join(goals), measured, "; ".join(others))


def _where(line: Report) -> str:
    data = f"data to {line['d_min']:g} Å" if line["d_min"] else "all data"
    return f"{data}, {TOLD[line['contents']]}"


def solver_goals(line: Report) -> dict[str, bool]:
    """What was aimed at, and whether it was reached; nothing at other resolutions, nor of electrons."""
    share = GOALS.get(line["d_min"])
    if share is None or line["kind"] == "electron":
        return {}
    small = line["d_min"] in FULL
    solved, sets = (line["small solved"], line["small"]) if small else (line["solved"], line["sets"])
    goal = f"≥ {100 * share:g} %" + (f" up to {SMALL} atoms" if small else "")
    named = ELEMENTS[line["contents"]]
    return {goal: solved / max(sets, 1) >= share, f"elements ≥ {100 * named:g} %": line["elements"] >= named}


def solver_counts(line: Report) -> str:
    """Sets solved and claimed, elements and seconds of a half."""
    told = f"solved {line['solved']} of {line['sets']}"
    if line["d_min"] in FULL and line["small"] < line["sets"]:
        told += f" (up to {SMALL} atoms {line['small solved']} of {line['small']})"
    told += f"; claimed {line['claimed']}, wrongly {line['wrong']}"
    if not line["solved"]:
        return told
    told += f"; elements {100 * line['elements']:.1f} %"
    if line["uncertain"] is not None:
        told += f", {100 * line['uncertain']:.1f} % called uncertain"
        if line["sure but wrong"] is not None:
            told += f", of the others {100 * line['sure but wrong']:.1f} % wrong"
    return f"{told}; {line['median s']:.1f} s"


def _rival_counts(rival: Report) -> str:
    return f"{rival['opponent']}: own {rival['own']}, built {rival['built']} of {rival['sets']}"


def patterson_space_group_table(report: Report) -> tuple[str, list[Row]]:
    """Space groups found where none was given, on both halves."""
    caption = (
        f"Space groups found where none is given, {report['limit_core_s']:g} s of one core each. Right: the"
        " same space group, wherever its origin is, or its enantiomorph. Solved and claimed as above, in a"
        " wrong group by all atoms of the cell. One rule on absences was made after two errors were seen on"
        " the half reported, which flatters it by as much"
    )
    rows = []
    for there, choose in _halves(report["summary"]):
        line = there or choose
        assert line is not None
        measured = "not measured" if there is None else group_counts(there)
        others = "" if choose is None else f"half chosen on: {group_counts(choose)}"
        what = f"{_PROBES.get(line['kind'], line['kind'])}: space group right"
        rows.append(Row(what, _where(line), "", measured, others))
    return caption, rows


def group_counts(line: Report) -> str:
    """Space groups right, sets solved and claimed, and seconds of a half."""
    solved = f"solved {line['solved']}, of these in the right group {line['right among solved']}"
    claimed = f"claimed {line['claimed']}, in a wrong group {line['claimed, wrong group']}"
    return f"{line['right']} of {line['sets']}; {solved}; {claimed}; {line['median s']:.1f} s"
