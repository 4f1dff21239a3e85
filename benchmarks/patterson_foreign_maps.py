"""Patterson maps that our simulator did not make: other shapes of atom, noise, wrong numbers, random maps.

    python benchmarks/patterson_foreign_maps.py --json benchmarks/results/patterson_foreign_maps.json

Intensities come from closed form factors summed over atoms, |Σ f(s) exp(2πi h·x)|² at the reflections of
the grid, with no voxels in between. `--tuning` takes the maps that limits were chosen with; what is
reported are others.
"""

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from patterson_foreign_crystals import crystal_kinds, measure_crystals
from report import as_table, write_report
from rich.console import Console
from torch import Tensor

from argand.learn.device import hardware
from argand.physics.sphere.density import sphere_density
from argand.physics.sphere.patterson import (
    alike_for_mates,
    frequencies,
    intensities,
    map_of,
    reflection_length,
)
from argand.physics.sphere.sphere_fit import sphere_factor
from argand.systems.patterson.maps.atom_matching import match_atoms
from argand.systems.patterson.predict import Predictor, load
from argand.systems.patterson.simulate import AtomSet, draw

TUNING_SEED, REPORT_SEED = 4_000_037, 5_000_011
"""Of no training, validation or other test: maps that limits were chosen with, and those that are
reported."""
AT_ONCE = 8
"""Maps that are answered in one batch."""
Shape = Callable[[Tensor], Tensor]


def ball(radius: float) -> Shape:
    """Form factor of a sphere of density 1 (radius in voxels) at s cycles per voxel."""
    return lambda s: sphere_factor(s, radius)


def gaussian(sigma: float) -> Shape:
    """Form factor of a Gaussian of this standard deviation (voxels), scaled to the weight of a sphere of
    radius 1."""
    return lambda s: 4 / 3 * math.pi * torch.exp(-2 * (math.pi * sigma * s) ** 2)


def point(resolution: float) -> Shape:
    """Form factor of a point, cut off at this share of Nyquist."""
    return lambda s: torch.where(s <= resolution / 2, 4 / 3 * math.pi, 0.0)


@dataclass(frozen=True)
class Kind:
    """One kind of map: atoms, their form factor (None: our simulator's voxels), noise, and what is given.

    `told` is the excess of the number of atoms that the program is given; `scale` multiplies the map.
    `random` intensities have the shape's fall-off and no structure.
    """

    shape: Shape | None
    atoms: AtomSet = field(default_factory=AtomSet)
    noise: float = 0.0
    told: int = 0
    scale: float = 1.0
    random: bool = False


def kinds() -> dict[str, Kind]:
    """Every kind, by its name."""
    small, large = AtomSet(box=32, inner_box=10.0, atoms=6), AtomSet(box=64, inner_box=15.0, atoms=16)
    apart = AtomSet(box=48, inner_box=14.0, atoms=8, min_distance=3.0)
    listed = {
        "ours": Kind(None),
        "ours, 20 % noise": Kind(None, noise=0.2),
        "exact spheres, box 32": Kind(ball(1.0), small),
        "exact spheres, box 40": Kind(ball(1.0)),
        "exact spheres, box 64": Kind(ball(1.0), large),
        "exact spheres, 5 % noise": Kind(ball(1.0), noise=0.05),
        "exact spheres, 20 % noise": Kind(ball(1.0), noise=0.2),
        "exact spheres, another scale": Kind(ball(1.0), scale=37.0),
        "spheres of radius 0.7": Kind(ball(0.7)),
        "spheres of radius 1.5": Kind(ball(1.5), apart),
        "spheres of radius 2": Kind(ball(2.0), replace(apart, min_distance=4.0)),
        "Gaussians, sigma 0.5": Kind(gaussian(0.5)),
        "Gaussians, sigma 0.8": Kind(gaussian(0.8)),
        "Gaussians, sigma 0.8, 10 % noise": Kind(gaussian(0.8), noise=0.1),
        "Gaussians, sigma 1.2": Kind(gaussian(1.2), apart),
        "points": Kind(point(2.0)),
        "points to Nyquist": Kind(point(1.0)),
        "points to 0.6 Nyquist": Kind(point(0.6), apart),
    }
    for name in (
        "ours",
        "ours, 20 % noise",
        "exact spheres, box 40",
        "exact spheres, 20 % noise",
        "Gaussians, sigma 0.8",
    ):
        for told in (-1, 1):
            listed[f"{name}, told {told:+d} atom"] = replace(listed[name], told=told)
    for name, shape in {"flat": point(2.0), "falling as spheres": ball(1.0)}.items():
        listed[f"random intensities, {name}"] = Kind(shape, random=True)
    return listed


def simulate(kind: Kind, indices: range, seed: int) -> tuple[Tensor, Tensor]:
    """True positions [batch, atom, 3] and maps [batch, box, box, box], float32."""
    box = kind.atoms.box
    positions = torch.stack([torch.from_numpy(draw(kind.atoms, index, seed).positions) for index in indices])
    half = torch.stack([exact(kind, one, index, seed) for one, index in zip(positions, indices, strict=True)])
    return positions, (kind.scale * map_of(half, box)).float()


def exact(kind: Kind, positions: Tensor, index: int, seed: int) -> Tensor:
    """Intensities of one map [box, box, half]."""
    box, generator = kind.atoms.box, torch.Generator().manual_seed(seed * 1000 + index)
    length = reflection_length(box).double() / 2
    if kind.shape is None:
        half = intensities(sphere_density(positions[None], box, kind.atoms.radius))[0]
    else:
        full, rest = (one.double() for one in frequencies(box))
        waves = [
            torch.exp(2j * math.pi * one[:, None] * positions[:, axis] / box)
            for axis, one in enumerate((full, full, rest))
        ]
        structure = torch.einsum("xa,ya,za->xyz", *waves).abs().square()
        if kind.random:
            structure = (
                -len(positions)
                * torch.rand(structure.shape, generator=generator, dtype=torch.float64).clamp_min(1e-9).log()
            )
            structure[0, 0, 0] = len(positions) ** 2
        half = alike_for_mates(structure * kind.shape(length) ** 2)
    errors = alike_for_mates(torch.randn(half.shape, generator=generator, dtype=torch.float64))
    return half * (1 + kind.noise * errors)


def measure(predictor: Predictor, kind: Kind, count: int, seed: int) -> dict[str, Any]:
    """How many maps have all atoms correct, are trusted, and are trusted although wrong; seconds of a core
    for a map."""
    right = claimed = wrong = 0
    began = time.process_time()
    for first in range(0, count, AT_ONCE):
        positions, maps = simulate(kind, range(first, min(first + AT_ONCE, count)), seed)
        found = predictor.solve(maps, kind.atoms.atoms + kind.told)
        whole = torch.zeros_like(found.solved)
        if not kind.told and not kind.random:
            whole = match_atoms(found.positions, positions.float()).solved
        right += int(whole.sum())
        claimed += int(found.solved.sum())
        wrong += int((found.solved & ~whole).sum())
    seconds = (time.process_time() - began) / count
    return {
        "maps": count,
        "right": right,
        "claimed": claimed,
        "wrongly_claimed": wrong,
        "cpu_s_per_map": seconds,
    }


def rows(predictor: Predictor, wanted: str, count: int, seed: int) -> Iterator[dict[str, Any]]:
    """One row for each kind whose name has `wanted` in it."""
    for name, kind in kinds().items():
        if wanted in name:
            yield {"kind": name, **measure(predictor, kind, count, seed)}
    for name, kind in crystal_kinds().items():
        if wanted in name:
            yield {"kind": name, **measure_crystals(kind, count, seed)}


def main(
    count: Annotated[int, typer.Option(help="Maps of each kind.")] = 40,
    only: Annotated[str, typer.Option(help="Only kinds with this in their name.")] = "",
    tuning: Annotated[bool, typer.Option("--tuning", help="The maps that limits were chosen with.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well.")] = None,
) -> None:
    """Print one row for each kind of map, every row as soon as it is measured.

    With --only the JSON file keeps the rows of other kinds that it has.
    """
    seed = TUNING_SEED if tuning else REPORT_SEED
    predictor, console = load(), Console(width=140)
    known = json.loads(json_file.read_text())["rows"] if only and json_file and json_file.is_file() else []
    found = {row["kind"]: row for row in known}
    for row in rows(predictor, only, count, seed):
        found[row["kind"]] = row
        console.print(as_table("", [row]))
        if json_file is not None:
            listed = [found[name] for name in (*kinds(), *crystal_kinds()) if name in found]
            write_report(json_file, {"hardware": hardware("cpu"), "seed": seed, "rows": listed})
    console.print(as_table("Patterson maps of other makers", list(found.values())))


if __name__ == "__main__":
    typer.run(main)
