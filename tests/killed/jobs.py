"""The commands that are killed, with their inputs, and how two results of each are compared."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from malformed import good
from malformed.stock import STATED

UNLIKE = {"seconds", "time", "when", "asked", "seconds_here", "samples_per_second", "elapsed"}
"""Keys of records that differ from run to run: times, and what depends on the time of change of a file."""
Compare = Callable[[Path, Path], str | None]
"""Given the folders of the undisturbed and the resumed run: how they differ, or None."""


@dataclass(frozen=True)
class Job:
    """A command; `again` is added when it is run after a kill."""

    name: str
    argv: tuple[str, ...]
    compare: Compare
    again: tuple[str, ...] = ()


def jobs() -> tuple[Job, ...]:
    """All of them; each takes some seconds."""
    training = (
        "--val-count",
        "4",
        "--val-every",
        "3",
        "--batch-size",
        "4",
        "--processes",
        "0",
        "--max-time",
        "00:00:05",
    )
    return (
        Job(
            "geometry simulate",
            ("geometry", "simulate", "tiny", "--out", "out/set.h5", "--count", "40", "--processes", "2"),
            same_bytes,
            ("--resume",),
        ),
        Job(
            "geometry train",
            ("geometry", "train", "tiny", "--out", "out", *training),
            same_course,
            ("--resume",),
        ),
        Job(
            "geometry predict",
            ("geometry", "predict", "images", *STATED, "--out", "out"),
            same_records,
            ("--resume",),
        ),
        Job(
            "crystals encode",
            ("crystals", "encode", "crystals", "--out", "out/latents.parquet", "--processes", "2"),
            same_latents,
            ("--resume",),
        ),
        Job(
            "geometry watch",
            (
                "geometry",
                "watch",
                "images",
                *STATED,
                "--out",
                "out/watched.jsonl",
                "--once",
                "--interval",
                "0.1",
            ),
            same_records,
            ("--resume",),
        ),
        Job(
            "molmnist simulate",
            ("molmnist", "simulate", "tiny", "--out", "out/set.h5", "--count", "60", "--processes", "2"),
            same_bytes,
            ("--resume",),
        ),
    )


def write_inputs(folder: Path) -> None:
    """Images and crystals of all jobs."""
    for name in ("images", "crystals", "out"):
        (folder / name).mkdir(parents=True)
    for number in range(5):
        turned = np.roll(good.still(), 7 * number, axis=1)
        (folder / "images" / f"image{number}.npy").write_bytes(good.array(turned))
    sources = sorted((good.DATA / "materials").glob("*.cif")) + sorted(
        (good.EXAMPLES / "crystals").glob("*.cif")
    )
    for source in sources:
        (folder / "crystals" / source.name).write_bytes(source.read_bytes())


def same_bytes(first: Path, second: Path) -> str | None:
    """Every file is the same, byte by byte."""
    names = [_names(folder) for folder in (first, second)]
    if names[0] != names[1]:
        return f"other files: {', '.join(sorted(names[0] ^ names[1])[:4])}"
    unlike = [name for name in sorted(names[0]) if not _is_same(first / name, second / name)]
    return f"unlike: {', '.join(unlike[:4])}" if unlike else None


def _is_same(first: Path, second: Path) -> bool:
    """Byte by byte; the file that shows all shards as one, in which HDF5 puts the time, by what it holds."""
    if first.read_bytes() == second.read_bytes():
        return True
    if first.suffix == ".json":
        return _timeless(first) == _timeless(second)
    if first.suffix != ".h5" or first.parent.name.endswith(".shards"):
        return False
    with h5py.File(first, "r") as one, h5py.File(second, "r") as other:
        same = [np.array_equal(one[name][()], other[name][()], equal_nan=True) for name in one]
        return list(one) == list(other) and dict(one.attrs).keys() == dict(other.attrs).keys() and all(same)


def _timeless(path: Path) -> object:
    """Sizes and checksums without times, and without the file that HDF5 puts the time in."""
    told = {key: value for key, value in json.loads(path.read_text()).items() if not key.endswith("set.h5")}
    return {key: value[0] if isinstance(value, list) else value for key, value in told.items()}


def same_records(first: Path, second: Path) -> str | None:
    """The same files, and in those of lines the same records but for times; geometry files byte by byte."""
    names = [_names(folder) for folder in (first, second)]
    if names[0] != names[1]:
        return f"other files: {', '.join(sorted(names[0] ^ names[1])[:4])}"
    for name in sorted(names[0]):
        ending = Path(name).suffix
        if ending == ".jsonl":
            told = [[_plain(record) for record in lines(folder / name)] for folder in (first, second)]
            if told[0] != told[1]:
                return f"unlike records in {name}: {_first_difference(*told)}"
        elif (
            ending in (".poni", ".geom", ".expt", ".INP")
            and (first / name).read_bytes() != (second / name).read_bytes()
        ):
            return f"unlike: {name}"
    return None


def same_latents(first: Path, second: Path) -> str | None:
    """The same rows of the table of latents."""
    from pyarrow import parquet

    tables = [parquet.read_table(folder / "latents.parquet") for folder in (first, second)]
    names = [name for name in tables[0].column_names if name not in UNLIKE]
    unlike = [name for name in names if tables[0][name].to_pylist() != tables[1][name].to_pylist()]
    if unlike or tables[0].column_names != tables[1].column_names:
        return f"unlike columns: {', '.join(unlike)}; rows {tables[0].num_rows}, {tables[1].num_rows}"
    return None


def same_course(first: Path, second: Path) -> str | None:
    """Of a training: its log goes on where it was, and the same kinds of files are there.

    Rate and end of a training go by the clock, so that two are never equal; that one which goes on is equal
    to one which was not stopped, where both make the same steps, is for the tests of `learn`.
    """
    told = [(one["step"], "val" in one) for one in lines(second / "log.jsonl")]
    if told != sorted(set(told)):
        return f"steps of the log do not go up: {[step for step, _ in told]}"
    if not any(is_validated for _, is_validated in told):
        return "no validation is in the log"
    names = [{path.name for path in folder.iterdir()} for folder in (first, second)]
    return f"other files: {', '.join(sorted(names[0] ^ names[1]))}" if names[0] != names[1] else None


def lines(path: Path) -> Iterator[dict]:
    """The records of a file of lines of JSON."""
    for line in path.read_text().splitlines():
        yield json.loads(line)


def _names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if not any(word in key for word in UNLIKE)}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _first_difference(first: list, second: list) -> str:
    if len(first) != len(second):
        return f"{len(first)} and {len(second)} records"
    for one, other in zip(first, second, strict=True):
        for key in one:
            if one.get(key) != other.get(key):
                return f"{key} is {one.get(key)!r} and {other.get(key)!r}"[:200]
    return "order"
