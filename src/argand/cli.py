"""The command line: `argand <system> <verb>`, `argand doctor` and `argand app`.

Each system provides its verbs as the Typer app of its module `cli`, which imports torch only inside a verb.
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
from argand.app.command import app as serve_app
from argand.errors import ConfigError, command_line, explained
from argand.learn.launch import is_first_process
from argand.runs.command import running
from argand.runs.verbs import INTERRUPTED, Open, require_sensible
from argand.system import SYSTEMS

NAMES = "backslashreplace"
"""Error handler for printed text, the same as in `argand.io.atomic`, which is not imported just for the
help."""
START_OBJECTS = 400_000
"""More container objects than the imports of any verb create (geometry creates the most, 340 000)."""
USAGE_ERROR: Any = typer.BadParameter.__base__
"""click's error for a wrong option; newer versions of typer bundle their own click."""

_WORDS = "argand.words"
"""Under which click's context keeps the words of the command line."""

logger = logging.getLogger(__name__)


class Verbs(TyperGroup):
    """The verbs of a system; their numeric options are checked before they run."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The verb of this name, or None."""
        verb = super().get_command(ctx, cmd_name)
        if verb is not None and verb.callback is not None and not isinstance(verb.callback, _Checked):
            verb.callback = _Checked(verb.callback)
        return verb


@dataclass(frozen=True)
class _Checked:
    """A verb that checks its options before it runs."""

    run: Callable[..., Any]

    def __call__(self, **options: Any) -> Any:
        require_sensible(options)
        _require_working_folder()
        return self.run(**options)


def _require_working_folder() -> None:
    """Raise ConfigError if the working folder was removed, which would make torch's libraries abort the
    process."""
    try:
        Path.cwd()
    except FileNotFoundError as error:
        raise ConfigError("the working folder no longer exists; change to one that does") from error


class ArgandGroup(TyperGroup):
    """The commands; errors that a user can act on are printed as one line instead of a traceback."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Note the command line, which pages of results show."""
        ctx.meta[_WORDS] = list(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command; exit with 1 after an error that is `explained` and with 130 after Ctrl-C.

        A reader that closes the output early, such as `head`, causes no error message: Typer just exits.
        """
        with command_line(), running(ctx.meta[_WORDS]):
            return self._invoke(ctx)

    def _invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except USAGE_ERROR as error:
            # If torchrun started several processes of one command, only the first prints the usage.
            if is_first_process():
                raise
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt as interrupt:
            complain(str(interrupt) or "interrupted; files written so far are complete")
            raise typer.Exit(INTERRUPTED) from interrupt
        except Exception as error:
            if not told(error):
                raise
            raise typer.Exit(1) from error


def told(error: Exception) -> bool:
    """Print an error that has a one-line explanation; whether it had one."""
    message = explained(error)
    if message is None or isinstance(error, BrokenPipeError):
        return False
    logger.debug("where the error arose", exc_info=True)
    complain(message)
    return True


def complain(message: str) -> None:
    """Print one red line to stderr."""
    line = " ".join(message.split())
    Console(stderr=True, soft_wrap=True).print(Text(f"error: {line}", style="bold red"))


def build(systems: dict[str, str]) -> typer.Typer:
    """Build the command line for the given systems, name -> module."""
    app = typer.Typer(
        name="argand",
        cls=ArgandGroup,
        help="Atoms, unit cells and beam geometry from scattering data.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_start)
    for name, module in systems.items():
        app.add_typer(importlib.import_module(f"{module}.cli").app, name=name, cls=Verbs)
    app.command()(doctor)
    app.command()(overview)
    app.command()(serve_app)
    return app


def _print_version(wanted: bool) -> bool:
    """Print the version and exit if `wanted`."""
    if wanted:
        Console().print(f"argand {__version__}", highlight=False)
        raise typer.Exit
    return wanted


def _start(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True),
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log in detail.")] = False,
) -> None:
    """Atoms, unit cells and beam geometry from scattering data, with physics-aware neural networks."""
    handler = RichHandler(console=Console(stderr=True), show_path=False, show_level=verbose)
    logging.basicConfig(format="%(message)s", datefmt="[%X]", handlers=[handler], force=True)
    logging.getLogger("argand").setLevel(logging.DEBUG if verbose else logging.INFO)


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print a JSON object instead of tables.")] = False,
) -> None:
    """Report what is installed, how fast this machine computes, and whether each system works.

    Example: argand doctor
    """
    from argand.doctor import examine, show

    report = examine()
    show(report, as_json=json)
    if not report["healthy"]:
        raise typer.Exit(1)


def overview(
    folder: Annotated[Path, typer.Argument(help="Folder of results, or one above several of them.")] = Path(),
    open_page: Open = False,
) -> None:
    """Write one page that links all results in and below a folder, with their verdicts.

    Example: argand overview demo --open
    """
    from argand.runs.browser import say_page
    from argand.runs.overview import write_overview

    say_page(write_overview(folder), open_page)


def spare_imports() -> None:
    """Delay the first garbage collection until there are START_OBJECTS objects, then restore the defaults.

    By default the collector scans all modules, classes and functions repeatedly while they are imported,
    which takes a tenth of torch's start-up time and finds nothing, since they all stay alive.
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
    """The system that the command line names; all systems if it names none."""
    first = next((word for word in words if not word.startswith("-")), "")
    return {first: SYSTEMS[first]} if first in SYSTEMS else SYSTEMS


def steady_streams() -> None:
    """Make the standard streams accept any text.

    Characters that cannot be encoded, and undecodable bytes of file names, become `\\udcff`. A closed stream
    is replaced by the null device, so that no file opened later takes its descriptor.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 (it stays open)
        elif isinstance(stream, TextIOWrapper) and mode == "w":
            stream.reconfigure(errors=NAMES)


def tell_of_thread(failed: threading.ExceptHookArgs) -> None:
    """Print why a thread failed, in one line if possible: for example the thread that writes TensorBoard's
    files."""
    message = None if failed.exc_value is None else explained(failed.exc_value)
    if message is None:
        threading.__excepthook__(failed)
    else:
        complain(message)


def main() -> None:
    """Entry point of the command `argand`."""
    steady_streams()
    threading.excepthook = tell_of_thread
    spare_imports()
    try:
        build(asked_systems(sys.argv[1:]))(prog_name="argand")
    except Exception as error:  # before a verb started, e.g. while writing the help to a full disk
        if not told(error):
            raise
        sys.exit(1)


if __name__ == "__main__":
    main()
