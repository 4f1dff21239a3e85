"""New frameworks sampled by the network, compared with counts of its training data and the data; likelihoods.

    python benchmarks/crystals_frameworks.py --data CRYSTALS --packed PACKED

CRYSTALS is a folder of the parquet files mp_pool and mp_20; PACKED is what `argand crystals train frameworks`
wrote of mp_pool. Needs the extra `bench`. The choosing set are structures of mp_pool of held out formulas, by
which the weights of the run were chosen; the reporting set is mp_20 test, by which nothing was.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from crystals import sample as mp_20_sample
from crystals_samples import HEADINGS as SAMPLE_HEADINGS
from crystals_samples import density, elements, judged
from framework_counts import CountNetwork
from report import as_table, write_report
from rich.console import Console
from scipy.stats import wasserstein_distance

from argand.learn.device import processor_name
from argand.machine import available_cores
from argand.physics.crystal.overlap import is_crowded
from argand.physics.crystal.structure import Structure
from argand.physics.crystal.wyckoff import GROUPS
from argand.systems.crystals.database.dataset import from_parquet
from argand.systems.crystals.database.fingerprint_index import load_index
from argand.systems.crystals.generation.framework import MOST_SITES, Framework, framework
from argand.systems.crystals.generation.framework_card import keep_figures
from argand.systems.crystals.generation.framework_dataset import Arrays, arrays_of, unpacked
from argand.systems.crystals.generation.framework_drawing import Drawn
from argand.systems.crystals.generation.framework_index import label_of, load_frameworks
from argand.systems.crystals.generation.framework_network import FrameworkNetwork, log_likelihood
from argand.systems.crystals.generation.framework_sampling import Composed, draw_with_room
from argand.systems.crystals.generation.framework_training import load_frameworks_network
from argand.systems.crystals.generation.occupation_dataset import is_held_out

SEED = 23
TEMPERATURES = (1.0, 0.8)
CHOOSING, REPORTING = "mp_pool, formulas held out", "mp_20 test"
PARTS = ("group", "letters", "elements", "cell", "places")
BATCH = 256
Row = dict[str, Any]

LIKELIHOOD_HEADINGS = {"what": "what", "set": "set", "structures": "n", "total": "nats"} | {
    name: name for name in PARTS
}
HEADINGS = SAMPLE_HEADINGS | {
    "strict_valid": "no contact",
    "acceptance": "drawn with room",
    "framework_new": "framework new",
    "group_kept": "group kept",
    "groups_distance": "groups TV",
    "density_distance_mp_20": "density W1, mp_20",
    "elements_distance_mp_20": "elements W1, mp_20",
    "atoms_distance_mp_20": "atoms W1, mp_20",
    "groups_distance_mp_20": "groups TV, mp_20",
    "cpu_ms_each": "ms each",
}


def main(
    data: Annotated[Path, typer.Option(help="Folder of the parquet files.")],
    packed: Annotated[Path, typer.Option(help="What the run packed of mp_pool.")],
    count: Annotated[int, typer.Option(help="Samples, and structures of each set.", min=2)] = 1000,
    weights: Annotated[Path | None, typer.Option(help="By default those that ship.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well.")] = None,
    card: Annotated[bool, typer.Option("--card", help="Keep the figures with the weights.")] = False,
) -> None:
    """Print a table of likelihoods and one of samples."""
    console = Console(width=220)
    arrays, learned, _ = unpacked(packed)
    own = {name: values[learned] for name, values in arrays.items() if name != "held_out"}
    networks = {"counts of group and letter": CountNetwork(own), "ours": load_frameworks_network(weights)}
    chosen = held_out(data / "mp_pool.parquet", 2 * count)
    truth = {CHOOSING: chosen[:count], REPORTING: mp_20_sample(data, REPORTING, count)}
    report: dict[str, Any] = {"processor": processor_name(), "cores": available_cores(), "seed": SEED}

    def show(title: str, rows: list[Row], headings: dict[str, str]) -> None:
        report[title] = report.get(title, []) + rows
        console.print(as_table(title, rows, headings))
        if json_file:
            write_report(json_file, report)

    told = {name: frameworks_of(structures) for name, structures in truth.items()}
    for name, found in told.items():
        rows = [{"what": what, "set": name, **likelihood(one, found)} for what, one in networks.items()]
        show("likelihood", rows, LIKELIHOOD_HEADINGS)

    groups = {name: shares([one.group for one in found]) for name, found in told.items()}
    other = chosen[count:]
    row = judged_frameworks("data, formulas held out", other, frameworks_of(other), truth, groups)
    show("samples", [row], HEADINGS)
    asked = [("counts of group and letter", 1.0), *(("ours", one) for one in TEMPERATURES)]
    for what, temperature in asked:
        start = time.process_time()
        made = draw_with_room(networks[what], count, SEED, temperature)
        spent = time.process_time() - start
        structures = [one.structure for one in made.kept if one.structure is not None]
        name = f"{what}, temperature {temperature:g}"
        row = judged_frameworks(name, structures, frameworks_of(structures), truth, groups)
        row |= {"acceptance": made.acceptance, "cpu_ms_each": 1e3 * spent / made.with_room}
        show("samples", [row | {"group_kept": kept(made)}], HEADINGS)
    if card:
        tables = {
            "likelihood": [{**row, "what": f"{row['what']}, {row['set']}"} for row in report["likelihood"]],
            "samples": report["samples"],
        }
        columns = {"likelihood": ["what", "structures", "total", *PARTS], "samples": list(HEADINGS)}
        keep_figures({title: [pick(row, columns[title]) for row in rows] for title, rows in tables.items()})


def pick(row: Row, columns: Sequence[str]) -> Row:
    """Some columns of a row."""
    return {name: row[name] for name in columns}


def held_out(pool: Path, count: int) -> list[Structure]:
    """Structures of formulas that nothing was learned from, drawn by the seed."""
    found = [one for _, one in from_parquet(pool, MOST_SITES).named("read") if is_held_out(one)]
    return [found[row] for row in np.random.default_rng(SEED).permutation(len(found))[:count]]


def frameworks_of(structures: Sequence[Structure]) -> list[Framework]:
    """Frameworks of those that spglib finds one of."""
    return [found for one in structures if (found := framework(one)) is not None]


def likelihood(network: FrameworkNetwork, frameworks: Sequence[Framework]) -> Row:
    """Mean of minus the logarithm of the likelihood and of its parts, nats for a structure."""
    arrays = arrays_of([one for one in frameworks if one.sites <= MOST_SITES])
    firsts = range(0, len(arrays["group"]), BATCH)
    with torch.inference_mode():
        found = [log_likelihood(network, as_batch(arrays, first)) for first in firsts]
    parts = {name: -float(torch.cat([one[name] for one in found]).mean()) for name in PARTS}
    return {"structures": len(arrays["group"]), "total": sum(parts.values()), **parts}


def as_batch(arrays: Arrays, first: int) -> dict[str, torch.Tensor]:
    """`BATCH` rows from `first` on as tensors."""
    return {name: torch.from_numpy(values[first : first + BATCH]) for name, values in arrays.items()}


def judged_frameworks(
    what: str,
    structures: Sequence[Structure],
    frameworks: Sequence[Framework],
    truth: dict[str, list[Structure]],
    groups: dict[str, np.ndarray],
) -> Row:
    """What other samples are judged by, and what is peculiar to frameworks.

    Distances of groups are total variations: half the sum of the differences of their shares. All are to the
    choosing set, and once more, as `_mp_20`, to the reporting set.
    """
    listed = load_frameworks().holds([label_of(one) for one in frameworks])
    own = shares([one.group for one in frameworks])
    properties = {"density": density, "elements": elements, "atoms": len}
    reporting = {
        f"{name}_distance_mp_20": float(
            wasserstein_distance(*(list(map(ask, part)) for part in (structures, truth[REPORTING])))
        )
        for name, ask in properties.items()
    }
    return {
        "what": what,
        "asked": len(structures),
        **judged(structures, len(structures), truth[CHOOSING], load_index()),
        **reporting,
        "strict_valid": 1 - float(np.mean([is_crowded(one) for one in structures])),
        "framework_new": 1 - float(listed.mean()),
        "groups_distance": float(np.abs(own - groups[CHOOSING]).sum() / 2),
        "groups_distance_mp_20": float(np.abs(own - groups[REPORTING]).sum() / 2),
        "acceptance": None,
        "group_kept": None,
        "cpu_ms_each": None,
    }


def shares(groups: Sequence[int]) -> np.ndarray:
    """Share of each group."""
    return np.bincount(groups, minlength=GROUPS + 1) / len(groups)


def kept(made: Composed) -> float:
    """Share of samples in which spglib finds the sampled space group."""
    return float(np.mean([_has_its_group(one) for one in made.kept]))


def _has_its_group(one: Drawn) -> bool:
    found = None if one.structure is None else framework(one.structure)
    return found is not None and found.group == one.group


if __name__ == "__main__":
    torch.set_num_threads(1)
    typer.run(main)
