"""The verbs interpolate, alter and nearest as functions: structures in; CIFs and records out."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from argand.io.atomic import write_lines
from argand.io.structure import cif_text, expand, read_structure, usable
from argand.physics.crystal.structure import MIN_DISTANCE, closest_pair
from argand.progress import ProgressDisplay
from argand.runs.folder import file_stem, make_folder
from argand.runs.record import Record, write_summary
from argand.systems.crystals.database.fingerprint import fingerprint, fingerprints
from argand.systems.crystals.latent.decoding import Decoded, decode
from argand.systems.crystals.latent.interpolation import add_noise, altered, interpolate, read_substitutions
from argand.systems.crystals.latent.representation import Representation


def interpolate_files(
    first: Path, second: Path, steps: int, out: Path, representation: Representation, tries: int
) -> Record:
    """Write the structures on the way from one file's to another's as `step-01.cif` and so on.

    ConfigError for fewer than two steps, InputError for what is no structure.
    """
    ends = read_structure(first), read_structure(second)
    found = interpolate(representation, *ends, steps, tries)
    shares = np.linspace(0.0, 1.0, steps)
    names = [f"step-{number:02d}" for number in range(1, steps + 1)]
    records = [
        {**_written(out, name, one), "share": float(share)}
        for name, one, share in zip(names, found, shares, strict=True)
    ]
    return _summed(out, {"first": str(first), "second": str(second)}, records)


def alter_file(
    file: Path,
    out: Path,
    representation: Representation,
    *,
    substitutions: Sequence[str] = (),
    strain: Sequence[float] = (),
    noise: float = 0.0,
    count: int = 1,
    seed: int = 0,
) -> Record:
    """Write altered copies of a structure, each through its latent vector, as `STEM-01.cif` and so on.

    Strains and noise are shares (of lengths; of the latent's root mean square). ConfigError for a
    substitution or strain that is none, InputError for what is no structure.
    """
    given = altered(read_structure(file), read_substitutions(substitutions), strain)
    latent = representation.encode(given)
    records = []
    for number in range(1, count + 1):
        vector = add_noise(latent, noise, seed + number) if noise else latent
        records.append(_written(out, f"{file_stem(file.stem)}-{number:02d}", decode(representation, vector)))
    return _summed(out, {"source": str(file), "noise": noise, "seed": seed}, records)


def nearest_files(file: Path, among: Sequence[str], most: int) -> list[Record]:
    """The structures of other files that are most like one, nearest first; others are told and left out.

    The distance is Euclid's between `fingerprint`s. InputError where the first file cannot be read.
    """
    wanted = fingerprint(read_structure(file))
    found = []
    with ProgressDisplay("nearest", "structures") as display:
        paths = expand(among)
        for number, path in enumerate(paths):
            for name, other, row in fingerprints(usable(path)):
                distance = float(np.linalg.norm(row - wanted))
                about = {"name": name, "source": str(path), "formula": other.formula, "atoms": len(other)}
                found.append({"distance": distance, **about})
                display.update(number / len(paths), len(found))
    return sorted(found, key=lambda record: record["distance"])[:most]


def _written(out: Path, name: str, decoded: Decoded) -> Record:
    """Write one structure; its record, with whether its atoms keep their distance."""
    make_folder(out)
    file = f"{name}.cif"
    write_lines(out / file, cif_text(decoded.structure, name).splitlines())
    shortest = closest_pair(decoded.structure)[2]
    return {
        "file": file,
        "formula": decoded.structure.formula,
        "atoms": len(decoded.structure),
        "confidence": decoded.confidence,
        "misfit": decoded.misfit,
        "shortest_distance": shortest,
        "valid": shortest > MIN_DISTANCE,
    }


def _summed(out: Path, about: Record, records: list[Record]) -> Record:
    summary = {**about, "structures": records}
    return write_summary(out, summary)
