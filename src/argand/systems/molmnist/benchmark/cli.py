"""The verbs of `argand molmnist` over data sets. Nothing heavy is imported before a verb runs."""

from json import dumps
from pathlib import Path
from typing import Annotated

import typer

from argand.runs.verbs import Json, say


def check(
    file: Annotated[Path, typer.Argument(help="What simulate wrote.")],
    json: Json = False,
) -> None:
    """Check every byte of a data set, say what it holds, and whether it is the published one.

    Example: argand molmnist check set.h5
    """
    from argand.systems.molmnist.benchmark.dataset import summary, verdict

    found = summary(file)
    splits = ", ".join(f"{count} {name}" for name, count in found["splits"].items())
    text = f"{file}: {found['pairs']} pairs ({splits}), intact\nSHA-256 of the pairs: {found['sha256']}"
    typer.echo(dumps(found, indent=2)) if json else say(f"{text}\n{verdict(found['published'])}")


def figures(
    file: Annotated[str, typer.Argument(help="Data set, or the name sample.")],
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")],
) -> None:
    """Draw the published figures 1, 2 and 3 (left) again.

    Example: argand molmnist figures sample --out figures
    """
    from argand.systems.molmnist.benchmark.dataset import load, open_pairs
    from argand.systems.molmnist.published.figures import draw_figures

    for path in draw_figures(out, load("sample") if file == "sample" else open_pairs(Path(file))):
        say(f"picture: {path}")
