"""What a model makes of structures that it does not know: whole cells by ours, boxes as published."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from argand.errors import ConfigError, InputError
from argand.io.structure import expand, usable
from argand.physics.crystal.comparison import Comparison, compare
from argand.physics.crystal.gaussian_fit import SECONDS, fit_atoms
from argand.physics.crystal.structure import Structure
from argand.physics.crystal.voxel_box import Atoms, Box
from argand.progress import ProgressDisplay
from argand.runs.course import Failure, attempted
from argand.systems.crystals.models.boxes import PublishedModel
from argand.systems.crystals.models.interface import Model
from argand.systems.crystals.models.named import named_model
from argand.systems.crystals.network import CLASSES
from argand.systems.crystals.published.decoder import BoxCoder, LinearCoder, RefinedCoder, load_coder
from argand.systems.crystals.simulate import BoxSample, box_sample, repeats

EVALUATION_SEED = 2_000_003
"""Neither the seed of any training run nor that of its validation; any other of that kind would do."""
VIEWS = ("single", "repeating")
FLOOR = 1.0
"""Electrons; lower maxima are no atoms. By hand: what hydrogen has."""

Reader = Callable[[BoxSample, np.random.Generator], Atoms]
"""Gets atoms from a box; the generator is for noise."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trial:
    """Atoms compared, decoded and true ones, and how many atoms the whole cell has."""

    comparison: Comparison
    cell_atoms: int
    decoded: Structure
    truth: Structure


def cell_trials(model: Model, structures: Sequence[Structure]) -> Iterator[Trial]:
    """Whole cells encoded and decoded; where that fails nothing has come back, and no other is ended."""
    for truth in structures:
        answer = partial(_rebuilt, model, truth)
        (decoded,) = attempted(truth.formula, answer, (Exception,))
        if isinstance(decoded, Failure):
            logger.warning("lost: %s", decoded.message)
            decoded = Structure(truth.lattice, truth.species[:0], truth.frac_coords[:0])
        yield Trial(compare(decoded, truth), len(truth), decoded, truth)


def _rebuilt(model: Model, truth: Structure) -> Iterator[Structure]:
    yield model.decode(model.encode(truth)).structure


def box_trials(
    structures: Sequence[Structure], view: str, box: Box, reader: Reader, seed: int = EVALUATION_SEED
) -> Iterator[Trial]:
    """Boxes of 10 Å and what a reader gets from them.

    Left out are structures that do not repeat within the box, where it should, and elements without a class.
    Atoms of a single cell that its box has no room for are in neither count.
    """
    for number, structure in enumerate(structures):
        if (view == "repeating" and not repeats(structure, box)) or structure.species.max() >= CLASSES:
            continue
        sample = box_sample(structure, box, view == "single", np.random.default_rng([seed, number]))
        if not len(sample.atoms.species):
            continue
        found = reader(sample, np.random.default_rng([seed, number, 1]))
        decoded, truth = (_apart(atoms, box.side) for atoms in (found, sample.atoms))
        yield Trial(compare(decoded, truth), len(structure), decoded, truth)


def coded(coder: BoxCoder, noise: float = 0.0) -> Reader:
    """Atoms fitted to a box's vector, with noise of this share of the vector's root mean square."""

    def read(sample: BoxSample, rng: np.random.Generator) -> Atoms:
        latent = coder.latents(sample.density[None])[0]
        error = noise * np.sqrt(np.mean(latent**2)) * rng.standard_normal(len(latent))
        return _or_none(lambda: coder.fitted((latent + error).astype(np.float32)).inside(coder.box).atoms)

    return read


def fitted(box: Box, seconds: float = SECONDS) -> Reader:
    """Atoms fitted to the density itself: the ceiling of any vector."""
    return lambda sample, rng: _or_none(lambda: fit_atoms(sample.density, box, seconds).inside(box).atoms)


def peaks(box: Box) -> Reader:
    """Atoms at the maxima of the density itself."""
    return lambda sample, rng: box.read_peaks(sample.density, FLOOR)


def _or_none(read: Callable[[], Atoms]) -> Atoms:
    """Atoms, none of them where a box has none to tell."""
    try:
        return read()
    except InputError:
        return Atoms(np.zeros((0, 3)), np.zeros(0, np.uint8))


def _apart(atoms: Atoms, side: float) -> Structure:
    """The atoms in a cell so wide that no neighbour is in reach: of three boxes a side, in the middle one."""
    return Structure(3 * side * np.eye(3), atoms.species, (atoms.places + side) / (3 * side))


def tally(pairs: Sequence[Comparison]) -> dict[str, Any]:
    """Shares of atoms found, of decoded ones that are true, of right species, and of faultless structures.

    Found is an atom within 0.5 Å (`compare`); species are of those found; the distance is in Å.
    """
    found = sum(pair.found for pair in pairs)
    distances = [pair.rms_distance for pair in pairs if pair.found]
    return {
        "structures": len(pairs),
        "atoms": sum(pair.atoms for pair in pairs),
        "recall": found / sum(pair.atoms for pair in pairs),
        "precision": found / max(sum(pair.decoded for pair in pairs), 1),
        "species_of_found": sum(pair.species_right for pair in pairs) / max(found, 1),
        "rms_distance": fmean(distances) if distances else None,
        "all_right": fmean(pair.is_exact for pair in pairs),
    }


def evaluate_model(
    name: str, patterns: Sequence[str], count: int, seed: int = EVALUATION_SEED, weights: Path | None = None
) -> dict[str, Any]:
    """Rows of figures over `count` structures of some files, drawn by the seed.

    One row for `best` and `symmetric`; of `paper`, or of networks by their weights, a row for each view, and
    those of perfect densities. ConfigError for an unknown model or no structures, InputError for weights that
    cannot be read.
    """
    # Atoms are compared in the cell given.
    model = named_model(name, weights=weights, keeps_setting=name == "symmetric")
    structures = drawn(patterns, count, seed)
    trials: dict[str, Iterator[Trial]]
    if not isinstance(model, PublishedModel):
        trials = {"whole cell": cell_trials(model, structures)}
    else:
        coder = LinearCoder() if weights is None else load_coder(weights)
        ways = {"": coded(coder), ", perfect density": fitted(coder.box)}
        if isinstance(coder, RefinedCoder):
            ways[", atoms of the maps"] = lambda sample, rng: coder.seen(
                coder.latents(sample.density[None])[0]
            )
        trials = {
            view + what: box_trials(structures, view, coder.box, reader, seed)
            for view in VIEWS
            for what, reader in ways.items()
        }
    rows = []
    with ProgressDisplay(f"evaluate {name}", "structures") as display:
        for what, row in trials.items():
            pairs = []
            for trial in row:
                pairs.append(trial.comparison)
                display.update((len(rows) + len(pairs) / len(structures)) / len(trials), len(pairs))
            if pairs:
                rows.append({"what": what, **tally(pairs)})
    return {"model": name, "count": len(structures), "seed": seed, "rows": rows}


def drawn(patterns: Sequence[str], count: int, seed: int) -> list[Structure]:
    """Structures of the files, at most `count`; others are told. ConfigError where there are none."""
    kept = [one for path in expand(patterns) for _, one in usable(path)]
    if not kept:
        raise ConfigError("no structure to rebuild; name CIF, POSCAR, XYZ or parquet files")
    order = np.random.default_rng(seed).permutation(len(kept))[:count]
    return [kept[number] for number in order]
