"""What is missing, cut off or changed in any file of a set is one clear line with the cure."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from argand.crew import HERE
from argand.errors import InputError
from argand.systems.molmnist.benchmark import integrity
from argand.systems.molmnist.benchmark.dataset import load, summary, verdict, write_pairs
from argand.systems.molmnist.benchmark.integrity import STAMP, SUMS, check_files, shard_folder, verify
from argand.systems.molmnist.benchmark.pairs import open_pairs
from argand.systems.molmnist.presets import PRESETS

TINY = PRESETS["tiny"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    write_pairs(TINY, folder / "set.h5", 4, 0, machines=HERE, quiet=True)
    return folder


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    """A set of its own for each test, never verified yet."""
    shutil.copytree(made, tmp_path / "own")
    (tmp_path / "own" / "set.shards" / STAMP).unlink()
    return tmp_path / "own" / "set.h5"


def files(path: Path) -> list[Path]:
    return [*sorted(shard_folder(path).glob("*.h5")), path, path.with_suffix(".md")]


def again(path: Path) -> Path:
    return write_pairs(TINY, path, 4, 0, machines=HERE, quiet=True)


def change(file: Path, keep_time: bool = False) -> None:
    """Another byte in the middle."""
    state, data = file.stat(), bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(bytes(data))
    if keep_time:
        os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))


@pytest.mark.parametrize("which", [0, 1, 2], ids=["shard", "index", "card"])
def test_a_changed_byte_in_any_file_is_found_at_first_use_and_mended_as_told(path: Path, which: int):
    file = files(path)[which]
    change(file)
    for use in (verify, summary, open_pairs):
        with pytest.raises(InputError, match=f"{file.name}: damaged; delete it; simulate --resume") as error:
            use(path)
        assert "\n" not in str(error.value)
    file.unlink()
    assert summary(again(path))["intact"]


@pytest.mark.parametrize("which", [0, 1, 2], ids=["shard", "index", "card"])
def test_a_file_cut_off_or_gone_is_told_and_made_again(path: Path, which: int):
    file = files(path)[which]
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(InputError, match="damaged; delete it"):
        check_files(path)
    file.unlink()
    with pytest.raises(InputError, match=r"is missing|not a complete data set"):
        open_pairs(path)
    assert summary(again(path))["intact"]


def test_a_damaged_shard_is_not_given_a_checksum_of_its_own(path: Path):
    change(files(path)[0])
    with pytest.raises(InputError, match="damaged; delete it"):
        again(path)


def test_damaged_checksums_are_told(path: Path):
    (shard_folder(path) / SUMS).write_text("{ no")
    with pytest.raises(InputError, match="damaged; delete it"):
        open_pairs(path)
    (shard_folder(path) / SUMS).unlink()
    assert summary(again(path))["intact"]


def test_bytes_are_read_once_and_again_after_a_file_is_touched(path: Path, monkeypatch: pytest.MonkeyPatch):
    read, whole = [], integrity._sha256
    monkeypatch.setattr(integrity, "_sha256", lambda file: read.append(file.name) or whole(file))
    open_pairs(path)
    assert len(read) == 3
    open_pairs(path, "train")
    assert len(read) == 3
    os.utime(files(path)[0])
    open_pairs(path)
    assert len(read) == 6


def test_check_reads_every_byte_even_where_the_time_of_change_was_kept(path: Path):
    open_pairs(path)
    change(files(path)[0], keep_time=True)
    open_pairs(path)
    with pytest.raises(InputError, match="damaged"):
        summary(path)


def test_a_set_that_cannot_be_stamped_is_used_all_the_same(path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*words: object) -> None:
        raise PermissionError

    monkeypatch.setattr(integrity, "write_lines", refuse)
    assert len(open_pairs(path)) == 4
    assert not (shard_folder(path) / STAMP).exists()


def test_load_completes_a_set_of_which_a_file_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(PRESETS, "standard", TINY)
    pairs = load("standard", count=4, folder=tmp_path, quiet=True)
    before = pairs.arrays("pattern")
    next(tmp_path.glob("*.shards/*.h5")).unlink()
    np.testing.assert_array_equal(
        load("standard", count=4, folder=tmp_path, quiet=True).arrays("pattern"), before
    )


def test_a_set_of_ones_own_has_a_digest_and_no_published_one(path: Path):
    found = summary(path)
    assert len(found["sha256"]) == 64
    assert found["published"] is None
    assert "a set of its own" in verdict(found["published"])
