"""JSON schemas of what the API takes and answers (draft 2020-12, as OpenAPI 3.1 has it)."""

from typing import Any

from argand.app.run import STATES

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
COUNT: Schema = {"type": "integer", "minimum": 0}
FLAG: Schema = {"type": "boolean"}
TEXTS: Schema = {"type": "array", "items": TEXT}
VERDICT: Schema = {"enum": ["trusted", "not trusted", "failed"]}


def maybe(schema: Schema) -> Schema:
    """The schema, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def listed(schema: Schema) -> Schema:
    """A list of such values."""
    return {"type": "array", "items": schema}


def by_name(schema: Schema) -> Schema:
    """An object with such values under any name."""
    return {"type": "object", "additionalProperties": schema}


def record(**fields: Schema) -> Schema:
    """An object with exactly these fields."""
    required = list(fields)
    return {"type": "object", "properties": fields, "required": required, "additionalProperties": False}


ERROR = record(error=TEXT)
SESSION = record(csrf=TEXT, version=TEXT)
SETTING = record(
    name=TEXT,
    label=TEXT,
    kind={"enum": ["number", "integer", "choice", "flag", "text", "time", "file"]},
    help=TEXT,
    low=maybe(NUMBER),
    high=maybe(NUMBER),
    choices=TEXTS,
    default=TEXT,
    advanced=FLAG,
    several=FLAG,
    endings=TEXTS,
)
PLACE = record(name=TEXT, label=TEXT, endings=TEXTS, most=COUNT)
VERB = record(
    verb=TEXT,
    system=TEXT,
    title=TEXT,
    sentence=TEXT,
    files=listed(PLACE),
    settings=listed(SETTING),
    example=TEXT,
)
VERBS_TOLD = record(verbs=listed(VERB))
PROGRESS = record(
    title=TEXT, unit=TEXT, share=NUMBER, done=COUNT, rate=NUMBER, left_s=maybe(NUMBER), note=TEXT
)
_RUN: dict[str, Schema] = {
    "id": TEXT,
    "verb": TEXT,
    "system": TEXT,
    "state": {"enum": list(STATES)},
    "trusted": maybe(FLAG) | {"description": "Whether all answers are trusted; null before there are any."},
    "message": TEXT | {"description": "Why it failed or was cancelled, in one line."},
    "files": by_name(TEXTS) | {"description": "Names of the inputs by place, as they were stored."},
    "settings": by_name(TEXT),
    "command": TEXTS | {"description": "The words after `argand` that repeat the run."},
    "created": TEXT,
    "started": TEXT,
    "ended": TEXT,
    "before": maybe(COUNT) | {"description": "Jobs before a queued one."},
    "progress": maybe(PROGRESS),
    "own": FLAG | {"description": "Whether the app made it, and not the command line."},
}
RUN = record(**_RUN)
RUNS = record(runs=listed(RUN))
ANSWER = record(name=TEXT, verdict=VERDICT, reason=TEXT, values=by_name(TEXT))
FILE = record(name=TEXT, bytes=COUNT, address=TEXT)
FILES = record(files=listed(FILE))
WHOLE_RUN = record(
    **_RUN,
    answers=listed(ANSWER),
    files_written=listed(FILE),
    page=maybe(TEXT) | {"description": "Address of the run's own page."},
    log=TEXTS | {"description": "The last lines that it printed."},
)
DELETED = record(deleted=TEXT)
_POINT = record(
    name=TEXT,
    time=maybe(TEXT),
    shift={"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2},
    shift_px=maybe(NUMBER),
)
WATCH = record(
    folder=TEXT,
    alarm_px=NUMBER,
    alarm=FLAG | {"description": "Whether the latest trusted centre is further off than `alarm_px`."},
    shift_px=maybe(NUMBER),
    message=TEXT | {"description": "Why the watch has ended; empty while it runs."},
    images=listed(
        record(
            name=TEXT,
            verdict=VERDICT,
            reason=TEXT,
            values=by_name(TEXT),
            time=maybe(TEXT),
            shift_px=maybe(NUMBER),
        )
    ),
    course=listed(_POINT) | {"description": "Trusted centres (fast, slow) in px, in order of arrival."},
    counts=by_name(COUNT),
)
FORM: Schema = {
    "type": "object",
    "properties": {
        "verb": TEXT | {"description": "As in /api/systems, such as geometry/predict; before any file."},
        "example": {"const": "yes", "description": "Run the verb's example; no files are needed."},
        "repeat": TEXT | {"description": "A run, the files of which are taken again with keep=yes."},
        "keep": {"const": "yes"},
    },
    "required": ["verb"],
    "additionalProperties": {
        "description": "A setting of the verb by its name, or files by their place or setting.",
        "type": "string",
    },
}
"""The form that makes a run, as multipart/form-data."""
