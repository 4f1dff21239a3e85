"""The course over many items: a failure stops no other item, and is told once, by name, with its cause."""

import errno
import logging
from collections.abc import Iterator

import pytest

from argand.errors import InputError
from argand.runs.course import Failure, attempted


def halves(item: str) -> Iterator[str]:
    """Two answers, or what the item's name threatens with."""
    yield f"{item} left"
    if "bad" in item:
        raise InputError("no image")
    if "odd" in item:
        raise KeyError("depth")
    yield f"{item} right"


def test_an_error_ends_its_item_and_no_answer_before_it_is_lost():
    outcomes = [one for item in ("a", "bad", "c") for one in attempted(item, lambda item=item: halves(item))]
    assert outcomes == ["a left", "a right", "bad left", Failure("bad", "no image"), "c left", "c right"]


def test_an_unexpected_error_is_asked_to_be_reported(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.DEBUG, "argand"):
        outcomes = list(attempted("odd", lambda: halves("odd")))
    assert isinstance(outcomes[1], Failure)
    assert outcomes[1].message == "odd: KeyError: 'depth'; please report it with this file"
    assert "Traceback" in caplog.text


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "a.cbf"), "change the permissions"),
        (MemoryError("1 TiB"), "out of memory (1 TiB)"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "out of memory"),
        (RecursionError("maximum depth"), "nested too deeply"),
    ],
    ids=["disk", "memory", "torch's memory", "depth"],
)
def test_what_a_user_can_act_on_is_not_asked_to_be_reported(error: Exception, text: str):
    failure = Failure.of("a.cbf", error)
    assert text in failure.message
    assert "please report" not in failure.message
    assert failure.message.count("a.cbf") == 1


def test_answers_come_as_they_are_made():
    made: list[str] = []

    def answer() -> Iterator[str]:
        for item in ("a", "b"):
            made.append(item)
            yield item

    assert next(attempted("file", answer)) == "a"
    assert made == ["a"]


def test_one_item_may_be_attempted_alone():
    (good,) = attempted("a", lambda: ["answer"])
    (bad,) = attempted("bad", lambda: list(halves("bad")))
    assert (good, bad) == ("answer", Failure("bad", "no image"))


@pytest.mark.parametrize(
    ("failure", "message", "reason"),
    [
        (Failure("a.cbf", "no image"), "a.cbf: no image", "no image"),
        (Failure("a.cbf", "a.cbf: no image"), "a.cbf: no image", "no image"),
        (Failure("a.h5#3", "a.h5: has 2 images"), "a.h5: has 2 images", "a.h5: has 2 images"),
        (Failure("a.h5", "blank", 3), "a.h5#3: blank", "blank"),
    ],
)
def test_a_failure_names_its_file_once(failure: Failure, message: str, reason: str):
    assert (failure.message, failure.reason) == (message, reason)


def test_a_failure_is_one_line_whatever_the_error():
    assert Failure.of("a", InputError("first\n  second")).text == "first second"
    assert Failure.of("a", InputError()).text == "InputError"
