"""Headers that state more than there is: one line and no memory, whatever the format."""

import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fabio.bruker100image import Bruker100Image
from fabio.cbfimage import CbfImage
from fabio.edfimage import EdfImage
from fabio.esperantoimage import EsperantoImage
from fabio.fit2dmaskimage import Fit2dMaskImage
from fabio.mar345image import Mar345Image
from fabio.OXDimage import OxdImage
from frugal import frugal

from argand.errors import InputError
from argand.io.image import load_mask, read_frame, read_frames

COUNTS = np.random.default_rng(1).poisson(30, (64, 80)).astype(np.int32)
HUGE = (0, -1, 2**31 - 1, 10**9)

Writer = Callable[..., bytes]


def written(tmp_path: Path, image: object) -> bytes:
    image.write(str(tmp_path / "written"))  # pyright: ignore[reportAttributeAccessIssue]
    return (tmp_path / "written").read_bytes()


def smv(fast: object = 80, slow: object = 64, frames: object = 1) -> bytes:
    text = (
        f"{{\nHEADER_BYTES=  512;\nSIZE1={fast};\nSIZE2={slow};\nSIZE3={frames};\nTYPE=unsigned_short;\n}}\n"
    )
    return text.ljust(512).encode() + COUNTS.astype("<u2").tobytes()


def edf(fast: object = 80, slow: object = 64, size: object = 4 * 64 * 80, more: str = "") -> bytes:
    text = f"{{\nByteOrder = LowByteFirst ;\nDataType = SignedInteger ;\nDim_1 = {fast} ;\nDim_2 = {slow} ;\n"
    return (text + f"Size = {size} ;\n{more}}}\n").encode() + COUNTS.astype("<i4").tobytes()


def npy(shape: object = (64, 80), descr: str = "'<i4'") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + COUNTS.tobytes()


def mrc(fast: int = 80, slow: int = 64, frames: int = 1, extended: int = 0) -> bytes:
    head = bytearray(1024)
    struct.pack_into("<4i", head, 0, fast, slow, frames, 1)
    struct.pack_into("<i", head, 92, extended)
    head[208:214] = b"MAP \x44\x44"
    return bytes(head) + COUNTS.astype("<i2").tobytes()


def ge(fast: int = 80, slow: int = 64, frames: int = 1, standard: int = 8192) -> bytes:
    head = bytearray(8192)
    head[:5] = b"ADEPT"
    struct.pack_into("<IHIHHHH", head, 12, standard, 1, 0, frames & 0xFFFF, slow & 0xFFFF, fast & 0xFFFF, 16)
    return bytes(head) + COUNTS.astype("<u2").tobytes()


def spe(fast: int = 80, slow: int = 64, frames: int = 1) -> bytes:
    head = bytearray(4100)
    for place, value in ((42, fast), (656, slow)):
        struct.pack_into("<H", head, place, value & 0xFFFF)
    struct.pack_into("<h", head, 108, 3)
    struct.pack_into("<i", head, 1446, frames)
    head[2996:3000] = b"\x67\x45\x23\x01"
    return bytes(head) + COUNTS.astype("<u2").tobytes()


def hipic(fast: int = 80, slow: int = 64) -> bytes:
    comment = b'[Application],Date="1"'
    head = b"IM" + struct.pack("<3H", len(comment), fast & 0xFFFF, slow & 0xFFFF)
    return head.ljust(64, b"\0") + comment + COUNTS.astype("<u2").tobytes()


def pgm(fast: object = 80, slow: object = 64) -> bytes:
    return f"P5 \n{fast} {slow} 65535 \n".encode() + COUNTS.astype(">u2").tobytes()


def kappaccd(fast: object = 80, slow: object = 64, readouts: object = 1) -> bytes:
    lines = f"No 1\r\nX dimension = {fast}\r\nY dimension = {slow}\r\nNumber of readouts = {readouts}\r\n"
    return lines.encode() + b"\x1a\xff\r\n" + COUNTS.astype("<u2").tobytes()


def tiff(fast: int = 80, slow: int = 64, compression: int = 1, following: int = 0) -> bytes:
    tags = {256: fast, 257: slow, 258: 16, 259: compression, 262: 1, 273: 200, 278: slow}
    entries = b"".join(struct.pack("<HHIi", tag, 4, 1, value) for tag, value in tags.items())
    head = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries
    return (head + struct.pack("<I", following)).ljust(200, b"\0") + COUNTS.astype("<u2").tobytes()


NATIVE: dict[str, Writer] = {
    "a.img": smv,
    "a.edf": edf,
    "a.mrc": mrc,
    "a.spe": spe,
    "a.ge": ge,
    "hipic.img": hipic,
    "a.pgm": pgm,
    "a.kcd": kappaccd,
    "a.tif": tiff,
}


@pytest.mark.parametrize("name", NATIVE)
def test_the_file_as_it_should_be_is_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(NATIVE[name]())
    assert np.array_equal(read_frame(tmp_path / name).data, COUNTS)


@pytest.mark.parametrize("size", HUGE)
@pytest.mark.parametrize("side", ["fast", "slow"])
@pytest.mark.parametrize("name", NATIVE)
def test_a_side_that_cannot_be_is_one_line(tmp_path: Path, name: str, side: str, size: int) -> None:
    (tmp_path / name).write_bytes(NATIVE[name](**{side: size}))
    with frugal(), pytest.raises(InputError, match=re.escape(name)):
        read_frame(tmp_path / name)


@pytest.mark.parametrize("name", NATIVE)
def test_both_sides_whose_product_wraps_to_a_small_number(tmp_path: Path, name: str) -> None:
    """2^31 x 2^33 is 0 in 64 bits, and 2^16 squared is 0 in 32."""
    for fast, slow in ((2**31 - 2**15, 2**16), (2**16, 2**16), (2**15, 2**17)):
        try:
            blob = NATIVE[name](fast=fast, slow=slow)
        except struct.error:
            continue
        (tmp_path / name).write_bytes(blob)
        with frugal(), pytest.raises(InputError, match=re.escape(name)):
            read_frame(tmp_path / name)


@pytest.mark.parametrize("name", ["a.img", "a.mrc", "a.spe"])
@pytest.mark.parametrize("frames", [-1, 0, 10**9])
def test_a_number_of_images_that_cannot_be_is_one_line(tmp_path: Path, name: str, frames: int) -> None:
    if (name, frames) == ("a.img", 0):
        pytest.skip("an SMV file that states no number has one image")
    (tmp_path / name).write_bytes(NATIVE[name](frames=frames))
    with frugal(), pytest.raises(InputError, match=re.escape(name)):
        read_frame(tmp_path / name)


@pytest.mark.parametrize(
    "shape",
    ["(-1, 80)", "(10**9, 10**9)", "(1000000000, 1000000000)", "(0, 80)", "(64,)", "()", "(64, 80, 1, 1)"],
)
def test_an_npy_of_another_shape_than_its_numbers_is_one_line(tmp_path: Path, shape: str) -> None:
    (tmp_path / "a.npy").write_bytes(npy(shape))
    with frugal(), pytest.raises(InputError, match=r"a\.npy"):
        read_frame(tmp_path / "a.npy")


@pytest.mark.parametrize("descr", ["'|O'", "'<c8'", "'<U9'", "[('a', '<i4')]", "'|V8'", "'<M8[s]'", "'x'"])
def test_an_npy_of_no_counts_is_one_line(tmp_path: Path, descr: str) -> None:
    (tmp_path / "a.npy").write_bytes(npy(descr=descr))
    with pytest.raises(InputError, match=r"a\.npy"):
        read_frame(tmp_path / "a.npy")


def test_a_stack_of_arrays_is_read_in_place_in_any_order_of_bytes_and_axes(tmp_path: Path) -> None:
    """A plain .npy is not read as a whole: a hundred images take the memory of one."""
    stack = np.random.default_rng(2).poisson(9, (100, 300, 400)).astype(np.int32)
    for name, values in {"a": stack, "b": stack.astype(">f8"), "c": np.asfortranarray(stack)}.items():
        np.save(tmp_path / f"{name}.npy", values)
        assert np.array_equal(read_frame(tmp_path / f"{name}.npy", 57).data, stack[57])
    with frugal(megabytes=20):
        read_frame(tmp_path / "a.npy", 99)
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-1])
    with pytest.raises(InputError, match=r"a\.npy: .*truncated"):
        read_frame(tmp_path / "a.npy", 0)


@pytest.mark.parametrize("size", [-1, -300, 10**9, 10**18, "nan", "1e999", "x"])
def test_an_edf_whose_block_goes_back_or_too_far_is_one_line(tmp_path: Path, size: object) -> None:
    (tmp_path / "a.edf").write_bytes(edf(size=size))
    with frugal(), pytest.raises(InputError, match=r"a\.edf"):
        read_frame(tmp_path / "a.edf")


def test_an_edf_does_not_read_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_bytes(bytes(range(256)) * 80)
    (tmp_path / "a.edf").write_bytes(edf(more="EDF_BinaryFileName = secret ;\n"))
    with pytest.raises(InputError, match=r"a\.edf: .*the pixels are in another file"):
        read_frame("a.edf")


@pytest.mark.parametrize("compression", ["GzipCompression", "ZCompression"])
def test_pixels_of_an_edf_do_not_unpack_without_bound(tmp_path: Path, compression: str) -> None:
    import gzip
    import zlib

    pack = gzip.compress if compression.startswith("G") else zlib.compress
    for content, fits in ((COUNTS.tobytes(), True), (bytes(2**29), False)):
        packed = pack(content)
        blob = edf(size=len(packed), more=f"Compression = {compression} ;\n")
        (tmp_path / "a.edf").write_bytes(blob[: -COUNTS.nbytes] + packed)
        with frugal(megabytes=64):
            if fits or compression.startswith("Z"):
                assert read_frame(tmp_path / "a.edf").shape == COUNTS.shape
            else:
                with pytest.raises(InputError, match=r"a\.edf: .*decompresses to more"):
                    read_frame(tmp_path / "a.edf")


@pytest.mark.parametrize("packing", ["bz2", "gz"])
def test_a_file_that_unpacks_to_gigabytes_is_one_line(tmp_path: Path, packing: str) -> None:
    import bz2
    import gzip

    part = {"bz2": bz2.compress, "gz": gzip.compress}[packing](bytes(2**27))
    (tmp_path / f"a.cbf.{packing}").write_bytes(part * 20)
    with frugal(megabytes=2600, seconds=60), pytest.raises(InputError, match="decompresses to more than"):
        read_frame(tmp_path / f"a.cbf.{packing}")


def test_tiff_directories_in_a_circle_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(tiff(following=8))
    with frugal(), pytest.raises(InputError, match=r"a\.tif: .*cycle"):
        read_frame(tmp_path / "a.tif")
    second = tiff()[8:98][:-4] + struct.pack("<I", 8)
    blob = tiff(following=len(tiff()))
    (tmp_path / "b.tif").write_bytes(blob + second)
    with frugal(), pytest.raises(InputError, match=r"b\.tif: .*cycle"):
        read_frame(tmp_path / "b.tif")


@pytest.mark.parametrize("count", [5000, 2**32 - 1])
def test_tiff_tags_longer_than_the_file_are_one_line(tmp_path: Path, count: int) -> None:
    blob = bytearray(tiff(compression=5))
    struct.pack_into("<HHI", blob, 10, 270, 4, count)
    (tmp_path / "a.tif").write_bytes(blob)
    with frugal(), pytest.raises(InputError, match=r"a\.tif"):
        read_frame(tmp_path / "a.tif")


def test_a_compressed_tiff_of_too_many_pixels_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(tiff(60_000, 60_000, compression=5))
    with frugal(), pytest.raises(InputError, match=r"a\.tif: .*more than the 67,108,864"):
        read_frame(tmp_path / "a.tif")


def cbf(tmp_path: Path, **changed: object) -> Path:
    """A CBF as fabio writes it, with other numbers in its binary section."""
    blob = written(tmp_path, CbfImage(data=COUNTS))
    for key, value in changed.items():
        name = key.replace("_", "-").encode()
        blob = re.sub(rb"(?i)(" + name + rb": *)\d+", lambda m, v=value: m.group(1) + str(v).encode(), blob)
    (tmp_path / "a.cbf").write_bytes(blob)
    return tmp_path / "a.cbf"


@pytest.mark.parametrize(
    "changed",
    [
        {"X_Binary_Size_Fastest_Dimension": 79, "X_Binary_Number_of_Elements": 79 * 64},
        {"X_Binary_Size_Fastest_Dimension": 81, "X_Binary_Number_of_Elements": 81 * 64},
        {"X_Binary_Number_of_Elements": 64 * 80 - 1},
        {"X_Binary_Size_Fastest_Dimension": 10**9, "X_Binary_Number_of_Elements": 64 * 10**9},
        {"X_Binary_Size_Second_Dimension": 0, "X_Binary_Number_of_Elements": 0},
        {"X_Binary_Size": 2000},
        {"X_Binary_Size": 10**12},
        {"X_Binary_Size": "9" * 5000},
    ],
)
def test_a_cbf_whose_sizes_contradict_its_elements_is_one_line(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    assert np.array_equal(read_frame(cbf(tmp_path)).data, COUNTS)
    with frugal(), pytest.raises(InputError, match=r"a\.cbf"):
        read_frame(cbf(tmp_path, **changed))


def test_zeros_that_fill_up_a_cbf_section_are_no_pixels(tmp_path: Path) -> None:
    blob = written(tmp_path, CbfImage(data=COUNTS))
    size = int(re.search(rb"X-Binary-Size: *(\d+)", blob).group(1))  # pyright: ignore[reportOptionalMemberAccess]
    begin = blob.index(b"\x0c\x1a\x04\xd5") + 4
    padded = blob[: begin + size] + bytes(512) + blob[begin + size :]
    padded = padded.replace(f"X-Binary-Size: {size}".encode(), f"X-Binary-Size: {size + 512}".encode())
    padded = re.sub(rb"Content-MD5: [^\r]*\r\n", b"", padded)
    (tmp_path / "a.cbf").write_bytes(padded)
    assert np.array_equal(read_frame(tmp_path / "a.cbf").data, COUNTS)


def test_bruker_states_more_blocks_of_header_than_there_are(tmp_path: Path) -> None:
    blob = written(tmp_path, Bruker100Image(data=COUNTS[:, :64]))
    for blocks in ("10000000000", "-5", "0", "1e300"):
        line = f"HDRBLKS:{blocks}".ljust(80).encode()
        (tmp_path / "a.sfrm").write_bytes(re.sub(rb"HDRBLKS:.{72}", line, blob, count=1))
        with frugal(), pytest.raises(InputError, match=r"a\.sfrm"):
            read_frame(tmp_path / "a.sfrm")


def test_formats_of_fabio_are_looked_at_before_it_reads_them(tmp_path: Path) -> None:
    """Sides in place of those that each of them states, where fabio's table of the header has them."""
    square = COUNTS[:, :64].copy()
    raxis = b"R-AXIS4".ljust(768, b"\0") + struct.pack(">5i", -64, -64, 0, 0, 2048) + bytes(10_000)
    mask = bytearray(written(tmp_path, Fit2dMaskImage(data=square > 30)))
    struct.pack_into("<ii", mask, 16, 2**31 - 1, 2**31 - 1)
    image = Mar345Image(data=square, header={})
    image.byteorder = "<"
    mar = bytearray(written(tmp_path, image))
    struct.pack_into("<i", mar, 20, 2**31 - 64)
    oxford = re.sub(rb"NX= *\d+ NY= *\d+", b"NX=9999 NY=9999", written(tmp_path, OxdImage(data=square)))
    esperanto = re.sub(
        rb"IMAGE \d+ \d+", b"IMAGE 99999 99999", written(tmp_path, EsperantoImage(data=square))
    )
    files = {"a.osc": raxis, "a.msk": mask, "a.mar2300": mar, "a.img": oxford, "a.esperanto": esperanto}
    for name, blob in files.items():
        (tmp_path / name).write_bytes(blob)
        with frugal(), pytest.raises(InputError, match=re.escape(name)):
            read_frame(tmp_path / name)


def test_esperanto_is_read_as_fabio_reads_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    for shape in ((256, 256), (260, 300), (64, 68)):
        data = rng.poisson(40, shape).astype(np.int32)
        data[rng.integers(0, shape[0], 30), rng.integers(0, shape[1], 30)] = rng.integers(-(10**6), 10**6, 30)
        path = str(tmp_path / "a.esperanto")
        EsperantoImage(data=data).write(path)
        assert np.array_equal(read_frame(path).data, EsperantoImage().read(path).data)


def test_a_mask_of_too_many_images_is_one_line(tmp_path: Path) -> None:
    np.save(tmp_path / "mask.npy", np.zeros((70, 1000, 1000), np.uint8))
    with frugal(), pytest.raises(InputError, match=r"mask\.npy"):
        load_mask(tmp_path / "mask.npy")


def test_a_mask_of_images_of_different_sizes_is_one_line(tmp_path: Path) -> None:
    image = EdfImage(data=COUNTS)
    image.append_frame(data=COUNTS[:, :40])
    (tmp_path / "mask.edf").write_bytes(written(tmp_path, image))
    with pytest.raises(InputError, match=r"mask\.edf: .*different sizes"):
        load_mask(tmp_path / "mask.edf")


def test_many_images_of_an_edf_are_counted(tmp_path: Path) -> None:
    image = EdfImage(data=COUNTS)
    image.append_frame(data=COUNTS + 1)
    (tmp_path / "a.edf").write_bytes(written(tmp_path, image))
    assert [int(frame.data[0, 0]) - int(COUNTS[0, 0]) for frame in read_frames(tmp_path / "a.edf")] == [0, 1]
    (tmp_path / "a.edf").write_bytes((tmp_path / "a.edf").read_bytes()[:-1000])
    with pytest.raises(InputError, match=r"a\.edf: .*truncated"):
        read_frame(tmp_path / "a.edf")
