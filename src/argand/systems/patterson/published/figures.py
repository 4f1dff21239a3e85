"""The published figures 10, 11 and 12 again; those that compare trainings are in `learning_curves`."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator
from scipy.ndimage import zoom

from argand.io.atomic import make_folder, written
from argand.io.weights import read_header
from argand.physics.sphere.patterson import intensities_of
from argand.physics.sphere.sphere_fit import select_reflections
from argand.progress import duration
from argand.systems.patterson.evaluate import EVALUATION_SEED, measure
from argand.systems.patterson.maps.superposition import pick_vectors, target, unfold
from argand.systems.patterson.predict import Predictor
from argand.systems.patterson.published.peak_swaps import doubled, separate_by_swaps, weighted_peaks
from argand.systems.patterson.simulate import AtomSet, simulate_batch

CASES, SWAPS = 7, 600
"""Maps of figure 11, and swaps tried for each. By hand."""
LEVELS = ((0.2, "green", 0.12), (0.5, "blue", 0.35), (0.8, "red", 0.9))
"""Least density of each level of figure 10, its colour, and how opaque it is. By hand, for the drawing."""
FINER, SHOWN = 3, 9
"""Points of figure 10 to a voxel's side, and voxels to each side of the middle that it shows. By hand."""
PUBLISHED = "published: 4,994 of 5,000 atoms, mean 0.283"
"""Hurwitz, arXiv 2003.13767: 500 test maps, pairs that are each other's nearest, better hand, voxels."""


def draw_figures(folder: Path, predictor: Predictor, count: int, trained: str) -> list[Path]:
    """Write the figures as PNG; the accuracy test has `count` maps.

    Each says what it was made from; `trained` tells what the network's training took.
    """
    make_folder(folder)
    jobs = {
        "patterson-10.png": lambda figure: draw_densities(figure, predictor, trained),
        "patterson-11.png": lambda figure: draw_swaps(figure),
        "patterson-12.png": lambda figure: draw_histogram(figure, predictor, count, trained),
    }
    paths = []
    for name, draw in jobs.items():
        figure = Figure(figsize=(9, 4.6), layout="constrained")
        draw(figure)
        with written(folder / name) as temporary:
            figure.savefig(temporary, dpi=100, format="png")
        paths.append(folder / name)
    return paths


def training_note(weights: Path) -> str:
    """What the training of these weights took; InputError where they cannot be read."""
    training = read_header(weights)["training"]
    return (
        f"network trained for {duration(training['seconds'])} on {training['samples']:,} maps"
        f" ({training.get('hardware') or training['device']})"
    )


def draw_densities(figure: Figure, predictor: Predictor, trained: str) -> None:
    """Figure 10: true and inferred density of one map in three dimensions, coloured by their height."""
    batch = simulate_batch(AtomSet(), [0], EVALUATION_SEED)
    vector = pick_vectors(batch.patterson, 1, 1.0)[:, 0]
    frame = predictor.frame(10)
    with torch.inference_mode():
        inferred = predictor.densities(batch.patterson, vector, frame)[0]
    true = unfold(target(batch.positions.float(), vector, frame)[:, 0])[0]
    panels = figure.subplots(1, 2, subplot_kw={"projection": "3d"})
    for axes, density, name in zip(panels, (true, inferred), ("true", "inferred"), strict=True):
        _draw_levels(axes, density.numpy())
        axes.set(title=name, xlabel="x, voxels", ylabel="y", zlabel="z")
    legend = figure.legend(
        *panels[1].get_legend_handles_labels(), loc="outside lower center", ncols=3, markerscale=3, fontsize=8
    )
    for handle in filter(None, legend.legend_handles):
        handle.set_alpha(1.0)
    error = float((inferred - true).square().sum() / true.square().sum())
    title = f"Figure 10. Atoms and inversion images about a vector's midpoint; relative error {error:.3f}"
    figure.suptitle(f"{title}\n{trained}", fontsize=9)


def _draw_levels(axes: Any, density: np.ndarray) -> None:
    """Dots on a finer grid, coloured by level, over the part of the cube that has density."""
    fine = np.asarray(zoom(density, FINER, order=3, mode="nearest", grid_mode=True))
    tops = [*(level for level, _, _ in LEVELS[1:]), np.inf]
    for (low, colour, alpha), top in zip(LEVELS, tops, strict=True):
        place = (np.argwhere((fine >= low) & (fine < top)) + 0.5) / FINER
        label = f"density {low:g} to {top:g}" if np.isfinite(top) else f"density {low:g} and more"
        axes.scatter(*place.T, s=6, c=colour, alpha=alpha, linewidths=0, label=label, depthshade=False)
    middle = len(density) / 2
    around = (middle - SHOWN, middle + SHOWN)
    axes.set(xlim=around, ylim=around, zlim=around)
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_major_locator(MultipleLocator(5))
    axes.set_box_aspect((1, 1, 1), zoom=1.05)


def draw_swaps(figure: Figure) -> None:
    """Figure 11: the match against swaps for seven cases, from the true density with images.

    20 peaks for 10 atoms, doubled, as published; |h| up to 8 voxels of the transform (0.4 of Nyquist) and the
    first temperature of 0.1 are by hand.
    """
    batch = simulate_batch(AtomSet(), range(CASES), EVALUATION_SEED)
    reflections = select_reflections(intensities_of(batch.patterson), 8.0)
    places = doubled(weighted_peaks(batch.density, 20), AtomSet().box)
    panels = figure.subplots(1, 2, sharey=True)
    for axes, heat, title in zip(panels, (0.0, 0.1), ("improvements only", "annealing"), strict=True):
        course = separate_by_swaps(places, reflections, 10, 1.0, SWAPS, heat).course
        axes.plot(course.T.numpy(), linewidth=1)
        axes.set(xlabel="swaps tried", title=title, yscale="log")
    panels[0].set(ylabel="misfit of amplitudes, squared")
    title = f"Figure 11. {CASES} maps, 20 peaks of the true density and their images"
    figure.suptitle(f"{title}; no network, seconds of one core", fontsize=9)


def draw_histogram(figure: Figure, predictor: Predictor, count: int, trained: str) -> None:
    """Figure 12: distances between found and true atoms, as read and refined."""
    panels = figure.subplots(1, 2)
    stages = {"read from the density": predictor.read, "refined": predictor.solve}
    for axes, (name, solver) in zip(panels, stages.items(), strict=True):
        _draw_distances(axes, name, measure(AtomSet(), count, EVALUATION_SEED, solver))
    title = f"Figure 12. {count} maps that were not trained on ({PUBLISHED})"
    figure.suptitle(f"{title}\n{trained}", fontsize=9)


def _draw_distances(axes: Axes, name: str, found: dict[str, Any]) -> None:
    edges = found["histogram"]["edges"]
    axes.stairs(found["histogram"]["counts"], edges, fill=True)
    title = f"{name}: {found['matched']} of {found['atoms']}, mean {found['mean_voxel']:.4f}"
    axes.set(xlabel="distance, voxels", ylabel="atoms", title=title)
