"""Tables of the system molmnist: the tasks of both sets, compared with their baselines."""

from report import Report, Row

NETWORK, FITTED, POLISHED = "network", "network + fit", "network + fit + 50 rounds"
MISSED = " (goal missed)"
INVERSION_DB = {"noise-free": 30.0}
PEARSON = {"noise-free": 0.98}
FIBRILS_DB = {"beam-stop": (("6x6", "hexagonal-36"), 28.0), "small-window": (("9x9",), 27.0)}
"""Goals of single fibrils in dB."""
ACCURACY = {"noise-free": 0.99, "1e4-photons": 0.95}
POLISHED_DB = 40.0
LEAD_DB, ROOM_DB = 5.0, 3.0
"""Goals of `hard`: the lead of our best answer over the best baseline that is given nothing, and its least
distance from the ceiling, so that the benchmark leaves room."""
CEILING = "measured amplitudes (true phases told)"
R_GOAL, MINUTES_GOAL, TWIST_GOAL, KS_GOAL = 0.01, 10.0, 0.2, 0.15
LIMIT_MS = {NETWORK: 2.5, POLISHED: 50.0}
CORES = 2
"""Cores that the goals of time are for; patterns are independent, so that the processor time is divided."""
CONDITIONS = {
    "1e6-photons": "10⁶ photons",
    "1e4-photons": "10⁴ photons",
    "1e3-photons": "10³ photons",
    "1e2-photons": "100 photons",
    "as-drawn": "as simulated",
}
"""Names of conditions that are no plain words."""
MODELS = {
    "turned class mean": "rotated class mean",
    "(class and rotation told)": "(class and rotation given)",
    "(found)": "(class and rotation found)",
    "(true outline told)": "(true outline given)",
    "(true phases told)": "(true phases given)",
    "I(0) alone (told)": "I(0) alone (given)",
    "bundles: network + fit": "network of bundles + fit",
    "zeros": "empty image",
}
"""Words of the models in the results, and those of the tables."""
WHAT = {
    "inversion": "shape from the pattern",
    "classification": "which of ten fibrils",
    "regression": "twist",
    "chains": "number of chains",
    "outline": "which of four outlines",
    "turn": "rotation between the ends",
}


def molmnist_tasks_table(report: Report) -> tuple[str, list[Row]]:
    """A row for each task, condition and model of `standard`, compared with the baselines."""
    return _caption(report, "standard"), _all_rows(report)


def molmnist_hard_table(report: Report) -> tuple[str, list[Row]]:
    """The same for `hard`."""
    return _caption(report, "hard"), _all_rows(report)


def molmnist_hard_trust_table(report: Report) -> tuple[str, list[Row]]:
    """Answers about bundles that are trusted, and the share of them that is correct, on both halves."""
    halves = [[row for row in report["rows"] if row["half"] == half] for half in ("choose", "report")]
    rows = [
        Row(
            "trusted answers",
            f"{one['patterns']} ({one['count']} patterns)",
            "",
            _trusted(one),
            chosen=_trusted(chosen),
        )
        for chosen, one in zip(*halves, strict=True)
    ]
    return (
        "Answers of the network of bundles are trusted where the misfit is at most "
        f"{report['largest_ratio']:g} times the expected one and the number of chains is known to "
        f"{100 * report['largest_doubt']:g} %. Correct: chains within 10 %, turn within three stated "
        "standard deviations, shape above 25 dB. Limits were chosen on validation pairs; the result is "
        "that of"
        " test pairs",
        rows,
    )


def _trusted(row: Report) -> str:
    text = f"trusted {100 * row['believed']:.0f} %"
    if row["right_of_believed"] is not None:
        text += f", {100 * row['right_of_believed']:.0f} % of them correct"
    return text if row["right"] is None else f"{text}; of all answers {100 * row['right']:.0f} % correct"


def _all_rows(report: Report) -> list[Row]:
    return [row for group in _groups(report["rows"]) for row in task_rows(group)]


def _caption(report: Report, name: str) -> str:
    return (
        f"Test pairs of `{name}`. Shapes are compared after a blur of 1 Å, within their support, modulo "
        "inversion, shift and scale (PSNR in dB; in brackets the gain over the rotated class mean); "
        "resolution where Fourier rings correlate by 1/2; baselines are trained on "
        f"{report['training_pairs']} pairs; processor time per pattern ({report['cores']} cores, torch "
        f"threads: {report['torch_threads']})"
    )


def _named(model: str) -> str:
    """A model in the words of the tables."""
    for old, new in MODELS.items():
        model = model.replace(old, new)
    return model


def _groups(rows: list[Report]) -> list[list[Report]]:
    """Rows of the same task and condition."""
    keys = dict.fromkeys((task, row["condition"]) for task in WHAT for row in rows)
    found = [[row for row in rows if (row["task"], row["condition"]) == key] for key in keys]
    return [group for group in found if group]


def task_rows(group: list[Report]) -> list[Row]:
    """Models of one task and condition, the first with the baselines beside it; without models, these alone.

    The goals of `hard` are judged at the first model.
    """
    others = [row for row in group if row.get("floor")]
    models = [row for row in group if not row.get("floor")]
    texts = "; ".join(f"{_named(row['model'])} {figures(row)}" for row in others)
    first = group[0]
    where = f"{CONDITIONS.get(first['condition'], first['condition'])} ({first['count']} patterns)"
    if not models:
        return [Row(WHAT[first["task"]], where, "", "no network yet", texts)]
    first, *rest = [row for row in models if row["task"] != "classification" or row["model"] != FITTED]
    leads = lead_goals(models, others)
    return [model_row(first, where, texts, leads), *(model_row(row, where, "", {}) for row in rest)]


def lead_goals(models: list[Report], others: list[Report]) -> dict[str, bool]:
    """The goals on `hard` at 10⁴ photons: a lead over the baselines, and room below the ceiling."""
    asked = [row for row in others if "by_outline" in row and row["condition"] == "1e4-photons"]
    asked = [row for row in asked if row["task"] == "inversion"]
    if not asked:
        return {}
    best = max(row["beyond_class_mean_db"] for row in models)
    fair = max(row["beyond_class_mean_db"] for row in asked if "told" not in row["model"])
    ceiling = [row["beyond_class_mean_db"] for row in asked if row["model"] == CEILING]
    return {
        f"≥ {LEAD_DB:g} dB over the best baseline": best >= fair + LEAD_DB,
        f"≥ {ROOM_DB:g} dB below the ceiling (true phases given)": best
        <= min(ceiling, default=best) - ROOM_DB,
    }


def model_row(row: Report, where: str, baselines: str, leads: dict[str, bool]) -> Row:
    """One model's figures; goals are those of argand's own."""
    goals = task_goals(row) | leads
    missed = [goal for goal, reached in goals.items() if not reached]
    measured = f"{_named(row['model'])} {figures(row)}"
    if missed:
        measured += f" (goal missed: {', '.join(missed)})" if len(goals) > 1 else MISSED
    return Row(WHAT[row["task"]], where, ", ".join(goals), measured, baselines)


def task_goals(row: Report) -> dict[str, bool]:
    """The goals in this task and condition, and whether they were reached."""
    name, model = row["condition"], row["model"]
    goals: dict[str, bool] = {}
    if row["task"] == "inversion":
        if name in INVERSION_DB and model in (NETWORK, POLISHED):
            least = INVERSION_DB[name] if model == NETWORK else POLISHED_DB
            goals[f"≥ {least:g} dB"] = row["psnr_db"] >= least
            goals[f"Pearson ≥ {PEARSON[name]:g}"] = row["pearson"] >= PEARSON[name]
            limit = LIMIT_MS[model]
            goals[f"≤ {limit:g} ms on {CORES} cores"] = row["cpu_ms_per_pattern"] / CORES <= limit
        fibrils, limit = FIBRILS_DB.get(name, ((), 0.0)) if model == FITTED else ((), 0.0)
        for fibril in fibrils:
            goals[f"{fibril} ≥ {limit:g} dB"] = row["by_fibril"]["psnr_db"].get(fibril, limit) >= limit
    elif row["task"] == "classification" and name in ACCURACY and model == NETWORK:
        goals[f"≥ {100 * ACCURACY[name]:g} %"] = row["accuracy"] >= ACCURACY[name]
    return goals


def figures(row: Report) -> str:
    """A row's figures in one line."""
    time = f"{row['cpu_ms_per_pattern']:.1f} ms"
    if row["task"] == "inversion":
        fibrils = FIBRILS_DB.get(row["condition"], ((), 0.0))[0]
        each = row.get("by_fibril", {}).get("psnr_db", {})
        alone = [f"{fibril} {each[fibril]:.1f} dB" for fibril in fibrils if fibril in each]
        return ", ".join([_shape_figures(row), *alone, time])
    if row["task"] in ("classification", "outline"):
        return f"{100 * row['accuracy']:.1f} %, {time}"
    if row["task"] == "chains":
        share, exact = 100 * row["relative_error"], 100 * row["exact"]
        return f"mean error {row['mae_chains']:.1f} ({share:.1f} %), exact {exact:.0f} %, {time}"
    if row["task"] == "turn":
        return f"mean error {row['mae_deg']:.1f}°{_r2('R²', row['r2'])}, {time}"
    r2 = _r2("R² within a fibril", row["r2_within_fibrils"])
    return f"mean error {row['mae_deg_per_nm']:.3f}°/nm{r2}, {time}"


def _shape_figures(row: Report) -> str:
    """PSNR first, then the gain over the class mean and the median resolution, where measured."""
    text = f"{row['psnr_db']:.1f} dB"
    if row.get("beyond_class_mean_db") is not None:
        text += f" ({row['beyond_class_mean_db']:+.1f})"
    text += f", SSIM {row['ssim']:.3f}, Pearson {row['pearson']:.3f}"
    return text + (f", {row['resolution_a']:.1f} Å" if "resolution_a" in row else "")


def _r2(name: str, value: float | None) -> str:
    return "" if value is None else f", {name} {value:.2f}"


def molmnist_forward_table(report: Report) -> tuple[str, list[Row]]:
    """Accuracy of the patterns, compared with sums over atoms."""
    key = "R 0-1.7"
    worst = max(report["amplitude_r"], key=lambda row: row[key])
    missed = MISSED if worst[key] >= R_GOAL else ""
    rows = [
        Row(
            "R factor of amplitudes, q < 1.7 /Å",
            "ten fibrils",
            f"< {R_GOAL:g}",
            f"{worst[key]:.4f} at most{missed}",
        )
    ]
    ratios = [one["projected_over_debye"] for one in report["debye"]]
    other = [one["debyecalculator_over_debye"] for one in report["debye"]]
    rows.append(
        Row(
            "isotropic average divided by the Debye sum",
            f"q 0.1 to 1.7 /Å, {report['orientations']} directions",
            "",
            f"{min(ratios):.3f} to {max(ratios):.3f}",
            f"DebyeCalculator {min(other):.3f} to {max(other):.3f}",
        )
    )
    return "Patterns of the forward model compared with explicit sums over atoms", rows


def molmnist_simulate_table(report: Report) -> tuple[str, list[Row]]:
    """Time to simulate the sets."""
    rows = []
    for one in report["rows"]:
        minutes = one["cpu_minutes_for_20000"]
        missed = MISSED if minutes > MINUTES_GOAL else ""
        measured = f"{minutes:.1f} min of processor time{missed}, {one['gigabytes_for_20000']:.1f} GB"
        goal = f"≤ {MINUTES_GOAL:g} min"
        rows.append(
            Row(f"20,000 pairs of `{one['set']}`", f"extrapolated from {one['pairs']} pairs", goal, measured)
        )
    return "Processor time to simulate the sets", rows


def molmnist_ensemble_table(report: Report) -> tuple[str, list[Row]]:
    """Runs of molecular dynamics compared with elastic networks."""
    rows = []
    for one in report["rows"]:
        goals = {
            "twist": abs(one["twist_relative_error"]) <= TWIST_GOAL,
            **{name: value < KS_GOAL for name, value in one["ks"].items()},
        }
        missed = [name for name, reached in goals.items() if not reached]
        ks = ", ".join(
            f"{name} {value:.2f} ({one['ks_by_chance'][name]:.2f} by chance)"
            for name, value in one["ks"].items()
        )
        measured = f"twist {one['twist']:.1f} ± {one['twist_error']:.1f} °/nm, Kolmogorov-Smirnov {ks}"
        measured += f" (goal missed: {', '.join(missed)})" if missed else ""
        where = f"{one['fibril']}, {one['solvent']}, {one['length']:g} Å, {one['ps']:g} ps"
        where += ", used for the fit" if one["fitted"] else ""
        others = (
            f"elastic network {one['network_twist']:.1f} °/nm; independent frames {one['independent']:.0f}"
        )
        goal = f"twist within {100 * TWIST_GOAL:g} %, distances < {KS_GOAL:g}"
        rows.append(Row("molecular dynamics and elastic modes", where, goal, measured, others))
    return (
        "Variants drawn from elastic modes compared with molecular dynamics; by chance: the distance that"
        " samples of the same distribution exceed in 5 % of cases with as few independent frames",
        rows,
    )


def molmnist_dynamics_table(report: Report) -> tuple[str, list[Row]]:
    """Twists of runs by block averages, and published ones."""
    rows = []
    for one in report["rows"]:
        where = f"{one['fibril']}, {one['force_field']}, seed {one['seed']}, {one['length']:g} Å"
        where += f", last {one['averaged_ps']:g} of {one['ps']:g} ps"
        measured = f"{one['twist']:.1f} ± {one['twist_error']:.1f} °/nm"
        if not one["settled"]:
            measured += " (still drifting)"
        plateau = "block averages without a plateau"
        if one["plateau_ps"] is not None:
            plateau = f"blocks of {one['plateau_ps']:g} ps"
        means = " ".join(f"{value:.1f}" for value in one["means_of_10_ps"])
        known = "{:.1f} to {:.1f}".format(*one["known"])
        others = f"{plateau}; each 10 ps: {means}; ensemble {one['ensemble']:.1f}; published {known}"
        rows.append(Row("twist in water", where, "", measured, others))
    for one in report["pooled"]:
        where = f"{one['fibril']}, {one['force_field']}, {one['length']:g} Å, {one['seeds']} seeds"
        rows.append(
            Row("twist, mean of seeds", where, "", f"{one['twist']:.1f} ± {one['twist_error']:.1f} °/nm")
        )
    for one in report["published"]:
        twist = "{:g} to {:g} °/nm".format(*one["twist"])
        rows.append(Row("twist, published", one["fibril"], "", twist, one["source"]))
    return "Twists of molecular dynamics by block averages, and published ones", rows


def molmnist_phase_retrieval_table(report: Report) -> tuple[str, list[Row]]:
    """Our phase retrieval, the strongest baseline, compared with a public program."""
    ours, other = (
        next(r for r in report["rows"] if r["solver"] == name) for name in ("argand", "solvephase")
    )
    texts = [
        f"{one['psnr_db']:.1f} dB, SSIM {one['ssim']:.3f}, {one['cpu_s_per_pattern']:.2f} s per pattern"
        for one in (ours, other)
    ]
    where = (
        f"{ours['condition']} ({ours['count']} patterns), {ours['starts']} starts of {ours['rounds']} rounds"
    )
    return (
        "The baseline phase retrieval compared with a public program on the same test pairs",
        [Row("phase retrieval", where, "", texts[0], f"solvephase {report['solvephase']}: {texts[1]}")],
    )


def molmnist_trust_table(report: Report) -> tuple[str, list[Row]]:
    """Answers of the network of the ten that are trusted, about fibrils and about other objects."""
    rows = []
    for one in report["rows"]:
        spread = f"{one['lowest']:.3f} to {one['highest']:.3f}, median {one['median']:.3f}"
        measured = f"trusted {100 * one['believed']:.0f} %; residual beyond the expected one {spread}"
        what = one["patterns"].replace("side of the window x", "window given wrong, times")
        rows.append(Row("trusted answers", f"{what} ({one['count']} patterns)", "", measured))
    return (
        "Answers of the network of the ten fibrils are trusted where the residual is at most"
        f" {report['limit']:g} above the expected one and the fibril is sure",
        rows,
    )
