"""The page over all results below a folder."""

import re
from pathlib import Path

import pytest
import run_folders
from typer.testing import CliRunner

from argand.cli import build
from argand.errors import InputError
from argand.io.manifest import begin_manifest, note
from argand.runs.overview import OVERVIEW, runs_below, write_overview
from argand.systems.crystals.view import write_page as write_crystals
from argand.systems.geometry.view import write_page as write_geometry
from argand.systems.patterson.view import write_page as write_patterson

HOSTILE = "<b>&'\"name"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of three systems, one within another, and a folder of something else."""
    folder = tmp_path_factory.mktemp("results")
    made = {
        "geometry": run_folders.geometry_run(folder / HOSTILE, [HOSTILE, "b"]),
        "solved": run_folders.solved_run(folder / HOSTILE / "solved", ["crystal"]),
    }
    run_folders.crystal_run(folder / "crystals", folder / "cifs", ["one", "two"])
    for each in (*made.values(), folder / "crystals"):
        begin_manifest(each)
        for path in each.glob("*.json"):
            note(path)
    write_geometry(made["geometry"])
    write_patterson(made["solved"])
    write_crystals(folder / "crystals")
    (folder / "other").mkdir()
    (folder / "other" / "index.html").write_text("<title>not ours</title>", encoding="utf-8")
    return folder


def test_every_run_is_found_and_nothing_else(results: Path):
    runs = runs_below(results)
    assert [run.folder.relative_to(results).as_posix() for run in runs] == [
        HOSTILE,
        f"{HOSTILE}/solved",
        "crystals",
    ]
    assert all(run.answers and run.told is None for run in runs)


def test_its_links_lead_to_the_pages(results: Path):
    from urllib.parse import unquote

    source = write_overview(results).read_text(encoding="utf-8")
    links = re.findall(r'<h2><a href="([^"]*)"', source)
    assert len(links) == 3
    assert all((results / unquote(link)).is_file() for link in links)
    assert "<b>&" not in source


def test_a_damaged_run_is_told_and_the_others_are_shown(tmp_path: Path):
    run_folders.geometry_run(tmp_path / "a", ["x"])
    write_geometry(tmp_path / "a")
    begin_manifest(tmp_path / "a")
    (tmp_path / "a" / "results.jsonl").write_text("nonsense\n", encoding="utf-8")
    (run,) = runs_below(tmp_path)
    assert run.told is not None
    assert "no records" in write_overview(tmp_path).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["nothing", "missing"])
def test_a_folder_without_results_is_one_line(tmp_path: Path, name: str):
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InputError):
        write_overview(tmp_path / name)
    ran = CliRunner().invoke(build({}), ["overview", str(tmp_path / name)])
    assert ran.exit_code == 1


def test_open_shows_the_page(results: Path, monkeypatch: pytest.MonkeyPatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or True)
    ran = CliRunner().invoke(build({}), ["overview", str(results), "--open"])
    assert ran.exit_code == 0
    assert opened == [(results / OVERVIEW).as_uri()]
    monkeypatch.setattr("webbrowser.open", lambda url: False)
    ran = CliRunner().invoke(build({}), ["overview", str(results), "--open"])
    assert ran.exit_code == 0
    assert "no browser" in ran.output
