"""The files of a run, one by one and all together: only those in its folder, never by way of a link."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from starlette.responses import FileResponse, Response

from argand.io.manifest import has_manifest, listed

_SHOWN = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".jsonl": "text/plain; charset=utf-8",
    ".csv": "text/plain; charset=utf-8",
    ".cif": "text/plain; charset=utf-8",
    ".res": "text/plain; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
}
"""Types of the results that a browser may show; any other is a download."""
SANDBOX = "sandbox allow-scripts allow-downloads allow-popups; frame-ancestors 'self'"
"""Policy of results: their scripts run in an origin of their own, from where the API cannot be reached."""
_CHUNK = 2**18
"""Bytes that are read of a file at a time. By hand."""


def files_of(folder: Path) -> list[tuple[str, int]]:
    """Names, relative to a folder of results, and sizes of what argand wrote there."""
    if not has_manifest(folder):
        return []
    paths = (path for path in listed(folder) if result_file(folder, str(path.relative_to(folder.absolute()))))
    return sorted((str(path.relative_to(folder.absolute())), path.stat().st_size) for path in paths)


def result_file(folder: Path, name: str) -> Path | None:
    """The file of this name in a folder of results; None if there is none, or it is hidden or elsewhere."""
    parts = Path(name).parts
    if not parts or Path(name).is_absolute() or any(part.startswith(".") for part in parts):
        return None
    path = folder / name
    inside = path.resolve().is_relative_to(folder.resolve())
    links = any((folder / Path(*parts[:count])).is_symlink() for count in range(1, len(parts) + 1))
    return path if inside and not links and path.is_file() else None


def shown_result(path: Path) -> Response:
    """A result as a browser may show it, away from the app's own pages."""
    kind = _SHOWN.get(path.suffix.lower())
    headers = {"content-security-policy": SANDBOX}
    if kind is None:
        return attachment(path, headers)
    return FileResponse(path, media_type=kind, headers=headers)


def attachment(path: Path, headers: dict[str, str] | None = None) -> Response:
    """A file as a download, never shown."""
    return FileResponse(path, filename=path.name, media_type="application/octet-stream", headers=headers)


class _Sink:
    """Takes what a zip file writes, and gives it on in pieces."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass

    def taken(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        return data


def zipped(folder: Path) -> Iterator[bytes]:
    """The results of a folder as a zip file, piece by piece: it is never whole in memory or on disk."""
    sink = _Sink()
    with ZipFile(cast(BinaryIO, sink), "w", ZIP_DEFLATED) as archive:
        for name, _ in files_of(folder):
            info = ZipInfo.from_file(folder / name, name)
            info.compress_type = ZIP_DEFLATED
            with (folder / name).open("rb") as source, archive.open(info, "w") as target:
                while chunk := source.read(_CHUNK):
                    target.write(chunk)
                    yield sink.taken()
    yield sink.taken()
