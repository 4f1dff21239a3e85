"""Forms with files, read as they arrive: each goes straight to disk, by a plain name, within limits."""

import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool

from argand.app.name import free_name, plain_file_name
from argand.app.store import INCOMING
from argand.errors import ConfigError, InputError

_MOST_FIELDS = 200
"""Most fields of a form. By hand: the largest has 20."""
_MOST_FIELD_BYTES = 4096
"""Longest value of a field. By hand: settings have 200 letters at most."""
_MOST_HEADER_BYTES = 4096
"""Longest headers of a part. By hand."""


class TooMuchError(InputError):
    """More files, or larger ones, than are taken."""


@dataclass(frozen=True)
class Limits:
    """What is taken: bytes of one file, bytes and number of all files of a form."""

    file_bytes: int
    all_bytes: int
    files: int = 2000


@dataclass
class Form:
    """The fields of a form, and the names of the files that were stored in `folder`/FIELD."""

    folder: Path
    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, list[str]] = field(default_factory=dict)

    def discard(self) -> None:
        """Remove the stored files."""
        shutil.rmtree(self.folder, ignore_errors=True)


class _Reader:
    """What the parser calls while it reads the parts of a form."""

    def __init__(self, form: Form, limits: Limits, allowed: Callable[[str, str], None]) -> None:
        self.form, self.limits, self.allowed = form, limits, allowed
        self._headers: dict[str, bytes] = {}
        self._name = self._value = b""
        self._field = ""
        self._text = bytearray()
        self._file: BinaryIO | None = None
        self._size = self._total = self._count = self._header_bytes = 0

    def callbacks(self) -> dict[str, Callable[..., None]]:
        """As `MultipartParser` takes them."""
        names = ("part_begin", "part_data", "part_end", "header_field", "header_value", "header_end")
        return {f"on_{name}": getattr(self, name) for name in (*names, "headers_finished")}

    def part_begin(self) -> None:
        self._headers, self._name, self._value = {}, b"", b""
        self._text, self._size, self._header_bytes = bytearray(), 0, 0

    def header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]
        self._count_header(end - start)

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._count_header(end - start)

    def header_end(self) -> None:
        self._headers[self._name.decode("latin-1").lower()] = self._value
        self._name = self._value = b""

    def headers_finished(self) -> None:
        kind, options = parse_options_header(self._headers.get("content-disposition", b""))
        if kind != b"form-data" or b"name" not in options:
            raise InputError("a part of the form has no name")
        self._field = options[b"name"].decode("utf-8", "replace")
        sent = options.get(b"filename")
        # A browser sends an empty name where no file was chosen.
        if sent is not None and sent != b"":
            self._file = self._opened(plain_file_name(sent.decode("utf-8", "replace")))
        elif sent is None and len(self.form.fields) >= _MOST_FIELDS:
            raise TooMuchError(f"more than {_MOST_FIELDS} fields")

    def part_data(self, data: bytes, start: int, end: int) -> None:
        self._size += end - start
        self._total += end - start
        if self._file is None:
            if self._size > _MOST_FIELD_BYTES:
                raise TooMuchError(f"{self._field[:40]}: longer than {_MOST_FIELD_BYTES} letters")
            self._text += data[start:end]
            return
        if self._size > self.limits.file_bytes:
            raise TooMuchError(f"a file is larger than {_size(self.limits.file_bytes)}; give less at a time")
        if self._total > self.limits.all_bytes:
            raise TooMuchError(f"more than {_size(self.limits.all_bytes)} in all; give less at a time")
        self._file.write(data[start:end])

    def part_end(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        else:
            self.form.fields[self._field] = self._text.decode("utf-8", "replace")

    def close(self) -> None:
        """Close a file that was not finished."""
        if self._file is not None:
            self._file.close()

    def _opened(self, name: str) -> BinaryIO:
        self._count += 1
        if self._count > self.limits.files:
            raise TooMuchError(f"more than {self.limits.files} files; give less at a time")
        self.allowed(self._field, name)
        names = self.form.files.setdefault(self._field, [])
        name = free_name(name, names)
        names.append(name)
        home = self.form.folder / self._field
        home.mkdir(exist_ok=True)
        return (home / name).open("xb")

    def _count_header(self, count: int) -> None:
        self._header_bytes += count
        if self._header_bytes > _MOST_HEADER_BYTES:
            raise TooMuchError("a part of the form has headers that are too long")


def _size(count: int) -> str:
    return f"{count / 2**20:.0f} MiB"


async def received(
    stream: AsyncIterator[bytes],
    content_type: str,
    store: Path,
    limits: Limits,
    allowed: Callable[[dict[str, str], str, str], None],
) -> Form:
    """The form of a request, with its files in a new folder of `store`, which the caller moves or discards.

    `allowed` is called with the fields so far, the field and the plain name of a file before it is stored,
    and raises for one that is not taken. Raises TooMuchError beyond the limits, InputError for what is no
    form, OSError where the disk refuses; nothing is left then.
    """
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or b"boundary" not in options:
        raise InputError("send the files as multipart/form-data")
    form = Form(Path(mkdtemp(prefix=INCOMING, dir=store)))
    reader = _Reader(form, limits, lambda field, name: allowed(form.fields, field, name))
    try:
        parser = MultipartParser(options[b"boundary"], reader.callbacks())  # pyright: ignore[reportArgumentType]
        async for chunk in stream:
            await run_in_threadpool(parser.write, chunk)
        parser.finalize()
    except BaseException as error:
        reader.close()
        form.discard()
        if isinstance(error, FormParserError):
            raise InputError("the form is damaged or was cut off; send it again") from error
        raise
    return form


def require_field(name: str, known: set[str]) -> None:
    """Raise ConfigError for files in a field that takes none."""
    if name not in known:
        raise ConfigError(f"{name[:40]!r} takes no files")
