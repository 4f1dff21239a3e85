"""Runs: from files to results, in the order in which they came, cancelled, after deaths and new starts."""

import io
import shlex
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from argand.app.api import OPERATIONS
from argand.app.openapi import description, plain_path
from argand.app.pages import PAGES


def test_a_file_becomes_an_answer_with_files_and_a_command(page: Any):
    run = page.ended(page.start("quick", "a.dat", formula="C2 H6").json()["id"])
    assert (run["state"], run["trusted"]) == ("done", True)
    assert run["answers"][0] | {"values": {}} == {
        "name": "a.dat",
        "verdict": "trusted",
        "reason": "C2 H6 None",
        "values": {},
    }
    assert {one["name"] for one in run["files_written"]} == {"results.jsonl", "index.html"}
    assert "<title>page</title>" in page.get(run["page"]).text
    whole = zipfile.ZipFile(io.BytesIO(page.get(f"/api/runs/{run['id']}/zip").content))
    assert sorted(whole.namelist()) == ["index.html", "results.jsonl"]
    kept = (page.site.store.folder / run["id"] / "result" / ".argand-command").read_text()
    assert shlex.split(kept) == ["argand", *run["command"]]
    assert "pid" in run["log"][0]
    html = page.get(f"/runs/{run['id']}").text
    assert "✓ trusted" in html
    assert "--formula=C2 H6" in html


def test_an_answer_that_is_not_trusted_says_so(page: Any):
    run = page.ended(page.start(trusted="no").json()["id"])
    assert (run["state"], run["trusted"]) == ("done", False)
    assert "not all trusted" in page.get("/runs").text


def test_jobs_run_one_after_the_other_in_one_process(page: Any):
    ids = [page.start().json()["id"] for _ in range(3)]
    logs = {page.ended(one)["log"][0] for one in ids}
    assert len(logs) == 1
    assert str(page.site.queue.process.pid) in logs.pop()


def test_a_running_job_tells_its_progress_and_is_cancelled_and_a_waiting_one_is_taken_out(page: Any):
    first, second = page.start("slow").json()["id"], page.start().json()["id"]
    told = page.until(first, lambda run: run["progress"] is not None)["progress"]
    assert (told["title"], told["unit"], told["note"]) == ("wait", "parts", "half way")
    assert page.get(f"/api/runs/{second}").json()["before"] == 1
    assert page.delete(f"/api/runs/{first}").status_code == 409
    assert page.post(f"/api/runs/{second}/cancel").json()["state"] == "cancelled"
    assert page.post(f"/api/runs/{first}/cancel").status_code == 200
    assert page.ended(first)["state"] == "cancelled"
    assert page.post(f"/api/runs/{first}/cancel").status_code == 409
    assert page.ended(page.start().json()["id"])["state"] == "done"


def test_a_job_is_cancelled_while_its_process_starts(page: Any):
    run = page.start("slow").json()["id"]
    assert page.post(f"/api/runs/{run}/cancel").status_code == 200
    assert page.ended(run)["state"] == "cancelled"
    assert page.ended(page.start().json()["id"])["state"] == "done"


def test_a_dead_process_fails_its_job_alone(page: Any):
    dead, next_one = page.start("die").json()["id"], page.start().json()["id"]
    told = page.ended(dead)
    assert (told["state"], told["message"]) == (
        "failed",
        "the process that worked on it died: out of memory?",
    )
    assert page.ended(next_one)["state"] == "done"


def test_an_error_of_a_verb_is_one_line(page: Any):
    run = page.start().json()
    folder = page.site.store.folder
    page.ended(run["id"])
    (folder / run["id"] / "result").rename(folder / "moved")
    again = page.start("quick", repeat=run["id"], keep="yes").json()
    assert page.ended(again["id"])["state"] == "done"
    (folder / "moved" / "index.html").unlink()
    assert "moved" in page.get("/runs").text


def test_runs_survive_a_new_start_and_unfinished_ones_say_so(opened: Callable[..., Any], tmp_path: Path):
    with opened(tmp_path / "runs") as first:
        done = first.start().json()["id"]
        first.ended(done)
        torn = first.start().json()["id"]
        first.ended(torn)
    first.site.store.close()
    path = tmp_path / "runs" / torn / "run.json"
    path.write_text(path.read_text().replace('"done"', '"running"'))
    (tmp_path / "runs" / "damaged").mkdir()
    (tmp_path / "runs" / "damaged" / "run.json").write_text('{"files": {"..": ["x"]}, "id": 1}')
    with opened(tmp_path / "runs") as second:
        told = {one["id"]: one for one in second.get("/api/runs").json()["runs"]}
        assert told[done]["state"] == "done"
        assert (told[torn]["state"], told[torn]["message"]) == ("failed", "the app ended while it ran")
        assert "damaged" not in told
        assert second.get(f"/runs/{done}").status_code == 200
    second.site.store.close()


def test_one_folder_has_one_server(page: Any, opened: Callable[..., Any]):
    with pytest.raises(Exception, match="another argand app uses it"):
        opened(page.site.store.folder)


def test_a_repeat_takes_files_and_settings_again(page: Any):
    run = page.start("quick", "a.dat", "b.dat", count="3").json()
    page.ended(run["id"])
    form = page.get(f"/new/toy/quick?repeat={run['id']}").text
    assert 'value="3"' in form
    assert "a.dat, b.dat" in form
    sent = {"verb": "toy/quick", "repeat": run["id"], "keep": "yes", "count": "4"}
    again = page.form(**sent).json()
    assert again["files"] == run["files"]
    assert page.ended(again["id"])["state"] == "done"


def test_deleting_removes_what_argand_wrote_and_nothing_else(page: Any):
    run = page.start().json()["id"]
    page.ended(run)
    place = page.site.store.folder / run
    (place / "result" / "notes.txt").write_text("mine")
    assert page.delete(f"/api/runs/{run}").json() == {"deleted": run}
    assert [str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()] == [
        "result/notes.txt"
    ]
    assert page.get(f"/api/runs/{run}").status_code == 404


def test_runs_of_the_command_line_are_listed(page: Any):
    place = page.site.store.folder / "by hand <b>"
    place.mkdir()
    (place / ".argand-files").write_text('"results.jsonl"\n"index.html"\n')
    (place / ".argand-command").write_text("argand geometry predict x.cbf --out 'by hand <b>'\n")
    (place / "results.jsonl").write_text(
        '{"file": "x.cbf", "index": 0, "trusted": false, "reason": "<i>no</i>"}\n'
    )
    (place / "index.html").write_text("<!doctype html>")
    told = page.get("/api/runs").json()["runs"][0]
    assert (told["id"], told["verb"], told["own"]) == ("by hand <b>", "geometry/predict", False)
    html = page.get("/runs/by%20hand%20%3Cb%3E").text
    assert "<b>" not in html.replace("<b>Drop", "")
    assert "&lt;i&gt;no&lt;/i&gt;" in html


def test_the_api_is_described_and_answers_as_described(page: Any):
    spec = page.get("/api/openapi.json").json()
    assert spec == description(OPERATIONS)
    served = {(one.method.lower(), plain_path(one.path)) for one in OPERATIONS}
    assert served == {(method, path) for path, methods in spec["paths"].items() for method in methods}
    assert not [route.path for route in PAGES if route.path.startswith("/api/")]
    run = page.ended(page.start().json()["id"])["id"]
    for one in OPERATIONS:
        if one.method == "GET" and one.answer is not None and one.name != "watch":
            answer = page.get(one.path.replace("{run}", run))
            assert answer.status_code == one.status, one.name
            jsonschema.validate(answer.json(), one.answer)
    assert page.get("/api/watch").status_code == 404
    assert page.get("/api").status_code == 200


def test_the_example_needs_no_files(page: Any):
    answer = page.form(verb="toy/quick", example="yes")
    run = page.ended(answer.json()["id"])
    assert run["command"][2] == "word"
    assert run["answers"][0]["name"] == "word"
