"""Options whose values cannot be meant."""

from collections.abc import Iterator

import numpy as np

from malformed import good
from malformed.case import NO, Case, Content
from malformed.stock import STATED

NUMBERS = ("nan", "inf", "-inf", "-1", "1e300", "x", "")
GEOMETRY = ("geometry", "predict", "good.npy", *STATED, "--json")
PATTERNS = ("molmnist", "predict", "pattern.npy", "--network", "ten", "--json")
MAPS = ("patterson", "predict", "cube.npy", "--time-limit", "0.3", "--json")
ENCODE = ("crystals", "encode", "good.cif", "--processes", "1", "--out", "l.parquet", "--json")
RECONSTRUCT = (
    "crystals",
    "reconstruct",
    "good.cif",
    "--processes",
    "1",
    "--restarts",
    "0",
    "--out",
    "out",
    "--json",
)
TABLE: tuple[tuple[tuple[str, ...], str, tuple[str, ...]], ...] = (
    *(
        (GEOMETRY, option, (*NUMBERS, "0", "1e9"))
        for option in ("--wavelength", "--distance", "--pixel-size")
    ),
    (GEOMETRY, "--two-theta", ("nan", "inf", "1e9", "120.1")),
    (GEOMETRY, "--max-tilt", ("nan", "0", "-1", "inf")),
    (GEOMETRY, "--calibrant", ("Xx", "", "LaB6" * 2000)),
    (GEOMETRY, "--formats", ("x", "poni,x", "poni;xds")),
    (GEOMETRY, "--fail-on", ("nan", "-1", "x")),
    (GEOMETRY, "--hit-spots", ("0", "-1", "9" * 30)),
    (GEOMETRY, "--processes", ("0", "-1", "x")),
    (GEOMETRY, "--mask", ("gone.npy", ".", "/dev/zero", "")),
    (GEOMETRY, "--geometry", ("gone.geom", ".", "/dev/zero")),
    (GEOMETRY, "--weights", ("gone", ".", "/dev/zero", "good.npy")),
    (PATTERNS, "--window", (*NUMBERS, "1e9")),
    (PATTERNS, "--length", ("nan", "inf", "1", "1e300")),
    (PATTERNS, "--polish", ("-1", "x", "9" * 30)),
    (PATTERNS, "--mask", ("gone.npy", ".", "/dev/zero")),
    (MAPS, "--atoms", ("0", "1", "-5", "9" * 30, "1000000000")),
    (MAPS, "--voxel", NUMBERS),
    (MAPS, "--formula", ("Xx", "C-1", "C1e9", "(", "C999999999")),
    (MAPS, "--time-limit", ("nan", "-1", "x")),
    (ENCODE, "--numbers", ("0", "-1", "1000000000", "x")),
    (ENCODE, "--model", ("x", "", "best\n")),
    (ENCODE, "--weights", ("gone", "good.cif")),
    (RECONSTRUCT, "--symmetrise", ("nan", "inf", "-1", "1e9")),
    (RECONSTRUCT, "--restarts", ("-1", "x")),
    (
        ("crystals", "alter", "good.cif", "--out", "out", "--json"),
        "--strain",
        ("nan", "inf", "-1", "-2", "1e9"),
    ),
    (("crystals", "alter", "good.cif", "--out", "out", "--json"), "--noise", ("nan", "inf", "-1", "1e300")),
    (
        ("crystals", "alter", "good.cif", "--out", "out", "--json"),
        "--substitute",
        ("Zn", "Zn=", "=K", "Zn=Xx", "K=Na", ""),
    ),
    (("crystals", "alter", "good.cif", "--out", "out", "--json"), "--seed", ("-1", "x")),
    (
        ("crystals", "interpolate", "good.cif", "good.cif", "--out", "out", "--json"),
        "--steps",
        ("0", "1", "-3", "9" * 30),
    ),
    (("crystals", "nearest", "good.cif", "--json"), "--most", ("0", "-1")),
    (
        ("geometry", "simulate", "tiny", "--out", "s.h5", "--count", "2", "--processes", "1"),
        "--seed",
        ("-1", "x", "9" * 40),
    ),
    (("geometry", "simulate", "tiny", "--out", "s.h5", "--processes", "1"), "--count", ("0", "-1", "x")),
    (
        ("patterson", "simulate", "tiny", "--out", "s.h5", "--count", "2", "--processes", "1"),
        "--seed",
        ("-1", "9" * 40),
    ),
    (
        ("molmnist", "simulate", "tiny", "--out", "s.h5", "--count", "2", "--processes", "1"),
        "--seed",
        ("-1", "9" * 40),
    ),
    (
        ("molmnist", "simulate", "tiny", "--out", "s.h5", "--count", "2", "--processes", "1"),
        "--window",
        ("nan", "inf", "1e9"),
    ),
    (
        ("molmnist", "simulate", "tiny", "--out", "s.h5", "--count", "2", "--processes", "1"),
        "--photons",
        ("nan", "-1", "inf", "0"),
    ),
    (
        ("molmnist", "simulate", "tiny", "--out", "s.h5", "--count", "2", "--processes", "1"),
        "--size",
        ("7", "100000", "x"),
    ),
    (
        ("molmnist", "simulate", "tiny", "--out", "s.h5", "--count", "2", "--processes", "1"),
        "--wavelength",
        ("nan", "0", "-1", "inf", "1e9"),
    ),
    (("molmnist", "build", "2x2", "--out", "out"), "--length", ("nan", "-1", "0", "1e12", "inf")),
    (("molmnist", "build", "2x2", "--out", "out", "--length", "40"), "--twist", ("nan", "inf", "1e300")),
    (
        ("molmnist", "build", "--out", "out", "--length", "40"),
        "",
        ("0x0", "99x99", "-1x2", "hexagonal-1", "x", "hexagonal-99999999999"),
    ),
    (
        ("geometry", "watch", "images", *STATED, "--once", "--out", "w.jsonl"),
        "--interval",
        ("nan", "-1", "x"),
    ),
    (
        ("geometry", "watch", "images", *STATED, "--interval", "0.1", "--out", "w.jsonl"),
        "--timeout",
        ("nan", "-1", "0", "x", "1:2:3:4", ""),
    ),
    (
        ("geometry", "watch", "images", *STATED, "--once", "--interval", "0.1", "--out", "w.jsonl"),
        "--pattern",
        ("[", "../*", "/etc/*"),
    ),
    *(
        (
            (system, "train", "tiny", "--out", "run", "--val-count", "2", "--processes", "0"),
            "--max-time",
            ("x", "-1", "1:2:3:4", "nan", "00:00:-5", ""),
        )
        for system in ("geometry", "patterson", "molmnist")
    ),
    *(
        (
            (
                system,
                "train",
                "tiny",
                "--out",
                "run",
                "--max-time",
                "00:00:01",
                "--val-count",
                "2",
                "--processes",
                "0",
            ),
            option,
            values,
        )
        for system in ("geometry", "patterson", "molmnist")
        for option, values in (
            ("--seed", ("-1", "9" * 40)),
            ("--learning-rate", ("nan", "inf", "-1")),
            ("--devices", ("x", "-1", "0")),
        )
    ),
)
"""A command, one of its options, and values of it that must be refused."""
EITHER_VALUES = {
    "--pattern",
    "--devices",
    "--window",
    "--photons",
    "--fail-on",
    "--two-theta",
    "--learning-rate",
    "--noise",
    "--strain",
}
"""Options of which some of these values may be meant."""


def cases() -> Iterator[Case]:
    """All of them."""
    for number, (argv, option, values) in enumerate(TABLE):
        for which, value in enumerate(values):
            asked = (*argv, option, value) if option else (*argv, value)
            must = (
                "answered or refused" if option in EITHER_VALUES and value not in ("nan", "inf", "-1") else NO
            )
            name = f"option-{argv[0]}-{number}{option or '-name'}-{which}"
            yield Case(name, "option", argv[0], asked, _files, must)


def _files(rng: np.random.Generator) -> dict[str, Content]:
    found: dict[str, Content] = {"good.npy": good.images()["npy"], "images/good.npy": good.images()["npy"]}
    return found | {
        "cube.npy": good.array(good.cube()),
        "pattern.npy": good.array(good.pattern()),
        "good.cif": good.cif(),
    }
