"""Changes one line of argand at a time in a copy of it and tells whether the tests notice.

    python tests/mutate.py                           all mutations of tests/mutations.toml
    python tests/mutate.py polarisation merge        those whose name holds one of the words
    python tests/mutate.py --file physics/still/spot.py --old 'rows + 0.5' --new 'rows' tests/physics/still

A mutation is killed where a test fails on it; what survives no test would notice. The working tree
is only read: the copy lies in a temporary folder, in front on PYTHONPATH.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TABLE = Path(__file__).with_name("mutations.toml")
HANG_S = 900
"""Seconds after which a mutation that makes the tests hang counts as noticed."""


@dataclass(frozen=True)
class Mutation:
    """One change of the text of `file` (below src/argand), and the tests that should notice it."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def read_table(path: Path) -> list[Mutation]:
    """The mutations of a table, whose paths are told once, by name."""
    table = tomllib.loads(path.read_text())
    files, mutations = table["files"], []
    for row in table["mutation"]:
        known = files[row["in"]]
        tests = tuple(row.get("tests", known["tests"]))
        mutations.append(Mutation(row["name"], known["path"], row["old"], row["new"], tests))
    return mutations


class Copy:
    """A copy of the sources in a folder, in which one file at a time is changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        skip = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / "src", folder / "src", ignore=skip)
        self.sound: dict[tuple[str, ...], bool] = {}

    def outcome(self, mutation: Mutation) -> str:
        """What became of a mutation: killed, survived, or why that cannot be told."""
        path = self.folder / "src" / "argand" / mutation.file
        text = path.read_text() if path.is_file() else ""
        if text.count(mutation.old) != 1:
            return f"stale: its text is there {text.count(mutation.old)} times"
        if mutation.tests not in self.sound:
            self.sound[mutation.tests] = self.passes(mutation.tests) is True
        if not self.sound[mutation.tests]:
            return "untold: its tests fail or find nothing without it"
        try:
            path.write_text(text.replace(mutation.old, mutation.new))
            passes = self.passes(mutation.tests)
        finally:
            path.write_text(text)
        return "SURVIVED" if passes else "killed"

    def passes(self, tests: tuple[str, ...]) -> bool:
        """Whether the tests pass on the copy as it is; tests that hang do not."""
        front = [str(self.folder / "src"), os.environ.get("PYTHONPATH", "")]
        elsewhere = {"PYTHONDONTWRITEBYTECODE": "1", "HYPOTHESIS_STORAGE_DIRECTORY": str(self.folder)}
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(front), **elsewhere}
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
        try:
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=HANG_S)
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0


def main() -> None:
    """Try the mutations asked for; the exit status is 1 where one survives or cannot be tried."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*", help="parts of names; with --file, the tests")
    for option in ("--file", "--old", "--new"):
        parser.add_argument(option)
    asked = parser.parse_args()
    if asked.file:
        mutations = [Mutation("yours", asked.file, asked.old, asked.new or "", tuple(asked.words))]
    else:
        every = read_table(TABLE)
        mutations = [m for m in every if not asked.words or any(word in m.name for word in asked.words)]
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(Path(folder))
        for mutation in mutations:
            outcomes.append(copy.outcome(mutation))
            sys.stdout.write(f"{outcomes[-1]:10} {mutation.name}\n")
            sys.stdout.flush()
    sys.exit(any(outcome != "killed" for outcome in outcomes))


if __name__ == "__main__":
    main()
