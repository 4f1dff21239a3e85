"""Places where nothing can be written: full disks, read-only folders, files in the way."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from killed.whole import halves

from malformed import good
from malformed.case import EITHER, HANG_S, NO, Case, Content, Limits, Outcome
from malformed.stock import STATED
from malformed.verdict import leftovers

VERBS: dict[str, tuple[str, ...]] = {
    "geometry-predict": ("geometry", "predict", "good.npy", *STATED, "--out", "OUT"),
    "geometry-watch": (
        "geometry",
        "watch",
        "images",
        *STATED,
        "--once",
        "--interval",
        "0.1",
        "--out",
        "OUT.jsonl",
    ),
    "geometry-simulate": (
        "geometry",
        "simulate",
        "tiny",
        "--count",
        "3",
        "--processes",
        "1",
        "--out",
        "OUT.h5",
    ),
    "geometry-train": (
        "geometry",
        "train",
        "tiny",
        "--max-time",
        "00:00:02",
        "--val-count",
        "4",
        "--batch-size",
        "4",
        "--processes",
        "0",
        "--out",
        "OUT",
    ),
    "geometry-hard": ("geometry", "hard", "good.npy", *STATED, "--out", "OUT"),
    "patterson-predict": ("patterson", "predict", "cube.npy", "--time-limit", "0.3", "--out", "OUT"),
    "patterson-solve": (
        "patterson",
        "solve",
        "good.hkl",
        "--cell",
        "5.64,5.64,5.64,90,90,90",
        "--spacegroup",
        "F m -3 m",
        "--formula",
        "NaCl",
        "--time-limit",
        "0.3",
        "--processes",
        "1",
        "--out",
        "OUT",
    ),
    "patterson-simulate": (
        "patterson",
        "simulate",
        "tiny",
        "--count",
        "3",
        "--processes",
        "1",
        "--out",
        "OUT.h5",
    ),
    "crystals-encode": ("crystals", "encode", "good.cif", "--processes", "1", "--out", "OUT.parquet"),
    "crystals-reconstruct": (
        "crystals",
        "reconstruct",
        "good.cif",
        "--restarts",
        "0",
        "--processes",
        "1",
        "--out",
        "OUT",
    ),
    "crystals-alter": ("crystals", "alter", "good.cif", "--out", "OUT"),
    "molmnist-predict": ("molmnist", "predict", "pattern.npy", "--network", "ten", "--out", "OUT"),
    "molmnist-simulate": (
        "molmnist",
        "simulate",
        "tiny",
        "--count",
        "3",
        "--processes",
        "1",
        "--out",
        "OUT.h5",
    ),
    "molmnist-build": ("molmnist", "build", "2x2", "--length", "40", "--out", "OUT"),
}
"""Verbs that write, with OUT for the name of what they write."""


def cases() -> Iterator[Case]:
    """All of them."""
    for verb, argv in VERBS.items():
        about = {
            "kind": "output",
            "system": argv[0],
            "files": _files,
            "hang_s": 60.0 if "train" in verb else HANG_S,
        }
        for name, out in PLACES.items():
            yield Case(f"out-{verb}-{name}", argv=_named(argv, out), must=NO, **about)
        is_folder = argv[-1] == "OUT"
        taken = tuple("taken" if word.startswith("OUT") else word for word in argv)
        yield Case(f"out-{verb}-taken", argv=taken, must=NO if is_folder else EITHER, **about)
        locked = _named(argv, "locked/out")
        yield Case(f"out-{verb}-read-only", argv=locked, must=NO, limits=Limits(as_user=True), **about)
        for size in (0, 1000, 10_000, 60_000):
            checks = (_all_or_told, leftovers) if size else (_all_or_told,)
            limits = Limits(file_bytes=size)
            yield Case(
                f"out-{verb}-full-{size}", argv=_named(argv, "out"), checks=checks, limits=limits, **about
            )
        other = tuple(("" if is_folder else "folder") if word.startswith("OUT") else word for word in argv)
        name = "empty" if is_folder else "folder"
        yield Case(f"out-{verb}-{name}", argv=other, must=EITHER if is_folder else NO, **about)


PLACES = {
    "below-file": "plain/out",
    "proc": "/proc/argand",
    "long": "x" * 300,
    "loop": "loop/out",
    "device": "/dev/full/out",
}
"""Names under which nothing can be written."""


def _named(argv: tuple[str, ...], out: str) -> tuple[str, ...]:
    return tuple(word.replace("OUT", out) if word.startswith("OUT") else word for word in argv)


def _files(rng: np.random.Generator) -> dict[str, Content]:
    def locked(path: Path) -> None:
        path.mkdir()
        path.chmod(0o555)

    found: dict[str, Content] = {"good.npy": good.images()["npy"], "images/good.npy": good.images()["npy"]}
    found |= {
        "cube.npy": good.array(good.cube()),
        "pattern.npy": good.array(good.pattern()),
        "good.cif": good.cif(),
    }
    found |= {"good.hkl": good.text(good.DATA / "measured" / "nacl.hkl.gz"), "plain": b"x\n", "taken": b"x\n"}
    return found | {"locked": locked, "folder/x": b"x", "loop": lambda path: path.symlink_to("loop")}


def _all_or_told(folder: Path, outcome: Outcome) -> str | None:
    """What was written is whole; with an exit code of 0 there is something."""
    outputs = [path for path in folder.iterdir() if path.name.startswith("out")]
    if not outcome.code and not outputs:
        return "exit code 0 though nothing is written"
    # Of a set whose files are too large, the file that shows all is not there.
    return next(halves(folder), None)
