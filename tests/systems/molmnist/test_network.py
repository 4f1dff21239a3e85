"""Our network for fibrils: polar patterns, rotation taken out, shapes fitted to patterns."""

from pathlib import Path

import numpy as np
import pytest
import torch

from argand.errors import InputError
from argand.io.weights import save_weights
from argand.physics.coherent.projection import Window, histogram
from argand.system import to_config
from argand.systems.molmnist.fibril.fibril import build_fibril
from argand.systems.molmnist.inversion.centring import check_patterns
from argand.systems.molmnist.inversion.polar import Polar, rolled
from argand.systems.molmnist.inversion.shape_basis import ShapeBasis, blur, middle
from argand.systems.molmnist.inversion.shape_fit import MeasuredPattern, fit_shape, turned_images
from argand.systems.molmnist.loss import pattern_middle
from argand.systems.molmnist.predict import load
from argand.systems.molmnist.presets import PRESETS
from argand.systems.molmnist.simulate import Scene, turned
from argand.systems.molmnist.system import Molmnist, class_shapes, training_number

TINY = PRESETS["tiny"]


@pytest.fixture(scope="module")
def shapes() -> ShapeBasis:
    return class_shapes(TINY, "3x3")


@pytest.fixture(scope="module")
def pattern() -> np.ndarray:
    return TINY.simulate(1, 3)["pattern"]


def images_of(shapes: ShapeBasis) -> torch.Tensor:
    return torch.from_numpy(np.concatenate([shapes.mean[None], shapes.modes]))


def test_a_quarter_turn_of_the_pattern_moves_its_polar_form_by_half(pattern: np.ndarray):
    polar = Polar(12, 32)
    step = 2 * np.pi / TINY.imaging.window.side
    cut = pattern_middle(pattern, step)
    seen = torch.from_numpy(np.stack([cut, np.rot90(cut, -1)]))[:, None].float()
    first, second = polar(seen, torch.ones_like(seen), step)
    torch.testing.assert_close(second, first.roll(16, -1), rtol=1e-3, atol=1e-3)


def test_what_is_masked_changes_nothing(pattern: np.ndarray):
    polar, step = Polar(12, 32), 2 * np.pi / TINY.imaging.window.side
    seen = torch.from_numpy(pattern_middle(pattern, step))[None, None].float()
    live = torch.ones_like(seen)
    live[..., :10, :] = 0
    spoilt = seen.clone()
    spoilt[..., :10, :] = 1e6
    torch.testing.assert_close(polar(spoilt, live, step), polar(seen, live, step))


def test_maps_roll_round_and_linearly_in_between():
    x = torch.rand(2, 3, 4, 8, generator=torch.Generator().manual_seed(0))
    moved = rolled(x, torch.tensor([3.0, -8.0]))
    torch.testing.assert_close(moved, torch.stack([x[0].roll(-3, -1), x[1]]))
    half = rolled(x, torch.full((2,), 0.5))
    torch.testing.assert_close(half, (x + x.roll(-1, -1)) / 2)


def test_the_rotation_found_follows_that_of_the_pattern(pattern: np.ndarray):
    torch.manual_seed(0)
    network = TINY.network().eval()
    step = 2 * np.pi / TINY.imaging.window.side
    seen = torch.from_numpy(pattern_middle(pattern, step))[None, None].float()
    live, azimuths = torch.ones_like(seen), TINY.polar[1]
    with torch.no_grad():
        still = network(seen, live, step).rotation
        moved = network(seen, live, step, shift=torch.tensor([4])).rotation
    off = (moved - still - 4 * np.pi / azimuths) / np.pi
    assert abs(off - off.round()).item() < 1e-4


def test_images_turn_as_atoms_do():
    fibril = build_fibril("3x3", 50.0)
    window, scene = Window(64.0, 64), Scene(fibril.elements)
    side, angle = 40, 0.7
    first, second = (
        blur(middle(histogram(cart, scene.weight, window), side)[None], 1.5)
        for cart in (fibril.cart, turned(fibril.cart, angle))
    )
    found = turned_images(torch.from_numpy(first).float(), angle).numpy()
    assert np.corrcoef(found.ravel(), second.ravel())[0, 1] > 0.99
    assert (
        np.corrcoef(turned_images(torch.from_numpy(first).float(), -angle).numpy().ravel(), second.ravel())[
            0, 1
        ]
        < 0.98
    )


def test_directions_are_told_apart_and_amounts_read_back(shapes: ShapeBasis):
    amount = np.linspace(-2, 2, len(shapes.modes))
    seen = blur((shapes.mean + np.tensordot(amount, shapes.modes, 1))[None].astype(float), 1 / shapes.pixel)
    np.testing.assert_allclose(shapes.coefficients(seen)[0], amount, atol=0.02)


def test_a_fit_finds_amounts_and_rotation_of_a_pattern(shapes: ShapeBasis):
    images, random = images_of(shapes), np.random.default_rng(1)
    amount = random.normal(size=len(shapes.modes)) * 0.5
    rotation = 0.4
    shape = shapes.mean + np.tensordot(amount, shapes.modes, 1)
    turned_shape = turned_images(torch.from_numpy(shape[None]).float(), rotation)
    window = Window(64.0, 32)
    empty = MeasuredPattern(np.ones((32, 32)), window.q > 0, window, shapes.pixel)
    pattern = np.zeros((32, 32))
    intensity = empty.waves(turned_shape, rotation)[0].abs().square().numpy()
    rows = np.rint(empty.q_slow.numpy() * 64 / (2 * np.pi)).astype(int)
    columns = np.rint(empty.q_fast.numpy() * 64 / (2 * np.pi)).astype(int)
    pattern[16 + rows, 16 + columns] = pattern[16 - rows, 16 - columns] = intensity
    measured = MeasuredPattern(pattern, pattern > 0, window, shapes.pixel)
    fitted = fit_shape(measured, images, torch.zeros(len(amount)), rotation + 0.01, 0.02, 1e-6)
    assert fitted.residual < 0.02
    assert abs(fitted.rotation - rotation) < 0.005
    start = np.linalg.norm(shape - shapes.mean)
    aligned = (torch.cat([torch.ones(1), fitted.coefficients]) @ images.flatten(1)).view_as(images[0]).numpy()
    assert np.linalg.norm(aligned - shape) < 0.4 * start


def test_training_sees_no_variant_of_another_split():
    source = TINY._source("2x2")
    numbers = [training_number(source, number) for number in range(40)]
    assert len(set(numbers)) == 40
    assert {source.split(number) for number in numbers} == {0}


def test_weights_answer_about_whole_patterns(tmp_path: Path, pattern: np.ndarray):
    torch.manual_seed(0)
    header = {"system": "molmnist", "config": to_config(TINY), "seed": 0, "version": "0"}
    predictor = load(save_weights(tmp_path, TINY.network().state_dict(), header))
    answer = predictor.predict(pattern, window_side=64.0)
    assert answer.shape.shape == answer.shape_sd.shape == pattern.shape
    assert answer.probability.sum() == pytest.approx(1, abs=1e-5)
    assert 0 < answer.residual < 1.5
    assert (answer.shape_sd >= 0).all()
    electrons = TINY.simulate(1, 3)["shape"].sum()
    if answer.fibril == "3x3":
        assert answer.shape.sum() == pytest.approx(electrons, rel=0.1)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda p, m: (p[:, :, :-2], m), "square"),
        (lambda p, m: (p, m & False), "masked"),
        (lambda p, m: (p - 1e9, m), "below zero"),
        (lambda p, m: (p * np.nan, m), "not finite"),
        (lambda p, m: (p * 0, m), "empty"),
        (lambda p, m: (p, m[:-1]), "mask has"),
    ],
)
def test_what_is_no_pattern_is_refused(pattern: np.ndarray, change, complaint: str):
    patterns, live = change(pattern[None], np.ones(pattern.shape, bool))
    with pytest.raises(InputError, match=complaint):
        check_patterns(patterns, live)


def test_ours_has_weights_for_all_ten_fibrils():
    network = PRESETS["best"].blank_network()
    assert len(network.counts) == 10
    weights = sum(one.numel() for one in [*network.parameters(), *network.buffers()])
    assert 2 * weights < 4e6
    assert isinstance(PRESETS["best"], Molmnist)
