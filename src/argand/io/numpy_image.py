"""Images in NumPy's .npy files (numpy.lib.format), read from the file one at a time."""

from pathlib import Path

import numpy as np

from argand.io.header import Header, Stack
from argand.io.limits import image_size, read_bytes
from argand.io.npy_array import npy_header
from argand.io.panel_model import refuse_panels
from argand.io.raw_images import RawImages


def numpy_stack(path: str, head: bytes, source: bytes | Path, axes: int | None) -> Stack:
    """The images of a file that begins with `head`; an image has two axes, or `axes` for many panels.

    Raises ValueError for an array that is not a stack of images, and for a truncated one; InputError for a
    damaged or non-numeric header, and for panels with unknown positions.
    """
    begin, shape, dtype, fortran = npy_header(head, path)
    if axes is None:
        refuse_panels(path, shape)
    axes = axes or 2
    if len(shape) not in (axes, axes + 1):
        raise ValueError(f"an array of {len(shape)} axes is neither an image [slow, fast] nor a stack")
    count = shape[0] if len(shape) > axes else 1
    lying = RawImages(count, shape[-axes:], dtype, begin)
    if not fortran:
        return lying.stack(source)
    lying.stack(source)  # for its checks: pixels of one image are not contiguous here
    blob = source if isinstance(source, bytes) else read_bytes(source)
    size = count * image_size(shape[-axes:])
    images = np.frombuffer(blob, dtype, size, begin).reshape(shape[::-1]).T
    return Stack(count, lambda index: images[index] if len(shape) > axes else images, Header())
