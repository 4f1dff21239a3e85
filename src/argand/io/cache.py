"""The cache folder, for results that can be computed again."""

import os
from pathlib import Path

from argand.errors import OutputError
from argand.io.atomic import make_folder


def cache_folder(name: str) -> Path:
    """Folder `name` in argand's cache ($ARGAND_CACHE, or the user's cache folder), created if needed.

    Raises OutputError if it cannot be created.
    """
    asked, usual = os.environ.get("ARGAND_CACHE"), os.environ.get("XDG_CACHE_HOME")
    try:
        folder = Path(asked) if asked else Path(usual or Path.home() / ".cache") / "argand"
        return make_folder(folder / name)
    except (OutputError, RuntimeError) as error:  # RuntimeError: the user has no home folder
        raise OutputError(f"no cache folder ({error}); set ARGAND_CACHE to a folder") from error
