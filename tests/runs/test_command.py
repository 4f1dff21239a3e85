"""The commands that made a folder of results are kept with it, for its page."""

from pathlib import Path

from argand.runs import command
from argand.runs.claim import claim_folder


def test_a_command_is_kept_as_a_shell_takes_it(tmp_path: Path):
    with command.running(["geometry", "predict", "a b.cbf", "line\nbreak", "'"]):
        claim_folder(tmp_path / "out")
    (told,) = command.commands_of(tmp_path / "out")
    assert told.startswith("argand geometry predict 'a b.cbf' ")
    assert "\n" not in told


def test_resumed_runs_keep_the_earlier_commands_and_forced_ones_do_not(tmp_path: Path):
    out = tmp_path / "out"
    for words, how in ((["first"], {}), (["second"], {"resume": True}), (["second"], {"resume": True})):
        with command.running(words):
            claim_folder(out, **how)
    assert command.commands_of(out) == ["argand first", "argand second"]
    with command.running(["third"]):
        claim_folder(out, force=True)
    assert command.commands_of(out) == ["argand third"]


def test_a_command_that_wrote_nothing_else_is_no_result(tmp_path: Path):
    for word in ("first", "second"):
        with command.running([word]):
            claim_folder(tmp_path / "out")
    assert command.commands_of(tmp_path / "out") == ["argand second"]


def test_python_use_keeps_no_command(tmp_path: Path):
    claim_folder(tmp_path / "out")
    assert command.commands_of(tmp_path / "out") == []


def test_a_huge_or_undecodable_file_of_commands_does_no_harm(tmp_path: Path):
    (tmp_path / command.COMMANDS).write_bytes(b"argand \xff\n" * 30)
    assert command.commands_of(tmp_path) == ["argand �"] * 20
    (tmp_path / command.COMMANDS).write_bytes(b"a" * 2**21)
    assert command.commands_of(tmp_path) == []
