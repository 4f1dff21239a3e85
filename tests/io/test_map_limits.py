"""Headers of maps and arrays are checked before gemmi or numpy believes them."""

import gzip
import struct
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from argand.errors import InputError
from argand.io.map import read_ccp4, read_map, sample_map
from argand.io.npy_array import parse_npy
from argand.io.solution import write_ccp4
from argand.physics.crystal.symmetry import Group

CELL = (6.0, 8.0, 10.0, 90.0, 90.0, 90.0)


@pytest.fixture
def blob(tmp_path: Path) -> bytearray:
    """A CCP4 map of 12 x 16 x 20 points."""
    values = np.random.default_rng(0).random((12, 16, 20))
    write_ccp4(tmp_path / "whole.ccp4", values, CELL, Group.from_name("P 21 21 21"))
    return bytearray((tmp_path / "whole.ccp4").read_bytes())


@pytest.mark.parametrize(
    ("word", "value", "match"),
    [
        *((word, value, "points are") for word in (1, 2, 3) for value in (0, -1)),
        *((word, value, "samplings of the cell are") for word in (8, 9, 10) for value in (0, -5)),
        (1, 10**9, "points; argand reads at most"),
        (8, 10**6, "samplings of the cell; argand reads at most"),
        (4, 4, "mode 4"),
        (4, 77, "mode 77"),
        (5, 2**31 - 1, "starts at point"),
        (17, 9, "order of its axes"),
        (17, 2, "order of its axes"),
        (24, -1, "bytes of symmetry"),
        (24, 2**31 - 1, "bytes of symmetry"),
        (24, 5000, "shorter than its"),
    ],
)
def test_a_header_that_contradicts_itself_is_refused(tmp_path, blob, word, value, match):
    struct.pack_into("<i", blob, 4 * (word - 1), value)
    path = tmp_path / "a.ccp4"
    path.write_bytes(blob)
    for read in (read_ccp4, lambda path: sample_map(path, np.zeros(3), 1.0, (2, 2, 2))):
        with pytest.raises(InputError, match=match) as told:
            read(path)
        assert str(path) in str(told.value)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf"), 1e30])
@pytest.mark.parametrize("word", [11, 16])
def test_a_cell_that_is_none_is_refused(tmp_path, blob, word, value):
    struct.pack_into("<f", blob, 4 * (word - 1), value)
    (tmp_path / "a.ccp4").write_bytes(blob)
    with pytest.raises(InputError, match="is not a cell"):
        read_ccp4(tmp_path / "a.ccp4")


def test_packed_maps_come_back_whatever_their_name(tmp_path, blob):
    expected = read_ccp4(tmp_path / "whole.ccp4")[0]
    for name, content in (
        ("a.ccp4.gz", gzip.compress(blob)),
        ("b.ccp4", gzip.compress(blob)),
        ("c.map.gz", blob),
    ):
        (tmp_path / name).write_bytes(content)
        np.testing.assert_array_equal(read_ccp4(tmp_path / name)[0], expected)


def npy(values: np.ndarray) -> bytes:
    file = BytesIO()
    np.save(file, values)
    return file.getvalue()


@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<i2", "u1", "<f2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_come_back(dtype, order):
    values = np.asarray(np.arange(24).reshape(2, 3, 4), dtype, order=order)
    found = parse_npy(npy(values), "x", 24)
    np.testing.assert_array_equal(found, values)
    assert found.dtype == values.dtype


@pytest.mark.parametrize(
    ("shape", "match"),
    [
        ("(10000, 10000, 10000)", "declares 1,000,000,000,000 numbers"),
        ("(-1, 2, 3)", "not an array of real numbers"),
        ("(4, 4, 5)", "truncated"),
        ("[[[[[[", "not an array of real numbers"),
        ("(9999999999999999999999999,)", "declares"),
    ],
)
def test_an_array_that_declares_another_shape_is_refused(tmp_path, shape, match):
    blob = npy(np.zeros((4, 4, 4), np.float32))
    header = blob[10:].split(b"\n")[0]
    lied = header.replace(b"(4, 4, 4)", shape.encode()).rstrip().ljust(len(header) + 50) + b"\n"
    path = tmp_path / "a.npy"
    path.write_bytes(blob[:8] + len(lied).to_bytes(2, "little") + lied + bytes(256))
    with pytest.raises(InputError, match=match) as told:
        read_map(path)
    assert str(path) in str(told.value)


@pytest.mark.parametrize(
    "values", [np.array(["a"]), np.zeros(3, complex), np.array([{}]), np.zeros(2, [("a", "f4")])]
)
def test_arrays_of_other_things_are_refused(values):
    with pytest.raises(InputError, match="real numbers"):
        parse_npy(npy(values), "x", 100)
