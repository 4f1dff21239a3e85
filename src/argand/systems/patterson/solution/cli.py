"""The verb `argand patterson solve`."""

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from argand.crew import Machines
from argand.machine import single_threads
from argand.progress import ProgressDisplay
from argand.runs.table import plain_table
from argand.runs.verbs import Json, Processes, Scheduler, print_json, say, screen
from argand.systems.patterson.solution.space_group_table import GROUP_COLUMNS, MOST_GROUPS, group_cells

Cell = Annotated[str | None, typer.Option(help="a,b,c,alpha,beta,gamma in Å and degrees.")]
SpaceGroup = Annotated[
    str | None, typer.Option(help='Such as "P 21/c", in place of the file\'s; found where neither says it.')
]
Laue = Annotated[
    str | None, typer.Option(help='Find the space group, of this Laue class: "2/m", "mmm", "-3m1" ...')
]
Formula = Annotated[str | None, typer.Option(help="Such as C12H22O11; helps to name the atoms.")]
Elements = Annotated[
    str | None, typer.Option(help="Such as C,H,N,O, where the formula is not known; before the file's.")
]

Molecule = Annotated[
    list[str] | None,
    typer.Option(help="The molecule: a file (.mol, .sdf, .xyz, .cif) or a SMILES; may be repeated."),
]


class Probe(StrEnum):
    """What was scattered."""

    XRAY = "xray"
    ELECTRON = "electron"


Kind = Annotated[Probe | None, typer.Option(help="What was scattered; by default as the file says, or xray.")]


def solve(
    data: Annotated[
        Path, typer.Argument(help="Reflections: .hkl, .cif, .fcf, .mtz, XDS_ASCII.HKL or .m90, also gzipped.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for maps and structure.")],
    cell: Cell = None,
    spacegroup: SpaceGroup = None,
    laue: Laue = None,
    formula: Formula = None,
    elements: Elements = None,
    units: Annotated[float | None, typer.Option(help="Formulas in the cell (Z), if known.", min=0.1)] = None,
    radiation: Kind = None,
    d_min: Annotated[float | None, typer.Option(help="Use data to this resolution in Å.", min=0.2)] = None,
    # By hand; benchmarks/patterson_solver.py gives a set 10 s of one core.
    time_limit: Annotated[
        float, typer.Option(help="Seconds to search, by the clock on the wall.", min=0.1, max=1e7)
    ] = 30.0,
    seed: Annotated[int, typer.Option(help="Another seed, other random starts.", min=0, max=2**32 - 1)] = 0,
    processes: Processes = None,
    scheduler: Scheduler = None,
    network: Annotated[
        bool, typer.Option("--network", help="Let the network take part in mending, for coarse data.")
    ] = False,
    hydrogens: Annotated[
        bool, typer.Option("--hydrogens", help="Add riding hydrogen where it is clear.")
    ] = False,
    molecule: Molecule = None,
    force: Annotated[bool, typer.Option("--force", help="Write over what is there.")] = False,
    json: Json = False,
) -> None:
    """Solve a crystal structure from measured intensities; ends with 1 where no model is believed.

    Example: argand patterson solve a.hkl --cell 9.75,8.89,7.57,90,112.7,90 --spacegroup "P 21/c" --out solved
    """
    asked = {"cell": cell, "spacegroup": spacegroup, "formula": formula, "d_min": d_min, "units": units}
    asked["radiation"] = None if radiation is None else radiation.value
    asked |= {"laue": laue, "elements": elements}
    effort = {"time_limit": time_limit, "seed": seed, "network": network}
    machines = Machines(processes, scheduler)
    summary = _answer(data, out, asked, effort, machines, hydrogens, force, molecule or [])
    if json:
        print_json(summary)
    else:
        _show(summary)
    if not summary["solved"]:
        raise typer.Exit(1)


def _answer(
    data: Path,
    out: Path,
    asked: dict[str, Any],
    effort: dict[str, Any],
    machines: Machines,
    hydrogens: bool,
    force: bool,
    molecule: list[str],
) -> dict[str, Any]:
    """Solve, write all files and the page; the summary."""
    with single_threads():
        # The cores make tries; threads within a small matrix would only stand in their way.
        from argand.io.atomic import make_folder
        from argand.systems.patterson.solution import outputs as solve_outputs
        from argand.systems.patterson.solution import solve as solver
        from argand.systems.patterson.solution.page import write_solve_page
        from argand.systems.patterson.solution.sharpened_patterson import patterson

    name = solve_outputs.stem_of(data)
    files = solve_outputs.planned_files(out, name, force, data)
    bodies, known = solver.known_molecules(molecule, effort["seed"]) if molecule else ([], None)
    asked["formula"] = asked["formula"] or known
    search = {key: effort[key] for key in ("time_limit", "seed")}
    crystal, found = solver.crystal_of(data, **asked, **search, machines=machines)
    for note in crystal.notes:
        Console(stderr=True, soft_wrap=True).print(Text(f"warning: {note}", style="yellow"))
    make_folder(out)
    solve_outputs.write_patterson(files, crystal, *patterson(crystal))
    asked = {"data": data.name, **asked, "cell": crystal.cell, **effort}
    helper = solver.network_for(crystal, effort.pop("network"))
    with ProgressDisplay(name, "tries") as display:

        def watch(attempts: int, r1: float) -> None:
            spent = time.monotonic() - started
            display.update(min(spent / effort["time_limit"], 1.0), attempts, f"best R1 {r1:.3f}")

        started = time.monotonic()
        if bodies:
            asked["molecule"] = ", ".join(molecule)
            known_effort = effort["time_limit"], effort["seed"]
            solution = solver.place_known(crystal, bodies, asked["units"], *known_effort, watch, found=found)
        else:
            told = {"watch": watch, "network": helper, "found": found}
            solution = solver.solve(crystal, **effort, machines=machines, **told)
    summary = solve_outputs.write_solution(files, name, solution, asked, hydrogens and not bodies)
    summary["files"]["page"] = str(write_solve_page(out))
    return summary


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
    return [f"{summary['hydrogens']}{wanted} hydrogen atoms placed, R1 {summary['r1_with_hydrogens']:.3f}"]


def space_group_table(summary: dict[str, Any]) -> Table:
    """The groups that were looked at, the chosen one first, and what speaks for each."""
    title = f"space groups of the Laue class {summary['laue']}, |E² - 1| {summary['e_squared_minus_one']:.2f}"
    columns = GROUP_COLUMNS.values()
    rows = plain_table("space group", *columns, "", title=title)
    for row in summary["space_groups"][:MOST_GROUPS]:
        rows.add_row(*group_cells(row))
    return rows


def _show(summary: dict[str, Any]) -> None:
    """The result in a few lines."""
    if summary["spacegroup_found"]:
        screen().print(space_group_table(summary))
    verdict = "solved" if summary["solved"] else "not solved"
    lines = [
        f"{verdict}: {summary['reason']}",
        f"{summary['n_atoms']} atoms in {summary['spacegroup']}, d_min {summary['d_min']:.2f} Å, "
        f"{summary['attempts']} tries in {summary['seconds']:.1f} s ({summary['path']})",
        *(f"fits about equally: R1 {one['r1']:.3f}, {one['file']}" for one in summary.get("others", [])),
        *agreement(summary),
        *_hydrogens(summary),
        *([summary["hand"]] if "hand" in summary else []),
        *([summary["outlook"]] if "outlook" in summary else []),
        *(f"{kind}: {path}" for kind, path in summary["files"].items()),
    ]
    say("\n".join(lines))
