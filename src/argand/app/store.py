"""The folder of runs: those of the app, and those that the command line wrote there."""

import fcntl
import os
import shlex
import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from argand.app.run import INPUTS, LOG, RESULT, RUN, Run, new_id, now, read_run
from argand.errors import ConfigError, InputError
from argand.io.atomic import make_folder, told_of
from argand.io.manifest import has_manifest, listed, remove_listed
from argand.runs.command import commands_of
from argand.runs.fields import is_plain_name
from argand.runs.record import RESULTS, SUMMARY
from argand.system import SYSTEMS

INCOMING = ".incoming-"
"""How folders of files begin that are still being sent."""
_LOCK = ".argand-app.lock"
MOST_LISTED = 1000
"""Most runs of the list. By hand: a page with more is slow, and older ones are still in the folder."""


class RunStore:
    """The runs of a folder. Only one server may use it: the others get a ConfigError."""

    def __init__(self, folder: Path) -> None:
        self.folder = make_folder(folder).absolute()
        self._guard = threading.RLock()
        self._lock = self._locked()
        self._runs: dict[str, Run] = {}
        for leftover in self.folder.glob(f"{INCOMING}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        for place in self._places():
            if (place / RUN).is_file():
                # One damaged file must not hide the others; its folder is left as it is.
                with suppress(InputError):
                    self._runs[place.name] = self._taken_over(place)

    def close(self) -> None:
        """Let another server use the folder."""
        os.close(self._lock)

    def place(self, run: Run | str) -> Path:
        """The folder of a run."""
        return self.folder / (run if isinstance(run, str) else run.id)

    def result(self, run: Run) -> Path:
        """The folder of its results."""
        place = self.place(run)
        return place / RESULT if run.id in self._runs else place

    def create(self, run_of: str, verb: str, incoming: Path | None) -> Run:
        """A new run of a system, whose inputs are those of the folder `incoming`, which is moved."""
        with self._guard, told_of(self.folder):
            run = Run(new_id(run_of, {one.name for one in self._places()}), run_of, verb, created=now())
            place = self.place(run)
            place.mkdir()
            if incoming is not None:
                incoming.rename(place / INPUTS)
            self._runs[run.id] = run
            return run

    def save(self, run: Run) -> None:
        """Write what is known of a run."""
        with self._guard:
            run.save(self.place(run))

    def find(self, name: str) -> Run | None:
        """The run of this name; None if there is none."""
        with self._guard:
            if name in self._runs:
                return self._runs[name]
            if not is_plain_name(name) or name.startswith("."):
                return None
            place = self.folder / name
            return _of_command_line(place) if place.is_dir() and not place.is_symlink() else None

    def is_own(self, run: Run) -> bool:
        """Whether the app made it."""
        return run.id in self._runs

    def runs(self) -> list[Run]:
        """All runs, the newest first."""
        with self._guard:
            others = (_of_command_line(place) for place in self._places() if place.name not in self._runs)
            found = [*self._runs.values(), *(one for one in others if one is not None)]
            return sorted(found, key=lambda one: (one.created, one.id), reverse=True)[:MOST_LISTED]

    def delete(self, run: Run) -> None:
        """Remove what argand wrote for a run, and its inputs; other files in its folder stay.

        Raises OutputError where the disk refuses.
        """
        with self._guard:
            place, result = self.place(run), self.result(run)
            with told_of(place):
                if has_manifest(result):
                    remove_listed(result)
                    (result / ".argand-command").unlink(missing_ok=True)
                if self.is_own(run):
                    for name in (name for names in run.files.items() for name in _names(*names)):
                        (place / INPUTS / name).unlink(missing_ok=True)
                    for own in (LOG, RUN):
                        (place / own).unlink(missing_ok=True)
                    self._runs.pop(run.id)
                for empty in [*sorted((place / INPUTS).glob("*")), place / INPUTS, result, place]:
                    with suppress(OSError):
                        empty.rmdir()

    def _places(self) -> Iterator[Path]:
        with os.scandir(self.folder) as found:
            names = [one.name for one in found if one.is_dir(follow_symlinks=False)]
        return (self.folder / name for name in names if not name.startswith("."))

    def _locked(self) -> int:
        lock = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            raise ConfigError(f"{self.folder}: another argand app uses it; give another --folder") from error
        return lock

    def _taken_over(self, place: Path) -> Run:
        """A stored run; one that a server left unfinished is told to be."""
        run = read_run(place)
        if not run.is_over:
            was = run.state
            run.state, run.ended = ("cancelled" if was == "queued" else "failed"), now()
            run.message = "the app ended before it began" if was == "queued" else "the app ended while it ran"
            run.save(place)
        return run


def _names(place: str, names: list[str]) -> Iterator[str]:
    return (f"{place}/{name}" for name in names)


def _of_command_line(place: Path) -> Run | None:
    """The run that the command line wrote in a folder; None if none did."""
    if not has_manifest(place) or not any(path.exists() for path in listed(place)):
        return None
    words = _words(place)
    system, verb = (words[1], words[2]) if len(words) > 2 else ("", "")
    if system not in SYSTEMS:
        system, verb = _guessed(place), ""
    changed = datetime.fromtimestamp(place.stat().st_mtime, UTC).isoformat(timespec="seconds")
    run = Run(place.name, system, verb, "done", command=words[1:], created=changed, ended=changed)
    run.message = "made by the command line"
    return run


def _words(place: Path) -> list[str]:
    commands = commands_of(place)
    try:
        return shlex.split(commands[-1]) if commands else []
    except ValueError:  # somebody has changed the file
        return []


def _guessed(place: Path) -> str:
    """The system of results that Python wrote: only those of crystals have a summary alone."""
    return "crystals" if (place / SUMMARY).exists() and not (place / RESULTS).exists() else ""
