"""The folder of a run: what was answered is in it, whole, however the run ended."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from argand.errors import ConfigError, InputError
from argand.io.atomic import make_folder, write_text
from argand.io.manifest import MANIFEST, begin_manifest
from argand.runs.folder import RunFolder, unique_name
from argand.runs.record import RESULTS, read_records, read_results, to_line
from argand.runs.resume import ASKED, file_digest


def page_of(folder: Path) -> Path:
    """A page with the number of records that are there when it is written."""
    page = folder / "index.html"
    write_text(page, str(len(read_results(folder))))
    return page


def test_the_results_are_there_when_the_page_is_made(tmp_path: Path):
    with RunFolder(tmp_path / "new" / "run", page=page_of) as run:
        run.keep({"file": "a"})
        run.keep({"file": "b"})
    assert run.folder is not None
    assert (run.folder / "index.html").read_text() == "2"


def interrupted(item: str) -> Iterator[dict[str, str]]:
    """An answer, until Ctrl-C comes."""
    if item == "c":
        raise KeyboardInterrupt
    yield {"file": item}


@pytest.mark.parametrize("page", [None, page_of])
def test_ctrl_c_still_writes_what_was_answered(tmp_path: Path, page):
    with pytest.raises(KeyboardInterrupt), RunFolder(tmp_path, page=page) as run:
        for item in ("a", "b", "c", "d"):
            for record in interrupted(item):
                run.keep(record)
    assert read_results(tmp_path) == [{"file": "a"}, {"file": "b"}]
    written = {RESULTS, "index.html"} if page else {RESULTS}
    assert {path.name for path in tmp_path.iterdir()} == written | {MANIFEST}


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with RunFolder(None, page=page_of) as run:
        run.keep({"file": "a"})
    assert run.records == [{"file": "a"}]
    assert not list(tmp_path.iterdir())


def test_earlier_results_are_replaced_at_the_end_alone_and_those_for_other_files_stay(
    tmp_path: Path,
):
    begin_manifest(tmp_path)
    write_text(tmp_path / RESULTS, '{"file": "a", "old": 1}\n{"file": "b", "old": 1}\n')
    with RunFolder(tmp_path, resume=True) as run:
        assert not run.take_over("b", "another question")
        run.keep({"file": "b"})
        assert [record["file"] for record in read_results(tmp_path)] == ["a", "b", "b"]
    assert read_results(tmp_path) == [{"file": "b"}, {"file": "a", "old": 1}]


def test_a_failure_to_find_a_file_replaces_no_answer(tmp_path: Path):
    with RunFolder(tmp_path) as run:
        run.keep({"file": "a.cbf", "name": "a"})
    with RunFolder(tmp_path, resume=True) as run:
        run.keep({"file": "nothere.cbf", "failed": True})
    assert [record["file"] for record in read_results(tmp_path)] == ["nothere.cbf", "a.cbf"]


def test_a_folder_that_cannot_be_made_is_one_line_with_the_cure(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"file: cannot be created .*; choose another --out"):
        make_folder(tmp_path / "file")
    with pytest.raises(ConfigError, match="choose another --out"), RunFolder(tmp_path / "file" / "run"):
        pass


def test_names_are_numbered_where_a_file_system_could_mix_them_up():
    taken: set[str] = set()
    names = [unique_name(name, taken) for name in ("a", "a", "A", "b", "a-2", "a")]
    assert names == ["a", "a-2", "A-3", "b", "a-2-2", "a-4"]
    assert len({name.lower() for name in names}) == len(names)


def test_each_run_numbers_its_own_names():
    first, second = RunFolder(None), RunFolder(None)
    assert [first.unused("a"), first.unused("a"), second.unused("a")] == ["a", "a-2", "a"]


def test_a_last_line_that_was_cut_off_is_left_out(tmp_path: Path):
    (tmp_path / RESULTS).write_text('{"file": "a"}\n{"file": "Å"}\n{"fi', encoding="utf-8")
    assert [record["file"] for record in read_records(tmp_path / RESULTS)] == ["a", "Å"]


def test_a_line_that_is_no_json_is_named(tmp_path: Path):
    (tmp_path / RESULTS).write_text('{"fi\n{"file": "a"}\n')
    with pytest.raises(InputError, match="line 1 is not JSON"):
        read_records(tmp_path / RESULTS)


def test_a_folder_without_results_is_told(tmp_path: Path):
    with pytest.raises(InputError, match=f"contains no {RESULTS}"):
        read_results(tmp_path)


def test_a_line_holds_plain_numbers_and_none_for_what_is_not_finite():
    record = {"a": np.float32(0.5), "b": (np.inf, np.int64(2)), "c": np.array([[1, 2]])}
    assert to_line(record) == '{"a": 0.5, "b": [null, 2], "c": [[1, 2]]}'


def answer(run: RunFolder, file: Path) -> None:
    """Keep an answer for a file, with a file of its own."""
    assert run.folder is not None
    name = run.unused(file.stem)
    write_text(run.folder / f"{name}.xyz", "")
    run.keep({"file": str(file), "name": name, "xyz": f"{name}.xyz", ASKED: run.asked(file)})


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Three files, all answered by a run that was killed when it had begun a fourth line."""
    found = [tmp_path / name for name in ("a.map", "b.map", "c.map")]
    run = RunFolder(tmp_path / "out", settings={"mask": np.zeros(3), "atoms": 6})
    run.__enter__()
    for file in found:
        file.write_text("")
        answer(run, file)
    with (tmp_path / "out" / RESULTS).open("a") as results:
        results.write('{"file": "d')
    return found


def test_a_run_takes_over_what_a_killed_one_has_answered(tmp_path: Path, files: list[Path]):
    with RunFolder(tmp_path / "out", settings={"atoms": 6, "mask": np.zeros(3)}, resume=True) as run:
        taken = [run.take_over(file, run.asked(file)) for file in files]
        assert [record[0]["name"] for record in taken] == ["a", "b", "c"]
        assert run.others == []
        assert run.unused("b") == "b-2"


@pytest.mark.parametrize(
    "changed",
    [{"settings": {"atoms": 7, "mask": np.zeros(3)}}, {"settings": {"atoms": 6, "mask": np.ones(3)}}],
)
def test_other_settings_take_over_nothing(tmp_path: Path, files: list[Path], changed: dict):
    with RunFolder(tmp_path / "out", **changed, resume=True) as run:
        assert not any(run.take_over(file, run.asked(file)) for file in files)
        answer(run, files[0])
    assert [record["file"] for record in read_results(tmp_path / "out")] == [str(files[0])]
    left = {path.name for path in (tmp_path / "out").glob("*.xyz")}
    assert left == {"a.xyz"}, "outputs of answers that are gone stay behind"


def test_a_file_that_changed_or_lost_its_output_and_force_ask_again(tmp_path: Path, files: list[Path]):
    settings = {"atoms": 6, "mask": np.zeros(3)}
    files[0].write_text("more")
    (tmp_path / "out" / "b.xyz").unlink()
    with RunFolder(tmp_path / "out", settings=settings, resume=True) as run:
        assert [bool(run.take_over(file, run.asked(file))) for file in files] == [False, False, True]
        answer(run, files[0])
    with RunFolder(tmp_path / "out", settings=settings, force=True) as run:
        assert not run.take_over(files[2], run.asked(files[2]))
        answer(run, files[2])


def test_ctrl_c_loses_nothing_that_was_taken_over(tmp_path: Path, files: list[Path]):
    settings = {"atoms": 6, "mask": np.zeros(3)}
    with pytest.raises(KeyboardInterrupt), RunFolder(tmp_path / "out", settings=settings, resume=True) as run:
        taken = {file: run.take_over(file, run.asked(file)) for file in files}
        run.records.append(taken[files[1]][0])
        raise KeyboardInterrupt
    assert [record["name"] for record in read_results(tmp_path / "out")] == ["b", "a", "c"]


def test_a_run_that_answers_nothing_leaves_the_results_alone(tmp_path: Path, files: list[Path]):
    with pytest.raises(ConfigError), RunFolder(tmp_path / "out", resume=True) as run:
        raise ConfigError(f"{run.folder} holds other results")
    assert len(read_results(tmp_path / "out")) == 3


def test_what_has_no_end_has_no_digest():
    with pytest.raises(InputError, match="not a regular file"):
        file_digest("/dev/zero")
