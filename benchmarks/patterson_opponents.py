"""How many crystals other programs solve, on the data and by the measure of patterson_solver.py.

    python benchmarks/patterson_opponents.py --data FOLDER --json benchmarks/results/patterson_opponents.json

Each program is given merged data, cell, space group and contents, and makes new tries until it is clear that
one is right or its time is over, in seconds of a core. `own`: its own word says which try is its answer, and
its own peaks are the atoms. `built`: our model building gets the phases of every try, and the model of lowest
R1 is the answer. `told`: any of these answers is right, by the truth. `claimed`: it says that it has solved.
Rows in the file are kept: a second call goes on.
"""

import json as json_module
import multiprocessing
import resource
from collections.abc import Callable
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from report import as_table, write_report
from rich.console import Console
from rich.progress import track

if TYPE_CHECKING:
    from patterson_sets import Kind, Part

NAMES = {"smtbx": "cctbx-base", "grok-phase-solver": "grok-phase-solver"}
"""Programs and the packages that they come in."""
_CORE_SECONDS, _WALL_SECONDS = 300, 3600
"""A crystal on which a program hangs is given up; other work on the machine slows the clock alone."""
_KEYS = ("opponent", "part", "kind", "name", "d_min")
"""What makes a row its own."""


def summarise(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line for each program, part, kind and resolution, with counts of sets."""
    lines = []
    keys = ("opponent", "part", "kind", "d_min")
    for key in sorted({tuple(row[name] for name in keys) for row in rows}):
        group = [row for row in rows if tuple(row[name] for name in keys) == key]
        line: dict[str, Any] = dict(zip(keys, key, strict=True)) | {"sets": len(group)}
        # A row of a program that gave up has a note alone.
        line |= {way: sum(row.get(way, False) for row in group) for way in ("own", "built", "told")}
        line["claimed"] = sum(row.get("claimed", False) for row in group)
        line["wrong"] = sum(row.get("claimed", False) and not row["own"] for row in group)
        lines.append(line | {"gave up": sum("note" in row for row in group)})
    return lines


def apart(work: Callable[..., dict[str, Any] | None], *arguments: Any) -> dict[str, Any] | None:
    """What work returns in a process of its own; a note where that crashes or hangs."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(there, work, *arguments))
    process.start()
    there.close()
    try:
        answer = here.recv() if here.poll(_WALL_SECONDS) else {"note": f"no answer in {_WALL_SECONDS} s"}
    except EOFError:
        process.join()
        answer = {"note": f"ended with exit status {process.exitcode}"}
    process.kill()
    process.join()
    return answer


def _send(to: Connection, work: Callable[..., dict[str, Any] | None], *arguments: Any) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (_CORE_SECONDS, _CORE_SECONDS))
    to.send(work(*arguments))


def main(
    data: Annotated[Path, typer.Option(help="Folder of the sets, as of patterson_solver.py.")],
    json: Annotated[Path, typer.Option(help="File for the figures; rows that it holds are not repeated.")],
    part: Annotated[str, typer.Option(help="choose, report, or both, parted by commas.")] = "report,choose",
    kinds: Annotated[str, typer.Option(help="measured, simulated, electron.")] = "measured,simulated",
    resolutions: Annotated[str, typer.Option(help="d_min in Å, 0 for all data.")] = "0.84,1.2,1.5",
    limit: Annotated[float, typer.Option(help="Seconds of one core for a set.")] = 10.0,
    opponents: Annotated[str, typer.Option(help=f"Programs: {', '.join(NAMES)}.")] = "smtbx",
    only: Annotated[str, typer.Option(help="Some of the names, parted by commas.")] = "",
) -> None:
    """Print the table of counts; write all rows as JSON."""
    # Not before the options are known, as it ends the program where these are not installed; and before
    # patterson_sets, which loads gemmi, or cctbx crashes.
    from patterson_trial import measure  # isort: skip
    from patterson_sets import names

    rows = json_module.loads(json.read_text())["sets"] if json.exists() else []
    rows = [row for row in rows if row["limit_s"] == limit]
    done = {tuple(row[key] for key in _KEYS) for row in rows}
    jobs = [
        (opponent, half, kind, name, d_min)
        for half in part.split(",")
        for d_min in map(float, resolutions.split(","))
        for opponent in opponents.split(",")
        for kind in kinds.split(",")
        for name in names(data, cast("Kind", kind), cast("Part", half))
        if not only or name in only.split(",")
    ]
    for job in track([job for job in jobs if job not in done], auto_refresh=False):
        opponent, half, kind, name, d_min = job
        figures = apart(measure, data, half, kind, name, d_min, opponent, limit)
        if figures is None:
            continue
        rows.append(dict(zip(_KEYS, job, strict=True)) | {"limit_s": limit} | figures)
        versions = {name: version(NAMES[name]) for name in sorted({row["opponent"] for row in rows})}
        report = {"limit_core_s": limit, "versions": versions}
        write_report(json, {**report, "summary": summarise(rows), "sets": rows})
    if rows:
        Console(width=160).print(as_table(f"other programs, {limit:g} s of one core each", summarise(rows)))


if __name__ == "__main__":
    typer.run(main)
