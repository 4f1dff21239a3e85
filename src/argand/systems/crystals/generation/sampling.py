"""The verb sample as a function: new crystals from a prior over the latents.

The prior is a mixture of normal distributions over latents. The centre of each is the latent of a composed
crystal: cell and places of a known one, elements and volume drawn by the network of occupations. A draw from
it is decoded as any other latent is.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from argand.errors import ConfigError
from argand.io.atomic import write_lines
from argand.io.structure import cif_text
from argand.physics.crystal.structure import MIN_DISTANCE, MIN_VOLUME_PER_ATOM, Structure, closest_pair
from argand.progress import ProgressDisplay
from argand.runs.folder import make_folder
from argand.runs.record import Record, write_summary
from argand.system import to_config
from argand.systems.crystals.database.fingerprint_index import (
    SAME,
    FingerprintIndex,
    Formula,
    formula_of,
    load_index,
    shape_of,
)
from argand.systems.crystals.database.latents import StoredLatent, write_latents
from argand.systems.crystals.generation.element_assignment import assign_elements, plausibility
from argand.systems.crystals.generation.occupation_training import load_occupation
from argand.systems.crystals.generation.structure_templates import load_templates
from argand.systems.crystals.latent.decoding import Decoded
from argand.systems.crystals.latent.interpolation import add_noise
from argand.systems.crystals.latent.overlap_relaxation import relax_overlaps
from argand.systems.crystals.latent.representation import Latent, Representation

LATENTS = "latents.parquet"
_CHUNK = 128
"""Samples made at a time. Each chunk has a seed of its own: another number draws others."""


@dataclass(frozen=True)
class Prior:
    """How new crystals are drawn: `noise` on latents as a share of their size; `temperature` of elements.

    `tries` are repairs. Defaults by hand. benchmarks/crystals_samples.py shows what temperature buys: 1.0
    gives 87 % valid compositions and 86 % new ones, 0.7 gives 89 and 80 %, the default with noise and
    decoding 87 and 85 %. With 1 % noise structures come back whole (benchmarks/crystals.py). ConfigError for
    a temperature that is not above zero, or noise below it.
    """

    temperature: float = 0.8
    noise: float = 0.01
    tries: int = 3

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ConfigError(f"a temperature of {self.temperature:g} draws nothing; give one above 0")
        if self.noise < 0:
            raise ConfigError(f"a noise of {self.noise:g} is below zero")


@dataclass(frozen=True)
class Sample:
    """A drawn latent, the name of the known crystal whose places it began with, and what it decodes to."""

    prototype: str
    latent: Latent
    decoded: Decoded


def draw(
    prior: Prior, representation: Representation, count: int, seed: int, weights: Path | None = None
) -> list[Sample]:
    """`count` samples, fixed by the seed; ConfigError where none are asked for, InputError for no weights."""
    if count < 1:
        raise ConfigError(f"a count of {count} asks for nothing; give 1 or more")
    network, prototypes = load_occupation(weights), load_templates()
    made: list[Sample] = []
    with ProgressDisplay("sample", "structures") as display:
        for first in range(0, count, _CHUNK):
            rng = np.random.default_rng([seed, first])
            rows = rng.integers(len(prototypes), size=min(_CHUNK, count - first))
            skeletons = [prototypes[int(row)] for row in rows]
            composed = assign_elements(network, skeletons, int(rng.integers(2**31)), prior.temperature)
            for row, structure in zip(rows, composed, strict=True):
                latent = add_noise(representation.encode(structure), prior.noise, int(rng.integers(2**31)))
                decoded = relax_overlaps(representation, latent, prior.tries)
                made.append(Sample(prototypes.names[int(row)], latent, decoded))
                display.update(len(made) / count, len(made))
    return made


def sample_files(
    out: Path,
    count: int,
    seed: int,
    representation: Representation,
    prior: Prior,
    index: Path | None = None,
    weights: Path | None = None,
) -> Record:
    """Write `count` new crystals as `sample-0001.cif` and so on, their latents, and a summary.

    Each record names the nearest known structure, and marks what is known or has been drawn before. Errors as
    of `draw`; the index is the shipped one without another.
    """
    known = load_index(index)
    samples = draw(prior, representation, count, seed, weights)
    width = max(4, len(str(count)))
    names = [f"sample-{number:0{width}d}" for number in range(1, count + 1)]
    records = annotated(samples, names, known, weights)
    make_folder(out)
    for name, one, record in zip(names, samples, records, strict=True):
        tags = {f"_argand_{key}": f"{record[key]:.4g}" for key in ("confidence", "misfit", "plausibility")}
        write_lines(out / record["file"], cif_text(one.decoded.structure, name, tags).splitlines())
    rows = [
        StoredLatent(name, one.prototype, len(one.decoded.structure), one.latent)
        for name, one in zip(names, samples, strict=True)
    ]
    write_latents(out / LATENTS, rows, to_config(representation))
    summary = {
        **shares(records),
        "seed": seed,
        "prior": asdict(prior),
        "indexed": len(known),
        "representation": to_config(representation),
        "structures": records,
    }
    write_summary(out, summary)
    return summary


def annotated(
    samples: Sequence[Sample], names: Sequence[str], known: FingerprintIndex, weights: Path | None = None
) -> list[Record]:
    """One record for each sample: validity, confidence, plausibility, what it resembles and repeats.

    Distances of atoms in Å, volumes in Å³; that to the nearest known structure is one of fingerprints. The
    plausibility is a geometric mean over atoms, 0 for what the network does not take.
    """
    structures = [one.decoded.structure for one in samples]
    likely = plausibility(load_occupation(weights), structures)
    repeats = repeated(structures)
    records = []
    for number, (name, one) in enumerate(zip(names, samples, strict=True)):
        structure = structures[number]
        nearest = known.nearest(structure)[0]
        # The plausibility is a geometric mean; the billionth keeps one hopeless atom from making it 0.
        chance, first = likely[number], repeats[number]
        records.append(
            {
                "file": f"{name}.cif",
                "formula": structure.formula,
                "atoms": len(structure),
                "valid": is_valid(structure),
                "confidence": one.decoded.confidence,
                "plausibility": 0.0 if chance is None else float(np.exp(np.log(chance + 1e-9).mean())),
                "misfit": one.decoded.misfit,
                "shortest_distance": closest_pair(structure)[2],
                "volume_per_atom": structure.volume / len(structure),
                "prototype": one.prototype,
                "nearest": nearest["name"],
                "nearest_formula": nearest["formula"],
                "nearest_distance": nearest["distance"],
                "known_as": known.same_as(structure),
                "duplicate_of": None if first is None else names[first],
            }
        )
    return records


def is_valid(structure: Structure) -> bool:
    """Whether all atoms, images included, are farther than 0.5 Å apart, and the cell has room for them."""
    roomy = structure.volume > MIN_VOLUME_PER_ATOM * len(structure)
    return roomy and closest_pair(structure)[2] > MIN_DISTANCE


def repeated(structures: Sequence[Structure]) -> list[int | None]:
    """For each structure the number of an earlier one of the same formula and shape, or None."""
    seen: dict[Formula, list[int]] = {}
    shapes = [shape_of(structure) for structure in structures]
    found: list[int | None] = []
    for number, structure in enumerate(structures):
        earlier = seen.setdefault(formula_of(structure), [])
        near = (one for one in earlier if np.linalg.norm(shapes[one] - shapes[number]) < SAME)
        found.append(next(near, None))
        earlier.append(number)
    return found


def shares(records: Sequence[Record]) -> Record:
    """What share of the samples is valid, new and no repetition, and the means of their judgements."""
    count = len(records)
    return {
        "count": count,
        "valid": sum(one["valid"] for one in records) / count,
        "unique": sum(one["duplicate_of"] is None for one in records) / count,
        "new": sum(one["known_as"] is None for one in records) / count,
        "mean_confidence": float(np.mean([one["confidence"] for one in records])),
        "mean_plausibility": float(np.mean([one["plausibility"] for one in records])),
    }
