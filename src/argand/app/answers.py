"""The answers of a run for a table: what each is for, its verdict and why, and its main figures."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from argand.errors import InputError
from argand.io.limits import MOST_TEXT_BYTES
from argand.io.manifest import has_manifest, listed
from argand.runs.fields import read_json
from argand.runs.record import RESULTS, SUMMARY, read_records

MOST = 1000
"""Most answers that are told. By hand: the page of the run and its files have all of them."""

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """An answer: `verdict` is trusted, not trusted or failed; `values` are texts by what they are."""

    name: str
    verdict: str
    reason: str
    values: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """In plain values."""
        return asdict(self)


def answers_of(folder: Path, system: str) -> list[Answer]:
    """The answers that lie in a folder of results; none where there are none yet.

    Raises InputError for damaged results.
    """
    answer = _READERS.get(system)
    if answer is None or not folder.is_dir():
        return []
    return [answer(record) for record, _ in zip(_records(folder), range(MOST), strict=False)]


def answer_of(record: Record, system: str) -> Answer:
    """The answer of one record of a system."""
    return _READERS[system](record)


def _records(folder: Path) -> Iterator[Record]:
    """The records of a run: of its summary where that has them, else its lines, else of its one answer."""
    if (folder / SUMMARY).is_file():
        summary = read_json(folder / SUMMARY)
        if isinstance(summary, dict) and isinstance(summary.get("structures"), list):
            skipped = [one | {"failed": True} for one in _dicts(summary.get("skipped"))]
            yield from [*_dicts(summary["structures"]), *skipped]
            return
    if (folder / RESULTS).is_file():
        yield from read_records(folder / RESULTS)
        return
    yield from (one for one in _json_files(folder) if "trusted" in one and "files" in one)


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _json_files(folder: Path) -> Iterator[dict[str, Any]]:
    if not has_manifest(folder):
        return
    for path in listed(folder):
        if path.suffix == ".json" and path.is_file() and path.stat().st_size < MOST_TEXT_BYTES:
            try:
                found = json.loads(path.read_text(encoding="utf-8"))
            except (ValueError, RecursionError) as error:
                raise InputError(f"{path.name}: damaged; repeat this run") from error
            if isinstance(found, dict):
                yield found


def _answer(record: Record, name: str, values: Mapping[str, str]) -> Answer:
    trusted = record.get("trusted") is True
    verdict = "failed" if record.get("failed") else "trusted" if trusted else "not trusted"
    kept = {key: value for key, value in values.items() if value}
    return Answer(name, verdict, str(record.get("reason") or ""), kept)


def _geometry(record: Record) -> Answer:
    number = f" #{record['index']}" if record.get("index") else ""
    name = Path(str(record.get("file"))).name + number
    if record.get("pooled"):
        name = f"all {record.get('frames', '')} images together"
    tilt = record.get("tilt_deg")
    angles = (tilt.get("pitch"), tilt.get("yaw")) if isinstance(tilt, dict) else None
    values = {
        "beam centre, px": _pair(record.get("beam_centre_px")),
        "best guess, px": _pair(record.get("best_guess_px")),
        "± px": _number(record.get("sigma_px")),
        "header, px": _pair(record.get("header_beam_centre_px")),
        "shift, px": _pair(record.get("shift_px"), "+"),
        "pitch, yaw, °": _pair(angles, "+"),
    }
    return _answer(record, name, values)


def _patterson(record: Record) -> Answer:
    name = Path(str(record.get("file") or record.get("name"))).name
    atoms = record.get("n_atoms") or len(_listed(record.get("positions_voxel")))
    values = {
        "formula": _text(record.get("formula")),
        "space group": _text(record.get("spacegroup")),
        "atoms": str(atoms or ""),
        "R1": _number(record.get("r1"), 3),
        "likely right": _percent(record.get("probability")),
        "residual": _number(record.get("residual"), 3),
    }
    return _answer(record, name, values)


def _crystals(record: Record) -> Answer:
    values = {
        "formula": _text(record.get("formula")),
        "atoms": _text(record.get("atoms")),
        "way": _percent(record.get("share")),
        "vector": _text(record.get("latent_size")),
        "confidence": _number(record.get("confidence")),
        "misfit": _number(record.get("misfit"), 3),
        "shortest distance, Å": _number(record.get("shortest_distance")),
    }
    return _answer(record, Path(str(record.get("file") or record.get("name"))).name, values)


def _molmnist(record: Record) -> Answer:
    number = record.get("index")
    name = Path(str(record.get("file"))).name + ("" if number is None else f" #{number}")
    values = {
        "found": _text(record.get("fibril")),
        "chains": _number(record.get("chains"), 1),
        "|twist|, °/nm": _number(record.get("twist_deg_per_nm")),
        "± °/nm": _number(record.get("twist_sd_deg_per_nm")),
        "residual": _number(record.get("residual"), 3),
        "expected": _number(record.get("expected_residual"), 3),
    }
    return _answer(record, name, values)


_READERS: dict[str, Callable[[Record], Answer]] = {
    "geometry": _geometry,
    "patterson": _patterson,
    "crystals": _crystals,
    "molmnist": _molmnist,
}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: Any, digits: int = 2) -> str:
    return f"{value:.{digits}f}" if _is_number(value) else ""


def _percent(value: Any) -> str:
    return f"{100 * value:.0f} %" if _is_number(value) else ""


def _pair(values: Any, sign: str = "") -> str:
    if not isinstance(values, list | tuple) or not all(map(_is_number, values)):
        return ""
    return ", ".join(f"{value:{sign}.2f}" for value in values)


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []
