"""What is in a text file of structures, however it is stored."""

from pathlib import Path

from argand.io.limits import MOST_TEXT_BYTES, read_bytes

_WIDE = (b"\xff\xfe", b"\xfe\xff")
"""How texts of two bytes a letter begin (the byte order mark)."""


def text_of_file(path: Path) -> str:
    """The text, compressed or not, its lines ended by newlines; InputError for what cannot be read.

    Letters of another encoding than UTF-8 or UTF-16 become question marks: what matters in a structure is
    ASCII.
    """
    content = read_bytes(path, MOST_TEXT_BYTES)
    encoding = "utf-16" if content.startswith(_WIDE) else "utf-8-sig"
    text = content.decode(encoding, errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")
