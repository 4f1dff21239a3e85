"""Tables of the system patterson: simulated Patterson maps, and trainings compared."""

from report import Report, Row

METHODS = ("hybrid input-output", "input-output, 200 rounds at once", "charge flipping")
PAPER = "published network 4,994 of 5,000 atoms, mean 0.283"
PAIRS = {"features and target of training": "input and target of training"}
SOLVED = {
    "published": 1.0,
    "20 % noise": 1.0,
    "third of the resolution": 0.95,
    "20 atoms": 0.99,
    "50 atoms": 0.9,
}
ARMS = {
    "paper": "published network",
    "fourier": "Fourier layers",
    "superposition": "ours, superposed maps",
    "paper-small": "published network, small maps",
    "paper-small, no images": "the same without inversion images",
    "paper-small, inner box 1.5 times": "the same, inner box 1.5 times as large",
    "paper-small, inner box twice": "the same, inner box twice as large",
}
"""Trainings compared."""
MEAN = {("published", "read, best of 4 vectors"): 0.08, ("published", "refined"): 0.014}
KINDS = {
    "ours": "own simulator",
    "told -1 atom": "given one atom fewer",
    "told +1 atom": "given one atom more",
    "told nothing": "nothing given",
    "told formula": "formula given",
    "told atoms": "number of atoms given",
    "falling as spheres": "falling off as those of spheres",
    "another scale": "other scale",
}
"""Words of the kinds of maps in the results, and those of the tables."""
LIMIT_MS, TIMES_FASTER, PAIRS_PER_SECOND = 60, 10, 300
"""Goals: milliseconds of a published map and how much faster than others; simulated pairs on two cores."""
ANSWERS = {
    "read, first vector": "network, first vector",
    "read, best of 4 vectors": "network, best of 4 vectors",
    "refined": "network and refinement (what `predict` answers)",
    "dual-space": "dual-space iteration",
}
"""What the answers of the results are called in the tables."""
CORNERS = ("reserved corner empty", "reserved corner filled")
CORNER_POINTS = 1.0
"""Percentage points by which the share of atoms found may fall where training had no atoms."""


def patterson_table(report: Report) -> tuple[str, list[Row]]:
    """Atoms found in simulated Patterson maps by the network, after refinement, and by iteration alone."""
    machine = f"{report['cores']} cores, torch threads: {report['torch_threads']}"
    rows = [row for row in report["rows"] if row["answer"] not in METHODS]
    caption = f"Simulated maps not used for training; lengths in voxels, processor time per map ({machine})"
    made = [simulator_row(one) for one in report.get("simulator", [])]
    return caption, [*made, *(patterson_row(row, report["rows"]) for row in rows)]


def simulator_row(one: Report) -> Row:
    """Simulated pairs per second, from the processor time of one."""
    both = 2 * one["pairs_per_core_second"]
    missed = " (goal missed)" if both < PAIRS_PER_SECOND else ""
    measured = f"{both:.0f} pairs/s on two cores{missed}, {one['cpu_ms_per_pair']:.1f} ms each"
    return Row(
        "simulation speed",
        PAIRS.get(one["pairs"], one["pairs"]),
        f"≥ {PAIRS_PER_SECOND} pairs/s on two cores",
        measured,
    )


def patterson_row(row: Report, rows: list[Report]) -> Row:
    """Atoms found, mean error, maps solved, processor time; other methods on the same maps."""
    others = [r for r in rows if r["maps"] == row["maps"] and r["answer"] in METHODS]
    texts = [f"{r['answer']} {_solved(r)}" for r in others]
    if row["maps"] == "published":
        texts.append(PAPER)
    measured = f"{row['matched']} of {row['atoms']} atoms, mean error {row['mean_voxel']:.4f}; {_solved(row)}"
    if row["answer"] == "refined":
        measured += f"; trusted {100 * row['verified']:.1f} %, {row['wrongly_verified']} of them wrong"
        measured += f"; found by {_found_by(row['by'])}" if "by" in row else ""
    where = f"{row['maps']} ({row['count']} maps)"
    goals = patterson_goals(row, rows, others)
    missed = [goal for goal, reached in goals.items() if not reached]
    if missed:
        measured += f" (goal missed: {', '.join(missed)})" if len(goals) > 1 else " (goal missed)"
    return Row(ANSWERS[row["answer"]], where, ", ".join(goals), measured, ", ".join(texts))


def patterson_goals(row: Report, rows: list[Report], others: list[Report]) -> dict[str, bool]:
    """The goals on these maps, and whether they were reached."""
    goals: dict[str, bool] = {}
    share, mean = SOLVED.get(row["maps"]), MEAN.get((row["maps"], row["answer"]))
    if share and row["answer"] == "refined":
        goals[f"≥ {100 * share:g} % of maps solved"] = row["solved"] >= share
    if mean:
        goals[f"mean error ≤ {mean:g}"] = row["mean_voxel"] <= mean
    if row["maps"] == "published" and row["answer"] == "refined":
        goals[f"≤ {LIMIT_MS} ms"] = row["cpu_ms_per_map"] <= LIMIT_MS
        for other in others:
            faster = other["cpu_ms_per_map"] >= TIMES_FASTER * row["cpu_ms_per_map"]
            goals[f"{TIMES_FASTER} times faster than {other['answer']}"] = faster
    if row["maps"] == CORNERS[1]:
        like = [r for r in rows if r["maps"] == CORNERS[0] and r["answer"] == row["answer"]]
        points = [100 * (r["matched"] / r["atoms"] - row["matched"] / row["atoms"]) for r in like]
        goals[f"atoms found within {CORNER_POINTS:g} percentage point of the empty corner"] = all(
            abs(one) <= CORNER_POINTS for one in points
        )
    return goals


def _found_by(counts: str) -> str:
    """`network 500` as `network (500 maps)`."""
    *name, count = counts.split()
    return f"{ANSWERS.get(' '.join(name), ' '.join(name))} ({count} maps)"


def _solved(row: Report) -> str:
    return f"{100 * row['solved']:.1f} % of maps solved, {row['cpu_ms_per_map']:.0f} ms"


def patterson_foreign_maps_table(report: Report) -> tuple[str, list[Row]]:
    """Maps from other sources: how many are solved, trusted, and trusted although wrong."""
    caption = (
        "Patterson maps that the simulator of the training did not make; no answer to a map with the "
        f"wrong number of atoms or to a random map may be trusted (random seed {report['seed']}; limits "
        "were chosen on another)"
    )
    return caption, [foreign_row(row) for row in report["rows"]]


def foreign_row(row: Report) -> Row:
    """One kind of map; a trusted wrong answer misses the goal."""
    wrong = row["wrongly_claimed"]
    measured = f"{row['right']} of {row['maps']} maps solved, {row['claimed']} trusted, {wrong} of them wrong"
    measured += f"; {row['cpu_s_per_map']:.2g} s per map" + (" (goal missed)" if wrong else "")
    return Row("trusted answers", _kind(row["kind"]), "none wrong", measured)


def _kind(kind: str) -> str:
    """A kind of map in the words of the tables."""
    for old, new in KINDS.items():
        kind = kind.replace(old, new)
    return kind


def patterson_separation_table(report: Report) -> tuple[str, list[Row]]:
    """The exact search over signs compared with the published search by swaps."""
    caption = (
        "Atoms separated from their inversion images; positions displaced by"
        f" {report['error_voxel']:g} voxel along each axis"
    )
    rows = []
    for row in report["rows"]:
        measured = f"{row['solved']} of {row['maps']} maps, {row['cpu_ms_per_map']:.0f} ms per map"
        rows.append(Row("all atoms of a map correct", row["method"], "", measured))
    return caption, rows


def patterson_ablation_table(report: Report) -> tuple[str, list[Row]]:
    """Networks at equal compute, then variants of the published maps at equal compute."""
    caption = (
        "Networks trained for minutes on one core. Error: squared validation error divided by that of an "
        "empty map; the mean map is the best constant answer"
    )
    return caption, [
        *(ablation_row(curve, "networks at equal compute") for curve in report["compared"]),
        *(ablation_row(curve, "variants at equal compute") for curve in report["variants"]),
    ]


def ablation_row(curve: Report, what: str) -> Row:
    """Final error, its cost, and the published accuracy test where it was made."""
    spent = f"{curve['core_minutes']:.2g} min, {curve['steps']} steps of batch {curve['batch']}"
    measured = f"error {curve['val'][-1][1]:.3f} after {spent}"
    if "accuracy" in curve:
        test = curve["accuracy"]
        measured += (
            f"; found {test['matched']} of {test['atoms']} atoms, {100 * test['solved']:.0f} % of maps"
        )
    others = f"mean map {curve['mean_map']:.3f}"
    if curve.get("hand_unknown") is not None:
        others += f", best possible without knowing the hand {curve['hand_unknown']:.3f}"
    return Row(what, ARMS.get(curve["arm"], curve["arm"]), "", measured, others)
