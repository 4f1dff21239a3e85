"""How stable, unique and new sampled crystals are: relaxed by CHGNet, against the hull of the pool's phases.

    python benchmarks/crystals_stability.py --data CRYSTALS --work RUNS --json RESULTS/crystals_stability.json

CRYSTALS is a folder of the parquet files mp_pool and mp_20. Needs the extras `energy` and `bench`. RUNS keeps
every crystal and what was said of it, so that the same command goes on. Settings were chosen on samples of
another seed, CHOICE; `--choice` measures these.
"""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from crystals import sample as mp_20_sample
from report import as_table, write_report
from rich.console import Console

from argand.crew import HERE, Machines
from argand.io.structure import write_structure
from argand.learn.device import processor_name
from argand.machine import available_cores
from argand.physics.crystal.bond import covalent_radii
from argand.physics.crystal.structure import Structure
from argand.systems.crystals.energy.phases import load_phases
from argand.systems.crystals.energy.potential import VERSION
from argand.systems.crystals.files.samples import Criteria, earlier_records, evaluate_samples, summed
from argand.systems.crystals.generation.candidates import FRAMEWORKS, Prior
from argand.systems.crystals.generation.sampling import sample_files
from argand.systems.crystals.generation.selection import Selection, Wishes
from argand.systems.crystals.generation.structure_templates import load_templates
from argand.systems.crystals.latent.representation import Representation

CHOICE, EVALUATION = 31, 11
PLAUSIBLE = 0.05
"""Least plausibility, chosen on the first 52 new samples of substitution of seed CHOICE: of the 14 below it
36 % were within 0.1 eV/atom of the hull as it was then, of the 38 others 71 %."""
SYMMETRIC = 4
"""Least order of the point group, chosen on the first 15 new and plausible frameworks of seed CHOICE: of the
8 of this order or more 5 were new and within 0.1 eV/atom of the hull of cells of up to 23 atoms, of the 7
others none."""
Row = dict[str, Any]

DRAWN = {
    "substitution": (Prior(), Wishes()),
    "substitution, new and plausible": (Prior(), Wishes(new=True, least_plausibility=PLAUSIBLE)),
    "frameworks, new": (Prior(generator=FRAMEWORKS), Wishes(new=True)),
    "frameworks, all of them new, plausible and symmetric": (
        Prior(generator=FRAMEWORKS),
        Wishes(new=True, new_framework=True, least_plausibility=PLAUSIBLE, least_rotations=SYMMETRIC),
    ),
}
HALVES = (
    "substitution, new and plausible",
    "frameworks, all of them new, plausible and symmetric",
)
BOTH = "both generators: the first halves of these two"
"""Nothing is drawn or relaxed for it: it is what two runs of half as many crystals give together."""
RANDOM, REAL = "random elements on the same skeletons", "real: mp_20 test"
FEWER = 4
"""Random elements are that many times fewer: they take long, and hardly one is near the hull. By hand."""
HEADINGS = {
    "what": "what",
    "count": "n",
    "drawn": "drawn",
    "valid_loose": "valid",
    "valid_strict": "strictly",
    "composition_valid": "charges",
    "median_rmsd": "Å",
    "median_energy_lost": "eV lost",
    "median_above_hull": "above hull",
    "stable_0": "≤ 0",
    "stable_0.1": "≤ 0.1",
    "unique": "unique",
    "new": "new",
    "sun_0": "SUN 0",
    "sun_0.1": "SUN 0.1",
    "new_framework": "new framework",
    "sun_0.1_new_framework": "SUN 0.1 there",
}


def main(
    data: Annotated[Path, typer.Option(help="Folder of the parquet files.")],
    work: Annotated[Path, typer.Option(help="Folder that keeps all crystals; the same call goes on.")],
    count: Annotated[int, typer.Option(help="Crystals of each row.", min=2)] = 200,
    rows: Annotated[list[str] | None, typer.Option(help="Rows to measure; by default all.")] = None,
    choice: Annotated[
        bool, typer.Option("--choice", help="Of the seed that settings were chosen on.")
    ] = False,
    processes: Annotated[int | None, typer.Option(help="By default one a core.", min=1)] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well.")] = None,
) -> None:
    """Print a table: a row for each way to draw, one of random elements, and one of real crystals."""
    seed, console = CHOICE if choice else EVALUATION, Console(width=220)
    report: Row = {
        "processor": processor_name(),
        "cores": available_cores(),
        "seed": seed,
        "role": "choice" if choice else "evaluation",
        "potential": f"CHGNet {VERSION}",
        "phases": len(load_phases()),
        "rows": [],
    }
    judge = Criteria(known=data / "mp_pool.parquet")
    for what in rows or (*DRAWN, BOTH, RANDOM, REAL):
        if what == BOTH:
            summary = _together(work, seed, count // 2, judge)
            about = {"drawn": summary["count"], "rejected": {}}
        else:
            folder = _folder(work, seed, what)
            about = _made(what, folder / "drawn", count // FEWER if what == RANDOM else count, seed, data)
            summary = evaluate_samples(
                [str(folder / "drawn")], judge, folder / "judged", Machines(processes), resume=True
            )
        figures = {
            key: value
            for key, value in summary.items()
            if key not in ("schema_version", "structures", "skipped", "known")
        }
        report["rows"].append({"what": what, **about, **figures})
        console.print(as_table(f"seed {seed}", report["rows"], HEADINGS))
        if json_file:
            write_report(json_file, report)


def _folder(work: Path, seed: int, what: str) -> Path:
    return work / f"{seed}-{what.replace(' ', '-').replace(',', '').replace(':', '')}"


def _together(work: Path, seed: int, count: int, judge: Criteria) -> Row:
    """The figures of the first so many crystals of each of two rows, which have been judged."""
    records: list[Row] = []
    for what in HALVES:
        done = earlier_records(_folder(work, seed, what) / "judged", judge)
        records += done.read(sorted(done)[:count])
    return summed(records, [], judge)


def _made(what: str, folder: Path, count: int, seed: int, data: Path) -> Row:
    """Write the crystals of a row to a folder; how many were generated, and why others were rejected."""
    if what in DRAWN:
        selection = Selection(*DRAWN[what], Representation())
        summary = sample_files(folder, count, seed, selection, HERE, resume=True)
        return {"drawn": summary["drawn"], "rejected": summary["rejected"]}
    if not folder.exists():
        made = random_elements(count, seed) if what == RANDOM else mp_20_sample(data, "mp_20 test", count)
        partial = folder.with_suffix(".part")
        partial.mkdir(parents=True, exist_ok=True)
        for number, one in enumerate(made):
            write_structure(partial / f"{number:04d}.cif", one)
        partial.rename(folder)
    return {"drawn": count, "rejected": {}}


def random_elements(count: int, seed: int) -> list[Structure]:
    """Known positions with random elements, of those that the hull has phases of.

    The cell is of the size that keeps the volume of atoms, cubes of covalent radii, in proportion.
    """
    rng, prototypes = np.random.default_rng(seed), load_templates()
    elements = [z for z in range(1, 95) if not load_phases().lacking(((z,), (1,)))]
    return [
        _with_elements(prototypes[int(row)], rng.permutation(elements))
        for row in rng.integers(len(prototypes), size=count)
    ]


def _with_elements(skeleton: Structure, elements: np.ndarray) -> Structure:
    kinds = np.unique(skeleton.species, return_inverse=True)[1].reshape(-1)
    species = elements[kinds].astype(np.uint8)
    sizes = [float((covalent_radii(one.tolist()) ** 3).sum()) for one in (species, skeleton.species)]
    stretch = (sizes[0] / sizes[1]) ** (1 / 3)
    return Structure(skeleton.lattice * stretch, species, skeleton.frac_coords)


if __name__ == "__main__":
    torch.set_num_threads(1)
    typer.run(main)
