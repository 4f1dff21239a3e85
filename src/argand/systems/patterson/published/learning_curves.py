"""Learning curves as pictures: the published figures 7, 8 and 9, and the networks at equal compute.

Each picture says what its trainings cost. Errors are squared, over those of predicting nothing; a dotted line
is the best answer that is the same for all maps, their mean: what is not below it has not used the map.
Without inversion images a dash-dotted line is the best answer there is, since a map does not tell the hand.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from argand.io.atomic import make_folder, written
from argand.systems.patterson.published.ablation import Curve

PAPER_SIZE = "the paper: about 300 h of a GPU for 7, 100 epochs of 3,000 maps an arm for 8 and 9"
"""Hurwitz, arXiv 2003.13767."""
PANELS = {
    "paper-small": "published network, 3 atoms in 16³ voxels",
    "paper": "published network, plain map",
    "superposition": "our network, superposed map",
}
ATOM_VARIANTS = ("", "no images", "no images, twice the atoms", "twice the atoms")
BOX_VARIANTS = ("", "inner box 1.5 times", "inner box twice")
REFERENCES = "dashed: nothing; dotted: the mean map; dash-dotted: all but the hand"
NAMES = {
    "paper": "published network",
    "paper-small": "published network, small maps",
    "fourier": "Fourier layers",
    "superposition": "ours, superposed",
}


def draw_training(folder: Path, curves: Sequence[Curve]) -> Path:
    """Write figure 7 as PNG."""
    return _save(draw_losses(curves), folder / "patterson-7.png")


def draw_comparisons(folder: Path, curves: Sequence[Curve]) -> list[Path]:
    """Write figures 8 and 9 as PNG."""
    return [
        _save(draw_variants(8, curves, ATOM_VARIANTS, "with images"), folder / "patterson-8.png"),
        _save(draw_variants(9, curves, BOX_VARIANTS, "inner box as published"), folder / "patterson-9.png"),
    ]


def draw_losses(curves: Sequence[Curve]) -> Figure:
    """Figure 7: training and validation error of the published network, and of ours."""
    curves = [curve for curve in curves if curve["network"] in PANELS and not curve["variant"]]
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    networks = [network for network in PANELS if _of(curves, network, ("",))]
    for axes, network in zip(figure.subplots(1, len(networks), squeeze=False)[0], networks, strict=True):
        title = PANELS[network]
        for curve in _of(curves, network, ("",)):
            _plot(axes, curve, "train", label="training", color="C0", linewidth=0.8)
            _plot(
                axes, curve, "val", label=f"validation: {_end(curve)}", color="C1", marker="o", markersize=3
            )
            _references(axes, curve, "black")
        _finish(axes, title, _of(curves, network, ("",)))
    figure.suptitle(f"Figure 7. {cost(curves)}\n({PAPER_SIZE})", fontsize=8)
    return figure


def draw_variants(number: int, curves: Sequence[Curve], variants: Sequence[str], standard: str) -> Figure:
    """Figure 8 or 9: validation error of variants of the maps, beside the published ones (`standard`)."""
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    networks = [network for network in PANELS if _of(curves, network, variants)]
    for axes, network in zip(figure.subplots(1, len(networks), squeeze=False)[0], networks, strict=True):
        for curve in _of(curves, network, variants):
            colour = f"C{variants.index(curve['variant'])}"
            label = f"{curve['variant'] or standard}: {_end(curve)}"
            _plot(axes, curve, "val", label=label, color=colour, marker="o", markersize=3)
            _references(axes, curve, colour)
        _finish(axes, PANELS[network], _of(curves, network, variants))
    shown = [curve for network in networks for curve in _of(curves, network, variants)]
    figure.suptitle(f"Figure {number}, validation. {cost(shown)}\n({PAPER_SIZE})", fontsize=8)
    return figure


def draw_networks(path: Path, curves: Sequence[Curve]) -> Path:
    """Validation error of the networks against minutes of one core."""
    figure = Figure(figsize=(9, 4.6), layout="constrained")
    axes = figure.subplots()
    for number, curve in enumerate(curves):
        label = f"{NAMES[curve['network']]} ({curve['weights'] / 1e6:.1f} M weights): {_end(curve)}"
        _plot(axes, curve, "val", label=label, color=f"C{number}", marker="o", markersize=3)
        _references(axes, curve, f"C{number}")
    _finish(axes, "Validation error at equal compute", curves)
    target = "Ours learns Gaussians about a vector's midpoint, the others spheres in the whole box."
    figure.suptitle(f"{cost(curves)}\n{target}", fontsize=8)
    return _save(figure, path)


def cost(curves: Iterable[Curve]) -> str:
    """What the trainings took, in words."""
    parts = dict.fromkeys(
        f"{NAMES[c['network']]} {c['core_minutes']:.2g} min ({c['steps'] * c['batch']:,} maps)"
        for c in curves
    )
    return "Each training on one core: " + ", ".join(parts)


def _end(curve: Curve) -> str:
    """The error at the end, and whether that is worth anything."""
    error = curve["val"][-1][1]
    return f"{error:.3f}" + ("" if error < curve["mean_map"] else ", no better than the mean map")


def _of(curves: Iterable[Curve], network: str, variants: Sequence[str]) -> list[Curve]:
    return [curve for curve in curves if curve["network"] == network and curve["variant"] in variants]


def _plot(axes: Axes, curve: Curve, part: str, **style: object) -> None:
    """One curve, against minutes of one core."""
    steps, errors = zip(*curve[part], strict=True)
    minutes = [step * curve["core_minutes"] / curve["steps"] for step in steps]
    axes.plot(minutes, errors, **style)  # pyright: ignore[reportArgumentType]


def _references(axes: Axes, curve: Curve, colour: str) -> None:
    axes.axhline(curve["mean_map"], color=colour, linestyle=":", linewidth=0.9)
    if curve["hand_unknown"] is not None:
        axes.axhline(curve["hand_unknown"], color=colour, linestyle="-.", linewidth=0.9)


def _finish(axes: Axes, title: str, curves: Iterable[Curve]) -> None:
    axes.axhline(1.0, color="grey", linestyle="--", linewidth=0.8)
    axes.set(xlabel="minutes of one core", ylabel="squared error / predicting nothing", title=title)
    axes.set_ylim(0.0, max([1.25, *(1.1 * curve["val"][-1][1] for curve in curves)]))
    axes.legend(fontsize=7, loc="best", title=REFERENCES, title_fontsize=7)


def _save(figure: Figure, path: Path) -> Path:
    make_folder(path.parent)
    with written(path) as temporary:
        figure.savefig(temporary, dpi=100, format="png")
    return path
