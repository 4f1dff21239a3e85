"""Every kind of file that argand reads, what is asked of it, and the general damages of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from malformed import damage, good
from malformed.case import Case, Content, Files

STATED = ("--wavelength", "1", "--distance", "100", "--pixel-size", "0.1")
IMAGE = ("geometry", "predict", "X", *STATED, "--json")
BESIDE = ("geometry", "predict", "good.npy", *STATED, "--json")
MAP = ("patterson", "predict", "X", "--voxel", "0.5", "--time-limit", "0.3", "--json")
SEARCH = ("--time-limit", "0.3", "--processes", "1", "--seed", "0", "--out", "solved", "--json")
CRYSTAL = ("--cell", "5.64,5.64,5.64,90,90,90", "--spacegroup", "F m -3 m", "--formula", "NaCl")
SOLVE = ("patterson", "solve", "X", *CRYSTAL, *SEARCH)
BARE = ("patterson", "solve", "X", *SEARCH)
ENCODE = ("crystals", "encode", "X", "--out", "latents.parquet", "--processes", "1", "--json")
PATTERN = ("molmnist", "predict", "X", "--network", "ten", "--json")
MOLECULES = ("molmnist", "simulate", "--structures", "X", "--count", "2", "--size", "16")
MOLECULES = (*MOLECULES, "--processes", "1", "--out", "own.h5")


@dataclass(frozen=True)
class Row:
    """A kind of file: its system, a good one's name and content, the command with X for its name.

    `text` says which damages it gets, `beside` which good files stand with it.
    """

    name: str
    kind: str
    system: str
    file: str
    content: bytes
    argv: tuple[str, ...]
    text: bool = False
    beside: Files | None = None
    call: str = ""


def cases() -> Iterator[Case]:
    """Each row under each of its damages."""
    for row in rows():
        argv = tuple(row.file if word == "X" else word for word in row.argv)
        for name, (harm, must) in (damage.TEXT if row.text else damage.BINARY).items():
            files = partial(_files, row, harm)
            yield Case(f"{row.name}-{name}", row.kind, row.system, argv, files, must, row.call)


def _files(row: Row, harm: damage.Damage, rng: np.random.Generator) -> dict[str, Content]:
    return {**(row.beside or {}), row.file: harm(rng, row.content)}


def rows() -> Iterator[Row]:
    """All kinds of files."""
    yield from _of_geometry()
    yield from _of_patterson()
    yield from _of_crystals()
    yield from _of_molmnist()


def _of_geometry() -> Iterator[Row]:
    beside = {"good.npy": good.images()["npy"]}
    for ending, content in good.images().items():
        yield Row(f"image-{ending}", "image", "geometry", f"bad.{ending}", content, IMAGE)
    hdf5 = damage.made_by(good.master, ".h5")
    yield Row("image-h5", "hdf5", "geometry", "bad_master.h5", hdf5, ("geometry", "predict", "X", "--json"))
    mask = good.array(np.zeros(good.SHAPE, np.uint8))
    yield Row("mask-npy", "image", "geometry", "mask.npy", mask, (*BESIDE, "--mask", "X"), beside=beside)
    for name, content in (("geom", good.GEOM), ("expt", good.expt_bytes())):
        argv = (*BESIDE, "--geometry", "X")
        yield Row(f"panels-{name}", "geometry file", "geometry", f"bad.{name}", content, argv, True, beside)
    argv = ("geometry", "predict", "X", "--json")
    yield Row("list-expt", "geometry file", "geometry", "bad.expt", good.expt_bytes(), argv, True, beside)
    yield Row("list-txt", "list", "geometry", "bad.lst", b"good.npy\n" * 3, IMAGE, True, beside)
    for name, content in (("poni", good.PONI), ("xds", good.XDS)):
        call = f"argand.io.{name}:read_{name}"
        file = "XDS.INP" if name == "xds" else "bad.poni"
        yield Row(f"read-{name}", "geometry file", "geometry", file, content, ("X",), True, call=call)


def _of_patterson() -> Iterator[Row]:
    yield Row("map-npy", "map", "patterson", "bad.npy", good.array(good.cube()), MAP)
    ccp4 = damage.made_by(lambda path: good.ccp4_map(path, good.cube()), ".map")
    yield Row("map-ccp4", "map", "patterson", "bad.map", ccp4, MAP)
    measured = good.DATA / "measured"
    hkl = good.text(measured / "nacl.hkl.gz")
    yield Row("hkl", "reflections", "patterson", "bad.hkl", hkl, SOLVE, True)
    yield Row(
        "hkl-gz", "reflections", "patterson", "bad.hkl.gz", (measured / "nacl.hkl.gz").read_bytes(), SOLVE
    )
    ins = b"TITL NaCl\nCELL 0.71073 5.64 5.64 5.64 90 90 90\nZERR 4 .001 .001 .001 0 0 0\nLATT 4\n"
    ins += b"SYMM -X, -Y, Z\nSYMM -X, Y, -Z\nSYMM Z, X, Y\nSFAC NA CL\nUNIT 4 4\nHKLF 4\nEND\n"
    yield Row("ins", "instructions", "patterson", "bad.ins", ins, BARE, True, {"bad.hkl": hkl})
    yield Row("cif-data", "reflections", "patterson", "bad.cif", reflection_cif(hkl), BARE, True)
    yield Row("xds-ascii", "reflections", "patterson", "XDS_ASCII.HKL", xds_ascii(hkl), SOLVE, True)
    yield Row("jana", "reflections", "patterson", "bad.m90", hkl, SOLVE, True)
    yield Row("mtz", "reflections", "patterson", "bad.mtz", damage.made_by(partial(mtz, hkl), ".mtz"), BARE)
    argv = (*SOLVE, "--molecule", "X")
    beside = {"good.hkl": hkl}
    argv = tuple("good.hkl" if word == "X" and place == 2 else word for place, word in enumerate(argv))
    yield Row("molecule-xyz", "molecule", "patterson", "bad.xyz", MOLECULE, argv, True, beside)
    yield Row("molecule-mol", "molecule", "patterson", "bad.mol", MOL, argv, True, beside)


def _of_crystals() -> Iterator[Row]:
    for name, content in (("cif", good.cif()), ("vasp", good.POSCAR), ("xyz", good.XYZ)):
        yield Row(f"structure-{name}", "structure", "crystals", f"bad.{name}", content, ENCODE, True)
    parquet = damage.made_by(good.parquet, ".parquet")
    yield Row("structure-parquet", "structure", "crystals", "bad.parquet", parquet, ENCODE)


def _of_molmnist() -> Iterator[Row]:
    yield Row("pattern-npy", "pattern", "molmnist", "bad.npy", good.array(good.pattern()), PATTERN)
    for name, write in (("cxi", good.cxi), ("h5", good.patterns)):
        blob = damage.made_by(write, f".{name}")
        yield Row(f"pattern-{name}", "hdf5", "molmnist", f"bad.{name}", blob, PATTERN)
    pdb = good.text(good.EXAMPLES / "molecules" / "1zff.pdb.gz")
    yield Row("molecule-pdb", "molecule", "molmnist", "bad.pdb", pdb, MOLECULES, True)
    packed = (good.EXAMPLES / "molecules" / "1zff.pdb.gz").read_bytes()
    yield Row("molecule-gz", "molecule", "molmnist", "bad.pdb.gz", packed, MOLECULES)
    cif = (good.ROOT / "src/argand/systems/molmnist/data/COD_4114994_cellulose_Ibeta.cif").read_bytes()
    yield Row("molecule-cif", "molecule", "molmnist", "bad.cif", cif, MOLECULES, True)


MOLECULE = b"3\nwater\nO 0 0 0\nH 0.96 0 0\nH -0.24 0.93 0\n"
MOL = b"""\
water
  by hand

  3  2  0  0  0  0  0  0  0  0999 V2000
    0.0000    0.0000    0.0000 O   0  0
    0.9600    0.0000    0.0000 H   0  0
   -0.2400    0.9300    0.0000 H   0  0
  1  2  1  0
  1  3  1  0
M  END
"""


def reflection_cif(hkl: bytes) -> bytes:
    """Reflections and crystal as a CIF."""
    head = "data_nacl\n" + "".join(f"_cell_length_{axis} 5.64\n" for axis in "abc")
    head += "".join(f"_cell_angle_{angle} 90\n" for angle in ("alpha", "beta", "gamma"))
    head += "_space_group_name_H-M_alt 'F m -3 m'\n_chemical_formula_sum 'Na Cl'\n"
    head += "_diffrn_radiation_wavelength 0.71\nloop_\n"
    names = ("index_h", "index_k", "index_l", "F_squared_meas", "F_squared_sigma")
    head += "".join(f"_refln_{name}\n" for name in names)
    return (head + "".join(" ".join(row) + "\n" for row in columns(hkl))).encode()


def xds_ascii(hkl: bytes) -> bytes:
    """Reflections as XDS writes them."""
    head = "!FORMAT=XDS_ASCII    MERGE=FALSE    FRIEDEL'S_LAW=TRUE\n!SPACE_GROUP_NUMBER=  225\n"
    head += "!UNIT_CELL_CONSTANTS=     5.640     5.640     5.640  90.000  90.000  90.000\n"
    head += "!X-RAY_WAVELENGTH=  0.71073\n!NUMBER_OF_ITEMS_IN_EACH_DATA_RECORD=12\n"
    items = ("H", "K", "L", "IOBS", "SIGMA(IOBS)", "XD", "YD", "ZD", "RLP", "PEAK", "CORR", "PSI")
    head += "".join(f"!ITEM_{item}={number}\n" for number, item in enumerate(items, 1)) + "!END_OF_HEADER\n"
    rows_ = "".join(" ".join((*row, "90 100 1 0.1 100 50 0")) + "\n" for row in columns(hkl))
    return (head + rows_ + "!END_OF_DATA\n").encode()


def mtz(hkl: bytes, path) -> None:
    """Reflections as an MTZ file."""
    import gemmi

    found = gemmi.Mtz(with_base=True)
    found.spacegroup = gemmi.SpaceGroup("F m -3 m")
    found.set_cell_for_all(gemmi.UnitCell(5.64, 5.64, 5.64, 90, 90, 90))
    found.add_dataset("data").wavelength = 0.71073
    found.add_column("I", "J")
    found.add_column("SIGI", "Q")
    found.set_data(np.array([[float(x) for x in row] for row in columns(hkl)], np.float32))
    found.write_to_file(str(path))


def columns(hkl: bytes) -> list[tuple[str, ...]]:
    """h k l, F² and sigma of SHELX's lines of fixed width."""
    places = ((0, 4), (4, 8), (8, 12), (12, 20), (20, 28))
    lines = [line for line in hkl.decode().splitlines() if len(line) >= 28 and line[:12].split() != ["0"] * 3]
    return [tuple(line[first:end].strip() for first, end in places) for line in lines]
