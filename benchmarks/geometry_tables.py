"""Tables of the system geometry: simulated and real stills, rings, lattices, panels, published networks."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from report import Report, Row, judged

CENTRE_GOALS_PX = {"standard": 0.3, "flat-background": 1.0, "binary": 1.5}
TILT_GOALS_DEG = {"standard": 0.1}
POSTER_PX = "poster 0.86 (along one axis)"
"""The poster's mean absolute error of 0.288 px; its pixels are three of the detector's wide."""
POSTER_DEG = "poster 1.295 (tilt)"
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
METHODS = {
    "dials": "DIALS",
    "radial_symmetry": "radial symmetry",
    "constant": "constant answer",
}
RINGS = {
    "absorption": "absorption in the sample",
    "plate": "image plate",
    "ice": "ice rings",
    "all": "all kinds",
}
"""Kinds of powder rings whose name in the results is short for this."""
LATTICES = {
    "upright": "detector upright",
    "upright with --max-tilt 0.5": "detector upright, with --max-tilt 0.5",
    "swung out": "detector on a swung-out arm",
    "cells": "all Bravais lattices",
}
CELLS = {"with a cell": "share with a cell", "right cell": "correct cell", "right lattice": "correct lattice"}


def with_stretch_goal(goal: str, measured: str, value: float | None, limit: float | None) -> tuple[str, str]:
    """Goal and measured value in px with a stretch goal beyond the goal."""
    if limit is None:
        return goal, measured
    reached = "reached" if value is not None and value <= limit else "not reached"
    return f"{goal}; stretch goal ≤ {limit:g} px", f"{measured} (stretch goal {reached})"


def simulated_table(report: Report) -> tuple[str, list[Row]]:
    """Errors for each preset, over all stills and over the answered ones, and confident mistakes."""
    presets = report["report"]
    chosen = {one["preset"]: one for one in report["choose"]}
    counts = ", ".join(f"{one['preset']} {one['count']}" for one in presets)
    frames = "full frames" if all(one["full"] for one in presets) else "binned frames"
    caption = (
        f"Simulated stills that were used neither for training nor for choosing settings ({frames}: "
        f"{counts}). Errors of all stills, then of the trusted answers; goals are for all stills"
    )
    rows = [with_choice(centre_row(one), centre_row(chosen[one["preset"]])) for one in presets]
    rows += [with_choice(tilt_row(one), tilt_row(chosen[one["preset"]])) for one in presets]
    rows += [with_choice(sigma_row(one), sigma_row(chosen[one["preset"]])) for one in presets]
    return caption, [*rows, with_choice(confidence_row(presets), confidence_row(report["choose"]))]


def with_choice(row: Row, chosen: Row) -> Row:
    """A row with the result on the stills that settings were chosen on."""
    return replace(row, chosen=chosen.measured)


def sigma_row(result: Report) -> Row:
    """Errors over their stated standard deviations, for the answers of one preset; 1 is ideal."""
    trust = result["evidence"]["both"]["calibration"]
    centre, tilt = ("–" if value is None else f"{value:.2f}" for value in (trust["rms"], trust["tilt_rms"]))
    measured = f"centre {centre}, tilt {tilt}"
    return Row("error / stated sigma, root mean square", result["preset"], "1", measured)


def centre_row(result: Report) -> Row:
    """Mean error of the centre over all stills, as the poster counts, and over those answered."""
    name, figures = result["preset"], result["evidence"]["both"]
    goal, measured = judged(figures["refined"]["centre_mean_px"], CENTRE_GOALS_PX.get(name), " px")
    _, answered = judged(figures["answered"]["centre_mean_px"], None, " px")
    measured += f"; trusted {100 * figures['share_answered']:.0f} %: {answered}"
    others = [f"network alone {figures['network']['centre_mean_px']:.2f}"]
    others += [POSTER_PX] if name == "standard" else []
    others += [f"constant answer {result['constant']['centre_mean_px']:.1f}"]
    return Row("centre, mean error", name, goal, measured, ", ".join(others))


def tilt_row(result: Report) -> Row:
    """Mean error of pitch and yaw over all stills, and over those whose tilt was answered."""
    name, figures = result["preset"], result["evidence"]["both"]
    goal, measured = judged(mean_tilt(figures["refined"]), TILT_GOALS_DEG.get(name), "°", 3)
    _, answered = judged(mean_tilt(figures["answered"]), None, "°", 3)
    share = figures["answered"]["tilt_count"] / result["count"]
    measured += f"; trusted {100 * share:.0f} %: {answered}"
    others = [f"network alone {mean_tilt(figures['network']):.2f}"]
    others += [POSTER_DEG] if name == "standard" else []
    others += [f"constant answer {mean_tilt(result['constant']):.2f}"]
    return Row("tilt, mean error of pitch and yaw", name, goal, measured, ", ".join(others))


def mean_tilt(figures: Report) -> float | None:
    """Mean error of pitch and yaw in degrees; None where no tilt was answered."""
    return None if figures["pitch_deg"] is None else (figures["pitch_deg"] + figures["yaw_deg"]) / 2


def confidence_row(presets: list[Report]) -> Row:
    """Trusted answers that were far off, over all presets."""
    answered = wrong = 0
    for result in presets:
        figures = result["evidence"]["both"]
        answered += figures["answered"]["count"]
        wrong += round((figures["calibration"]["far"] or 0.0) * figures["answered"]["count"])
    return Row(
        "trusted answers wrong by more than 3 px or 5 sigma",
        "all presets",
        "",
        f"{wrong} of {answered} answers",
    )


def real_table(report: Report) -> tuple[str, list[Row]]:
    """Each series of real images, compared with classical methods."""
    caption = "Real images, one at a time and pooled; the beam centre of the header is not used"
    if "methods" in report:
        version = report["dials"]
        caption += (
            f"; DIALS: `dials.search_beam_position` of {version}" if version else "; DIALS not installed"
        )
    return caption, [row for series in report["series"] for row in series_rows(series, report)]


def series_rows(series: Report, report: Report) -> Iterator[Row]:
    """How many images of a series have a trusted answer, then each figure that was measured or has a goal."""
    name: str = series["series"]
    goals, moonshots = report["goals"].get(name, {}), report.get("moonshots", {}).get(name, {})
    where = f"{SERIES.get(name, name)} (truth ± {series['truth_sigma_px']:g} px)"
    answered = series["images"] - series["unanswered"]
    goal = "all" if goals.get("unanswered") == 0 else ""
    missed = " (goal missed)" if goal and series["unanswered"] else ""
    methods = [m for m in report.get("methods", []) if m["series"] == name]
    yield Row(
        "images with a trusted answer",
        where,
        goal,
        f"{answered} of {series['images']}{missed}",
        compared(methods, lambda m: f"{m['answered']} of {m['images']}"),
    )
    for key, what in FIGURES.items():
        if (series[key] is None or series["images"] == 1) and key not in goals:
            continue
        goal, measured = judged(series[key], goals.get(key), " px")
        goal, measured = with_stretch_goal(goal, measured, series[key], moonshots.get(key))
        if key in str(series["missed"]).split() and "missed" not in measured:
            measured += " (goal missed)"
        if key == "pooled_error_px" and series[key] is not None:
            measured += f", stated sigma {series['pooled_sigma_px']:.2f}"
        yield Row(what, where, goal, measured, compared(methods, lambda m, key=key: px(m.get(key))))


def px(value: float | None) -> str:
    """A figure of another method; empty where there is none."""
    return "" if value is None else f"{value:.1f}"


def compared(methods: list[Report], text: Callable[[Report], str]) -> str:
    """The results of the other methods, in one line."""
    by_name = {method["opponent"]: method for method in methods}
    texts = {shown: text(by_name[name]) for name, shown in METHODS.items() if name in by_name}
    return ", ".join(f"{shown} {value}" for shown, value in texts.items() if value)


def poster_table(report: Report) -> tuple[str, list[Row]]:
    """The poster's own networks, trained for minutes."""
    rows = []
    for run in report["runs"]:
        for one in run["sets"]:
            own = one["set"] == run["trained_on"] == "standard"
            found = f"centre {one['centre_px']:.2f} px, tilt {one['tilt_deg']:.3f}°"
            goal = "centre ≤ 0.6 px, tilt ≤ 0.06°" if own else ""
            missed = own and (one["centre_px"] > 0.6 or one["tilt_deg"] > 0.06)
            others = f"constant answer {one['constant_px']:.1f} px, {one['constant_deg']:.2f}°"
            others += f", {POSTER_PX}, {POSTER_DEG}" if own else ""
            measured = found + (" (goal missed)" if missed else "")
            rows.append(Row(f"mean absolute error of {run['run']}", one["set"], goal, measured, others))
    images = sorted({run["simulated"] for run in report["runs"]})
    minutes = sorted(run["minutes"] for run in report["runs"])
    cost = f"{images[0]:,} to {images[-1]:,} images of 51 px, {minutes[0]:.0f} to {minutes[-1]:.0f} minutes"
    return f"The poster's networks ({cost} of a shared core each); errors in px of the full detector", rows


def rings_table(report: Report) -> tuple[str, list[Row]]:
    """Simulated powder rings of each kind."""
    chosen = {row["kind"]: row for row in report["chosen_on"]["rows"]}
    rows = []
    for one in report["reported_on"]["rows"]:
        others = f"constant answer {one['constant_px']:.0f} px, network alone {one['network_px']:.1f} px"
        kind = RINGS.get(one["kind"], one["kind"])
        rows.append(Row("centre from rings", kind, "", _rings(one), others, _rings(chosen[one["kind"]])))
    images = next(row["images"] for row in report["reported_on"]["rows"] if row["kind"] == "all")
    return f"Simulated powder rings, {images} images; the stated distance is wrong by up to 2 %", rows


def _rings(one: Report) -> str:
    if one["median_px"] is None:
        return f"trusted {100 * one['answered']:.0f} %"
    errors = f"median {one['median_px']:.2f} px, 90th percentile {one['p90_px']:.2f} px, {one['wrong']} wrong"
    return f"trusted {100 * one['answered']:.0f} %, {errors}"


def lattice_table(report: Report) -> tuple[str, list[Row]]:
    """Electron diffraction, upright and swung-out detectors, and unit cells."""
    rows = []
    for name, (chosen, reported) in ((k, v) for k, v in report.items() if k != "electron file"):
        goal = "≥ 80 % within 1 px" if "--max-tilt" in name else ""
        measured = _lattice(reported)
        if goal and reported["within 1 px"] < 0.8:  # the goal in shares
            measured += " (goal missed)"
        what = "unit cell" if name == "cells" else "centre from Bragg spots"
        rows.append(Row(what, LATTICES.get(name, name), goal, measured, "", _lattice(chosen)))
    return (
        "Simulated stills: electron diffraction, detectors upright and on a swung-out arm, unit cells",
        rows,
    )


def _lattice(one: Report) -> str:
    if "answered" in one:
        worst = "" if one["median error"] is None else f", median {one['median error']:.2f} px"
        found = f"trusted {100 * one['answered']:.0f} %, within 1 px {100 * one['within 1 px']:.0f} %"
        return f"{found}{worst}, {one['wrong']} wrong of {one['stills']} stills"
    return ", ".join(
        f"{CELLS.get(key, key)} {value:.2f}" for key, value in one.items() if isinstance(value, float)
    )


def panels_table(report: Report) -> tuple[str, list[Row]]:
    """Detectors of many panels with their geometry files, and taken for one flat image."""
    rows = []
    for name, one in report["detectors"].items():
        reported, chosen = one["reported"], one["chosen on"]
        others = f"header {reported['header_px']:.1f} px; as one flat image: {_panels(reported, 'flat_')}"
        rows.append(Row("centre", name, "", _panels(reported), others, _panels(chosen)))
    return f"Simulated detectors of many panels, {report['count']} stills of each", rows


def _panels(one: Report, prefix: str = "") -> str:
    share = f"trusted {100 * one[prefix + 'answered']:.0f} %"
    if one[prefix + "centre_px"] is None:
        return share
    median, p90 = one[prefix + "centre_px"]
    return f"{share}, median {median:.2f} px, 90th percentile {p90:.2f} px, {one[prefix + 'wrong']} wrong"
