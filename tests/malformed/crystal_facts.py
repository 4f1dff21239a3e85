"""What goes with reflections: instructions, CIFs and options with cells and symmetry that cannot be."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from malformed import rows
from malformed.case import EITHER, NO, Case, Content, Made, Must, one_of
from malformed.reflections import hkl, one_file
from malformed.rows import BARE, SEARCH


def cases() -> Iterator[Case]:
    """All of them."""
    for name, must, old, new in _cards():
        argv = tuple("bad.ins" if word == "X" else word for word in BARE)
        yield Case(f"ins-{name}", "instructions", "patterson", argv, partial(_instructions, old, new), must)
    for name, must, make in _cifs():
        argv = tuple("bad.cif" if word == "X" else word for word in BARE)
        yield Case(f"cif-{name}", "reflections", "patterson", argv, partial(one_file, "bad.cif", make), must)
    for number, (option, value) in enumerate(_OPTIONS):
        asked = {"--cell": "5.64,5.64,5.64,90,90,90", "--spacegroup": "F m -3 m", "--formula": "NaCl"} | {
            option: value
        }
        words = tuple(word for pair in asked.items() for word in pair)
        # The last of two options counts.
        argv = ("patterson", "solve", "good.hkl", *SEARCH, *words)
        must = NO if value else EITHER
        yield Case(
            f"solve-option-{number}-{option[2:]}",
            "option",
            "patterson",
            argv,
            lambda rng: {"good.hkl": hkl()},
            must,
        )


INS = """\
TITL NaCl
CELL 0.71073 5.64 5.64 5.64 90 90 90
ZERR 4 .001 .001 .001 0 0 0
LATT 4
SYMM -X, -Y, Z
SFAC NA CL
UNIT 4 4
HKLF 4
END
"""


_OPTIONS = (
    *(
        ("--cell", value)
        for value in ("2000,2000,2000,90,90,90", "0,5,5,90,90,90", "nan,5,5,90,90,90", "inf,5,5,90,90,90")
    ),
    *(
        ("--cell", value)
        for value in (
            "-5,5,5,90,90,90",
            "5.64,5.64,5.64,180,90,90",
            "5,5,5,60,60,170",
            "5.64,5.64,5.64,0,90,90",
        )
    ),
    *(
        ("--cell", value)
        for value in (
            "1e300,5,5,90,90,90",
            "5,5,5",
            "a,b,c,d,e,f",
            "",
            "5.64,5.64,5.64,90,90,90,1",
            "0.01,0.01,0.01,90,90,90",
        )
    ),
    *(("--spacegroup", value) for value in ("X 99", "", "P 1 " * 5000, "-1", "0", "231")),
    *(
        ("--formula", value)
        for value in ("Xx", "", "C-5", "C1e9", "C999999999999", "((((", "Nan3", "C0", "C" * 3000)
    ),
    *(("--elements", value) for value in ("Xx", ",", "C,C,", "1")),
    *(("--seed", value) for value in ("-1", "9" * 40, "nan")),
    *(("--units", value) for value in ("nan", "inf", "1e12")),
    *(("--d-min", value) for value in ("nan", "inf", "1e9")),
    *(("--time-limit", value) for value in ("nan", "-1", "0")),
    *(("--laue", value) for value in ("x", "", "2/m" * 999)),
    *(("--molecule", value) for value in ("C" * 20_000, "((((", "", "gone.mol", "[Xx]")),
)
"""Options and values of `solve` that cannot be meant."""


def _cards() -> Iterator[tuple[str, Must, str, str]]:
    yield "cell-zero", NO, "CELL 0.71073 5.64 5.64 5.64 90 90 90", "CELL 0.71073 0 0 0 90 90 90"
    for number, cell in enumerate(
        (
            "CELL 0",
            "CELL",
            "CELL 0 5.64 5.64 5.64 90 90 90",
            "CELL nan 5.64 nan 5.64 90 90 90",
            "CELL 0.7 1e9 1e9 1e9 90 90 90",
            "CELL 0.7 5 5 5 0 0 0",
            "CELL 0.7 5 5 5 180 90 90",
            "CELL 0.7 -5 5 5 90 90 90",
            "CELL 0.7 5 5 5 30 30 160",
        )
    ):
        yield f"cell-{number}", NO if number > 2 else EITHER, "CELL 0.71073 5.64 5.64 5.64 90 90 90", cell
    for number, latt in enumerate(
        ("LATT 99", "LATT 0", "LATT -99", "LATT x", "LATT 1e9", "LATT", "LATT 2.5", "LATT 8")
    ):
        yield f"latt-{number}", NO, "LATT 4", latt
    for number, symm in enumerate(
        (
            "SYMM",
            "SYMM 1/0, Y, Z",
            "SYMM X, X, X",
            "SYMM " + "X+" * 5000,
            "SYMM nan, inf, 0",
            "SYMM X, Y",
            "\n".join(f"SYMM X+{n}/97, Y, Z" for n in range(96)),
        )
    ):
        yield f"symm-{number}", NO, "SYMM -X, -Y, Z", symm
    for number, sfac in enumerate(("SFAC XX YY", "SFAC", "SFAC " + "C " * 5000, "SFAC 1 2")):
        yield f"sfac-{number}", EITHER, "SFAC NA CL", sfac
    for number, unit in enumerate(
        ("UNIT 0 0", "UNIT -4 -4", "UNIT nan 4", "UNIT 1e12 4", "UNIT", "UNIT 4 4 4 4 4")
    ):
        yield f"unit-{number}", EITHER, "UNIT 4 4", unit
    for number, card in enumerate(
        (
            "HKLF 99",
            "HKLF 0",
            "HKLF 4 0",
            "HKLF 4 1 0 0 0 0 0 0 0 0 0",
            "HKLF 4 nan",
            "HKLF 4 1 9 9 9 9 9 9 9 9 9",
            "HKLF -4",
            "HKLF 4 1e300",
            "HKLF 5 1",
        )
    ):
        yield f"hklf-{number}", EITHER, "HKLF 4", card


def _instructions(old: str, new: str, rng: np.random.Generator) -> dict[str, Content]:
    return {"bad.hkl": hkl(), "bad.ins": INS.replace(old, new).encode()}


def _cifs() -> Iterator[tuple[str, Must, Made]]:
    def replaced(old: bytes, new: bytes) -> Made:
        return lambda rng: rows.reflection_cif(hkl()).replace(old, new)

    for number, value in enumerate((b"0", b"nan", b"inf", b"-5", b"1e300", b"?", b"1000000000")):
        yield f"cell-{number}", NO, replaced(b"_cell_length_a 5.64", b"_cell_length_a " + value)
    for number, value in enumerate((b"0", b"180", b"nan", b"-90", b"1e9")):
        yield f"angle-{number}", NO, replaced(b"_cell_angle_alpha 90", b"_cell_angle_alpha " + value)
    yield "formula", EITHER, replaced(b"'Na Cl'", b"'Na1e9 Cl-5 Xx'")
    yield "wavelength", EITHER, replaced(b"wavelength 0.71", b"wavelength nan")
    yield (
        "shelx",
        EITHER,
        lambda rng: (
            rows.reflection_cif(hkl()).split(b"loop_")[0]
            + b"_shelx_hkl_file\n;\n"
            + b"   1   0   0  1.00    1.00\n" * 9
            + b"TITL\nCELL 0\nLATT 99\nHKLF 99\n"
        ),
    )
    yield "open-text", NO, lambda rng: b"data_a\n_b\n;\n" + b"text\n" * int(rng.integers(1000, 200_000))
    yield "blocks", NO, lambda rng: b"".join(b"data_%d\n_a 1\n" % number for number in range(30_000))
    yield "loops", NO, lambda rng: b"data_a\n" + b"loop_\n" * 50_000
    yield "same-names", EITHER, lambda rng: b"data_a\n" + b"_cell_length_a 5\n" * 5000
    yield "quotes", NO, lambda rng: b"data_a\n_b " + one_of(rng, (b"'", b'"', b";", b"\n;")) * 100_000
    yield (
        "symmetry",
        NO,
        lambda rng: rows.reflection_cif(hkl()).replace(
            b"loop_",
            b"loop_\n_space_group_symop_operation_xyz\n"
            + b"".join(b"'x+%d/9973,y,z'\n" % n for n in range(5000))
            + b"loop_",
            1,
        ),
    )
