"""The command line must answer at once and tell errors in one line."""

import gc
import subprocess
import sys
from types import ModuleType

import pytest
import typer
from typer.testing import CliRunner

from argand import __version__
from argand.cli import START_OBJECTS, asked_systems, build, spare_imports
from argand.errors import InputError
from argand.system import SYSTEMS

runner = CliRunner()


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
    [("stop", "continue runs/a with --resume"), ("stop-silently", "files written so far are whole")],
)
def test_an_interrupt_says_what_is_left(app: typer.Typer, verb: str, message: str):
    result = runner.invoke(app, ["toy", verb])
    assert result.exit_code == 130
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_bug_keeps_its_traceback(app: typer.Typer):
    assert isinstance(runner.invoke(app, ["toy", "crash"]).exception, ZeroDivisionError)


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
