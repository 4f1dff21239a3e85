"""Tables of what models are worth."""

from collections.abc import Sequence

from rich.table import Table

from argand.systems.molmnist.benchmark.figures import TASKS, Row


def leaderboard(rows: Sequence[Row]) -> list[Table]:
    """A table for each task, conditions in turn."""
    tables = []
    for name, task in TASKS.items():
        chosen = [row for row in rows if row["task"] == name]
        if not chosen:
            continue
        table = Table(title=name, title_justify="left", box=None, header_style="dim", padding=(0, 2, 0, 0))
        for heading in ("condition", "model", "patterns"):
            table.add_column(heading)
        for heading in (*(heading for _, heading, _ in task.columns), "CPU ms/pattern"):
            table.add_column(heading, justify="right")
        for row in chosen:
            figures = ["-" if row[key] is None else f"{row[key]:{form}}" for key, _, form in task.columns]
            ms = f"{row['cpu_ms_per_pattern']:.2f}"
            table.add_row(row["condition"], row["model"], str(row["count"]), *figures, ms)
        tables.append(table)
    return tables
