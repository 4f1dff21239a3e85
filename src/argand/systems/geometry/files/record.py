"""The records of a run, one for each answer, and the forms in which they are stored.

A record is `Prediction.to_dict()` with `name` (stem of its output files), `pooled`, `downloads` (names of
geometry files), `overlay` (name of its picture), `image` and `pixels` (scripts with its small image and all
its pixels, for the page); the record of a file without an answer has `failed`.
docs/schema/geometry.json describes all keys.
"""

import csv
import io
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from argand.io.image import Frame
from argand.io.suffix import IMAGE_ENDING, MANY_IMAGES
from argand.runs.course import Failure
from argand.runs.fields import COUNT, FLAG, NUMBER, TEXT, Fields, listed, maybe, record_of
from argand.runs.record import SCHEMA_VERSION, Record, to_record
from argand.systems.geometry.files.pooling import position_of
from argand.systems.geometry.refine.prediction import Prediction

TABLE = "results.csv"

_PAIRS = {
    "beam_centre_px": ("beam_fast_px", "beam_slow_px"),
    "header_beam_centre_px": ("header_fast_px", "header_slow_px"),
    "shift_px": ("shift_fast_px", "shift_slow_px"),
    "shift_mm": ("shift_fast_mm", "shift_slow_mm"),
    "poni_px": ("poni_fast_px", "poni_slow_px"),
    "best_guess_px": ("best_guess_fast_px", "best_guess_slow_px"),
    "tilt_sigma_deg": ("pitch_sigma_deg", "yaw_sigma_deg"),
}
_SINGLE = (
    *("sigma_px", "distance_mm", "fitted_distance_mm", "stretch", "stretch_sigma", "wavelength", "spots"),
    *("indexed", "rms_px", "hit", "resolution", "indexed_share", "lattices", "seconds"),
)
_CELL = ("cell_a", "cell_b", "cell_c", "cell_alpha", "cell_beta", "cell_gamma")
COLUMNS = (
    *("file", "index", "frames", "pooled", "trusted", "reason", "path"),
    *(name for pair in _PAIRS.values() for name in pair),
    *("pitch_deg", "yaw_deg", *_SINGLE),
    *("bravais", *_CELL, *(f"{name}_sigma" for name in _CELL)),
)


_PAIR = maybe(listed(NUMBER, 2))
FIELDS: Fields = {
    "file": TEXT,
    "index": maybe(COUNT),
    "trusted": FLAG,
    "reason": maybe(TEXT),
    "failed": maybe(FLAG),
    "pooled": maybe(FLAG),
    "files": maybe(listed(TEXT)),
    "path": maybe(TEXT),
    "name": maybe(TEXT),
    "time": maybe(TEXT),
    "notes": maybe(listed(TEXT)),
    **dict.fromkeys(("overlay", "image", "pixels"), maybe(TEXT)),
    "downloads": maybe(listed(TEXT)),
    **dict.fromkeys(_PAIRS, _PAIR),
    "shape": _PAIR,
    **dict.fromkeys(("sigma_px", "distance_mm", "fitted_distance_mm", "stretch"), maybe(NUMBER)),
    **dict.fromkeys(("stretch_sigma", "resolution", "indexed_share", "seconds"), maybe(NUMBER)),
    **dict.fromkeys(("spots", "lattices"), maybe(COUNT)),
    "tilt_deg": maybe(record_of({"pitch": NUMBER, "yaw": NUMBER})),
    "unit_cell": maybe(listed(NUMBER, 6)),
    "unit_cell_sigma": maybe(listed(maybe(NUMBER), 6)),
    "bravais": maybe(listed(TEXT)),
    "hit": maybe(FLAG),
    "beam_panel": maybe(record_of({"name": TEXT, "px": listed(NUMBER, 2)})),
}
"""The keys that pages and series of stored records use, and their kinds."""


def with_verdict(record: Record) -> Record:
    """The record with the keys of the verdict, which argand 0.1 wrote under other names."""
    if "trusted" in record or "reliable" not in record:
        return record
    return {"trusted": record["reliable"], "best_guess_px": record.get("unreliable_estimate_px"), **record}


def fields_of(record: Record) -> Fields:
    """The keys that a record must have: a trusted answer has a beam centre, any other a reason."""
    return FIELDS | ({"beam_centre_px": listed(NUMBER, 2)} if record.get("trusted") else {"reason": TEXT})


def frame_record(frame: Frame, prediction: Prediction) -> Record:
    """Record of the answer for a frame: the prediction, the time and the detector position.

    `time` is the header's, or without one (`time_from` is then `file`) when the file was last changed.
    """
    when, said_by = frame.time, "header"
    if when is None and Path(frame.path).exists():
        changed = datetime.fromtimestamp(Path(frame.path).stat().st_mtime)
        when, said_by = changed.isoformat(timespec="milliseconds"), "file"
    told = {"pooled": False, "position": position_of(frame), "time": when, "time_from": when and said_by}
    return prediction.to_dict() | told


def failed(failure: Failure) -> Record:
    """Record of a file without an answer, with the keys that every reader may look for."""
    nothing = ("beam_centre_px", "sigma_px", "tilt_deg", "poni_px", "header_beam_centre_px", "seconds")
    record = {
        "schema_version": SCHEMA_VERSION,
        "file": failure.file,
        "index": failure.index or 0,
        "trusted": False,
        "reason": failure.reason,
        "failed": True,
        "reliable": False,
    }
    return record | dict.fromkeys(nothing) | {"pooled": failure.file == "pooled"}


def flat(record: Record) -> Record:
    """A record as one row of `results.csv`, without lists and dicts."""
    row = {name: record.get(name) for name in COLUMNS}
    for key, names in _PAIRS.items():
        row |= dict(zip(names, record.get(key) or (None, None), strict=True))
    for key, names in (("unit_cell", _CELL), ("unit_cell_sigma", [f"{name}_sigma" for name in _CELL])):
        row |= dict(zip(names, record.get(key) or (None,) * 6, strict=True))
    row["bravais"] = " ".join(record.get("bravais") or ()) or None
    tilt = record.get("tilt_deg") or {}
    return row | {"pitch_deg": tilt.get("pitch"), "yaw_deg": tilt.get("yaw")}


def to_csv(records: Iterable[Record]) -> str:
    """The records as CSV with a header line."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat(to_record(record)) for record in records)
    return text.getvalue()


def stem(path: str, index: int) -> str:
    """Stem of the output files of image number `index` of a file: the file's name without suffixes."""
    name = Path(path).name
    bare = MANY_IMAGES.sub("", IMAGE_ENDING.sub("", name)) or name
    return f"{bare}_{index:06d}" if index or MANY_IMAGES.search(name) else bare
