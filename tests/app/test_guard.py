"""What others try: pages of other sites, other names of this machine, no token, hostile names and sizes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from argand.app.command import _require_extra, address_of, is_loopback, required_token
from argand.app.guard import COOKIE, POLICY, Access
from argand.app.name import free_name, plain_file_name
from argand.app.verbs import VERBS
from argand.errors import ConfigError, MissingExtraError

TOKEN = "t" * 20
ANY = "0.0.0.0"  # noqa: S104  a token is required there
HOSTILE = [
    "../../etc/passwd.dat",
    "..\\x.dat",
    "/etc/x.dat",
    ".hidden.dat",
    "-rf.dat",
    "a\n\x00.dat",
    "*[?].dat",
    "ü" * 300 + ".dat",
]


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "", "192.168.0.1", "other:80", "[::1"]
)
def test_other_names_of_this_machine_are_refused(page: Any, host: str):
    assert page.get("/", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost:1234", "127.0.0.1", "[::1]:80", "LOCALHOST"])
def test_loopback_names_are_taken(page: Any, host: str):
    assert page.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://["},
        {"origin": "http://localhost:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"x-csrf-token": "wrong"},
        {"x-csrf-token": ""},
    ],
)
def test_pages_of_other_sites_change_nothing(page: Any, headers: dict[str, str]):
    for answer in (
        page.post("/api/runs/x/cancel", headers=headers),
        page.delete("/api/runs/x", headers=headers),
        page.post("/api/runs", data={"verb": "toy/quick"}, files={"files": ("a.dat", b"")}, headers=headers),
    ):
        assert answer.status_code == 403
    assert page.get("/api/runs").json() == {"runs": []}


def test_no_answer_lets_other_origins_read_it(page: Any):
    answer = page.get("/api/session", headers={"origin": "http://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_pages_have_a_strict_policy_and_nothing_inline(page: Any):
    run = page.ended(page.start().json()["id"])["id"]
    for path in ("/", "/runs", f"/runs/{run}", "/new/toy/quick", "/watch", "/api", "/nothing"):
        answer = page.get(path)
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert " style=" not in answer.text
        assert "<script>" not in answer.text
        assert " onclick" not in answer.text
    assert "unsafe" not in POLICY


def test_results_are_shown_apart_and_inputs_never(page: Any):
    run = page.ended(page.start("quick", "a.dat", content=b"<script>alert(1)</script>").json()["id"])
    shown = page.get(run["page"])
    assert shown.headers["content-security-policy"].startswith("sandbox allow-scripts")
    assert "allow-same-origin" not in shown.headers["content-security-policy"]
    sent = page.get(f"/runs/{run['id']}/inputs/files/a.dat")
    assert sent.headers["content-disposition"].startswith("attachment")
    assert sent.headers["content-type"] == "application/octet-stream"
    assert page.get(run["page"].replace(run["page"].split("/")[2], "0" * 32)).status_code == 404


def test_only_results_are_served(page: Any):
    run = page.ended(page.start().json()["id"])
    place = page.site.store.folder / run["id"]
    (place / "result" / "link.txt").symlink_to("/etc/passwd")
    (page.site.store.folder / "linked").symlink_to("/etc")
    base = run["page"].removesuffix("index.html")
    for name in ("link.txt", "..%2frun.json", "%2e%2e/run.json", ".argand-files", "%2fetc%2fpasswd"):
        assert page.get(base + name).status_code == 404, name
        assert page.get(f"/api/runs/{run['id']}/files/{name}").status_code == 404, name
    for path in ("/api/runs/linked", "/api/runs/.argand-app.lock", "/runs/..%2f..", "/static/..%2fbase.html"):
        assert page.get(path).status_code == 404, path
    assert page.get(f"/runs/{run['id']}/inputs/..%2f/run.json").status_code == 404
    assert page.get(f"/runs/{run['id']}/inputs/files/..%2f..%2frun.json").status_code == 404


@pytest.mark.parametrize("name", HOSTILE)
def test_names_never_become_paths(page: Any, name: str):
    answer = page.start("quick", name)
    assert answer.status_code == 201, answer.text
    run = page.ended(answer.json()["id"])
    kept = run["files"]["files"][0]
    assert kept == plain_file_name(kept)
    stored = page.site.store.folder / run["id"] / "inputs" / "files"
    assert [path.name for path in stored.iterdir()] == [kept]
    assert run["state"] == "done"


def test_equal_names_are_numbered(page: Any):
    names = page.start("quick", "a.dat.gz", "x/a.dat.gz", "A.dat.gz").json()["files"]["files"]
    assert names == ["a.dat.gz", "a-2.dat.gz", "A-3.dat.gz"]
    assert free_name("b", ["b", "b-2"]) == "b-3"


@pytest.mark.parametrize(
    ("fields", "names", "status", "told"),
    [
        ({"verb": "toy/none"}, ["a.dat"], 400, "not offered"),
        ({"verb": "toy/quick"}, ["a.exe"], 400, "not one of .dat"),
        ({"verb": "toy/quick"}, [f"{one}.dat" for one in "abcd"], 400, "give 3 at most"),
        ({"verb": "toy/quick"}, [f"{one}.dat" for one in "abcdef"], 413, "more than 5 files"),
        ({"verb": "toy/quick", "count": "10"}, ["a.dat"], 400, "from 1 to 9"),
        ({"verb": "toy/quick", "count": "1e9999"}, ["a.dat"], 400, "whole number"),
        ({"verb": "toy/quick", "formula": "--out=/tmp/x"}, ["a.dat"], 400, "formula"),
        ({"verb": "toy/quick", "formula": "../x"}, ["a.dat"], 400, "formula"),
        ({"verb": "toy/quick", "mask": "/etc/passwd"}, ["a.dat"], 400, "sent along"),
        ({"verb": "toy/quick", "out": "/x"}, ["a.dat"], 400, "no setting"),
        ({"verb": "toy/quick", "repeat": "../x", "keep": "yes"}, ["a.dat"], 400, "is gone"),
    ],
)
def test_what_is_not_taken_is_refused_in_one_line(
    page: Any, fields: dict[str, str], names: list[str], status: int, told: str
):
    sent = [("files", (name, b"1")) for name in names]
    answer = page.post("/api/runs", data=fields, files=sent)
    assert answer.status_code == status
    assert told in answer.json()["error"]
    assert "\n" not in answer.json()["error"]
    assert [path.name for path in page.site.store.folder.iterdir()] == [".argand-app.lock"]


def test_too_large_files_leave_nothing(page: Any):
    large = page.start("quick", "a.dat", content=b"0" * (2**20 + 1))
    assert (large.status_code, "larger than 1 MiB" in large.json()["error"]) == (413, True)
    both = page.start("quick", "a.dat", "b.dat", "c.dat", content=b"0" * 2**20)
    assert (both.status_code, "more than 2 MiB" in both.json()["error"]) == (413, True)
    assert [path.name for path in page.site.store.folder.iterdir()] == [".argand-app.lock"]


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=x", b"--x\r\nnothing"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\nA: " + b"b" * 9999),
    ],
)
def test_what_is_no_form_is_refused(page: Any, kind: str, content: bytes):
    answer = page.post("/api/runs", content=content, headers={"content-type": kind})
    assert answer.status_code in (400, 413)
    assert answer.json()["error"]


def test_a_full_disk_is_one_line(page: Any, monkeypatch: pytest.MonkeyPatch):
    def full(*names: Any) -> None:
        raise OSError(28, "No space left on device", "a.dat")

    monkeypatch.setattr("argand.app.upload._Reader.part_data", full)
    answer = page.start()
    assert (answer.status_code, answer.json()["error"]) == (
        507,
        "a.dat: No space left on device; free some space or choose another --out",
    )


def test_a_full_queue_takes_no_more(page: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("argand.app.queue.MOST_WAITING", 0)
    assert "wait already" in page.start().json()["error"]


def test_outside_loopback_a_token_opens_the_app(opened: Callable[..., Any]):
    with opened(token=TOKEN, host=ANY) as page:
        assert page.get("/", headers={"host": "10.1.2.3:80"}).headers["location"] == "/enter?to=/"
        assert page.get("/api/runs").status_code == 401
        assert page.post("/api/runs/x/cancel").status_code == 401
        assert page.get("/enter").status_code == 200
        assert page.post("/enter", data={"token": "wrong"}).status_code == 401
        bearer = {"authorization": f"Bearer {TOKEN}", "x-csrf-token": ""}
        assert page.get("/api/runs", headers=bearer).status_code == 200
        assert page.post("/api/runs/x/cancel", headers=bearer).status_code == 404
        entered = page.get(f"/enter?token={TOKEN}")
        cookie = entered.headers["set-cookie"]
        assert cookie.startswith(f"{COOKIE}={TOKEN};")
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert page.get("/").status_code == 200
        assert page.post("/api/runs/x/cancel", headers={"x-csrf-token": ""}).status_code == 403
    page.site.store.close()


def test_without_a_token_none_is_kept(page: Any):
    assert "set-cookie" not in page.get("/enter?token=anything").headers


def test_a_key_opens_one_run_only():
    access = Access()
    assert access.is_key("a", access.key_of("a"))
    assert not access.is_key("b", access.key_of("a"))
    assert Access().key_of("a") != access.key_of("a")


def test_a_token_is_made_where_others_can_reach_the_app():
    assert required_token("127.0.0.1", None) is None
    made = required_token(ANY, None)
    assert made is not None
    assert len(made) >= 32
    assert address_of("::1", 80, None) == "http://[::1]:80/"
    assert is_loopback("127.0.0.2")
    assert not is_loopback("example.org")
    with pytest.raises(ConfigError, match="16 or more"):
        required_token("127.0.0.1", "short")


@pytest.mark.parametrize("key", VERBS)
def test_examples_are_shipped_and_taken(key: str):
    verb = VERBS[key]
    paths = verb.example.paths()
    assert verb.example.word or set(paths) == {one.name for one in verb.files}
    for place in verb.files:
        for path in paths.get(place.name, ()):
            assert Path(path).is_file()
            place.require_kind(path.name)
    assert isinstance(verb.words(verb.example.settings), list)
    assert {one.kind for one in verb.settings if one.name in verb.endings} <= {"file"}
    assert {one.name for one in verb.settings if one.kind == "file"} == set(verb.endings)


def test_without_the_extra_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("argand.app.command._EXTRA", ("no_such_module",))
    with pytest.raises(MissingExtraError, match=r"needs no_such_module; pip install 'argand\[app\]'"):
        _require_extra()
