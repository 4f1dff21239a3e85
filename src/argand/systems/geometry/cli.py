"""The verbs of `argand geometry`. Nothing heavy is imported before a verb runs."""

from dataclasses import replace
from functools import partial
from os import environ
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from argand.crew import Machines
from argand.duration import Seconds
from argand.errors import ConfigError
from argand.page.shell import PAGE
from argand.runs.verbs import (
    BatchSize,
    Devices,
    Force,
    Json,
    KeepCard,
    LearningRate,
    MaxTime,
    Precision,
    Processes,
    Resume,
    Scheduler,
    SimulationProcesses,
    TrainingFolder,
    ValCount,
    ValEvery,
    Weights,
    complain,
    in_one_group,
    print_json,
    run_training,
    say,
    screen,
    show_figures,
    tell,
    write_set,
)
from argand.systems.geometry.refine.hit import HIT_SPOTS

app = typer.Typer(help="Beam centre and detector tilt from diffraction images.", no_args_is_help=True)

Evidence = Literal["both", "background", "spots"]

CLIP_NORM = 5.0
"""Longest gradient (2-norm over all weights) of our own network; the published ones were trained without a
limit. By hand, no comparison is kept; the shipped weights were trained with it."""
WIDE = 150
"""Columns of a terminal that show the whole table of answers. By hand."""

Mask = Annotated[Path | None, typer.Option(help="Image or array of pixels to leave out: zero is usable.")]
Wavelength = Annotated[float | None, typer.Option(help="In Å, in place of what the file says.", min=0.01)]
Distance = Annotated[float | None, typer.Option(help="In mm, in place of what the file says.", min=0.1)]
# Lower ends, by hand: they keep zero out; predict.py refuses what must be in another unit.
PixelSize = Annotated[float | None, typer.Option(help="In mm, in place of what the file says.", min=0.0001)]
PanelFile = Annotated[
    Path | None,
    typer.Option("--geometry", help="Where the detector's panels stand: .geom, .expt or NXmx file."),
]
CalibrantName = Annotated[
    str | None,
    typer.Option(
        "--calibrant", help="Powder whose rings are seen, such as LaB6: the distance is fitted too."
    ),
]
TwoTheta = Annotated[
    float | None,
    typer.Option(
        help="Angle of the detector's arm in degrees, in place of the file's.", min=-120.0, max=120.0
    ),
]
# 0.05, by hand: no detector is known to stand better than that.
MaxTilt = Annotated[
    float | None, typer.Option(help="The detector is upright within so many degrees.", min=0.05, max=10.0)
]
UseFitted = Annotated[
    bool, typer.Option("--use-fitted-distance", help="Write the distance that the spots fit, where they do.")
]
EvidenceChoice = Annotated[Evidence, typer.Option(help="What of an image may be used, to compare.")]
Preset = Annotated[
    str,
    typer.Argument(
        help="standard, varied-distance, flat-background, binary, long-distance, realistic, best, paper, tiny"
    ),
]
Seed = Annotated[int, typer.Option(help="Another seed, other images.")]
HitsOnly = Annotated[
    bool, typer.Option("--hits-only", help="Ask no more of images with fewer spots than --hit-spots.")
]
HitSpots = Annotated[int, typer.Option(help="Least number of spots of a hit.", min=1)]

SHIFTED = 3
"""Exit code of `predict --fail-on` when the beam is further from where the header puts it. By hand: 1 says
that a file has no answer and 2 that the command is wrong."""


@app.command()
def simulate(
    preset: Preset,
    out: Annotated[Path | None, typer.Option(help="HDF5 file to write; the same call completes it.")] = None,
    count: Annotated[int, typer.Option(help="How many images.", min=1)] = 12,
    seed: Seed = 0,
    processes: Processes = None,
    scheduler: Scheduler = None,
    full: Annotated[
        bool, typer.Option("--full", help="The detector's own pixels; not for mixed sets.")
    ] = False,
    sheet: Annotated[Path | None, typer.Option(help="PNG of the first images.")] = None,
) -> None:
    """Write a set of simulated stills with their truth, or without --out a picture of some.

    Example: argand geometry simulate standard --out set.h5 --count 1000
    """
    from argand.systems.geometry.difficulty.contact_sheet import draw_samples

    system = _full_frames(_preset(preset), preset) if full else _preset(preset)
    if out is not None:
        if system.portions:
            raise ConfigError(f"the images of '{preset}' differ in size; write its sets apart, as realistic")
        write_set(system, out, "images", count, seed, Machines(processes, scheduler))
    if out is None or sheet is not None:
        sheet = sheet or Path(f"{preset}.png")
        draw_samples(sheet, system, preset, count, seed)
        say(f"picture: {sheet}")


@app.command()
@in_one_group
def train(
    preset: Preset,
    out: TrainingFolder,
    # These defaults are by hand; what the shipped weights were trained with is in their card.
    max_time: MaxTime = Seconds("30m"),
    resume: Resume = False,
    batch_size: BatchSize = 32,
    replay: Annotated[int, typer.Option(help="Batches that each simulated image is used in.", min=1)] = 1,
    network: Annotated[
        str | None,
        typer.Option(help="argand, cnn4, resnet18, resnet34, resnet50 or vit; by default the preset's."),
    ] = None,
    target: Annotated[
        Literal["centre", "tilt", "both"] | None,
        typer.Option(help="What a published network learns; ours learns both."),
    ] = None,
    optimiser: Annotated[
        Literal["sgd", "adamw"] | None, typer.Option(help="By default the preset's.")
    ] = None,
    learning_rate: LearningRate = None,
    clip_norm: Annotated[
        float | None,
        typer.Option(help="Longer gradients are shortened; 0: none. Default 5, published 0.", min=0.0),
    ] = None,
    val_count: ValCount = 192,
    val_every: ValEvery = 800,
    start: Annotated[
        Path | None, typer.Option(help="Weights to begin from, those of an earlier training.")
    ] = None,
    precision: Precision = "auto",
    devices: Devices = "auto",
    processes: SimulationProcesses = None,
    seed: Seed = 0,
) -> None:
    """Train on freshly simulated stills until the time is spent; Ctrl-C leaves a run to --resume.

    Example: argand geometry train realistic --out runs/first --max-time 02:00:00
    """
    asked = {"network_name": network, "target": target, "optimiser_name": optimiser}
    asked |= {"learning_rate": learning_rate}
    system = replace(_preset(preset), **{name: value for name, value in asked.items() if value is not None})
    if target is not None and not system.is_published:
        raise ConfigError(
            "our own network learns centre and tilt together; name another --network or no --target"
        )
    if clip_norm is None:
        clip_norm = 0.0 if system.is_published else CLIP_NORM
    settings = {"batch_size": batch_size, "replay": replay, "seed": seed, "workers": processes}
    settings |= {"clip_norm": clip_norm or None, "val_count": val_count, "val_every_steps": val_every}
    settings |= {"max_time": max_time, "resume": resume, "devices": devices, "precision": precision}
    settings |= {"start": start}
    run_training(system, out, "images", **settings)


@app.command()
def predict(
    files: Annotated[
        list[str], typer.Argument(help="Images, globs, folders, HDF5 masters, lists, .expt files.")
    ],
    out: Annotated[Path | None, typer.Option(help="Folder for geometry files, pictures and a page.")] = None,
    json: Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table.")] = False,
    mask: Mask = None,
    wavelength: Wavelength = None,
    distance: Distance = None,
    pixel_size: PixelSize = None,
    two_theta: TwoTheta = None,
    max_tilt: MaxTilt = None,
    use_fitted_distance: UseFitted = False,
    geometry: PanelFile = None,
    pool: Annotated[bool, typer.Option(help="Also answer for all frames of one geometry together.")] = True,
    weights: Weights = None,
    evidence: EvidenceChoice = "both",
    calibrant: CalibrantName = None,
    formats: Annotated[str, typer.Option(help="Geometry files to write to --out.")] = "expt,poni,geom,xds",
    overlay: Annotated[bool, typer.Option(help="Draw a picture of each image in --out.")] = True,
    processes: Processes = None,
    scheduler: Scheduler = None,
    hits_only: HitsOnly = False,
    hit_spots: HitSpots = HIT_SPOTS,
    force: Force = False,
    fail_on: Annotated[
        float | None,
        typer.Option(
            help="Exit with 3 when a reliable centre is further, in px, from the header's.", min=0.0
        ),
    ] = None,
) -> None:
    """Find beam centre and tilt, show them beside the header's, and write corrected geometry files.

    Example: argand geometry predict 'data/*.cbf' --out found
    """
    from argand.runs.resume import file_digest
    from argand.systems.geometry.files.outputs import RunFolder, parse_formats
    from argand.systems.geometry.files.run import predict_files
    from argand.systems.geometry.predict import WEIGHTS
    from argand.systems.geometry.view import write_page

    if json and csv:
        raise ConfigError("--json and --csv exclude each other; choose one")
    machines = Machines(processes, scheduler)
    predictor = _predictor(weights)
    stated = _stated(mask, wavelength, distance, pixel_size, two_theta, geometry)
    rests_on = {"weights": file_digest(weights or WEIGHTS)}
    options = _options(evidence, calibrant, max_tilt, use_fitted_distance, hit_spots if hits_only else 0)
    asked = {"options": options, "pool": pool, "machines": machines}
    chosen = {"formats": parse_formats(formats), "overlay": overlay, "settings": rests_on, "force": force}
    with RunFolder(out, page=write_page, **chosen) as run:
        predict_files(files, predictor, stated, run, tell, **asked)
    _show_records(run.records, json, csv)
    if out is not None and not (json or csv):
        say(f"pictures and files: {out}\npage: {out / PAGE}")
    _fail_on(run.records, fail_on)
    if any(record.get("failed") for record in run.records):
        raise typer.Exit(1)


@app.command()
def view(folder: Annotated[Path, typer.Argument(help="What predict --out wrote.")]) -> None:
    """Write the page of a run again: one HTML file that needs nothing else.

    Example: argand geometry view found
    """
    from argand.systems.geometry.view import write_page

    say(f"page: {write_page(folder)}")


@app.command()
def drift(
    sources: Annotated[list[Path], typer.Argument(help="Folders of predict, JSON lines of watch.")],
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("drift.html"),
) -> None:
    """Draw the beam centre against time over many runs: one HTML file that needs nothing else.

    Example: argand geometry drift found today.jsonl --out drift.html
    """
    from argand.systems.geometry.drift.page import write_drift
    from argand.systems.geometry.drift.series import drift_of, read_sources

    say(f"page: {write_drift(out, drift_of(read_sources(sources)))}")


@app.command()
def watch(
    folder: Annotated[Path, typer.Argument(help="Where the images arrive.")],
    out: Annotated[Path, typer.Option(help="JSON lines, one an image; a restart goes on.")],
    interval: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.0)] = 1.0,
    pattern: Annotated[str | None, typer.Option(help="Only these files, such as '*.cbf'.")] = None,
    once: Annotated[bool, typer.Option("--once", help="End when all that is there is answered.")] = False,
    timeout: Annotated[float | None, typer.Option(help="End after so many seconds without an image.")] = None,
    mask: Mask = None,
    wavelength: Wavelength = None,
    distance: Distance = None,
    pixel_size: PixelSize = None,
    two_theta: TwoTheta = None,
    max_tilt: MaxTilt = None,
    use_fitted_distance: UseFitted = False,
    geometry: PanelFile = None,
    weights: Weights = None,
    evidence: EvidenceChoice = "both",
    calibrant: CalibrantName = None,
    processes: Processes = None,
    scheduler: Scheduler = None,
    hits_only: HitsOnly = False,
    hit_spots: HitSpots = HIT_SPOTS,
) -> None:
    """Follow a folder and answer each image as soon as it is there; Ctrl-C ends it.

    Example: argand geometry watch /data/today --out today.jsonl
    """
    from argand.systems.geometry.files.table import record_line
    from argand.systems.geometry.files.watch import Watcher

    machines = Machines(processes, scheduler)
    stated = _stated(mask, wavelength, distance, pixel_size, two_theta, geometry)
    options = _options(evidence, calibrant, max_tilt, use_fitted_distance, hit_spots if hits_only else 0)
    # A reader's lock on an HDF5 file would keep the program out that is writing it.
    environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")
    watcher = Watcher(folder, out, _predictor(weights), stated, options, pattern, interval, machines)
    try:
        for record in watcher.run(once, timeout):
            complain(record_line(record)) if record.get("failed") else say(record_line(record))
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt(
            f"stopped; {out} is whole and the same command goes on from there"
        ) from interrupt


@app.command()
def evaluate(
    preset: Preset,
    count: Annotated[int, typer.Option(help="How many simulated stills.", min=1)] = 100,
    seed: Annotated[int | None, typer.Option(help="By default one that no training uses.")] = None,
    json: Json = False,
    weights: Weights = None,
    card: KeepCard = False,
    processes: Processes = None,
    scheduler: Scheduler = None,
) -> None:
    """Measure the errors on simulated full frames whose truth is known.

    Example: argand geometry evaluate standard --count 50
    """
    from argand.runs.record import to_record
    from argand.systems.geometry.card import keep_figures
    from argand.systems.geometry.evaluate import EVALUATION_SEED, evaluate_preset
    from argand.systems.geometry.files.table import evaluation_table
    from argand.systems.geometry.predict import WEIGHTS

    seed = EVALUATION_SEED if seed is None else seed
    machines = Machines(processes, scheduler)
    result = evaluate_preset(preset, count, seed, predictor=_predictor(weights), machines=machines)
    keep = partial(keep_figures, weights or WEIGHTS, result) if card else None
    show_figures(to_record(result), evaluation_table(result), json, keep)


@app.command()
def hard(
    source: Annotated[list[str], typer.Argument(help="One simulated set (.h5), one preset, or images.")],
    out: Annotated[Path, typer.Option(help="Folder for hard.json and hard.png.")],
    count: Annotated[int | None, typer.Option(help="Images of a preset (50) or a set (all).", min=1)] = None,
    seed: Seed = 1,
    json: Json = False,
    weights: Weights = None,
    wavelength: Wavelength = None,
    distance: Distance = None,
    pixel_size: PixelSize = None,
    processes: Processes = None,
    scheduler: Scheduler = None,
) -> None:
    """Rank images by error (real ones by uncertainty), and say what the hard ones share.

    Example: argand geometry hard realistic --count 100 --out hard
    """
    from argand.systems.geometry.difficulty.run import rank_hard
    from argand.systems.geometry.files.table import explanation_table, worst_table

    stated = _stated(None, wavelength, distance, pixel_size)
    asked = {"count": count, "seed": seed, "machines": Machines(processes, scheduler)}
    report, failures = rank_hard(source, _predictor(weights), stated, out, **asked)
    for failure in failures:
        tell(failure)
    if json:
        print_json(report)
    else:
        screen().print(worst_table(report), "", explanation_table(report) or "too few images to say why")
        say(f"picture: {out / 'hard.png'}")
    if failures:
        raise typer.Exit(1)


def _preset(name: str) -> Any:
    from argand.system import preset
    from argand.systems.geometry.presets import PRESETS

    return preset(name, PRESETS)


def _full_frames(system: Any, name: str) -> Any:
    """The preset on whole frames; ConfigError where its detectors differ and their frames do not stack."""
    if system.stills.crop is None:
        raise ConfigError(f"the frames of '{name}' differ in size; --full is for the sets of one detector")
    return replace(system, stills=replace(system.stills, binning=1))


def _predictor(weights: Path | None) -> Any:
    from argand.systems.geometry import predict as module

    return module.load() if weights is None else module.load(weights)


def _stated(
    mask: Path | None,
    wavelength: float | None,
    distance: float | None,
    pixel: float | None,
    two_theta: float | None = None,
    geometry: Path | None = None,
) -> Any:
    """What the user states in place of the headers."""
    from argand.io.image import load_mask
    from argand.systems.geometry.files.batch import Stated

    pixel_size = None if pixel is None else (pixel, pixel)
    loaded = None if mask is None else load_mask(mask)
    return Stated(wavelength, distance, pixel_size, loaded, two_theta, geometry)


def _options(
    evidence: Evidence,
    calibrant: str | None,
    max_tilt: float | None,
    use_fitted_distance: bool,
    least_spots: int,
) -> Any:
    """How frames are answered; ConfigError for a calibrant that is not known."""
    from argand.physics.still.calibrant import calibrant_name
    from argand.systems.geometry.refine.options import Options

    name = None if calibrant is None else calibrant_name(calibrant)
    return Options(
        evidence,
        max_tilt_deg=max_tilt,
        calibrant=name,
        use_fitted_distance=use_fitted_distance,
        least_spots=least_spots,
    )


def _fail_on(records: list[dict[str, Any]], limit_px: float | None) -> None:
    """Name the reliable answers that are further from the header's centre, and exit with SHIFTED for them."""
    from argand.systems.geometry.files.text import label, shift_length

    moved = [] if limit_px is None else [one for one in records if (shift_length(one) or 0.0) > limit_px]
    for record in moved:
        complain(
            f"{label(record)}: {shift_length(record):.2f} px from the header's centre, over {limit_px:g}"
        )
    if moved:
        raise typer.Exit(SHIFTED)


def _show_records(records: list[dict[str, Any]], json: bool, csv: bool) -> None:
    """Print answers in the form that was asked for."""
    from argand.systems.geometry.files.record import to_csv
    from argand.systems.geometry.files.table import prediction_table, record_line

    if json:
        print_json(records)
    elif csv:
        typer.echo(to_csv(records), nl=False)
    else:
        console = screen()
        console.print(prediction_table(records, wide=console.width >= WIDE))
        noted: dict[str, list[str]] = {}
        for record in records:
            if not record["reliable"] and not record.get("failed"):
                say(record_line(record))
            for note in [] if record["pooled"] else record.get("notes", []):
                noted.setdefault(note, []).append(Path(record["file"]).name)
        for note, (first, *others) in noted.items():
            say(f"{first}{f' and {len(others)} more' if others else ''}: {note}")
