"""The poster's networks, and its figures 9, 10 and 11 again, by Lin et al.

    python benchmarks/geometry_published.py train --only standard-resnet18-adamw
    python benchmarks/geometry_published.py measure --data FOLDER

`train` trains the runs with the given words in their name, all by default, each in some ten minutes of a
core; a run that was stopped goes on, a finished one is left alone. `measure` tries them on stills of a seed
that nothing was chosen on, each also on the sets that it was not trained on and on real images (FOLDER holds
them and truth.csv; its first image is the one with the crosses), and draws the figures. The stills are those
of the presets on coarse pixels (102x102 for 820x820), two to a side of which are summed for the network
(51x51): the background that these networks read is smooth, and small images leave time for more steps.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
import typer
from geometry_published_figures import (
    RealImage,
    draw_actual_against_predicted,
    draw_loss_curves,
    draw_tilt_curves,
)
from report import as_table, read_truth, write_report
from rich.console import Console
from rich.progress import track
from torch import nn

from argand.io.image import read_frame
from argand.io.weights import load_weights, restore
from argand.learn.device import hardware
from argand.learn.log import read_log
from argand.learn.train import train
from argand.physics.still.spot import block_sum
from argand.systems.geometry.evaluate import EVALUATION_SEED
from argand.systems.geometry.presets import PRESETS
from argand.systems.geometry.published.regression import CENTRE_UNIT, published_predict
from argand.systems.geometry.system import Geometry

BINNING, SHRINK = 24, 2
BATCH, REPLAY = 32, 2
TRAINING_SEED = 1
FULL_SIDE = 2460
"""Full-detector px on a side of the window that the presets cut out, from the first pixel on."""
SIDE = FULL_SIDE // BINNING
"""Pixels on a side of a still; what is left of the window at its far edges is not binned."""
POSTER_SHRINK = 3
"""Full-detector px to a px of the poster's images of 820x820."""
RATES = {"adamw": 1e-3, "sgd": 1e-2}
"""Learning rates. That of AdamW was tried before on these sets; that of SGD is by hand, the poster's
range."""


@dataclass(frozen=True)
class Run:
    """One network to train: from which preset, with which optimiser, for how many steps of BATCH images."""

    preset: str
    network: str
    optimiser: Literal["adamw", "sgd"]
    steps: int

    @property
    def name(self) -> str:
        """Name of the run's folder."""
        return f"{self.preset}-{self.network}-{self.optimiser}"

    @property
    def system(self) -> Geometry:
        """The preset's stills on coarse pixels, and the poster's way to learn from them."""
        return Geometry(
            stills=replace(PRESETS[self.preset].stills, binning=BINNING),
            network_name=self.network,
            target="both",
            shrink=SHRINK,
            optimiser_name=self.optimiser,
            learning_rate=RATES[self.optimiser],
        )


STANDARD = Run("standard", "resnet18", "adamw", 12000)
STANDARD_SGD = Run("standard", "resnet18", "sgd", 2000)
FLAT = Run("flat-background", "resnet18", "adamw", 800)
VARIED = Run("varied-distance", "resnet18", "adamw", 1500)
DEEPER = [Run("standard", "resnet34", "adamw", 1200), Run("standard", "resnet50", "adamw", 900)]
RUNS = [VARIED, FLAT, STANDARD_SGD, *DEEPER, STANDARD]
ELSEWHERE = ("standard", "varied-distance", "flat-background", "realistic")
"""The sets that each network is tried on, its own among them."""


def train_run(run: Run, folder: Path) -> None:
    """Train, or go on with a run that was stopped; a finished one is left as it is."""
    train(
        run.system,
        folder,
        max_time=None,
        max_steps=run.steps,
        batch_size=BATCH,
        seed=TRAINING_SEED,
        workers=0,
        accelerator="cpu",
        resume=(folder / "last.ckpt").exists(),
        val_count=256,
        val_every_steps=250,
        replay=REPLAY,
        average=True,
        quiet=True,
    )


def trained_network(run: Run, folder: Path) -> nn.Module:
    """The network of a run that did best in validation, in evaluation mode."""
    state, _ = load_weights(folder / "best.safetensors")
    network = run.system.network()
    restore(network, state, folder)
    return network.eval()


def answer(network: nn.Module, counts: np.ndarray, live: np.ndarray) -> np.ndarray:
    """Centre (fast, slow) in px of the image and (pitch, yaw) in degrees of an image of any detector, [4].

    The window that the presets cut out is taken from an image that is large enough, and all of a smaller one;
    it is binned as the stills of the training were, to about as many pixels.
    """
    if min(counts.shape) >= FULL_SIDE:
        window = (slice(0, SIDE * BINNING), slice(0, SIDE * BINNING))
        counts, live, binning = counts[window], live[window], BINNING
    else:
        binning = max(1, round(max(counts.shape) / SIDE))
        whole = tuple(slice(0, n // binning * binning) for n in counts.shape)
        counts, live = counts[whole], live[whole]
    counts = block_sum(np.where(live > 0, counts, 0).astype(np.float32), binning)
    share = block_sum(live.astype(np.float32), binning) / binning**2
    found = published_predict(network, counts, share, SHRINK, "both").astype(float)
    return np.concatenate([binning * found[:2], found[2:]])


def tried(network: nn.Module, preset: str, count: int) -> dict[str, Any]:
    """Answers, truths and mean absolute errors on stills of one preset that nothing was chosen on.

    Centres in px of the full detector about the middle of the image, tilts in degrees. The constant predictor
    says that middle and no tilt, which is the mean of all stills of the poster's sets.
    """
    stills = PRESETS[preset].stills
    # Coarse pixels, as in training; whole frames of mixed detectors stay as they are.
    system = Geometry(stills if stills.crop is None else replace(stills, binning=BINNING))
    predicted, actual = [], []
    for index in range(count):
        sample = system.simulate(index, EVALUATION_SEED)
        slow, fast = sample["shape"].astype(int)
        image, live = sample["image"][:slow, :fast], sample["live"][:slow, :fast].astype(np.float32)
        if stills.crop is None:
            found = answer(network, image, live)
        else:
            found = published_predict(network, image, live, SHRINK, "both").astype(float)
        scale = float(sample["binning"])
        # Of a window whose far edges are not binned, the middle is that of the window.
        middle = np.array([fast, slow]) / 2 if stills.crop is None else np.full(2, FULL_SIDE / 2 / scale)
        predicted.append([*(scale * (found[:2] - middle)), *found[2:]])
        actual.append([*(scale * (sample["beam_centre_px"] - middle)), *sample["tilt_deg"]])
    error = np.abs(np.subtract(predicted, actual))
    constant = np.abs(actual)
    return {
        "set": preset,
        "stills": count,
        "centre_px": float(error[:, :2].mean()),
        "centre_median_px": float(np.median(error[:, :2])),
        "constant_px": float(constant[:, :2].mean()),
        "tilt_deg": float(error[:, 2:].mean()),
        "constant_deg": float(constant[:, 2:].mean()),
        "actual": np.round(actual, 3).tolist(),
        "predicted": np.round(predicted, 3).tolist(),
    }


def curve(folder: Path, part: str) -> list[list[float]]:
    """Images simulated so far, L1 of the centre (full px) and of the tilt (degrees): at most some 60 rows."""
    unit = FULL_SIDE * CENTRE_UNIT
    rows = [
        [r["samples"], unit * r[part]["centre_l1"], r[part]["tilt_l1"]]
        for r in read_log(folder / "log.jsonl")
        if part in r
    ]
    return rows[:: max(1, len(rows) // 60)]


def measured(run: Run, folder: Path, count: int) -> dict[str, Any]:
    """What a network does on its own set and on the others, its curves, and what it cost."""
    network, last = trained_network(run, folder), read_log(folder / "log.jsonl")[-1]
    return {
        "run": run.name,
        "trained_on": run.preset,
        "steps": last["step"],
        "simulated": last["samples"],
        "shown": last["samples"] * REPLAY,
        "minutes": last["seconds"] / 60,
        "hardware": hardware("cpu"),
        "sets": [tried(network, preset, count) for preset in track(ELSEWHERE, run.name, transient=True)],
        "training": curve(folder, "train"),
        "validation": curve(folder, "val"),
    }


def real_rows(networks: dict[str, nn.Module], data: Path) -> list[dict[str, Any]]:
    """Distance from the true centre of each real image, by network, and of its middle, in px."""
    rows = []
    for truth in read_truth(data / "truth.csv"):
        if not truth["beam_x_px"]:
            continue
        frame = read_frame(data / truth["file"])
        centre = np.array([float(truth["beam_x_px"]), float(truth["beam_y_px"])])
        row: dict[str, Any] = {"file": truth["file"]}
        row["middle"] = float(np.hypot(*(np.array(frame.shape[::-1]) / 2 - centre)))
        for name, network in networks.items():
            found = answer(network, frame.data, frame.mask.astype(np.float32))[:2]
            row[name] = float(np.hypot(*(found - centre)))
        rows.append(row)
    return rows


def real_crosses(network: nn.Module, data: Path) -> RealImage:
    """The first real image, and where truth, the poster's network and ours put its centre."""
    from argand.systems.geometry.predict import load

    truth = read_truth(data / "truth.csv")[0]
    frame = read_frame(data / truth["file"])
    ours = load().predict(frame)
    fast, slow = answer(network, frame.data, frame.mask.astype(np.float32))[:2]
    crosses = {
        "truth": (float(truth["beam_x_px"]), float(truth["beam_y_px"])),
        "ResNet-18": (float(fast), float(slow)),
    }
    if ours.beam_centre_px is not None:
        crosses["argand"] = ours.beam_centre_px
    window = VARIED.system.stills.centre_window_px
    assert window is not None
    return RealImage(frame, crosses, FULL_SIDE / 2, window)


def summary_rows(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A line for each network and set."""
    return [
        {
            "network": run["run"],
            "on": one["set"],
            "stills": one["stills"],
            "centre, full px": one["centre_px"],
            "centre, px of 820": one["centre_px"] / POSTER_SHRINK,
            "constant, full px": one["constant_px"],
            "tilt, degrees": one["tilt_deg"],
            "constant, degrees": one["constant_deg"],
            "images": run["simulated"],
            "minutes": run["minutes"],
        }
        for run in runs
        for one in run["sets"]
    ]


app = typer.Typer()
Runs = Annotated[Path, typer.Option(help="Folder of the runs")]


@app.command("train")
def train_all(
    only: Annotated[str, typer.Option(help="Only the runs with this in their name")] = "",
    runs: Runs = Path("runs/poster"),
) -> None:
    """Train what is not trained yet."""
    torch.set_num_threads(1)
    for run in RUNS:
        if only in run.name:
            typer.echo(run.name)
            train_run(run, runs / run.name)


@app.command("measure")
def measure_all(
    data: Annotated[Path | None, typer.Option(help="Folder with real images and truth.csv")] = None,
    runs: Runs = Path("runs/poster"),
    figures: Annotated[Path, typer.Option(help="Folder of the pictures")] = Path("docs/figures"),
    json_file: Annotated[Path, typer.Option("--json")] = Path("benchmarks/results/geometry_published.json"),
    count: Annotated[int, typer.Option(help="Stills of each set to measure on")] = 300,
) -> None:
    """Measure all runs, print a table, write the figures and the JSON file."""
    torch.set_num_threads(1)
    results = {run.name: measured(run, runs / run.name, count) for run in RUNS}
    Console().print(as_table("The poster's networks", summary_rows(list(results.values()))))
    figures.mkdir(parents=True, exist_ok=True)
    draw_actual_against_predicted(figures / "poster-9.png", [results[r.name] for r in (FLAT, STANDARD)])
    draw_tilt_curves(figures / "poster-11.png", [results[r.name] for r in (STANDARD, STANDARD_SGD, *DEEPER)])
    report: dict[str, Any] = {"binning": BINNING, "shrink": SHRINK, "seed": EVALUATION_SEED}
    real = None
    if data:
        networks = {run.name: trained_network(run, runs / run.name) for run in (STANDARD, VARIED)}
        report["real"] = real_rows(networks, data)
        Console().print(as_table("Real images, px from the truth", report["real"]))
        real = real_crosses(networks[VARIED.name], data)
    draw_loss_curves(figures / "poster-10.png", [results[r.name] for r in (STANDARD, VARIED)], real)
    # What the figures alone need is left out.
    for result in results.values():
        for one in result["sets"]:
            del one["actual"], one["predicted"]
    write_report(json_file, report | {"runs": list(results.values())})


if __name__ == "__main__":
    app()
