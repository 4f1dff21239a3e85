"""Answers to a list of inputs keep its order, and one that fails stops no other."""

from dataclasses import dataclass
from typing import Any

import pytest

from argand.errors import InputError, command_line
from argand.page.notebook import html_card
from argand.runs.answers import Answers, dataframe
from argand.runs.course import Failure


@dataclass(frozen=True)
class Answer:
    """An answer of a system."""

    value: float
    trusted: bool = True
    reason: str = "it fits"

    def to_dict(self) -> dict[str, Any]:
        return {
            "value": self.value,
            "trusted": self.trusted,
            "reason": self.reason,
            "tilt_deg": {"pitch": 1.0},
        }


def answer(source: Any) -> Answer:
    if source == "bad.cbf":
        raise InputError("bad.cbf: no image; give --wavelength")
    return Answer(float(source), trusted=float(source) > 1)


@pytest.fixture
def answers() -> Answers:
    return Answers.of(["1", "bad.cbf", "3"], answer)


def test_the_order_is_kept_and_a_failure_stands_in_its_place(answers: Answers):
    assert [type(one) for one in answers] == [Answer, Failure, Answer]
    assert answers[1].file == "bad.cbf"
    assert len(answers[1:]) == 2
    assert [one.value for one in answers.trusted] == [3.0]
    assert repr(answers) == "<Answers: 3 answers, 1 trusted, 1 failed>"


def test_a_failure_is_worded_for_python():
    with command_line(False):
        (failure,) = Answers.of(["bad.cbf"], answer).failures
    assert failure.reason == "no image; give wavelength="


def test_plain_values_say_what_failed(answers: Answers):
    assert [(one.get("failed", False), one["trusted"]) for one in answers.to_dict()] == [
        (False, False),
        (True, False),
        (False, True),
    ]


def test_a_dataframe_has_a_row_for_each_input_and_no_nested_cells(answers: Answers):
    frame = answers.to_dataframe()
    assert list(frame["value"].fillna(0)) == [1.0, 0.0, 3.0]
    assert "tilt_deg.pitch" in frame.columns
    assert dataframe([]).empty


def test_an_error_of_the_program_is_a_failure_that_asks_for_a_report():
    (failure,) = Answers.of([object()], answer).failures
    assert failure.file == "input 0"
    assert "please report it" in failure.text


def test_a_notebook_shows_a_card_without_markup_from_names():
    html = html_card("<a>", {"centre": "<b>1</b>"}, picture=b"png", note="n & m", trusted=False)
    assert "<b>1" not in html
    assert "&lt;b&gt;1" in html
    assert "#767676" in html
    assert "data:image/png;base64,cG5n" in html
    assert "<a>" not in html


def test_many_answers_are_shown_in_part():
    html = Answers.of(range(2, 30), answer)._repr_html_()
    assert "and 8 more" in html
    assert "28 answers, 28 trusted" in html
