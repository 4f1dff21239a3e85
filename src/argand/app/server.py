"""The server: its routes, and what is begun before it listens and ended after it."""

import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from argand.app.api import OPERATIONS
from argand.app.guard import Access, Guard
from argand.app.pages import PAGES, told_on_page
from argand.app.queue import JobQueue
from argand.app.site import Site, told_error
from argand.app.store import RunStore
from argand.app.upload import Limits
from argand.app.watching import Watch
from argand.errors import ArgandError, OutputError, why_and_cure

END_S = 2
"""Seconds that open connections have at the end. By hand."""


def application(site: Site) -> ASGIApp:
    """The ASGI application of a site, behind its guard."""
    handlers = dict.fromkeys((ArgandError, HTTPException, OSError), _told)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        site.queue.start()
        if site.watch is not None:
            site.watch.start()
        try:
            yield
        finally:
            await run_in_threadpool(_end, site)

    routes = [*(one.route() for one in OPERATIONS), *PAGES]
    app = Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan)  # pyright: ignore[reportArgumentType]
    app.router.redirect_slashes = False
    app.state.site = site
    return Guard(app, site.access)


def _end(site: Site) -> None:
    if site.watch is not None:
        site.watch.close()
    site.queue.close()


async def _told(request: Request, error: Exception) -> Response:
    """An error, as JSON for the API and as a page for people."""
    tell = told_error if request.url.path.startswith("/api/") else told_on_page
    return await tell(request, error)


@contextmanager
def opened_site(
    folder: Path, access: Access, limits: Limits, watched: Path | None, alarm_px: float
) -> Iterator[Site]:
    """The site over a folder of runs, which no other server may use meanwhile."""
    store = RunStore(folder)
    try:
        watch = None if watched is None else Watch.of(watched, store.folder, alarm_px)
        yield Site(store, JobQueue(store), access, limits, watch=watch)
    finally:
        store.close()


def listening(host: str, port: int) -> socket.socket:
    """A socket on this address; OutputError, in one line, where it is taken or not of this machine."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        why = why_and_cure(error)[0]
        raise OutputError(f"{host}:{port}: {why}; choose another --port or --host") from error
    return bound


def serve(site: Site, bound: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until Ctrl-C; `ready` is called when requests are answered."""
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    # No log of requests: their addresses may hold the token.
    config = uvicorn.Config(
        application(site),
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=END_S,
        ws="none",
    )
    server = _Server(config, ready)
    with contextlib.suppress(KeyboardInterrupt):
        server.run([bound])


class _Server(uvicorn.Server):
    """uvicorn's server, which tells when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        if self.started:
            self._ready()
