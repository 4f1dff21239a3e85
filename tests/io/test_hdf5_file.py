"""HDF5 files on a full disk: an error and no half file, and the process goes on."""

import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from disk_limit import room_for

from argand.errors import OutputError
from argand.io.hdf5_file import LargeHdf5, written_hdf5

WRITERS = {
    "memory": "written_hdf5(path)",
    "disk": "written(path) as temporary, LargeHdf5(temporary)",
}
"""Ways to write a file, as code."""

FULL = """
import sys
from pathlib import Path
import numpy as np
from argand.errors import OutputError
from argand.io.atomic import written
from argand.io.hdf5_file import LargeHdf5, written_hdf5
path = Path(sys.argv[1])
try:
    with {writer} as opened:
        file = getattr(opened, "file", opened)
        for number in range(20):
            noise = np.random.default_rng(number).random((300, 300))
            file.create_dataset(f"a{{number}}", data=noise, compression="gzip")
except OutputError as error:
    print(error)
print(sorted(one.name for one in path.parent.iterdir()))
"""


def in_little_room(kind: str, script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What a script prints that writes `a.h5` where 8 MB have room: on a disk, or by a limit on files."""
    mount = f"mount -t tmpfs -o size=8m none {folder} && exec"
    command = {
        "disk": ["/usr/bin/env", "unshare", "-rm", "sh", "-c", f'{mount} "$@"', "sh"],
        "limit": ["/bin/sh", "-c", 'ulimit -f 8000; exec "$@"', "sh"],
    }
    begin = command[kind]
    if kind == "disk" and subprocess.run([*begin, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    whole = [*begin, sys.executable, "-c", script, str(folder / "a.h5")]
    return subprocess.run(whole, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("kind", ["disk", "limit"])
@pytest.mark.parametrize("writer", WRITERS)
def test_a_full_disk_is_an_error_and_not_the_end_of_the_process(tmp_path: Path, kind: str, writer: str):
    done = in_little_room(kind, FULL.format(writer=WRITERS[writer]), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    told, left = done.stdout.splitlines()
    assert str(tmp_path) in told
    assert left == "[]"


def test_a_file_is_there_when_it_is_whole(tmp_path: Path):
    with written_hdf5(tmp_path / "a") as file:
        file["values"] = np.arange(5)
    with LargeHdf5(tmp_path / "b") as large:
        large.file["values"] = np.arange(5)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    with h5py.File(tmp_path / "b") as found:
        assert np.asarray(found["values"]).tolist() == [0, 1, 2, 3, 4]


def test_an_error_leaves_the_file_that_was_there(tmp_path: Path):
    (tmp_path / "a").write_text("old")
    with pytest.raises(ZeroDivisionError), written_hdf5(tmp_path / "a") as file:
        file["values"] = np.arange(5)
        raise ZeroDivisionError
    assert (tmp_path / "a").read_text() == "old"


def noise(number: int) -> np.ndarray:
    return np.random.default_rng(number).random((300, 300))


def write_many(large: LargeHdf5) -> None:
    """Write and read more than HDF5 keeps in memory, and check it."""
    for number in range(9):
        large.file.create_dataset(f"a{number}", data=noise(number), chunks=(10, 300), compression="gzip")
        large.require_taken()
    for number in range(9):
        assert np.array_equal(np.asarray(large.file[f"a{number}"]), noise(number))


def test_what_the_disk_refuses_is_told_as_soon_as_it_is_asked_about(tmp_path: Path):
    with room_for(500_000), pytest.raises(OutputError, match="b: cannot be written"):  # noqa: SIM117
        with LargeHdf5(tmp_path / "b") as large:
            write_many(large)


def test_what_the_disk_refuses_is_whole_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(LargeHdf5, "require_taken", lambda large: None)
    with room_for(500_000), LargeHdf5(tmp_path / "b") as large:
        write_many(large)
    assert (tmp_path / "b").stat().st_size <= 500_000


def test_ctrl_c_waits_until_a_file_is_whole(tmp_path: Path):
    with pytest.raises(KeyboardInterrupt):  # noqa: SIM117
        with LargeHdf5(tmp_path / "b") as large:
            signal.raise_signal(signal.SIGINT)
            write_many(large)
            large.file["last"] = 1
    with h5py.File(tmp_path / "b") as found:
        assert "last" in found


def test_ctrl_c_comes_at_once_again_afterwards(tmp_path: Path):
    with LargeHdf5(tmp_path / "b") as large:
        large.file["last"] = 1
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
