"""Boxes of 10 Å as 300 numbers: the linear code, the published network and plain PCA compared.

    python benchmarks/crystals_paper.py --data CRYSTALS --network runs/paper-small \
        --json benchmarks/results/crystals_paper.json

CRYSTALS is a folder of the parquet files mp_20 and mp_pool. Limits of the fit were chosen on the set `val` of
mp_20; what is reported is of the set `test`. Both are in the file. `--network` are weights of the published
architecture (`argand crystals train paper-small`); without it there is no row of them. PCA learns from boxes
of the pool's structures of no benchmark. Ceilings are atoms read from perfect densities.
"""

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer
from crystals import sample
from report import as_table, write_report
from rich.console import Console

from argand.errors import InputError
from argand.io.weights import read_header
from argand.learn.device import processor_name
from argand.machine import available_cores
from argand.physics.crystal.gaussian_fit import FittedAtoms, fit_atoms
from argand.physics.crystal.structure import MIN_DISTANCE, Structure, closest_pair
from argand.physics.crystal.voxel_box import Atoms, Box
from argand.systems.crystals.database.dataset import load_structures
from argand.systems.crystals.evaluate import (
    EVALUATION_SEED,
    Reader,
    Trial,
    box_trials,
    cell_trials,
    coded,
    fitted,
    peaks,
    tally,
)
from argand.systems.crystals.latent.decoded import Decoded
from argand.systems.crystals.models.boxes import PublishedModel
from argand.systems.crystals.models.named import PAPER_WEIGHTS, named_model
from argand.systems.crystals.published.decoder import BoxCoder, LinearCoder, RefinedCoder, load_coder
from argand.systems.crystals.published.sampling import sample_boxes
from argand.systems.crystals.simulate import box_sample, draw, repeats

logger = logging.getLogger(__name__)

Part = Literal["all", "codes", "learnt"]
CHOOSING_SHARE = 4
HALVES = {"choosing": "mp_20 val", "reporting": "mp_20 test"}
SIZES = ((1, 8), (9, 20))
BOX = Box()
SPEED_COUNT = 60
CEILING_SECONDS = 2.0
SAMPLES = 12
PAIRS, STEPS = 3, 5
HEADINGS = {
    "half": "half",
    "model": "model",
    "view": "view",
    "atoms_of_cell": "cell",
    "structures": "n",
    "not_fitting": "too large",
    "atoms": "atoms",
    "recall": "found",
    "precision": "true",
    "species_of_found": "species",
    "all_right": "all right",
    "median_s": "s",
    "slowest_s": "slowest",
}


class PcaCoder:
    """Principal components of boxes, the plain baseline of any learnt code of 300 numbers."""

    def __init__(self, pool: Path, count: int, numbers: int = 300) -> None:
        rng, stock = np.random.default_rng(7), load_structures(str(pool))
        boxes = np.stack([draw(stock, BOX, 0.75, rng).density.ravel() for _ in range(count)])
        self.box, self.numbers, self.mean = BOX, min(numbers, count - 1), boxes.mean(0)
        boxes -= self.mean
        values, vectors = np.linalg.eigh(boxes @ boxes.T)
        kept = vectors[:, ::-1][:, : self.numbers] / np.sqrt(values[::-1][: self.numbers])
        self.components = (boxes.T @ kept).astype(np.float32)

    def latents(self, densities: np.ndarray) -> np.ndarray:
        """Components of boxes."""
        return (densities.reshape(len(densities), -1) - self.mean) @ self.components

    def volumes(self, latents: np.ndarray) -> np.ndarray:
        """Boxes of components, e/Å³."""
        n = BOX.voxels
        return (self.mean + latents @ self.components.T).reshape(-1, n, n, n)

    def fitted(self, latent: np.ndarray) -> FittedAtoms:
        """Atoms fitted to the box."""
        return fit_atoms(self.volumes(latent[None])[0], BOX)


def timed(reader: Reader, times: list[float]) -> Reader:
    """The reader; each answer adds its processor time to a list."""

    def read(sample: Any, rng: np.random.Generator) -> Atoms:
        start = time.thread_time()
        atoms = reader(sample, rng)
        times.append(time.thread_time() - start)
        return atoms

    return read


def rows_of(
    about: dict[str, Any], trials: Sequence[Trial], times: Sequence[float]
) -> Iterator[dict[str, Any]]:
    """Figures of all structures, and by size of cell."""
    for name, least, most in [("all", 0, 10**6), *((f"{a}-{b}", a, b) for a, b in SIZES)]:
        part = [number for number, trial in enumerate(trials) if least <= trial.cell_atoms <= most]
        if part:
            figures = tally([trials[number].comparison for number in part])
            late = [times[number] for number in part] if times else []
            speed = {"median_s": float(np.median(late)), "slowest_s": max(late)} if late else {}
            lost = sum(len(trials[number].truth) < trials[number].cell_atoms for number in part)
            whole = sum(trials[number].cell_atoms for number in part)
            more = {"not_fitting": lost, "cell_atoms": whole} if about["view"] == "single" else {}
            yield {**about, "atoms_of_cell": name, **figures, **more, **speed}


def unexplained(coders: dict[str, BoxCoder], structures: Sequence[Structure], view: str) -> dict[str, float]:
    """Share of the variance of boxes that their decoded densities leave."""
    left, spread = dict.fromkeys(coders, 0.0), 0.0
    for number, structure in enumerate(structures):
        if view == "repeating" and not repeats(structure, BOX):
            continue
        rng = np.random.default_rng([EVALUATION_SEED, number])
        density = box_sample(structure, BOX, view == "single", rng).density
        spread += float(density.var())
        for name, coder in coders.items():
            decoded = coder.volumes(coder.latents(density[None]))[0]
            left[name] += float(((decoded - density) ** 2).mean())
    return {name: value / spread for name, value in left.items()}


def maps_of(coder: RefinedCoder, structures: Sequence[Structure]) -> dict[str, float]:
    """Of the voxels of balls in single cells' boxes, how many are found, and named rightly; and true ones."""
    counts = np.zeros(4)
    for number, structure in enumerate(structures):
        box = box_sample(structure, BOX, True, np.random.default_rng([EVALUATION_SEED, number]))
        found = coder.labels(coder.latents(box.density[None])[0])
        inside, named = box.labels > 0, found > 0
        counts += [inside.sum(), named.sum(), (inside & named).sum(), (inside & (found == box.labels)).sum()]
    voxels, said, both, right = counts
    return {"found": both / voxels, "true": both / max(said, 1), "species_of_found": right / max(both, 1)}


def judged(what: str, decoded: Sequence[Decoded | InputError]) -> dict[str, Any]:
    """Atoms and shortest distances of decoded boxes; valid: all atoms more than 0.5 Å apart."""
    kept = [one for one in decoded if isinstance(one, Decoded)]
    wide = [
        Structure(3 * d.structure.lattice, d.structure.species, d.structure.frac_coords / 3) for d in kept
    ]
    shortest = [closest_pair(one)[2] for one in wide]
    return {
        "what": what,
        "asked": len(decoded),
        "with_atoms": len(kept),
        "atoms": float(np.mean([len(one) for one in wide])) if wide else 0.0,
        "valid": sum(one > MIN_DISTANCE for one in shortest) / len(decoded),
        "bonded": sum(one > 1.0 for one in shortest) / len(decoded),
        "misfit": float(np.median([one.misfit for one in kept])) if kept else None,
    }


def generation(structures: Sequence[Structure], count: int) -> list[dict[str, Any]]:
    """Samples of both priors, steps between structures, and structures altered, all of single cells."""
    model, coder = PublishedModel(view="single"), LinearCoder()
    rows = [
        judged(f"samples, {prior}", sample_boxes(coder, count, 1, prior)) for prior in ("mixture", "normal")
    ]
    ends, between = 0, []
    for first, second in zip(structures[:PAIRS], structures[PAIRS : 2 * PAIRS], strict=True):
        way = model.between(first, second, STEPS, 0)
        for end, structure in ((way[0], first), (way[-1], second)):
            same = model.decode(model.encode(structure)).structure
            ends += bool(np.array_equal(end.structure.frac_coords, same.frac_coords))
        between += way[1:-1]
    rows.append({**judged("steps between", between), "ends_as_read": ends / (2 * PAIRS)})
    shaken = [model.add_noise(model.encode(one), 0.05, 3) for one in structures[:count]]
    return [*rows, judged("altered by 5 % noise", [model.decode(one) for one in shaken])]


def simulator(structures: Sequence[Structure]) -> dict[str, float]:
    """Milliseconds of one core for a box and its labels, as training draws them, and boxes a second."""
    rng, start = np.random.default_rng(0), time.process_time()
    for structure in structures[:SPEED_COUNT]:
        is_single = not (repeats(structure, BOX) and rng.random() < 0.75)
        box_sample(structure, BOX, is_single, rng)
    each = (time.process_time() - start) / min(SPEED_COUNT, len(structures))
    return {"cpu_ms_per_box": 1e3 * each, "boxes_per_core_second": 1 / each}


def halves(
    data: Path, single: int, repeating: int, slow: int
) -> Iterator[tuple[str, str, list[Structure], int, int]]:
    """Half, view, structures, how many of them, and how many for readers of whole densities."""
    for half, name in HALVES.items():
        # What limits are chosen on needs no sharp figures.
        share = 1 if half == "reporting" else CHOOSING_SHARE
        structures = sample(data, name, max(single, repeating))
        for view, count in (("single", single), ("repeating", repeating)):
            yield half, view, structures, count // share, max(slow // share, 2)


def measured(
    about: dict[str, str], reader: Reader, structures: Sequence[Structure]
) -> Iterator[dict[str, Any]]:
    """Rows of one reader."""
    times: list[float] = []
    trials = list(box_trials(structures, about["view"], BOX, timed(reader, times)))
    yield from rows_of(about, trials, times)


def codes_part(data: Path, single: int, repeating: int, slow: int) -> dict[str, Any]:
    """What needs no training: the linear code, ceilings, and what is made with it."""
    linear, rows = LinearCoder(), []
    test: list[Structure] = []
    for half, view, structures, many, few in halves(data, single, repeating, slow):
        test = structures
        ways: dict[str, tuple[Reader, int]] = {
            "linear code": (coded(linear), many),
            "linear code, 1 % noise": (coded(linear, 0.01), many if view == "single" else few),
            "perfect density, peaks": (peaks(BOX), many),
            "perfect density": (fitted(BOX, CEILING_SECONDS), few),
        }
        for model, (reader, count) in ways.items():
            rows += measured({"half": half, "model": model, "view": view}, reader, structures[:count])
            logger.info("%s %s %s %.3f", half, view, model, rows[-1]["recall"])
    whole = {"half": "reporting", "model": "best", "view": "whole cell"}
    rows += rows_of(whole, list(cell_trials(named_model(), test[: min(single, 60)])), [])
    return {"simulator": simulator(test), "generation": generation(test, SAMPLES), "rows": rows}


def learnt_part(
    data: Path, single: int, repeating: int, slow: int, pca_boxes: int, network: Path | None, weights: Path
) -> dict[str, Any]:
    """What is learnt from boxes: principal components, the published network, and the refiner."""
    refined = load_coder(weights)
    assert isinstance(refined, RefinedCoder)
    learnt: dict[str, BoxCoder] = {"PCA": PcaCoder(data / "mp_pool.parquet", pca_boxes)}
    trained = {"refined": read_header(weights)["training"]}
    if network is not None:
        learnt["published network"] = load_coder(network)
        trained["published network"] = read_header(network)["training"]
    seen: Reader = lambda box, rng: refined.seen(refined.latents(box.density[None])[0])  # noqa: E731
    rows, variance, maps = [], [], {}
    for half, view, structures, many, few in halves(data, single, repeating, slow):
        ways = {"maps behind the code": (seen, min(many, 40))}
        ways |= {what: (coded(coder), few) for what, coder in learnt.items()}
        for model, (reader, count) in ways.items():
            rows += measured({"half": half, "model": model, "view": view}, reader, structures[:count])
            logger.info("%s %s %s %.3f", half, view, model, rows[-1]["recall"])
        coders = {"linear code": LinearCoder(), "with the refiner": refined, **learnt}
        variance.append(
            {"half": half, "view": view, **unexplained(coders, structures[: min(many, 40)], view)}
        )
        maps[half] = maps_of(refined, structures[: min(many, 40)])
    keys = ("steps", "samples", "seconds")
    return {
        "training": {
            what: {stage: {key: one[key] for key in keys} for stage, one in stages.items()}
            for what, stages in trained.items()
        },
        "pca_boxes": pca_boxes,
        "unexplained": variance,
        "maps": maps,
        "rows": rows,
    }


def main(
    data: Annotated[Path, typer.Option(help="Folder of the parquet files.")],
    single: Annotated[int, typer.Option(help="Single cells of the reporting half.", min=12)] = 200,
    repeating: Annotated[int, typer.Option(help="Repeating crystals of that half.", min=12)] = 100,
    slow: Annotated[int, typer.Option(help="Of either, for readers of whole densities.", min=2)] = 40,
    pca_boxes: Annotated[int, typer.Option(help="Boxes that PCA learns from.", min=2)] = 1500,
    network: Annotated[Path | None, typer.Option(help="Weights of the published architecture.")] = None,
    weights: Annotated[Path, typer.Option(help="Weights of the refiner.")] = PAPER_WEIGHTS,
    part: Annotated[Part, typer.Option(help="What is measured.")] = "all",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well.")] = None,
) -> None:
    """Print one row for each half, reader, view and size of cell."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    report: dict[str, Any] = {"processor": processor_name(), "cores": available_cores(), "sets": HALVES}
    rows: list[dict[str, Any]] = []
    if part != "all" and json_file and json_file.exists():
        before = json.loads(json_file.read_text(encoding="utf-8"))
        report, rows = {**before, **report}, before["rows"]
    counts = data, single, repeating, slow
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "codes": lambda: codes_part(*counts),
        "learnt": lambda: learnt_part(*counts, pca_boxes, network, weights),
    }
    for name, made in parts.items():
        if part in (name, "all"):
            found = made()
            again = {row["model"] for row in found["rows"]}
            rows = [row for row in rows if row["model"] not in again] + found.pop("rows")
            report |= found
    console = Console(width=200)
    if json_file:
        write_report(json_file, {**report, "rows": rows})
    full = [dict.fromkeys(HEADINGS) | row for row in rows]
    console.print(as_table("boxes of 10 Å", full, HEADINGS))
    console.print({key: value for key, value in report.items() if key != "rows"})


if __name__ == "__main__":
    typer.run(main)
