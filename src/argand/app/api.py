"""The JSON API: its operations in one table, from which its routes and its description are made."""

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from argand import __version__
from argand.app.files import attachment, result_file, zipped
from argand.app.openapi import description
from argand.app.operation import Operation
from argand.app.request import allowed_file, make_run
from argand.app.schema import (
    DELETED,
    FILES,
    FORM,
    RUN,
    RUNS,
    SESSION,
    VERBS_TOLD,
    WATCH,
    WHOLE_RUN,
)
from argand.app.site import existing, site_of
from argand.app.telling import run_dict, verb_dict, whole_run
from argand.app.upload import Form, received
from argand.runs.json_text import json_text


def _json(value: Any, status: int = 200) -> Response:
    # Numbers that are not finite become null, which JSON has in their place.
    return Response(json_text(value), status, media_type="application/json")


def session(request: Request) -> Response:
    """What a program needs to change something."""
    return _json({"csrf": site_of(request).access.csrf, "version": __version__})


def systems(request: Request) -> Response:
    """The verbs."""
    return _json({"verbs": [verb_dict(verb) for verb in site_of(request).verbs.values()]})


def runs(request: Request) -> Response:
    """The runs, newest first."""
    site = site_of(request)
    return _json({"runs": [run_dict(run, site.queue) for run in site.store.runs()]})


async def create(request: Request) -> Response:
    """Store the files of a form and queue its run."""
    site = site_of(request)
    site.queue.require_room()
    form = await received(
        request.stream(),
        request.headers.get("content-type", ""),
        site.store.folder,
        site.limits,
        lambda fields, field, name: allowed_file(site.verbs, fields, field, name),
    )
    return await run_in_threadpool(_queued, request, form)


def _queued(request: Request, form: Form) -> Response:
    site = site_of(request)
    try:
        run = make_run(form, site.store, site.verbs)
    finally:
        form.discard()  # what became the run's has been moved
    try:
        site.queue.put(run)
    except BaseException:
        site.store.delete(run)
        raise
    return _json(run_dict(run, site.queue), 201)


def one_run(request: Request) -> Response:
    """A run with its answers."""
    site = site_of(request)
    return _json(whole_run(site.run(request.path_params["run"]), site.queue, site.access))


def cancel(request: Request) -> Response:
    """Cancel a run."""
    site = site_of(request)
    run = site.run(request.path_params["run"])
    if not site.queue.cancel(run):
        raise HTTPException(409, "this run is over")
    return _json(run_dict(run, site.queue))


def delete(request: Request) -> Response:
    """Delete a run that is over."""
    site = site_of(request)
    run = site.run(request.path_params["run"])
    if not run.is_over:
        raise HTTPException(409, "this run is not over; cancel it first")
    site.store.delete(run)
    return _json({"deleted": run.id})


def run_files(request: Request) -> Response:
    """The names of a run's files."""
    site = site_of(request)
    told = whole_run(site.run(request.path_params["run"]), site.queue, site.access)
    return _json({"files": told["files_written"]})


def run_file(request: Request) -> Response:
    """One file of a run."""
    site = site_of(request)
    folder = site.store.result(site.run(request.path_params["run"]))
    return attachment(existing(result_file(folder, request.path_params["name"])))


def run_zip(request: Request) -> Response:
    """All files of a run."""
    site = site_of(request)
    run = site.run(request.path_params["run"])
    if not run.is_over:
        raise HTTPException(409, "this run is not over")
    name = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in run.id)
    headers = {"content-disposition": f'attachment; filename="{name}.zip"'}
    return StreamingResponse(zipped(site.store.result(run)), media_type="application/zip", headers=headers)


def watch(request: Request) -> Response:
    """What is watched."""
    watched = site_of(request).watch
    if watched is None:
        raise HTTPException(404, "no folder is watched; start argand app with --watch")
    return _json(watched.to_dict())


def openapi(request: Request) -> Response:
    """The description of the API."""
    return JSONResponse(description(OPERATIONS))


_NO_RUN = {404: "There is no such run or file."}
_NOT_OVER = _NO_RUN | {409: "The run is not in the right state."}
_FORM = {400: "A setting or file is not taken.", 413: "Too much is sent.", 507: "The disk is full."}
_RUN = "/api/runs/{run}"
OPERATIONS = (
    Operation("GET", "/api/session", "session", "The token that changing requests need.", session, SESSION),
    Operation("GET", "/api/systems", "systems", "What can be run, and its settings.", systems, VERBS_TOLD),
    Operation("GET", "/api/runs", "runs", "All runs, the newest first.", runs, RUNS),
    Operation(
        "POST", "/api/runs", "create", "Send files and queue a run.", create, RUN, 201, FORM, refuses=_FORM
    ),
    Operation("GET", _RUN, "run", "State, progress and answers.", one_run, WHOLE_RUN, refuses=_NO_RUN),
    Operation("DELETE", _RUN, "delete", "Delete a run that is over.", delete, DELETED, refuses=_NOT_OVER),
    Operation("POST", f"{_RUN}/cancel", "cancel", "Cancel a run.", cancel, RUN, refuses=_NOT_OVER),
    Operation("GET", f"{_RUN}/files", "files", "The files of a run.", run_files, FILES, refuses=_NO_RUN),
    Operation("GET", f"{_RUN}/files/{{name:path}}", "file", "One file.", run_file, refuses=_NO_RUN),
    Operation("GET", f"{_RUN}/zip", "zip", "All files as a zip file.", run_zip, refuses=_NOT_OVER),
    Operation(
        "GET",
        "/api/watch",
        "watch",
        "The watched folder, and the alarm.",
        watch,
        WATCH,
        refuses={404: "No folder is watched."},
    ),
    Operation("GET", "/api/openapi.json", "openapi", "This description.", openapi, {"type": "object"}),
)
"""All operations; a test compares them with the routes that are served."""
