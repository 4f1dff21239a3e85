"""What a model makes of structures that it does not know: whole cells by ours, boxes as published."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from argand.crew import HERE, Crew, Machines, in_chunks
from argand.errors import ConfigError, InputError
from argand.io.structure import expand, usable
from argand.physics.crystal.comparison import Comparison, compare
from argand.physics.crystal.gaussian_fit import SECONDS, fit_atoms
from argand.physics.crystal.structure import Structure
from argand.physics.crystal.voxel_box import Atoms, Box
from argand.progress import ProgressDisplay
from argand.runs.course import Failure, attempted, worked
from argand.runs.one_by_one import OneByOne
from argand.runs.record import SCHEMA_VERSION
from argand.systems.crystals.models.boxes import PublishedModel
from argand.systems.crystals.models.interface import Model
from argand.systems.crystals.models.named import named_model
from argand.systems.crystals.network import CLASSES
from argand.systems.crystals.published.decoder import BoxCoder, LinearCoder, RefinedCoder, load_coder
from argand.systems.crystals.simulate import BoxSample, box_sample, repeats

EVALUATION_SEED = 2_000_003
"""Neither the seed of any training run nor that of its validation; any other of that kind would do."""
VIEWS = ("single", "repeating")
WHOLE = "whole cell"
FLOOR = 1.0
"""Electrons; lower maxima are no atoms. By hand: what hydrogen has."""

NOTHING = Atoms(np.zeros((0, 3)), np.zeros(0, np.uint8))
"""Where no atom has come back."""

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
    return (cell_trial(model, truth) for truth in structures)


def cell_trial(model: Model, truth: Structure) -> Trial:
    """A whole cell encoded and decoded; where that fails nothing has come back."""
    answer = lambda: [model.decode(model.encode(truth)).structure]  # noqa: E731
    (decoded,) = attempted(truth.formula, answer)
    if isinstance(decoded, Failure):
        logger.warning("lost: %s", decoded.message)
        return lost(truth)
    return Trial(compare(decoded, truth), len(truth), decoded, truth)


def lost(truth: Structure) -> Trial:
    """The trial of which nothing has come back."""
    none = Structure(truth.lattice, truth.species[:0], truth.frac_coords[:0])
    return Trial(compare(none, truth), len(truth), none, truth)


def box_trials(
    structures: Sequence[Structure], view: str, box: Box, reader: Reader, seed: int = EVALUATION_SEED
) -> Iterator[Trial]:
    """Boxes of 10 Å and what a reader gets from them, as `box_trial`, without what that leaves out."""
    for number, structure in enumerate(structures):
        trial = box_trial(structure, number, view, box, reader, seed)
        if trial is not None:
            yield trial


def box_trial(
    structure: Structure, number: int, view: str, box: Box, reader: Reader, seed: int
) -> Trial | None:
    """A box of 10 Å and what a reader gets from it; where that fails nothing has come back.

    Left out, None, are structures that do not repeat within the box, where it should, and elements without a
    class. Atoms of a single cell that its box has no room for are in neither count. `number` is for the
    seed's course.
    """
    if (view == "repeating" and not repeats(structure, box)) or structure.species.max() >= CLASSES:
        return None
    sample = box_sample(structure, box, view == "single", np.random.default_rng([seed, number]))
    if not len(sample.atoms.species):
        return None
    answer = lambda: [reader(sample, np.random.default_rng([seed, number, 1]))]  # noqa: E731
    (found,) = attempted(structure.formula, answer)
    if isinstance(found, Failure):
        logger.warning("lost: %s", found.message)
        found = NOTHING
    decoded, truth = (_apart(atoms, box.side) for atoms in (found, sample.atoms))
    return Trial(compare(decoded, truth), len(structure), decoded, truth)


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
        return NOTHING


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


@dataclass(frozen=True)
class Item:
    """Structure number `number` of those that are drawn, and by which of the ways it is to come back."""

    way: str
    number: int
    structure: Structure

    def __str__(self) -> str:
        return f"{self.structure.formula}, {self.way}"


@dataclass(frozen=True)
class Trials:
    """A crew's setup: loads a model, whose comparisons of items it gives; None for what is left out."""

    name: str
    weights: Path | None
    seed: int

    def __call__(self) -> Callable[[Sequence[Item]], Iterator[Comparison | Failure | None]]:
        """What compares items; InputError for weights that cannot be read."""
        # Atoms are compared in the cell given.
        model = named_model(self.name, weights=self.weights, keeps_setting=self.name == "symmetric")
        if isinstance(model, PublishedModel):
            coder = _coder(self.weights)
            return OneByOne(partial(_box_comparison, _readers(coder), coder.box, self.seed)).results
        return OneByOne(partial(_cell_comparison, model)).results

    def ways(self) -> list[str]:
        """The ways that structures come back, which are rows of figures. ConfigError for an unknown model."""
        model = named_model(self.name, weights=self.weights)
        if not isinstance(model, PublishedModel):
            return [WHOLE]
        return [view + what for view in VIEWS for what in _readers(_coder(self.weights))]


def _coder(weights: Path | None) -> BoxCoder:
    return LinearCoder() if weights is None else load_coder(weights)


def _readers(coder: BoxCoder) -> dict[str, Reader]:
    """What gets atoms from boxes, by the end of the row's name."""
    ways = {"": coded(coder), ", perfect density": fitted(coder.box)}
    if isinstance(coder, RefinedCoder):
        ways[", atoms of the maps"] = lambda sample, rng: coder.seen(coder.latents(sample.density[None])[0])
    return ways


def _cell_comparison(model: Model, item: Item) -> Comparison:
    return cell_trial(model, item.structure).comparison


def _box_comparison(readers: dict[str, Reader], box: Box, seed: int, item: Item) -> Comparison | None:
    view, comma, what = item.way.partition(",")
    trial = box_trial(item.structure, item.number, view, box, readers[comma + what], seed)
    return None if trial is None else trial.comparison


def evaluate_model(
    name: str,
    patterns: Sequence[str],
    count: int,
    seed: int = EVALUATION_SEED,
    weights: Path | None = None,
    machines: Machines = HERE,
) -> dict[str, Any]:
    """Rows of figures over `count` structures of some files, drawn by the seed.

    One row for `best` and `symmetric`; of `paper`, or of networks by their weights, a row for each view, and
    those of perfect densities. `failed` names whole structures that could not even be lost: they are in no
    figure. ConfigError for an unknown model or no structures, InputError for weights that cannot be read.
    """
    trials = Trials(name, weights, seed)
    ways = trials.ways()
    structures = drawn(patterns, count, seed)
    items = [Item(way, number, one) for way in ways for number, one in enumerate(structures)]
    found: dict[str, dict[int, Comparison]] = {way: {} for way in ways}
    failed = []
    display = ProgressDisplay(f"evaluate {name}", "structures")
    with Crew(machines, trials) as crew:
        for item, result in worked(crew, in_chunks(items, machines, 4), display, len(items)):
            if isinstance(result, Failure):
                failed.append(result.message)
            elif result is not None:
                found[item.way][item.number] = result
    # The order of the sums is not to depend on who was first.
    rows = [
        {"what": way, **tally([pairs[number] for number in sorted(pairs)])}
        for way, pairs in found.items()
        if pairs
    ]
    about = {"schema_version": SCHEMA_VERSION, "model": name, "count": len(structures), "seed": seed}
    return {**about, "rows": rows, "failed": sorted(failed)}


def drawn(patterns: Sequence[str], count: int, seed: int) -> list[Structure]:
    """Structures of the files, at most `count`; others are told. ConfigError where there are none."""
    kept = [one for path in expand(patterns) for _, one in usable(path)]
    if not kept:
        raise ConfigError("no structure to rebuild; give CIF, POSCAR, XYZ or parquet files")
    order = np.random.default_rng(seed).permutation(len(kept))[:count]
    return [kept[number] for number in order]
