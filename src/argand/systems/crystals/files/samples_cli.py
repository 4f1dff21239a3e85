"""The verbs of `argand crystals` for new crystals and energies. Nothing heavy is imported before one runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from argand.runs.verbs import Json, Processes, Scheduler, complain, print_json, say, screen, show_figures
from argand.systems.crystals.files.cli import Folder, Index, Numbers

if TYPE_CHECKING:
    from argand.crew import Machines

Phases = Annotated[
    Path | None, typer.Option(help="What `phases` wrote, in place of the shipped phases for the hull.")
]


def sample(
    out: Folder,
    count: Annotated[int, typer.Option(help="How many crystals.", min=1)] = 10,
    seed: Annotated[int, typer.Option(help="Another seed, other crystals.", min=0, max=2**32 - 1)] = 0,
    generator: Annotated[
        str, typer.Option(help="substitution: elements on known places; frameworks: places drawn too.")
    ] = "substitution",
    new: Annotated[
        bool, typer.Option("--new", help="Keep only what is neither known nor drawn before; draw on.")
    ] = False,
    new_framework: Annotated[
        bool, typer.Option("--new-framework", help="Keep only what no known structure has the framework of.")
    ] = False,
    relax: Annotated[
        bool, typer.Option("--relax", help="Relax each by CHGNet, and tell its energy above the hull.")
    ] = False,
    keep_below: Annotated[
        float | None, typer.Option(help="With --relax: keep what is at most so many eV/atom above the hull.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(help="Of the elements: below 1 likely ones are preferred.")
    ] = None,
    noise: Annotated[
        float | None, typer.Option(help="Noise on the latents, as a share of their size.", min=0.0)
    ] = None,
    least_plausibility: Annotated[
        float, typer.Option(help="Turn away what the network of elements finds less likely.", min=0.0)
    ] = 0.0,
    least_rotations: Annotated[
        int, typer.Option(help="Turn away point groups of fewer operations.", min=1, max=48)
    ] = 1,
    numbers: Numbers = 512,
    index: Index = None,
    phases: Phases = None,
    processes: Processes = None,
    scheduler: Scheduler = None,
    json: Json = False,
) -> None:
    """Draw new crystals from the prior over latents; each with the known one that is most like it.

    Crystals with atoms too near are drawn anew, and counted. Ctrl-C leaves a run to the same command.

    Example: argand crystals sample --count 20 --seed 1 --out drawn
    """
    from argand.crew import Machines
    from argand.systems.crystals.generation.candidates import Prior
    from argand.systems.crystals.generation.sampling import sample_files
    from argand.systems.crystals.generation.selection import Selection, Wishes
    from argand.systems.crystals.latent.representation import representation_of

    given: dict[str, Any] = {"temperature": temperature, "noise": noise, "generator": generator}
    prior = Prior(**{key: value for key, value in given.items() if value is not None})
    wishes = Wishes(new, new_framework, relax, keep_below, least_plausibility, least_rotations)
    selection = Selection(prior, wishes, representation_of(numbers), index, phases)
    summary = sample_files(out, count, seed, selection, Machines(processes, scheduler))
    if json:
        print_json(summary)
    else:
        _show_samples(summary, out)
    if summary["count"] < count:
        complain(
            f"{summary['count']} of {count} after {summary['drawn']} draws; ask for less or less strictly"
        )
        raise typer.Exit(1)


def _show_samples(summary: dict[str, Any], out: Path) -> None:
    """Print the first samples, what was turned away, and shares."""
    from argand.systems.crystals.files.table import record_table

    shown = ("file", "formula", "space_group", "plausibility", "above_hull", "new_framework", "nearest")
    shown += ("known_as", "duplicate_of")
    records = [{key: one[key] for key in shown if key in one} for one in summary["structures"][:40]]
    screen().print(record_table(records, f"the first {len(records)} of {summary['count']} samples"))
    turned_away = ", ".join(f"{count} {reason}" for reason, count in summary["rejected"].items()) or "none"
    say(f"{summary['drawn']} drawn; turned away: {turned_away}")
    if summary["count"]:
        say("; ".join(f"{summary[key]:.1%} {key}" for key in ("valid_strict", "unique", "new")))
    say(f"CIFs: {out}")


def phases(
    pool: Annotated[Path, typer.Argument(help="Parquet file of structures, all of whose rows count.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="File for the phases, .safetensors.")],
    max_atoms: Annotated[int, typer.Option(help="Atoms of the largest cell that is asked.", min=1)] = 52,
    processes: Processes = None,
    scheduler: Scheduler = None,
    json: Json = False,
) -> None:
    """Compute the energies of known structures, and keep the phases that the hull is made of.

    Energies are written beside the file as they come; the same command goes on.

    Example: argand crystals phases mp_pool.parquet --out phases.safetensors
    """
    from argand.crew import Machines
    from argand.systems.crystals.energy.phases import write_phases

    made = write_phases(pool, out, max_atoms, Machines(processes, scheduler))
    if json:
        print_json(made)
    else:
        say(f"{made['phases']} phases of {made['with_energy']} structures are on the hull: {made['file']}")


def judge(files: list[str], out: Path, json: bool, by: dict[str, Any], machines: "Machines") -> None:
    """Print how stable, unique and new the structures of files are."""
    from argand.systems.crystals.files.samples import Judge, evaluate_samples
    from argand.systems.crystals.files.table import judgement_table

    summary = evaluate_samples(files, Judge(**by), out, machines)
    show_figures(summary, judgement_table(summary), json, None)
    for one in summary["skipped"]:
        where = "" if one["source"] in one["reason"] else f"{one['source']}: "
        complain(f"skipped: {where}{one['reason']}")
    if summary["skipped"]:
        raise typer.Exit(1)
