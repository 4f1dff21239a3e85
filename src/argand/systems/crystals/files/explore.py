"""The verbs interpolate, alter and nearest as functions: structures in; CIFs and records out."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from argand.errors import InputError
from argand.io.atomic import write_lines
from argand.io.structure import expand, read_structure, usable
from argand.physics.crystal.canonical import canonical
from argand.physics.crystal.overlap import touching
from argand.physics.crystal.structure import MIN_DISTANCE, Structure, closest_pair
from argand.progress import ProgressDisplay
from argand.runs.claim import claim_folder
from argand.runs.course import Failure
from argand.runs.folder import file_stem
from argand.runs.one_by_one import OneByOne
from argand.runs.record import SCHEMA_VERSION, Record, write_summary
from argand.systems.crystals.database.fingerprint import measured
from argand.systems.crystals.files.entries import require_apart
from argand.systems.crystals.latent.decoded import Decoded
from argand.systems.crystals.latent.interpolation import read_substitutions, require_noise, require_steps
from argand.systems.crystals.latent.likeness import Descriptor, descriptor
from argand.systems.crystals.latent.representation import Representation
from argand.systems.crystals.predict import Predictor


def interpolate_files(
    first: Path, second: Path, steps: int, out: Path, predictor: Predictor, tries: int, force: bool = False
) -> Record:
    """Write the structures from one file's to another's as `step-01.cif` and so on.

    ConfigError for fewer than two steps, and for an `out` with results that are not to be replaced
    (`force`) or with one of the inputs; InputError for anything but a structure.
    """
    require_apart(out, [first, second])
    ends = read_structure(first), read_structure(second)
    require_steps(steps)
    claim_folder(out, force=force, can_resume=False)
    with ProgressDisplay("interpolate", "structures") as display:
        found = predictor.model.between(*ends, steps, tries, lambda done: display.update(done / steps, done))
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
    force: bool = False,
) -> Record:
    """Write altered copies of a structure, each through its latent vector, as `STEM-01.cif` and so on.

    Strains and noise are fractions (of lengths; of the latent's root mean square). The summary names the
    `volume` that was taken, and `volume_scale`, by which lengths changed for it, and under `failed` why a
    copy could not be made. ConfigError for an invalid substitution, strain or volume, and for an `out` with
    results that are not to be replaced (`force`) or with the input; InputError for anything but a structure,
    and if no copy could be made.
    """
    require_apart(out, [file])
    given = predictor.changed(file, read_substitutions(substitutions), strain, volume)
    require_noise(noise)
    claim_folder(out, force=force, can_resume=False)
    noisy, stem = predictor.noisy_copies(given.structure, noise), file_stem(file.stem)

    def answer(number: int) -> Record:
        return _written(out, f"{stem}-{number:02d}", noisy(seed + number - 1))

    results = []
    with ProgressDisplay("alter", "structures") as display:
        for done, result in enumerate(OneByOne(answer).results(range(1, count + 1)), start=1):
            results.append(result)
            display.update(done / count, done)
    records = [one for one in results if not isinstance(one, Failure)]
    lost = [f"copy {one.message}" for one in results if isinstance(one, Failure)]
    if not records:
        raise InputError(f"{file}: {lost[0]}")
    about = {"volume": given.volume, "volume_scale": given.scale, "noise": noise, "seed": seed}
    about |= {"failed": lost} if lost else {}
    return _summed(out, {"source": str(file), **about}, records)


def nearest_files(file: Path, among: Sequence[str], most: int) -> list[Record]:
    """The structures of other files that are most like one, nearest first; unreadable ones are reported.

    The distance is the Euclidean one between the descriptors of their vectors. By
    benchmarks/crystals_likeness.py they find crystals with an element replaced more often than fingerprints
    do, and others as often. InputError where the first file cannot be read.
    """
    wanted = _described(read_structure(file))
    found = []
    with ProgressDisplay("nearest", "structures") as display:
        paths = expand(among)
        for number, path in enumerate(paths):
            for name, other, row in measured(usable(path), _described):
                distance = float(np.linalg.norm(row - wanted))
                about = {"name": name, "source": str(path), "formula": other.formula, "atoms": len(other)}
                found.append({"schema_version": SCHEMA_VERSION, "distance": distance, **about})
                display.update(number / len(paths), len(found))
    return sorted(found, key=lambda record: record["distance"])[:most]


def nearest_known(file: Path, index: Path | None, most: int) -> list[Record]:
    """The structures of an index that are most like that of a file, nearest first."""
    from argand.systems.crystals.database.fingerprint_index import load_index

    return [
        {"schema_version": SCHEMA_VERSION, **one}
        for one in load_index(index).nearest(read_structure(file), most)
    ]


def _described(structure: Structure) -> Descriptor:
    representation = Representation()
    return descriptor(representation, representation.encode_setting(canonical(structure)))


def _written(out: Path, name: str, decoded: Decoded) -> Record:
    """Write one structure; its record, with whether its atoms keep their distance.

    `distances_ok` by the strict test, 0.7 of the sum of covalent radii; `valid_half_angstrom` by the loose
    one that is commonly reported, 0.5 Å whatever the elements.
    """
    file = f"{name}.cif"
    write_lines(out / file, decoded.to_cif(name).splitlines())
    shortest = closest_pair(decoded.structure)[2]
    return {
        **decoded.figures,
        "file": file,
        "shortest_distance": shortest,
        "distances_ok": not touching(decoded.structure),
        "valid_half_angstrom": shortest > MIN_DISTANCE,
    }


def _summed(out: Path, about: Record, records: list[Record]) -> Record:
    trusted = sum(one["trusted"] for one in records)
    summary = {"schema_version": SCHEMA_VERSION, **about, "trusted_count": trusted, "structures": records}
    return write_summary(out, summary)
