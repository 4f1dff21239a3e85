"""Write the measured figures into the README, from what the other benchmarks left in results/.

    python benchmarks/tables.py            rewrites the tables of README.md
    python benchmarks/tables.py --check    fails when they are out of date

The tables stand between the lines `<!-- figures:begin -->` and `<!-- figures:end -->`.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from crystals_likeness_tables import crystals_likeness_table
from crystals_tables import (
    crystals_frameworks_table,
    crystals_others_table,
    crystals_paper_table,
    crystals_samples_table,
    crystals_short_table,
    crystals_stability_table,
    crystals_table,
)
from molmnist_tables import (
    molmnist_dynamics_table,
    molmnist_ensemble_table,
    molmnist_forward_table,
    molmnist_hard_table,
    molmnist_hard_trust_table,
    molmnist_simulate_table,
    molmnist_tasks_table,
)
from patterson_crystal_tables import patterson_solver_table, patterson_space_group_table
from patterson_tables import (
    patterson_ablation_table,
    patterson_foreign_maps_table,
    patterson_separation_table,
    patterson_table,
)
from report import Report, Row

HERE = Path(__file__).parent
BEGIN, END = "<!-- figures:begin -->", "<!-- figures:end -->"
CENTRE_GOALS_PX = {"standard": 0.3, "flat-background": 1.0, "binary": 1.5}
TILT_GOALS_DEG = {"standard": 0.1}
SPEED_GOALS = {"model loaded": 1.0, "argand --help": 0.5}
"""Seconds allowed for the rows of geometry_speed.json whose names hold this."""
MEMORY_GOAL_GB = 1.5
SHARED_GOAL = 1.8
"""How many times as fast two processes are to be as one."""
POSTER_PX = "poster 0.86 along an axis"
"""The poster's L1 of 0.288 px, of which three make one of the detector's."""
POSTER_DEG = "poster 1.295"
SERIES = {
    "thau_3_2": "thaumatin, PILATUS3 6M",
    "l-cyst_04": "l-cysteine sweep 04, PILATUS 2M",
    "l-cyst_01": "l-cysteine sweep 01, arm at 30°",
    "adsc": "ADSC Quantum",
}
FIGURES = {
    "median_error_px": "centre, median error",
    "worst_error_px": "centre, worst error",
    "scatter_px": "centre, scatter between images",
    "pooled_error_px": "centre, error of the pooled answer",
}
OPPONENTS = {
    "dials": "DIALS",
    "radial_symmetry": "radial symmetry",
    "constant": "constant",
}


def judged(value: float | None, limit: float | None, unit: str, digits: int = 2) -> tuple[str, str]:
    """Goal and measured value as texts; a value beyond its goal says so."""
    goal = "" if limit is None else f"≤ {limit:g}{unit}"
    if value is None:
        return goal, "no answer"
    missed = limit is not None and value > limit
    return goal, f"{value:.{digits}f}{unit}" + (" (goal missed)" if missed else "")


def with_moonshot(goal: str, measured: str, value: float | None, limit: float | None) -> tuple[str, str]:
    """Goal and measured value in px with what was hoped for beyond the goal."""
    if limit is None:
        return goal, measured
    reached = "reached" if value is not None and value <= limit else "not reached"
    return f"{goal}, hoped for ≤ {limit:g} px", f"{measured} (hope {reached})"


def simulated_table(report: Report) -> tuple[str, list[Row]]:
    """Errors for each preset, over all stills and over the answered ones, and confident mistakes."""
    presets = report["report"]
    chosen = {one["preset"]: one for one in report["choose"]}
    counts = ", ".join(f"{one['preset']} {one['count']}" for one in presets)
    frames = "full frames" if all(one["full"] for one in presets) else "binned frames"
    caption = (
        f"Simulated stills that nothing was trained or chosen on ({frames}: {counts}), all of them, then the "
        "reliable ones; beside them those that limits and factors were chosen on"
    )
    rows = [with_choice(centre_row(one), centre_row(chosen[one["preset"]])) for one in presets]
    rows += [with_choice(tilt_row(one), tilt_row(chosen[one["preset"]])) for one in presets]
    rows += [with_choice(sigma_row(one), sigma_row(chosen[one["preset"]])) for one in presets]
    return caption, [*rows, with_choice(confidence_row(presets), confidence_row(report["choose"]))]


def with_choice(row: Row, chosen: Row) -> Row:
    """A row with what was measured on the half that choices were made on behind its comparisons."""
    others = [row.others] if row.others else []
    return replace(row, others=", ".join([*others, f"chosen on: {chosen.measured}"]))


def sigma_row(result: Report) -> Row:
    """Errors over their stated standard deviations, for the answers of one preset; 1 is ideal."""
    trust = result["evidence"]["both"]["calibration"]
    centre, tilt = ("–" if value is None else f"{value:.2f}" for value in (trust["rms"], trust["tilt_rms"]))
    measured = f"centre {centre}, tilt {tilt}"
    return Row("errors over their sigma, root mean square", result["preset"], "1", measured)


def centre_row(result: Report) -> Row:
    """Mean error of the centre over all stills, as the poster counts, and over those answered."""
    name, figures = result["preset"], result["evidence"]["both"]
    goal, measured = judged(figures["refined"]["centre_mean_px"], CENTRE_GOALS_PX.get(name), " px")
    _, answered = judged(figures["answered"]["centre_mean_px"], None, " px")
    measured += f"; reliable {100 * figures['share_answered']:.0f} %: {answered}"
    others = [f"network alone {figures['network']['centre_mean_px']:.2f}"]
    others += [POSTER_PX] if name == "standard" else []
    others += [f"constant {result['constant']['centre_mean_px']:.1f}"]
    return Row("centre, mean error", name, goal, measured, ", ".join(others))


def tilt_row(result: Report) -> Row:
    """Mean error of pitch and yaw over all stills, and over those whose tilt was answered."""
    name, figures = result["preset"], result["evidence"]["both"]
    goal, measured = judged(mean_tilt(figures["refined"]), TILT_GOALS_DEG.get(name), "°", 3)
    _, answered = judged(mean_tilt(figures["answered"]), None, "°", 3)
    share = figures["answered"]["tilt_count"] / result["count"]
    measured += f"; reliable {100 * share:.0f} %: {answered}"
    others = [f"network alone {mean_tilt(figures['network']):.2f}"]
    others += [POSTER_DEG] if name == "standard" else []
    others += [f"constant {mean_tilt(result['constant']):.2f}"]
    return Row("tilt, mean error of an angle", name, goal, measured, ", ".join(others))


def mean_tilt(figures: Report) -> float | None:
    """Mean error of pitch and yaw in degrees; None where no tilt was answered."""
    return None if figures["pitch_deg"] is None else (figures["pitch_deg"] + figures["yaw_deg"]) / 2


def confidence_row(presets: list[Report]) -> Row:
    """Answers called reliable that were far off, over all presets."""
    answered = wrong = 0
    for result in presets:
        figures = result["evidence"]["both"]
        answered += figures["answered"]["count"]
        wrong += round((figures["calibration"]["far"] or 0.0) * figures["answered"]["count"])
    return Row(
        "answers wrong by more than 3 px or 5 sigma", "all presets", "", f"{wrong} of {answered} answers"
    )


def real_table(report: Report) -> tuple[str, list[Row]]:
    """What each series of real images has goals for, beside the classical methods."""
    caption = "Real images, one at a time and pooled; the header's beam centre is not used"
    if "methods" in report:
        version = report["dials"]
        caption += (
            f"; DIALS: `dials.search_beam_position` of {version}" if version else "; DIALS not installed"
        )
    return caption, [row for series in report["series"] for row in series_rows(series, report)]


def series_rows(series: Report, report: Report) -> Iterator[Row]:
    """How many images of a series were answered, then each of its figures that exists or is a goal."""
    name: str = series["series"]
    goals, moonshots = report["goals"].get(name, {}), report.get("moonshots", {}).get(name, {})
    where = f"{SERIES.get(name, name)} (truth ± {series['truth_sigma_px']:g} px)"
    answered = series["images"] - series["unanswered"]
    goal = "all" if goals.get("unanswered") == 0 else ""
    missed = " (goal missed)" if goal and series["unanswered"] else ""
    methods = [m for m in report.get("methods", []) if m["series"] == name]
    yield Row(
        "images answered",
        where,
        goal,
        f"{answered} of {series['images']}{missed}",
        opponents(methods, lambda m: f"{m['answered']} of {m['images']}"),
    )
    for key, what in FIGURES.items():
        if (series[key] is None or series["images"] == 1) and key not in goals:
            continue
        goal, measured = judged(series[key], goals.get(key), " px")
        goal, measured = with_moonshot(goal, measured, series[key], moonshots.get(key))
        if key in str(series["missed"]).split() and "missed" not in measured:
            measured += " (goal missed)"
        if key == "pooled_error_px" and series[key] is not None:
            measured += f", stated sigma {series['pooled_sigma_px']:.2f}"
        yield Row(what, where, goal, measured, opponents(methods, lambda m, key=key: px(m.get(key))))


def px(value: float | None) -> str:
    """An opponent's figure; empty where there is none."""
    return "" if value is None else f"{value:.1f}"


def opponents(methods: list[Report], text: Callable[[Report], str]) -> str:
    """What each opponent came to, in one line."""
    by_name = {method["opponent"]: method for method in methods}
    told = {shown: text(by_name[name]) for name, shown in OPPONENTS.items() if name in by_name}
    return ", ".join(f"{shown} {value}" for shown, value in told.items() if value)


def speed_table(report: Report) -> tuple[str, list[Row]]:
    """Seconds and memory for one 6M image."""
    machine = [f"{report['cores']} cores", f"torch threads: {report['torch_threads']}"]
    if "processor" in report:
        machine.insert(0, report["processor"])
    rows = []
    for one in report["rows"]:
        limit = next((seconds for name, seconds in SPEED_GOALS.items() if name in one["what"]), None)
        goal, measured = judged(one["seconds"], limit, " s")
        if one["peak_memory_mb"] is not None:
            memory_goal, memory = judged(one["peak_memory_mb"] / 1024, MEMORY_GOAL_GB, " GiB")
            goal, measured = f"{goal}; {memory_goal}".lstrip("; "), f"{measured}; {memory}"
        rows.append(Row("time; peak memory", one["what"], goal, measured))
    rates = report.get("throughput", [])
    if rates:
        faster = rates[-1]["images_per_second"] / rates[0]["images_per_second"]
        missed = "" if faster >= SHARED_GOAL else " (goal missed)"
        measured = f"{faster:.2f} times as fast as one{missed}"
        where = f"{rates[-1]['processes']} processes on {report['cores']} cores"
        rows.append(Row("images shared out", where, f"≥ {SHARED_GOAL:g} times", measured))
    return f"Speed for a 6M image ({', '.join(machine)})", rows


def throughput_table(report: Report) -> tuple[str, list[Row]]:
    """How much faster several processes answer than one."""
    rows = []
    goal = SHARED_GOAL * report["processes"] / 2
    for one in report["rows"]:
        missed = "" if one["ahead"] >= goal else " (goal missed)"
        beside = [f"{one['a_second']:.3g} {one['unit']} a second by one"]
        beside.append(f"{one['mib_each']:.0f} MiB each, {one['mib_one']:.0f} MiB alone")
        beside.append(
            f"of each {one['bytes'] / 1000:.1f} kB moved, {one['here_ms']:.2g} ms of the first process"
        )
        where = f"{one['items']} {one['unit']}"
        measured = f"{one['ahead']:.2f} times as fast as one{missed}"
        rows.append(Row(f"`{one['verb']}`", where, f"≥ {goal:g} times", measured, "; ".join(beside)))
    machine = f"{report['cores']} cores, {report['processor']}"
    return f"Shared out among {report['processes']} processes ({machine})", rows


def poster_table(report: Report) -> tuple[str, list[Row]]:
    """The poster's own networks at a small budget."""
    rows = []
    for run in report["runs"]:
        for one in run["sets"]:
            own = one["set"] == run["trained_on"] == "standard"
            found = f"centre {one['centre_px']:.2f} px, tilt {one['tilt_deg']:.3f}°"
            goal = "centre ≤ 0.6 px, tilt ≤ 0.06°" if own else ""
            missed = own and (one["centre_px"] > 0.6 or one["tilt_deg"] > 0.06)
            others = f"constant {one['constant_px']:.1f} px, {one['constant_deg']:.2f}°"
            others += f", {POSTER_PX}, {POSTER_DEG}" if own else ""
            measured = found + (" (goal missed)" if missed else "")
            rows.append(Row(f"L1 of {run['run']}", one["set"], goal, measured, others))
    images = sorted({run["simulated"] for run in report["runs"]})
    minutes = sorted(run["minutes"] for run in report["runs"])
    cost = f"{images[0]:,} to {images[-1]:,} images of 51 px, {minutes[0]:.0f} to {minutes[-1]:.0f} minutes"
    return f"The poster's networks ({cost} of a shared core each), in px of the full detector", rows


def rings_table(report: Report) -> tuple[str, list[Row]]:
    """Powder rings of each kind, and the real image of CeO2 at stated distances beside pyFAI."""
    chosen = {row["kind"]: row for row in report["chosen_on"]["rows"]}
    rows = []
    for one in report["reported_on"]["rows"]:
        others = [f"constant {one['constant_px']:.0f} px", f"network alone {one['network_px']:.1f} px"]
        others.append(f"chosen on: {_rings(chosen[one['kind']])}")
        rows.append(Row("centre from rings", one["kind"], "", _rings(one), ", ".join(others)))
    images = next(row["images"] for row in report["reported_on"]["rows"] if row["kind"] == "all")
    return f"Simulated powder rings, {images} images, the stated distance wrong by up to 2 %", rows


def _rings(one: Report) -> str:
    if one["median_px"] is None:
        return f"answered {100 * one['answered']:.0f} %"
    errors = f"median {one['median_px']:.2f} px, 90 % {one['p90_px']:.2f} px, wrong {one['wrong']}"
    return f"answered {100 * one['answered']:.0f} %, {errors}"


def lattice_table(report: Report) -> tuple[str, list[Row]]:
    """Electrons, upright and swung-out detectors, and unit cells."""
    rows = []
    for name, (chosen, reported) in ((k, v) for k, v in report.items() if k != "electron file"):
        goal = "≥ 80 % within 1 px" if "--max-tilt" in name else ""
        others = f"chosen on: {_lattice(chosen)}"
        measured = _lattice(reported)
        if goal and reported["within 1 px"] < 0.8:  # the goal in shares
            measured += " (goal missed)"
        rows.append(Row("what spots say", name, goal, measured, others))
    return "Lattices: electrons, detectors upright and swung out, unit cells; simulated stills", rows


def _lattice(one: Report) -> str:
    if "answered" in one:
        worst = "" if one["median error"] is None else f", median {one['median error']:.2f} px"
        found = f"answered {100 * one['answered']:.0f} %, within 1 px {100 * one['within 1 px']:.0f} %"
        return f"{found}{worst}, wrong {one['wrong']} of {one['stills']} stills"
    return ", ".join(f"{key} {value:.2f}" for key, value in one.items() if isinstance(value, float))


def panels_table(report: Report) -> tuple[str, list[Row]]:
    """Detectors of many panels beside their geometry files, and as one flat image."""
    rows = []
    for name, one in report["detectors"].items():
        reported, chosen = one["reported"], one["chosen on"]
        others = [f"header {reported['header_px']:.1f} px"]
        others += [f"as one flat image: {_panels(reported, 'flat_')}", f"chosen on: {_panels(chosen)}"]
        rows.append(Row("centre", name, "", _panels(reported), ", ".join(others)))
    return f"Simulated detectors of many panels, {report['count']} stills of each", rows


def _panels(one: Report, prefix: str = "") -> str:
    share = f"answered {100 * one[prefix + 'answered']:.0f} %"
    if one[prefix + "centre_px"] is None:
        return share
    median, p90 = one[prefix + "centre_px"]
    return f"{share}, median {median:.2f} px, 90 % {p90:.2f} px, wrong {one[prefix + 'wrong']}"


TABLES = {
    "geometry_simulated": simulated_table,
    "geometry_real": real_table,
    "geometry_rings": rings_table,
    "geometry_lattice": lattice_table,
    "geometry_panels": panels_table,
    "geometry_speed": speed_table,
    "throughput": throughput_table,
    "geometry_published": poster_table,
    "patterson": patterson_table,
    "patterson_foreign_maps": patterson_foreign_maps_table,
    "patterson_separation": patterson_separation_table,
    "patterson_ablation": patterson_ablation_table,
    "patterson_solver": patterson_solver_table,
    "patterson_space_group": patterson_space_group_table,
    "molmnist_forward": molmnist_forward_table,
    "molmnist_simulate": molmnist_simulate_table,
    "molmnist_ensemble": molmnist_ensemble_table,
    "molmnist_dynamics": molmnist_dynamics_table,
    "molmnist_tasks": molmnist_tasks_table,
    "molmnist_hard": molmnist_hard_table,
    "molmnist_hard_trust": molmnist_hard_trust_table,
    "crystals": crystals_table,
    "crystals_short": crystals_short_table,
    "crystals_others": crystals_others_table,
    "crystals_likeness": crystals_likeness_table,
    "crystals_samples": crystals_samples_table,
    "crystals_stability": crystals_stability_table,
    "crystals_frameworks": crystals_frameworks_table,
    "crystals_paper": crystals_paper_table,
}
WRITTEN_BY = {"molmnist_hard": "molmnist_tasks.py --set hard"}
"""What writes a result whose name is not its own."""
BESIDE = {
    "patterson_solver": "patterson_opponents",
    "crystals": "crystals_short",
    "crystals_stability": "crystals_stability_choice",
}
"""Results that a table shows in another's rows."""


def figures(results: Path) -> str:
    """The tables of all results as Markdown; a result that is missing is one line."""
    return "\n\n".join(_part(results / f"{name}.json", make) for name, make in TABLES.items())


def _part(path: Path, make: Callable[[Report], tuple[str, list[Row]]]) -> str:
    if not path.is_file():
        return f"`benchmarks/{_command(path.stem)}`: not measured yet (no `{path.name}`)."
    report = json.loads(path.read_text(encoding="utf-8"))
    beside = path.with_name(f"{BESIDE.get(path.stem)}.json")
    if beside.is_file():
        report["beside"] = json.loads(beside.read_text(encoding="utf-8"))
    caption, rows = make(report)
    lines = ["| what | on what | goal | measured | for comparison |", "|---|---|---|---|---|"]
    lines += [f"| {r.what} | {r.where} | {r.goal} | {r.measured} | {r.others} |" for r in rows]
    return "\n".join([f"**{caption}**", "", *lines])


def _command(name: str) -> str:
    """The benchmark that writes a result."""
    return WRITTEN_BY.get(name, f"{name}.py")


def with_figures(text: str, tables: str) -> str:
    """The text with these tables between its markers; ValueError where it has not one pair of them."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"needs one line {BEGIN} and one line {END} behind it")
    before, after = text[: text.index(BEGIN)], text[text.index(END) :]
    return f"{before}{BEGIN}\n{tables}\n{after}"


def main(
    readme: Annotated[Path, typer.Option(help="File to write the tables into")] = HERE.parent / "README.md",
    results: Annotated[Path, typer.Option(help="Folder of the JSON files")] = HERE / "results",
    check: Annotated[bool, typer.Option("--check", help="Only say whether the tables are right")] = False,
) -> None:
    """Rewrite the tables of the README, or with --check compare them."""
    for name in TABLES:
        if not (results / f"{name}.json").is_file():
            typer.echo(f"{results / name}.json is missing; benchmarks/{_command(name)} writes it", err=True)
    text = readme.read_text(encoding="utf-8")
    new = with_figures(text, figures(results))
    if check and new != text:
        typer.echo(f"{readme}: figures are out of date; run python benchmarks/tables.py", err=True)
        raise typer.Exit(1)
    if not check:
        readme.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
