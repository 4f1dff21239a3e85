"""HDF5 files that lead elsewhere, promise more than there is, or go round in circles."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import h5py
import numpy as np

from malformed import good
from malformed.case import EITHER, NO, Case, Check, Content, Must, Outcome
from malformed.verdict import records

STATED = ("--wavelength", "1", "--distance", "100", "--pixel-size", "0.1", "--json")
SECRET = b"\x07\x01" * 18_000 * 2
"""What stands in a file outside the folder of the input."""
Write = Callable[[np.random.Generator, h5py.File], None]


def cases() -> Iterator[Case]:
    """The same for images of geometry and patterns of molmnist, at the places where each looks for them."""
    for system, place, tail in (
        ("geometry", "entry/data/data", STATED),
        ("molmnist", "pattern", ("--network", "ten", "--json")),
    ):
        argv = (system, "predict", "in/bad_master.h5", *tail)
        for name, must, write in (*stores(place), *_links(place), *virtual_sets(place)):
            yield Case(
                f"hdf5-{system}-{name}",
                "hdf5",
                system,
                argv,
                files_of(write),
                must,
                checks=_CHECKS.get(name, ()),
            )
        for number, end in enumerate(("#0-199999999", "#1-0", "#9", "#99999999999999999999")):
            asked = (system, "predict", f"good_master.h5{end}", *tail)
            yield Case(
                f"hdf5-{system}-selection-{number}",
                "selection",
                system,
                asked,
                lambda rng: {"good_master.h5": good.master},
                NO,
            )
    for name, inner in (
        ("nowhere", ":/nowhere"),
        ("group", ":/entry_1"),
        ("root", ":/"),
        ("up", ":/../.."),
        ("scalar", ":/cxi_version"),
    ):
        asked = ("molmnist", "predict", f"good.cxi{inner}", "--network", "ten", "--json")
        yield Case(
            f"cxi-inner-{name}", "selection", "molmnist", asked, lambda rng: {"good.cxi": good.cxi}, NO
        )


OUTSIDE = 5
"""Images of the file outside the folder, which tell it from the one of the same name inside."""


def files_of(write: Write):
    def made(rng: np.random.Generator) -> dict[str, Content]:
        def master(path: Path) -> None:
            with h5py.File(path, "w") as file:
                write(rng, file)

        return {
            "in/raw/outside.bin": SECRET,
            "elsewhere.h5": partial(good.master, count=OUTSIDE),
            "in/elsewhere.h5": good.master,
            "in/bad_master.h5": master,
        }

    return made


def _named(folder: Path, outcome: Outcome) -> str | None:
    """What lies outside the folder of the input may be read where the answer says so.

    HDF5 looks for the file of a link beside the master too: one of this name there is no such file.
    """
    is_named = outcome.code or "elsewhere" in outcome.stdout + outcome.stderr
    is_named = is_named or len(records(outcome.stdout)) < OUTSIDE
    return None if is_named else "a file outside the folder of the input is read and not named"


_CHECKS: dict[str, tuple[Check, ...]] = {"link-above": (_named,)}


def stores(place: str) -> Iterator[tuple[str, Must, Write]]:
    def external(target: str) -> Write:
        shape = good.SHAPE
        return lambda rng, file: (
            file.create_dataset(place, (1, *shape), "u2", external=[(target, 0, h5py.h5f.UNLIMITED)]) and None
        )

    yield "external-inside", NO, external("raw/outside.bin")
    yield "external-passwords", NO, external("/etc/passwd")
    yield "external-device", NO, external("/dev/zero")
    yield "external-missing", NO, external("gone.bin")
    yield (
        "huge-frames",
        EITHER,
        lambda rng, file: (
            file.create_dataset(
                place, (10**8 + int(rng.integers(10**8)), 200, 180), "u2", chunks=(1, 200, 180)
            )
            and None
        ),
    )
    yield (
        "huge-image",
        NO,
        lambda rng, file: (
            file.create_dataset(
                place, (1, 10**6, 10**5 + int(rng.integers(10**5))), "u4", chunks=(1, 1000, 1000)
            )
            and None
        ),
    )
    yield (
        "large-image",
        NO,
        lambda rng, file: (
            file.create_dataset(
                place,
                (1, 60_000, 20_000 + int(rng.integers(20_000))),
                "u4",
                chunks=(1, 1000, 1000),
                compression="gzip",
            )
            and None
        ),
    )
    yield (
        "large-plain",
        NO,
        lambda rng, file: (
            file.create_dataset(place, (1, 50_000, 50_000 + int(rng.integers(9_000))), "u4") and None
        ),
    )
    yield (
        "huge-chunk",
        NO,
        lambda rng, file: (
            file.create_dataset(
                place, (1, 40_000, 26_000), "u4", chunks=(1, 40_000, 26_000), compression="gzip"
            )
            and None
        ),
    )
    yield "no-frames", NO, lambda rng, file: file.create_dataset(place, (0, 200, 180), "u2") and None
    yield "no-pixels", NO, lambda rng, file: file.create_dataset(place, (2, 0, 180), "u2") and None
    yield (
        "axes",
        NO,
        lambda rng, file: (
            file.create_dataset(place, ((), (50,), (2, 2, 2, 10, 10))[int(rng.integers(3))], "u2") and None
        ),
    )
    yield "text", NO, lambda rng, file: file.create_dataset(place, data=np.array([[b"a", b"b"]] * 9)) and None
    yield (
        "compound",
        NO,
        lambda rng, file: file.create_dataset(place, (1, 20, 20), [("a", "u2"), ("b", "f4")]) and None,
    )
    yield "ragged", NO, lambda rng, file: file.create_dataset(place, (20, 20), h5py.vlen_dtype("u2")) and None
    yield "references", NO, lambda rng, file: file.create_dataset(place, (20, 20), h5py.ref_dtype) and None
    yield "complex", NO, lambda rng, file: file.create_dataset(place, (1, 20, 20), "c16") and None
    yield "no-data-set", NO, lambda rng, file: file.create_group(place) and None
    yield "nothing", NO, lambda rng, file: None
    yield "null", NO, lambda rng, file: file.create_dataset(place, data=h5py.Empty("u2")) and None
    yield (
        "nan",
        EITHER,
        lambda rng, file: file.create_dataset(place, data=np.full((1, *good.SHAPE), np.nan, "f4")) and None,
    )
    yield (
        "tiny",
        EITHER,
        lambda rng, file: (
            file.create_dataset(place, data=rng.poisson(9, (1, 1, int(rng.integers(1, 4)))).astype("u2"))
            and None
        ),
    )
    yield (
        "deep",
        NO,
        lambda rng, file: file.create_group("/".join("a" * int(rng.integers(2000, 5000)))) and None,
    )
    yield (
        "many",
        EITHER,
        lambda rng, file: (
            [file.create_dataset(f"g/d{number}", (20, 20), "u2") for number in range(3000)] and None
        ),
    )


def _links(place: str) -> Iterator[tuple[str, Must, Write]]:
    def put(link: object) -> Write:
        def write(rng: np.random.Generator, file: h5py.File) -> None:
            file[place] = link

        return write

    yield "link-self", NO, put(h5py.SoftLink(f"/{place}"))
    yield "link-dangling", NO, put(h5py.SoftLink("/nowhere/at/all"))
    yield "link-other-self", NO, put(h5py.ExternalLink("bad_master.h5", f"/{place}"))
    yield "link-missing", NO, put(h5py.ExternalLink("gone.h5", "/data"))
    yield "link-no-hdf5", NO, put(h5py.ExternalLink("raw/outside.bin", "/data"))
    yield "link-above", EITHER, put(h5py.ExternalLink("../elsewhere.h5", "/entry/data/data"))
    yield "link-absolute", NO, put(h5py.ExternalLink("/etc/hostname", "/data"))
    yield "link-device", NO, put(h5py.ExternalLink("/dev/zero", "/data"))
    yield "link-long", NO, put(h5py.ExternalLink("x" * 3000, "/data"))

    def cycle(rng: np.random.Generator, file: h5py.File) -> None:
        group = file.create_group("entry/data/again")
        group["up"] = file["entry"]
        file["entry/instrument"] = h5py.SoftLink("/entry/data/again/up")

    yield "group-cycle", NO, cycle

    def numbered(rng: np.random.Generator, file: h5py.File) -> None:
        for number in range(20_000):
            file[f"entry/data/data_{number:06d}"] = h5py.ExternalLink(
                f"x_{number:06d}.h5", "/entry/data/data"
            )

    yield "link-thousands", NO, numbered


def virtual_sets(place: str) -> Iterator[tuple[str, Must, Write]]:
    def virtual(
        file_name: str,
        inner: str,
        shape: tuple[int, ...] = (1, *good.SHAPE),
        declared: tuple[int, ...] | None = None,
    ) -> Write:
        def write(rng: np.random.Generator, file: h5py.File) -> None:
            layout = h5py.VirtualLayout(declared or shape, "u2")
            layout[tuple(slice(0, side) for side in shape)] = h5py.VirtualSource(
                file_name, inner, shape, "u2"
            )
            file.create_virtual_dataset(place, layout)

        return write

    yield "virtual-no-file", NO, virtual("gone.h5", "entry/data/data")
    yield "virtual-no-data", NO, virtual("elsewhere.h5", "entry/data/gone")
    yield "virtual-group", NO, virtual("elsewhere.h5", "entry/data")
    yield "virtual-self", NO, virtual(".", place)
    yield "virtual-own-name", NO, virtual("bad_master.h5", place)
    yield "virtual-no-hdf5", NO, virtual("raw/outside.bin", "data")
    yield "virtual-huge", EITHER, virtual("elsewhere.h5", "entry/data/data", declared=(10**8, *good.SHAPE))
    yield "virtual-large", NO, virtual("elsewhere.h5", "entry/data/data", declared=(1, 70_000, 70_000))
