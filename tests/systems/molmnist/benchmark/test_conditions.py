"""Conditions: the same pairs of the right split, measured in each way."""

from itertools import islice

import numpy as np
import pytest

from argand.errors import ConfigError
from argand.systems.molmnist.benchmark.conditions import (
    BEAM_STOP,
    CONDITIONS,
    Condition,
    set_conditions,
    split_numbers,
    standard_conditions,
    trials_of,
    truth_of,
    unseen_pairs,
)
from argand.systems.molmnist.presets import PRESETS

TINY = PRESETS["tiny"]


def test_only_test_pairs_are_scored_and_none_is_learned_from():
    for name, way in (("standard", "noise-free"), ("hard", "clean")):
        system = CONDITIONS[name][way]
        unseen = list(islice(split_numbers(system, "test"), 40))
        learned = list(islice(split_numbers(system, "train"), 400))
        assert not set(unseen) & set(learned)
    standard = list(islice(split_numbers(CONDITIONS["standard"]["noise-free"], "test"), 40))
    assert {index // 10 % 10 for index in standard} == {9}
    assert [index % 10 for index in standard] == list(range(10)) * 4
    for split, place in {"train": 0, "val": 8, "test": 9}.items():
        index = next(split_numbers(PRESETS["hard"], split))
        assert index == place
        assert PRESETS["hard"].simulate(index, 0)["split"] == ["train", "val", "test"].index(split)


def test_conditions_of_standard_measure_the_same_shapes():
    varied = standard_conditions(TINY)
    assert varied.keys() == CONDITIONS["standard"].keys()
    plain, stopped = (unseen_pairs(Condition(name, varied[name]), 2) for name in ("noise-free", "beam-stop"))
    np.testing.assert_array_equal(stopped.shapes, plain.shapes)
    assert stopped.patterns[0].sum() == pytest.approx(1e4, rel=0.1)
    assert stopped.live.shape == stopped.patterns.shape
    imaging = CONDITIONS["standard"]["beam-stop"].imaging
    assert not imaging.live[imaging.window.q < BEAM_STOP].any()
    assert (~imaging.live).sum() == 9


def test_conditions_of_hard_differ_in_nothing_but_the_measurement():
    ways = {way.name: unseen_pairs(way, 2) for way in set_conditions("hard")}
    drawn = ways["as-drawn"]
    for name, trials in ways.items():
        np.testing.assert_array_equal(trials.shapes, drawn.shapes)
        assert trials.truth.keys() == {"chains", "outline", "turn_deg"}
        for key, values in trials.truth.items():
            np.testing.assert_array_equal(values, drawn.truth[key])
        if name != "clean":
            np.testing.assert_array_equal(trials.live, drawn.live)
    for name, dose in {"1e6-photons": 1e6, "1e4-photons": 1e4, "1e2-photons": 1e2}.items():
        assert ways[name].patterns.sum((1, 2)) == pytest.approx(dose, abs=5 * dose**0.5)
    clean = ways["clean"]
    assert (~clean.live).sum((1, 2)).tolist() == [1, 1]
    assert clean.patterns.sum((1, 2)) == pytest.approx(1, rel=1e-4)
    assert (drawn.live[0] != drawn.live[1]).any()


def test_a_pattern_without_noise_is_the_transform_of_its_shape():
    """Up to what the form factors differ and a histogram loses, in every condition's test pairs."""
    (clean,) = set_conditions("hard", ["clean"])
    trials = trials_of(clean, "val", 1)
    middle = trials.patterns.shape[1] // 2
    spectrum = np.abs(np.fft.fftshift(np.fft.fft2(trials.shapes[0])))
    near = trials.live[0] & (trials.window.q < 0.4)
    assert np.corrcoef(spectrum[near], np.sqrt(trials.patterns[0][near]))[0, 1] > 0.999
    assert not trials.live[0, middle, middle]


def test_the_truth_is_that_of_the_kind_of_sample():
    fibril = {"fibril": np.array(3), "twist_deg_per_nm": np.array(-2.5), "shape": np.zeros(2)}
    assert truth_of(fibril) == {"fibril": 3, "twist_deg_per_nm": 2.5}
    bundle = {"chains": np.array(7), "outline": np.array(1), "turn_deg": np.array(40.0)}
    assert truth_of(bundle | {"twist_deg_per_nm": np.array(1.0)}) == {
        "chains": 7,
        "outline": 1,
        "turn_deg": 40,
    }
    assert truth_of({"kind": np.array(2)}) == {"kind": 2}
    assert truth_of({"shape": np.zeros(2)}) == {"kind": 0}


def test_sets_and_conditions_that_are_none_are_one_line():
    with pytest.raises(ConfigError, match="did you mean 'beam-stop'"):
        set_conditions("standard", ["beamstop"])
    with pytest.raises(ConfigError, match="unknown set 'hrad'; did you mean 'hard'"):
        set_conditions("hrad")
    assert [way.name for way in set_conditions("hard", ["clean", "as-drawn"])] == ["clean", "as-drawn"]
