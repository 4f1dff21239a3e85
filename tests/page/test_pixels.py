"""Pixels on their way to a page: exact after packing, and nothing but data in the files that a page runs."""

import base64
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argand.errors import InputError
from argand.page.pixels import (
    TILE_PX,
    limits_of,
    read_beside,
    script_beside,
    shrink,
    small_image,
    squeezed,
    tiles_of,
)


def unpacked(told: dict[str, Any]) -> np.ndarray:
    """What the page's script makes of a packed array."""
    dtype = np.dtype(told["dtype"]).newbyteorder("<")
    planes = np.frombuffer(gzip.decompress(base64.b64decode(told["data"])), np.uint8)
    return np.ascontiguousarray(planes.reshape(dtype.itemsize, -1).T).view(dtype).reshape(-1)


def assembled(told: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Counts (float64) and usable pixels of an image from its tiles."""
    slow, fast = told["shape"]
    counts, mask = np.zeros((slow, fast)), np.ones((slow, fast), bool)
    columns = -(-fast // told["side"])
    for number, tile in enumerate(told["tiles"]):
        top, left = (told["side"] * place for place in divmod(number, columns))
        part = slice(top, top + told["side"]), slice(left, left + told["side"])
        shape = counts[part].shape
        counts[part] = unpacked(tile["counts"]).reshape(shape).astype(float) + tile["base"]
        if "unusable" in tile:
            bits = np.unpackbits(unpacked(tile["unusable"]), count=shape[0] * shape[1])
            mask[part] = ~bits.astype(bool).reshape(shape)
    return counts, mask


KINDS = (
    "uint8",
    "int8",
    "uint16",
    "int16",
    "uint32",
    "int32",
    "int64",
    "float32",
    "float64",
    ">i2",
    ">f4",
    "bool",
)


@settings(deadline=None, max_examples=60)
@given(
    kind=st.sampled_from(KINDS), seed=st.integers(0, 2**32 - 1), most=st.sampled_from([3, 200, 60_000, 2**31])
)
def test_every_count_of_every_type_comes_back(kind: str, seed: int, most: int):
    rng = np.random.default_rng(seed)
    shape = (TILE_PX + 5, 2 * TILE_PX - 3)
    dtype = np.dtype(kind)
    low, high = (0, most) if dtype.kind in "ub" else (-2, most)
    if dtype.kind in "iu":
        high = min(high, np.iinfo(dtype).max)
    image = rng.integers(low, high, shape, endpoint=True).astype(dtype)
    mask = rng.random(shape) < 0.99
    counts, usable = assembled(tiles_of(image, mask))
    np.testing.assert_array_equal(counts, image.astype(float))
    np.testing.assert_array_equal(usable, mask)


@pytest.mark.parametrize("kind", ["int8", "int16", "int32", "int64", "uint64"])
def test_the_ends_of_a_type_come_back(kind: str):
    ends = np.iinfo(kind)
    image = np.array([[ends.min, 0, ends.max]], kind)
    counts, _ = assembled(tiles_of(image, np.ones(image.shape, bool)))
    np.testing.assert_array_equal(counts, image.astype(float))


def test_numbers_that_are_none_stay_none():
    image = np.array([[1.5, np.nan, np.inf]], np.float32)
    counts, _ = assembled(tiles_of(image, np.isfinite(image)))
    np.testing.assert_array_equal(counts, image)


def test_counts_take_no_more_bytes_than_they_need():
    few = np.random.default_rng(0).poisson(2, (TILE_PX, TILE_PX)).astype(np.int32)
    (tile,) = tiles_of(few, np.ones(few.shape, bool))["tiles"]
    assert tile["counts"]["dtype"] == "uint8"
    # Poisson counts of mean 2 have 2.5 bits each; base64 makes 4 characters of 3 bytes.
    assert len(tile["counts"]["data"]) < few.size * 2.5 / 8 * 4 / 3 * 1.15
    assert "unusable" not in tile


def test_the_small_image_has_counts_within_their_noise_and_no_others():
    rng = np.random.default_rng(0)
    image = rng.poisson(30, (3000, 2000)).astype(np.int32)
    mask = np.ones(image.shape, bool)
    mask[600:630] = False
    small = small_image(image, mask)
    exact, step = shrink(image, mask, 1024)
    code = unpacked(small["code"]).reshape(exact.shape)
    assert small["step"] == step == 3
    np.testing.assert_array_equal(code == 0, np.isnan(exact))
    counts = small["low"] + ((code - 1.0) / small["scale"]) ** 2
    live = np.isfinite(exact) & (exact > small["low"])
    assert np.abs(counts - exact)[live].max() < np.sqrt(30) / 3
    assert small["limits"] == limits_of(exact)
    assert small["thumb"].startswith("data:image/jpeg;base64,")


def test_an_image_without_a_usable_pixel_is_packed():
    small = small_image(np.zeros((30, 20), np.int32), np.zeros((30, 20), bool))
    assert not unpacked(small["code"]).any()


NAME = "a</script>\u2028\udcff.image.js"


def test_a_script_gives_back_its_value_and_is_ascii(tmp_path: Path):
    value = {
        "code": squeezed(np.arange(5, dtype=np.uint16)),
        "limits": [0.5, 2.0],
        "words": "</script>\u2028",
    }
    text = script_beside(NAME.replace("/", "_"), value)
    assert text.isascii()
    assert "<" not in text
    path = tmp_path / NAME.replace("/", "_")
    path.write_text(text)
    assert read_beside(path) == value


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"alert(1)",
        b'argand.beside("x.js",\n{"a":1});\nalert(1);\n',
        b'argand.beside("x.js",\n{"a":alert(1)});\n',
        b'argand.beside("x.js",alert(1),\n{"a":1});\n',
        b'argand.beside("y.js",\n{"a":1});\n',
        'argand.beside("x.js",\n{"a":"\u2028"});\n'.encode(),
        b'argand.beside("x.js",\n' + b"[" * 100_000 + b");\n",
        gzip.compress(b'argand.beside("x.js",\n{"a":1});\n', mtime=0),
    ],
)
def test_a_script_that_is_more_than_its_value_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "x.js").write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        read_beside(tmp_path / "x.js")
