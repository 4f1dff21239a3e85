"""Errors of predictions on simulated stills that no network has seen, with those of a constant answer.

Each still is evaluated in stages: `constant` is the middle of the detector without tilt; `network` is the
network's own answer; `refined` the final estimate, trusted or not; `answered` the final estimate of those
stills that got a trusted answer, which is what a user sees. Centre errors are in px of the full detector,
tilt errors in degrees.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from argand.crew import HERE, Crew, Machines, in_chunks
from argand.errors import ArgandError
from argand.io.atomic import written
from argand.progress import ProgressDisplay
from argand.runs.course import Failure, worked
from argand.systems.geometry.difficulty.stills import FramePredictor, Outcome, StillWork, evaluation_set
from argand.systems.geometry.network import EvidenceKind
from argand.typing import Vector2

CHOICE_SEED = 2_000_003
"""Seed of the stills on which limits and factors are chosen. Not the seed of a training run (usually a small
number) nor that of its validation, which is `VALIDATION_OFFSET` (1,000,003) higher."""
EVALUATION_SEED = 4_000_037
"""Seed of the stills for reported figures: nothing is trained, validated or chosen on them."""
EVIDENCE: tuple[EvidenceKind, ...] = ("both", "background", "spots")
FAR_SIGMA, FAR_PX = 5.0, 3.0
"""Errors above which a trusted answer counts as wrong, in stated sigmas along an axis and in px of the full
detector. By hand: less than one normal error in a million is beyond 5 sigma, and 3 px is a third of what
spots of a 150 Å cell are apart at 250 mm; benchmarks/geometry_simulated.py prints the shares beyond."""
COVERAGE_STEPS = 20
"""Rows of the coverage curve: one for each twentieth of the stills. By hand, for the figure."""

Stage = Literal["constant", "network", "refined", "answered"]
Pairs = Float[np.ndarray, "n 2"]


def evaluate_preset(
    preset_name: str,
    count: int,
    seed: int = EVALUATION_SEED,
    *,
    predictor: FramePredictor,
    full: bool = True,
    evidence: Sequence[EvidenceKind] = ("both",),
    machines: Machines = HERE,
) -> dict[str, Any]:
    """Figures over the first `count` stills of a preset; with `full` on frames of the detector's own pixels.

    Except for the seconds, they do not depend on the machines that share the stills. Raises ConfigError for
    an unknown preset, and ArgandError for a still on which a process has died.
    """
    work = StillWork(preset_name, evaluation_set(preset_name, full), seed, predictor, tuple(evidence))
    found: dict[int, Outcome] = {}
    display = ProgressDisplay("evaluate geometry", "stills")
    with Crew(machines, work) as crew:
        for index, outcome in worked(crew, in_chunks(range(count), machines, 1), display, count):
            if isinstance(outcome, Failure):
                raise ArgandError(f"still {index}: {outcome.text}")
            found[index] = outcome
    told = summarise([found[index] for index in range(count)])
    return {"preset": preset_name, "seed": seed, "full": full, **told}


def summarise(found: Sequence[Outcome]) -> dict[str, Any]:
    """The figures of some stills: the constant answer's, and each kind of evidence's stages."""
    kinds = list(found[0].predictions) if found else []
    return {
        "count": len(found),
        "constant": error_figures(*errors(found, "constant")),
        "evidence": {kind: _evidence_figures(found, kind) for kind in kinds},
    }


def _evidence_figures(found: Sequence[Outcome], kind: EvidenceKind) -> dict[str, Any]:
    """Errors of the stages with this evidence, the share of trusted answers, and their calibration."""
    predictions = [outcome.predictions[kind] for outcome in found]
    stages: tuple[Stage, ...] = ("network", "refined", "answered")
    return {
        **{stage: error_figures(*errors(found, stage, kind)) for stage in stages},
        "share_answered": float(np.mean([p.trusted for p in predictions])),
        "paths": dict(Counter(p.path for p in predictions)),
        "reasons": dict(Counter(p.reason for p in predictions if not p.trusted)),
        "seconds": float(np.median([p.seconds for p in predictions])),
        "calibration": calibration(found, kind),
    }


def errors(found: Sequence[Outcome], stage: Stage, kind: EvidenceKind = "both") -> tuple[Pairs, Pairs]:
    """Prediction minus truth: centre (fast, slow) in detector px, (pitch, yaw) in degrees; NaN for none."""
    centres, tilts = [], []
    for outcome in found:
        centre, tilt = _estimate(outcome, stage, kind)
        true_tilt = np.degrees([outcome.truth.pitch, outcome.truth.yaw])
        centres.append((centre - outcome.truth.beam_centre_px) * outcome.binning)
        tilts.append(tilt - true_tilt)
    return np.reshape(centres, (-1, 2)), np.reshape(tilts, (-1, 2))


def _estimate(outcome: Outcome, stage: Stage, kind: EvidenceKind) -> tuple[Vector2, Vector2]:
    """Centre in px of the image and tilt in degrees of one stage; NaN for none."""
    if stage == "constant":
        return np.array(outcome.shape[::-1]) / 2, np.zeros(2)
    prediction = outcome.predictions[kind]
    if stage == "network":
        return _pair(prediction.network_centre_px), _pair(prediction.network_tilt_deg)
    if stage == "answered":
        tilt = prediction.tilt_deg
        return _pair(prediction.beam_centre_px), _pair((tilt["pitch"], tilt["yaw"]) if tilt else None)
    if prediction.geometry is None:
        return _pair(None), _pair(None)
    geometry = prediction.geometry
    return _pair(geometry.beam_centre_px), np.degrees([geometry.pitch, geometry.yaw])


def _pair(value: tuple[float, float] | None) -> Vector2:
    return np.full(2, np.nan) if value is None else np.asarray(value, float)


def error_figures(centre: Pairs, tilt: Pairs) -> dict[str, float | int | None]:
    """Mean, median and 90th percentile of the distance between centres, and the mean error along an axis (the
    poster's L1), all px; mean error of each angle in degrees. None without predictions.
    """
    centre, tilt = (pairs[np.isfinite(pairs).all(axis=1)] for pairs in (centre, tilt))
    apart = np.linalg.norm(centre, axis=1)
    pitch, yaw = np.abs(tilt).T
    return {
        "count": len(centre),
        "centre_mean_px": _figure(np.mean, apart),
        "centre_median_px": _figure(np.median, apart),
        "centre_p90_px": _figure(lambda values: np.quantile(values, 0.9), apart),
        "centre_axis_px": _figure(np.mean, np.abs(centre)),
        "tilt_count": len(tilt),
        "pitch_deg": _figure(np.mean, pitch),
        "yaw_deg": _figure(np.mean, yaw),
    }


def _figure(function: Callable[[np.ndarray], Any], values: np.ndarray) -> float | None:
    """A statistic of the values; None without values."""
    return float(function(values)) if values.size else None


def calibration(found: Sequence[Outcome], kind: EvidenceKind = "both") -> dict[str, Any]:
    """Errors compared with their stated standard deviations.

    `rms`, `within` and `tilt_rms` are of errors over sigma, for trusted answers: 1 and (0.68, 0.95, 0.997)
    are ideal; `paths` has them for each kind of evidence, with the number of answers. `far_sigma` and
    `far_px` are the shares of trusted answers wrong by more than FAR_SIGMA and FAR_PX, `far` by one or the
    other. `coverage` has rows for growing shares of all stills, most certain first, with median, 90th
    percentile and largest error.
    """
    centre, tilt = errors(found, "answered", kind)
    predictions = [outcome.predictions[kind] for outcome in found]
    binning = np.array([outcome.binning for outcome in found])
    sigma = np.array([np.nan if p.sigma_px is None else p.sigma_px for p in predictions]) * binning
    tilt_sigma = np.array([_pair(p.tilt_sigma_deg) for p in predictions]).reshape(-1, 2)
    answered = np.isfinite(centre[:, 0])
    z, tilt_z = np.abs(centre / sigma[:, None]), np.abs(tilt / tilt_sigma)
    far_sigma = np.max(z[answered], axis=1) > FAR_SIGMA
    far_px = np.linalg.norm(centre[answered], axis=1) > FAR_PX
    decided = np.array([p.path for p in predictions])
    paths = sorted(set(decided[answered].tolist()))
    return {
        **_spread(z[answered], tilt_z[answered]),
        "paths": {
            path: _spread(z[answered & (decided == path)], tilt_z[answered & (decided == path)])
            for path in paths
        },
        "far_sigma": _figure(np.mean, far_sigma),
        "far_px": _figure(np.mean, far_px),
        "far": _figure(np.mean, far_sigma | far_px),
        "coverage": coverage(*errors(found, "refined", kind)[:1], sigma),
    }


def _spread(z: Pairs, tilt_z: Pairs) -> dict[str, Any]:
    """Root mean square of errors over their sigmas and shares within 1, 2 and 3 of them."""
    tilt_z = tilt_z[np.isfinite(tilt_z).all(axis=1)]
    return {
        "count": len(z),
        "rms": _figure(lambda v: np.sqrt(np.nanmean(v**2)), z),
        # For normal errors 0.683, 0.954 and 0.997.
        "within": [_figure(np.mean, z < limit) for limit in (1, 2, 3)],
        "tilt_rms": _figure(lambda v: np.sqrt(np.mean(v**2)), tilt_z),
    }


def coverage(centre: Pairs, sigma: Float[np.ndarray, " n"]) -> list[dict[str, float]]:
    """Errors in px of the most certain stills, for growing shares of all; without a sigma, never."""
    order = np.argsort(sigma)
    apart = np.linalg.norm(centre, axis=1)[order][np.isfinite(sigma[order])]
    apart = apart[np.isfinite(apart)]
    rows = []
    for share in np.linspace(0, 1, COVERAGE_STEPS + 1)[1:]:
        taken = apart[: round(share * len(sigma))]
        # The curve ends with the stills that have an estimate: errors of the others are not known.
        if round(share * len(sigma)) > len(apart) or not taken.size:
            continue
        median, p90 = np.quantile(taken, [0.5, 0.9])
        rows.append(
            {"coverage": float(share), "median_px": median, "p90_px": p90, "worst_px": float(taken.max())}
        )
    return rows


def draw_coverage(target: Path, evaluations: Sequence[dict[str, Any]]) -> None:
    """Draw each preset's 90th percentile and median error against the share of stills, as a PNG.

    Dotted lines mark the share of trusted answers.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, key, title in zip(panels, ("median_px", "p90_px"), ("median", "90th percentile"), strict=True):
        for evaluation in evaluations:
            result = evaluation["evidence"]["both"]
            rows = result["calibration"]["coverage"]
            points = [(row["coverage"], row[key]) for row in rows]
            if points:
                (line,) = axes.plot(*zip(*points, strict=True), ".-", label=evaluation["preset"])
                axes.axvline(result["share_answered"], color=line.get_color(), linestyle=":", linewidth=1)
        axes.set(xlabel="share of stills, most certain first", ylabel="centre error (px)", title=title)
        axes.set(yscale="log", xlim=(0, 1.02))
    panels[0].legend(fontsize=8)
    counts = ", ".join(f"{e['preset']} {e['count']}" for e in evaluations)
    figure.suptitle(f"Simulated stills, full frames: {counts}", fontsize=9)
    with written(target) as temporary:
        figure.savefig(temporary, dpi=90, format=target.suffix[1:] or "png")
