"""Errors name options at the command line and keywords in Python."""

import pytest
from worded import setup

from argand.crew import Crew, Machines
from argand.errors import ArgandError, ConfigError, InputError, command_line, explained

MESSAGE = "a.cbf: no pixel size; give --pixel-size, or name another --out (not a--b)"


def test_python_sees_keywords():
    with command_line(False):
        told = str(InputError(MESSAGE))
    assert told == "a.cbf: no pixel size; give pixel_size_mm=, or name another out= (not a--b)"


def test_the_command_line_sees_options():
    assert str(InputError(MESSAGE)) == explained(InputError(MESSAGE)) == MESSAGE


def test_an_error_within_another_is_worded_once():
    with command_line(False):
        assert str(ConfigError(f"{InputError('give --mask')}; or --no-pool")) == "give mask=; or no_pool="


def test_the_wording_is_what_it_was_after_an_error():
    with pytest.raises(InputError), command_line(False):
        raise InputError(MESSAGE)
    assert str(ArgandError("--x")) == "--x"


@pytest.mark.parametrize(("used", "told"), [(True, "give --mask"), (False, "give mask=")])
def test_worker_processes_use_the_wording_of_the_process_that_started_them(used: bool, told: str):
    with command_line(used), Crew(Machines(2), setup) as crew:
        assert [result for _, result in crew.results([[0], [1]])] == [told, told]
