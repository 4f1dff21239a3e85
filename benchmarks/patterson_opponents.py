"""How many measured crystals other programs solve, on the data and by the measure of patterson_real.py.

    python benchmarks/patterson_opponents.py --data FOLDER --json benchmarks/results/patterson_opponents.json

Each program makes new tries until it is clear that one is right or its time is over, in seconds of a core.
`own`: its own word says which try is its answer, and its own peaks are the atoms. `built`: our model building
gets the phases of every try, and the model of lowest R1 is the answer. `told`: any of these answers is right,
by the truth. Rows in the file are kept: a second call goes on.
"""

import csv
import json as json_module
import multiprocessing
import resource
from collections.abc import Callable
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated, Any

import typer
from report import as_table, write_report
from rich.console import Console
from rich.progress import track

NAMES = {"smtbx": "cctbx-base", "grok-phase-solver": "grok-phase-solver"}
"""Programs and the packages that they come in."""
RESOLUTIONS = "1.2,1.5,2.0,1.0,0.84,0"
_TOLERANCE = 0.03
_CORE_SECONDS, _WALL_SECONDS = 300, 3600
"""A crystal on which a program hangs is given up; other work on the machine slows the clock alone."""
_COMMON = (2, 14)


def summarise(rows: list[dict[str, Any]], grades: dict[str, str]) -> list[dict[str, Any]]:
    """One line for each program and resolution, finest first."""
    lines = []
    for opponent, d_min in sorted({(row["opponent"], row["d_min"]) for row in rows}):
        group = [row for row in rows if (row["opponent"], row["d_min"]) == (opponent, d_min)]
        best = [row for row in group if grades[row["name"]] == "A"]
        line: dict[str, Any] = {"opponent": opponent, "d_min": d_min or "all data"}
        for way in ("own", "built", "told"):
            line[way] = _count(group, way)
            line[f"{way}, grade A"] = _count(best, way)
            line[f"{way}, P-1, P21/c"] = _count([row for row in best if row["number"] in _COMMON], way)
        line["claimed"] = sum(row.get("claimed", False) for row in group)
        line["gave up"] = sum("note" in row for row in group)
        lines.append(line)
    return lines


def _count(rows: list[dict[str, Any]], way: str) -> str:
    return f"{sum(row.get(way, False) for row in rows)} of {len(rows)}"


def apart(work: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
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


def _send(to: Connection, work: Callable[..., dict[str, Any]], *arguments: Any) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (_CORE_SECONDS, _CORE_SECONDS))
    to.send(work(*arguments))


def main(
    data: Annotated[Path, typer.Option(help="Folder of the sets.")],
    json: Annotated[Path, typer.Option(help="File for the figures; rows that it holds are not repeated.")],
    limit: Annotated[float, typer.Option(help="Seconds a set.")] = 10.0,
    resolutions: Annotated[str, typer.Option(help="d_min in Å, 0 for all data.")] = RESOLUTIONS,
    opponents: Annotated[str, typer.Option(help="Programs, parted by commas.")] = ",".join(NAMES),
    only: Annotated[str, typer.Option(help="Some of the names, parted by commas.")] = "",
) -> None:
    """Print the table of solved counts; write all rows as JSON."""
    # Not before the options are known: it ends the program where these are not installed.
    from patterson_trial import measure

    with (data / "index.csv").open(newline="") as file:
        index = list(csv.DictReader(file))
    rows = json_module.loads(json.read_text())["sets"] if json.exists() else []
    rows = [row for row in rows if row["limit_s"] == limit]
    done = {(row["opponent"], row["name"], row["d_min"]) for row in rows}
    jobs = [
        (opponent, line["name"], d_min)
        for d_min in map(float, resolutions.split(","))
        for opponent in opponents.split(",")
        for line in index
        if (d_min == 0 or float(line["d_min"]) <= d_min + _TOLERANCE)
        and (not only or line["name"] in only.split(","))
    ]
    grades = {line["name"]: line["grade"] for line in index}
    report = {"limit_s": limit, "versions": {name: version(package) for name, package in NAMES.items()}}
    for opponent, name, d_min in track([job for job in jobs if job not in done], auto_refresh=False):
        row = {"opponent": opponent, "name": name, "d_min": d_min, "limit_s": limit, "number": 0}
        rows.append(row | apart(measure, data, name, d_min, opponent, limit))
        write_report(json, {**report, "summary": summarise(rows, grades), "sets": rows})
    Console(width=200).print(as_table(f"other programs, {limit:g} s each", summarise(rows, grades)))


if __name__ == "__main__":
    typer.run(main)
