"""What is made ready before the site is built: examples where they may write files, a plain kernel."""

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


def quiet_kernel(folder: Path) -> Path:
    """A profile of IPython, in place of the user's own, in which kernels do not warn about this machine."""
    profile = folder / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    (profile / "ipython_kernel_config.py").write_text("c.IPKernelApp.log_level = 40\n", encoding="utf-8")
    return folder


def name_script(settings: dict[str, Any], script: str) -> None:
    """Let an example know its own `__file__`, which the gallery does not give to what it runs."""
    builtins.__file__ = script  # type: ignore[attr-defined]
