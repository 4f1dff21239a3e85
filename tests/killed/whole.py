"""Whether a file that has its final name is whole, and what is left behind beside it."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

_TEMPORARY = re.compile(r"^\.|\.tmp$|\.part$|~$")


def halves(folder: Path) -> Iterator[str]:
    """Files under a final name that are not whole. Of lines of JSON the last may be torn: it is dropped."""
    for path in sorted(folder.rglob("*")):
        check = _CHECKS.get(path.suffix)
        if path.is_file() and check is not None and not _TEMPORARY.search(path.name):
            try:
                check(path)
            except Exception as error:  # noqa: BLE001 (whatever a reader says of half a file)
                yield f"{path.relative_to(folder)} is not whole: {' '.join(str(error).split())[:150]}"


def leftovers(folder: Path) -> Iterator[str]:
    """Files that a finished command has no more use for."""
    found = [
        str(path.relative_to(folder)) for path in sorted(folder.rglob("*")) if _TEMPORARY.search(path.name)
    ]
    if found:
        yield f"left behind: {', '.join(found[:4])}"


def _hdf5(path: Path) -> None:
    import h5py

    with h5py.File(path, "r") as file:
        if "count" not in file.attrs or "made" in file.attrs:
            raise ValueError("a set without its count, or one that is being made")


def _parquet(path: Path) -> None:
    from pyarrow import parquet

    parquet.read_table(path)


def _weights(path: Path) -> None:
    import safetensors

    with safetensors.safe_open(path, "np") as file:
        for name in file.keys():  # noqa: SIM118 (no dict)
            file.get_tensor(name)


def _lines(path: Path) -> None:
    for line in path.read_bytes().split(b"\n")[:-1]:
        json.loads(line)


def _json(path: Path) -> None:
    json.loads(path.read_text())


def _page(path: Path) -> None:
    if not path.read_text().rstrip().endswith("</html>"):
        raise ValueError("no </html> at its end")


def _picture(path: Path) -> None:
    if b"IEND" not in path.read_bytes()[-16:]:
        raise ValueError("no IEND at its end")


_CHECKS: dict[str, Callable[[Path], None]] = {
    ".h5": _hdf5,
    ".parquet": _parquet,
    ".safetensors": _weights,
    ".jsonl": _lines,
    ".json": _json,
    ".expt": _json,
    ".html": _page,
    ".png": _picture,
}
"""What reads each kind of file to its end."""
