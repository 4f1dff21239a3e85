"""What is handed out: the archives hold all files, and what is said of version and bounds agrees."""

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from argand import __version__

ROOT = Path(__file__).parents[1]
BUILD = "import sys; from setuptools import build_meta; getattr(build_meta, sys.argv[1])(sys.argv[2])"


def tracked() -> set[str]:
    """Files of the checkout that git keeps or would keep."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("no checkout to compare with")
    listing = [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {name for name in names.split("\0") if (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source archive and the wheel, built from a clean copy of the checkout."""
    copy, out = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("dist")
    for name in tracked():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name)
    for step in ("build_sdist", "build_wheel"):
        command = [sys.executable, "-c", BUILD, step, str(out)]
        subprocess.run(command, cwd=copy, capture_output=True, check=True)
    return out


@pytest.mark.slow
def test_the_source_archive_holds_every_file(archives: Path):
    with tarfile.open(archives / f"argand-{__version__}.tar.gz") as archive:
        names = {name.partition("/")[2] for name in archive.getnames() if archive.getmember(name).isfile()}
    made = {name for name in names if name in {"PKG-INFO", "setup.cfg"} or "argand.egg-info/" in name}
    assert names - made == tracked()


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_package_and_no_other(archives: Path):
    with zipfile.ZipFile(archives / f"argand-{__version__}-py3-none-any.whl") as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == {name.removeprefix("src/") for name in tracked() if name.startswith("src/")}
    assert "argand/py.typed" in names


def test_version_is_one_in_code_citation_and_changelog():
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    cited = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert newest is not None
    assert cited is not None
    assert newest[1] == cited[1] == __version__


def test_bounds_are_the_versions_that_were_tried():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    bounds = dict(part.split(">=") for part in project["dependencies"])
    lines = (ROOT / "constraints-lowest.txt").read_text().splitlines()
    tried = dict(line.split("==") for line in lines if not line.startswith("#"))
    del bounds["torch"]  # its older versions were not tried
    assert {name: numbers(tried[name]) for name in bounds} == {
        name: numbers(bound) for name, bound in bounds.items()
    }


def numbers(version: str) -> list[int]:
    """The numbers of a version without zeros at its end."""
    found = [int(part) for part in version.split(".")]
    while found[-1] == 0:
        found.pop()
    return found


def test_every_dependency_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = {line.partition("==")[0] for line in (ROOT / "constraints.txt").read_text().split()}
    assert {part.partition(">=")[0] for part in project["dependencies"]} <= pinned
