"""Folders of earlier runs, data sets and trainings, damaged, under the verbs that read them again."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import h5py
import numpy as np

from malformed import damage
from malformed.case import EITHER, NO, Case, Content, one_of
from malformed.stock import MADE, STATED, TRAIN

SHOWN = {
    "geometry": "geometry-run",
    "patterson": "patterson-run",
    "crystals": "crystals-run",
    "molmnist": "molmnist-run",
}
AGAIN = {
    "geometry": ("geometry", "predict", "good.npy", *STATED, "--out", "run", "--resume", "--json"),
    "patterson": (
        "patterson",
        "predict",
        "good.npy",
        "--time-limit",
        "0.3",
        "--out",
        "run",
        "--json",
        "--resume",
    ),
    "crystals": (
        "crystals",
        "reconstruct",
        "good.cif",
        "--restarts",
        "0",
        "--processes",
        "1",
        "--out",
        "run",
        "--json",
    ),
    "molmnist": ("molmnist", "predict", "good.npy", "--network", "ten", "--out", "run", "--resume", "--json"),
}
ONCE = ("--once", "--interval", "0.1")
Records = list[dict]
HARMS: dict[str, Callable[[np.random.Generator, Records], bytes]] = {
    "cut": lambda rng, found: _lines(found)[: -int(rng.integers(2, 60))],
    "empty": lambda rng, found: b"",
    "no-json": lambda rng, found: b"{" + _lines(found),
    "numbers": lambda rng, found: b"7\n[1, 2]\nnull\n" + _lines(found),
    "deep": lambda rng, found: b"[" * 90_000 + b"\n" + _lines(found),
    "digits": lambda rng, found: b'{"file": ' + b"9" * 9000 + b"}\n",
    "nan": lambda rng, found: _lines(
        [{key: _as(float("nan"), value) for key, value in one.items()} for one in found]
    ),
    "huge": lambda rng, found: _lines(
        [{key: _as(1e300, value) for key, value in one.items()} for one in found]
    ),
    "texts": lambda rng, found: _lines([dict.fromkeys(one, "abc") for one in found]),
    "nulls": lambda rng, found: _lines([dict.fromkeys(one) for one in found]),
    "lists": lambda rng, found: _lines([{key: [] for key in one} for one in found]),
    "lacking": lambda rng, found: _lines([_without(rng, one) for one in found]),
    "lacking-more": lambda rng, found: _lines([{"file": one.get("file")} for one in found]),
    "elsewhere": lambda rng, found: _lines(
        [
            {key: "../../../../etc/passwd" if isinstance(value, str) else value for key, value in one.items()}
            for one in found
        ]
    ),
    "many": lambda rng, found: _lines(found * 5000),
    "no-text": lambda rng, found: b"\xff\xfe\0" + _lines(found),
}
"""What is done to the records of a run."""


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _of_records()
    yield from _of_files()
    yield from _of_sets()
    yield from _of_trainings()


def _of_records() -> Iterator[Case]:
    for system, stock in SHOWN.items():
        for harm, how in HARMS.items():
            for verb, argv in (("view", (system, "view", "run")), ("again", AGAIN[system])):
                files = partial(_with_records, how)
                yield Case(f"run-{system}-{verb}-{harm}", "run folder", system, argv, files, stock=(stock,))
    for harm, how in HARMS.items():
        argv = ("geometry", "drift", "run", "--out", "drift.html")
        yield Case(
            f"drift-{harm}",
            "run folder",
            "geometry",
            argv,
            partial(_with_records, how),
            stock=("geometry-run",),
        )
        argv = ("geometry", "watch", ".", *STATED, "--out", "run.jsonl", "--resume", *ONCE)
        files = partial(_with_records, how, name="run.jsonl")
        yield Case(f"watch-again-{harm}", "run folder", "geometry", argv, files, stock=("geometry-watch",))


def _with_records(
    how: Callable[[np.random.Generator, Records], bytes],
    rng: np.random.Generator,
    name: str = "run/results.jsonl",
) -> dict[str, Content]:
    def harm(path: Path) -> None:
        found = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        path.write_bytes(how(rng, found))

    return {name: harm}


def _lines(found: Records) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in found).encode()


def _as(number: float, value: object) -> object:
    if isinstance(value, list):
        return [_as(number, item) for item in value]
    if isinstance(value, dict):
        return {key: _as(number, item) for key, item in value.items()}
    return number if isinstance(value, float) else value


def _without(rng: np.random.Generator, record: dict) -> dict:
    kept = [key for key in record if rng.random() > 0.3]
    return {key: record[key] for key in kept}


def _of_files() -> Iterator[Case]:
    """Any file of a folder of a run."""
    for system, stock in (*SHOWN.items(), ("patterson", "patterson-solution")):
        for number in range(6):
            argv = (system, "view", "run")
            yield Case(f"view-{stock}-file-{number}", "run folder", system, argv, _any_file, stock=(stock,))
        for name, target in (("missing", "gone"), ("file", "plain"), ("empty", "hollow")):
            files = partial(_no_run)
            yield Case(f"view-{stock}-{name}", "run folder", system, (system, "view", target), files, NO)


def _no_run(rng: np.random.Generator) -> dict[str, Content]:
    return {"plain": b"text\n", "hollow": lambda path: path.mkdir()}


def _any_file(rng: np.random.Generator, where: str = "run") -> dict[str, Content]:
    """Harms a file at random; where it is not known yet which there are, it is chosen when it is written."""

    def harm(path: Path) -> None:
        found = sorted(one for one in path.parent.rglob("*") if one.is_file())
        chosen = found[int(rng.integers(len(found)))]
        how, _ = damage.BINARY[one_of(rng, [name for name in damage.BINARY if name != "device"])]
        content = how(rng, chosen.read_bytes())
        chosen.unlink()
        chosen.write_bytes(content) if isinstance(content, bytes) else content(chosen)

    return {f"{where}/.harmed": harm}


def _of_sets() -> Iterator[Case]:
    asked = {
        "geometry": ("geometry", "hard", "set.h5", "--out", "hard", "--json"),
        "molmnist": ("molmnist", "predict", "set.h5", "--network", "ten", "--json"),
        "molmnist-check": ("molmnist", "check", "set.h5"),
    }
    for name, argv in asked.items():
        stock = f"{argv[0]}-set"
        for harm in ("cut", "cut-early", "flipped", "zeroed", "words", "foreign", "empty"):
            how, must = damage.BINARY[harm]
            yield Case(
                f"set-{name}-{harm}",
                "set",
                argv[0],
                argv,
                partial(_harmed, "set.h5", how),
                must,
                stock=(stock,),
            )
            yield Case(
                f"set-{name}-shard-{harm}",
                "set",
                argv[0],
                argv,
                partial(_harmed, "set.shards/00000000.h5", how),
                stock=(stock,),
            )
        for key, values in _ATTRIBUTES.items():
            files = partial(_with_attribute, key, values)
            yield Case(f"set-{name}-{key}", "set", argv[0], argv, files, stock=(stock,))
    for system in ("geometry", "patterson", "molmnist"):
        argv = (*MADE[f"{system}-set"][1], "--resume")
        for harm in ("cut", "flipped", "foreign", "empty"):
            how, _ = damage.BINARY[harm]
            yield Case(
                f"set-{system}-again-{harm}",
                "set",
                system,
                argv,
                partial(_harmed, "set.shards/00000000.h5", how),
                stock=(f"{system}-set",),
            )


_ATTRIBUTES: dict[str, tuple[object, ...]] = {
    "provenance": ("{", "[]", "7", "[" * 30_000, '{"a": 1}', b"\xff\xfe"),
    "seed": ("x", -1, 1e300, np.nan),
    "count": (-1, 0, 10**12, "x", np.nan),
    "shards": (["../../../etc/passwd"], [], "x", ["gone.h5"] * 1000, [""]),
}
"""Attributes of a data set, and values that they cannot have."""


def _harmed(name: str, how: damage.Damage, rng: np.random.Generator) -> dict[str, Content]:
    def harm(path: Path) -> None:
        content = how(rng, path.read_bytes())
        path.unlink()
        path.write_bytes(content) if isinstance(content, bytes) else content(path)

    return {name: harm}


def _with_attribute(key: str, values: tuple[object, ...], rng: np.random.Generator) -> dict[str, Content]:
    def harm(path: Path) -> None:
        with h5py.File(path, "a") as file:
            file.attrs[key] = one_of(rng, values)

    return {"set.h5": harm}


def _of_trainings() -> Iterator[Case]:
    for system in ("geometry", "patterson", "molmnist"):
        argv = (system, "train", "tiny", "--out", "run", "--resume", *TRAIN[:1], "00:00:05", *TRAIN[2:])
        for number in range(8):
            yield Case(
                f"resume-{system}-{number}",
                "resume",
                system,
                argv,
                _any_file,
                EITHER,
                hang_s=60.0,
                stock=(f"{system}-training",),
            )
        yield Case(f"resume-{system}-nothing", "resume", system, argv, lambda rng: {"run/x": b""}, NO)
        yield Case(f"resume-{system}-file", "resume", system, argv, lambda rng: {"run": b"x"}, NO)
        yield Case(
            f"resume-{system}-loop",
            "resume",
            system,
            argv,
            lambda rng: {"run": lambda path: path.symlink_to("run")},
            NO,
        )
