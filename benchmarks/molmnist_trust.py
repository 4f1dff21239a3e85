"""When an answer of the network of the ten is trusted: residuals beyond expected ones.

    python benchmarks/molmnist_trust.py --json benchmarks/results/molmnist_trust.json

Fibrils are of the test split, in every condition of the benchmark. What is no fibril: blobs, atoms at random
in a disc, crystals of other lattices, each without noise and with 10⁴ photons, and fibrils of which a wrong
side of the window is told. The limit in `argand.systems.molmnist.inversion.verdict` was chosen from this
table. Bundles have a table of their own (molmnist_hard_trust.py).
"""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from report import as_table, write_report
from rich.console import Console

from argand.physics.coherent.projection import Camera, Window
from argand.physics.noise import count_photons
from argand.systems.molmnist.ensemble.elastic_ensemble import ensemble
from argand.systems.molmnist.inversion.verdict import LARGEST_EXCESS, LEAST_PROBABILITY
from argand.systems.molmnist.predict import Prediction, Predictor, load
from argand.systems.molmnist.presets import PRESETS
from argand.systems.molmnist.simulate import Imaging
from argand.systems.molmnist.system import SPLITS

SEED = 77
STANDARD = PRESETS["standard"]
CONDITIONS: dict[str, dict[str, Any]] = {
    "fibrils": {},
    "fibrils, 10⁶ photons": {"photons": 1e6},
    "fibrils, 10⁴ photons": {"photons": 1e4},
    "fibrils, beam stop 0.1 /Å": {"beam_stop": 0.1},
    "fibrils, window of 100 Å": {"window": Window(100.0, 100)},
}
SIDES = (0.8, 0.95, 0.98, 1.05, 1.25)
WINDOW = STANDARD.imaging.window
PHOTONS = 1e4
Measured = tuple[np.ndarray, np.ndarray, float]
"""Pattern, live pixels, side of the window in Å."""


def fibrils(imaging: Imaging, count: int) -> Iterator[Measured]:
    """Patterns of the test split, `count` of each fibril."""
    system = replace(STANDARD, imaging=imaging)
    for place, name in enumerate(system.fibrils):
        source = ensemble(name, system.length)
        tested = (number for number in itertools.count() if SPLITS[source.split(number)] == "test")
        for number in itertools.islice(tested, count):
            pattern = system.simulate(number * len(system.fibrils) + place, SEED)["pattern"]
            yield pattern, imaging.live, imaging.window.side


def blobs(random: np.random.Generator) -> np.ndarray:
    """Carbons (Å) of Gaussian blobs."""
    centres = random.normal(0, random.uniform(8, 25), (random.integers(3, 60), 2))
    each = random.choice(len(centres), 4000)
    return centres[each] + random.normal(0, random.uniform(1.5, 6), (4000, 2))


def disc(random: np.random.Generator) -> np.ndarray:
    """Carbons at random in a disc."""
    radius = random.uniform(8, 35) * np.sqrt(random.uniform(0, 1, 4000))
    angle = random.uniform(0, 2 * np.pi, 4000)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)


def lattice(random: np.random.Generator) -> np.ndarray:
    """Carbons of a disc cut from a lattice of molecules of six atoms."""
    a, b, angle = random.uniform(4, 12), random.uniform(4, 12), np.radians(random.uniform(70, 110))
    steps = np.stack(np.meshgrid(*[np.arange(-15, 16)] * 2), -1).reshape(-1, 2)
    nodes = steps @ np.array([[a, 0], [b * np.cos(angle), b * np.sin(angle)]])
    nodes = nodes[np.hypot(*nodes.T) < random.uniform(10, 35)]
    molecule = random.normal(0, 1.5, (6, 2))
    return (
        np.repeat(nodes, 6, 0)
        + np.tile(molecule, (len(nodes), 1))
        + random.normal(0, 0.15, (6 * len(nodes), 2))
    )


THINGS = {"blobs": blobs, "atoms in a disc": disc, "other crystals": lattice}


def things(kind: str, photons: float | None, count: int, seed: int = SEED) -> Iterator[Measured]:
    """Patterns of what is no fibril."""
    camera, live = Camera({"C"}, WINDOW), STANDARD.imaging.live
    for number in range(count):
        random = np.random.default_rng([seed, number])
        flat = THINGS[kind](random)
        cart = np.column_stack([flat, np.zeros(len(flat))]).astype(np.float32)
        pattern = np.where(live, camera.intensity({"C": cart}), 0.0)
        pattern = pattern / pattern.sum()
        yield (
            (pattern if photons is None else count_photons(random, pattern * photons)).astype(np.float32),
            live,
            WINDOW.side,
        )


def row(name: str, cases: Iterator[Measured], predictor: Predictor) -> dict[str, Any]:
    """Excess residuals and verdicts of the answers to some patterns."""
    answers: list[Prediction] = [predictor.predict(pattern, live, side) for pattern, live, side in cases]
    excess = np.array([answer.residual - answer.expected_residual for answer in answers])
    sure = np.array([np.max(np.asarray(one.probability)) >= LEAST_PROBABILITY for one in answers])
    believed = np.mean([answer.trusted for answer in answers])
    low, middle, high = np.quantile(excess, [0, 0.5, 1]).round(3).tolist()
    return {
        "patterns": name,
        "count": len(answers),
        "lowest": low,
        "median": middle,
        "highest": high,
        "fibril sure": round(float(sure.mean()), 3),
        "believed": round(float(believed), 3),
    }


def main(
    count: Annotated[int, typer.Option(help="Fibrils of each kind; five times as many others.", min=1)] = 3,
    weights: Annotated[Path | None, typer.Option(help="Of the ten, in place of the shipped ones.")] = None,
    json: Annotated[Path | None, typer.Option(help="Where to write the figures.")] = None,
) -> None:
    """Measure, print the table, write JSON."""
    predictor = load(weights, network="ten")
    rows = [
        row(name, fibrils(replace(STANDARD.imaging, **changes), count), predictor)
        for name, changes in CONDITIONS.items()
    ]
    for kind in THINGS:
        for photons, said in ((None, ""), (PHOTONS, ", 10⁴ photons")):
            rows.append(row(kind + said, things(kind, photons, 5 * count), predictor))
    for share in SIDES:
        wrong = ((pattern, live, share * side) for pattern, live, side in fibrils(STANDARD.imaging, 1))
        rows.append(row(f"fibrils, side of the window x {share:g}", wrong, predictor))
    Console(width=140).print(as_table("Residual minus the expected one, and verdicts", rows))
    if json is not None:
        write_report(json, {"limit": LARGEST_EXCESS, "rows": rows})


if __name__ == "__main__":
    typer.run(main)
