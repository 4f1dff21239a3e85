"""Pages of the command line, one for each system, from the Typer app itself."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from generated_page import escaped, heading, table, write

DEFAULT_PANEL = "Options"
"""Heading of options that name no panel of their own."""


def setup(app: Any) -> dict[str, bool]:
    """Write the pages before Sphinx looks for sources."""
    app.connect("builder-inited", lambda app: write_pages(Path(app.srcdir) / "reference/commands"))
    return {"parallel_read_safe": True}


def write_pages(folder: Path) -> None:
    """Write a page for each system, and one for what belongs to none."""
    import typer

    from argand.cli import build
    from argand.system import SYSTEMS

    app = typer.main.get_command(build(SYSTEMS))
    write(folder / "argand.rst", top_page(app))
    for system in SYSTEMS:
        write(folder / f"{system}.rst", system_page(system, app.commands[system]))  # type: ignore[attr-defined]


def top_page(app: Any) -> Iterator[str]:
    """The command `argand` by itself, and its commands that are no systems."""
    yield from heading("argand", "=")
    yield from _described(app, "argand")
    for name, command in app.commands.items():
        if not hasattr(command, "commands"):
            yield from verb(f"argand {name}", command)


def system_page(name: str, group: Any) -> Iterator[str]:
    """All verbs of one system."""
    yield from heading(f"argand {name}", "=")
    yield from (escaped(group.help or ""), "")
    for word, command in group.commands.items():
        yield from verb(f"argand {name} {word}", command)


def verb(name: str, command: Any) -> Iterator[str]:
    """One command: what it does, an example, its arguments and options."""
    yield f".. _command-{name.replace(' ', '-')}:"
    yield ""
    yield from heading(name, "-")
    yield from _described(command, name)


def _described(command: Any, name: str) -> Iterator[str]:
    context = command.context_class(command, info_name=name)
    usage = " ".join(command.get_usage(context).removeprefix("Usage:").split())
    prose, *examples = (command.help or "").split("Example: ")
    yield from (f"``{usage}``", "", escaped(" ".join(prose.split())), "")
    for example in examples:
        yield from (".. code-block:: console", "", f"   $ {' '.join(example.split())}", "")
    for panel, rows in _panels(command, context).items():
        yield from (f".. rubric:: {panel}", "")
        yield from table(("", ""), rows, widths="30 70")


def _panels(command: Any, context: Any) -> dict[str, list[tuple[str, str]]]:
    """Heading -> rows of names and help, in the order of `--help`."""
    panels: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is None or getattr(parameter, "hidden", False):
            continue
        argument = parameter.param_type_name == "argument"
        panel = parameter.rich_help_panel or ("Arguments" if argument else DEFAULT_PANEL)
        names = re.sub(r"(?<=\S)\s{2,}(?=\S)", " ", record[0])
        panels.setdefault(panel, []).append((f"``{names}``", escaped(record[1])))
    return panels
