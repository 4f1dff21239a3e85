"""What the handlers of all requests share, and the errors that they answer with."""

import errno
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from argand.app.guard import Access
from argand.app.queue import JobQueue
from argand.app.run import Run
from argand.app.store import RunStore
from argand.app.upload import Limits, TooMuchError
from argand.app.verbs import VERBS, Verb
from argand.app.watching import Watch
from argand.errors import ArgandError, explained

_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Site:
    """A server's runs, queue and rules."""

    store: RunStore
    queue: JobQueue
    access: Access
    limits: Limits
    verbs: Mapping[str, Verb] = field(default_factory=lambda: VERBS)
    watch: Watch | None = None

    def run(self, name: str) -> Run:
        """The run of this name; HTTPException 404 if there is none."""
        found = self.store.find(name)
        if found is None:
            raise HTTPException(404, "there is no such run")
        return found


def site_of(request: Request) -> Site:
    """The site that a request is for."""
    return request.app.state.site


def existing(path: Path | None) -> Path:
    """The file, or HTTPException 404."""
    if path is None or not path.is_file():
        raise HTTPException(404, "there is no such file")
    return path


def status_of(error: Exception) -> int:
    """The status that tells an error."""
    if isinstance(error, HTTPException):
        return error.status_code
    if isinstance(error, TooMuchError):
        return 413
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    if isinstance(cause, OSError):
        return 507 if cause.errno in _FULL else 500
    return 400 if isinstance(error, ArgandError) else 500


async def told_error(request: Request, error: Exception) -> Response:
    """An error as JSON; one that is a bug is told without its details."""
    told = error.detail if isinstance(error, HTTPException) else explained(error)
    return JSONResponse({"error": told or "a bug of the app; its terminal shows more"}, status_of(error))
