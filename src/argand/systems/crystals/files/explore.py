"""The verbs interpolate, alter and nearest as functions: structures in; CIFs and records out."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from argand.errors import InputError
from argand.io.atomic import make_folder, write_lines
from argand.io.structure import cif_text, expand, read_structure, usable
from argand.physics.crystal.canonical import canonical
from argand.physics.crystal.overlap import touching
from argand.physics.crystal.structure import MIN_DISTANCE, Structure, closest_pair
from argand.progress import ProgressDisplay
from argand.runs.course import Failure
from argand.runs.folder import file_stem
from argand.runs.one_by_one import OneByOne
from argand.runs.record import Record, write_summary
from argand.systems.crystals.database.fingerprint import measured
from argand.systems.crystals.latent.decoding import Decoded
from argand.systems.crystals.latent.interpolation import read_substitutions
from argand.systems.crystals.latent.likeness import Descriptor, descriptor
from argand.systems.crystals.latent.representation import Representation
from argand.systems.crystals.predict import Predictor


def interpolate_files(
    first: Path, second: Path, steps: int, out: Path, predictor: Predictor, tries: int
) -> Record:
    """Write the structures on the way from one file's to another's as `step-01.cif` and so on.

    ConfigError for fewer than two steps, InputError for what is no structure.
    """
    found = predictor.interpolate(first, second, steps, tries)
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
    predictor: Predictor,
    *,
    substitutions: Sequence[str] = (),
    strain: Sequence[float] = (),
    noise: float = 0.0,
    count: int = 1,
    seed: int = 0,
    volume: str = "network",
) -> Record:
    """Write altered copies of a structure, each through its latent vector, as `STEM-01.cif` and so on.

    Strains and noise are shares (of lengths; of the latent's root mean square). The summary says whose
    `volume` was taken, and by what `volume_scale` lengths changed for it, and under `failed` why a copy could
    not be made. ConfigError for a substitution, strain or volume that is none, InputError for what is no
    structure, and where no copy could be made.
    """
    given = predictor.changed(file, read_substitutions(substitutions), strain, volume)
    shaken, stem = predictor.shaker(given.structure, noise), file_stem(file.stem)

    def answer(number: int) -> Record:
        return _written(out, f"{stem}-{number:02d}", shaken(seed + number - 1))

    results = list(OneByOne(answer).results(range(1, count + 1)))
    records = [one for one in results if not isinstance(one, Failure)]
    failed = [f"copy {one.message}" for one in results if isinstance(one, Failure)]
    if not records:
        raise InputError(f"{file}: {failed[0]}")
    about = {"volume": given.volume, "volume_scale": given.scale, "noise": noise, "seed": seed}
    about |= {"failed": failed} if failed else {}
    return _summed(out, {"source": str(file), **about}, records)


def nearest_files(file: Path, among: Sequence[str], most: int) -> list[Record]:
    """The structures of other files that are most like one, nearest first; others are told and left out.

    The distance is Euclid's between the descriptors of their vectors. By benchmarks/crystals_likeness.py they
    find crystals with an element replaced more often than fingerprints do, and others as often. InputError
    where the first file cannot be read.
    """
    wanted = _described(read_structure(file))
    found = []
    with ProgressDisplay("nearest", "structures") as display:
        paths = expand(among)
        for number, path in enumerate(paths):
            for name, other, row in measured(usable(path), _described):
                distance = float(np.linalg.norm(row - wanted))
                about = {"name": name, "source": str(path), "formula": other.formula, "atoms": len(other)}
                found.append({"distance": distance, **about})
                display.update(number / len(paths), len(found))
    return sorted(found, key=lambda record: record["distance"])[:most]


def _described(structure: Structure) -> Descriptor:
    representation = Representation()
    return descriptor(representation, representation.encode_setting(canonical(structure)))


def _written(out: Path, name: str, decoded: Decoded) -> Record:
    """Write one structure; its record, with whether its atoms keep their distance.

    `distances_ok` by the strict test, 0.7 of the sum of covalent radii; `valid_half_angstrom` by the loose
    one that is commonly reported, 0.5 Å whatever the elements.
    """
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
        "distances_ok": not touching(decoded.structure),
        "valid_half_angstrom": shortest > MIN_DISTANCE,
    }


def _summed(out: Path, about: Record, records: list[Record]) -> Record:
    summary = {**about, "structures": records}
    return write_summary(out, summary)
