"""What the API and the pages tell of verbs and runs, in plain values."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from argand.app.answers import answers_of
from argand.app.files import files_of
from argand.app.guard import Access
from argand.app.queue import JobQueue
from argand.app.run import LOG, Run
from argand.app.setting import Setting
from argand.app.store import RunStore
from argand.app.verbs import Verb
from argand.errors import ArgandError
from argand.page.document import PAGE
from argand.progress import JobProgress

LOG_LINES = 30
"""Lines of a log that are told. By hand; all are in its file."""
_LOG_BYTES = 16_384
"""Bytes of its end that are read for them. By hand."""


def setting_dict(setting: Setting) -> dict[str, Any]:
    """A setting of a verb."""
    return {
        "name": setting.name,
        "label": setting.label,
        "kind": setting.kind,
        "help": setting.help,
        "low": setting.low,
        "high": setting.high,
        "choices": list(setting.choices),
        "default": setting.default,
        "advanced": setting.advanced,
        "several": setting.several,
    }


def verb_dict(verb: Verb) -> dict[str, Any]:
    """A verb: its files, settings and example."""
    return {
        "verb": verb.key,
        "system": verb.system,
        "title": verb.title,
        "sentence": verb.sentence,
        "files": [
            {"name": one.name, "label": one.label, "endings": list(one.endings), "most": one.most}
            for one in verb.files
        ],
        "settings": [
            setting_dict(one) | {"endings": list(verb.endings.get(one.name, ()))} for one in verb.settings
        ],
        "example": verb.example.label,
    }


def run_dict(run: Run, queue: JobQueue) -> dict[str, Any]:
    """A run without its answers."""
    return {
        "id": run.id,
        "verb": run.key,
        "system": run.system,
        "state": run.state,
        "trusted": run.trusted,
        "message": run.message,
        "files": {place: list(names) for place, names in run.files.items()},
        "settings": dict(run.settings),
        "command": list(run.command),
        "created": run.created,
        "started": run.started,
        "ended": run.ended,
        "before": queue.place(run),
        "progress": _progress(queue.progress.get(run.id)) if run.state == "running" else None,
        "own": queue.store.is_own(run),
    }


def whole_run(run: Run, queue: JobQueue, access: Access) -> dict[str, Any]:
    """A run with its answers, files, the end of its log and the address of its page."""
    store = queue.store
    told = run_dict(run, queue)
    folder = store.result(run)
    # A verb writes its results at once or line by line: there is nothing to read before it begins.
    answers, damage = _answers(run, store) if run.state != "queued" else ([], "")
    names = files_of(folder) if run.is_over else []
    base = f"/files/{access.key_of(run.id)}/{quote(run.id, safe='')}/"
    told["answers"] = answers
    told["files_written"] = [
        {"name": name, "bytes": size, "address": base + quote(name, safe="/")} for name, size in names
    ]
    told["page"] = base + PAGE if any(name == PAGE for name, _ in names) else None
    told["log"] = _log(run, store)
    told["message"] = run.message or damage
    return told


def _answers(run: Run, store: RunStore) -> tuple[list[dict[str, Any]], str]:
    try:
        return [one.to_dict() for one in answers_of(store.result(run), run.system)], ""
    except (ArgandError, OSError) as error:
        return [], "" if run.state == "running" else str(error)


def _progress(progress: JobProgress | None) -> dict[str, Any] | None:
    if progress is None:
        return None
    return {
        "title": progress.title,
        "unit": progress.unit,
        "share": progress.share,
        "done": progress.done,
        "rate": progress.rate,
        "left_s": progress.left_s,
        "note": progress.note,
    }


def _log(run: Run, store: RunStore) -> list[str]:
    """The last lines of what a run printed."""
    path = store.place(run) / LOG
    if not store.is_own(run) or not path.is_file():
        return []
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - _LOG_BYTES))
        return log.read().decode("utf-8", "replace").splitlines()[-LOG_LINES:]


def columns_of(answers: Sequence[dict[str, Any]]) -> list[str]:
    """The names of all values of answers, in order of first appearance."""
    return list(dict.fromkeys(name for one in answers for name in one["values"]))
