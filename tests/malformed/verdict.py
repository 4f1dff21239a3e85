"""What is wrong with how a command ended: each kind of fault that a malformed input may lead to."""

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from malformed.case import Case, Outcome
from malformed.server import MOST_BYTES

FAULTS = {
    "traceback": "a traceback instead of a line",
    "unforeseen": "a line, but one that takes the input for an error of argand's own",
    "hang": "does not end",
    "blow-up": "takes more than 2 GiB, or all memory",
    "death": "the process dies of a signal",
    "silent": "a useless input is accepted without a word, or believed",
    "lost": "the answers to good inputs are missing, or the bad one is not named",
    "wordy": "more than one line of error",
    "unsound": "what is written is wrong: no JSON, a page that runs foreign script, half a file",
}
"""Kinds of faults, and what they mean."""
BELIEF = ("trusted", "reliable", "solved", "believed")
"""Keys of records that say that an answer can be relied on."""
_MEMORY = re.compile(
    r"MemoryError|out of memory|not enough memory|cannot allocate|Unable to allocate|bad_alloc", re.I
)
_WARNING = re.compile(r"^\S+\.py:\d+: \w*Warning: .*", re.M)
_NO_ERROR = re.compile(r"^(warning: |note: |Usage: |Try |[╭│╰])")
_ONE_OF_SEVERAL = re.compile(r"^(error: |skipped: )?(?![^:]*\.py:)\S+: ")
"""What tells the failure of one item of several."""
_TEMPORARY = re.compile(r"^\.(?!argand-files$)|\.tmp$|\.part$")


def faults(case: Case, outcome: Outcome, folder: Path) -> list[tuple[str, str]]:
    """Each fault with what shows it, in the order of FAULTS; none where all is as it must be."""
    found = list(_ends(outcome))
    if not found:
        found += list(_says(case, outcome))
        found += list(_answers(case, outcome))
        found += [("unsound", told) for check in case.checks if (told := check(folder, outcome))]
    return found


def _ends(outcome: Outcome) -> Iterator[tuple[str, str]]:
    if outcome.hung:
        yield "hang", outcome.hung
    if outcome.grown > MOST_BYTES or _MEMORY.search(outcome.stderr):
        yield "blow-up", f"{outcome.grown / 2**30:.1f} GiB more; {_last_line(outcome.stderr)}"
    elif outcome.signal is not None and not outcome.hung:
        yield "death", signal.Signals(outcome.signal).name
    if "Traceback (most recent call last)" in outcome.stderr + outcome.stdout:
        yield "traceback", _last_line(outcome.stderr)
    elif "please report it" in outcome.stderr + outcome.stdout:
        yield (
            "unforeseen",
            next(line for line in _lines(outcome.stderr + outcome.stdout) if "please report" in line),
        )


def _says(case: Case, outcome: Outcome) -> Iterator[tuple[str, str]]:
    errors = [line for line in _lines(outcome.stderr) if not _NO_ERROR.match(line)]
    if outcome.code and len(errors) > 1 and not all(map(_ONE_OF_SEVERAL.match, errors)):
        yield "wordy", f"{len(errors)} lines, such as: {errors[0][:150]}"
    if outcome.code and not (errors or outcome.stdout.strip() or "Usage: " in outcome.stderr):
        yield "silent", f"exit code {outcome.code} without a word"
    if warned := _WARNING.search(outcome.stderr):
        yield "wordy", f"a warning of Python: {warned[0]}"
    if case.must == "refused" and not outcome.code:
        yield "silent", f"accepted: {' '.join(outcome.stdout.split())[:150]}"
    if case.must == "refused" and (named := _believed(outcome.stdout)):
        yield "silent", f"believed: {named}"


def _answers(case: Case, outcome: Outcome) -> Iterator[tuple[str, str]]:
    if "--json" in case.argv and outcome.stdout.strip():
        try:
            json.loads(outcome.stdout, parse_constant=_refuse)
        except ValueError as error:
            yield "unsound", f"--json: {error}"
    printed = outcome.stdout + outcome.stderr
    for name in case.told:
        if name not in printed:
            yield "lost", f"{name} is not named"
    if case.told and not outcome.code:
        yield "lost", f"exit code {outcome.code} though {case.told[0]} has no answer"
    for name in case.good:
        if not answered(name, outcome.stdout):
            yield "lost", f"no answer for {name}; {_last_line(outcome.stderr)}"


def answered(name: str, printed: str) -> bool:
    """Whether the JSON that was printed has a record of a file that did not fail."""
    return any(
        str(one.get("file", one.get("source", ""))).split("#")[0].endswith(name) for one in records(printed)
    )


def records(printed: str) -> list[dict[str, Any]]:
    """The records of answers in JSON, or in lines of JSON."""
    try:
        found = json.loads(printed)
    except ValueError:
        return []
    found = found.get("structures", [found]) if isinstance(found, dict) else found
    return [one for one in found if not one.get("failed") and ("reason" not in one or set(BELIEF) & set(one))]


def _believed(printed: str) -> str:
    return next((key for one in records(printed) for key in BELIEF if one.get(key) is True), "")


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def leftovers(folder: Path, outcome: Outcome) -> str | None:
    """What was begun and not ended: hidden or temporary files beside the outputs."""
    found = [path for path in folder.rglob("*") if _TEMPORARY.search(path.name)]
    found = [str(path.relative_to(folder)) for path in found]
    return f"left behind: {', '.join(found[:3])}" if found else None


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _last_line(text: str) -> str:
    lines = _lines(text)
    return lines[-1][:200] if lines else ""
