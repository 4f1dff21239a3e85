"""Bytes of reflection files into text: gzip seen through, byte order marks and line ends taken off."""

import gzip
import zlib
from pathlib import Path

from argand.errors import InputError


def file_bytes(path: Path) -> bytes:
    """What a file holds, decompressed; InputError where it is not there or is cut short."""
    try:
        blob = path.read_bytes()
        return gzip.decompress(blob) if blob[:2] == b"\x1f\x8b" else blob
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read ({error}); is the file there and whole?") from error


def decoded(blob: bytes) -> str:
    """Text of UTF-8, UTF-16 with its mark, or else Latin-1, with \\n alone at the ends of lines."""
    if blob[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = blob.decode("utf-16", errors="replace")
    else:
        try:
            text = blob.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = blob.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")
