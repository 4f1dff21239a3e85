"""Crystals, their latents and molecules that cannot be."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from malformed import damage, good
from malformed.case import EITHER, NO, Case, Content, Made, Must, one_of
from malformed.rows import ENCODE, MOLECULES

NUMBERS = ("nan", "inf", "-1", "0", "1e9", "1e300", "1e-9", "?", "9" * 400)
HEAD = """\
data_x
_cell_length_a {a}
_cell_length_b 5
_cell_length_c 5
_cell_angle_alpha {alpha}
_cell_angle_beta 90
_cell_angle_gamma 90
"""
SITES = "loop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"


def cases() -> Iterator[Case]:
    """All of them."""
    for ending, name, must, make in (*_poscars(), *_xyz(), *_cifs(), *_parquets()):
        file = f"bad.{ending}"
        argv = tuple(file if word == "X" else word for word in ENCODE)
        yield Case(f"structure-{name}", "structure", "crystals", argv, partial(_file, file, make), must)
    for verb, argv in _OTHER_VERBS.items():
        for name in ("structure-cell-huge", "structure-all-nan", "structure-one-place"):
            yield Case(
                f"{verb}-{name}", "structure", "crystals", argv, partial(_file, "bad.cif", _BY_NAME[name]), NO
            )
    for ending, name, must, make in _molecules():
        file = f"bad.{ending}"
        argv = tuple(file if word == "X" else word for word in MOLECULES)
        yield Case(f"molecule-{name}", "molecule", "molmnist", argv, partial(_file, file, make), must)


_OTHER_VERBS = {
    "reconstruct": (
        "crystals",
        "reconstruct",
        "bad.cif",
        "--out",
        "rebuilt",
        "--processes",
        "1",
        "--restarts",
        "1",
        "--json",
    ),
    "nearest": ("crystals", "nearest", "bad.cif", "--json"),
    "alter": ("crystals", "alter", "bad.cif", "--out", "altered", "--json"),
    "interpolate": (
        "crystals",
        "interpolate",
        "bad.cif",
        "bad.cif",
        "--out",
        "way",
        "--steps",
        "2",
        "--restarts",
        "0",
        "--json",
    ),
}


def _file(file: str, make: Made, rng: np.random.Generator) -> dict[str, Content]:
    return {file: make(rng)}


def _poscars() -> Iterator[tuple[str, str, Must, Made]]:
    def replaced(old: bytes, *new: bytes) -> Made:
        return lambda rng: good.POSCAR.replace(old, one_of(rng, new), 1)

    yield (
        "vasp",
        "poscar-many",
        NO,
        replaced(b"2 2\n", b"1000000000 1000000000\n", b"999999999999 1\n", b"2000000 2000000\n"),
    )
    yield "vasp", "poscar-minus", NO, replaced(b"2 2\n", b"-2 2\n", b"0 0\n", b"nan 2\n", b"2.5 2\n")
    yield "vasp", "poscar-counts", NO, replaced(b"2 2\n", b"2 " * 100_000 + b"\n")
    yield (
        "vasp",
        "poscar-scale",
        NO,
        replaced(b"\n1.0\n", b"\nnan\n", b"\n0\n", b"\ninf\n", b"\n1e300\n", b"\n1e-300\n"),
    )
    yield "vasp", "poscar-volume", EITHER, replaced(b"\n1.0\n", b"\n-1e9\n", b"\n-1e-9\n", b"\n-1e300\n")
    yield "vasp", "poscar-flat", NO, replaced(b"0.0 0.0 5.2", b"3.25 0.0 0.0", b"0 0 0", b"nan 0 5")
    yield "vasp", "poscar-huge", NO, replaced(b"0.0 0.0 5.2", b"0.0 0.0 1e9", b"0.0 0.0 1e300")
    yield "vasp", "poscar-element", NO, replaced(b"Zn O", b"Xx Yy", b"99 -1", b"Zn")
    yield (
        "vasp",
        "poscar-place",
        NO,
        replaced(b"0.333333 0.666667 0.0\n", b"nan nan nan\n", b"inf 0 0\n", b"1e300 0 0\n"),
    )
    yield (
        "vasp",
        "poscar-far",
        EITHER,
        replaced(b"0.333333 0.666667 0.0\n", b"1e15 0 0\n", b"-99999999999 0 0\n"),
    )
    yield "vasp", "poscar-same", NO, replaced(b"0.666667 0.333333 0.5", b"0.333333 0.666667 0.0")


def _xyz() -> Iterator[tuple[str, str, Must, Made]]:
    def replaced(old: bytes, *new: bytes) -> Made:
        return lambda rng: good.XYZ.replace(old, one_of(rng, new), 1)

    yield "xyz", "xyz-many", NO, replaced(b"4\n", b"1000000000\n", b"99999999999999999999\n", b"2000000\n")
    yield "xyz", "xyz-minus", NO, replaced(b"4\n", b"-4\n", b"0\n", b"nan\n", b"4.5\n")
    yield "xyz", "xyz-digits", NO, lambda rng: b"9" * 20_000 + b"\n" + good.XYZ[2:]
    yield (
        "xyz",
        "xyz-header",
        NO,
        lambda rng: (
            b"4\n"
            + one_of(rng, (b'a="', b"=", b'a="b" ', b"a={", b"' ", b'"')) * int(rng.integers(20_000, 90_000))
            + b"\n"
            + good.XYZ.split(b"\n", 2)[2]
        ),
    )
    yield (
        "xyz",
        "xyz-properties",
        NO,
        replaced(
            b"species:S:1:pos:R:3",
            b"species:S:1:pos:R:1000000000",
            b"pos:R:3:" * 9000,
            b"pos:R:-3",
            b"species:S:1",
            b":::",
        ),
    )
    yield (
        "xyz",
        "xyz-lattice",
        NO,
        replaced(b"0.0 0.0 5.2", b"nan 0 5", b"0 0 0", b"3.25 0 0", b"0 0 1e9", b"0 0"),
    )
    yield "xyz", "xyz-frames", EITHER, lambda rng: good.XYZ * 300
    yield "xyz", "xyz-counts", NO, lambda rng: b"1\n" * 50_000
    yield "extxyz", "xyz-place", NO, replaced(b"0.0 1.8764 0.0", b"nan 0 0", b"1e300 0 0", b"inf 0 0")


def cif_of(
    a: object = 5, alpha: object = 90, sites: str = "Na1 0 0 0\nCl1 0.5 0.5 0.5\n", more: str = ""
) -> bytes:
    return (HEAD.format(a=a, alpha=alpha) + more + SITES + sites).encode()


def _cifs() -> Iterator[tuple[str, str, Must, Made]]:
    for number, value in enumerate(NUMBERS):
        yield "cif", f"cell-{number}", NO, lambda rng, value=value: cif_of(a=value)
        yield "cif", f"angle-{number}", NO, lambda rng, value=value: cif_of(alpha=value)
        yield (
            "cif",
            f"place-{number}",
            EITHER,
            lambda rng, value=value: cif_of(sites=f"Na1 {value} 0 0\nCl1 .5 .5 .5\n"),
        )
    for name, make in _BY_NAME.items():
        yield "cif", name.removeprefix("structure-"), NO, make
    for number, symmetry in enumerate(
        ("'1/0,y,z'", "'x,x,x'", "'x,y'", "'" + "x+" * 3000 + "'", "''", "'x**9,y,z'", "'__import__,y,z'")
    ):
        yield (
            "cif",
            f"symmetry-{number}",
            NO,
            lambda rng, symmetry=symmetry: cif_of(
                more=f"loop_\n_space_group_symop_operation_xyz\n'x,y,z'\n{symmetry}\n"
            ),
        )
    yield (
        "cif",
        "symmetry-many",
        NO,
        lambda rng: cif_of(
            more="loop_\n_space_group_symop_operation_xyz\n"
            + "".join(f"'x+{n}/9973,y,z'\n" for n in range(6000))
        ),
    )
    yield "cif", "group", NO, lambda rng: cif_of(more="_space_group_name_H-M_alt 'X 99'\n")
    yield (
        "cif",
        "sites-many",
        NO,
        lambda rng: cif_of(sites="".join(f"Na{n} {n / 99991:.5f} 0 0\n" for n in range(99_990))),
    )
    yield "cif", "sites-none", NO, lambda rng: cif_of(sites="")
    yield "cif", "elements", NO, lambda rng: cif_of(sites="Xx1 0 0 0\n?? .5 .5 .5\n")
    yield "cif", "ragged", NO, lambda rng: cif_of(sites="Na1 0 0\n")
    yield "cif", "open", NO, lambda rng: cif_of(more="_a\n;\n" + "text\n" * 9000)
    yield "cif", "blocks", EITHER, lambda rng: b"".join(b"data_%d\n_a 1\n" % n for n in range(20_000))
    yield "cif", "loops", NO, lambda rng: b"data_a\n" + b"loop_\n" * 50_000
    yield (
        "cif.gz",
        "bomb",
        NO,
        lambda rng: damage.gzip_bomb(good.cif(), one_of(rng, (b"#\n", b"  ", b"\n\n", b"_a 1\n   ")), 60),
    )
    yield "vasp.gz", "bomb-poscar", NO, lambda rng: damage.gzip_bomb(good.POSCAR, b"0.1 0.2 0.3\n    ", 60)
    yield "xyz.gz", "bomb-xyz", NO, lambda rng: damage.gzip_bomb(good.XYZ, b"\n\n", 60)


_BY_NAME: dict[str, Made] = {
    "structure-cell-huge": lambda rng: cif_of(a=10.0 ** int(rng.integers(5, 12))),
    "structure-all-nan": lambda rng: cif_of(sites="Na1 nan nan nan\nCl1 nan nan nan\n"),
    "structure-one-place": lambda rng: cif_of(sites="Na1 0 0 0\nCl1 0 0 0\nNa2 0 0 0\n"),
}


def _parquets() -> Iterator[tuple[str, str, Must, Made]]:
    def with_columns(**columns: list) -> Made:
        return lambda rng: lambda path: good.parquet(path, **columns)

    yield "parquet", "rows-nan", NO, with_columns(lattice=[[np.nan] * 9] * 2)
    yield "parquet", "rows-huge", NO, with_columns(lattice=[[1e9, 0, 0, 0, 1e9, 0, 0, 0, 1e9]] * 2)
    yield "parquet", "rows-short", NO, with_columns(lattice=[[1.0]] * 2)
    yield "parquet", "rows-null", NO, with_columns(lattice=[None, None])
    yield "parquet", "rows-text", NO, with_columns(species=[["Zn", "O"]] * 2)
    yield "parquet", "rows-numbers", NO, with_columns(species=[[999, -1, 0, 10**9]] * 2)
    yield "parquet", "rows-uneven", NO, with_columns(frac_coords=[[0.1, 0.2]] * 2)
    yield "parquet", "rows-inf", NO, with_columns(frac_coords=[[np.inf] * 12] * 2)
    yield "parquet", "rows-same", NO, with_columns(frac_coords=[[0.0] * 12] * 2)
    yield (
        "parquet",
        "rows-many",
        NO,
        with_columns(species=[[8] * 100_000] * 2, frac_coords=[[0.5] * 300_000] * 2),
    )
    yield "parquet", "rows-names", EITHER, with_columns(name=["../../../etc/x", "a\nb</script>"])


def _molecules() -> Iterator[tuple[str, str, Must, Made]]:
    atom = b"ATOM      1  CA  ALA A   1    %s%s%s  1.00  0.00           C\nEND\n"
    for number, value in enumerate(
        (b"     nan", b"     inf", b"99999999", b"        ", b"-9999999", b"  1.5e30")
    ):
        yield (
            "pdb",
            f"pdb-place-{number}",
            NO,
            lambda rng, value=value: atom % (value, b"   0.000", b"   0.000"),
        )
    yield (
        "pdb",
        "pdb-far",
        NO,
        lambda rng: (
            atom % (b"   0.000",) * 3 if False else atom % (b"   0.000", b"   0.000", b"   0.000")
        ).replace(
            b"END", b"ATOM      2  CA  ALA A   2    99999.00999990.00   0.000  1.00  0.00           C\nEND"
        ),
    )
    yield (
        "pdb",
        "pdb-element",
        NO,
        lambda rng: (
            (atom % (b"   0.000", b"   1.000", b"   0.000"))
            .replace(b"           C\n", b"          Xx\n")
            .replace(b" CA ", b" QQ ")
        ),
    )
    yield (
        "pdb",
        "pdb-models",
        EITHER,
        lambda rng: b"".join(
            b"MODEL %5d\n" % n + atom[:-4] % (b"   0.000", b"   1.000", b"   0.000") + b"ENDMDL\n"
            for n in range(20_000)
        ),
    )
    yield "pdb", "pdb-one", EITHER, lambda rng: atom % (b"   0.000", b"   0.000", b"   0.000")
    yield (
        "pdb.gz",
        "bomb",
        NO,
        lambda rng: damage.gzip_bomb(
            good.text(good.EXAMPLES / "molecules" / "1zff.pdb.gz"), b"REMARK 1\n" + b" " * 6 + b"\n", 60
        ),
    )
    yield (
        "cif",
        "mmcif-loop",
        NO,
        lambda rng: b"data_x\nloop_\n_atom_site.id\n_atom_site.Cartn_x\n" + b"1 nan\n" * 50_000,
    )
