"""How fast stills are simulated, and how like real ones those of the preset `realistic` are.

    python benchmarks/geometry_simulator.py [--data FOLDER] [--json simulator.json]

FOLDER holds real images and truth.csv; without it only the simulated ranges are printed.
"""

import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from report import as_table, read_truth, write_report
from rich.console import Console
from rich.progress import track

from argand.io.image import read_frame
from argand.machine import keep_freed_memory
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.spot import Spots, find_spots
from argand.physics.still.still import expose
from argand.systems.geometry.presets import PRESETS
from argand.systems.geometry.simulate import draw_still, simulate_still

SHELLS = np.array([0.06, 0.1, 0.15, 0.2, 0.24, 0.28, 0.34, 0.4])
"""Edges of the resolution shells in 1/Å over which the background is compared."""
HALF = 7
"""Half the side in px of the patch that a spot's width is measured on."""


@dataclass(frozen=True)
class Picture:
    """Counts, live pixels and geometry of an image, simulated or real."""

    counts: np.ndarray
    live: np.ndarray
    geometry: BeamGeometry


def take_some(first: int, count: int) -> float:
    """Simulate stills `first` to `first` + `count` - 1 of the preset `standard`; returns seconds of CPU."""
    keep_freed_memory()
    start = time.process_time()
    for index in range(first, first + count):
        simulate_still(PRESETS["standard"].stills, index, 0)
    return time.process_time() - start


def measure_speed(processes: int, count: int) -> dict[str, Any]:
    """Rate at 820x820 in so many processes; starting them is not counted.

    The rate by CPU time is what one undisturbed core does, whatever else the machine is busy with.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context) as pool:
        list(pool.map(take_some, range(processes), [2] * processes))
        start = time.perf_counter()
        busy = sum(pool.map(take_some, range(0, count * processes, count), [count] * processes))
        seconds = time.perf_counter() - start
    made = count * processes
    return {"processes": processes, "images/s": made / seconds, "images per CPU second": made / busy}


def simulated_picture(index: int, detectors: tuple[str, ...]) -> Picture:
    """A still of `realistic` on the detector's own pixels."""
    rng = np.random.default_rng([0, index])
    still = draw_still(replace(PRESETS["realistic"].stills, detectors=detectors), rng).unbinned()
    counts, live, _ = expose(still, rng)
    return Picture(counts, live > 0.95, still.geometry)


def real_pictures(folder: Path) -> dict[str, Picture]:
    """Images of counting detectors that the beam meets head-on, by the name of their file."""
    pictures = {}
    for row in read_truth(folder / "truth.csv"):
        if not row["detector"].startswith("PILATUS") or float(row["tilt_deg"] or 0) > 5:
            continue
        frame = read_frame(folder / row["file"])
        centre = float(row["beam_x_px"]), float(row["beam_y_px"])
        pixel = float(row["pixel_mm"])
        geometry = BeamGeometry(centre, float(row["distance_mm"]), float(row["wavelength_A"]), (pixel, pixel))
        pictures[row["file"]] = Picture(np.asarray(frame.data, np.float32), frame.mask, geometry)
    return pictures


def describe(picture: Picture) -> dict[str, float]:
    """The statistics that are compared; NaN for those that an image has too little of.

    The shells are 0.06 to 0.1 over 0.28 to 0.34 /Å, and 0.24 to 0.28 (the water ring) over 0.2 to 0.24.
    """
    spots, clean = find_spots(picture.counts, picture.live)
    profile = background_profile(picture, clean)
    known = profile[np.isfinite(profile) & (profile > 0)]
    return {
        "photons/mm²": float(np.median(known)) if len(known) else np.nan,
        "inner over outer shell": float(profile[0] / profile[5]) if profile[5] > 0 else np.nan,
        "ring over its foot": float(profile[4] / profile[3]) if profile[3] > 0 else np.nan,
        "spots": float(len(spots)),
        "spot width, mm": spot_width_mm(picture, spots),
        "ln intensity, std": log_spread(spots),
    }


def background_profile(picture: Picture, clean: np.ndarray) -> np.ndarray:
    """Mean photons per mm² in each resolution shell, spots left out; NaN where no pixel is."""
    shape = picture.counts.shape
    two_theta = picture.geometry.two_theta(picture.geometry.pixel_centres(shape)[::2, ::2])
    s = 2 * np.sin(two_theta / 2) / picture.geometry.wavelength
    counts, clean = picture.counts[::2, ::2], clean[::2, ::2]
    shell = np.digitize(s[clean], SHELLS) - 1
    inside = (shell >= 0) & (shell < len(SHELLS) - 1)
    total = np.bincount(shell[inside], counts[clean][inside], minlength=len(SHELLS) - 1)
    number = np.bincount(shell[inside], minlength=len(SHELLS) - 1)
    area = picture.geometry.pixel_size_mm[0] * picture.geometry.pixel_size_mm[1]
    return np.where(number > 500, total / np.maximum(number, 1) / area, np.nan)


def spot_width_mm(picture: Picture, spots: Spots) -> float:
    """Median full width at half maximum of the strongest spots, from second moments on their patches."""
    widths = []
    distance2 = np.arange(-HALF, HALF + 1) ** 2
    for fast, slow in np.floor(spots.px[:300]).astype(int):
        window = np.s_[slow - HALF : slow + HALF + 1, fast - HALF : fast + HALF + 1]
        patch = picture.counts[window]
        if patch.shape != (2 * HALF + 1,) * 2 or not picture.live[window].all():
            continue
        patch = np.where(patch > 3 * np.median(patch) + 2, patch - np.median(patch), 0.0)
        if patch.sum() > 100 and np.count_nonzero(patch) > 3:
            moment = (patch.sum(axis=0) @ distance2 + patch.sum(axis=1) @ distance2) / patch.sum() / 2
            widths.append(np.sqrt(8 * np.log(2) * moment) * picture.geometry.pixel_size_mm[0])
    return float(np.median(widths)) if len(widths) >= 3 else np.nan


def log_spread(spots: Spots) -> float:
    """Standard deviation of the logarithm of the intensities; NaN for fewer than 20 spots."""
    return float(np.log(spots.counts).std()) if len(spots) >= 20 else np.nan


def compare(simulated: list[dict[str, float]], real: dict[str, dict[str, float]]) -> list[dict[str, Any]]:
    """For each statistic the simulated 5, 50 and 95 %, the real range, and how much of it is inside."""
    rows = []
    for name in simulated[0]:
        values = np.array([one[name] for one in simulated])
        low, middle, high = np.nanpercentile(values, [5, 50, 95])
        row = {"statistic": name, "simulated 5 %": low, "50 %": middle, "95 %": high}
        row |= dict.fromkeys(("real least", "most", "share inside"))
        measured = np.array([one[name] for one in real.values()])
        measured = measured[np.isfinite(measured)]
        if len(measured):
            inside = np.mean((measured >= low) & (measured <= high))
            row |= {"real least": measured.min(), "most": measured.max(), "share inside": inside}
        rows.append(
            {key: float(value) if isinstance(value, np.floating) else value for key, value in row.items()}
        )
    return rows


def main(
    data: Annotated[Path | None, typer.Option(help="Folder with real images and truth.csv")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well")] = None,
    images: Annotated[int, typer.Option(help="Images to time in one process")] = 60,
    stills: Annotated[int, typer.Option(help="Simulated full frames to compare with")] = 40,
) -> None:
    """Print images a second, then the statistics of simulated and real images side by side."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    console = Console()
    speed = [measure_speed(processes, images) for processes in (1, 2)]
    console.print(as_table("Simulated images of 820x820", speed))
    detectors = ("pilatus-6m", "pilatus-2m")
    numbers = track(range(stills), "Simulated", console=console, transient=True)
    simulated = [describe(simulated_picture(index, detectors)) for index in numbers]
    pictures = real_pictures(data) if data else {}
    real = {name: describe(picture) for name, picture in pictures.items()}
    rows = compare(simulated, real)
    console.print(as_table("Stills of the preset realistic and real ones", rows))
    if json_file:
        write_report(json_file, {"speed": speed, "statistics": rows, "real": real})


if __name__ == "__main__":
    typer.run(main)
