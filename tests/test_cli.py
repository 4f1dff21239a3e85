"""The command line must answer at once and tell errors in one line."""

import errno
import gc
import importlib
import inspect
import os
import subprocess
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path
from types import ModuleType
from typing import Annotated, get_args, get_type_hints

import pytest
import typer
from typer.testing import CliRunner

from argand import __version__
from argand.cli import START_OBJECTS, asked_systems, build, spare_imports, steady_streams
from argand.errors import InputError, explained
from argand.runs.verbs import RANGES
from argand.system import SYSTEMS

runner = CliRunner()


def refused(number: int, name: str | bytes | int | None = "a/b.h5") -> OSError:
    return OSError(number, os.strerror(number), name)


MACHINE: list[tuple[Exception, str]] = [
    (refused(errno.ENOSPC), "a/b.h5: No space left on device; free some space or choose another --out"),
    (refused(errno.EDQUOT), "a/b.h5: Disk quota exceeded; free some space or choose another --out"),
    (refused(errno.EROFS), "a/b.h5: Read-only file system; change the permissions or choose another folder"),
    (refused(errno.EACCES), "a/b.h5: Permission denied; change the permissions or choose another folder"),
    (refused(errno.ENOTDIR), "a/b.h5: Not a directory; choose another --out"),
    (refused(errno.EISDIR), "a/b.h5: Is a directory; choose another --out"),
    (refused(errno.ENAMETOOLONG), "a/b.h5: File name too long; choose a shorter, simpler name"),
    (refused(errno.EMFILE), "a/b.h5: Too many open files; raise the limit on open files (ulimit -n)"),
    (refused(errno.EIO), "a/b.h5: Input/output error; repair the disk or the network"),
    (refused(errno.ESTALE), "a/b.h5: Stale file handle; repair the disk or the network"),
    (refused(errno.EBUSY), "a/b.h5: Device or resource busy; repair the disk or the network"),
    (refused(errno.EXDEV), "a/b.h5: Invalid cross-device link; check the name and the disk"),
    (refused(errno.ENOSPC, b"n\xff"), "n\\udcff: No space left on device"),
    (refused(errno.ENOSPC, None), "No space left on device; free some space"),
    (refused(errno.EIO, 7), "Input/output error; repair the disk"),
    (OSError("file signature not found"), "file signature not found; check the name and the disk"),
    (MemoryError(), "out of memory (MemoryError); process less at a time"),
    (MemoryError("Unable to allocate 9. TiB"), "out of memory (Unable to allocate 9. TiB); process less"),
    (RuntimeError("[enforce] DefaultCPUAllocator: can't allocate memory: you tried"), "out of memory ("),
    (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB." + " more" * 99), "out of memory ("),
    (RecursionError("maximum recursion depth exceeded"), "the input is nested too deeply"),
    (
        UnicodeEncodeError("ascii", "Å.cbf", 0, 1, "not in range"),
        "a name or text cannot be encoded or decoded",
    ),
    (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), "a name or text cannot be encoded or decoded"),
]
"""Errors of disk, memory and names, and how each is told."""


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    """A command line with one system `toy`, whose verbs end in different ways."""
    verbs = typer.Typer(help="A toy.")

    @verbs.command()
    def fail() -> None:
        raise InputError("image.cbf: cut off after\n12 bytes; copy it again")

    @verbs.command()
    def stop() -> None:
        raise KeyboardInterrupt("stopped at step 3; continue runs/a with --resume")

    @verbs.command()
    def stop_silently() -> None:
        raise KeyboardInterrupt

    @verbs.command()
    def crash() -> None:
        raise ZeroDivisionError("a bug")

    @verbs.command()
    def meet(number: int) -> None:
        raise MACHINE[number][0]

    @verbs.command()
    def take(
        seed: int = 0,
        share: float = 0.0,
        several: Annotated[list[float] | None, typer.Option()] = None,
        learning_rate: float | None = None,
        wavelength: float | None = None,
    ) -> None:
        typer.echo("taken")

    module = ModuleType("toysystem.cli")
    module.app = verbs  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "toysystem", ModuleType("toysystem"))
    monkeypatch.setitem(sys.modules, "toysystem.cli", module)
    return build({"toy": "toysystem"})


def test_an_error_is_one_line_without_traceback(app: typer.Typer):
    result = runner.invoke(app, ["toy", "fail"])
    assert result.exit_code == 1
    assert result.stderr == "error: image.cbf: cut off after 12 bytes; copy it again\n"
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("verb", "message"),
    [("stop", "continue runs/a with --resume"), ("stop-silently", "files written so far are complete")],
)
def test_an_interrupt_says_what_is_left(app: typer.Typer, verb: str, message: str):
    result = runner.invoke(app, ["toy", verb])
    assert result.exit_code == 130
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_bug_keeps_its_traceback(app: typer.Typer):
    assert isinstance(runner.invoke(app, ["toy", "crash"]).exception, ZeroDivisionError)


@pytest.mark.parametrize("number", range(len(MACHINE)))
def test_an_error_of_disk_memory_or_names_is_one_line_with_the_cure(app: typer.Typer, number: int):
    result = runner.invoke(app, ["toy", "meet", str(number)])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {MACHINE[number][1]}")
    assert result.stderr.count("\n") == 1
    assert len(result.stderr) < 400
    assert result.stdout == ""


@pytest.mark.parametrize("error", [RuntimeError("a bug"), KeyError("a"), ValueError("b"), TypeError("c")])
def test_any_other_error_is_a_fault_of_the_program(error: Exception):
    assert explained(error) is None


@pytest.mark.parametrize(
    "given",
    [
        ["--seed", "-1"],
        ["--seed", str(2**63)],
        ["--share", "nan"],
        ["--share", "inf"],
        ["--share=-inf"],
        ["--share", "1e300"],
        ["--several", "0.1", "--several", "nan"],
        ["--learning-rate", "nan"],
        ["--learning-rate", "1e30"],
        ["--wavelength", "0"],
        ["--wavelength=-1"],
    ],
)
def test_numbers_that_cannot_be_meant_are_wrong_usage(app: typer.Typer, given: list[str]):
    result = runner.invoke(app, ["toy", "take", *given])
    assert result.exit_code == 2
    assert given[0].split("=")[0] in result.stderr
    assert "taken" not in result.stdout


SIGNED = {"strain", "keep_below", "twist", "two_theta"}
"""Numbers with a unit or a sign of their own that may be zero or negative."""


@pytest.mark.parametrize("system", sorted(SYSTEMS))
def test_each_physical_number_that_a_verb_takes_has_a_least_value(system: str):
    verbs = importlib.import_module(f"{SYSTEMS[system]}.cli").app
    checked = set()
    for verb in verbs.registered_commands:
        for name, hint in get_type_hints(inspect.unwrap(verb.callback), include_extras=True).items():
            kind = next(iter(get_args(hint)), None)
            if float in (kind, *get_args(kind)) and name not in SIGNED:
                least = hint.__metadata__[-1].min
                assert name in RANGES or (least is not None and least >= 0), f"{verb.callback} --{name}"
                checked.add(name)
    assert checked


def test_other_numbers_are_taken(app: typer.Typer):
    given = ["--seed", str(2**63 - 1), "--share=-1e18", "--several", "0", "--learning-rate", "0.1"]
    assert runner.invoke(app, ["toy", "take", *given]).stdout == "taken\n"


def test_streams_take_letters_that_they_have_no_code_for(monkeypatch: pytest.MonkeyPatch):
    raw = BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(raw, encoding="ascii"))
    steady_streams()
    sys.stdout.write(os.fsdecode(b"n\xff") + "Å\n")
    sys.stdout.flush()
    assert raw.getvalue() == b"n\\udcff\\xc5\n"


def test_closed_streams_are_replaced_by_ones_that_go_nowhere(monkeypatch: pytest.MonkeyPatch):
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    steady_streams()
    sys.stderr.write("nothing")
    with sys.stdin, sys.stdout, sys.stderr:
        assert sys.stdin.read() == ""


def shell(line: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """What a line of the shell gives, in which `argand` is the command."""
    line = line.replace("argand", f"{sys.executable} -m argand.cli")
    return subprocess.run(
        ["/bin/sh", "-c", line], capture_output=True, check=False, env=os.environ | variables
    )


@pytest.mark.parametrize("streams", [">&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_error(streams: str):
    result = shell(f"argand --version {streams}")
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")


def test_a_reader_that_has_seen_enough_ends_the_command_quietly():
    result = shell("(sleep 0.1; argand --help; echo $? >&2) | true")
    assert result.stderr == b"1\n"


def test_a_working_folder_that_is_gone_is_told(tmp_path: Path):
    result = shell(f"mkdir {tmp_path}/a && cd {tmp_path}/a && rmdir ../a && argand geometry simulate tiny")
    assert result.returncode == 1
    assert b"error: the working folder no longer exists; change to one that does" in result.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("verb", ["--help", "--version", "geometry --help"])
def test_an_output_that_cannot_be_printed_is_told(verb: str):
    result = shell(f"argand {verb} > /dev/full")
    assert result.returncode == 1
    assert result.stderr.startswith(b"error: No space left on device")
    assert result.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"LC_ALL": "C", "PYTHONUTF8": "0"},
        {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"},
    ],
)
def test_names_of_any_bytes_are_printed(variables: dict[str, str]):
    result = shell("argand geometry view \"$(printf 'n\\377\\303\\205')\"", **variables)
    assert result.returncode == 1
    assert result.stderr.startswith(b"error: n\\udcff")
    assert result.stderr.count(b"\n") == 1


def test_a_verb_that_does_not_exist_is_a_usage_error(app: typer.Typer):
    assert runner.invoke(app, ["toy", "fial"]).exit_code == 2


def test_the_version_is_told(app: typer.Typer):
    assert runner.invoke(app, ["--version"]).stdout == f"argand {__version__}\n"


HEAVY = ("torch", "numpy", "scipy", "matplotlib", "h5py", "fabio", "lightning")


COUNTING = """
import sys
calls = 0
def count(frame, event, argument):
    global calls
    calls += event in ("call", "c_call")
sys.argv = ["argand", "--help"]
sys.setprofile(count)
try:
    from argand.cli import main
    main()
except SystemExit:
    sys.setprofile(None)
print(calls, file=sys.stderr)
"""


def test_help_answers_at_once():
    """At 0.2 s for the 300 000 calls of now, half a second is some 700 000; calls are the same anywhere."""
    answer = subprocess.run([sys.executable, "-c", COUNTING], capture_output=True, text=True, check=True)
    assert "doctor" in answer.stdout
    assert 10_000 < int(answer.stderr) < 600_000


def test_help_imports_nothing_heavy():
    code = f"import sys, argand.cli as c; c.build(c.SYSTEMS); print({set(HEAVY)} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"


@pytest.mark.parametrize("words", [[], ["--help"], ["doctor"], ["geometyr", "predict"]])
def test_all_systems_are_offered_where_none_is_asked_for(words: list[str]):
    assert asked_systems(words) == SYSTEMS


def test_only_the_system_that_is_asked_for_is_built():
    assert list(asked_systems(["--verbose", "crystals", "encode", "geometry"])) == ["crystals"]


def test_the_collector_works_as_ever_after_its_first_look():
    usual = gc.get_threshold()
    spare_imports()
    try:
        assert gc.get_threshold()[0] == START_OBJECTS
        gc.collect()
        assert gc.get_threshold() == usual
    finally:
        gc.unfreeze()
        gc.set_threshold(*usual)
