"""Computes the SHA-256 of all pairs of the sets by name, which the package carries to compare with.

    python benchmarks/molmnist_digests.py --work /tmp/digests

Pairs are simulated one by one and not kept. How far it is stands in the folder `--work` (32 bytes a pair), so
that it can be stopped and called again; sets that are not complete are written without their SHA-256. One set
takes 5 to 15 minutes of one core.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from argand.io.atomic import write_lines
from argand.systems.molmnist.benchmark.dataset import PAIRS, SEED, SETS
from argand.systems.molmnist.benchmark.digest import (
    DIGESTS,
    PROBE_STEP,
    STEP,
    PublishedDigest,
    pair_digest,
    probe,
    set_digest,
    short,
)
from argand.systems.molmnist.presets import PRESETS

BYTES = 32


def known_digests(file: Path) -> list[bytes]:
    """Digests of the pairs that are done."""
    data = file.read_bytes() if file.exists() else b""
    return [data[start : start + BYTES] for start in range(0, len(data) - BYTES + 1, BYTES)]


def advance(name: str, file: Path, until: int) -> None:
    """Digest pairs up to number `until`."""
    done = len(known_digests(file))
    with file.open("ab") as out:
        for index in range(done, until):
            out.write(pair_digest(PRESETS[name].simulate(index, SEED)))
            out.flush()


def told(name: str, digests: list[bytes]) -> PublishedDigest:
    """What is kept of a set; the pairs of the steps are simulated where they are not done yet."""
    system = PRESETS[name]

    def of_pair(index: int) -> bytes:
        return digests[index] if index < len(digests) else pair_digest(system.simulate(index, SEED))

    first = tuple(short(of_pair(index)) for index in range(0, PAIRS, STEP))
    probes = tuple(probe(system.simulate(index, SEED)) for index in range(0, PAIRS, PROBE_STEP))
    whole = set_digest(digests) if len(digests) == PAIRS else None
    return PublishedDigest(PAIRS, SEED, whole, STEP, first, probes)


def main(
    work: Annotated[Path, typer.Option(help="Folder that says how far it is.")],
    until: Annotated[int, typer.Option(help="Pairs of each set at most.", min=0, max=PAIRS)] = PAIRS,
    out: Annotated[Path, typer.Option(help="By default where the package has it.")] = DIGESTS,
) -> None:
    """Digest the sets and write the file."""
    work.mkdir(parents=True, exist_ok=True)
    found = {}
    for name in SETS:
        PRESETS[name].prepare()
        advance(name, work / f"{name}.digests", until)
        found[name] = told(name, known_digests(work / f"{name}.digests"))
        Console().print(f"{name}: {found[name].sha256}", highlight=False)
    lines = [f"{json.dumps(name)}: {json.dumps(asdict(one))}" for name, one in found.items()]
    write_lines(out, ["{", ",\n".join(lines), "}"])


if __name__ == "__main__":
    typer.run(main)
