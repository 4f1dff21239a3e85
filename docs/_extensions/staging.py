"""The examples, copied to where they may write files, beside their data."""

import builtins
import shutil
from pathlib import Path
from typing import Any


def stage_examples(source: Path, target: Path) -> Path:
    """Copy the scripts and the gallery's heading to the folder `target`, and link their data there."""
    target.mkdir(parents=True, exist_ok=True)
    names = {path.name for path in source.glob("*.py")} | {"GALLERY_HEADER.rst"}
    for gone in {path.name for path in target.glob("*.py")} - names:
        (target / gone).unlink()
    for name in sorted(names):
        shutil.copy2(source / name, target / name)
    shutil.rmtree(target / "data", ignore_errors=True)
    (target / "data").mkdir()
    for path in (source / "data").iterdir():
        if path.name != "README.md":  # a folder with one would be a gallery
            (target / "data" / path.name).symlink_to(path.resolve())
    return target


def name_script(settings: dict[str, Any], script: str) -> None:
    """Let an example know its own `__file__`, which the gallery does not give to what it runs."""
    builtins.__file__ = script  # type: ignore[attr-defined]
