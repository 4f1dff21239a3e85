"""The verbs interpolate, alter and nearest as functions: structures in; CIFs and records out."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from argand.errors import InputError
from argand.io.beam import write_lines
from argand.io.crystal import cif_text, expand, read_many, read_structure
from argand.physics.crystal.reciprocal import half_box, waves
from argand.physics.crystal.structure import MIN_DISTANCE, Structure, closest_pair
from argand.progress import ProgressDisplay
from argand.systems.crystals.decode import Decoded, decode
from argand.systems.crystals.latent import Representation
from argand.systems.crystals.space import altered, interpolate, read_substitutions, shaken
from argand.systems.crystals.species import code_weights

SUMMARY = "summary.json"
_EDGES = np.linspace(0.0, 0.6, 25)
"""1/Å; shells in which coefficients are compared, whatever their directions."""
_DIMS = 4

Record = dict[str, Any]


def interpolate_files(
    first: Path, second: Path, steps: int, out: Path, representation: Representation, tries: int
) -> Record:
    """Write the structures on the way from one file's to another's as `step-01.cif` and so on."""
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
    """Write altered copies of a structure, each through its latent vector, as `STEM-01.cif` and so on."""
    given = altered(read_structure(file), read_substitutions(substitutions), strain)
    latent = representation.encode(given)
    records = []
    for number in range(1, count + 1):
        vector = shaken(latent, noise, seed + number) if noise else latent
        records.append(_written(out, f"{file.stem}-{number:02d}", decode(representation, vector)))
    return _summed(out, {"source": str(file), "noise": noise, "seed": seed}, records)


def nearest_files(file: Path, among: Sequence[str], most: int) -> list[Record]:
    """The structures of other files that are most like one, nearest first; unreadable ones are left out."""
    wanted = fingerprint(read_structure(file))
    found = []
    with ProgressDisplay("nearest", "structures") as display:
        paths = expand(among)
        for number, path in enumerate(paths):
            for name, other in read_many(path):
                if isinstance(other, InputError):
                    continue
                distance = float(np.linalg.norm(fingerprint(other) - wanted))
                about = {"name": name, "source": str(path), "formula": other.formula, "atoms": len(other)}
                found.append({"distance": distance, **about})
                display.update(number / len(paths), len(found))
    return sorted(found, key=lambda record: record["distance"])[:most]


def fingerprint(structure: Structure) -> Float[np.ndarray, " size"]:
    """Numbers that no turn, shift, reflection or choice of the cell changes: what there is, and how dense.

    The mean code of the species, the logarithm of the volume for an atom, and the mean |F|² for an atom of
    places and of species in shells of reciprocal space, which smooth edges keep steady under strain.
    """
    bounds = np.floor(_EDGES[-1] * 1.1 * np.linalg.norm(structure.lattice, axis=1)).astype(int)
    hkl = half_box(bounds)
    lengths = np.linalg.norm(hkl @ np.linalg.inv(structure.lattice).T, axis=1)
    hkl, lengths = hkl[lengths < _EDGES[-1] * 1.1], lengths[lengths < _EDGES[-1] * 1.1]
    codes = code_weights(structure.species, _DIMS)
    wave = waves(hkl, structure.frac_coords)
    strength = np.stack([np.abs(wave.sum(1)) ** 2, (np.abs(wave @ codes) ** 2).sum(1)], axis=1)
    width = _EDGES[1] - _EDGES[0]
    near = np.exp(-0.5 * ((_EDGES[1:, None] - lengths) / width) ** 2)
    # Points in a shell of reciprocal space number its volume times the cell's.
    expected = 2 * np.pi * _EDGES[1:] ** 2 * width * np.sqrt(2 * np.pi) * structure.volume
    shells = np.log1p(near @ strength / expected[:, None] / len(structure))
    density = np.log(structure.volume / len(structure))
    return np.concatenate([4 * codes.mean(0), [density], shells.T.ravel()])


def _written(out: Path, name: str, decoded: Decoded) -> Record:
    """Write one structure; its record, with whether its atoms keep their distance."""
    out.mkdir(parents=True, exist_ok=True)
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
    write_lines(out / SUMMARY, [json.dumps(summary, indent=1)])
    return summary
