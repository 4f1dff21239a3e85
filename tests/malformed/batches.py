"""One bad input among good ones: the good ones are answered, and the bad one is named."""

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from malformed import damage, good, hdf5, images, maps, structures
from malformed.case import Case, Content, Made, Outcome
from malformed.images import npy_of
from malformed.stock import STATED
from malformed.tiffs import plain_tags, tiff
from malformed.verdict import records

PIPE: Made = lambda rng: lambda path: os.mkfifo(path)  # noqa: E731
LOOP: Made = lambda rng: lambda path: path.symlink_to(path.name)  # noqa: E731
ANY: dict[str, Made] = {
    "empty": lambda rng: b"",
    "foreign": lambda rng: damage.foreign(rng, b""),
    "folder": lambda rng: lambda path: path.mkdir(),
    "pipe": PIPE,
    "loop": LOOP,
    "device": lambda rng: lambda path: path.symlink_to("/dev/zero"),
    "deep": lambda rng: images.npy_header("(" * 50_000),
}
"""Bad files whatever their ending."""
OWN: dict[str, dict[str, Made]] = {
    "geometry": {
        "huge.npy": lambda rng: npy_of((10**9, 10**9)),
        "large.npy": lambda rng: npy_of((70_000, 70_000)),
        "self.tif": lambda rng: tiff(plain_tags(), good.still().tobytes(), after=8),
        "bomb.npy.bz2": lambda rng: damage.bz2_bomb(good.images()["npy"], bytes(64)),
        "cut.cbf": lambda rng: good.images()["cbf"][: int(rng.integers(200, 3000))],
        "hashes.cbf": lambda rng: b"###CBF" + b"# " * 60_000,
        "virtual.h5": lambda rng: partial(_h5, "virtual-self"),
        "large.h5": lambda rng: partial(_h5, "large-image"),
        "deep.h5": lambda rng: partial(_h5, "deep"),
    },
    "patterson": {
        "huge.npy": lambda rng: npy_of((10**6,) * 3, "'<f4'"),
        "nan.npy": lambda rng: good.array(np.full((16, 16, 16), np.nan, np.float32)),
        "constant.npy": lambda rng: good.array(np.ones((16, 16, 16), np.float32)),
        "sampling.map": lambda rng: maps.with_words({7: 0, 8: 0, 9: 0}),
        "axes.map": lambda rng: maps.with_words({16: 1, 17: 1, 18: 1}),
        "columns.map": lambda rng: maps.with_words({0: 10**9}),
        "symmetry.map": lambda rng: maps.with_words({23: 2**31 - 1}),
        "bomb.map.gz": lambda rng: damage.gzip_bomb(b"", bytes(64)),
    },
    "crystals": {
        "many.vasp": lambda rng: good.POSCAR.replace(b"2 2\n", b"1000000000 1\n"),
        "many.xyz": lambda rng: b"1000000000\n" + good.XYZ[2:],
        "huge.cif": lambda rng: structures.cif_of(a=1e9),
        "nan.cif": lambda rng: structures.cif_of(a="nan"),
        "bomb.cif.gz": lambda rng: damage.gzip_bomb(good.cif(), b"#\n"),
        "header.xyz": lambda rng: b"4\n" + b'a="' * 60_000 + b"\n" + good.XYZ.split(b"\n", 2)[2],
    },
    "molmnist": {
        "huge.npy": lambda rng: npy_of((10**9, 10**9)),
        "nan.npy": lambda rng: good.array(np.full((64, 64), np.nan, np.float32)),
        "tiny.npy": lambda rng: good.array(np.ones((1, 1), np.float32)),
        "virtual.h5": lambda rng: partial(_h5, "virtual-self"),
        "large.h5": lambda rng: partial(_h5, "large-image"),
        "deep.h5": lambda rng: partial(_h5, "deep"),
    },
}
"""Bad files of each system, by their names."""
ASKED: dict[str, tuple[str, Callable[[], bytes], tuple[str, ...]]] = {
    "geometry": (
        ".npy",
        lambda: good.images()["npy"],
        ("geometry", "predict", "FILES", *STATED, "--no-pool", "--out", "out", "--json"),
    ),
    "patterson": (
        ".npy",
        lambda: good.array(good.cube()),
        ("patterson", "predict", "FILES", "--voxel", "0.5", "--time-limit", "0.3", "--out", "out", "--json"),
    ),
    "crystals": (
        ".cif",
        good.cif,
        ("crystals", "encode", "FILES", "--processes", "1", "--out", "out.parquet", "--json"),
    ),
    "molmnist": (
        ".npy",
        lambda: good.array(good.pattern()),
        ("molmnist", "predict", "FILES", "--network", "ten", "--out", "out", "--json"),
    ),
}


def cases() -> Iterator[Case]:
    """Each bad file between two good ones, all of them at once, and in a folder that is watched."""
    for system, (ending, content, argv) in ASKED.items():
        bads = {f"bad-{name}{ending}": make for name, make in ANY.items()} | OWN[system]
        for name, make in bads.items():
            yield _batch(
                system,
                f"{system}-{name}",
                (f"first{ending}", name, f"last{ending}"),
                {name: make},
                content,
                argv,
            )
        names = (f"first{ending}", *bads, f"last{ending}")
        yield _batch(system, f"{system}-all", names, bads, content, argv)
        yield _batch(
            system,
            f"{system}-missing",
            (f"first{ending}", f"gone{ending}", f"last{ending}"),
            {},
            content,
            argv,
        )
    bads = {f"bad-{name}.npy": make for name, make in ANY.items()} | OWN["geometry"]
    for name, make in (*bads.items(), ("all", None)):
        chosen = bads if make is None else {name: make}
        files = partial(
            _files,
            ("images/first.npy", "images/last.npy"),
            {f"images/{key}": one for key, one in chosen.items()},
            ASKED["geometry"][1],
        )
        argv = ("geometry", "watch", "images", *STATED, "--once", "--interval", "0.1", "--out", "w.jsonl")
        yield Case(f"batch-watch-{name}", "watch", "geometry", argv, files, checks=(_watched,), hang_s=40.0)


def _batch(
    system: str,
    name: str,
    names: tuple[str, ...],
    bads: dict[str, Made],
    content: Callable[[], bytes],
    argv: tuple[str, ...],
) -> Case:
    place = argv.index("FILES")
    asked = (*argv[:place], *names, *argv[place + 1 :])
    goods = (names[0], names[-1])
    files = partial(_files, goods, bads, content)
    if system == "crystals":
        return Case(
            f"batch-{name}", "batch", system, asked, files, told=names[1:-1], checks=(_encoded,), hang_s=40.0
        )
    return Case(f"batch-{name}", "batch", system, asked, files, good=goods, told=names[1:-1], hang_s=40.0)


def _files(
    goods: tuple[str, ...], bads: dict[str, Made], content: Callable[[], bytes], rng: np.random.Generator
) -> dict[str, Content]:
    return {name: content() for name in goods} | {name: make(rng) for name, make in bads.items()}


def _h5(kind: str, path: Path) -> None:
    import h5py

    place = "entry/data/data"
    table = {name: write for name, _, write in (*hdf5.stores(place), *hdf5.virtual_sets(place))}
    with h5py.File(path, "w") as file:
        table[kind](np.random.default_rng(0), file)


def _encoded(folder: Path, outcome: Outcome) -> str | None:
    """Both good structures are in the table."""
    from pyarrow import parquet

    found = folder / "out.parquet"
    count = parquet.read_table(found).num_rows if found.exists() else 0
    return None if count == 2 else f"{count} of 2 good structures are in the table"


def _watched(folder: Path, outcome: Outcome) -> str | None:
    """Both good images have a line."""
    lines = folder / "w.jsonl"
    found = (
        [one for line in lines.read_text().splitlines() for one in records(line)] if lines.exists() else []
    )
    lost = [
        name
        for name in ("first.npy", "last.npy")
        if not any(str(one["file"]).endswith(name) for one in found)
    ]
    return f"no answer for {', '.join(lost)}" if lost else None
