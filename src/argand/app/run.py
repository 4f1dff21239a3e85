"""A run of the app: what was asked, and what became of it; stored as `run.json` in its folder."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from argand.errors import InputError
from argand.io.atomic import write_text
from argand.runs.fields import is_plain_name, read_json
from argand.runs.verbs import INTERRUPTED, UNTRUSTED

State = Literal["queued", "running", "done", "failed", "cancelled"]
STATES: tuple[State, ...] = ("queued", "running", "done", "failed", "cancelled")

RUN = "run.json"
INPUTS, RESULT, LOG = "inputs", "result", "log.txt"
"""Folders and files in the folder of a run."""


def now() -> str:
    """The time, in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass
class Run:
    """A run; `files` are the names of its inputs by the place or the setting that takes them."""

    id: str
    system: str
    verb: str
    state: State = "queued"
    trusted: bool | None = None
    """Whether all answers are trusted; None before there are any."""
    message: str = ""
    files: dict[str, list[str]] = field(default_factory=dict)
    word: str = ""
    """What is given in place of files: an item of shipped data."""
    settings: dict[str, str] = field(default_factory=dict)
    command: list[str] = field(default_factory=list)
    """The words of the command line without `argand`."""
    created: str = ""
    started: str = ""
    ended: str = ""

    @property
    def key(self) -> str:
        """System and verb, as in an address."""
        return f"{self.system}/{self.verb}"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self.state not in ("queued", "running")

    def begin(self) -> None:
        """It runs from now on."""
        self.state, self.started = "running", now()

    def end(self, code: int | None, message: str, *, cancelled: bool = False) -> None:
        """It has ended with this exit code of the command line; None where its process died."""
        self.ended, self.message = now(), message
        if cancelled or code == INTERRUPTED:
            self.state = "cancelled"
        elif code in (0, UNTRUSTED):
            self.state, self.trusted = "done", code == 0
        else:
            self.state = "failed"

    def save(self, folder: Path) -> None:
        """Write it to its folder."""
        write_text(folder / RUN, json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n")


def read_run(folder: Path) -> Run:
    """The run of a folder; InputError if its file is missing or damaged."""
    path = folder / RUN
    found = read_json(path)
    if not isinstance(found, dict):
        raise InputError(f"{path}: damaged; delete this folder")
    kinds: Mapping[str, Any] = {one.name: one for one in fields(Run)}
    known: dict[str, Any] = {key: found[key] for key in kinds if key in found} | {"id": folder.name}
    if not {"system", "verb"} <= known.keys():
        raise InputError(f"{path}: damaged (no verb); delete this folder")
    run = Run(**known)
    if fault := _fault(run):
        raise InputError(f"{path}: damaged ({fault}); delete this folder")
    return run


def _fault(run: Run) -> str | None:
    """What is wrong with a stored run, whose file anybody may have changed; None if nothing is."""
    texts = (run.system, run.verb, run.message, run.word, run.created, run.started, run.ended)
    if not all(isinstance(one, str) for one in texts):
        return "a text is none"
    if run.state not in STATES or run.trusted not in (True, False, None):
        return "an unknown state"
    if not isinstance(run.settings, dict) or not all(isinstance(one, str) for one in run.settings.values()):
        return "a setting is no text"
    if not isinstance(run.command, list) or not all(isinstance(one, str) for one in run.command):
        return "a word is no text"
    if not isinstance(run.files, dict) or not all(isinstance(names, list) for names in run.files.values()):
        return "no lists of files"
    named = [*run.files, *(name for names in run.files.values() for name in names)]
    return None if all(map(is_plain_name, named)) else "names files outside its folder"


def new_id(system: str, taken: set[str]) -> str:
    """A free name for the folder of a run: system, date and time."""
    stamp = f"{system}-{datetime.now():%Y%m%d-%H%M%S}"
    number, free = 2, stamp
    while free in taken:
        free, number = f"{stamp}-{number}", number + 1
    return re.sub(r"[^\w-]", "_", free)
