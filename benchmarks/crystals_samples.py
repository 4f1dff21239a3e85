"""New crystals from the prior, from simple priors and from the data; interpolations; hidden elements.

    python benchmarks/crystals_samples.py --data CRYSTALS --json benchmarks/results/crystals_samples.json

CRYSTALS is a folder of the parquet files mp_pool and mp_20. Needs the extra `bench`. The data are structures
of mp_pool whose formulas are held out from the prior and from its network.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import gemmi
import numpy as np
import torch
import typer
from crystals import sample as mp_20_sample
from report import as_table, write_report
from rich.console import Console
from scipy.cluster.vq import kmeans2
from scipy.stats import wasserstein_distance

from argand.errors import ArgandError
from argand.learn.device import processor_name
from argand.machine import available_cores
from argand.physics.crystal.comparison import match
from argand.physics.crystal.structure import MAX_Z, Structure
from argand.progress import ProgressDisplay
from argand.systems.crystals.database.composition import is_composition_valid
from argand.systems.crystals.database.dataset import from_parquet
from argand.systems.crystals.database.fingerprint_index import SAME, FingerprintIndex, formula_of, load_index
from argand.systems.crystals.generation.candidates import Prior
from argand.systems.crystals.generation.element_assignment import assign_elements, kind_probabilities
from argand.systems.crystals.generation.local_environment import LARGEST, fits
from argand.systems.crystals.generation.occupation_card import keep_figures
from argand.systems.crystals.generation.occupation_dataset import is_held_out
from argand.systems.crystals.generation.occupation_training import load_occupation
from argand.systems.crystals.generation.sampling import draw, repeated
from argand.systems.crystals.generation.selection import is_strictly_valid, is_valid
from argand.systems.crystals.generation.structure_templates import load_templates
from argand.systems.crystals.latent.decoding import decode
from argand.systems.crystals.latent.interpolation import interpolate
from argand.systems.crystals.latent.representation import HEAD, Latent, Representation

SEED = 11
FITTED, CLUSTERS = 3000, 40
"""Latents that the plain priors are fitted to, and components of their mixture."""
STEPS = 10
ATOMS_AT = HEAD - 1
ASKED = 400
"""Structures that elements are hidden of."""
TEMPERATURES = (1.0, 0.7)
REPRESENTATION = Representation()
Row = dict[str, Any]


def main(
    data: Annotated[Path, typer.Option(help="Folder of the parquet files.")],
    count: Annotated[
        int, typer.Option(help="Samples of the prior, and structures of the data.", min=2)
    ] = 1000,
    floor: Annotated[int, typer.Option(help="Samples of each simple prior.", min=2)] = 60,
    pairs: Annotated[int, typer.Option(help="Pairs of mp_20 test to interpolate between.", min=1)] = 20,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well.")] = None,
    card: Annotated[bool, typer.Option("--card", help="Keep the figures with the weights.")] = False,
) -> None:
    """Print a table of samples, one of hidden elements, and the share of valid interpolations."""
    console, known = Console(width=180), load_index()
    pool = [one for _, one in from_parquet(data / "mp_pool.parquet", LARGEST).named("read")]
    held = held_out(pool, 2 * count)
    truth, other = held[:count], held[count:]
    report: dict[str, Any] = {"processor": processor_name(), "cores": available_cores(), "seed": SEED}

    def show(title: str, rows: list[Row], headings: dict[str, str] | None = None) -> None:
        report[title] = report.get(title, []) + rows
        console.print(as_table(title, rows, headings))
        if json_file:
            write_report(json_file, report)

    def judge(what: str, structures: Sequence[Structure], asked: int, **more: Any) -> None:
        row = {"what": what, "asked": asked, **judged(structures, asked, truth, known), **more}
        show("samples", [row], HEADINGS)

    show("hidden elements", hidden_elements(load_occupation(), truth[:ASKED]), HIDDEN_HEADINGS)
    judge("data, formulas held out", other, len(other))
    made, more = ours(count)
    judge("ours, decoded", made, count, **more, **by_matcher(made, pool, known))
    for temperature in TEMPERATURES:
        judge(f"composed alone, temperature {temperature}", composed(temperature, count), count)
    for name, drawer in plain_priors().items():
        judge(f"{name}, decoded", drawer(floor), floor)
    show("interpolations", [interpolations(data, pairs)])
    if card:
        keys = tuple(HEADINGS)
        samples = [{key: row[key] for key in keys} for row in report["samples"]]
        keep_figures({"hidden elements": report["hidden elements"], "samples": samples})


HIDDEN_HEADINGS = {"shown": "shown", "kinds": "n", "right": "right", "among_five": "among five"}
HEADINGS = {
    "what": "what",
    "asked": "n",
    "valid": "structure valid",
    "valid_strict": "strictly",
    "composition_valid": "composition valid",
    "unique": "unique",
    "new": "new",
    "formula_new": "formula new",
    "density_distance": "density W1",
    "elements_distance": "elements W1",
    "atoms_distance": "atoms W1",
}


def held_out(pool: Sequence[Structure], count: int) -> list[Structure]:
    """Structures of formulas that nothing was learned from, drawn by the seed."""
    found = [one for one in pool if is_held_out(one) and fits(one)]
    return [found[row] for row in np.random.default_rng(SEED).permutation(len(found))[:count]]


def ours(count: int) -> tuple[list[Structure], Row]:
    """Samples of the prior, and how long they took and how sure they are."""
    start = time.process_time()
    drawn = draw(Prior(), REPRESENTATION, count, SEED)
    spent = time.process_time() - start
    confidence = float(np.mean([one.decoded.confidence for one in drawn]))
    return [one.structure for one in drawn], {"cpu_s_each": spent / count, "mean_confidence": confidence}


def composed(temperature: float, count: int) -> list[Structure]:
    """The centres of the prior's mixture, which did not go through a latent."""
    prototypes = load_templates()
    rows = np.random.default_rng(SEED).integers(len(prototypes), size=count)
    return assign_elements(load_occupation(), [prototypes[int(row)] for row in rows], SEED, temperature)


def plain_priors() -> dict[str, Callable[[int], list[Structure]]]:
    """A normal distribution fitted to latents, and a mixture of normal ones, decoded."""
    prototypes = load_templates()
    rng = np.random.default_rng(SEED)
    rows = rng.permutation(len(prototypes))[:FITTED]
    latents = np.array([REPRESENTATION.encode(prototypes[int(row)]) for row in rows], float)
    mean, spread = latents.mean(0), latents.std(0) + 1e-6
    _, labels = kmeans2((latents - mean) / spread, CLUSTERS, seed=SEED, minit="++")

    def normal(count: int) -> list[Structure]:
        return decoded(rng.multivariate_normal(mean, np.cov(latents.T), count))

    def mixture(count: int) -> list[Structure]:
        chosen = labels[rng.integers(len(labels), size=count)]
        centres = np.array([latents[labels == one].mean(0) for one in chosen])
        widths = np.array([latents[labels == one].std(0) for one in chosen])
        return decoded(centres + widths * rng.standard_normal(centres.shape))

    return {"normal distribution": normal, f"mixture of {CLUSTERS}": mixture}


def decoded(latents: np.ndarray) -> list[Structure]:
    """What the vectors decode to, with as many atoms as belong to their length; none for one that fails."""
    found = []
    for latent in latents:
        latent[ATOMS_AT] = np.clip(np.rint(latent[ATOMS_AT] * 20), 1, 20) / 20
        try:
            found.append(decode(REPRESENTATION, as_latent(latent), 2).structure)
        except ArgandError:
            continue
    return found


def as_latent(values: np.ndarray) -> Latent:
    """The numbers as a latent holds them."""
    return values.astype(np.float32)


def judged(
    structures: Sequence[Structure], asked: int, truth: Sequence[Structure], known: FingerprintIndex
) -> Row:
    """Shares of what was asked for, and distances to the distributions of the data."""
    valid = [is_valid(one) for one in structures]
    sound = [one for one, good in zip(structures, valid, strict=True) if good]
    right = [is_composition_valid(one) for one in structures]
    repeats = repeated(structures)
    names = [known.same_as(one) for one in structures]
    return {
        "valid": len(sound) / asked,
        "valid_strict": sum(map(is_strictly_valid, structures)) / asked,
        "composition_valid": sum(right) / asked,
        "both_valid": sum(a and b for a, b in zip(right, valid, strict=True)) / asked,
        "unique": sum(one is None for one in repeats) / asked,
        "new": sum(one is None for one in names) / asked,
        "formula_new": sum(formula_of(one) not in known.rows_of for one in structures) / asked,
        "density_distance": wasserstein_distance(*(list(map(density, part)) for part in (sound, truth))),
        "elements_distance": wasserstein_distance(*(list(map(elements, part)) for part in (sound, truth))),
        "atoms_distance": wasserstein_distance(*(list(map(len, part)) for part in (sound, truth))),
    }


def by_matcher(structures: Sequence[Structure], pool: Sequence[Structure], known: FingerprintIndex) -> Row:
    """What StructureMatcher says of repetitions and of known structures, and how often our marks agree."""
    by_formula: dict[Any, list[Structure]] = defaultdict(list)
    for one in pool:
        by_formula[formula_of(one)].append(one)
    repeats, old = 0, []
    drawn: dict[Any, list[Structure]] = defaultdict(list)
    for one in structures:
        formula = formula_of(one)
        repeats += any(match(one, other) is not None for other in drawn[formula])
        drawn[formula].append(one)
        old.append(any(match(one, other) is not None for other in by_formula[formula]))
    marked = [known.same_as(one) is not None for one in structures]
    near = [known.same_formula(one)[:1] for one in structures]
    alike = [bool(first) and first[0][1] < SAME for first in near]
    return {
        "unique_by_matcher": 1 - repeats / len(structures),
        "new_by_matcher": 1 - sum(old) / len(structures),
        "marks_of_known_agree": float(np.mean([a == b for a, b in zip(old, marked, strict=True)])),
        "fingerprints_agree": float(np.mean([a == b for a, b in zip(old, alike, strict=True)])),
        "known_but_not_marked": sum(a and not b for a, b in zip(old, marked, strict=True)),
        "marked_but_not_known": sum(b and not a for a, b in zip(old, marked, strict=True)),
    }


def density(structure: Structure) -> float:
    """g/cm³."""
    mass = sum(gemmi.Element(int(z)).weight for z in structure.species)
    return mass * 1.66054 / structure.volume


def elements(structure: Structure) -> int:
    """How many there are."""
    return len(np.unique(structure.species))


def hidden_elements(network: Any, structures: Sequence[Structure]) -> list[Row]:
    """How often the network, the most frequent element, and a like kind's are right about hidden elements."""
    prototypes = load_templates()
    frequency = np.bincount(prototypes.species, minlength=MAX_Z + 1)
    by_kinds = np.zeros(MAX_Z + 1)
    for row in range(len(prototypes)):
        by_kinds[np.unique(prototypes[row].species)] += 1
    rows = [_ranked("nothing: most frequent of kinds", [by_kinds] * len(structures), structures)]
    rows.append(_ranked("nothing: most frequent of atoms", [frequency] * len(structures), structures))
    for name, all_hidden in (("places alone", True), ("places and all other elements", False)):
        rows.append({"shown": name, **_asked(network, structures, all_hidden)})
    return rows


def _ranked(shown: str, counts: Sequence[np.ndarray], structures: Sequence[Structure]) -> Row:
    """How often the most frequent elements, without those shown, are those of a kind."""
    right, five, total = 0, 0, 0
    for one, frequency in zip(structures, counts, strict=True):
        for element in np.unique(one.species):
            others = [z for z in np.unique(one.species) if z != element]
            left = frequency.astype(float).copy()
            left[others] = -1
            order = np.argsort(-left)[:5]
            right, five, total = right + (order[0] == element), five + (element in order), total + 1
    return {"shown": shown, "kinds": total, "right": right / total, "among_five": five / total}


def _asked(network: Any, structures: Sequence[Structure], all_hidden: bool) -> Row:
    right, five, total = 0, 0, 0
    for one, chances in zip(structures, kind_probabilities(network, structures, all_hidden), strict=True):
        truth = np.unique(one.species)
        for kind, element in enumerate(truth):
            order = np.argsort(-chances[kind])[:5] + 1
            right, five, total = right + (order[0] == element), five + (element in order), total + 1
    return {"kinds": total, "right": right / total, "among_five": five / total}


def interpolations(data: Path, pairs: int) -> Row:
    """Share of valid structures on ways between random pairs."""
    ends = mp_20_sample(data, "mp_20 test", 2 * pairs)
    found: list[bool] = []
    with ProgressDisplay("interpolate", "pairs") as display:
        for number in range(pairs):
            way = interpolate(REPRESENTATION, ends[2 * number], ends[2 * number + 1], STEPS)
            found += [is_valid(one.structure) for one in way]
            display.update((number + 1) / pairs, number + 1)
    return {"pairs": pairs, "steps": len(found), "valid": float(np.mean(found))}


if __name__ == "__main__":
    torch.set_num_threads(1)
    typer.run(main)
