"""The verbs of `argand crystals` for new crystals and energies. Nothing heavy is imported before one runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from argand.runs.verbs import (
    ADVANCED,
    FAILED,
    AcceptUntrusted,
    Csv,
    Force,
    Json,
    Processes,
    Resume,
    Scheduler,
    Seed,
    complain,
    completed_by,
    end,
    print_json,
    require_one_format,
    say,
    screen,
    show_figures,
)
from argand.systems.crystals.files.options import Folder, Index, Numbers, page_of

if TYPE_CHECKING:
    from argand.crew import Machines

Phases = Annotated[
    Path | None,
    typer.Option(
        help="File that `phases` wrote, instead of the shipped phases of the hull.", rich_help_panel=ADVANCED
    ),
]


def sample(
    out: Folder,
    count: Annotated[int, typer.Option(help="Number of crystals.", min=1)] = 10,
    seed: Seed = 0,
    generator: Annotated[
        str,
        typer.Option(
            help="Generator: substitution (elements on sites of known crystals) or frameworks (new sites).",
            autocompletion=completed_by(("substitution", "frameworks")),
        ),
    ] = "substitution",
    new: Annotated[
        bool, typer.Option("--new", help="Keep only crystals that are neither known nor repeated.")
    ] = False,
    new_framework: Annotated[
        bool, typer.Option("--new-framework", help="Keep only crystals with a framework not known before.")
    ] = False,
    relax: Annotated[
        bool,
        typer.Option("--relax", help="Relax each crystal by CHGNet, and give its energy above the hull."),
    ] = False,
    keep_below: Annotated[
        float | None,
        typer.Option(
            help="With --relax: largest energy above the hull to keep, eV/atom.", rich_help_panel=ADVANCED
        ),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(help="Sampling temperature of the elements, 0.8 by default.", rich_help_panel=ADVANCED),
    ] = None,
    noise: Annotated[
        float | None,
        typer.Option(
            help="Noise to add to the vectors, as a fraction of their size.",
            min=0.0,
            rich_help_panel=ADVANCED,
        ),
    ] = None,
    least_plausibility: Annotated[
        float,
        typer.Option(
            help="Reject crystals with elements less probable than this.", min=0.0, rich_help_panel=ADVANCED
        ),
    ] = 0.0,
    least_rotations: Annotated[
        int,
        typer.Option(
            help="Reject point groups of fewer operations.", min=1, max=48, rich_help_panel=ADVANCED
        ),
    ] = 1,
    numbers: Numbers = 512,
    index: Index = None,
    phases: Phases = None,
    processes: Processes = None,
    scheduler: Scheduler = None,
    force: Force = False,
    resume: Resume = False,
    accept_untrusted: AcceptUntrusted = False,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """Generate new crystals at random, each with the known one that is most similar.

    Crystals with atoms too near are rejected and counted. Ctrl-C leaves a run to --resume.

    Example: argand crystals sample --count 20 --seed 1 --out samples
    """
    from argand.crew import Machines
    from argand.systems.crystals.generation.candidates import Prior
    from argand.systems.crystals.generation.sampling import sample_files
    from argand.systems.crystals.generation.selection import Selection, Wishes
    from argand.systems.crystals.latent.representation import representation_of

    require_one_format(json, csv)
    given: dict[str, Any] = {"temperature": temperature, "noise": noise, "generator": generator}
    prior = Prior(**{key: value for key, value in given.items() if value is not None})
    wishes = Wishes(new, new_framework, relax, keep_below, least_plausibility, least_rotations)
    selection = Selection(prior, wishes, representation_of(numbers), index, phases)
    machines = Machines(processes, scheduler)
    summary = sample_files(out, count, seed, selection, machines, force=force, resume=resume)
    _show_samples(summary, json, csv, out)
    if summary["count"] < count:
        made = f"{summary['count']} of {count} after {summary['drawn']} candidates"
        complain(f"{made}; give a smaller --count or weaker conditions")
        raise typer.Exit(FAILED)
    end(summary["structures"], accept_untrusted)


def _show_samples(summary: dict[str, Any], json: bool, csv: bool, out: Path) -> None:
    """Print the first samples, what was rejected, and fractions, and write their page."""
    from argand.systems.crystals.files.table import MOST, csv_text, record_table

    page = page_of(out)
    if json:
        print_json(summary)
        return
    records = summary["structures"]
    if csv:
        typer.echo(csv_text(records), nl=False)
        return
    shown = ("file", "formula", "space_group", "confidence", "plausibility", "above_hull", "new_framework")
    shown += ("nearest", "known_as", "duplicate_of", "trusted")
    first = [{key: one[key] for key in shown if key in one} for one in records[:MOST]]
    screen().print(record_table(first, f"the first {len(first)} of {summary['count']} samples"))
    rejected = ", ".join(f"{count} {reason}" for reason, count in summary["rejected"].items()) or "none"
    say(f"{summary['drawn']} candidates; rejected: {rejected}")
    if summary["count"]:
        say("; ".join(f"{summary[key]:.1%} {key}" for key in ("valid_strict", "unique", "new")))
    say(f"CIFs: {out}; page: {page}")


def phases(
    pool: Annotated[Path, typer.Argument(help="Parquet file of structures; all rows count.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="File for the phases, .safetensors.")],
    max_atoms: Annotated[int, typer.Option(help="Largest number of atoms in a cell to compute.", min=1)] = 52,
    processes: Processes = None,
    scheduler: Scheduler = None,
    force: Force = False,
    resume: Resume = False,
    json: Json = False,
) -> None:
    """Compute the energies of known structures, and keep the phases on the convex hull.

    Energies are written beside the file as they are computed; --resume continues.

    Example: argand crystals phases mp_pool.parquet --out phases.safetensors
    """
    from argand.crew import Machines
    from argand.systems.crystals.energy.phases import write_phases

    machines = Machines(processes, scheduler)
    made = write_phases(pool, out, max_atoms, machines, force=force, resume=resume)
    if json:
        print_json(made)
    else:
        say(f"{made['phases']} phases of {made['with_energy']} structures are on the hull: {made['file']}")


def evaluate_new(
    files: list[str],
    out: Path,
    json: bool,
    criteria: dict[str, Any],
    machines: "Machines",
    *,
    force: bool,
    resume: bool,
) -> None:
    """Print how stable, unique and new the structures of files are."""
    from argand.systems.crystals.files.samples import Criteria, evaluate_samples
    from argand.systems.crystals.files.table import samples_table

    found = evaluate_samples(files, Criteria(**criteria), out, machines, force=force, resume=resume)
    show_figures(found, samples_table(found), json, None)
    for one in found["skipped"]:
        where = "" if one["source"] in one["reason"] else f"{one['source']}: "
        complain(f"skipped: {where}{one['reason']}")
    if found["skipped"]:
        raise typer.Exit(FAILED)
