"""File names for readers in C++ and Rust, which accept only UTF-8."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from argand.io.atomic import valid_text


@contextmanager
def plain_name(path: str | Path) -> Iterator[str]:
    """Yield a name of the file in valid UTF-8: its own, or that of a temporary link to it."""
    name = str(path)
    if name == valid_text(name):
        yield name
        return
    with TemporaryDirectory(prefix="argand-") as folder:
        link = Path(folder) / f"link{Path(path).suffix}"
        link.symlink_to(Path(path).absolute())
        yield str(link)
