"""The command line: `argand <system> <verb>` and `argand doctor`.

Each system brings its verbs as the Typer app of its module `cli`, which imports torch only inside a verb.
"""

import gc
import importlib
import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.text import Text
from typer.core import TyperGroup

from argand import __version__
from argand.errors import ConfigError, command_line, explained
from argand.learn.launch import is_first_process
from argand.runs.verbs import INTERRUPTED, require_sensible
from argand.system import SYSTEMS

NAMES = "backslashreplace"
"""How text is printed, as it is written: see `argand.io.atomic`, which is not imported for the help alone."""
START_OBJECTS = 400_000
"""More objects that can be part of a cycle than the imports of any verb make (340 000, those of geometry)."""
USAGE_ERROR: Any = typer.BadParameter.__base__
"""click's error for a wrong option; newer versions of typer have a click of their own."""

logger = logging.getLogger(__name__)


class Verbs(TyperGroup):
    """The verbs of a system, whose options take sensible numbers alone."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The verb of this name, or None."""
        verb = super().get_command(ctx, cmd_name)
        if verb is not None and verb.callback is not None and not isinstance(verb.callback, _Checked):
            verb.callback = _Checked(verb.callback)
        return verb


@dataclass(frozen=True)
class _Checked:
    """What a verb does, once its options have been looked at."""

    run: Callable[..., Any]

    def __call__(self, **options: Any) -> Any:
        require_sensible(options)
        _require_working_folder()
        return self.run(**options)


def _require_working_folder() -> None:
    """ConfigError where the working folder was removed: the libraries of torch would end the process."""
    try:
        Path.cwd()
    except FileNotFoundError as error:
        raise ConfigError("the working folder is gone; change to one that is there") from error


class ArgandGroup(TyperGroup):
    """The commands, with errors that a user can act on told in one line instead of a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command; exit with 1 after an error that is `explained` and with 130 after Ctrl-C.

        A reader of the output that has seen enough, such as `head`, is no error to speak of: Typer ends then.
        """
        with command_line():
            return self._invoke(ctx)

    def _invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except USAGE_ERROR as error:
            # Of several processes of one command, which torchrun has started, one says how it is used.
            if is_first_process():
                raise
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt as interrupt:
            complain(str(interrupt) or "interrupted; files written so far are whole")
            raise typer.Exit(INTERRUPTED) from interrupt
        except Exception as error:
            if not told(error):
                raise
            raise typer.Exit(1) from error


def told(error: Exception) -> bool:
    """Whether an error is one to be told in one line, which is then printed."""
    message = explained(error)
    if message is None or isinstance(error, BrokenPipeError):
        return False
    logger.debug("where the error arose", exc_info=True)
    complain(message)
    return True


def complain(message: str) -> None:
    """Print one red line on the error stream."""
    line = " ".join(message.split())
    Console(stderr=True, soft_wrap=True).print(Text(f"error: {line}", style="bold red"))


def build(systems: dict[str, str]) -> typer.Typer:
    """The command line over the given systems, name -> module."""
    app = typer.Typer(
        name="argand",
        cls=ArgandGroup,
        help="Atoms, cells and beam geometry out of scattering data.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_start)
    for name, module in systems.items():
        app.add_typer(importlib.import_module(f"{module}.cli").app, name=name, cls=Verbs)
    app.command()(doctor)
    return app


def _print_version(wanted: bool) -> bool:
    """End with the version on the screen where it is wanted."""
    if wanted:
        Console().print(f"argand {__version__}", highlight=False)
        raise typer.Exit
    return wanted


def _start(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and end.", callback=_print_version, is_eager=True),
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log in detail.")] = False,
) -> None:
    """Atoms, cells and beam geometry out of scattering data, with neural networks that know physics."""
    handler = RichHandler(console=Console(stderr=True), show_path=False, show_level=verbose)
    logging.basicConfig(format="%(message)s", datefmt="[%X]", handlers=[handler], force=True)
    logging.getLogger("argand").setLevel(logging.DEBUG if verbose else logging.INFO)


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print a JSON object instead of tables.")] = False,
) -> None:
    """Say what is installed, how fast this machine computes, and whether each system works.

    Example: argand doctor
    """
    from argand.doctor import examine, show

    report = examine()
    show(report, as_json=json)
    if not report["healthy"]:
        raise typer.Exit(1)


def spare_imports() -> None:
    """Have the first look for cyclic garbage wait for START_OBJECTS objects; from then on all is as ever.

    By default it would go over all modules, classes and functions again and again while they are imported,
    a tenth of the time that torch takes to start, and find nothing, as they stay.
    """
    usual = gc.get_threshold()

    def end_of_start(phase: str, info: dict[str, int]) -> None:
        if phase == "stop":
            gc.callbacks.remove(end_of_start)
            gc.freeze()
            gc.set_threshold(*usual)

    gc.callbacks.append(end_of_start)
    gc.set_threshold(START_OBJECTS, *usual[1:])


def asked_systems(words: Sequence[str]) -> dict[str, str]:
    """Of all systems, the one that the command line asks for; all of them where it asks for none."""
    first = next((word for word in words if not word.startswith("-")), "")
    return {first: SYSTEMS[first]} if first in SYSTEMS else SYSTEMS


def steady_streams() -> None:
    """Have the standard streams take whatever is printed.

    Letters that they have no code for, and bytes of names of files, become `\\udcff`; what is closed goes
    nowhere, and no file that is opened later takes its place.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 (it stays open)
        elif isinstance(stream, TextIOWrapper) and mode == "w":
            stream.reconfigure(errors=NAMES)


def tell_of_thread(failed: threading.ExceptHookArgs) -> None:
    """Say in one line, where that is enough, why a thread ended, such as that of TensorBoard's files."""
    message = None if failed.exc_value is None else explained(failed.exc_value)
    if message is None:
        threading.__excepthook__(failed)
    else:
        complain(message)


def main() -> None:
    """Entry of the command `argand`."""
    steady_streams()
    threading.excepthook = tell_of_thread
    spare_imports()
    try:
        build(asked_systems(sys.argv[1:]))(prog_name="argand")
    except Exception as error:  # before a verb began, such as in printing the help to a full disk
        if not told(error):
            raise
        sys.exit(1)


if __name__ == "__main__":
    main()
