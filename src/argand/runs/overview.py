"""One page over all results below a folder: a card for each run, with its verdicts and its page."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path

from argand.errors import InputError
from argand.io.manifest import has_manifest, listed
from argand.page.document import PAGE, Document, write_document
from argand.page.markup import address, text
from argand.page.parts import badge, card, commands, fold, left_out, shown, table, tiles
from argand.runs.command import commands_of
from argand.runs.fields import file_of, read_json
from argand.runs.record import RESULTS, SUMMARY, Record, read_results

OVERVIEW = "overview.html"
MOST_RUNS = 500
"""Runs that a page lists. By hand: more are no overview."""
MOST_ANSWERS = 1000
"""Answers of a run in its table. By hand; its own page has all."""
_DEPTH = 4
"""Levels of folders that are searched. By hand: deeper ones hold other things than runs."""
_TITLE = re.compile(rb"<title>(.*?)</title>", re.DOTALL)
_HEAD_BYTES = 2**16
"""Where the title of a page stands. By hand: the head of ours is a tenth of that."""


@dataclass(frozen=True)
class Run:
    """The results in a folder."""

    folder: Path
    title: str
    """Of its page, in plain text."""
    answers: list[Record]
    """Each with `name`, `trusted` and `reason`; `failed` where there is no answer."""
    told: str | None = None
    """Why the answers cannot be read."""

    @property
    def trusted(self) -> int:
        """How many answers are trusted."""
        return sum(bool(one["trusted"]) for one in self.answers)


def runs_below(folder: Path) -> list[Run]:
    """The runs in a folder and in those below it, in the order of their names.

    A run is a folder with a page and the list of what argand wrote there. Raises InputError where there is
    none.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: not a folder; give one that holds results")
    found = [_run(one) for one in _folders(folder)]
    if not found:
        raise InputError(
            f"{folder}: no results there or below; give the --out of an earlier run, or above it"
        )
    return found


def write_overview(folder: Path) -> Path:
    """Write the page over all runs below a folder; InputError where there is none."""
    runs = runs_below(folder)
    answers = sum(len(run.answers) for run in runs)
    figures = [
        (str(len(runs)), "runs" if len(runs) > 1 else "run"),
        (f"{sum(run.trusted for run in runs)} of {answers}", "answers trusted"),
    ]
    more = [f"{len(runs) - MOST_RUNS} more runs are not listed"] if len(runs) > MOST_RUNS else []
    parts = [tiles(figures), left_out(more), *(_card(folder, run) for run in runs[:MOST_RUNS])]
    lead = "Each heading leads to the page of a run, with pictures, numbers, units and files."
    words = {
        "trusted": "The answer passed the checks of its system, whose reason stands beside it.",
        "not trusted": "A best guess: look at the reason and at the run's page before you use it.",
    }
    return write_document(
        folder / OVERVIEW, Document(f"Results in {folder.resolve().name}", lead, parts, words)
    )


def _folders(folder: Path) -> Iterator[Path]:
    """Folders of runs from this one down, without following links."""
    for place, below, names in os.walk(folder):
        depth = len(Path(place).relative_to(folder).parts)
        below[:] = sorted(name for name in below if not name.startswith(".")) if depth < _DEPTH else []
        if PAGE in names and has_manifest(Path(place)):
            yield Path(place)


def _run(folder: Path) -> Run:
    with (folder / PAGE).open("rb") as page:
        found = _TITLE.search(page.read(_HEAD_BYTES))
    title = unescape(found[1].decode(errors="replace")) if found else folder.name
    try:
        return Run(folder, title, list(map(_answer, _records(folder))))
    except InputError as error:
        return Run(folder, title, [], str(error))


def _records(folder: Path) -> list[Record]:
    """The records of a run, from the file in which its system keeps them."""
    if (folder / SUMMARY).exists():
        summary = read_json(file_of(folder, SUMMARY))
        if isinstance(summary, dict) and isinstance(summary.get("structures"), list):
            return [one for one in summary["structures"] if isinstance(one, dict)]
    if (folder / RESULTS).exists():
        return read_results(folder)
    written = (path for path in listed(folder) if path.suffix == ".json" and path.is_file())
    contents = map(read_json, written)
    return [one for one in contents if isinstance(one, dict) and "trusted" in one]


def _answer(record: Record) -> Record:
    """Name, verdict and reason of a record."""
    name = next((record[key] for key in ("name", "file", "formula") if record.get(key)), "answer")
    reason = record.get("reason") or ""
    return {
        "name": Path(str(name)).name,
        "trusted": bool(record.get("trusted", record.get("pooled"))),
        "failed": bool(record.get("failed")),
        "reason": str(reason),
    }


def _card(folder: Path, run: Run) -> str:
    """One run: its page, its verdicts, and the commands that made it."""
    where = run.folder.relative_to(folder)
    target = "/".join(address(part) for part in (*where.parts, PAGE))
    rows = [
        [text(one["name"]), _verdict(one), shown(text(one["reason"]), one["trusted"])]
        for one in run.answers[:MOST_ANSWERS]
    ]
    count = f"{run.trusted} of {len(run.answers)} trusted" if run.answers else ""
    lines = commands_of(run.folder)
    return card(
        f'<a href="{target}">{text(run.title)}</a>',
        f'<p class="soft">{text(where if where.parts else run.folder.resolve().name)} · {count}</p>',
        left_out([run.told] if run.told else []),
        table(("answer", "verdict", "reason"), rows) if rows else "",
        fold("The command that repeats this", commands(lines)) if lines else "",
    )


def _verdict(answer: Record) -> str:
    return badge(answer["trusted"], "failed" if answer["failed"] else None)
