"""The pages of the app, made from templates that escape every value."""

import shlex
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from argand import __version__
from argand.app.api import OPERATIONS
from argand.app.files import attachment, result_file, shown_result
from argand.app.guard import COOKIE, refused
from argand.app.openapi import description
from argand.app.run import INPUTS, LOG, Run
from argand.app.site import Site, existing, site_of, status_of
from argand.app.telling import columns_of, run_dict, verb_dict, whole_run
from argand.app.verbs import Verb, verb_of
from argand.errors import ConfigError, explained

SYSTEM_NAMES = {
    "geometry": "Detector geometry",
    "patterson": "Crystal structures from intensities",
    "crystals": "Crystals as vectors",
    "molmnist": "Fibrils",
}
"""Headings of the systems, in the order of the start page."""
_STATIC = {
    "page.css": ("page", "text/css"),
    "page.js": ("page", "text/javascript"),
    "app.css": ("app", "text/css"),
    "app.js": ("app", "text/javascript"),
    "form.js": ("app", "text/javascript"),
    "run.js": ("app", "text/javascript"),
    "watch.js": ("app", "text/javascript"),
    **{f"{name}.svg": ("app", "image/svg+xml") for name in SYSTEM_NAMES},
}
"""Files that all pages share: the package that has them, and their type."""
_LATEST = 10
"""Runs on the start page. By hand; the list of runs has all."""
MOST_ENTRY_BYTES = 4096
"""Of the form with the token. By hand."""


@cache
def _templates() -> Environment:
    found = Environment(
        loader=PackageLoader("argand.app", "data"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["address"] = lambda text: quote(str(text), safe="")
    found.filters["shell"] = lambda words: shlex.join(["argand", *words])
    found.tests["packed"] = lambda ending: ending.endswith((".gz", ".bz2"))
    found.tests["bzip2"] = lambda ending: ending.endswith(".bz2")
    return found


def _page(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    site = site_of(request)
    shared = {"csrf": site.access.csrf, "version": __version__, "watched": site.watch is not None}
    html = _templates().get_template(template).render(path=request.url.path, **shared, **values)
    return HTMLResponse(html, status)


def start(request: Request) -> Response:
    """The start page: the systems, and the latest runs."""
    site = site_of(request)
    cards = [
        {"name": name, "title": title, "verbs": [_form(one, site, None) for one in verbs]}
        for name, title in SYSTEM_NAMES.items()
        if (verbs := [verb for verb in site.verbs.values() if verb.system == name])
    ]
    latest = [run_dict(run, site.queue) for run in site.store.runs()[:_LATEST]]
    return _page(request, "start.html", cards=cards, runs=latest)


def _form(verb: Verb, site: Site, repeated: Run | None) -> dict[str, Any]:
    """What the form of a verb shows; the settings of a run that is repeated are filled in."""
    told = verb_dict(verb)
    values = {} if repeated is None else repeated.settings
    for setting in told["settings"]:
        setting["value"] = values.get(setting["name"], setting["default"])
        setting["first"] = setting["name"] in verb.first
    again = repeated is not None and bool(repeated.files or repeated.word)
    kept = [name for names in (repeated.files if repeated else {}).values() for name in names]
    told |= {
        "repeat": repeated.id if repeated is not None and again else None,
        "kept": kept or ([repeated.word] if repeated is not None and repeated.word else []),
        "file_mib": site.limits.file_bytes // 2**20,
        "all_mib": site.limits.all_bytes // 2**20,
    }
    return told


def new(request: Request) -> Response:
    """The form of one verb, also to repeat a run with other settings."""
    site = site_of(request)
    verb = verb_of(f"{request.path_params['system']}/{request.path_params['verb']}", site.verbs)
    wanted = request.query_params.get("repeat")
    repeated = site.run(wanted) if wanted else None
    if repeated is not None and repeated.key != verb.key:
        raise ConfigError("that run is of another verb")
    return _page(request, "new.html", verb=_form(verb, site, repeated))


def runs(request: Request) -> Response:
    """The list of runs."""
    site = site_of(request)
    found = [run_dict(run, site.queue) for run in site.store.runs()]
    return _page(request, "runs.html", runs=found, folder=str(site.store.folder))


def one_run(request: Request) -> Response:
    """A run: its state, answers and files."""
    site = site_of(request)
    told = whole_run(site.run(request.path_params["run"]), site.queue, site.access)
    offered = told["own"] and told["verb"] in site.verbs
    title = site.verbs[told["verb"]].title if told["verb"] in site.verbs else told["verb"].strip("/")
    columns = columns_of(told["answers"])
    return _page(request, "run.html", run=told, columns=columns, offered=offered, title=title)


def run_file(request: Request) -> Response:
    """A result, as the run's own page needs it; its address has the key of the run."""
    site, name = site_of(request), request.path_params["run"]
    if not site.access.is_key(name, request.path_params["key"]):
        return refused(404, "there is no such file")
    return shown_result(existing(result_file(site.store.result(site.run(name)), request.path_params["name"])))


def input_file(request: Request) -> Response:
    """An input of a run, as a download: it is never shown."""
    site = site_of(request)
    run = site.run(request.path_params["run"])
    place, name = request.path_params["place"], request.path_params["name"]
    known = site.store.is_own(run) and name in run.files.get(place, ())
    return attachment(existing(site.store.place(run) / INPUTS / place / name if known else None))


def log_file(request: Request) -> Response:
    """All that a run printed."""
    site = site_of(request)
    run = site.run(request.path_params["run"])
    return attachment(existing(site.store.place(run) / LOG if site.store.is_own(run) else None))


def watch(request: Request) -> Response:
    """The watched folder."""
    watched = site_of(request).watch
    return _page(request, "watch.html", watch=None if watched is None else watched.to_dict())


def api(request: Request) -> Response:
    """The API for people."""
    return _page(request, "api.html", api=description(OPERATIONS))


def entrance(request: Request) -> Response:
    """Where the token is given; a link with it leads on at once."""
    token = request.query_params.get("token")
    if token is None:
        return _page(request, "enter.html", wrong=False)
    return _entered(request, token)


async def enter(request: Request) -> Response:
    """Take the token of the form."""
    if int(request.headers.get("content-length") or MOST_ENTRY_BYTES + 1) > MOST_ENTRY_BYTES:
        return refused(413, "too long")
    form = await request.form(max_files=0, max_fields=2)
    return _entered(request, str(form.get("token", "")))


def _entered(request: Request, token: str) -> Response:
    """Lead on with the cookie, if the token is right; none is needed where the app has no token."""
    access = site_of(request).access
    answer = RedirectResponse("/", 303)
    if access.token is None:
        return answer
    if not access.opened_by(token):
        return _page(request, "enter.html", 401, wrong=True)
    answer.set_cookie(COOKIE, token, httponly=True, samesite="strict", path="/")
    return answer


def static(request: Request) -> Response:
    """A file that all pages share."""
    name = request.path_params["name"]
    if name not in _STATIC:
        return refused(404, "there is no such file")
    package, kind = _STATIC[name]
    data = (files("argand") / package / "data" / name).read_bytes()
    return Response(data, media_type=kind, headers={"cache-control": "no-cache"})


async def told_on_page(request: Request, error: Exception) -> Response:
    """An error as a page."""
    status = status_of(error)
    told = getattr(error, "detail", None) or explained(error) or "a bug of the app; its terminal shows more"
    return _page(request, "error.html", status, message=told)


PAGES = (
    Route("/", start),
    Route("/new/{system}/{verb}", new),
    Route("/runs", runs),
    Route("/runs/{run}", one_run),
    Route("/runs/{run}/inputs/{place}/{name}", input_file),
    Route("/runs/{run}/log.txt", log_file),
    Route("/files/{key}/{run}/{name:path}", run_file),
    Route("/watch", watch),
    Route("/api", api),
    Route("/enter", entrance),
    Route("/enter", enter, methods=["POST"]),
    Route("/static/{name}", static),
)
"""Pages and what they show, besides the API."""
