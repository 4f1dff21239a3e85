"""A damaged run under `view` is told in one line, or what is damaged is left out and the page says so."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import run_folders

from argand.errors import InputError
from argand.systems.crystals.view import write_page as write_crystals
from argand.systems.geometry.drift.page import write_drift
from argand.systems.geometry.drift.series import drift_of, read_sources
from argand.systems.geometry.view import write_page as write_geometry
from argand.systems.molmnist.view import write_page as write_fibrils
from argand.systems.patterson.view import write_page as write_patterson

Write = Callable[[Path], Path]


def _drift(folder: Path) -> Path:
    return write_drift(folder / "drift.html", drift_of(read_sources([folder])))


PAGES: dict[str, tuple[str, str, Write]] = {
    "geometry": ("geometry", "results.jsonl", write_geometry),
    "drift": ("geometry", "results.jsonl", _drift),
    "fibrils": ("fibrils", "summary.json", write_fibrils),
    "maps": ("maps", "results.jsonl", write_patterson),
    "solved": ("solved", "one.json", write_patterson),
    "crystals": ("crystals", "summary.json", write_crystals),
    "way": ("way", "summary.json", write_crystals),
}
"""Each page with the run that it is of, the file of its records, and what writes it."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Whole runs of all systems."""
    folder = tmp_path_factory.mktemp("runs")
    names = ["a.cbf", "b.cbf", "c.cbf"]
    run_folders.geometry_run(folder / "geometry", names)
    run_folders.fibril_run(folder / "fibrils", names)
    run_folders.map_run(folder / "maps", names)
    run_folders.solved_run(folder / "solved", ["one"])
    run_folders.crystal_run(folder / "crystals", folder / "cifs", names)
    run_folders.way_run(folder / "way", *(folder / "cifs" / f"{name}.cif" for name in names[:2]))
    return folder


@pytest.fixture(params=PAGES)
def run(request: pytest.FixtureRequest, runs: Path, tmp_path: Path) -> tuple[Path, Path, Write]:
    """A copy of each run, its file of records, and what writes its page."""
    kind, file, write = PAGES[request.param]
    folder = shutil.copytree(runs / kind, tmp_path / "run")
    return folder, folder / file, write


def told(write: Write, folder: Path) -> str:
    """The one line that is told, or the page; nothing else may come of it."""
    try:
        return write(folder).read_text(encoding="utf-8")
    except InputError as error:
        line = str(error)
    assert "\n" not in line
    return line


WRONG_FILES: dict[str, bytes] = {
    "empty": b"",
    "null": b"null\n",
    "a list": b"[]\n",
    "numbers": b"[1, 2]\n[3]\n",
    "a number": b"3\n",
    "text": b"not json\nnor this\n",
    "no UTF-8": b"\xff\xfe\x00{\n" * 3,
    "zeros": bytes(500),
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"\n",
    "huge number": b'{"file": "a", "index": ' + b"9" * 5000 + b"}\n",
}


@pytest.mark.parametrize("content", WRONG_FILES.values(), ids=WRONG_FILES)
def test_a_file_that_holds_no_records_is_told(run: tuple[Path, Path, Write], content: bytes):
    folder, records, write = run
    records.write_bytes(content)
    line = told(write, folder)
    assert any(words in line for words in (records.name, "no run there", "no record", "no trusted"))


def _folder(path: Path) -> None:
    path.mkdir()


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


INSTEAD: dict[str, Callable[[Path], None]] = {
    "nothing": lambda path: None,
    "a folder": _folder,
    "a loop": _loop,
    "a pipe": os.mkfifo,
}


@pytest.mark.parametrize("put", INSTEAD.values(), ids=INSTEAD)
def test_what_stands_in_place_of_records_is_told(run: tuple[Path, Path, Write], put: Callable[[Path], None]):
    folder, records, write = run
    records.unlink()
    put(records)
    line = told(write, folder)
    assert "<html" not in line
    assert str(folder) in line


@pytest.mark.parametrize("put", INSTEAD.values(), ids=INSTEAD)
def test_files_of_answers_that_are_gone_or_none_are_told(
    run: tuple[Path, Path, Write], put: Callable[[Path], None]
):
    folder, records, write = run
    for path in [path for path in folder.iterdir() if path != records]:
        path.unlink()
        put(path)
    page = told(write, folder)
    if write is not _drift:
        assert any(words in page for words in ("no such file", "not a regular file", "cannot be opened"))


def test_files_of_answers_that_are_damaged_are_told(run: tuple[Path, Path, Write]):
    folder, records, write = run
    for path in [path for path in folder.iterdir() if path != records]:
        path.write_bytes(path.read_bytes()[:20])
    page = told(write, folder)
    if write is not _drift:
        assert any(words in page for words in ("damaged", "whole", "complete", "left out"))


def _records(path: Path) -> tuple[list[dict[str, Any]], Callable[[], None]]:
    """The records of a run, to be changed, and what writes them again."""
    if path.suffix == ".jsonl":
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        return lines, lambda: path.write_text("".join(json.dumps(line) + "\n" for line in lines)) and None
    whole = json.loads(path.read_text())
    records = whole.get("records") or whole.get("structures") or [whole]
    return records, lambda: path.write_text(json.dumps(whole)) and None


VALUES = (
    None,
    True,
    -1,
    1e308,
    float("nan"),
    float("inf"),
    10**400,
    "text",
    [],
    {},
    [None],
    [[1]],
    {"a": [1]},
)


@pytest.mark.parametrize("turn", range(3))
def test_no_value_under_any_key_ends_in_anything_but_a_page_or_a_line(
    run: tuple[Path, Path, Write], turn: int
):
    folder, path, write = run
    whole = path.read_text()
    for number, key in enumerate(_records(path)[0][0]):
        path.write_text(whole)
        records, save = _records(path)
        if turn == 0:
            del records[0][key]
        else:
            records[0][key] = VALUES[(number + 6 * turn) % len(VALUES)]
        save()
        told(write, folder)


def test_a_damaged_record_is_left_out_and_the_others_are_shown(runs: Path, tmp_path: Path):
    for name, key in (("fibrils", "residual"), ("crystals", "confidence"), ("maps", "attempts")):
        kind, file, write = PAGES[name]
        folder = shutil.copytree(runs / kind, tmp_path / name)
        records, save = _records(folder / file)
        records[0][key] = "much"
        save()
        page = told(write, folder)
        assert "<html" in page
        assert f"record 1 skipped: &#x27;{key}&#x27; is not a" in page


OUTSIDE = ("../secret", "/etc/passwd", "..", "sub/file", "")
FILES = {
    "geometry": ("image", "pixels", "overlay", "downloads"),
    "fibrils": ("hdf5", "cxi"),
    "maps": ("map", "xyz"),
    "crystals": ("file",),
}


@pytest.mark.parametrize("outside", OUTSIDE)
@pytest.mark.parametrize("name", FILES)
def test_files_outside_of_the_folder_are_neither_read_nor_linked(
    runs: Path, tmp_path: Path, name: str, outside: str
):
    kind, file, write = PAGES[name]
    folder = shutil.copytree(runs / kind, tmp_path / "run")
    for key in FILES[name]:
        records, save = _records(folder / file)
        good = records[0][key]
        (tmp_path / "secret").write_bytes(
            (folder / (good[0] if isinstance(good, list) else good)).read_bytes()
        )
        records[0][key] = [outside] if isinstance(good, list) else outside
        save()
        page = told(write, folder)
        assert 'href=".."' not in page
        assert 'secret"' not in page.replace("secret&#x27;", "")
        assert 'href="%' not in page


@pytest.mark.parametrize("name", FILES)
def test_links_out_of_the_folder_are_not_followed(runs: Path, tmp_path: Path, name: str):
    kind, file, write = PAGES[name]
    folder = shutil.copytree(runs / kind, tmp_path / "run")
    path = folder / _records(folder / file)[0][0][FILES[name][0]]
    path.rename(tmp_path / path.name)
    path.symlink_to(tmp_path / path.name)
    assert "a link to a file outside its folder" in told(write, folder)


@pytest.mark.parametrize("name", ["../b", "/b", "sub/b", "..", ""])
def test_no_page_is_written_outside_of_the_folder(runs: Path, tmp_path: Path, name: str):
    folder = shutil.copytree(runs / "geometry", tmp_path / "run")
    before = set(tmp_path.rglob("*"))
    records, save = _records(folder / "results.jsonl")
    records[0]["name"] = name
    save()
    told(write_geometry, folder)
    assert all(path.parent == folder for path in set(tmp_path.rglob("*")) - before)


def test_arrays_that_are_kept_elsewhere_are_not_read(runs: Path, tmp_path: Path):
    folder = shutil.copytree(runs / "fibrils", tmp_path / "run")
    shutil.copy(folder / "a.h5", tmp_path / "secret.h5")
    for number, name in enumerate(("a.h5", "b.cbf.h5", "c.cbf.h5")):
        with h5py.File(folder / name, "r+") as file:
            del file["shape"]
            if number == 0:
                file["shape"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "shape")
            elif number == 1:
                raw = [(str(tmp_path / "secret.h5"), 0, 64 * 64 * 8)]
                file.create_dataset("shape", (64, 64), "f8", external=raw)
            else:
                layout = h5py.VirtualLayout((64, 64), "f8")
                layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "shape", (64, 64))
                file.create_virtual_dataset("shape", layout)
    page = told(write_fibrils, folder)
    assert page.count("&#x27;shape&#x27; is not stored in it") == 3


@pytest.mark.parametrize(
    "values", [np.zeros((3, 4)), np.full((64, 64), np.nan), np.zeros(5), np.zeros((2, 2), "S3")]
)
def test_arrays_that_are_no_images_are_told(runs: Path, tmp_path: Path, values: np.ndarray):
    folder = shutil.copytree(runs / "fibrils", tmp_path / "run")
    with h5py.File(folder / "a.h5", "r+") as file:
        del file["pattern"]
        file["pattern"] = values
    assert "not drawn" in told(write_fibrils, folder)


@pytest.mark.parametrize(
    "when", ["2026-03-01T20:15:00+01:00", "0001-01-01T00:00:00", "9999-12-31T23:59:59", "noon"]
)
def test_times_of_other_clocks_and_none_do_not_end_a_drift(runs: Path, tmp_path: Path, when: str):
    folder = shutil.copytree(runs / "geometry", tmp_path / "run")
    path = folder / "results.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()][:-1]
    for number, record in enumerate(records):
        record["time"] = when if number == 0 else f"2026-03-01T20:1{number}:00"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    assert "2 trusted answers" in told(_drift, folder)


@pytest.mark.parametrize("write", [write_geometry, write_fibrils, write_patterson, write_crystals])
def test_what_is_no_folder_of_a_run_is_told(tmp_path: Path, write: Write):
    (tmp_path / "file").write_text("text")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "empty").mkdir()
    for name in ("file", "loop", "empty", "gone"):
        assert name in told(write, tmp_path / name)
