"""The packed compression of CBF images (x-CBF_PACKED and its version 2), written by Rayonix detectors.

Source: International Tables for Crystallography G, section 5.6.3.2, and the manual of CBFlib, section 3.3.2.
Four words of 64 bits (number of pixels, three unused), then blocks. A block is a code of 6 bits (7 in version
2), with the logarithm of the number of values in the lowest three and the bits per value in the others. Bits
count from the lowest of each byte. The values are differences between a pixel and its prediction: the
previous pixel in the first row, then the rounded mean of the previous pixel and the three neighbours in the
row before; of two of them at either end of a row.
"""

from array import array
from collections.abc import Iterator

import numpy as np

from argand.typing import Image

_PREFACE = 32
"""Bytes before the blocks."""
_WIDTHS = np.array([0, 4, 5, 6, 7, 8, 16, 65])
"""Bits of a difference by the code of its block; 65 means all bits of a pixel. Sources as above."""
_WIDTHS_V2 = np.array([0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 65])
"""As before for version 2."""
_SLICE = 1 << 20
"""Number of differences unpacked at a time, to limit memory. Set by hand: about 40 MB."""


def unpacked(packed: memoryview, shape: tuple[int, int], dtype: np.dtype, version: int, flat: bool) -> Image:
    """The image [slow, fast] in the bytes of a packed binary section.

    `dtype` is that of its pixels, with 8 to 32 bits; `version` is 1 or 2; `flat` means that each pixel is
    predicted only from the one before it. Raises ValueError if the bytes do not form such an image.
    """
    size = shape[0] * shape[1]
    if dtype.kind not in "iu" or dtype.itemsize > 4 or shape[1] < 3:
        raise ValueError(f"packed CBF with {shape[0]} x {shape[1]} pixels of type {dtype} cannot be read")
    if len(packed) < _PREFACE or int.from_bytes(packed[:8], "little") != size:
        raise ValueError("the number of packed pixels differs from the header")
    signed = np.dtype(f"i{dtype.itemsize}")
    whole = 65 if flat else 8 * dtype.itemsize
    differences = np.concatenate(list(_differences(bytes(packed[_PREFACE:]), size, signed, version, whole)))
    if flat:
        return np.cumsum(differences, dtype=signed).view(dtype).reshape(shape)
    return _summed(differences.reshape(shape)).view(dtype)


def _differences(blob: bytes, size: int, dtype: np.dtype, version: int, whole: int) -> Iterator[np.ndarray]:
    """The differences of all pixels, in slices; a full-pixel difference takes `whole` bits."""
    starts, counts, widths = packed_blocks(blob, size, version, whole)
    counts[-1] -= counts.sum() - size
    # Any eight bytes as one number: an array with overlapping elements.
    padded = blob + bytes(8)
    words = np.ndarray((len(blob) + 1,), "<u8", padded, strides=(1,))
    limits = np.searchsorted(np.cumsum(counts), np.arange(_SLICE, size, _SLICE), side="right")
    for begin, end in zip([0, *limits], [*limits, len(counts)], strict=True):
        here = slice(begin, end)
        number = np.arange(counts[here].sum()) - np.repeat(
            np.cumsum(counts[here]) - counts[here], counts[here]
        )
        width = np.repeat(widths[here], counts[here])
        place = np.repeat(starts[here], counts[here]) + number * width
        # Of the 65 bits of a flat image the lowest are the difference.
        width = np.minimum(width, 8 * dtype.itemsize)
        value = words[place >> 3] >> (place & 7).astype(np.uint64)
        spare = (64 - width).astype(np.uint64)
        # Shifting up and down cuts a number to its bits and extends its sign.
        signed = (value << spare).view(np.int64) >> spare.view(np.int64)
        yield np.where(width > 0, signed, 0).astype(dtype)


def packed_blocks(
    blob: bytes, size: int, version: int, whole: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First bit, number of differences and bits of each difference, of every block of `size` differences.

    The last one may contain more than are left. `whole` is the number of bits of a full-pixel difference.
    Raises ValueError if the bytes end too early.
    """
    code_bits, table = (6, _WIDTHS) if version == 1 else (7, _WIDTHS_V2)
    width_of = [whole if width == 65 else int(width) for width in table]
    mask, last = (1 << code_bits) - 1, len(blob) - 1
    starts, counts, widths = array("q"), array("q"), array("q")
    bit = found = 0
    while found < size:
        byte = bit >> 3
        if byte > last:
            raise ValueError("truncated: the packed pixels end before the image is full")
        pair = blob[byte] | (blob[byte + 1] << 8 if byte < last else 0)
        code = pair >> (bit & 7) & mask
        count, width = 1 << (code & 7), width_of[code >> 3]
        bit += code_bits
        starts.append(bit)
        counts.append(count)
        widths.append(width)
        bit += min(count, size - found) * width
        found += count
    if bit > 8 * len(blob):
        raise ValueError("truncated: the packed pixels end before the image is full")
    return np.array(starts), np.array(counts), np.array(widths)


def _summed(differences: Image) -> Image:
    """The image with pixels that differ by `differences` from their predictions.

    A pixel needs the previous one and three in the row above. Along lines on which the column falls by two
    per row, pixels are independent, and the lines are processed one by one. All numbers wrap as the pixel
    type does.
    """
    slow, fast = differences.shape
    dtype = differences.dtype
    image = differences.copy()
    image[0] = np.cumsum(differences[0], dtype=dtype)
    pixels, step = image.reshape(-1), fast - 2
    for line in range(2, fast + 2 * slow):
        first, last = max(1, (line - fast + 3) // 2), min(slow - 1, (line - 1) // 2)
        if first <= last:
            begin, end = first * fast + line - 2 * first, last * fast + line - 2 * last + 1
            before, above = slice(begin - 1, end - 1, step), slice(begin - fast, end - fast, step)
            corner = slice(begin - fast - 1, end - fast - 1, step)
            behind = slice(begin - fast + 1, end - fast + 1, step)
            total = pixels[before] + pixels[above] + pixels[corner] + pixels[behind]
            pixels[begin:end:step] += ((total.astype(np.int64) + 2) >> 2).astype(dtype)
        if line % 2 == 0 and line // 2 < slow:
            _add_mean(pixels, line // 2 * fast, (line // 2 - 1) * fast, (line // 2 - 1) * fast + 1)
        row = (line - fast + 1) // 2
        if (line - fast + 1) % 2 == 0 and 1 <= row < slow:
            end = row * fast + fast - 1
            _add_mean(pixels, end, end - 1, end - fast)
    return image


def _add_mean(pixels: np.ndarray, place: int, first: int, second: int) -> None:
    """Add the mean of two pixels to a third, wrapping as the pixel type does."""
    total = pixels[first : first + 1] + pixels[second : second + 1]
    pixels[place : place + 1] += ((total.astype(np.int64) + 1) >> 1).astype(pixels.dtype)
