"""Names of files for readers in C++ and Rust, which take those alone that are UTF-8."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from argand.io.atomic import valid_text


@contextmanager
def plain_name(path: str | Path) -> Iterator[str]:
    """A name of the file that any reader takes, while it is read: its own, or that of a link to it."""
    name = str(path)
    if name == valid_text(name):
        yield name
        return
    with TemporaryDirectory(prefix="argand-") as folder:
        link = Path(folder) / f"link{Path(path).suffix}"
        link.symlink_to(Path(path).absolute())
        yield str(link)
