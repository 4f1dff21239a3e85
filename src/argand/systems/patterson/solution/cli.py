"""The verb `argand patterson solve`."""

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.table import Table
from rich.text import Text

from argand.crew import Machines
from argand.duration import Seconds
from argand.machine import single_threads
from argand.runs.table import best_guess, plain_table
from argand.runs.verbs import (
    ADVANCED,
    INTERRUPTED,
    AcceptUntrusted,
    Force,
    Json,
    Processes,
    Resume,
    Scheduler,
    TimeLimit,
    complain,
    end,
    print_json,
    screen,
)
from argand.systems.patterson.solution.space_group_table import GROUP_COLUMNS, MOST_GROUPS, group_cells


class Probe(StrEnum):
    """The radiation."""

    XRAY = "xray"
    ELECTRON = "electron"


Cell = Annotated[str | None, typer.Option(help="Unit cell a,b,c,alpha,beta,gamma in Å and degrees.")]
SpaceGroup = Annotated[
    str | None, typer.Option(help='Space group, such as "P 21/c"; by default the file\'s, or determined.')
]
Formula = Annotated[str | None, typer.Option(help="Chemical formula, such as C12H22O11.")]
Molecule = Annotated[
    list[str] | None,
    typer.Option(help="Known molecule: a file (.mol, .sdf, .xyz, .cif) or SMILES; may be repeated."),
]
Hydrogens = Annotated[
    bool, typer.Option("--hydrogens", help="Add riding hydrogen atoms where they are clear.")
]
Laue = Annotated[
    str | None,
    typer.Option(
        help='Determine the space group within this Laue class: "2/m", "mmm", "-3m1" ...',
        rich_help_panel=ADVANCED,
    ),
]
Elements = Annotated[
    str | None,
    typer.Option(help="Elements, such as C,H,N,O, if the formula is unknown.", rich_help_panel=ADVANCED),
]
Units = Annotated[
    float | None,
    typer.Option(help="Formula units in the cell (Z), if known.", min=0.1, rich_help_panel=ADVANCED),
]
Radiation = Annotated[
    Probe | None,
    typer.Option(help="Radiation; by default the file's, or xray.", rich_help_panel=ADVANCED),
]
DMin = Annotated[
    float | None,
    typer.Option(help="Use data to this resolution in Å only.", min=0.2, rich_help_panel=ADVANCED),
]
Network = Annotated[
    bool,
    typer.Option(
        "--with-network",
        help="Let the network help to complete models of coarse data.",
        rich_help_panel=ADVANCED,
    ),
]
Seed = Annotated[int, typer.Option(help="Random seed.", min=0, max=2**32 - 1, rich_help_panel=ADVANCED)]


def solve(
    data: Annotated[
        Path, typer.Argument(help="Reflections: .hkl, .cif, .fcf, .mtz, XDS_ASCII.HKL or .m90, also gzipped.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for maps, structure and page.")],
    cell: Cell = None,
    spacegroup: SpaceGroup = None,
    formula: Formula = None,
    molecule: Molecule = None,
    hydrogens: Hydrogens = False,
    # By hand; benchmarks/patterson_solver.py gives a set 10 s of one core.
    time_limit: TimeLimit = Seconds(30),
    processes: Processes = None,
    force: Force = False,
    resume: Resume = False,
    json: Json = False,
    laue: Laue = None,
    elements: Elements = None,
    units: Units = None,
    radiation: Radiation = None,
    d_min: DMin = None,
    with_network: Network = False,
    seed: Seed = 0,
    scheduler: Scheduler = None,
    accept_untrusted: AcceptUntrusted = False,
) -> None:
    """Solve a crystal structure from measured intensities.

    Exits with 3 if the model is not trusted. Ctrl-C keeps the best model so far and exits with 130.

    Example: argand patterson solve a.hkl --cell 9.75,8.89,7.57,90,112.7,90 --spacegroup "P 21/c" --out solved
    """
    asked = {"cell": cell, "spacegroup": spacegroup, "formula": formula, "laue": laue, "elements": elements}
    asked |= {"units": units, "radiation": None if radiation is None else radiation.value, "d_min": d_min}
    asked |= {"molecule": molecule or [], "hydrogens": hydrogens, "with_network": with_network, "seed": seed}
    asked["time_limit"] = float(time_limit)
    place = {"force": force, "resume": resume}
    summary, interrupted = _answer(data, out, asked, Machines(processes, scheduler), place)
    if json:
        print_json(summary)
    else:
        _show(summary)
    if interrupted:
        complain("interrupted; the best model so far was written")
        raise typer.Exit(INTERRUPTED)
    end([summary], accept_untrusted)


def _answer(
    data: Path, out: Path, asked: dict[str, Any], machines: Machines, place: dict[str, bool]
) -> tuple[dict[str, Any], bool]:
    """Solve and write all files and the page; the summary, and whether Ctrl-C ended the search."""
    with single_threads():
        # The cores make attempts; threads within a small matrix would only slow them down.
        from argand.io.interrupts import interrupts_wait
        from argand.runs.resume import digest
        from argand.systems.patterson.solution import outputs
        from argand.systems.patterson.solution.answer import CrystalAnswer
        from argand.systems.patterson.solution.file_search import solved_file
        from argand.systems.patterson.solution.search_display import SearchDisplay
        from argand.systems.patterson.solution.solve import Interrupted

    name = outputs.stem_of(data)
    inputs = [Path(one) for one in asked["molecule"]]
    files = outputs.claimed_files(out, name, data, inputs=inputs, **place)
    question = digest([asked, *inputs], data)
    earlier = outputs.earlier_summary(files, question) if place["resume"] else None
    if earlier is not None:
        return earlier, False
    interrupted = False
    with SearchDisplay(name, asked["time_limit"]) as display:
        try:
            answer = solved_file(data, **asked, machines=machines, observer=display)
        except Interrupted as stop:
            answer, interrupted = cast(CrystalAnswer, stop.solution), True
        display.begin("writing")
        with interrupts_wait():
            return replace(answer, question=question).write(out, resume=True), interrupted


def agreement(summary: dict[str, Any]) -> list[str]:
    """One line on how well equivalent reflections agree, none where each was given once."""
    names = {"r_meas": "R_meas", "cc_half": "CC1/2"}
    told = ", ".join(f"{name} {summary[key]:.3f}" for key, name in names.items() if key in summary)
    return [f"equivalent reflections: {told}"] if told else []


def _hydrogens(summary: dict[str, Any]) -> list[str]:
    """One line on hydrogen where it was asked for."""
    if "hydrogens" not in summary:
        return []
    wanted = f" of {summary['expected_hydrogens']:g}" if "expected_hydrogens" in summary else ""
    return [f"{summary['hydrogens']}{wanted} hydrogen atoms placed, R1 = {summary['r1_with_hydrogens']:.3f}"]


def space_group_table(summary: dict[str, Any]) -> Table:
    """The groups that were considered, the chosen one first, and the evidence for each."""
    title = f"space groups of the Laue class {summary['laue']}, |E² - 1| {summary['e_squared_minus_one']:.2f}"
    columns = GROUP_COLUMNS.values()
    rows = plain_table("space group", *columns, "", title=title)
    for row in summary["space_groups"][:MOST_GROUPS]:
        rows.add_row(*group_cells(row))
    return rows


def _counted(attempts: int) -> str:
    return "1 attempt" if attempts == 1 else f"{attempts} attempts"


def _show(summary: dict[str, Any]) -> None:
    """The result in a few lines; the figures of a model that is not trusted are dim."""
    console = screen()
    if summary["spacegroup_found"]:
        console.print(space_group_table(summary))
    trusted = summary["trusted"]
    verdict = Text("trusted: ", "green") if trusted else Text("not trusted: ", "red")
    console.print(verdict + Text(summary["reason"]), soft_wrap=True)
    guess = "" if trusted else "best guess: "
    for line in [
        f"{guess}{summary['formula']}, Z = {summary['units']:g}: {summary['n_atoms']} atoms in "
        f"{summary['spacegroup']}, d_min {summary['d_min']:.2f} Å, {_counted(summary['attempts'])} in "
        f"{summary['seconds']:.1f} s ({summary['path']})",
        *(
            f"fits about equally well: R1 = {one['r1']:.3f}, {one['file']}"
            for one in summary.get("others", [])
        ),
        *agreement(summary),
        *_hydrogens(summary),
        *([summary["hand"]] if "hand" in summary else []),
    ]:
        console.print(Text(line) if trusted else best_guess(line), soft_wrap=True)
    told = [summary["outlook"]] if "outlook" in summary else []
    told += [f"{kind}: {path}" for kind, path in summary["files"].items()]
    console.print(Text("\n".join(told)), soft_wrap=True)
