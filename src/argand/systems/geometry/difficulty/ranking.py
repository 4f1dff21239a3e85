"""Which images are hard, and what they have in common: a ranking, its explanation, pictures of the worst."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from argand.errors import ConfigError, InputError
from argand.io.atomic import make_folder, write_lines
from argand.io.dataset import StoredSamples
from argand.io.image import Frame
from argand.runs.course import Failure
from argand.runs.record import SCHEMA_VERSION, to_record
from argand.system import preset
from argand.systems.geometry.difficulty.contact_sheet import Tile, draw_sheet, make_tile
from argand.systems.geometry.difficulty.explanation import explain
from argand.systems.geometry.files.batch import BatchPredictor, FrameAnswer
from argand.systems.geometry.files.source import LIVE_SHARE, sample_frame
from argand.systems.geometry.presets import PRESETS
from argand.systems.geometry.refine.modular import flat_image
from argand.systems.geometry.simulate import simulate_still

logger = logging.getLogger(__name__)

SHOWN = 12
"""Images on the contact sheet of the hardest. By hand: three rows of four."""

_LABELS = ("image", "live", "shape", "beam_centre_px", "poni_px", "tilt_deg", "pixel_size_mm", "binning")

_AXES = {
    **dict.fromkeys(("image", "live"), 3),
    **dict.fromkeys(("shape", "beam_centre_px", "tilt_deg", "pixel_size_mm"), 2),
    **dict.fromkeys(("binning", "distance_mm", "wavelength"), 1),
}
"""Arrays of a set that are read here, and their number of axes; the first axis is the image."""


@dataclass(frozen=True)
class StillCase:
    """A simulated image to be judged; `binning` is detector px in one of its px."""

    name: str
    frame: Frame
    truth_px: tuple[float, float]
    parameters: dict[str, float]
    binning: int = 1


@dataclass(frozen=True)
class Judged:
    """The answer for an image. `error_px` and `sigma_px` in detector px; None without truth or estimate."""

    name: str
    trusted: bool
    reason: str
    error_px: float | None
    sigma_px: float | None
    parameters: dict[str, float]
    tile: Tile


def stored_count(path: Path) -> int:
    """How many images a simulated set has; InputError for one that is damaged or of another system."""
    with StoredSamples(path) as stored:
        system = stored.provenance.get("system")
        if system != "geometry":
            raise InputError(f"{path}: a data set of '{system}', not of geometry; give another")
        stored.require_whole()
        # An array whose link leads nowhere is None.
        axes = {name: getattr(array, "ndim", None) for name, array in stored.file.items()}
        wrong = next((name for name, count in _AXES.items() if axes.get(name) != count), None)
        if wrong is not None:
            raise InputError(f"{path}: a damaged data set (no valid '{wrong}'); make it again")
        return len(stored)


def stored_case(path: Path, index: int) -> StillCase:
    """Image number `index` of a simulated set, in its stored size (binned where the set is).

    Raises InputError for one with impossible numbers.
    """
    with StoredSamples(path) as stored:
        sample = stored[index]
    sizes = np.concatenate([sample["shape"], np.atleast_1d(sample["binning"])])
    numbers = [sample[name] for name in ("image", "beam_centre_px", "pixel_size_mm", "tilt_deg")]
    if not ((sizes >= 1).all() and all(np.isfinite(one).all() for one in numbers)):
        raise InputError(f"{path}: image {index} is damaged; make the set again")
    return _case(f"{path.stem} {index}", sample, index)


def preset_case(name: str, seed: int, index: int) -> StillCase:
    """Full frame number `index` of a preset, with its parameters."""
    system: Any = preset(name, PRESETS)
    # The parameters are those of the binned image: a still is the same at every binning.
    sample = system.simulate(index, seed)
    still, counts, live, _ = simulate_still(replace(system.stills, binning=1), index, seed)
    sample |= {"image": counts, "live": live, "shape": np.array(counts.shape), "binning": np.array(1)}
    sample["beam_centre_px"] = np.array(still.geometry.beam_centre_px)
    sample["pixel_size_mm"] = np.array(still.geometry.pixel_size_mm)
    return _case(f"{name} {index}", sample, index)


def _case(name: str, sample: dict[str, np.ndarray], index: int) -> StillCase:
    """A simulated sample with its truth and its parameters."""
    frame = sample_frame(sample, name, index)
    centre = sample["beam_centre_px"]
    binning = int(sample["binning"])
    return StillCase(name, frame, (float(centre[0]), float(centre[1])), parameters_of(sample), binning)


def parameters_of(sample: dict[str, np.ndarray]) -> dict[str, float]:
    """The parameters of a sample, one number each; NaN, which stands for "none", becomes 0."""
    binning = float(sample["binning"])
    side = sample["shape"][::-1] * binning
    found = {name: value for name, value in sample.items() if name not in _LABELS}
    found |= {
        "pixel_size_mm": sample["pixel_size_mm"][0] / binning,
        "detector_side_px": side.max(),
        "tilt_deg": np.hypot(*sample["tilt_deg"]),
        "centre_off_middle_px": np.hypot(*(sample["beam_centre_px"] * binning - side / 2)),
        "masked_share": 1.0
        - (sample["live"][: int(sample["shape"][0]), : int(sample["shape"][1])] > LIVE_SHARE).mean(),
    }
    return {name: float(np.nan_to_num(value)) for name, value in found.items()}


def judge_simulated(case: StillCase, predictor: BatchPredictor) -> Judged:
    """Predict one simulated image and compare with the truth; a failure counts as no estimate."""
    found = error_px = sigma_px = None
    trusted = False
    try:
        prediction = predictor.predict_frame(case.frame)
        trusted, reason = prediction.trusted, prediction.reason
        found = prediction.geometry.beam_centre_px if prediction.geometry else None
        sigma_px = None if prediction.sigma_px is None else prediction.sigma_px * case.binning
    except Exception as error:
        logger.debug("%s", case.name, exc_info=True)
        reason = Failure.of(case.name, error).text
    if found is not None:
        error_px = float(np.hypot(*np.subtract(found, case.truth_px))) * case.binning
    told = "no estimate" if error_px is None else f"{error_px:.3g} px" + ("" if trusted else ", not trusted")
    tile = make_tile(
        case.frame.data, case.frame.mask, f"{case.name}: {told}", case.truth_px, found, not trusted
    )
    return Judged(case.name, trusted, reason, error_px, sigma_px, case.parameters, tile)


def judge_real(answer: FrameAnswer) -> Judged:
    """One real image with its measurable parameters; the header's centre is drawn in place of the truth."""
    frame, prediction = flat_image(answer.frame), answer.prediction
    live = frame.data[frame.mask]
    parameters = {
        "spots": float(prediction.spots),
        "indexed": float(prediction.indexed),
        "counts_per_px": float(live.mean()) if live.size else 0.0,
        "empty_share": float((live <= frame.pedestal).mean()) if live.size else 1.0,
        "masked_share": float(1.0 - frame.mask.mean()),
        "distance_mm": frame.distance_mm or 0.0,
        "wavelength": frame.wavelength or 0.0,
    }
    name = Path(frame.path).name + (f" #{frame.index}" if frame.index else "")
    found = prediction.geometry.beam_centre_px if prediction.geometry else None
    sigma = "not trusted" if not prediction.trusted else f"± {prediction.sigma_px or 0:.2f} px"
    title, header = f"{name}: {sigma}", prediction.header_beam_centre_px
    tile = make_tile(frame.data, frame.mask, title, header, found, not prediction.trusted)
    return Judged(name, prediction.trusted, prediction.reason, None, prediction.sigma_px, parameters, tile)


def hardness(judged: Judged, by: str) -> float:
    """Error or sigma in px; infinite where there is none."""
    value = judged.error_px if by == "error" else judged.sigma_px
    if value is None or not np.isfinite(value):
        return np.inf
    return value


def rank(cases: Sequence[Judged], by: str) -> list[Judged]:
    """Hardest first, by error; by sigma, images without a trusted answer come first."""
    return sorted(
        cases, key=lambda case: (by == "sigma" and not case.trusted, hardness(case, by)), reverse=True
    )


def report(cases: Sequence[Judged], by: str, source: str) -> dict[str, Any]:
    """The ranking and its explanations as plain values: `hard.json`."""
    ranked = rank(cases, by)
    values = np.array([hardness(case, by) for case in ranked])
    names = ranked[0].parameters
    columns = {name: np.array([case.parameters[name] for case in ranked]) for name in names}
    return to_record(
        {
            "schema_version": SCHEMA_VERSION,
            "source": source,
            "ranked_by": by,
            "count": len(ranked),
            "median_px": float(np.median(values)),
            "abstained": sum(not case.trusted for case in ranked),
            "explanations": [vars(one) for one in explain(columns, values)],
            "ranking": [_entry(case) for case in ranked],
        }
    )


def _entry(case: Judged) -> dict[str, Any]:
    told = {"name": case.name, "error_px": case.error_px, "sigma_px": case.sigma_px}
    told |= {"trusted": case.trusted, "reason": case.reason, "parameters": case.parameters}
    return told | {"reliable": case.trusted}


def write_report(folder: Path, cases: Sequence[Judged], by: str, source: str) -> dict[str, Any]:
    """Write `hard.json` and `hard.png`, the contact sheet of the worst; returns the report.

    Raises ConfigError when there are no images.
    """
    if not cases:
        raise ConfigError(f"{source}: no image has an answer; there is nothing to rank")
    make_folder(folder)
    told = report(cases, by, source)
    write_lines(folder / "hard.json", [json.dumps(told, indent=2, allow_nan=False)])
    worst = [case.tile for case in rank(cases, by)[:SHOWN]]
    marks = "× truth" if by == "error" else "× header"
    draw_sheet(folder / "hard.png", worst, f"The hardest of {len(cases)} ({marks}, + found)")
    return told
