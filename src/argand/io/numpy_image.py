"""Images in NumPy's .npy files (numpy.lib.format), read in place, one at a time."""

from io import BytesIO
from pathlib import Path

import numpy as np

from argand.io.header import Header, Stack
from argand.io.limits import image_size, read_bytes
from argand.io.panel_model import refuse_panels
from argand.io.raw_images import RawImages

NUMPY = b"\x93NUMPY"
"""First bytes of a file."""


def numpy_stack(path: str, head: bytes, source: bytes | Path, axes: int | None) -> Stack:
    """The images of a file that begins with `head`; one has two axes, or `axes` with many panels.

    Raises ValueError for a header that is damaged or states an array that is no stack of images, and for
    fewer numbers than it states; InputError for panels whose places are not known.
    """
    begin, shape, fortran, dtype = _header(head)
    if dtype.kind not in "biuf":
        raise ValueError(f"an array of {dtype} holds no counts")
    if axes is None:
        refuse_panels(path, shape)
    axes = axes or 2
    if len(shape) not in (axes, axes + 1):
        raise ValueError(f"an array of {len(shape)} axes is no image [slow, fast], nor a stack of images")
    count = shape[0] if len(shape) > axes else 1
    lying = RawImages(count, shape[-axes:], dtype, begin)
    if not fortran:
        return lying.stack(source)
    lying.stack(source)  # for its checks: pixels of one image do not lie together here
    blob = source if isinstance(source, bytes) else read_bytes(source)
    size = count * image_size(shape[-axes:])
    images = np.frombuffer(blob, dtype, size, begin).reshape(shape[::-1]).T
    return Stack(count, lambda index: images[index] if len(shape) > axes else images, Header())


def _header(head: bytes) -> tuple[int, tuple[int, ...], bool, np.dtype]:
    """First byte of the numbers, shape, whether its first axis runs fastest, and type."""
    file = BytesIO(head)
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version[0] == 1 else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(file)
    return file.tell(), shape, fortran, dtype
