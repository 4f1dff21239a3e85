"""Maps of cells of any shape with their size."""

from pathlib import Path

import numpy as np
import pytest

from argand.errors import InputError
from argand.io.cell_map import is_cube, read_cell_map
from argand.io.solution import write_ccp4
from argand.physics.crystal.symmetry import Group

CELL = (6.0, 7.0, 8.0, 80.0, 95.0, 102.0)


def test_a_ccp4_map_tells_its_cell_and_an_array_does_not(tmp_path: Path):
    values = np.random.default_rng(0).random((6, 8, 10)).astype(np.float32)
    write_ccp4(tmp_path / "a.ccp4", values, CELL, Group.from_name("P 1"))
    np.save(tmp_path / "a.npy", values)
    given = read_cell_map(tmp_path / "a.ccp4")
    assert given.cell == pytest.approx(CELL)
    np.testing.assert_allclose(given.values, values)
    plain = read_cell_map(tmp_path / "a.npy")
    assert plain.cell is None
    np.testing.assert_allclose(plain.values, values)


def test_cubes_are_told_from_other_cells():
    assert is_cube((8, 8, 8), None)
    assert is_cube((8, 8, 8), (5.0, 5.0, 5.0, 90.0, 90.0, 90.0))
    assert not is_cube((8, 8, 10), None)
    assert not is_cube((8, 8, 8), (5.0, 5.0, 5.1, 90.0, 90.0, 90.0))
    assert not is_cube((8, 8, 8), (5.0, 5.0, 5.0, 90.0, 90.0, 91.0))


def test_what_is_no_map_is_refused_in_one_line(tmp_path: Path):
    np.save(tmp_path / "flat.npy", np.ones((3, 3)))
    np.save(tmp_path / "text.npy", np.array(["a"]))
    (tmp_path / "junk.ccp4").write_bytes(b"nothing")
    (tmp_path / "map.xyz").write_bytes(b"nothing")
    for name, message in (
        ("flat.npy", "three-dimensional"),
        ("text.npy", "real numbers"),
        ("junk.ccp4", "whole CCP4"),
        ("map.xyz", "unknown map format"),
        ("gone.npy", "no such file"),
    ):
        with pytest.raises(InputError, match=message):
            read_cell_map(tmp_path / name)
