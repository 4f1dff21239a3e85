"""Builds source archive and wheel, installs each in an environment of its own, and tries it elsewhere.

`make install-check` runs it. pip takes its options, such as an index for the CPU build of torch, from its own
environment variables. What fails is named, with its output, and ends the check.
"""

import logging
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUILD = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
COMMANDS = (
    "--version",
    "doctor",
    "geometry predict data/thau_3_2_0006.cbf.bz2 --out found",
    "patterson solve data/cod_2016452.hkl.gz --cell 9.748,8.890,7.566,90,112.74,90 --spacegroup P21/c"
    " --formula C14H14O2 --seed 0 --out solved",
    "molmnist predict sample#14 --out fibrils",
    "crystals reconstruct data/crystals --symmetrise 0.1 --out rebuilt",
)
PAGES = ("found/index.html", "solved/index.html", "fibrils/index.html", "rebuilt/summary.json")
log = logging.getLogger("install-check")


def run(*command: str | Path, folder: Path) -> str:
    """Output of a command that is run in `folder`, without the checkout on Python's path."""
    log.info("%s", " ".join(map(str, command)))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{done.stdout}{done.stderr}\nfailed: {' '.join(map(str, command))}")
    return done.stdout


def build(out: Path) -> tuple[Path, Path]:
    """The source archive of the checkout, and the wheel that pip makes of that archive."""
    run(sys.executable, "-c", BUILD, out, folder=ROOT)
    source = next(out.glob("*.tar.gz"))
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", out, source, folder=out)
    return source, next(out.glob("*.whl"))


def install(archive: Path, environment: Path) -> Path:
    """The `argand` of a new environment that holds the archive and the pinned versions of what it needs."""
    venv.create(environment, with_pip=True)
    pip = (environment / "bin/python", "-m", "pip", "install")
    run(*pip, "-c", ROOT / "constraints.txt", archive, folder=archive.parent)
    return environment / "bin/argand"


def check(argand: Path, folder: Path) -> None:
    """Run a command of each system in a folder that has only the example data; look for what they write."""
    shutil.copytree(ROOT / "examples/data", folder / "data")
    for command in COMMANDS:
        run(argand, *command.split(), folder=folder)
    missing = [page for page in PAGES if not (folder / page).stat().st_size]
    place = "import argand; print(argand.__file__)"
    installed = Path(run(argand.parent / "python", "-c", place, folder=folder).strip())
    if missing or not installed.is_relative_to(argand.parents[1]):
        raise SystemExit(f"empty: {missing}; argand was imported from {installed}")


def main() -> None:
    """Check the wheel, then the source archive."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with tempfile.TemporaryDirectory() as name:
        for kind, archive in zip(("source", "wheel"), build(Path(name)), strict=True):
            folder = Path(name) / f"work-{kind}"
            folder.mkdir()
            check(install(archive, Path(name) / kind), folder)
            log.info("%s works where it is installed", archive.name)


if __name__ == "__main__":
    main()
