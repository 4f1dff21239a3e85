"""Where what can be computed again is kept between runs."""

import os
from pathlib import Path


def cache_folder(name: str) -> Path:
    """Folder `name` of argand's cache, made where missing: $ARGAND_CACHE, or the user's cache folder."""
    usual = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "argand"
    folder = Path(os.environ.get("ARGAND_CACHE") or usual) / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
