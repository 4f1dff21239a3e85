"""Beam centre, tilt and distance from simulated and real powder rings.

    python benchmarks/geometry_rings.py --data FOLDER --json benchmarks/results/geometry_rings.json

Simulated images (`ring_images.py`) have the seed on which limits were chosen in one column and the seed of
what is reported in the other; their headers' distance is wrong by up to 2 %, and where the powder is one of
the calibrants its name is given. FOLDER holds the real image of CeO2, which is answered at several stated
distances; pyFAI, where it is installed, refines it from the true centre, upright, at each of them. Both the
choice of limits and the report have seen that image: there is no second one.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from report import as_table, write_report
from rich.console import Console
from rich.progress import track
from ring_images import KINDS, RingImage, draw

from argand.io.image import Frame, read_frame
from argand.physics.still.detector import BeamGeometry
from argand.systems.geometry.evaluate import CHOICE_SEED, EVALUATION_SEED, FAR_PX, FAR_SIGMA
from argand.systems.geometry.predict import Predictor, load
from argand.systems.geometry.refine.options import Options
from argand.systems.geometry.refine.prediction import Prediction

STATED_ERROR = 0.02
"""Largest relative error of the distance that a simulated header states."""
REAL = "CeO2_Pilatus1M.tif.bz2"
"""The real image, in FOLDER."""
REAL_CENTRE, REAL_TILT, REAL_DISTANCE, REAL_WAVELENGTH = (487.26, 530.45), 1.083, 208.688, 0.4066
"""Its truth: centre in px, angle of the tilt in degrees, distance along the beam in mm, and wavelength in Å,
from the pyFAI refinement that comes with it."""
STATED = (200.0, 202.0, 205.0, 207.0, 208.65, 210.0, 211.43, 213.0)
"""Distances in mm that it is answered at; the header says 211.43."""
HEADINGS = {
    "kind": "rings",
    "images": "n",
    "answered": "answered",
    "median_px": "median",
    "p90_px": "90 %",
    "constant_px": "middle",
    "network_px": "network",
    "normalised": "error/σ",
    "wrong": "wrong",
    "tilt_measured": "tilt",
    "tilt_p90_deg": "90 % °",
    "tilt_normalised": "error/σ",
    "distance_found": "dist.",
    "distance_p90": "90 % ‰",
    "distance_normalised": "error/σ",
}
REAL_HEADINGS = {
    "stated_mm": "stated mm",
    "answered": "answered",
    "error_px": "error px",
    "sigma_px": "± px",
    "tilt_deg": "tilt °",
    "named_error_px": "named: px",
    "named_tilt_deg": "tilt °",
    "named_distance_mm": "mm",
    "named_sigma_mm": "± mm",
    "pyfai_error_px": "pyFAI: px",
    "pyfai_tilt_deg": "tilt °",
    "pyfai_distance_mm": "mm",
}


def simulated_row(kind: str, found: Sequence[tuple[RingImage, Prediction]]) -> dict[str, Any]:
    """Figures of the images of one kind.

    Errors in px are distances of centres, those over sigma along an axis; `distance_p90` is in thousandths.
    """
    right = [(image.truth, answer) for image, answer in found if answer.trusted]
    error = np.reshape([centre_of(a) - t.beam_centre_px for t, a in right], (-1, 2))
    sigma = np.reshape([centre_sigma(a) for _, a in right], (-1, 2))
    far = np.hypot(*error.T)
    middle = [
        np.hypot(*np.subtract(i.truth.beam_centre_px, np.array(i.frame.shape[::-1]) / 2)) for i, _ in found
    ]
    network = [
        np.hypot(*np.subtract(a.network_centre_px, i.truth.beam_centre_px))
        for i, a in found
        if a.network_centre_px is not None
    ]
    wrong = (far > FAR_PX) | (np.abs(error / sigma) > FAR_SIGMA).any(axis=1)
    tilted = [(t, a) for t, a in right if a.tilt_measured]
    tilt = np.reshape([tilt_error(t, a) for t, a in tilted], (-1, 2))
    tilt_sigma = np.reshape([a.tilt_sigma_deg or (np.nan, np.nan) for _, a in tilted], (-1, 2))
    fitted = [
        (t, a.fitted_distance_mm, a.stretch_sigma)
        for t, a in right
        if a.fitted_distance_mm is not None and a.stretch_sigma is not None
    ]
    distance = np.array([mm / t.distance_mm - 1.0 for t, mm, _ in fitted])
    return {
        "kind": kind,
        "images": len(found),
        "answered": len(right) / len(found),
        "by_rings": sum(a.path == "rings" for _, a in right) / len(found),
        "median_px": quantile(far, 0.5),
        "p90_px": quantile(far, 0.9),
        "constant_px": float(np.median(middle)),
        "network_px": float(np.median(network)),
        "normalised": rms(error / sigma),
        "wrong": int(wrong.sum()),
        "tilt_measured": len(tilt) / max(len(right), 1),
        "tilt_p90_deg": quantile(np.hypot(*tilt.T), 0.9),
        "tilt_normalised": rms(tilt / tilt_sigma),
        "distance_found": len(distance),
        "distance_p90": quantile(np.abs(distance) * 1e3, 0.9),
        "distance_normalised": rms(distance / np.array([sigma for *_, sigma in fitted])),
        "reasons": dict(Counter(a.reason for _, a in found if not a.trusted)),
        "seconds": float(np.median([a.seconds for _, a in found])),
    }


def centre_of(answer: Prediction) -> np.ndarray:
    """The centre of a reliable answer, px."""
    assert answer.beam_centre_px is not None
    return np.array(answer.beam_centre_px)


def centre_sigma(answer: Prediction) -> np.ndarray:
    """Standard deviation of each coordinate, px."""
    if answer.covariance is None:
        assert answer.sigma_px is not None
        return np.full(2, answer.sigma_px)
    return np.sqrt(np.diag(answer.covariance)[:2])


def tilt_error(truth: BeamGeometry, answer: Prediction) -> np.ndarray:
    """Pitch and yaw minus the truth, degrees."""
    assert answer.geometry is not None
    return np.degrees([answer.geometry.pitch - truth.pitch, answer.geometry.yaw - truth.yaw])


def quantile(values: np.ndarray, share: float) -> float | None:
    """A quantile, or None of nothing."""
    return float(np.quantile(values, share)) if len(values) else None


def rms(values: np.ndarray) -> float | None:
    """Root mean square, or None of nothing."""
    return float(np.sqrt(np.mean(values**2))) if values.size else None


def simulated(predictor: Predictor, seed: int, count: int, console: Console) -> list[dict[str, Any]]:
    """A row for each kind, and one for all together."""
    rows, everything = [], []
    for kind in track(KINDS, f"seed {seed}", console=console, transient=True):
        found = []
        for index in range(count):
            image = draw(kind, index, seed, STATED_ERROR)
            found.append((image, predictor.predict_frame(image.frame, Options(calibrant=image.calibrant))))
        rows.append(simulated_row(kind, found))
        everything += found
    return [*rows, simulated_row("all", everything)]


def real(predictor: Predictor, data: Path) -> list[dict[str, Any]]:
    """The real image at each stated distance, without and with the calibrant's name, compared with pyFAI."""
    rows = []
    for stated in STATED:
        frame = replace(
            read_frame(data / REAL),
            pixel_size_mm=(0.172, 0.172),
            distance_mm=stated,
            wavelength=REAL_WAVELENGTH,
        )
        plain = predictor.predict_frame(frame)
        named = predictor.predict_frame(frame, Options(calibrant="CeO2"))
        rows.append(
            {
                "stated_mm": stated,
                "answered": plain.trusted,
                "reason": plain.reason,
                "error_px": centre_error(plain),
                "sigma_px": plain.sigma_px,
                "tilt_deg": angle(plain),
                "named_error_px": centre_error(named),
                "named_tilt_deg": angle(named),
                "named_distance_mm": named.fitted_distance_mm,
                "named_sigma_mm": named.stretch_sigma and named.stretch_sigma * stated,
                **pyfai(frame, stated),
            }
        )
    return rows


def centre_error(answer: Prediction) -> float | None:
    """Distance of a reliable centre from the truth, px."""
    found = answer.beam_centre_px
    return None if found is None else float(np.hypot(*np.subtract(found, REAL_CENTRE)))


def angle(answer: Prediction) -> float | None:
    """Angle between beam and normal, degrees, where it was measured."""
    return float(np.degrees(answer.geometry.tilt)) if answer.tilt_deg and answer.geometry else None


def pyfai(frame: Frame, stated: float) -> dict[str, Any]:
    """pyFAI's refinement of centre, tilt and distance from the true centre, upright, at the stated distance.

    Control points are extracted and refined twice, as its users do; empty where it is not installed.
    """
    try:
        from pyFAI.calibrant import get_calibrant
        from pyFAI.detectors import Detector
        from pyFAI.geometry import Geometry
        from pyFAI.goniometer import SingleGeometry
    except ImportError:
        return {}
    powder = get_calibrant("CeO2")
    powder.wavelength = REAL_WAVELENGTH * 1e-10
    detector = Detector(0.172e-3, 0.172e-3, max_shape=frame.shape)
    detector.mask = ~frame.mask
    start = Geometry(detector=detector, wavelength=powder.wavelength)
    start.setFit2D(stated, *REAL_CENTRE, tilt=0, tiltPlanRotation=0)
    single = SingleGeometry("CeO2", frame.data, calibrant=powder, detector=detector, geometry=start)
    single.extract_cp(max_rings=12)
    single.geometry_refinement.refine2(fix=["rot3", "wavelength"])
    single.extract_cp(max_rings=12)
    single.geometry_refinement.refine2(fix=["rot3", "wavelength"])
    found = single.geometry_refinement.getFit2D()
    centre = (found["centerX"], found["centerY"])
    return {
        "pyfai_error_px": float(np.hypot(*np.subtract(centre, REAL_CENTRE))),
        "pyfai_centre_px": [float(value) for value in centre],
        "pyfai_tilt_deg": float(abs(found["tilt"])),
        "pyfai_distance_mm": float(found["directDist"]),
    }


def main(
    data: Annotated[Path | None, typer.Option(help="Folder with the real image")] = None,
    count: Annotated[int, typer.Option(help="Simulated images of each kind and seed")] = 10,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well")] = None,
    weights: Annotated[Path | None, typer.Option(help="Weights in place of argand's own")] = None,
) -> None:
    """Print what the rings gave for each kind of simulated image on both seeds, and for the real image."""
    predictor, console = load(weights), Console(width=120)
    report: dict[str, Any] = {}
    for name, seed in (("chosen on", CHOICE_SEED), ("reported on", EVALUATION_SEED)):
        rows = simulated(predictor, seed, count, console)
        report[name.replace(" ", "_")] = {"seed": seed, "rows": rows}
        console.print(as_table(f"Simulated rings, {name} seed {seed}", rows, HEADINGS), "")
    if data is not None:
        report["real"] = real(predictor, data)
        console.print(as_table("CeO2 at stated distances", report["real"], REAL_HEADINGS))
    if json_file:
        write_report(json_file, report)


if __name__ == "__main__":
    typer.run(main)
