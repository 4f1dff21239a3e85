"""Where what can be computed again is kept between runs."""

import os
from pathlib import Path

from argand.errors import OutputError
from argand.io.atomic import make_folder


def cache_folder(name: str) -> Path:
    """Folder `name` of argand's cache, made where missing: $ARGAND_CACHE, or the user's cache folder.

    Raises OutputError where none can be made.
    """
    asked, usual = os.environ.get("ARGAND_CACHE"), os.environ.get("XDG_CACHE_HOME")
    try:
        folder = Path(asked) if asked else Path(usual or Path.home() / ".cache") / "argand"
        return make_folder(folder / name)
    except (OutputError, RuntimeError) as error:  # RuntimeError: the user has no home
        raise OutputError(f"no folder for the cache ({error}); name one in ARGAND_CACHE") from error
