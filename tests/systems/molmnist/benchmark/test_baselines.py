"""Baselines: what they find of patterns that they can explain, and what they are told."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from argand.physics.coherent.projection import Window
from argand.systems.molmnist.benchmark import figures
from argand.systems.molmnist.benchmark.azimuthal_match import KnownPatterns, shifted
from argand.systems.molmnist.benchmark.baselines import AGREED, BASELINES
from argand.systems.molmnist.benchmark.ceiling import amplitudes
from argand.systems.molmnist.benchmark.conditions import Condition, Trials, set_conditions, unseen_pairs
from argand.systems.molmnist.benchmark.model import ask, by_mask
from argand.systems.molmnist.benchmark.ridge import Ridge, nearest_profiles, radial_profiles
from argand.systems.molmnist.benchmark.training import (
    Training,
    class_keys,
    expected_patterns,
    learn,
    polar_patterns,
    turned_each,
)
from argand.systems.molmnist.inversion.polar import Polar
from argand.systems.molmnist.presets import PRESETS

WAY = Condition("tiny", PRESETS["tiny"])
pytestmark = pytest.mark.usefixtures("quick_retrieval")


def answer_of(name: str, trials: Trials, training: Training) -> dict:
    """A baseline's answer, checked as that of a model is."""
    baseline = BASELINES[name]
    answer = baseline.answer(trials, training)
    assert answer.keys() <= {*baseline.kinds, AGREED}, name
    asked = {kind: values for kind, values in answer.items() if kind != AGREED}
    return ask(lambda *_: asked, trials.patterns, trials.live, trials.window.side)


@pytest.fixture(scope="module")
def trials() -> Trials:
    return unseen_pairs(WAY, 12)


@pytest.fixture(scope="module")
def training() -> Training:
    return learn(WAY, 24)


@pytest.fixture(scope="module")
def hard() -> tuple[Trials, Training]:
    (way,) = set_conditions("hard", ["1e4-photons"])
    return unseen_pairs(way, 4), learn(way, 24)


def test_each_baseline_answers_in_the_shape_that_is_asked_of_a_model(trials: Trials, training: Training):
    for name in BASELINES:
        assert answer_of(name, trials, training), name
    agreed = BASELINES["phase retrieval"].answer(trials, training)[AGREED]
    assert agreed.shape == (len(trials),)


@pytest.mark.slow
def test_each_baseline_answers_bundles_whose_masks_all_differ(hard: tuple[Trials, Training]):
    trials, training = hard
    for name in BASELINES.keys() - {"I(0) alone (told)"}:
        assert answer_of(name, trials, training).keys() & {"shape", *trials.truth}, name


def test_a_turned_pattern_is_found_with_its_turn():
    random = torch.Generator().manual_seed(0)
    window, polar = Window(64.0, 64), Polar(24, 64, 1.5)
    shapes = torch.zeros(3, 64, 64)
    shapes[:, 20:44, 20:44] = torch.rand(3, 24, 24, generator=random)
    shapes[0, 20:30] = shapes[2, :, 20:34] = 0
    turns = torch.tensor([0.4, 1.3, 2.9])
    system = replace(PRESETS["standard"], imaging=replace(PRESETS["standard"].imaging, window=window))
    known = KnownPatterns(polar_patterns(expected_patterns(shapes, system), window, polar), polar)
    seen = expected_patterns(turned_each(shapes, turns), system)
    live = torch.ones_like(seen)
    live[:, 32, 32] = 0
    live[1, :, 36:40] = 0
    row, found = known.match(
        seen * live * torch.tensor([1.0, 50.0, 1e-3])[:, None, None], live, 2 * np.pi / 64
    ).best()
    assert row.tolist() == [0, 1, 2]
    torch.testing.assert_close(found, turns, atol=0.02, rtol=0)


def test_polar_patterns_turn_as_their_shapes_do():
    window, polar = Window(64.0, 64), Polar(24, 64, 1.5)
    system = replace(PRESETS["standard"], imaging=replace(PRESETS["standard"].imaging, window=window))
    shapes = torch.zeros(1, 64, 64)
    shapes[0, 24:40, 28:38] = 1
    shapes[0, 24:30, 24:28] = 1
    turn = torch.tensor([0.7])
    there = polar_patterns(expected_patterns(turned_each(shapes, turn), system), window, polar)
    here = shifted(polar_patterns(expected_patterns(shapes, system), window, polar), turn)
    inner = slice(0, 12)
    assert np.corrcoef(there[0, inner].flatten(), here[0, inner].flatten())[0, 1] > 0.99
    wrong = shifted(polar_patterns(expected_patterns(shapes, system), window, polar), -turn)
    assert np.corrcoef(there[0, inner].flatten(), wrong[0, inner].flatten())[0, 1] < 0.97


def test_a_pair_that_is_known_is_answered_with_its_like_at_its_turn(training: Training):
    learned = list(WAY.samples("train", 6))
    own = replace(
        unseen_pairs(WAY, 6),
        patterns=np.stack([one["pattern"] for one in learned]),
        shapes=np.stack([one["shape"] for one in learned]).astype(np.float32),
    )
    answer = BASELINES["nearest pair"].answer(own, training)
    np.testing.assert_array_equal(answer["fibril"], [one["fibril"] for one in learned])
    assert figures.shape_scores(answer["shape"], own)["pearson"].min() > 0.97


def test_a_class_mean_is_turned_to_where_the_object_lies(trials: Trials, training: Training):
    told = BASELINES["turned class mean (class and rotation told)"].answer(trials, training)["shape"]
    aslant = replace(trials, pose=trials.pose | {"rotation_deg": trials.pose["rotation_deg"] + 40})
    wrong = BASELINES["turned class mean (class and rotation told)"].answer(aslant, training)["shape"]
    right, off = (figures.shape_scores(one, trials)["psnr_db"].mean() for one in (told, wrong))
    assert right > off + 5


def test_bundles_are_classed_by_outline_size_and_turn(hard: tuple[Trials, Training]):
    truth = {
        "chains": np.array([4.0, 100.0, 20.0]),
        "outline": np.array([0, 3, 1]),
        "turn_deg": np.array([0.0, 239.0, 31.0]),
    }
    assert class_keys(truth).tolist() == [[0, 0, 0], [3, 7, 7], [1, 4, 1]]
    classes = hard[1].classes
    missing = {name: values[:1] for name, values in truth.items()} | {"turn_deg": np.array([900.0])}
    row = classes.nearest(missing)[0]
    if (classes.keys[:, 0] == 0).any():
        assert classes.keys[row, 0] == 0


def test_radial_profiles_are_blind_to_rotation_and_scale_and_know_what_is_not_measured():
    image = np.random.default_rng(0).random((1, 33, 33))
    live = np.ones((1, 33, 33), bool)
    np.testing.assert_allclose(
        radial_profiles(image, live), radial_profiles(9 * np.rot90(image, 1, (1, 2)), live)
    )
    assert np.linalg.norm(radial_profiles(image, live)) == pytest.approx(1)
    live[0, 16, 16] = False
    profile = radial_profiles(image, live)
    assert np.isnan(profile[0, 0])
    assert np.isfinite(profile[0, 1:]).all()


def test_profiles_are_compared_over_the_rings_that_both_have():
    known = np.array([[0.9, 0.1, 0.4], [0.1, 0.9, 0.4]])
    seen = np.array([[np.nan, 0.8, 0.4], [5.0, np.nan, 2.0]])
    assert nearest_profiles(seen, known).tolist() == [1, 0]


def test_a_ridge_leaves_out_what_is_noise_and_keeps_what_is_law():
    random = np.random.default_rng(0)
    rows = random.standard_normal((200, 30))
    rows[3, 2] = np.nan
    law = 3 + rows[:, :1] * 2
    targets = np.concatenate([law, random.standard_normal((200, 1))], 1)
    ridge = Ridge(rows[:150], targets[:150])
    found = ridge(rows[150:])
    np.testing.assert_allclose(found[:, 0], law[150:, 0], atol=0.05)
    assert found[:, 1].std() < 0.4
    assert ridge.ridge[1] > 100 * ridge.ridge[0]


def test_amplitudes_from_counts_are_nearer_to_the_truth_than_roots_of_counts():
    random = np.random.default_rng(0)
    size, behind = 64, 0.3
    image = np.zeros((size, size))
    image[28:36, 26:40] = random.random((8, 14))
    wave = np.abs(np.fft.fftshift(np.fft.fft2(image)))
    wave *= np.sqrt(3e3 / (wave**2).sum())
    live = np.ones((size, size), bool)
    live[:, 40:42] = False
    counts = np.where(live, random.poisson(wave**2 + behind), 0).astype(float)
    around = np.full((size, size), behind)
    true = np.fft.ifftshift(wave)[:, : size // 2 + 1]
    found = amplitudes(counts, live, around)
    raw = amplitudes(counts + 1e-9 * live, live, around)
    assert np.nanmean((found - true) ** 2) < 0.5 * np.nanmean((raw - true) ** 2)
    exact = amplitudes(np.where(live, wave**2 + behind, 0), live, around)
    np.testing.assert_allclose(exact[np.isfinite(exact)], true[np.isfinite(exact)], atol=1e-6)


def test_masks_are_told_apart_and_their_rows_kept():
    live = np.ones((4, 3, 3), bool)
    live[1, 0] = live[3, 0] = False
    parts = {tuple(rows): mask.sum() for rows, mask in by_mask(live)}
    assert parts == {(0, 2): 9, (1, 3): 6}
