"""How well the position of a detector of many panels is found on simulated stills, all panels together.

    python benchmarks/geometry_panels.py --count 20 --json FILE
    python benchmarks/geometry_panels.py --spots --count 4

Five kinds of detector stand crooked as their geometry files say, and are then moved as a whole by a shift, a
tilt and a distance that no file knows. Beside the answer stand two others: the geometry file as it is
("header"), and the panels laid flat, to whole pixels, and answered as one flat image ("flat").
What was chosen was chosen on stills of CHOICE_SEED; those of EVALUATION_SEED are reported. A detector that is
measured again replaces its figures in the JSON file. With --spots: what finding spots on the assembled image
loses against finding them on each panel.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from report import as_table, write_report
from rich.console import Console
from rich.progress import track
from scipy.spatial import KDTree

from argand.io.image import Frame, with_panels
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.modular import PanelSet, RigidMotion
from argand.physics.still.modular_layout import LAYOUTS, Drawn
from argand.physics.still.modular_still import expose_panels
from argand.physics.still.projection import plane_of
from argand.physics.still.spot import find_spots
from argand.systems.geometry.evaluate import CHOICE_SEED, EVALUATION_SEED, FAR_PX, FAR_SIGMA
from argand.systems.geometry.predict import Predictor, load
from argand.systems.geometry.presets import REALISTIC
from argand.systems.geometry.refine.modular import assembled
from argand.systems.geometry.refine.prediction import Prediction
from argand.systems.geometry.simulate import draw_still

STILLS = replace(
    REALISTIC,
    detectors=("pilatus-6m",),
    wavelength=(0.9, 1.4),
    photons_per_mm2=(30.0, 3000.0),
    spot_scale=(500.0, 5e4),
    powder_share=0.05,
    blank_share=0.0,
)
"""What is exposed: `realistic`, without what has neither spots nor rings."""
BINNING = {"jungfrau-4m": 2, "pilatus-12m": 2}
"""Pixels taken together, to save time; one elsewhere."""
SHIFT_MM, TILT_DEG, STRETCH = 2.0, 0.3, 0.003
"""The whole detector moves by up to so many mm along x and y, and by normal tilts and relative distances of
these standard deviations. By hand: as far as headers of real beamlines are wrong, and further."""
DISTANCE_MM = (100.0, 250.0)
"""Log-uniform; the cylinder has its own radius of 250 mm."""
SEEDS = {"chosen on": CHOICE_SEED, "reported": EVALUATION_SEED}


@dataclass(frozen=True)
class Moved:
    """A raw frame with panels displaced from `nominal` to the plane of `truth`."""

    frame: Frame
    true: PanelSet
    truth: BeamGeometry


def moved_detector(name: str, index: int, seed: int) -> Moved:
    """Still number `index` of a kind of detector."""
    rng = np.random.default_rng([seed, list(LAYOUTS).index(name), index])
    low, high = np.log(DISTANCE_MM)
    distance = 250.0 if name == "pilatus-12m" else float(np.exp(rng.uniform(low, high)))
    drawn = LAYOUTS[name](rng, distance, BINNING.get(name, 1))
    still = draw_still(replace(STILLS, distance_mm=(distance, distance)), rng)
    upright = plane_of(drawn.panels).geometry(still.geometry.wavelength)
    fast, slow = upright.beam_centre_px + rng.uniform(-SHIFT_MM, SHIFT_MM, 2) / upright.pixel_size_mm
    pitch, yaw = np.radians(rng.normal(0, TILT_DEG, 2))
    truth = replace(
        upright.with_centre((fast, slow)),
        distance_mm=upright.distance_mm * (1 + rng.normal(0, STRETCH)),
        pitch=float(pitch),
        yaw=float(yaw),
    )
    true = drawn.panels.moved(RigidMotion.to_geometry(upright, truth))
    return Moved(raw_frame(f"{name}-{index}", drawn, expose_panels(still, true, rng), truth), true, truth)


def raw_frame(name: str, drawn: Drawn, images: list[np.ndarray], truth: BeamGeometry) -> Frame:
    """A frame as a file has it: the raw array, and panels where the geometry file says."""
    data = np.zeros((int(np.prod(drawn.raw_shape[:-1])), drawn.raw_shape[-1]), np.float32)
    mask = np.zeros(data.shape, bool)
    for place, image in zip(drawn.panels.places(drawn.raw_shape), images, strict=True):
        data[place], mask[place] = image, True
    frame = Frame(name, 0, data, mask, wavelength=truth.wavelength, raw_shape=drawn.raw_shape)
    return with_panels(frame, drawn.panels)


def laid_flat(frame: Frame) -> Frame:
    """The panels placed on whole pixels of one flat image, without their rotations out of the plane."""
    assert frame.panels is not None
    plane = plane_of(frame.panels)
    data, mask = np.zeros(plane.shape, np.float32), np.zeros(plane.shape, bool)
    for panel, place in zip(frame.panels.panels, frame.panels.places(frame.raw_shape), strict=True):
        slow, fast = np.indices(panel.shape) + 0.5
        lab = panel.lab_from_px(np.stack([fast, slow], axis=-1))[..., :2]
        at = np.floor(lab / plane.pixel_size_mm + plane.beam_px).astype(int)
        inside = np.all((at >= 0) & (at < plane.shape[::-1]), axis=-1)
        rows, columns = at[inside].T[::-1]
        data[rows, columns], mask[rows, columns] = frame.data[place][inside], True
    return replace(frame, data=data, mask=mask, panels=None)


def judged(moved: Moved, prediction: Prediction) -> dict[str, Any]:
    """Errors of one answer: centre in px, tilts in degrees, distance in %, corners of all panels in mm."""
    geometry, truth = prediction.geometry, moved.truth
    assert geometry is not None
    centre = np.subtract(geometry.beam_centre_px, truth.beam_centre_px)
    row: dict[str, Any] = {
        "answered": prediction.trusted,
        "evidence": prediction.path,
        "centre_px": float(np.hypot(*centre)),
        "sigma": float(np.abs(centre).max() / (prediction.sigma_px or np.inf)),
        "seconds": prediction.seconds,
    }
    if prediction.tilt_measured:
        row["tilt_deg"] = float(np.degrees(np.hypot(geometry.pitch - truth.pitch, geometry.yaw - truth.yaw)))
    if prediction.fitted_distance_mm:
        row["distance_percent"] = 100 * abs(prediction.fitted_distance_mm / truth.distance_mm - 1)
    if prediction.panels is not None and prediction.stated_geometry is not None:
        upright = plane_of(prediction.panels).geometry(truth.wavelength)
        # The answer keeps the distance that was given; its error is another matter.
        found = replace(prediction.stated_geometry, distance_mm=truth.distance_mm)
        panels = prediction.panels.moved(RigidMotion.to_geometry(upright, found))
        row["panels_px"] = corner_error_px(panels, moved.true)
    return row


def corner_error_px(found: PanelSet, true: PanelSet) -> float:
    """Root mean square distance of all corners from where they are, as seen from the sample, px."""
    plane = plane_of(true)
    apart = [
        plane.px_from_lab(a.corners_mm()) - plane.px_from_lab(b.corners_mm())
        for a, b in zip(found.panels, true.panels, strict=True)
    ]
    return float(np.sqrt(np.mean(np.sum(np.square(apart), axis=-1))))


def figures(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Shares and errors of one kind of detector: medians and 90th percentiles of those answered."""
    answers = [row["panels"] for row in rows]
    good = [row for row in answers if row["answered"]]
    flat = [row["flat"] for row in rows]
    far = [row for row in good if row["sigma"] > FAR_SIGMA or row["centre_px"] > FAR_PX]
    return {
        "stills": len(rows),
        "header_px": float(np.median([row["header_px"] for row in rows])),
        "answered": len(good) / len(rows),
        "wrong": len(far),
        **{
            key: _percentiles(good, key) for key in ("centre_px", "panels_px", "tilt_deg", "distance_percent")
        },
        "rms_sigma": float(np.sqrt(np.mean([row["sigma"] ** 2 for row in good]))) if good else None,
        "flat_answered": float(np.mean([row["answered"] for row in flat])),
        "flat_centre_px": _percentiles([row for row in flat if row["answered"]], "centre_px"),
        "flat_wrong": sum(
            row["answered"] and (row["sigma"] > FAR_SIGMA or row["centre_px"] > FAR_PX) for row in flat
        ),
        "seconds": float(np.median([row["seconds"] for row in answers])),
    }


def _percentiles(rows: list[dict[str, Any]], key: str) -> list[float] | None:
    values = [row[key] for row in rows if key in row]
    return [float(v) for v in np.quantile(values, (0.5, 0.9))] if values else None


def measure(predictor: Predictor, name: str, count: int, seed: int, console: Console) -> dict[str, Any]:
    """Figures of one kind of detector."""
    rows = []
    for index in track(range(count), name, console=console, transient=True):
        moved = moved_detector(name, index, seed)
        header, truth = moved.frame.header_beam_centre_px, moved.truth.beam_centre_px
        assert header is not None
        row: dict[str, Any] = {"header_px": float(np.hypot(*np.subtract(truth, header)))}
        row["panels"] = judged(moved, predictor.predict_frame(moved.frame))
        row["flat"] = judged(moved, predictor.predict_frame(laid_flat(moved.frame)))
        rows.append(row)
    return figures(rows) | {"rows": rows}


def spot_loss(name: str, count: int) -> dict[str, Any]:
    """Spots found on raw panels and on the assembled image, and how far apart (px of the plane)."""
    on_panels = on_plane = 0
    apart = []
    for index in range(count):
        frame = moved_detector(name, index, CHOICE_SEED).frame
        assert frame.panels is not None
        plane, found = plane_of(frame.panels), []
        for panel, place in zip(frame.panels.panels, frame.panels.places(frame.raw_shape), strict=True):
            image = frame.data[place]
            found.append(plane.px_from_lab(panel.lab_from_px(find_spots(image, image >= 0)[0].px)))
        flat = assembled(frame, frame.panels)
        seen = find_spots(flat.data, flat.mask)[0].px
        distance, _ = KDTree(np.concatenate(found)).query(seen, distance_upper_bound=2.0)
        apart += distance[np.isfinite(distance)].tolist()
        on_panels, on_plane = on_panels + len(np.concatenate(found)), on_plane + len(seen)
    near, far = np.quantile(apart, (0.5, 0.9))
    return {
        "detector": name,
        "on panels": on_panels,
        "on the plane": on_plane,
        "median px apart": float(near),
        "90 %": float(far),
    }


def main(
    count: Annotated[int, typer.Option(help="Stills of each kind of detector and seed")] = 20,
    detector: Annotated[list[str] | None, typer.Option(help="Only this one; may be repeated")] = None,
    spots: Annotated[bool, typer.Option("--spots", help="Compare spots alone")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well")] = None,
) -> None:
    """Print errors for each kind of detector, on the stills that were looked at and on fresh ones."""
    console = Console()
    if spots:
        console.print(as_table("spots", [spot_loss(name, count) for name in detector or LAYOUTS]))
        return
    predictor = load()
    report: dict[str, Any] = {}
    if json_file and json_file.is_file():
        report = json.loads(json_file.read_text(encoding="utf-8"))["detectors"]
    for name in detector or LAYOUTS:
        report[name] = {what: measure(predictor, name, count, seed, console) for what, seed in SEEDS.items()}
        if json_file:
            write_report(json_file, {"count": count, "detectors": report})
    for what in SEEDS:
        rows = [{"detector": name} | _shown(report[name][what]) for name in report]
        console.print(as_table(f"{what}: median and 90th percentile", rows))


def _shown(result: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in result.items() if key != "rows"}


if __name__ == "__main__":
    typer.run(main)
