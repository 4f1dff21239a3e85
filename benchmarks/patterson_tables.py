"""The README's tables of the system patterson: simulated maps and measured crystals."""

from report import Report, Row

RIVALS = ("hybrid input-output", "input-output, 200 rounds at once", "charge flipping")
PAPER = "paper 4,994 of 5,000, mean 0.283"
SOLVED = {
    "published": 1.0,
    "20 % noise": 1.0,
    "third of the resolution": 0.95,
    "20 atoms": 0.99,
    "50 atoms": 0.9,
}
MEAN = {("published", "read, best of 4 vectors"): 0.08, ("published", "refined"): 0.014}
LIMIT_MS, TIMES_FASTER, PAIRS_PER_SECOND = 60, 10, 300
"""Goals: milliseconds of a published map and how much faster than others; simulated pairs on two cores."""
CORNERS = ("reserved corner empty", "reserved corner filled")
CORNER_POINTS = 1.0
"""Percentage points that maps with an atom where training never had one may have fewer atoms found."""


def patterson_table(report: Report) -> tuple[str, list[Row]]:
    """Atoms found in simulated Patterson maps, as read and refined, beside iteration alone."""
    machine = f"{report['cores']} cores, torch threads: {report['torch_threads']}"
    rows = [row for row in report["rows"] if row["answer"] not in RIVALS]
    caption = f"Patterson maps that no training used; lengths in voxels, processor time of a map ({machine})"
    made = [simulator_row(one) for one in report.get("simulator", [])]
    return caption, [*made, *(patterson_row(row, report["rows"]) for row in rows)]


def simulator_row(one: Report) -> Row:
    """Simulated pairs a second, from the processor time of one."""
    both = 2 * one["pairs_per_core_second"]
    missed = " (goal missed)" if both < PAIRS_PER_SECOND else ""
    measured = f"{both:.0f} pairs/s of two cores{missed}, {one['cpu_ms_per_pair']:.1f} ms each"
    return Row("simulated", one["pairs"], f"≥ {PAIRS_PER_SECOND} pairs/s on two cores", measured)


def patterson_row(row: Report, rows: list[Report]) -> Row:
    """Atoms matched, mean error, maps solved, milliseconds of all cores; other methods on the same maps."""
    rivals = [r for r in rows if r["maps"] == row["maps"] and r["answer"] in RIVALS]
    told = [f"{r['answer']} {_solved(r)}" for r in rivals]
    if row["maps"] == "published":
        told.append(PAPER)
    measured = f"{row['matched']} of {row['atoms']} atoms, mean {row['mean_voxel']:.4f}; {_solved(row)}"
    if row["answer"] == "refined":
        measured += f"; verified {100 * row['verified']:.1f} %, wrongly {row['wrongly_verified']}"
        measured += f"; by {row['by']}" if "by" in row else ""
    where = f"{row['maps']} ({row['count']} maps)"
    goals = patterson_goals(row, rows, rivals)
    missed = [goal for goal, reached in goals.items() if not reached]
    if missed:
        measured += f" (goal missed: {', '.join(missed)})" if len(goals) > 1 else " (goal missed)"
    return Row(row["answer"], where, ", ".join(goals), measured, ", ".join(told))


def patterson_goals(row: Report, rows: list[Report], rivals: list[Report]) -> dict[str, bool]:
    """What was aimed at on these maps, and whether it was reached."""
    goals: dict[str, bool] = {}
    share, mean = SOLVED.get(row["maps"]), MEAN.get((row["maps"], row["answer"]))
    if share and row["answer"] == "refined":
        goals[f"≥ {100 * share:g} % solved"] = row["solved"] >= share
    if mean:
        goals[f"mean ≤ {mean:g}"] = row["mean_voxel"] <= mean
    if row["maps"] == "published" and row["answer"] == "refined":
        goals[f"≤ {LIMIT_MS} ms"] = row["cpu_ms_per_map"] <= LIMIT_MS
        for rival in rivals:
            faster = rival["cpu_ms_per_map"] >= TIMES_FASTER * row["cpu_ms_per_map"]
            goals[f"{TIMES_FASTER} times faster than {rival['answer']}"] = faster
    if row["maps"] == CORNERS[1]:
        like = [r for r in rows if r["maps"] == CORNERS[0] and r["answer"] == row["answer"]]
        points = [100 * (r["matched"] / r["atoms"] - row["matched"] / row["atoms"]) for r in like]
        goals[f"atoms within {CORNER_POINTS:g} point of the corner empty"] = all(
            abs(one) <= CORNER_POINTS for one in points
        )
    return goals


def _solved(row: Report) -> str:
    return f"{100 * row['solved']:.1f} % of maps solved, {row['cpu_ms_per_map']:.0f} ms"


def patterson_foreign_maps_table(report: Report) -> tuple[str, list[Row]]:
    """Maps of other makers: how many are right, claimed, and claimed wrongly."""
    caption = (
        "Patterson maps that our simulator did not make; of wrong numbers and random maps none may be"
        f" claimed (seed {report['seed']}, limits were chosen on another)"
    )
    return caption, [foreign_row(row) for row in report["rows"]]


def foreign_row(row: Report) -> Row:
    """One kind of map; wrong claims miss the goal."""
    wrong = row["wrongly_claimed"]
    measured = f"{row['right']} of {row['maps']} maps right, {row['claimed']} claimed, {wrong} wrongly"
    measured += f"; {row['cpu_s_per_map']:.2g} s of a core" + (" (goal missed)" if wrong else "")
    return Row("claims", row["kind"], "no wrong claim", measured)


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
    others = f"mean map {curve['mean_map']:.3f}"
    if curve.get("hand_unknown") is not None:
        others += f", best without the hand {curve['hand_unknown']:.3f}"
    return Row(what, curve["arm"], "", measured, others)
