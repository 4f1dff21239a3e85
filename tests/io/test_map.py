"""Maps come back as they were written; what is no map is refused in one line."""

from pathlib import Path

import numpy as np
import pytest

from argand.errors import InputError
from argand.io.map import read_map, write_map


@pytest.mark.parametrize("suffix", [".npy", ".ccp4", ".map", ".mrc"])
def test_maps_come_back(tmp_path: Path, suffix: str):
    values = np.random.default_rng(0).random((8, 8, 8)).astype(np.float32)
    path = write_map(tmp_path / f"a{suffix}", values)
    np.testing.assert_allclose(read_map(path), values)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.npy", b"junk", "numpy.save"),
        ("a.ccp4", b"junk", "CCP4"),
        ("a.txt", b"1 2 3", "unknown map format"),
    ],
)
def test_what_is_no_map_is_refused(tmp_path: Path, name: str, content: bytes, message: str):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        read_map(path)
    assert str(path) in str(error.value)


def test_maps_that_are_no_cubes_or_missing_are_refused(tmp_path: Path):
    np.save(tmp_path / "flat.npy", np.zeros((4, 4)))
    with pytest.raises(InputError, match="cube"):
        read_map(tmp_path / "flat.npy")
    with pytest.raises(InputError, match="no such file"):
        read_map(tmp_path / "gone.npy")
