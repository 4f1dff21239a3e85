"""The watch of a folder: `argand geometry watch` in a process of its own, its answers, and the alarm."""

import hashlib
import json
import math
import threading
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from argand.app.answers import Answer, answer_of
from argand.app.process import WorkerProcess
from argand.app.worker import Job
from argand.errors import InputError
from argand.io.atomic import make_folder
from argand.progress import JobProgress

FILE, LOG = "answers.jsonl", "log.txt"
MOST_POINTS = 2000
"""Latest answers that are kept and drawn. By hand: two hours at one image in four seconds."""
MOST_SHOWN = 20
"""Latest images of the list. By hand."""


@dataclass(frozen=True)
class Seen:
    """One image: its answer, and the shift (fast, slow) of its centre in px, None if that is not trusted."""

    answer: Answer
    time: str | None
    shift: tuple[float, float] | None
    """From the header's centre; without one, from the first trusted centre of that position."""

    @property
    def shift_px(self) -> float | None:
        """Length of the shift."""
        return None if self.shift is None else math.hypot(*self.shift)


@dataclass
class Watch:
    """Follows a folder until `close`; `alarm_px` is the shift beyond which it raises the alarm."""

    folder: Path
    out: Path
    alarm_px: float
    message: str = ""
    """Why it has ended; empty while it runs."""
    _process: WorkerProcess = field(default_factory=WorkerProcess)
    _seen: deque[Seen] = field(default_factory=lambda: deque(maxlen=MOST_POINTS))
    _first: dict[str, tuple[float, float]] = field(default_factory=dict)
    _read: int = 0
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _thread: threading.Thread | None = None

    @classmethod
    def of(cls, folder: Path, runs: Path, alarm_px: float) -> "Watch":
        """The watch of a folder, whose answers lie in the folder of runs; InputError for a missing folder."""
        folder = folder.absolute()
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder; give the one in which the images arrive")
        mark = hashlib.sha256(str(folder).encode(errors="surrogateescape")).hexdigest()[:8]
        return cls(folder, runs.absolute() / f".watch-{mark}", alarm_px)

    def start(self) -> None:
        """Begin to follow."""
        make_folder(self.out)
        self._thread = threading.Thread(target=self._work, name="argand-app-watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop; the next watch of this folder continues its answers."""
        self._process.interrupt()
        if self._thread is not None:
            self._thread.join()
        self._process.close()

    def look(self) -> list[Seen]:
        """The latest images, those of new lines included."""
        with self._guard:
            for record in self._new_records():
                self._seen.append(self._judged(record))
            return list(self._seen)

    def to_dict(self) -> dict[str, Any]:
        """What the API tells: the latest images, the course of the centre, and whether there is an alarm."""
        seen = self.look()
        last = next((one for one in reversed(seen) if one.shift_px is not None), None)
        shift = None if last is None else last.shift_px
        return {
            "folder": str(self.folder),
            "alarm_px": self.alarm_px,
            "alarm": shift is not None and shift > self.alarm_px,
            "shift_px": shift,
            "message": self.message,
            "images": [
                one.answer.to_dict() | {"time": one.time, "shift_px": one.shift_px}
                for one in reversed(seen[-MOST_SHOWN:])
            ],
            "course": [
                {
                    "name": one.answer.name,
                    "time": one.time,
                    "shift": list(one.shift),
                    "shift_px": one.shift_px,
                }
                for one in seen
                if one.shift is not None
            ],
            "counts": {
                verdict: sum(one.answer.verdict == verdict for one in seen)
                for verdict in ("trusted", "not trusted", "failed")
            },
        }

    def _work(self) -> None:
        words = ("geometry", "watch", str(self.folder), f"--out={self.out / FILE}", "--resume")
        code, message = self._process.run(Job(words, self.out / LOG), _ignored)
        self.message = message or f"the watch has ended with exit code {code}"

    def _new_records(self) -> list[dict[str, Any]]:
        """The records of whole lines that were added since the last look."""
        path = self.out / FILE
        if not path.is_file():
            return []
        with path.open("rb") as lines:
            lines.seek(self._read)
            fresh = lines.read()
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self._read += len(whole)
        return [one for one in map(_parsed, whole.splitlines()) if one is not None]

    def _judged(self, record: dict[str, Any]) -> Seen:
        centre = _pair(record.get("beam_centre_px")) if record.get("trusted") is True else None
        shift = None if centre is None else _pair(record.get("shift_px"))
        if centre is not None and shift is None:
            first = self._first.setdefault(str(record.get("position")), centre)
            shift = (centre[0] - first[0], centre[1] - first[1])
        time = record.get("time")
        return Seen(answer_of(record, "geometry"), time if isinstance(time, str) else None, shift)


def _ignored(progress: JobProgress) -> None:
    """A watch has no end that it could be near to."""


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _pair(values: Any) -> tuple[float, float] | None:
    if not isinstance(values, list) or len(values) != 2:
        return None
    first, second = values
    numbers = all(isinstance(one, int | float) and math.isfinite(one) for one in values)
    return (float(first), float(second)) if numbers else None
