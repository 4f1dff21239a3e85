"""The verbs of `argand patterson`. Nothing heavy is imported before a verb runs."""

import typer

from argand.systems.patterson.solve_cli import solve

app = typer.Typer(help="From Patterson maps and measured intensities to atoms.", no_args_is_help=True)
app.command()(solve)


@app.callback()
def _verbs() -> None:
    """From Patterson maps and measured intensities to atoms."""
