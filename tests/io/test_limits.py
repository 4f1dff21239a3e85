import bz2
import gzip
import os

import pytest
from frugal import frugal

from argand.errors import InputError
from argand.io.limits import read_bytes, require_at_most, require_file, unpacked_bytes

PACKERS = pytest.mark.parametrize("pack", [bz2.compress, gzip.compress])


@PACKERS
def test_packed_bytes_come_back_with_all_their_streams(tmp_path, pack):
    path = tmp_path / "packed"
    path.write_bytes(pack(b"first ") + pack(b"second"))
    assert read_bytes(path) == b"first second"


@PACKERS
def test_what_unpacks_to_too_much_is_refused(pack):
    with pytest.raises(InputError, match="decompresses to more than the 1,000 bytes"):
        unpacked_bytes(pack(bytes(10**6)), "x.bz2", 1000)


@PACKERS
def test_what_unpacks_to_too_much_is_not_kept_by_the_error(pack):
    packed = pack(bytes(2**26 + 1))
    with frugal(megabytes=100, seconds=60.0):
        with pytest.raises(InputError) as first:
            unpacked_bytes(packed, "x.bz2", 2**26)
        with pytest.raises(InputError) as second:
            unpacked_bytes(packed, "x.bz2", 2**26)
    assert str(first.value) == str(second.value)


@PACKERS
@pytest.mark.parametrize("length", [4, 20, 40])
def test_packed_bytes_that_are_cut_short_are_refused(pack, length):
    with pytest.raises(InputError, match=r"^x\.gz: compressed file is (truncated|damaged)"):
        unpacked_bytes(pack(os.urandom(1000))[:length], "x.gz")


def test_plain_bytes_are_limited_too(tmp_path):
    path = tmp_path / "plain"
    path.write_bytes(b"12345")
    assert read_bytes(path, 5) == b"12345"
    with pytest.raises(InputError, match="contains more than the 4 bytes"):
        read_bytes(path, 4)


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "none", tmp_path / ("n" * 300), "a\0b"):
        with pytest.raises(InputError):
            require_file(path)


def test_counts_that_are_no_numbers_are_refused():
    require_at_most("x", "atoms", 10, 10)
    for count in (11, float("nan"), float("inf")):
        with pytest.raises(InputError, match="declares"):
            require_at_most("x", "atoms", count, 10)
