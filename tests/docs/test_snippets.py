"""Commands and Python in the README and in the texts of the site do what they are there for.

Every command is parsed by the command line itself, without being run; those over files in examples/data
are run. Every block of Python compiles; those over files in examples/data are executed.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from argand.cli import build
from argand.system import SYSTEMS

ROOT = Path(__file__).parents[2]
TEXTS = [
    ROOT / "README.md",
    ROOT / "docs/start.md",
    ROOT / "docs/faq.md",
    *sorted((ROOT / "docs/guides").glob("*.md")),
    *sorted((ROOT / "docs/theory").glob("*.md")),
]
DATA = re.compile(r"examples/data|\bsample\b")
"""What a command or block has that needs nothing but a clone."""
NOT_RUN = {
    "argand doctor": "tests/test_doctor.py runs it",
    "--new": "relaxing needs the extra `energy`, and minutes",
    "train": "trains for as long as it is told",
    "--set hard": "simulates a set first, for minutes",
}
"""Commands over example data that are parsed but not run: what one of them contains, and why."""
NOT_EXECUTED = {
    r'load\("(standard|hard|published)"': "simulates a set first, for minutes",
}
"""Blocks of Python over example data that are compiled but not executed: what one contains, and why."""
FILE = re.compile(r"(?<![\w/.-])[\w./-]+\.(?:cif|hkl|h5|cbf|npy|mtz|expt|geom|pdb|parquet|jsonl)\b[\w.]*")
"""Name of a file in a command or in Python."""
LONG = 300
"""Seconds after which a command is not a snippet of a text any more."""


@dataclass(frozen=True)
class Snippet:
    """A command or a block of Python, and where it stands."""

    path: Path
    line: int
    text: str
    inline: bool = False

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"


def blocks(path: Path) -> Iterator[tuple[str, Snippet]]:
    """Language and content of each fenced block; of indented ones the language is ''."""
    fence, language, start, held = "", "", 0, []
    for number, line in enumerate([*path.read_text(encoding="utf-8").splitlines(), ""], 1):
        mark = re.match(r"\s*(```+|:::+)\s*\{?([\w-]*)", line)
        if fence and mark and mark[1] == fence and not mark[2]:
            yield language, Snippet(path, start, "\n".join(held))
            fence, held = "", []
        elif fence:
            held.append(line)
        elif mark and mark[1].startswith("`"):
            fence, language, start = mark[1], mark[2] or "text", number + 1
        elif line.startswith("    ") and line.strip():
            start = start if held else number
            held.append(line.strip())
        elif held:
            yield "", Snippet(path, start, "\n".join(held))
            held = []


def commands(path: Path) -> Iterator[Snippet]:
    """Each command of argand in blocks, and between backticks in the text."""
    for language, block in blocks(path):
        if language != "python":
            yield from _lines(block)
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        for found in re.findall(r"`(argand (?:" + "|".join(SYSTEMS) + r") [^`]+)`", line):
            yield Snippet(path, number, found.replace("\\|", "|"), inline=True)


def _lines(block: Snippet) -> Iterator[Snippet]:
    lines, held = block.text.split("\n"), ""
    for number, line in enumerate(lines, block.line):
        held += line.strip().removesuffix("\\")
        if line.rstrip().endswith("\\"):
            continue
        found = re.match(r"(?:\$ )?(?:\S*/)?argand\b(.*)|.*\s-m argand\b(.*)", held)
        if found:
            yield Snippet(block.path, number, f"argand{found[1] if found[1] is not None else found[2]}")
        held = ""


@cache
def command_line() -> Any:
    """The command line as click has it."""
    return typer.main.get_command(build(SYSTEMS))


def words_of(text: str) -> list[str]:
    """Words of a command up to a pipe or redirection, without its comment and without dots for more."""
    words = shlex.split(re.split(r"\s(?:\||&&|>)\s", text)[0], comments=True)
    return [word for word in words if word not in {"...", "…", "&"}]


def parse(text: str, whole: bool = True) -> None:
    """Parse a command as the command line does, without running it; click's error where it is wrong.

    Without `whole`, arguments and options that are asked for may be missing.
    """
    command, words = command_line(), words_of(text)[1:]
    if words and words[0] in {"--help", "--version", "--install-completion"}:
        return
    while hasattr(command, "commands") and words:
        name = words.pop(0)
        if name == "--help":
            return
        assert name in command.commands, f"there is no '{name}' among {', '.join(command.commands)}"
        command = command.commands[name]
    if hasattr(command, "commands") or "--help" in words:
        assert not words or "--help" in words
        return
    try:
        command.make_context(text, words)
    except Exception as error:
        if whole or type(error).__name__ != "MissingParameter":
            raise


COMMANDS = [snippet for path in TEXTS for snippet in commands(path)]
PYTHON = [block for path in TEXTS for language, block in blocks(path) if language == "python"]


def missing_inputs(text: str) -> list[str]:
    """Files that a command or a block of Python names and a clone does not have."""
    named = FILE.findall(re.sub(r"(?:--out|-o) \S+", "", text))
    return [name for name in named if not (ROOT / name).exists()]


def data_commands() -> dict[str, Snippet]:
    """Commands to be run, each of them once, by what they are without their output."""
    chosen = {}
    for one in COMMANDS:
        excepted = any(words in one.text for words in NOT_RUN)
        if not one.inline and DATA.search(one.text) and not excepted and not missing_inputs(one.text):
            chosen.setdefault(re.sub(r"(--out|-o) \S+", "", one.text).strip(), one)
    return chosen


@pytest.mark.parametrize("snippet", COMMANDS, ids=str)
def test_every_command_is_one_of_the_command_line(snippet: Snippet):
    try:
        parse(snippet.text, whole=not snippet.inline and "..." not in snippet.text)
    except Exception as error:  # noqa: BLE001 (whatever click says is told with the place)
        message = getattr(error, "message", None) or str(error)
        pytest.fail(f"{snippet}: `{snippet.text}`: {message}")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder in which examples/data is at hand, as in a clone."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("snippet", data_commands().values(), ids=str)
def test_a_command_over_example_data_answers(snippet: Snippet, clone: Path):
    call = [sys.executable, "-m", *words_of(snippet.text)]
    answer = subprocess.run(call, cwd=clone, capture_output=True, text=True, timeout=LONG)
    assert answer.returncode in {0, 3}, f"{snippet}: `{snippet.text}`:\n{answer.stdout}{answer.stderr}"


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_every_block_of_python_compiles(block: Snippet):
    compile("\n" * (block.line - 1) + block.text, str(block.path.relative_to(ROOT)), "exec")


def data_python() -> list[Snippet]:
    """Blocks of Python to be executed: over example data, and over nothing that a clone lacks."""
    found = [block for block in PYTHON if DATA.search(block.text) and not missing_inputs(block.text)]
    return [one for one in found if not any(re.search(words, one.text) for words in NOT_EXECUTED)]


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted({str(one.path.relative_to(ROOT)) for one in data_python()}))
def test_python_over_example_data_runs(path: str, clone: Path):
    chosen = [block for block in data_python() if block.path == ROOT / path]
    code = "".join(f"# {block}\n{block.text}\n" for block in chosen)
    environment = os.environ | {"MPLBACKEND": "agg"}
    call = [sys.executable, "-c", code]
    answer = subprocess.run(call, cwd=clone, capture_output=True, text=True, timeout=LONG, env=environment)
    assert answer.returncode == 0, f"Python at {', '.join(map(str, chosen))}:\n{answer.stderr}"


def test_texts_have_commands_and_python_to_be_tried():
    assert len(COMMANDS) > 50
    assert len(data_commands()) >= 3
    assert PYTHON


@pytest.mark.parametrize(
    "wrong",
    [
        "argand geometry predict a.cbf --no-such-option",
        "argand geometry predict a.cbf --wavelength long",
        "argand geometry guess a.cbf",
        "argand astrology predict a.cbf",
        "argand patterson solve",
    ],
)
def test_a_wrong_command_is_seen(wrong: str):
    with pytest.raises(Exception, match=r"(?i)no such|no '|a valid|missing"):
        parse(wrong)


def test_commands_are_found_wherever_they_stand(tmp_path: Path):
    text = tmp_path / "a.md"
    text.write_text(
        "Say `argand geometry view found`:\n\n    argand doctor   # all of it\n\n"
        "```console\n$ argand crystals \\\n    index a\n```\n\n"
        "```\ntorchrun -n 2 -m argand geometry train best\n```\n"
    )
    found = [(one.line, " ".join(words_of(one.text))) for one in commands(text)]
    assert found == [
        (3, "argand doctor"),
        (7, "argand crystals index a"),
        (11, "argand geometry train best"),
        (1, "argand geometry view found"),
    ]
