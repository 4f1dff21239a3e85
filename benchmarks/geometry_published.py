"""The figures 9, 10 and 11 of the poster by Lin et al. again, at a compute budget that fits a laptop.

    python benchmarks/geometry_published.py --data FOLDER

Trains the poster's networks for minutes each on one core (a finished run is not repeated), measures them on
stills that they were not trained on, and draws the figures. FOLDER holds real images and truth.csv; its first
image is the one with the crosses. The stills are those of the presets on coarse pixels (102x102 for 820x820),
three to a side of which are summed for the network (34x34): the background that these networks read is
smooth, and small images leave time for more steps.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

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
from torch import nn

from argand.io.image import Frame, read_frame
from argand.io.weights import load_weights, restore
from argand.learn.log import read_log
from argand.learn.train import train
from argand.physics.still.spot import block_sum
from argand.systems.geometry.evaluate import EVALUATION_SEED
from argand.systems.geometry.presets import PRESETS
from argand.systems.geometry.published.regression import CENTRE_UNIT, Target, published_predict
from argand.systems.geometry.system import Geometry

BINNING, SHRINK = 24, 3
BATCH, REPLAY = 16, 2
TRAINING_SEED = 1
FULL_SIDE = 2460
"""Full-detector px on a side of the window that the presets cut out, from the first pixel on."""
SIDE = FULL_SIDE // BINNING
"""Pixels on a side of a still; what is left of the window at its far edges is not binned."""


@dataclass(frozen=True)
class Run:
    """One network to train: what it learns, from which preset, at which learning rate."""

    preset: str
    target: Target
    network: str
    learning_rate: float

    @property
    def name(self) -> str:
        """Name of the run's folder."""
        return f"{self.preset}-{self.target}-{self.network}-{self.learning_rate:g}"

    @property
    def system(self) -> Geometry:
        """The preset's stills on coarse pixels, and the poster's way to learn from them."""
        return Geometry(
            stills=replace(PRESETS[self.preset].stills, binning=BINNING),
            network_name=self.network,
            target=self.target,
            shrink=SHRINK,
            optimiser_name="sgd",
            learning_rate=self.learning_rate,
        )


CENTRE_RUNS = [Run(preset, "centre", "resnet18", 0.01) for preset in ("flat-background", "standard")]
VARIED = Run("varied-distance", "centre", "resnet18", 0.01)
TILT_RUNS = [
    Run("standard", "tilt", network, rate)
    for network in ("resnet18", "resnet34", "resnet50")
    for rate in (0.01, 0.001)
]
RUNS = [*CENTRE_RUNS, VARIED, *TILT_RUNS]


def train_run(run: Run, folder: Path, steps: int) -> None:
    """Train, or go on with a run that was stopped; a finished one is left as it is."""
    train(
        run.system,
        folder,
        max_time=None,
        max_steps=steps,
        batch_size=BATCH,
        seed=TRAINING_SEED,
        workers=0,
        accelerator="cpu",
        resume=(folder / "last.ckpt").exists(),
        val_count=128,
        val_every_steps=25,
        replay=REPLAY,
        average=True,
        precision="fp32",
        quiet=True,
    )


def measure(run: Run, folder: Path, count: int) -> dict[str, Any]:
    """Answers and truths of `count` stills that were never trained on, and their mean absolute errors.

    Centres in px of the full detector about the middle of the window, tilts in degrees. The constant
    predictor says that middle, or no tilt, which is the mean of all stills.
    """
    network, last = trained_network(run, folder), read_log(folder / "log.jsonl")[-1]
    answers, truths = [], []
    for index in range(count):
        sample = run.system.simulate(index, EVALUATION_SEED)
        answer = published_predict(network, sample["image"], sample["live"], SHRINK, run.target)
        if run.target == "tilt":
            answers.append(answer)
            truths.append(sample["tilt_deg"])
        else:
            answers.append(answer * BINNING - FULL_SIDE / 2)
            truths.append(sample["beam_centre_px"] * BINNING - FULL_SIDE / 2)
    predicted, actual = np.array(answers), np.array(truths)
    return {
        "run": run.name,
        "preset": run.preset,
        "unit": "degree" if run.target == "tilt" else "px of the full detector",
        "l1": float(np.abs(predicted - actual).mean()),
        "constant_l1": float(np.abs(actual).mean()),
        "stills": count,
        "simulated": last["samples"],
        "shown": last["samples"] * REPLAY,
        "steps": last["step"],
        "minutes": last["seconds"] / 60,
        "actual": actual.round(3).tolist(),
        "predicted": predicted.round(3).tolist(),
    }


def trained_network(run: Run, folder: Path) -> nn.Module:
    """The network of a run that did best in validation, in evaluation mode."""
    state, _ = load_weights(folder / "best.safetensors")
    network = run.system.network()
    restore(network, state, folder)
    return network.eval()


def baseline_centre(run: Run, folder: Path, frame: Frame) -> tuple[float, float]:
    """What a trained network says of a real frame, cropped and binned like its images; px of the frame."""
    window = (slice(0, SIDE * BINNING), slice(0, SIDE * BINNING))
    mask = frame.mask[window]
    counts = block_sum(np.where(mask, frame.data[window], 0).astype(np.float32), BINNING)
    live = block_sum(mask.astype(np.float32), BINNING) / BINNING**2
    fast, slow = BINNING * published_predict(trained_network(run, folder), counts, live, SHRINK, "centre")
    return float(fast), float(slow)


def real_crosses(folder: Path, data: Path) -> RealImage:
    """The first real image, and where truth, the poster's network and ours put its centre.

    The poster's network is the one that saw many distances, since the image's is not the standard one.
    """
    from argand.systems.geometry.predict import load

    truth = read_truth(data / "truth.csv")[0]
    frame = read_frame(data / truth["file"])
    ours = load().predict(frame)
    crosses = {
        "truth": (float(truth["beam_x_px"]), float(truth["beam_y_px"])),
        "ResNet-18": baseline_centre(VARIED, folder / VARIED.name, frame),
    }
    if ours.beam_centre_px is not None:
        crosses["argand"] = ours.beam_centre_px
    window = VARIED.system.stills.centre_window_px
    assert window is not None
    return RealImage(frame, crosses, FULL_SIDE / 2, window)


def budget_note(results: list[dict[str, Any]]) -> str:
    """What computing the networks of one figure took."""
    first, cells = results[0], -(-SIDE // SHRINK)
    minutes = sorted({round(result["minutes"]) for result in results})
    spent = "-".join(str(number) for number in sorted({minutes[0], minutes[-1]}))
    seen = f"{first['steps']} steps of {BATCH} images of {cells}x{cells} px ({first['simulated']} different)"
    return f"{seen}, {spent} min a network on one CPU core"


def draw(results: dict[str, dict[str, Any]], runs: Path, figures: Path, real: RealImage | None) -> None:
    """Draw the three figures."""
    figures.mkdir(parents=True, exist_ok=True)
    pair = [results[run.name] for run in CENTRE_RUNS]
    draw_actual_against_predicted(figures / "poster-9.png", pair, budget_note(pair))
    curves = [results[run.name] for run in (CENTRE_RUNS[1], VARIED)]
    unit_px = SIDE * BINNING * CENTRE_UNIT
    draw_loss_curves(figures / "poster-10.png", runs, curves, unit_px, real, budget_note(curves))
    tilts = [results[run.name] for run in TILT_RUNS]
    named = [(run.network, run.learning_rate, runs / run.name) for run in TILT_RUNS]
    draw_tilt_curves(figures / "poster-11.png", named, tilts[0]["constant_l1"], budget_note(tilts))


def main(
    data: Annotated[Path | None, typer.Option(help="Folder with real images and truth.csv")] = None,
    centre_steps: Annotated[int, typer.Option(help="Steps of training of a network for centres")] = 1000,
    tilt_steps: Annotated[int, typer.Option(help="Steps of training of a network for tilts")] = 120,
    only: Annotated[str, typer.Option(help="Only train the runs with this in their name")] = "",
    runs: Annotated[Path, typer.Option(help="Folder of the runs")] = Path("runs/poster"),
    figures: Annotated[Path, typer.Option(help="Folder of the pictures")] = Path("docs/figures"),
    json_file: Annotated[Path, typer.Option("--json")] = Path("benchmarks/results/geometry_published.json"),
    count: Annotated[int, typer.Option(help="Stills to measure on")] = 300,
) -> None:
    """Train what is not trained yet, measure, draw."""
    torch.set_num_threads(1)
    for run in RUNS:
        if only in run.name:
            typer.echo(run.name)
            train_run(run, runs / run.name, tilt_steps if run.target == "tilt" else centre_steps)
    if only:
        return
    results = {run.name: measure(run, runs / run.name, count) for run in RUNS}
    real = real_crosses(runs, data) if data else None
    draw(results, runs, figures, real)
    hidden = ("actual", "predicted")
    rows = [{k: v for k, v in result.items() if k not in hidden} for result in results.values()]
    Console().print(as_table("The poster's networks", rows))
    report: dict[str, Any] = {"binning": BINNING, "shrink": SHRINK, "runs": rows}
    if real:
        report["real"] = {"file": Path(real.frame.path).name, "centres_px": real.crosses}
    write_report(json_file, report)


if __name__ == "__main__":
    typer.run(main)
