"""Bytes of reflection files into text: byte order marks and line ends taken off."""


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
