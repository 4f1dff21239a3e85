"""When an answer of the network of bundles is trusted: how many are, and how many of those are correct.

    python benchmarks/molmnist_hard_trust.py --json benchmarks/results/molmnist_hard_trust.json

Bundles of `hard` at four numbers of photons, the ten fibrils of `standard`, objects other than cellulose, and
bundles with a wrong side of the window. Each twice: of the validation split, on which the limits in
`argand.systems.molmnist.inversion.verdict` were chosen, and of the test split, on which nothing was. Right is
an answer whose number of chains, turn and shape are (`is_right`). The file is written after each line.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from jaxtyping import Bool
from molmnist_trust import PHOTONS, SEED, THINGS, Measured, things
from report import as_table, write_report
from rich.console import Console

from argand.systems.molmnist.benchmark.conditions import PHOTONS as DOSES
from argand.systems.molmnist.benchmark.conditions import Trials, set_conditions, trials_of
from argand.systems.molmnist.benchmark.figures import shape_scores
from argand.systems.molmnist.fibril.cellulose import cellulose
from argand.systems.molmnist.fibril.fibril import FIBRILS, build_fibril
from argand.systems.molmnist.inversion.verdict import LARGEST_DOUBT, LARGEST_RATIO
from argand.systems.molmnist.predict import Prediction, load
from argand.systems.molmnist.predictors.pattern_predictor import PatternPredictor

SPLITS = {"choose": ("val", SEED + 1), "report": ("test", SEED)}
"""Split and seed (of what is no cellulose) of either half."""
SIDES = (0.75, 0.95, 1.05, 1.25)
CHAINS_OFF, TURN_SIGMAS, LEAST_DB = 0.1, 3.0, 25.0
"""Relative error of the chains, error of the turn in its stated deviations, and PSNR of a right answer."""
DOSE_CONDITION = "1e4-photons"
Answers = list[Prediction]


@dataclass(frozen=True)
class Line:
    """What is shown to the predictor, and whether its answers are right where that can be said."""

    name: str
    patterns: Callable[[str, int, int], list[Measured]]
    right: Callable[[Answers, str, int], Bool[np.ndarray, " n"]] | None = None


@lru_cache(maxsize=2)  # both halves of a line; drawing a bundle of a split takes its time
def pairs(set_name: str, condition: str, split: str, count: int) -> Trials:
    """The first pairs of a split, as a condition measures them."""
    (way,) = set_conditions(set_name, [condition])
    return trials_of(way, split, count)


def measured(trials: Trials, share: float = 1.0) -> list[Measured]:
    """Patterns with the side of the window that is given: a share of the true one."""
    side = share * trials.window.side
    return [(pattern, live, side) for pattern, live in zip(trials.patterns, trials.live, strict=True)]


def is_right(answers: Answers, trials: Trials) -> Bool[np.ndarray, " n"]:
    """Chains within a tenth, turn within three of its deviations, shape beyond 25 dB."""
    chains, turn = true_bundles(trials)
    found = np.array([one.chains for one in answers], float)
    off = np.abs(np.abs(np.array([one.turn_deg for one in answers], float)) - turn)
    sd = np.array([one.turn_sd_deg for one in answers], float)
    psnr = shape_scores(np.stack([one.shape for one in answers]), trials)["psnr_db"]
    near = np.abs(found - chains) <= CHAINS_OFF * chains
    return near & (off <= TURN_SIGMAS * sd) & (psnr > LEAST_DB)


def true_bundles(trials: Trials) -> tuple[np.ndarray, np.ndarray]:
    """Chains and turn in degrees of each; those of a fibril follow from its name, twist and length."""
    if "chains" in trials.truth:
        return trials.truth["chains"], trials.truth["turn_deg"]
    known = [build_fibril(name) for name in FIBRILS]
    length = known[0].glucoses_per_chain * cellulose().rise
    kinds = trials.truth["fibril"].astype(int)
    # 10 Å to a nm.
    return np.array([one.chains for one in known])[kinds], trials.truth["twist_deg_per_nm"] * length / 10


def of_set(name: str, set_name: str, condition: str) -> Line:
    """Pairs of a set in a condition."""
    return Line(
        name,
        lambda split, count, _: measured(pairs(set_name, condition, split, count)),
        lambda answers, split, count: is_right(answers, pairs(set_name, condition, split, count)),
    )


def of_things(kind: str) -> Line:
    """What is no cellulose."""
    return Line(f"{kind}, 10⁴ photons", lambda _, count, seed: list(things(kind, PHOTONS, count, seed)))


def of_wrong_window(share: float) -> Line:
    """Bundles with another side given."""
    name = f"bundles, 10⁴ photons, side of the window x {share:g}"
    return Line(name, lambda split, count, _: measured(pairs("hard", DOSE_CONDITION, split, count), share))


def lines() -> Iterator[Line]:
    """All that is shown."""
    for condition, photons in DOSES.items():
        yield of_set(f"bundles, {photons:,.0f} photons", "hard", condition)
    yield of_set("the ten fibrils, noise-free", "standard", "noise-free")
    yield of_set("the ten fibrils, 10⁴ photons", "standard", DOSE_CONDITION)
    yield from map(of_things, THINGS)
    yield from map(of_wrong_window, SIDES)


def row(line: Line, half: str, count: int, predictor: PatternPredictor) -> dict[str, Any]:
    """Share of trusted answers, and of correct ones among these and among all."""
    split, seed = SPLITS[half]
    shown = line.patterns(split, count, seed)
    answers = [predictor.predict_many(pattern[None], live, side)[0] for pattern, live, side in shown]
    believed = np.array([answer.trusted for answer in answers])
    found = {"patterns": line.name, "half": half, "count": len(answers), "believed": float(believed.mean())}
    if line.right is None:
        return {**found, "right": None, "right_of_believed": None}
    right = line.right(answers, split, count)
    sure = float(right[believed].mean()) if believed.any() else None
    return {**found, "right": float(right.mean()), "right_of_believed": sure}


def main(
    count: Annotated[int, typer.Option(help="Patterns of each line and half.", min=1)] = 40,
    weights: Annotated[Path | None, typer.Option(help="Of bundles, in place of the shipped ones.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well.")] = None,
) -> None:
    """Measure, print each line, write JSON."""
    predictor, console, rows = load(weights).inversion, Console(width=140), []
    limits = {"largest_ratio": LARGEST_RATIO, "largest_doubt": LARGEST_DOUBT}
    for line in lines():
        both = [row(line, half, count, predictor) for half in SPLITS]
        console.print(as_table(line.name, both))
        rows += both
        if json_file is not None:
            write_report(json_file, {**limits, "rows": rows})


if __name__ == "__main__":
    typer.run(main)
