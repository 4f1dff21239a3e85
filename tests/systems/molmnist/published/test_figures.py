"""Figures show fibrils as they lie in the crystal, with bars that are as long as they say."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image as PictureFile

from argand.physics.coherent.projection import Camera, Window, histogram
from argand.systems.molmnist.benchmark.dataset import load
from argand.systems.molmnist.benchmark.pairs import Pairs
from argand.systems.molmnist.benchmark.sample import SamplePairs
from argand.systems.molmnist.fibril.fibril import build_fibril
from argand.systems.molmnist.presets import PRESETS
from argand.systems.molmnist.published.figures import draw_figures, draw_pairs, turned_back
from argand.systems.molmnist.simulate import Scene, turned

WINDOW = Window(100.0, 100)


def blurred(image: np.ndarray) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(image, 1.5)


@pytest.mark.parametrize("angle", [25.0, 130.0, 290.0])
def test_shape_and_pattern_of_a_turned_fibril_are_turned_back(angle: float):
    fibril = build_fibril("hexagonal-18", 40.0)
    scene = Scene(fibril.elements)
    away = turned(fibril.cart, np.radians(angle))
    shapes = [histogram(cart, scene.weight, WINDOW) for cart in (fibril.cart, away)]
    back = blurred(turned_back(shapes[1], angle, 49.5))
    assert np.corrcoef(back.ravel(), blurred(shapes[0]).ravel())[0, 1] > 0.98
    camera = Camera(set(scene.members), WINDOW)
    patterns = [
        camera.intensity({name: cart[atoms] for name, atoms in scene.members.items()}).astype(float)
        for cart in (fibril.cart, away)
    ]
    near = (WINDOW.q < 1.2) & (WINDOW.q > 0.1)
    roots = [np.sqrt(pattern[near]) for pattern in (turned_back(patterns[1], angle, 50), patterns[0])]
    assert np.corrcoef(roots[0], roots[1])[0, 1] > 0.98
    # The other way round they are not alike.
    wrong = blurred(turned_back(shapes[1], -angle, 49.5))
    assert np.corrcoef(wrong.ravel(), blurred(shapes[0]).ravel())[0, 1] < 0.97


def test_the_scale_bar_is_as_long_as_it_says():
    pairs = load("sample")
    for what, unit, step in (("shape", " nm", 0.1), ("pattern", " 1/Å", 2 * np.pi / 200)):
        figure = Figure()
        draw_pairs(figure, pairs, {"6x6": (4, 14)}, what)
        for axes in figure.axes:
            (bar,), (label,) = axes.lines, axes.texts
            assert np.ptp(bar.get_xdata()) * step == pytest.approx(float(label.get_text().removesuffix(unit)))


def test_the_three_figures_of_a_set_of_fibrils_are_drawn(tmp_path: Path):
    paths = draw_figures(tmp_path, load("sample"))
    assert [path.name for path in paths] == [f"molmnist-{number}.png" for number in (1, 2, 3)]
    for path in paths:
        assert np.asarray(PictureFile.open(path).convert("L")).std() > 5


def test_bundles_are_drawn_on_one_page(tmp_path: Path):
    system = PRESETS["hard"]
    samples = [system.simulate(index, 0) for index in range(6)]
    columns = {name: np.stack([sample[name] for sample in samples]) for name in samples[0]}
    (path,) = draw_figures(tmp_path, Pairs(SamplePairs(columns), None, system))
    assert path.name == "molmnist-hard.png"
    assert np.asarray(PictureFile.open(path).convert("L")).std() > 5
