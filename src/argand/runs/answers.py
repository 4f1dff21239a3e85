"""What a predictor answers to several inputs: predictions in their order, and failures in place."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, overload, runtime_checkable

from argand.errors import MissingExtraError
from argand.page.markup import text
from argand.runs.course import Failure
from argand.runs.record import SCHEMA_VERSION, to_record

if TYPE_CHECKING:
    from pandas import DataFrame

MOST_SHOWN = 20
"""Answers that a notebook shows of many. By hand."""


@runtime_checkable
class Answer(Protocol):
    """The answer to one input: whether it is to be trusted, and why."""

    @property
    def trusted(self) -> bool:
        """Whether the answer is to be relied on."""
        ...

    @property
    def reason(self) -> str:
        """Why it is trusted, or why not: one sentence."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """The answer in plain values, as the command line prints it with --json."""
        ...


A = TypeVar("A", bound=Answer)
Item = TypeVar("Item")


@dataclass(frozen=True, repr=False)
class Answers(Sequence[A | Failure], Generic[A]):
    """Answers to a list of inputs, in its order; an input without an answer has a `Failure` in its place."""

    items: tuple[A | Failure, ...]

    @classmethod
    def of(cls, inputs: Iterable[Item], answer: Callable[[Item], A]) -> "Answers[A]":
        """The answer to each input; an error of one becomes a failure and stops no other."""
        return cls(tuple(_attempted(one, number, answer) for number, one in enumerate(inputs)))

    @overload
    def __getitem__(self, index: int) -> A | Failure: ...
    @overload
    def __getitem__(self, index: slice) -> "Answers[A]": ...
    def __getitem__(self, index: int | slice) -> "A | Failure | Answers[A]":
        return Answers(self.items[index]) if isinstance(index, slice) else self.items[index]

    def __len__(self) -> int:
        return len(self.items)

    @property
    def trusted(self) -> "Answers[A]":
        """The answers that are trusted."""
        return Answers(tuple(one for one in self.items if not isinstance(one, Failure) and one.trusted))

    @property
    def failures(self) -> list[Failure]:
        """The inputs without an answer."""
        return [one for one in self.items if isinstance(one, Failure)]

    def to_dict(self) -> list[dict[str, Any]]:
        """Each answer in plain values; of a failure `failed`, `trusted` (false) and `reason`."""
        return [_plain(one) for one in self.items]

    def to_dataframe(self) -> "DataFrame":
        """A pandas DataFrame with a row for each input; MissingExtraError without pandas."""
        return dataframe(self.to_dict())

    def __repr__(self) -> str:
        trusted, failed = len(self.trusted), len(self.failures)
        counts = f"{len(self)} answers, {trusted} trusted"
        return f"<Answers: {counts}, {failed} failed>" if failed else f"<Answers: {counts}>"

    def _repr_html_(self) -> str:
        shown = "".join(_shown(one) for one in self.items[:MOST_SHOWN])
        more = f"<p>and {len(self) - MOST_SHOWN} more</p>" if len(self) > MOST_SHOWN else ""
        return f"<p>{text(repr(self)[1:-1])}</p>{shown}{more}"


def dataframe(records: Sequence[Mapping[str, Any]]) -> "DataFrame":
    """A pandas DataFrame with a row for each record; keys of nested records are joined by dots.

    Raises MissingExtraError where pandas is not installed.
    """
    try:
        from pandas import DataFrame
    except ImportError as error:
        raise MissingExtraError("a DataFrame needs pandas; pip install pandas") from error
    return DataFrame([flat(to_record(record)) for record in records])


def flat(record: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A record without nested ones: `{"tilt_deg": {"pitch": 1}}` becomes `{"tilt_deg.pitch": 1}`."""
    found: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def _attempted(one: Item, number: int, answer: Callable[[Item], A]) -> A | Failure:
    try:
        return answer(one)
    except Exception as error:  # noqa: BLE001  what it was is in the failure
        is_named = isinstance(one, str) or hasattr(one, "__fspath__")
        return Failure.of(str(one) if is_named else f"input {number}", error)


def _plain(one: Answer | Failure) -> dict[str, Any]:
    if isinstance(one, Failure):
        told = {"schema_version": SCHEMA_VERSION, "file": one.file, "index": one.index}
        return {**told, "failed": True, "trusted": False, "reason": one.reason}
    return one.to_dict()


def _shown(one: Any) -> str:
    if isinstance(one, Failure):
        return f'<p style="color:#b00">{text(one.message)}</p>'
    return one._repr_html_() if hasattr(one, "_repr_html_") else f"<p>{text(repr(one))}</p>"
