"""What argand's own verbs have written from good inputs: made once, copied by the cases that damage it."""

import shutil
from collections.abc import Callable
from pathlib import Path

from malformed import good
from malformed.case import Case, Content
from malformed.server import run_case

CRYSTAL = ("--cell", "5.64,5.64,5.64,90,90,90", "--spacegroup", "F m -3 m", "--formula", "NaCl")
SEARCH = ("--time-limit", "0.3", "--processes", "1", "--seed", "0")
STATED = ("--wavelength", "1", "--distance", "100", "--pixel-size", "0.1")
TRAIN = (
    "--max-time",
    "00:00:04",
    "--val-count",
    "4",
    "--val-every",
    "4",
    "--batch-size",
    "4",
    "--processes",
    "0",
)
_IMAGES: dict[str, Callable[[], Content]] = {
    "good.npy": lambda: good.images()["npy"],
    "other.npy": lambda: good.array(good.still()[::-1]),
}
MADE: dict[str, tuple[dict[str, Callable[[], Content]], tuple[str, ...]]] = {
    "geometry-run": (_IMAGES, ("geometry", "predict", "good.npy", "other.npy", *STATED, "--out", "run")),
    "geometry-watch": (
        _IMAGES,
        ("geometry", "watch", ".", *STATED, "--out", "run.jsonl", "--once", "--interval", "0.1"),
    ),
    "geometry-set": (
        {},
        ("geometry", "simulate", "tiny", "--out", "set.h5", "--count", "3", "--processes", "1"),
    ),
    "geometry-training": ({}, ("geometry", "train", "tiny", "--out", "run", *TRAIN)),
    "patterson-run": (
        {"good.npy": lambda: good.array(good.cube())},
        ("patterson", "predict", "good.npy", "--time-limit", "0.3", "--out", "run"),
    ),
    "patterson-solution": (
        {"good.hkl": lambda: good.text(good.DATA / "measured" / "nacl.hkl.gz")},
        ("patterson", "solve", "good.hkl", *CRYSTAL, *SEARCH, "--out", "run"),
    ),
    "patterson-set": (
        {},
        ("patterson", "simulate", "tiny", "--out", "set.h5", "--count", "3", "--processes", "1"),
    ),
    "patterson-training": ({}, ("patterson", "train", "tiny", "--out", "run", *TRAIN)),
    "crystals-run": (
        {"good.cif": good.cif},
        ("crystals", "reconstruct", "good.cif", "--restarts", "0", "--processes", "1", "--out", "run"),
    ),
    "latents": (
        {"good.cif": good.cif},
        ("crystals", "encode", "good.cif", "--processes", "1", "--out", "latents.parquet"),
    ),
    "molmnist-run": (
        {"good.npy": lambda: good.array(good.pattern())},
        ("molmnist", "predict", "good.npy", "--network", "ten", "--out", "run"),
    ),
    "molmnist-set": (
        {},
        ("molmnist", "simulate", "tiny", "--out", "set.h5", "--count", "4", "--processes", "1"),
    ),
    "molmnist-training": ({}, ("molmnist", "train", "tiny", "--out", "run", *TRAIN)),
}
"""Of each: the good inputs, and the command that makes it of them."""


class Stock:
    """A folder of finished runs, sets and weights, of which the named ones are made."""

    def __init__(self, folder: Path, names: set[str]) -> None:
        self.folder = folder
        for name in sorted(names):
            files, argv = MADE[name]
            where = folder / name
            where.mkdir(parents=True)
            made = {file: content() for file, content in files.items()}
            case = Case(name, "stock", argv[0], argv, lambda rng, made=made: made, hang_s=120.0)
            case.write(where, 0)
            outcome = run_case(case, where)
            if outcome.code:
                raise RuntimeError(
                    f"{name}: {' '.join(argv)} ends with {outcome.code}: {outcome.stderr[-2000:]}"
                )

    def copy(self, names: tuple[str, ...], folder: Path) -> None:
        """Copy some of them into the folder of a case."""
        for name in names:
            shutil.copytree(self.folder / name, folder, dirs_exist_ok=True)
