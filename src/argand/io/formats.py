"""Open a file of any supported format as a stack of images; formats are recognised by content, not by name.

fabio, which loads the readers of all its formats, is imported only for formats that need it.
"""

import io
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from argand.errors import ArgandError, InputError
from argand.io.cbf import cbf_stack
from argand.io.edf import edf_stack
from argand.io.fabio_image import fabio_stack
from argand.io.header import Header, Stack, pilatus_header, unreadable
from argand.io.limits import image_size, is_packed, read_bytes, require_file
from argand.io.marccd import marccd_header
from argand.io.npy_array import MAGIC as NUMPY
from argand.io.numpy_image import numpy_stack
from argand.io.oxford_ty6 import is_ty6, ty6_stack
from argand.io.raw_images import HEAD, raw_images
from argand.io.smv import smv_stack
from argand.io.tiff import STARTS, tiff_stack

_HDF5 = b"\x89HDF\r\n\x1a\n"
_TEXT_HEADER_BYTES = 4096
"""First bytes of a file that are searched for text that identifies its format.

By hand: the length of the header of a Pilatus TIFF.
"""

_PICTURES = {b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"GIF8": "GIF", b"\0\0\0\x0cjP": "JPEG 2000"}
"""First bytes of picture formats that are not data, which users may give by mistake."""


def open_stack(path: str, axes: int | None = None) -> Stack:
    """Open the images of a file, plain or compressed with bzip2 or gzip; call its `close` at the end.

    An image has two axes, or `axes` for the raw array of a multi-panel detector. Raises InputError, which
    names the file, if it is missing, of an unknown format, truncated or damaged, or declares more than
    `argand.io.limits` allows.
    """
    require_file(path)
    with reader_errors(path):
        head, source = _content(path)
        if head.startswith(_HDF5):
            # h5py and its filters are slow to import, and only these files need them.
            from argand.io.nexus import nexus_stack

            file = path if isinstance(source, Path) else io.BytesIO(source)
            return nexus_stack(file, Path(path).parent, axes)
        if head.startswith(NUMPY):
            return numpy_stack(path, head, source, axes)
        lying = raw_images(head)
        if lying is not None:
            return lying.stack(source)
        blob = read_bytes(source) if isinstance(source, Path) else source
        return _reader(blob)(blob)


def load_image(path: str, stack: Stack, index: int, axes: int = 2) -> np.ndarray:
    """Image number `index` of a stack, [slow, fast] in native byte order; InputError if it is damaged.

    The raw array of a multi-panel detector has `axes` axes.
    """
    if not 0 <= index < stack.count:
        raise InputError(f"{path}: has no image {index}; its {stack.count} images are counted from 0")
    with reader_errors(path):
        data = np.asarray(stack.load(index))
        if axes == 2 and data.ndim == 3 and data.shape[-1] in (3, 4):
            raise ValueError(
                f"a colour picture of {data.shape[0]} x {data.shape[1]} pixels, not detector counts"
            )
        if data.ndim != axes or 0 in data.shape or data.dtype.kind not in "biuf":
            raise ValueError(f"an array of {data.shape} {data.dtype} is not a detector image")
        image_size(data.shape)
        return data.astype(data.dtype.newbyteorder("="), copy=False)


@contextmanager
def reader_errors(path: str) -> Iterator[None]:
    """Context that turns any error of a reader into one line that names the file, and silences fabio's log.

    Raises InputError for any exception within; argand's own errors pass unchanged.
    """
    log = logging.getLogger("fabio")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    except ArgandError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the name") from error
    except (PermissionError, IsADirectoryError) as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror}); give an image file") from error
    except Exception as error:  # damaged files may raise any exception
        raise unreadable(path, str(error) or type(error).__name__) from error
    finally:
        log.setLevel(level)


def _content(path: str) -> tuple[bytes, bytes | Path]:
    """The first bytes of a file, decompressed, and its whole content if it is compressed, else its path."""
    with Path(path).open("rb") as file:
        head = file.read(HEAD)
    if not is_packed(head):
        return head, Path(path)
    blob = read_bytes(path)
    return blob[:HEAD], blob


def _reader(blob: bytes) -> Callable[[bytes], Stack]:
    start = blob[:64].lstrip()
    if not blob:
        raise ValueError("empty file")
    if start.startswith(b"###CBF") or b"--CIF-BINARY-FORMAT-SECTION--" in blob[:_TEXT_HEADER_BYTES]:
        return cbf_stack
    if start.startswith(b"{"):
        return smv_stack if b"HEADER_BYTES" in start else edf_stack
    if blob[:4] in STARTS:
        return _tiff_stack
    picture = next((name for begin, name in _PICTURES.items() if blob.startswith(begin)), None)
    if picture:
        raise ValueError(f"a {picture} picture, not detector counts")
    if is_ty6(blob):
        return ty6_stack
    other = fabio_stack(blob)
    if other is None:
        raise ValueError("unknown file type")
    return other


def _tiff_stack(blob: bytes) -> Stack:
    return tiff_stack(blob, marccd_header(blob) or _tiff_text_header(blob))


def _tiff_text_header(blob: bytes) -> Header:
    text = blob[:_TEXT_HEADER_BYTES].decode("latin-1")
    return pilatus_header(text) if re.search(r"#\s*Pixel_size", text) else Header()
