"""Atoms separated from their inversion images: the exact search over signs, and the published swaps.

    python benchmarks/patterson_separation.py --json benchmarks/results/patterson_separation.json

Both choose 10 atoms from 20 positions, the true ones and their images, each moved at random as far as the
reading errs; both judge by the same amplitudes. The exact search knows which two positions are images
of each other, the swaps do not.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from report import as_table, write_report
from rich.console import Console
from torch import Tensor

from argand.machine import available_cores
from argand.physics.sphere.patterson import intensities_of
from argand.physics.sphere.sphere_fit import SphereReflections, select_reflections
from argand.systems.patterson.evaluate import EVALUATION_SEED, batches
from argand.systems.patterson.maps.atom_matching import match_atoms
from argand.systems.patterson.published.peak_swaps import doubled, separate_by_swaps, sign_search
from argand.systems.patterson.simulate import AtomSet

SET = AtomSet()
SWAPS = 1000
HEAT = 0.1
LONGEST = 8.0
"""Largest |h|, in voxels of the transform, that is judged by."""
ERROR_VOXEL = 0.108
"""Standard deviation along an axis: a mean distance of 0.173 voxel, that of the published reading."""
Method = Callable[[Tensor, SphereReflections], Tensor]


def by_signs(about: Tensor, reflections: SphereReflections) -> Tensor:
    """Exact: the better position of every pair, all patterns tried."""
    return sign_search(about, reflections, SET.radius)[0]


def by_swaps(about: Tensor, reflections: SphereReflections, heat: float) -> Tensor:
    """As published: ten random positions, one swapped at a time."""
    places = doubled(about + SET.box / 2, SET.box)
    return separate_by_swaps(places, reflections, SET.atoms, SET.radius, SWAPS, heat).positions


METHODS: dict[str, Method] = {
    "all sign patterns": by_signs,
    f"{SWAPS} swaps, improvements only": lambda about, seen: by_swaps(about, seen, 0.0),
    f"{SWAPS} swaps, annealed": lambda about, seen: by_swaps(about, seen, HEAT),
}


def compare(method: Method, count: int) -> dict[str, Any]:
    """Maps with every atom within half a voxel, atoms matched, and milliseconds of all cores a map."""
    generator = torch.Generator().manual_seed(0)
    solved, matched, busy = 0, 0, 0.0
    for batch in batches(SET, count, EVALUATION_SEED):
        true = batch.positions.float()
        sign = torch.randint(2, (*true.shape[:2], 1), generator=generator) * 2.0 - 1.0
        about = sign * (true - SET.box / 2 + ERROR_VOXEL * torch.randn(true.shape, generator=generator))
        began = time.process_time()
        found = method(about, select_reflections(intensities_of(batch.patterson), LONGEST))
        busy += time.process_time() - began
        match = match_atoms(found, true)
        solved, matched = solved + int(match.solved.sum()), matched + int(match.matched.sum())
    return {"solved": solved, "maps": count, "matched": matched, "cpu_ms_per_map": 1000 * busy / count}


def main(
    count: Annotated[int, typer.Option(help="Maps that no training used", min=1)] = 100,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well")] = None,
) -> None:
    """Print one row for each method."""
    with torch.inference_mode():
        rows = [{"method": name, **compare(method, count)} for name, method in METHODS.items()]
    Console().print(as_table("Atoms separated from their images", rows))
    if json_file:
        machine = {"cores": available_cores(), "torch_threads": torch.get_num_threads()}
        machine |= {"seed": EVALUATION_SEED, "error_voxel": ERROR_VOXEL}
        write_report(json_file, {**machine, "rows": rows})


if __name__ == "__main__":
    typer.run(main)
