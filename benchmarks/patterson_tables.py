"""The README's tables of the system patterson: simulated maps and measured crystals."""

from report import Report, Row

RIVALS = ("hybrid input-output", "charge flipping")
PAPER = "paper 4,994 of 5,000, mean 0.283"
SOLVED = {
    "published": 1.0,
    "20 % noise": 1.0,
    "third of the resolution": 0.95,
    "20 atoms": 0.99,
    "50 atoms": 0.9,
}
MEAN = {("published", "read, best of 4 vectors"): 0.08, ("published", "refined"): 0.014}
CLASSICAL = {0.84: "14 of 17", 1.0: "13 of 16", 1.2: "9 of 17", 1.5: "1 of 17", 2.0: "0 of 9"}
"""Sets in P-1 and P2₁/c that smtbx's charge flipping solved in 6 s; the truth told it when to stop."""


def patterson_table(report: Report) -> tuple[str, list[Row]]:
    """Atoms found in simulated Patterson maps, as read and refined, beside iteration alone."""
    machine = f"{report['cores']} cores, torch threads: {report['torch_threads']}"
    rows = [row for row in report["rows"] if row["answer"] not in RIVALS]
    caption = f"Patterson maps that no training used; lengths in voxels, times of all cores ({machine})"
    return caption, [patterson_row(row, report["rows"]) for row in rows]


def patterson_row(row: Report, rows: list[Report]) -> Row:
    """Atoms matched, mean error, maps solved, milliseconds of all cores; other methods on the same maps."""
    rivals = [r for r in rows if r["maps"] == row["maps"] and r["answer"] in RIVALS]
    told = [f"{r['answer']} alone {_solved(r)}" for r in rivals]
    if row["maps"] == "published":
        told.append(PAPER)
    measured = f"{row['matched']} of {row['atoms']} atoms, mean {row['mean_voxel']:.4f}; {_solved(row)}"
    if row["answer"] == "refined":
        measured += f"; verified {100 * row['verified']:.1f} %, wrongly {row['wrongly_verified']}"
    where = f"{row['maps']} ({row['count']} maps)"
    share = SOLVED.get(row["maps"]) if row["answer"] == "refined" else None
    mean = MEAN.get((row["maps"], row["answer"]))
    goals = [f"≥ {100 * share:g} % solved"] if share else []
    goals += [f"mean ≤ {mean:g}"] if mean else []
    if row["solved"] < (share or 0) or row["mean_voxel"] > (mean or float("inf")):
        measured += " (goal missed)"
    return Row(row["answer"], where, ", ".join(goals), measured, ", ".join(told))


def _solved(row: Report) -> str:
    return f"{100 * row['solved']:.1f} % of maps solved, {row['cpu_ms_per_map']:.0f} ms"


def patterson_separation_table(report: Report) -> tuple[str, list[Row]]:
    """The exact search over signs beside the published search by swaps."""
    caption = (
        "Patterson maps: atoms told from their inversion images, places"
        f" {report['error_voxel']:g} voxel off along each axis"
    )
    rows = []
    for row in report["rows"]:
        measured = f"{row['solved']} of {row['maps']} maps, {row['cpu_ms_per_map']:.0f} ms"
        rows.append(Row("all atoms of a map right", row["method"], "", measured))
    return caption, rows


def patterson_ablation_table(report: Report) -> tuple[str, list[Row]]:
    """Networks at equal compute, then variants of the published maps at equal compute."""
    caption = (
        "Patterson maps: networks trained for minutes of one core. Error: squared, over that of predicting"
        " nothing, in validation; the mean map is the best answer that is the same for all maps"
    )
    return caption, [
        *(ablation_row(curve, "networks at equal compute") for curve in report["compared"]),
        *(ablation_row(curve, "variants at equal compute") for curve in report["variants"]),
    ]


def ablation_row(curve: Report, what: str) -> Row:
    """Error at the end, what it cost, and the published accuracy test where it was made."""
    spent = f"{curve['core_minutes']:.2g} min, {curve['steps']} steps of {curve['batch']}"
    measured = f"error {curve['val'][-1][1]:.3f} after {spent}"
    if "accuracy" in curve:
        test = curve["accuracy"]
        measured += f"; read {test['matched']} of {test['atoms']} atoms, {100 * test['solved']:.0f} % of maps"
    return Row(what, curve["arm"], "", measured, f"mean map {curve['mean_map']:.3f}")


def patterson_real_table(report: Report) -> tuple[str, list[Row]]:
    """Measured crystals solved at each resolution; goals are for all grade A sets at full resolution."""
    content = "given" if report["formula"] else "not given"
    caption = (
        f"Measured crystals, {report['limit_s']:g} s each, the cell's contents {content}. Solved: 90 % of the"
        " atoms within 0.5 Å, at most 10 % false. Claimed: what the program says without the truth. smtbx:"
        " its charge flipping on 17 sets in P-1 and P2₁/c (partly other sets), told by the truth when to"
        " stop"
    )
    return caption, [patterson_real_row(line) for line in report.get("summary", [])]


def patterson_real_row(line: Report) -> Row:
    """Sets solved and claimed, R1 and seconds of the solved ones."""
    d_min, solved = line["d_min"], line["grade A"]
    everything = isinstance(d_min, str)
    found, tried = solved.split(" of ")
    missed = " (goal missed)" if everything and found != tried else ""
    measured = f"{line['solved']}; grade A {solved}{missed}; P-1 and P2₁/c {line['P-1, P21/c']}"
    measured += f"; claimed {line['claimed']}, wrongly {line['false claims']}"
    if line["median R1"] is not None:
        measured += f"; medians of the solved: R1 {line['median R1']:.3f}, {line['median s']:.1f} s"
    rival = "" if everything else CLASSICAL.get(float(d_min), "")
    where = d_min if everything else f"data to {d_min:g} Å"
    others = f"smtbx {rival}" if rival else ""
    return Row("crystals solved", where, "grade A: all" if everything else "", measured, others)
