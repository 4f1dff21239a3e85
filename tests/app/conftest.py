"""A server with toy verbs, which answer at once, and a client that behaves like a page of it."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra app is not installed")
pytest.importorskip("httpx", reason="httpx is not installed: the app's API is not asked")

from starlette.testclient import TestClient

from argand.app import answers
from argand.app.guard import CSRF_HEADER, Access
from argand.app.process import WorkerProcess
from argand.app.queue import JobQueue
from argand.app.server import application
from argand.app.site import Site
from argand.app.store import RunStore
from argand.app.upload import Limits
from argand.app.verbs import Example, Files, Verb
from argand.system import SYSTEMS

MIB = 2**20
TOY = {"toy": "toy_verbs"}
PATIENCE_S = 60.0


def toy(name: str, names: tuple[str, ...] = ()) -> Verb:
    """A verb of `toy_verbs`."""
    home = (Files("files", "things", (".dat", ".dat.gz"), 3),)
    example = Example("a word", word="word")
    return Verb("toy", name, name, "A toy.", home, names, names[:1], example, endings={"mask": (".npy",)})


VERBS = {
    f"toy/{one.name}": one
    for one in (toy("quick", ("trusted", "count", "formula", "mask")), toy("slow"), toy("die"))
}


class Page(TestClient):
    """A client with what a page of the server knows."""

    site: Site

    def start(self, verb: str = "quick", *names: str, content: bytes = b"1", **fields: str) -> Any:
        """The answer to a form with files of these names."""
        sent = [("files", (name, content)) for name in names or ("a.dat",)]
        return self.post("/api/runs", data={"verb": f"toy/{verb}", **fields}, files=sent)

    def form(self, **fields: str) -> Any:
        """The answer to a form without files."""
        return self.post("/api/runs", files={name: (None, value) for name, value in fields.items()})

    def ended(self, run: str) -> dict[str, Any]:
        """The run, as soon as it is over."""
        return self.until(run, lambda told: told["state"] not in ("queued", "running"))

    def until(self, run: str, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The run, as soon as it fits."""
        end = time.monotonic() + PATIENCE_S
        while not fits(told := self.get(f"/api/runs/{run}").json()):
            assert time.monotonic() < end, told
            time.sleep(0.02)
        return told


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Page]:
    """What opens a server over a folder of runs; the caller enters and leaves it."""
    monkeypatch.setitem(SYSTEMS, "toy", "toy_verbs")
    monkeypatch.setitem(answers._READERS, "toy", answers._geometry)
    monkeypatch.setattr(sys, "path", [str(Path(__file__).parents[1]), *sys.path])

    def make(folder: Path = tmp_path / "runs", token: str | None = None, host: str = "127.0.0.1") -> Page:
        store = RunStore(folder)
        queue = JobQueue(store, WorkerProcess(TOY))
        site = Site(store, queue, Access(host, token), Limits(MIB, 2 * MIB, 5), VERBS)
        page = Page(application(site), base_url="http://localhost", follow_redirects=False)
        page.headers[CSRF_HEADER] = site.access.csrf
        page.site = site
        return page

    return make


@pytest.fixture
def page(opened: Callable[..., Page]) -> Iterator[Page]:
    """A running server."""
    with opened() as client:
        yield client
        client.site.store.close()
