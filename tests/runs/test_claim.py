"""Output folders: old and new results are never mixed, and no file of the user's is lost."""

from pathlib import Path

import pytest

from argand.errors import ConfigError, OutputError, command_line
from argand.io import manifest
from argand.io.atomic import append_text, write_lines, write_text
from argand.io.manifest import MANIFEST, begin_manifest, listed
from argand.runs.claim import claim_file, claim_folder


def contents(folder: Path) -> dict[str, str]:
    """Text of each file below a folder but the manifest, by its relative name."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    return {str(path.relative_to(folder)): path.read_text() for path in files}


@pytest.fixture
def used(tmp_path: Path) -> Path:
    """A folder with files of the user's, which argand has written results to since."""
    (tmp_path / "out" / "raw").mkdir(parents=True)
    (tmp_path / "out" / "notes.txt").write_text("mine")
    (tmp_path / "out" / "raw" / "a.cbf").write_text("mine")
    folder = claim_folder(tmp_path / "out")
    write_text(folder / "results.jsonl", "old")
    append_text(folder / "log.jsonl", "old")
    append_text(folder / "log.jsonl", "er")
    (folder / "maps").mkdir()
    write_text(folder / "maps" / "a.ccp4", "old")
    write_text(folder / "raw" / "a.png", "old")
    return folder


MINE = {"notes.txt": "mine", "raw/a.cbf": "mine"}


def test_a_folder_with_results_is_refused_and_nothing_is_touched(used: Path):
    before = contents(used)
    with pytest.raises(ConfigError, match=r"earlier run; --resume continues it, --force replaces it"):
        claim_folder(used)
    with command_line(False), pytest.raises(ConfigError, match=r"earlier run; force= replaces it, or give"):
        claim_folder(used, can_resume=False)
    assert contents(used) == before


def test_force_removes_what_argand_wrote_and_nothing_else(used: Path):
    (used / ".results.jsonl.17-3.part").write_text("of a killed run")
    claim_folder(used, force=True)
    assert contents(used) == MINE
    assert not (used / "maps").exists()
    claim_folder(used)


def test_resume_keeps_all(used: Path):
    before = contents(used)
    claim_folder(used, resume=True)
    assert contents(used) == before
    with pytest.raises(ConfigError, match="exclude each other"):
        claim_folder(used, resume=True, force=True)


def test_a_folder_with_the_users_files_alone_is_taken(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("mine")
    claim_folder(tmp_path)
    claim_folder(tmp_path)
    assert contents(tmp_path) == {"notes.txt": "mine"}


def test_a_file_of_the_user_is_never_replaced_by_an_output(used: Path):
    for write in (write_text, append_text):
        with pytest.raises(OutputError, match=r"notes\.txt: exists and was not written by argand; move it"):
            write(used / "notes.txt", "new")
    with pytest.raises(OutputError, match="was not written by argand"):
        write_text(used / "raw" / "a.cbf", "new")
    assert MINE.items() <= contents(used).items()


def test_what_argand_wrote_is_replaced(used: Path):
    write_text(used / "results.jsonl", "new")
    assert contents(used)["results.jsonl"] == "new"
    assert [path.name for path in listed(used)].count("results.jsonl") == 1


def test_a_claimed_folder_within_another_keeps_its_own_list(used: Path):
    inner = claim_folder(used / "inner")
    write_text(inner / "b.txt", "new")
    claim_folder(used, force=True)
    assert contents(used) == {**MINE, "inner/b.txt": "new"}


def test_results_of_another_version_are_neither_mixed_nor_removed(tmp_path: Path):
    write_text(tmp_path / "results.jsonl", "old")
    for options in ({}, {"force": True}, {"resume": True}):
        with pytest.raises(ConfigError, match=r"results\.jsonl: not written by this version of argand"):
            claim_folder(tmp_path, **options)
    assert contents(tmp_path) == {"results.jsonl": "old"}


@pytest.mark.parametrize("line", ['"../mine"', '"/etc/hostname"', "17", "no JSON", '"a/../../mine"'])
def test_a_manifest_that_leads_elsewhere_removes_nothing(tmp_path: Path, line: str):
    (tmp_path / "mine").write_text("mine")
    folder = tmp_path / "out"
    folder.mkdir()
    begin_manifest(folder)
    (folder / MANIFEST).write_text(line + "\n")
    claim_folder(folder, force=True)
    assert (tmp_path / "mine").exists()


def test_an_output_file_is_refused_replaced_or_kept(tmp_path: Path):
    file, shards = tmp_path / "set.h5", tmp_path / "set.shards"
    claim_file(file, beside=[shards])
    write_text(file, "old")
    shards.mkdir()
    write_text(shards / "0.h5", "old")
    with pytest.raises(ConfigError, match=r"set\.h5: exists; --resume continues it, --force replaces it"):
        claim_file(file, beside=[shards])
    claim_file(file, beside=[shards], resume=True)
    assert shards.exists()
    claim_file(file, beside=[shards], force=True)
    assert list(tmp_path.iterdir()) == []


def test_shards_alone_are_results_too(tmp_path: Path):
    (tmp_path / "set.shards").mkdir()
    with pytest.raises(ConfigError, match=r"set\.shards: exists"):
        claim_file(tmp_path / "set.h5", beside=[tmp_path / "set.shards"])


@pytest.mark.parametrize("name", ["", "folder"])
def test_a_folder_is_not_taken_for_a_file(tmp_path: Path, name: str):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="a folder; give the name of a file"):
        claim_file(tmp_path / name if name else Path(), force=True)


def test_names_of_any_bytes_are_listed(tmp_path: Path):
    folder = claim_folder(tmp_path)
    write_lines(folder / "n\udcff\n.txt", ["old"])
    claim_folder(folder, force=True)
    assert contents(folder) == {}


def test_a_long_list_is_read_once_for_a_file_that_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = claim_folder(tmp_path)
    append_text(folder / "results.jsonl", "a")
    append_text(folder / "results.jsonl", "b")
    monkeypatch.setattr(manifest, "listed", lambda folder: pytest.fail("the list is read again"))
    append_text(folder / "results.jsonl", "c")
    assert contents(folder) == {"results.jsonl": "abc"}


def test_a_file_of_the_user_is_kept_where_a_removed_output_was(tmp_path: Path):
    folder = claim_folder(tmp_path)
    write_text(folder / "a.txt", "old")
    write_text(folder / "a.txt", "older")
    claim_folder(folder, force=True)
    (folder / "a.txt").write_text("mine")
    with pytest.raises(OutputError, match="was not written by argand"):
        write_text(folder / "a.txt", "new")
