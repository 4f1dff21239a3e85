"""The verbs encode, decode and reconstruct of `argand crystals`; heavy imports wait until one runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from argand.runs.verbs import (
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
)
from argand.systems.crystals.files.options import (
    AsGiven,
    Files,
    Folder,
    KeepSetting,
    ModelName,
    OwnNumbers,
    Restarts,
    Single,
    Symmetrise,
    model_of_options,
    page_of,
    show,
)


def encode(
    files: Files,
    out: Annotated[Path, typer.Option("--out", "-o", help="Parquet file for the vectors.")],
    model: ModelName = "best",
    numbers: OwnNumbers = None,
    weights: Weights = None,
    single: Single = False,
    as_given: AsGiven = False,
    keep_setting: KeepSetting = False,
    processes: Processes = None,
    scheduler: Scheduler = None,
    force: Force = False,
    resume: Resume = False,
    accept_untrusted: AcceptUntrusted = False,
    json: Json = False,
) -> None:
    """Encode structures as vectors: at most 512 numbers for 20 atoms, and 12 for cell and origin as given.

    Each vector is decoded at once; it is trusted where the structure comes back.

    Example: argand crystals encode cifs/ -o latents.parquet
    """
    from argand.crew import Machines
    from argand.systems.crystals.files.run import encode_files

    made_by = model_of_options(model, numbers, weights, single, as_given, keep_setting)
    machines = Machines(processes, scheduler)
    summary = encode_files(files, out, made_by, machines=machines, force=force, resume=resume)
    if json:
        print_json(summary)
    else:
        _tell_problems(summary, say)
        for one in summary["untrusted"]:
            complain(f"not trusted: {one['name']}: {one['reason']}")
        counts = f"{summary['encoded']} structures encoded, {summary['trusted_count']} trusted"
        say(f"{counts}, {summary['skipped_count']} skipped; vectors: {out}")
    end([*summary["untrusted"], *summary["skipped"]], accept_untrusted)


def decode(
    latents: Annotated[Path, typer.Argument(help="Parquet file that `encode` or `sample` wrote.")],
    out: Folder,
    restarts: Restarts = 100,
    symmetrise: Symmetrise = 0.0,
    processes: Processes = None,
    scheduler: Scheduler = None,
    force: Force = False,
    resume: Resume = False,
    accept_untrusted: AcceptUntrusted = False,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """Write the structures of vectors as CIFs, with a summary of how well each explains its vector.

    Example: argand crystals decode latents.parquet --out decoded
    """
    from argand.crew import Machines
    from argand.systems.crystals.files.run import Decoding, decode_file

    require_one_format(json, csv)
    settings = {"decoding": Decoding(restarts, symmetrise), "machines": Machines(processes, scheduler)}
    summary = decode_file(latents, out, **settings, force=force, resume=resume)
    _tell(summary, json, csv, out)
    end([*summary["structures"], *summary["skipped"]], accept_untrusted)


def reconstruct(
    files: Files,
    out: Folder,
    model: ModelName = "best",
    numbers: OwnNumbers = None,
    weights: Weights = None,
    single: Single = False,
    as_given: AsGiven = False,
    keep_setting: KeepSetting = False,
    restarts: Restarts = 100,
    symmetrise: Symmetrise = 0.0,
    processes: Processes = None,
    scheduler: Scheduler = None,
    force: Force = False,
    resume: Resume = False,
    accept_untrusted: AcceptUntrusted = False,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """Encode structures, decode their vectors, and write the result as CIFs of the same names.

    Example: argand crystals reconstruct cifs/*.cif --out rebuilt
    """
    from argand.crew import Machines
    from argand.systems.crystals.files.run import Decoding, reconstruct_files

    require_one_format(json, csv)
    settings = {"decoding": Decoding(restarts, symmetrise), "machines": Machines(processes, scheduler)}
    made_by = model_of_options(model, numbers, weights, single, as_given, keep_setting)
    summary = reconstruct_files(files, out, made_by, **settings, force=force, resume=resume)
    _tell(summary, json, csv, out)
    end([*summary["structures"], *summary["skipped"]], accept_untrusted)


def _tell(summary: dict[str, Any], json: bool, csv: bool, out: Path) -> None:
    """Print what was done, and write its page."""
    page = page_of(out)
    if not json:
        _tell_problems(summary, complain if csv else say)
    counts = f"{summary['written']} structures, {summary['trusted_count']} trusted"
    where = f"{counts}, {summary['skipped_count']} skipped; CIFs: {out}; page: {page}"
    show(summary, json, csv, "structures", where)


def _tell_problems(summary: dict[str, Any], remark: Callable[[str], None]) -> None:
    """Print notes on how files were read, and what was skipped."""
    for note in summary["notes"]:
        remark(f"note: {note}")
    for one in summary["skipped"]:
        complain(f"skipped: {one['reason']}")
