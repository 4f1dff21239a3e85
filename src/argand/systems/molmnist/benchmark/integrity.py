"""Whether the files of a data set are whole: sizes and SHA-256 of its shards, its index and its card."""

import hashlib
import json
from pathlib import Path

from argand.errors import InputError
from argand.io.atomic import write_lines

SUMS = "checksums.json"
"""In the folder of the shards; names are relative to it."""
STAMP = "verified.json"
"""Beside it: size and time of change of each file when its bytes were last found right."""
_CURE = "delete it; simulate --resume, or load, makes it again"

Sums = dict[str, dict[str, int | str]]


def shard_folder(path: Path) -> Path:
    """Where the shards of a data set are."""
    return Path(path).with_suffix(".shards")


def write_sums(path: Path) -> None:
    """Keep size and SHA-256 of every shard, the index (the file of virtual data sets) and the card."""
    folder = shard_folder(path)
    files = [*sorted(folder.glob("*.h5")), *_index_and_card(path)]
    sums = {
        _relative(file, folder): {"bytes": file.stat().st_size, "sha256": _sha256(file)} for file in files
    }
    write_lines(folder / SUMS, [json.dumps(sums, indent=1)])
    _stamp(folder, sums)


def begin_again(path: Path) -> None:
    """Before shards are added: InputError where one that is there is damaged; then the old checksums go.

    Without this a damaged shard would get a checksum of its own and pass for whole.
    """
    folder = shard_folder(path)
    if not (folder / SUMS).is_file():
        return
    shards = {name: known for name, known in _read(folder).items() if "/" not in name}
    for name, known in shards.items():
        if (folder / name).is_file():
            _compare(folder / name, known, thoroughly=True)
    (folder / SUMS).unlink()


def is_complete(path: Path) -> bool:
    """Whether all files are there; says nothing of what is in them."""
    folder = shard_folder(path)
    if not (folder / SUMS).is_file():
        return False
    sums = _read(folder)
    return _names_all(path, sums) and all((folder / name).is_file() for name in sums)


def check_files(path: Path, thoroughly: bool = False) -> None:
    """InputError where a file is missing or cut off; `thoroughly` also where its bytes have changed."""
    folder = shard_folder(path)
    if not Path(path).is_file() or not (folder / SUMS).is_file():
        raise InputError(f"{path}: not a complete data set; argand molmnist simulate writes one")
    sums = _read(folder)
    if not _names_all(path, sums):
        raise InputError(f"{path}: no checksums of index and card; simulate --resume adds them")
    for name, known in sums.items():
        file = folder / name
        if not file.is_file():
            raise InputError(f"{path}: its {file} is missing; simulate --resume, or load, makes it again")
        _compare(file, known, thoroughly)
    if thoroughly:
        _stamp(folder, sums)


def verify(path: Path) -> None:
    """`check_files`, thoroughly where a file is not as it was when its bytes were last found right."""
    folder = shard_folder(path)
    check_files(path)
    sums = _read(folder)
    try:
        known = json.loads((folder / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = None
    if known != _state(folder, sums):
        check_files(path, thoroughly=True)


def _index_and_card(path: Path) -> tuple[Path, Path]:
    return Path(path), Path(path).with_suffix(".md")


def _relative(file: Path, folder: Path) -> str:
    return file.name if file.parent == folder else f"../{file.name}"


def _names_all(path: Path, sums: Sums) -> bool:
    return all(f"../{file.name}" in sums for file in _index_and_card(path))


def _read(folder: Path) -> Sums:
    try:
        sums = json.loads((folder / SUMS).read_text(encoding="utf-8"))
        return {
            str(name): {"bytes": int(one["bytes"]), "sha256": one["sha256"]} for name, one in sums.items()
        }
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{folder / SUMS}: damaged; {_CURE}") from error


def _compare(file: Path, known: dict[str, int | str], thoroughly: bool) -> None:
    if file.stat().st_size != known["bytes"] or (thoroughly and _sha256(file) != known["sha256"]):
        raise InputError(f"{file}: damaged; {_CURE}")


def _state(folder: Path, sums: Sums) -> dict[str, list[int]]:
    """Size and time of change (ns) of each file."""
    states = {name: (folder / name).stat() for name in sums}
    return {name: [state.st_size, state.st_mtime_ns] for name, state in states.items()}


def _stamp(folder: Path, sums: Sums) -> None:
    try:
        write_lines(folder / STAMP, [json.dumps(_state(folder, sums))])
    except OSError:
        # A folder that cannot be written to is verified at every use.
        return


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
