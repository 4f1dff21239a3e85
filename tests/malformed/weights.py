"""Weights, latents and data sets that were made by argand and then damaged."""

import json
import struct
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from malformed import damage, good
from malformed.case import EITHER, NO, Case, Content, Must, one_of

SHIPPED = good.ROOT / "src" / "argand" / "weights"
ASKED = {
    "geometry": (
        "geometry-best",
        (
            "geometry",
            "predict",
            "good.npy",
            "--wavelength",
            "1",
            "--distance",
            "100",
            "--pixel-size",
            "0.1",
            "--json",
        ),
        "good.npy",
        lambda: good.images()["npy"],
    ),
    "patterson": (
        "patterson-best",
        ("patterson", "predict", "good.npy", "--json"),
        "good.npy",
        lambda: good.array(good.cube()),
    ),
    "crystals": (
        "crystals-paper",
        (
            "crystals",
            "encode",
            "good.cif",
            "--model",
            "paper",
            "--out",
            "l.parquet",
            "--processes",
            "1",
            "--json",
        ),
        "good.cif",
        good.cif,
    ),
    "molmnist": (
        "molmnist-published",
        ("molmnist", "predict", "good.npy", "--json"),
        "good.npy",
        lambda: good.array(good.pattern()),
    ),
}
"""Of each system: whose weights are damaged, and the command that uses them."""


def cases() -> Iterator[Case]:
    """All of them."""
    for system, (folder, argv, name, content) in ASKED.items():
        for harm, (how, must) in damage.BINARY.items():
            make = partial(_weights, folder, name, content, how)
            yield Case(
                f"weights-{system}-{harm}",
                "weights",
                system,
                (*argv, "--weights", "bad.safetensors"),
                make,
                must,
            )
        for harm, must, how in _headers():
            make = partial(_weights, folder, name, content, how)
            yield Case(
                f"weights-{system}-header-{harm}",
                "weights",
                system,
                (*argv, "--weights", "bad.safetensors"),
                make,
                must,
            )
    for name, must, make in _others():
        argv = (
            "crystals",
            *(
                ("nearest", "good.cif", "--index", "bad")
                if name.startswith("index")
                else ("decode", "bad.parquet", "--out", "d", "--processes", "1", "--restarts", "0")
            ),
            "--json",
        )
        yield Case(
            name,
            "latents",
            "crystals",
            argv,
            make,
            must,
            stock=("latents",) if name.startswith("latents") else (),
        )


def _weights(
    folder: str, name: str, content: Callable[[], bytes], how: damage.Damage, rng: np.random.Generator
) -> dict[str, Content]:
    blob = (SHIPPED / folder / "model.safetensors").read_bytes()
    return {name: content(), "bad.safetensors": how(rng, blob)}


def _with_length(*lengths: int) -> damage.Damage:
    return lambda rng, blob: struct.pack("<Q", one_of(rng, lengths)) + blob[8:]


def _with_header(change: Callable[[dict, np.random.Generator], object]) -> damage.Damage:
    def changed(rng: np.random.Generator, blob: bytes) -> bytes:
        size = struct.unpack("<Q", blob[:8])[0]
        header = json.loads(blob[8 : 8 + size])
        text = change(header, rng)
        raw = text if isinstance(text, bytes) else json.dumps(header if text is None else text).encode()
        return struct.pack("<Q", len(raw)) + raw + blob[8 + size :]

    return changed


def _about(key: str, *values: object) -> damage.Damage:
    def change(header: dict, rng: np.random.Generator) -> None:
        told = json.loads(header["__metadata__"]["argand"])
        told[key] = one_of(rng, values)
        header["__metadata__"]["argand"] = json.dumps(told)

    return _with_header(change)


def _sized(factor: int) -> damage.Damage:
    """Every whole number above 3 of the configuration multiplied."""

    def grown(value: object) -> object:
        if isinstance(value, dict):
            return {key: grown(item) for key, item in value.items()}
        if isinstance(value, list):
            return [grown(item) for item in value]
        is_size = isinstance(value, int) and not isinstance(value, bool) and value > 3
        return value * factor if is_size else value

    def change(header: dict, rng: np.random.Generator) -> None:
        told = json.loads(header["__metadata__"]["argand"])
        told["config"] = grown(told["config"])
        header["__metadata__"]["argand"] = json.dumps(told)

    return _with_header(change)


def _tensor(field: str, *values: object) -> damage.Damage:
    def change(header: dict, rng: np.random.Generator) -> None:
        names = [name for name in header if name != "__metadata__"]
        header[one_of(rng, names)][field] = one_of(rng, values)

    return _with_header(change)


def _headers() -> Iterator[tuple[str, Must, damage.Damage]]:
    yield "length", NO, _with_length(0, 1, 2**40, 2**63, 2**64 - 1, 10**8)
    yield "no-metadata", NO, _with_header(lambda header, rng: header.pop("__metadata__") and None)
    yield "no-json", NO, _with_header(lambda header, rng: header["__metadata__"].update(argand="{") or None)
    yield "list", NO, _with_header(lambda header, rng: header["__metadata__"].update(argand="[1, 2]") or None)
    yield "number", NO, _with_header(lambda header, rng: header["__metadata__"].update(argand="7") or None)
    yield (
        "deep",
        NO,
        _with_header(lambda header, rng: header["__metadata__"].update(argand="[" * 90_000) or None),
    )
    yield "deep-outside", NO, _with_header(lambda header, rng: b"[" * 90_000)
    yield "config", NO, _about("config", None, [], 5, "x", {"nothing": None})
    yield "system", NO, _about("system", None, "geometri", 7, [], "crystals\n")
    yield "version", EITHER, _about("version", None, 7, "999.9", [])
    yield "training", EITHER, _about("training", None, 7, [], "x")
    yield "huge", NO, _sized(10**6)
    yield "large", NO, _sized(100)
    yield "shape", NO, _tensor("shape", [10**9], [-1], [], [0])
    yield "dtype", NO, _tensor("dtype", "F99", "BOOL", 7, "F8_E4M3")
    yield "offsets", NO, _tensor("data_offsets", [0, 2**60], [5, 1], [-8, 0], [0, 0], "x")
    yield "nan", NO, lambda rng, blob: _all_nan(blob)


def _all_nan(blob: bytes) -> bytes:
    size = struct.unpack("<Q", blob[:8])[0]
    rest = len(blob) - 8 - size
    return blob[: 8 + size] + (b"\xff\xff\xff\x7f" * (rest // 4 + 1))[:rest]


def _others() -> Iterator[tuple[str, Must, Callable[[np.random.Generator], dict[str, Content]]]]:
    """Indices and latents."""
    known = SHIPPED / "crystals-known" / "known.safetensors"
    for harm in ("empty", "cut", "flipped-header", "words", "foreign", "folder", "pipe"):
        how, must = damage.BINARY[harm]
        yield (
            f"index-{harm}",
            must,
            lambda rng, how=how: {
                "good.cif": good.cif(),
                "bad/known.safetensors": how(rng, known.read_bytes()),
            },
        )
    yield "index-missing", NO, lambda rng: {"good.cif": good.cif(), "bad/x": b""}
    for harm in damage.BINARY:
        how, must = damage.BINARY[harm]
        yield f"latents-{harm}", must, lambda rng, how=how: {"bad.parquet": partial(_harmed, how, rng)}
    for name, column in _LATENTS.items():
        yield f"latents-{name}", NO, lambda rng, column=column: {"bad.parquet": partial(_rewritten, column)}
    yield "latents-structures", NO, lambda rng: {"bad.parquet": good.parquet}


def _harmed(how: damage.Damage, rng: np.random.Generator, path) -> None:
    content = how(rng, (path.parent / "latents.parquet").read_bytes())
    path.write_bytes(content) if isinstance(content, bytes) else content(path)


_LATENTS: dict[str, Callable[[list], list]] = {
    "nan": lambda rows: [_numbers_as(np.nan, value) for value in rows],
    "inf": lambda rows: [_numbers_as(np.inf, value) for value in rows],
    "huge": lambda rows: [_numbers_as(1e300, value) for value in rows],
    "none": lambda rows: [None for _ in rows],
}


def _numbers_as(number: float, value: object) -> object:
    if isinstance(value, list):
        return [_numbers_as(number, item) for item in value]
    return number if isinstance(value, float) else value


def _rewritten(column: Callable[[list], list], path) -> None:
    """Good latents with all numbers of all columns changed."""
    from pyarrow import array, parquet
    from pyarrow import table as table_of

    table = parquet.read_table(path.parent / "latents.parquet")
    made = {
        name: array(column(table[name].to_pylist()), table.schema.field(name).type)
        for name in table.column_names
    }
    parquet.write_table(table_of(made, schema=table.schema), path)
