"""HDF5 files with damaged heaps, of which libhdf5 would never come to the end."""

from pathlib import Path

import h5py
import pytest

from argand.errors import InputError
from argand.io.dataset import is_stored_set
from argand.io.hdf5_heaps import require_heaps
from argand.io.hdf5_links import opened
from argand.io.nexus import nexus_panels
from argand.io.pattern import read_patterns


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A file of two texts, the rest of whose heap is zeros."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.attrs["provenance"], file.attrs["shards"] = "{}", ["a", "b"]
    require_heaps(path)
    content = bytearray(path.read_bytes())
    begin = content.index(b"GCOL")
    content[begin + 16 : begin + 4096] = bytes(4080)
    path.write_bytes(content)
    return path


def test_a_heap_without_an_end_is_refused_by_all_readers(damaged: Path):
    with pytest.raises(OSError, match="heap at byte"):
        require_heaps(damaged)
    with pytest.raises(OSError, match="heap at byte"):
        opened(damaged)
    assert not is_stored_set(damaged)
    with pytest.raises(InputError, match="heap at byte"):
        nexus_panels(str(damaged))
    with pytest.raises(InputError, match="heap at byte"):
        list(read_patterns(str(damaged)))


def test_what_is_no_hdf5_file_has_no_heap(tmp_path: Path):
    for content in (b"", b"GCOL\x01\0\0\0", b"GCOL\x01\0\0\0" + bytes(3)):
        (tmp_path / "a").write_bytes(content)
        require_heaps(tmp_path / "a")
    require_heaps(tmp_path)
    require_heaps(tmp_path / "gone")
