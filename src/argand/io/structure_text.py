"""What is in a text file of structures, however it is stored."""

import gzip
import zlib
from pathlib import Path

from argand.errors import InputError

_GZIP = b"\x1f\x8b"
"""How compressed files begin (RFC 1952)."""
_WIDE = (b"\xff\xfe", b"\xfe\xff")
"""How texts of two bytes a letter begin (the byte order mark)."""


def text_of_file(path: Path) -> str:
    """The text, compressed or not, its lines ended by newlines; InputError for what cannot be read.

    Letters of another encoding than UTF-8 or UTF-16 become question marks: what matters in a structure is
    ASCII.
    """
    try:
        content = path.read_bytes()
        if content.startswith(_GZIP):
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"cannot be read ({' '.join(str(error).split())})") from error
    encoding = "utf-16" if content.startswith(_WIDE) else "utf-8-sig"
    text = content.decode(encoding, errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")
