"""Write the measured figures as pages, and headline figures into the README, from the results of benchmarks.

    python benchmarks/tables.py            writes docs/figures/NAME.md and the table of README.md
    python benchmarks/tables.py --check    fails where one of them is out of date

A page begins with a summary, followed by the whole tables. The README has the headline figures between the
lines `<!-- figures:begin -->` and `<!-- figures:end -->`, and the limits of argand between those of `limits`.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from crystals_likeness_tables import crystals_likeness_table
from crystals_tables import (
    crystals_frameworks_table,
    crystals_others_table,
    crystals_paper_table,
    crystals_samples_table,
    crystals_short_table,
    crystals_stability_table,
    crystals_table,
)
from geometry_tables import (
    lattice_table,
    panels_table,
    poster_table,
    real_table,
    rings_table,
    simulated_table,
)
from headlines import readme_limits, readme_table
from machine_tables import pages_table, speed_table, startup_table, throughput_table
from molmnist_tables import (
    molmnist_dynamics_table,
    molmnist_ensemble_table,
    molmnist_forward_table,
    molmnist_hard_table,
    molmnist_hard_trust_table,
    molmnist_phase_retrieval_table,
    molmnist_simulate_table,
    molmnist_tasks_table,
    molmnist_trust_table,
)
from patterson_crystal_tables import (
    patterson_molecule_table,
    patterson_solver_table,
    patterson_space_group_table,
)
from patterson_tables import (
    patterson_ablation_table,
    patterson_foreign_maps_table,
    patterson_separation_table,
    patterson_table,
)
from report import Report, Row
from summaries import summary

ROOT = Path(__file__).parents[1]
MARKS = {"figures": readme_table, "limits": readme_limits}
"""What stands between the marks of the README."""
COLUMNS = {
    "what": "quantity",
    "where": "data",
    "goal": "goal",
    "measured": "result",
    "chosen": "result on the data used for choices",
    "others": "for comparison",
}
"""Headings of the columns; one that a table does not fill is left out."""


@dataclass(frozen=True)
class Table:
    """One table of a page: its heading, and what makes caption and rows of a result."""

    heading: str
    rows: Callable[[Report], tuple[str, list[Row]]]
    command: str = ""
    """The benchmark that writes the result, where it is not `NAME.py`."""
    beside: str = ""
    """Another result that the table shows too."""


@dataclass(frozen=True)
class Page:
    """The figures of one system: tables by the name of their result."""

    title: str
    tables: dict[str, Table]


PAGES = {
    "geometry": Page(
        "Measured figures: geometry",
        {
            "geometry_simulated": Table("Simulated stills", simulated_table),
            "geometry_real": Table("Real images", real_table),
            "geometry_rings": Table("Powder rings", rings_table),
            "geometry_lattice": Table("Lattices", lattice_table),
            "geometry_panels": Table("Detectors of many panels", panels_table),
            "geometry_published": Table("The poster's networks", poster_table),
        },
    ),
    "patterson": Page(
        "Measured figures: patterson",
        {
            "patterson_solver": Table(
                "Crystals solved", patterson_solver_table, beside="patterson_opponents"
            ),
            "patterson_space_group": Table("Space groups found", patterson_space_group_table),
            "patterson_molecule": Table("Known molecules placed", patterson_molecule_table),
            "patterson": Table("Patterson maps", patterson_table),
            "patterson_foreign_maps": Table("Maps from other sources", patterson_foreign_maps_table),
            "patterson_separation": Table("Inversion images separated", patterson_separation_table),
            "patterson_ablation": Table("Trainings compared", patterson_ablation_table),
        },
    ),
    "crystals": Page(
        "Measured figures: crystals",
        {
            "crystals": Table("Rebuilt from vectors", crystals_table, beside="crystals_short"),
            "crystals_short": Table("Short vectors", crystals_short_table),
            "crystals_others": Table("Other kinds of structure", crystals_others_table),
            "crystals_likeness": Table("Distances between vectors", crystals_likeness_table),
            "crystals_samples": Table("New crystals", crystals_samples_table),
            "crystals_stability": Table(
                "Stability", crystals_stability_table, beside="crystals_stability_choice"
            ),
            "crystals_frameworks": Table("New frameworks", crystals_frameworks_table),
            "crystals_paper": Table("The published interface", crystals_paper_table),
        },
    ),
    "molmnist": Page(
        "Measured figures: molmnist",
        {
            "molmnist_hard": Table(
                "Leaderboard of hard", molmnist_hard_table, "molmnist_tasks.py --set hard"
            ),
            "molmnist_hard_trust": Table("Trusted answers", molmnist_hard_trust_table),
            "molmnist_trust": Table("Trusted answers of the ten", molmnist_trust_table),
            "molmnist_tasks": Table("Leaderboard of standard", molmnist_tasks_table),
            "molmnist_opponents": Table("Phase retrieval", molmnist_phase_retrieval_table),
            "molmnist_forward": Table("Forward model", molmnist_forward_table),
            "molmnist_simulate": Table("Simulation", molmnist_simulate_table),
            "molmnist_ensemble": Table("Elastic modes and molecular dynamics", molmnist_ensemble_table),
            "molmnist_dynamics": Table("Twists", molmnist_dynamics_table),
        },
    ),
    "machines": Page(
        "Measured figures: time, memory and several processes",
        {
            "throughput": Table("Shared out", throughput_table),
            "geometry_speed": Table("One image", speed_table),
            "startup": Table("Start of a command", startup_table),
            "pages": Table("Pages of results", pages_table),
        },
    ),
}
INTRODUCTION = (
    "Written by `python benchmarks/tables.py` from the results in `benchmarks/results`. `make bench` "
    "measures the main ones again; each table names the benchmark that measures it, and the [README of "
    "the benchmarks](../../benchmarks/README.md) explains the quantities."
)


def page_text(name: str, results: Path) -> str:
    """One page of figures as Markdown; a result that is missing is one line."""
    page = PAGES[name]
    reports = {
        result: report for result in page.tables if (report := read(results, result, page)) is not None
    }
    parts = [f"# {page.title}", INTRODUCTION]
    rows = summary(name, reports)
    if rows:
        parts += ["## Summary", as_markdown(rows)]
    for result, table in page.tables.items():
        command = table.command or f"{result}.py"
        parts.append(f"## {table.heading}")
        if result in reports:
            caption, rows = table.rows(reports[result])
            parts += [f"{caption}.", as_markdown(rows), f"Measured by `benchmarks/{command}`."]
        else:
            parts.append(f"`benchmarks/{command}`: not measured yet (no `{result}.json`).")
    return "\n\n".join(parts) + "\n"


def read(results: Path, result: str, page: Page) -> Report | None:
    """A result with the one shown beside it; None where it was not measured."""
    path = results / f"{result}.json"
    if not path.is_file():
        return None
    report = json.loads(path.read_text(encoding="utf-8"))
    beside = results / f"{page.tables[result].beside}.json"
    if beside.is_file():
        report["beside"] = json.loads(beside.read_text(encoding="utf-8"))
    return report


def as_markdown(rows: Sequence[Row]) -> str:
    """A table with the columns that any of the rows fills."""
    keys = [key for key in COLUMNS if any(getattr(row, key) for row in rows)]
    lines = [[COLUMNS[key] for key in keys], ["---"] * len(keys)]
    lines += [[getattr(row, key) for key in keys] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def with_part(text: str, name: str, part: str) -> str:
    """The text with this part between its marks; ValueError where it has not one pair of them."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise ValueError(f"needs one line {begin} and one line {end} after it")
    before, after = text[: text.index(begin)], text[text.index(end) :]
    return f"{before}{begin}\n{part}\n{after}"


def written(root: Path, results: Path) -> dict[Path, str]:
    """Each file that has figures, and what is to stand in it."""
    readme = root / "README.md"
    every = {
        result: report
        for page in PAGES.values()
        for result in page.tables
        if (report := read(results, result, page)) is not None
    }
    texts = {root / "docs" / "figures" / f"{name}.md": page_text(name, results) for name in PAGES}
    text = readme.read_text(encoding="utf-8")
    for name, make in MARKS.items():
        text = with_part(text, name, make(every))
    return texts | {readme: text}


def main(
    root: Annotated[Path, typer.Option(help="Folder of README.md and docs/figures")] = ROOT,
    results: Annotated[Path, typer.Option(help="Folder of the JSON files")] = ROOT / "benchmarks" / "results",
    check: Annotated[bool, typer.Option("--check", help="Only compare, and fail where one is old")] = False,
) -> None:
    """Write the pages of figures and the table of the README, or with --check compare them."""
    for page in PAGES.values():
        for result, table in page.tables.items():
            if not (results / f"{result}.json").is_file():
                command = table.command or f"{result}.py"
                typer.echo(f"{results / result}.json is missing; benchmarks/{command} writes it", err=True)
    old = {path: text for path, text in written(root, results).items() if not _is(path, text)}
    for path, text in old.items():
        if check:
            typer.echo(f"{path}: figures are out of date; run python benchmarks/tables.py", err=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if check and old:
        raise typer.Exit(1)


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    typer.run(main)
