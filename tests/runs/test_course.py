"""The course over many items: a failure stops no other item, and is told once, by name, with its cause."""

import logging
from collections.abc import Iterator

import pytest

from argand.errors import ConfigError, InputError
from argand.progress import ProgressDisplay
from argand.runs.course import UNEXPECTED, Failure, answered, attempted


class Shown(ProgressDisplay):
    """A display that keeps what it is told."""

    def __init__(self) -> None:
        super().__init__("test", quiet=True)
        self.shares: list[tuple[float, int, str]] = []

    def update(self, share: float, done: int, note: str = "") -> None:
        self.shares.append((share, done, note))


def halves(item: str) -> Iterator[str]:
    """Two answers, or what the item's name threatens with."""
    yield f"{item} left"
    if "bad" in item:
        raise InputError("no image")
    if "odd" in item:
        raise KeyError("depth")
    yield f"{item} right"


def test_a_failure_of_one_item_ends_it_and_loses_no_other():
    told: list[Failure] = []
    outcomes = list(answered(["a", "bad", "c"], halves, Shown(), tell=told.append))
    assert outcomes == ["a left", "a right", "bad left", Failure("bad", "no image"), "c left", "c right"]
    assert [failure.message for failure in told] == ["bad: no image"]


def test_an_error_that_a_system_does_not_declare_ends_the_course():
    with pytest.raises(KeyError):
        list(answered(["odd", "b"], halves, Shown()))
    with pytest.raises(InputError):
        list(answered(["bad", "b"], halves, Shown(), errors=(ConfigError,)))


def test_an_unexpected_error_that_is_declared_is_asked_to_be_reported(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.DEBUG, "argand"):
        outcomes = list(answered(["odd", "b"], halves, Shown(), errors=UNEXPECTED))
    assert isinstance(outcomes[1], Failure)
    assert outcomes[1].message == "odd: KeyError: 'depth'; please report it with this file"
    assert outcomes[2:] == ["b left", "b right"]
    assert "Traceback" in caplog.text


def test_a_failure_that_an_answer_gives_itself_does_not_end_its_item():
    def answer(item: str) -> Iterator[int | Failure]:
        yield from (1, Failure(item, "no answer", 7), 2)

    told: list[Failure] = []
    assert len(list(answered(["a.h5"], answer, Shown(), tell=told.append))) == 3
    assert [failure.message for failure in told] == ["a.h5#7: no answer"]


def test_answers_come_as_they_are_made():
    made: list[str] = []

    def answer(item: str) -> Iterator[str]:
        made.append(item)
        yield item

    course = answered(["a", "b"], answer, Shown())
    assert next(course) == "a"
    assert made == ["a"]


def test_the_display_counts_answers_and_shares_of_what_is_expected():
    display = Shown()
    list(answered(["x/a", "bad"], halves, display, size=lambda item: 3 if item == "x/a" else 1))
    assert display.shares == [
        *((0.25, 1, "a"), (0.5, 2, "a"), (0.75, 2, "a")),
        *((0.75, 3, "bad"), (0.75, 4, "bad"), (1.0, 4, "bad")),
    ]


def test_what_holds_more_or_less_than_expected_never_shows_more_than_all():
    for size in (0, 1, 5):
        display = Shown()
        list(answered(["a", "b"], halves, display, size=lambda item, size=size: size))
        shares = [share for share, _, _ in display.shares]
        assert shares == sorted(shares)
        assert shares[-1] == 1.0


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
