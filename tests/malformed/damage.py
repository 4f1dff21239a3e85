"""What happens to files: cut, flipped, overwritten, replaced by something else."""

import bz2
import gzip
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from malformed.case import Content, Must

Damage = Callable[[np.random.Generator, bytes], Content]

NUMBERS = (b"nan", b"inf", b"-inf", b"1e308", b"-1", b"0", b"1000000000", b"999999999999999999999", b"1e-300")
"""In place of a number of a text."""
PAGE = b"<!DOCTYPE html><html><head><title>404 Not Found</title></head><body>no such file</body></html>\n"


def nothing(rng: np.random.Generator, blob: bytes) -> bytes:
    """An empty file."""
    return b""


def cut(rng: np.random.Generator, blob: bytes) -> bytes:
    """The first part of it, as after a broken transfer."""
    return blob[: int(rng.integers(1, max(len(blob), 2)))]


def cut_early(rng: np.random.Generator, blob: bytes) -> bytes:
    """Less than the header."""
    return blob[: int(rng.integers(1, max(len(blob) // 20, 2)))]


def flipped(rng: np.random.Generator, blob: bytes) -> bytes:
    """Some bits the other way round."""
    return _flip(rng, blob, len(blob))


def flipped_header(rng: np.random.Generator, blob: bytes) -> bytes:
    """Some bits of the first 200 bytes the other way round."""
    return _flip(rng, blob, min(len(blob), 200))


def _flip(rng: np.random.Generator, blob: bytes, within: int) -> bytes:
    raw = bytearray(blob)
    for place in rng.integers(0, max(within, 1), int(rng.integers(1, 9))):
        raw[place] ^= 1 << int(rng.integers(8))
    return bytes(raw)


def zeroed(rng: np.random.Generator, blob: bytes) -> bytes:
    """A stretch of zeros, as where a disk has lost a block."""
    first = int(rng.integers(0, len(blob)))
    length = int(rng.integers(1, max(len(blob) // 3, 2)))
    return (blob[:first] + bytes(min(length, len(blob) - first)) + blob[first + length :])[: len(blob)]


def words_changed(rng: np.random.Generator, blob: bytes) -> bytes:
    """Some 32-bit words of the first half replaced by extreme ones."""
    raw = bytearray(blob)
    extreme = (b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\x80", b"\0\0\x80\x7f")
    for place in rng.integers(0, max(len(blob) // 8, 1), 4):
        raw[4 * place : 4 * place + 4] = extreme[int(rng.integers(len(extreme)))]
    return bytes(raw[: len(blob)])


def numbers_changed(rng: np.random.Generator, blob: bytes) -> bytes:
    """Some numbers of a text replaced by ones that cannot be."""
    found = list(re.finditer(rb"(?<![\w.])-?\d+(\.\d*)?(?![\w.])", blob[:20_000]))
    chosen = {int(i) for i in rng.integers(0, len(found), int(rng.integers(1, 4)))} if found else set()
    for place in sorted(chosen, reverse=True):
        start, end = found[place].span()
        blob = blob[:start] + NUMBERS[int(rng.integers(len(NUMBERS)))] + blob[end:]
    return blob


def lines_lost(rng: np.random.Generator, blob: bytes) -> bytes:
    """A text without some of its lines."""
    lines = blob.splitlines(keepends=True)
    return b"".join(line for line in lines if rng.random() > 0.2)


def lines_mixed(rng: np.random.Generator, blob: bytes) -> bytes:
    """A text with its lines in another order."""
    lines = blob.splitlines(keepends=True)
    return b"".join(lines[i] for i in rng.permutation(len(lines)))


def no_text(rng: np.random.Generator, blob: bytes) -> bytes:
    """Bytes in the middle of a text that are no UTF-8, a zero among them."""
    place = int(rng.integers(0, len(blob)))
    return blob[:place] + b"\xff\xfe\0\x80\xc3(" + blob[place:]


def one_line(rng: np.random.Generator, blob: bytes) -> bytes:
    """A line of a million letters."""
    filling = (b"#", b" ", b"a", b"1 ", b"(", b"'")[int(rng.integers(6))]
    return blob[:100] + filling * 1_000_000 + blob[100:]


def foreign(rng: np.random.Generator, blob: bytes) -> bytes:
    """Something else under the right name."""
    return (PAGE, b"%PDF-1.7\n" + rng.bytes(3000), rng.bytes(5000), b"PK\x03\x04" + rng.bytes(800))[
        int(rng.integers(4))
    ]


def folder(rng: np.random.Generator, blob: bytes) -> Content:
    """A folder where a file should be."""
    return lambda path: path.mkdir()


def pipe(rng: np.random.Generator, blob: bytes) -> Content:
    """A pipe that nobody writes to."""
    return lambda path: os.mkfifo(path)


def loop(rng: np.random.Generator, blob: bytes) -> Content:
    """A link to itself."""
    return lambda path: path.symlink_to(path.name)


def device(rng: np.random.Generator, blob: bytes) -> Content:
    """A link to zeros without end."""
    return lambda path: path.symlink_to("/dev/zero")


BINARY: dict[str, tuple[Damage, Must]] = {
    "empty": (nothing, "refused"),
    "cut": (cut, "answered or refused"),
    "cut-early": (cut_early, "refused"),
    "flipped": (flipped, "answered or refused"),
    "flipped-header": (flipped_header, "answered or refused"),
    "zeroed": (zeroed, "answered or refused"),
    "words": (words_changed, "answered or refused"),
    "foreign": (foreign, "refused"),
    "folder": (folder, "refused"),
    "pipe": (pipe, "refused"),
    "loop": (loop, "refused"),
    "device": (device, "refused"),
}
"""What is done to every kind of binary file, and what must come of it."""
TEXT: dict[str, tuple[Damage, Must]] = {
    "empty": (nothing, "refused"),
    "cut": (cut, "answered or refused"),
    "flipped": (flipped, "answered or refused"),
    "numbers": (numbers_changed, "answered or refused"),
    "numbers-again": (numbers_changed, "answered or refused"),
    "lines-lost": (lines_lost, "answered or refused"),
    "lines-mixed": (lines_mixed, "answered or refused"),
    "no-text": (no_text, "answered or refused"),
    "one-line": (one_line, "answered or refused"),
    "foreign": (foreign, "refused"),
    "folder": (folder, "refused"),
    "pipe": (pipe, "refused"),
    "loop": (loop, "refused"),
    "device": (device, "refused"),
}
"""The same of every kind of text."""


def bz2_bomb(blob: bytes, filling: bytes, streams: int = 60) -> bytes:
    """Some kB that unpack to the blob and `streams` times 64 MiB."""
    return bz2.compress(blob) + bz2.compress(_filled(filling)) * streams


def gzip_bomb(blob: bytes, filling: bytes, streams: int = 60) -> bytes:
    """The same with gzip, some MB."""
    return gzip.compress(blob) + gzip.compress(_filled(filling), 1) * streams


def _filled(filling: bytes) -> bytes:
    return filling * (2**26 // len(filling))


def made_by(write: Callable[[Path], None], suffix: str) -> bytes:
    """The bytes that a function writes into a file."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as where:
        path = Path(where) / f"file{suffix}"
        write(path)
        return path.read_bytes()
