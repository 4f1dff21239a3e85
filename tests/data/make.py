"""Make the measured pieces of this folder again: `python make.py ORIGINALS [OUT]`.

ORIGINALS holds the folders geometry, patterson and crystals with the files that README.md names. Output
is the same to the byte, whoever runs it.
"""

import bz2
import re
import shutil
import sys
from base64 import b64encode
from hashlib import md5
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
from fabio.compression import compByteOffset
from fabio.dtrekimage import DtrekImage

from argand.io.formats import load_image, open_stack
from argand.io.structure import write_structure
from argand.physics.crystal.structure import checked

WHOLE_FRAMES = ("l-cyst_01_00001.cbf", "l-cyst_04_00001.cbf")
MEASURED = ("cod_2012000", "cod_2240189", "cod_4003024", "ferrocene", "nacl", "p1bar_a")
MODEL_ONLY = "cod_2016452"
"""Its intensities are among the data of the examples."""
MATERIALS = {
    "mp-30": "Cu_supercell",
    "mp-1143": "Al2O3",
    "mp-2133": "ZnO",
    "mp-2858": "ZrO2",
    "mp-6930": "SiO2",
    "mp-1003314": "KMn2O4",
    "mp-1040801": "LaCrTeO6",
}
APP_EXAMPLES = Path(__file__).parents[2] / "src" / "argand" / "app" / "data" / "examples"
THAUMATIN, THAUMATIN_FIRST, THAUMATIN_SIZE = "thau_3_2_0001.cbf.bz2", (1020, 1070), 560
ADSC, ADSC_FIRST, ADSC_SIZE = "adsc.img.bz2", (900, 850), 504
"""First pixel (fast, slow) and side of the pieces. Those of ADSC are multiples of 25 px from both ends of an
axis, so that its centre stays a number of two decimals."""


def pixels(path: Path, first: tuple[int, int], size: int) -> np.ndarray:
    """A square piece of an image."""
    stack = open_stack(str(path))
    fast, slow = first
    return np.ascontiguousarray(load_image(str(path), stack, 0)[slow : slow + size, fast : fast + size])


def changed(text: str, name: str, value: object) -> str:
    """Header text with another value behind the only line of this name."""
    after, count = re.subn(rf"(?m)^({re.escape(name)}(?:: |=| ))[^;\r\n]*", rf"\g<1>{value}", text)
    if count != 1:
        raise ValueError(f"{count} lines of {name}")
    return after


def cropped_cbf(source: Path, first: tuple[int, int], size: int) -> bytes:
    """A piece of a miniCBF whose header says its own size and beam centre."""
    blob = bz2.decompress(source.read_bytes())
    header = blob[: blob.index(b"\x0c\x1a\x04\xd5")].decode("latin-1")
    packed = compByteOffset(pixels(source, first, size))
    stated = re.search(r"# Beam_xy \(([\d.]+), ([\d.]+)\)", header)
    assert stated is not None
    centre = ", ".join(f"{float(px) - start:.2f}" for px, start in zip(stated.groups(), first, strict=True))
    header = changed(header, "# Beam_xy", f"({centre}) pixels")
    header = changed(header, "X-Binary-Size", len(packed))
    header = changed(header, "Content-MD5", b64encode(md5(packed, usedforsecurity=False).digest()).decode())
    header = changed(header, "X-Binary-Number-of-Elements", size**2)
    header = changed(header, "X-Binary-Size-Fastest-Dimension", size)
    header = changed(header, "X-Binary-Size-Second-Dimension", size)
    header = changed(header, "X-Binary-Size-Padding", 0)
    end = b"\r\n--CIF-BINARY-FORMAT-SECTION----\r\n;\r\n"
    return header.encode("latin-1") + b"\x0c\x1a\x04\xd5" + packed + end


def cropped_smv(source: Path, first: tuple[int, int], size: int) -> bytes:
    """A piece of an ADSC image whose header says its own size and, from all its corners, beam centre."""
    blob = bz2.decompress(source.read_bytes())
    keys = DtrekImage().read(str(source)).header
    header_bytes, pixel_mm = int(keys["HEADER_BYTES"]), float(keys["PIXEL_SIZE"])
    fast_mm, slow_mm = (start * pixel_mm for start in first)
    below_mm = (int(keys["SIZE2"]) - first[1] - size) * pixel_mm
    cut = {
        "BEAM_CENTER_X": fast_mm,
        "BEAM_CENTER_Y": below_mm,
        "DENZO_XBEAM": slow_mm,
        "DENZO_YBEAM": fast_mm,
    }
    header = blob[:header_bytes].decode("latin-1").rstrip(" ")
    for name, less in cut.items():
        header = changed(header, name, f"{float(keys[name]) - less:.2f}")
    for name in ("SIZE1", "SIZE2"):
        header = changed(header, name, size)
    return header.ljust(header_bytes).encode("latin-1") + pixels(source, first, size).astype(">u2").tobytes()


def make_frames(originals: Path, out: Path) -> None:
    """The diffraction images, packed with bzip2."""
    for name in WHOLE_FRAMES:
        (out / f"{name}.bz2").write_bytes(bz2.compress((originals / name).read_bytes(), 9))
    thaumatin = cropped_cbf(originals / THAUMATIN, THAUMATIN_FIRST, THAUMATIN_SIZE)
    (APP_EXAMPLES / "thaumatin.cbf.bz2").write_bytes(bz2.compress(thaumatin, 9))
    adsc = cropped_smv(originals / ADSC, ADSC_FIRST, ADSC_SIZE)
    (out / "adsc_middle.img.bz2").write_bytes(bz2.compress(adsc, 9))


def make_materials(pool: Path, out: Path) -> None:
    """Structures of the Materials Project as CIFs, in the cells that the source has."""
    columns = ["material_id", "lattice", "species", "frac_coords"]
    rows = parquet.read_table(pool, columns=columns, filters=[("material_id", "in", list(MATERIALS))])
    for row in rows.to_pylist():
        structure = checked(
            np.reshape(row["lattice"], (3, 3)).astype(float),
            np.array(row["species"]),
            np.reshape(row["frac_coords"], (-1, 3)).astype(float),
        )
        write_structure(out / f"{MATERIALS[row['material_id']]}_{row['material_id']}.cif", structure)


def make(originals: Path, out: Path) -> None:
    """All files of this folder but those that were written by hand."""
    for name in ("frames", "measured", "materials"):
        (out / name).mkdir(parents=True, exist_ok=True)
    make_frames(originals / "geometry", out / "frames")
    for name in [f"{name}{ending}" for name in MEASURED for ending in (".cif", ".hkl.gz")]:
        shutil.copyfile(originals / "patterson" / name, out / "measured" / name)
    shutil.copyfile(originals / "patterson" / f"{MODEL_ONLY}.cif", out / "measured" / f"{MODEL_ONLY}.cif")
    make_materials(originals / "crystals" / "mp_pool.parquet", out / "materials")


if __name__ == "__main__":
    make(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent)
