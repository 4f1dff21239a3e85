"""The verbs over images: predict and watch."""

from os import environ
from pathlib import Path
from typing import Annotated, Any

import typer

from argand.crew import Machines
from argand.duration import Seconds
from argand.page.document import PAGE
from argand.runs.verbs import (
    ADVANCED,
    AcceptUntrusted,
    Csv,
    Force,
    Json,
    Processes,
    Resume,
    Scheduler,
    Weights,
    complain,
    end,
    print_json,
    require_one_format,
    say,
    screen,
    seconds_option,
    tell,
)
from argand.systems.geometry.command.options import (
    FORMATS,
    CalibrantName,
    Distance,
    EvidenceChoice,
    HitsOnly,
    HitSpots,
    Mask,
    MaxTilt,
    PanelFile,
    PixelSize,
    TwoTheta,
    UseFitted,
    Wavelength,
    prediction_options,
    predictor_of,
    stated_values,
)
from argand.systems.geometry.refine.hit import HIT_SPOTS

WIDE = 150
"""Least columns of a terminal for the full table. By hand."""
SHIFTED = 4
"""Exit code of `predict --fail-on` if a trusted centre is further from the header's than that. By hand: 1 to
3 have a meaning in all verbs."""


def predict(
    files: Annotated[
        list[str], typer.Argument(help="Images, glob patterns, folders, HDF5 masters, .expt files, lists.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for geometry files, pictures and a page.")
    ] = None,
    resume: Resume = False,
    force: Force = False,
    json: Json = False,
    csv: Csv = False,
    accept_untrusted: AcceptUntrusted = False,
    mask: Mask = None,
    wavelength: Wavelength = None,
    distance: Distance = None,
    pixel_size: PixelSize = None,
    geometry: PanelFile = None,
    calibrant: CalibrantName = None,
    processes: Processes = None,
    fail_on: Annotated[
        float | None,
        typer.Option(
            metavar="PX",
            help="Exit with 4 if a trusted beam centre is further than this from the header's.",
            min=0.0,
            rich_help_panel=ADVANCED,
        ),
    ] = None,
    formats: Annotated[
        str, typer.Option(help="Geometry files to write to --out.", rich_help_panel=ADVANCED)
    ] = ",".join(FORMATS),
    overlay: Annotated[
        bool, typer.Option(help="Write a picture of each image to --out.", rich_help_panel=ADVANCED)
    ] = True,
    pool: Annotated[
        bool,
        typer.Option(
            help="Also give one answer for all images of a detector position.", rich_help_panel=ADVANCED
        ),
    ] = True,
    two_theta: TwoTheta = None,
    max_tilt: MaxTilt = None,
    use_fitted_distance: UseFitted = False,
    evidence: EvidenceChoice = "both",
    hits_only: HitsOnly = False,
    hit_spots: HitSpots = HIT_SPOTS,
    weights: Weights = None,
    scheduler: Scheduler = None,
) -> None:
    """Find beam centre and tilt, compare them with the headers, and write corrected geometry files.

    Exits with 0 if all answers are trusted, 1 if an image failed, 3 if an answer is not trusted.

    Example: argand geometry predict 'data/*.cbf' --out found
    """
    from argand.io.weights import weights_file
    from argand.runs.resume import file_digest
    from argand.systems.geometry.files.geometry_files import parse_formats
    from argand.systems.geometry.files.outputs import RunFolder
    from argand.systems.geometry.files.run import predict_files
    from argand.systems.geometry.predict import WEIGHTS
    from argand.systems.geometry.view import write_page

    require_one_format(json, csv)
    machines = Machines(processes, scheduler)
    stated = stated_values(wavelength, distance, pixel_size, mask, two_theta, geometry)
    least = hit_spots if hits_only else 0
    options = prediction_options(evidence, calibrant, max_tilt, use_fitted_distance, least)
    predictor = predictor_of(weights)
    folder = RunFolder(
        out,
        page=write_page,
        formats=parse_formats(formats),
        overlay=overlay,
        settings={"weights": file_digest(weights_file(weights or WEIGHTS))},
        force=force,
        resume=resume,
    )
    with folder as run:
        predict_files(files, predictor, stated, run, tell, options=options, pool=pool, machines=machines)
    _show_records(run.records, json, csv)
    if out is not None and not (json or csv):
        say(f"pictures and files: {out}\npage: {out / PAGE}")
    _fail_on(run.records, fail_on)
    end(run.records, accept_untrusted)


def watch(
    folder: Annotated[Path, typer.Argument(help="Folder in which the images arrive.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="File for the answers: JSON lines, one per image.")
    ],
    resume: Resume = False,
    force: Force = False,
    pattern: Annotated[
        str | None, typer.Option(help="Only these files, such as '*.cbf'.", rich_help_panel=ADVANCED)
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Stop when all images are answered.")] = False,
    timeout: Annotated[
        Seconds | None,
        typer.Option(parser=seconds_option, metavar="TIME", help="Stop after this time without a new image."),
    ] = None,
    accept_untrusted: AcceptUntrusted = False,
    mask: Mask = None,
    wavelength: Wavelength = None,
    distance: Distance = None,
    pixel_size: PixelSize = None,
    geometry: PanelFile = None,
    calibrant: CalibrantName = None,
    processes: Processes = None,
    interval: Annotated[
        Seconds,
        typer.Option(
            parser=seconds_option,
            metavar="TIME",
            help="Time between two looks into the folder.",
            rich_help_panel=ADVANCED,
        ),
    ] = Seconds("1s"),
    two_theta: TwoTheta = None,
    max_tilt: MaxTilt = None,
    use_fitted_distance: UseFitted = False,
    evidence: EvidenceChoice = "both",
    hits_only: HitsOnly = False,
    hit_spots: HitSpots = HIT_SPOTS,
    weights: Weights = None,
    scheduler: Scheduler = None,
) -> None:
    """Follow a folder and predict each image as it arrives; Ctrl-C stops, --resume continues.

    Example: argand geometry watch /data/today --out today.jsonl
    """
    from argand.runs.claim import claim_file
    from argand.systems.geometry.files.table import record_line
    from argand.systems.geometry.files.watch import Watcher

    machines = Machines(processes, scheduler)
    stated = stated_values(wavelength, distance, pixel_size, mask, two_theta, geometry)
    least = hit_spots if hits_only else 0
    options = prediction_options(evidence, calibrant, max_tilt, use_fitted_distance, least)
    # A reader's lock on an HDF5 file would keep out the program that is writing it.
    environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")
    watcher = Watcher(folder, out, predictor_of(weights), stated, options, pattern, interval, machines)
    watcher.require_folder()
    claim_file(out, force=force, resume=resume)
    latest: dict[tuple[str, int], dict[str, Any]] = {}
    try:
        for record in watcher.run(once, timeout):
            complain(record_line(record)) if record.get("failed") else say(record_line(record))
            verdict = {key: record[key] for key in ("trusted", "failed") if key in record}
            latest[record["file"], record["index"]] = verdict
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt(f"stopped; the same command with --resume continues {out}") from interrupt
    end(list(latest.values()), accept_untrusted)


def _fail_on(records: list[dict[str, Any]], limit_px: float | None) -> None:
    """Name the trusted centres that are further from the header's, and exit with SHIFTED for them."""
    from argand.systems.geometry.files.text import label, shift_length

    moved = [] if limit_px is None else [one for one in records if (shift_length(one) or 0.0) > limit_px]
    for record in moved:
        told = f"{shift_length(record):.2f} px from the header's centre (limit {limit_px:g} px)"
        complain(f"{label(record)}: {told}")
    if moved:
        raise typer.Exit(SHIFTED)


def _show_records(records: list[dict[str, Any]], json: bool, csv: bool) -> None:
    """Print answers in the form that was asked for."""
    from argand.systems.geometry.files.record import to_csv
    from argand.systems.geometry.files.table import prediction_table

    if json:
        print_json(records)
    elif csv:
        typer.echo(to_csv(records), nl=False)
    else:
        console = screen()
        console.print(prediction_table(records, wide=console.width >= WIDE))
        _show_reasons_and_notes(records)


def _show_reasons_and_notes(records: list[dict[str, Any]]) -> None:
    """Print why answers are not trusted, and each note once with the images that it concerns."""
    from argand.systems.geometry.files.table import record_line

    noted: dict[str, list[str]] = {}
    for record in records:
        if not record["trusted"] and not record.get("failed"):
            say(record_line(record))
        for note in [] if record["pooled"] else record.get("notes", []):
            noted.setdefault(note, []).append(Path(record["file"]).name)
    for note, (first, *others) in noted.items():
        say(f"{first}{f' and {len(others)} more' if others else ''}: {note}")
