"""The published figures again, as far as minutes of computing allow: 10, 11 and 12.

Figures 7 to 9 compare trainings of the published network, which take days on a processor; they are not drawn.
"""

from pathlib import Path
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from argand.physics.patterson import intensities_of
from argand.physics.positions import select_reflections
from argand.systems.patterson.evaluate import EVALUATION_SEED, measure
from argand.systems.patterson.predict import Predictor
from argand.systems.patterson.published import doubled, separate_by_swaps, weighted_peaks
from argand.systems.patterson.simulate import AtomSet, simulate_batch
from argand.systems.patterson.superpose import pick_vectors, target, unfold

CASES, SWAPS = 7, 600
PUBLISHED = "published: 4,994 of 5,000 atoms, mean 0.283"


def draw_figures(folder: Path, predictor: Predictor, count: int) -> list[Path]:
    """Write the figures as PNG; the accuracy test has `count` maps. Each says what it was made from."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = {
        "patterson-10.png": lambda figure: draw_densities(figure, predictor),
        "patterson-11.png": lambda figure: draw_swaps(figure),
        "patterson-12.png": lambda figure: draw_histogram(figure, predictor, count),
    }
    paths = []
    for name, draw in jobs.items():
        figure = Figure(figsize=(9, 4), layout="constrained")
        draw(figure)
        figure.savefig(folder / name, dpi=100)
        paths.append(folder / name)
    return paths


def draw_densities(figure: Figure, predictor: Predictor) -> None:
    """Figure 10: true and inferred density of one map, seen along the three axes."""
    batch = simulate_batch(AtomSet(), [0], EVALUATION_SEED)
    vector = pick_vectors(batch.patterson, 1, 1.0)[:, 0]
    frame = predictor.frame(10)
    with torch.inference_mode():
        inferred = predictor.densities(batch.patterson, vector, frame)[0]
    true = unfold(target(batch.positions.float(), vector, frame)[:, 0])[0]
    panels = figure.subplots(2, 3)
    for axis in range(3):
        for row, (density, name) in enumerate(((true, "true"), (inferred, "inferred"))):
            image = density.amax(axis).clamp(0, 2).numpy()
            panels[row, axis].imshow(image.T, origin="lower", cmap="magma", vmin=0, vmax=1.6)
            panels[row, axis].set(title=f"{name}, along {'xyz'[axis]}", xticks=[], yticks=[])
    error = float((inferred - true).square().sum() / true.square().sum())
    figure.suptitle(f"Atoms and inversion images about a vector's midpoint; relative error {error:.3f}")


def draw_swaps(figure: Figure) -> None:
    """Figure 11: the match against swaps for seven cases, from the true density with images."""
    batch = simulate_batch(AtomSet(), range(CASES), EVALUATION_SEED)
    reflections = select_reflections(intensities_of(batch.patterson), 8.0)
    places = doubled(weighted_peaks(batch.density, 20), AtomSet().box)
    panels = figure.subplots(1, 2, sharey=True)
    for axes, heat, title in zip(panels, (0.0, 0.1), ("improvements only", "annealing"), strict=True):
        course = separate_by_swaps(places, reflections, 10, 1.0, SWAPS, heat).course
        axes.plot(course.T.numpy(), linewidth=1)
        axes.set(xlabel="swaps tried", title=title, yscale="log")
    panels[0].set(ylabel="misfit of amplitudes, squared")
    figure.suptitle(f"{CASES} maps, 20 peaks of the true density and their images", fontsize=9)


def draw_histogram(figure: Figure, predictor: Predictor, count: int) -> None:
    """Figure 12: distances between found and true atoms, as read and refined."""
    panels = figure.subplots(1, 2)
    stages = {"read from the density": predictor.read, "refined": predictor.solve}
    for axes, (name, solver) in zip(panels, stages.items(), strict=True):
        _draw_distances(axes, name, measure(AtomSet(), count, EVALUATION_SEED, solver))
    figure.suptitle(f"{count} maps that were not trained on ({PUBLISHED})", fontsize=9)


def _draw_distances(axes: Axes, name: str, found: dict[str, Any]) -> None:
    edges = found["histogram"]["edges"]
    axes.stairs(found["histogram"]["counts"], edges, fill=True)
    title = f"{name}: {found['matched']} of {found['atoms']}, mean {found['mean_voxel']:.4f}"
    axes.set(xlabel="distance, voxels", ylabel="atoms", title=title)
