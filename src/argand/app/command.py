"""The verb `argand app`. Nothing heavy, and nothing of the extra `app`, is imported before it runs."""

import ipaddress
import secrets
import socket
import webbrowser
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from argand.errors import ConfigError, MissingExtraError
from argand.runs.verbs import ADVANCED, say

PORT = 8421
"""By hand: no well-known service has it."""
LEAST_TOKEN = 16
"""Least letters of a token. By hand: too many to guess over a network."""
_EXTRA = ("jinja2", "python_multipart", "starlette", "uvicorn")
_ANY = ("0.0.0.0", "::")  # noqa: S104  asked for by --host, and then a token is required


def app(
    folder: Annotated[Path, typer.Option(help="Folder of the runs.")] = Path("argand-runs"),
    watch: Annotated[
        Path | None, typer.Option(help="Folder in which images arrive, to follow the beam centre.")
    ] = None,
    alarm: Annotated[
        float, typer.Option(metavar="PX", help="Shift of the watched centre that raises the alarm.", min=0.01)
    ] = 2.0,
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.", min=0, max=65535)] = PORT,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    host: Annotated[
        str, typer.Option(help="Address to listen on; any but loopback requires a token.")
    ] = "127.0.0.1",
    token: Annotated[
        str | None,
        typer.Option(
            help="Token that opens the app; by default a new one where one is required.",
            envvar="ARGAND_APP_TOKEN",
        ),
    ] = None,
    max_file: Annotated[
        int,
        typer.Option(metavar="MIB", help="Largest file that is taken.", min=1, rich_help_panel=ADVANCED),
    ] = 2048,
    max_upload: Annotated[
        int,
        typer.Option(
            metavar="MIB", help="Most that is taken of the files of a run.", min=1, rich_help_panel=ADVANCED
        ),
    ] = 8192,
) -> None:
    """Serve a web page over all systems, and a JSON API, from this machine; Ctrl-C ends it.

    Example: argand app --open

    Example: argand app --watch /data/today --alarm 1.5
    """
    _require_extra()
    from argand.app.guard import Access
    from argand.app.server import listening, opened_site, serve
    from argand.app.upload import Limits

    access = Access(host, required_token(host, token))
    limits = Limits(max_file * 2**20, max_upload * 2**20)
    bound = listening(host, port)
    with opened_site(folder, access, limits, watch, alarm) as site:
        address = address_of(host, bound.getsockname()[1], access.token)
        say(f"argand app: {address}\nruns: {site.store.folder}\nCtrl-C ends it")
        serve(site, bound, partial(_show, address, open_browser))
    say("ended")


def _show(address: str, wanted: bool) -> None:
    """Open the browser, if that is wanted."""
    if wanted:
        webbrowser.open(address)


def _require_extra() -> None:
    """Raise MissingExtraError where the app's own dependencies are not installed."""
    from importlib.util import find_spec

    missing = [name for name in _EXTRA if find_spec(name) is None]
    if missing:
        raise MissingExtraError(f"argand app needs {', '.join(missing)}; pip install 'argand[app]'")


def required_token(host: str, token: str | None) -> str | None:
    """The token of a server: the given one, or a new one where others can reach it.

    ConfigError for one that could be guessed.
    """
    if token is not None and (len(token) < LEAST_TOKEN or not token.isascii() or not token.isprintable()):
        raise ConfigError(f"--token: give {LEAST_TOKEN} or more plain letters, or leave it out")
    return token if token or is_loopback(host) else secrets.token_urlsafe(24)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def address_of(host: str, port: int, token: str | None) -> str:
    """The address to open, which leads in where there is a token."""
    name = socket.gethostname() if host in _ANY else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/" + (f"enter?token={token}" if token else "")
