"""The predictor of bundles: masks of each pattern's own, the same alone and together, refusals in a line."""

from pathlib import Path

import numpy as np
import pytest
import torch

import argand
from argand.errors import InputError
from argand.system import Sample
from argand.systems.molmnist.fibril.bundle import GRID, OUTLINES, occupancy
from argand.systems.molmnist.fibril.fibril import chain_sites
from argand.systems.molmnist.inversion.chain_reading import poses_of
from argand.systems.molmnist.inversion.prediction import (
    ASSUMED_LENGTH,
    LARGEST_TURN_SD,
    NO_LENGTH,
    Prediction,
    with_length,
)
from argand.systems.molmnist.inversion.verdict import (
    LARGEST_BACKGROUND,
    LARGEST_DOUBT,
    LARGEST_RATIO,
    LEAST_PHOTONS,
    decide_chains,
)
from argand.systems.molmnist.predictors.chain_predictor import ChainPredictor
from argand.systems.molmnist.presets import PRESETS

TINY = PRESETS["tiny-chains"]
SIDE = TINY.imaging.window.side

pytestmark = pytest.mark.usefixtures("quick_fit")


@pytest.fixture(scope="module")
def predictor(tiny_chain_weights: Path) -> ChainPredictor:
    inversion = argand.load("molmnist", tiny_chain_weights).inversion
    assert isinstance(inversion, ChainPredictor)
    return inversion


@pytest.fixture(scope="module")
def pairs() -> list[Sample]:
    """Two patterns of different masks."""
    found = [TINY.simulate(index, 5) for index in (0, 2)]
    assert not np.array_equal(found[0]["live"], found[1]["live"])
    return found


def test_patterns_with_masks_of_their_own_are_answered_as_one_by_one(
    predictor: ChainPredictor, pairs: list[Sample]
):
    patterns, live = (np.stack([one[name] for one in pairs]) for name in ("pattern", "live"))
    together = predictor.predict_many(patterns, live, SIDE)
    for answer, pattern, mask in zip(together, patterns, live, strict=True):
        (alone,) = predictor.predict_many(pattern[None], mask, SIDE)
        assert answer.residual == pytest.approx(alone.residual, rel=1e-2)
        assert answer.turn_deg == pytest.approx(alone.turn_deg, abs=0.5)
        assert answer.chains == pytest.approx(alone.chains, abs=0.2)
        np.testing.assert_array_equal(answer.live, mask & (TINY.imaging.window.q > 0))
        np.testing.assert_array_equal(answer.pattern, pattern)


def test_what_is_masked_changes_nothing(predictor: ChainPredictor, pairs: list[Sample]):
    pattern, live = pairs[0]["pattern"], pairs[0]["live"]
    assert not live.all()
    spoilt = np.where(live, pattern, pattern.max())
    first, second = (predictor.predict_many(one[None], live, SIDE)[0] for one in (pattern, spoilt))
    np.testing.assert_array_equal(first.shape, second.shape)


def test_an_answer_tells_chains_outline_and_turn(predictor: ChainPredictor, pairs: list[Sample]):
    (answer,) = predictor.predict_many(pairs[0]["pattern"][None], pairs[0]["live"], SIDE)
    assert answer.sites is not None
    assert answer.sites.shape == (GRID, GRID)
    assert answer.chains == pytest.approx(answer.sites.sum(), rel=1e-5)
    assert answer.outline in OUTLINES
    assert 1 / len(OUTLINES) <= answer.outline_probability <= 1
    assert answer.turn_sd_deg > 0
    assert (answer.twist_deg_per_nm, answer.probability, answer.twist_is_measured) == (None, None, False)
    assert answer.shape.shape == answer.shape_sd.shape == answer.pattern.shape
    # Chains of 86 electrons a glucose over the assumed length, but for what a picture below zero is cut to.
    assert answer.shape.sum() == pytest.approx(answer.chains * 86 * ASSUMED_LENGTH / 5.19, rel=0.1)


def test_electrons_are_fitted_with_their_own_form_factors(predictor: ChainPredictor, pairs: list[Sample]):
    other = predictor.measured_by("electron")
    assert predictor.measured_by("xray") is predictor
    assert other.radiation == "electron"
    assert not torch.equal(other.reader.model.table, predictor.reader.model.table)
    given = pairs[0]["pattern"][None], pairs[0]["live"], SIDE
    assert other.predict_many(*given)[0].residual != predictor.predict_many(*given)[0].residual


def test_what_is_no_pattern_is_refused(predictor: ChainPredictor, pairs: list[Sample]):
    pattern, live = pairs[0]["pattern"], pairs[0]["live"]
    for spoilt, words in (
        (-pattern - 1e-3, "below zero"),
        (0 * pattern, "empty"),
        (pattern[:, :20], "square"),
    ):
        with pytest.raises(InputError, match=words):
            predictor.predict_many(spoilt[None], None, SIDE)
    with pytest.raises(InputError, match="masked"):
        predictor.predict_many(np.stack([pattern] * 2), np.stack([live, 0 * live]), SIDE)
    with pytest.raises(InputError, match="smaller than"):
        predictor.predict_many(pattern[None], live, 30.0)


def test_the_fit_starts_from_the_likeliest_pose_and_goes_on_with_others(
    predictor: ChainPredictor, pairs: list[Sample]
):
    output = predictor.reader.asked(pairs[0]["pattern"][None], pairs[0]["live"][None], SIDE)
    poses = poses_of(output, 0)
    assert float(poses.rotation[0]) == pytest.approx(float(output.rotation[0]))
    assert float(poses.turn[1]) < float(poses.turn[0]) < float(poses.turn[2])
    assert float(poses.rotation[3]) > float(poses.rotation[0]) > float(poses.rotation[4])
    assert len(poses) > 5


def bundle_answer(**changes: object) -> Prediction:
    """An answer of a sure bundle of 4x6, 60 ± 6 degrees between its ends."""
    flat = np.ones((8, 8), np.float32)
    known = {
        "shape": flat,
        "shape_sd": flat,
        "rotation_deg": 0.0,
        "residual": 1.0,
        "expected_residual": 1.0,
        "pattern": 100 * flat,
        "live": flat == 1,
        "window_side": 100.0,
        "sites": occupancy(chain_sites("4x6").astype(np.int64)),
        "chains": 24.0,
        "chains_sd": 0.2,
        "outline": "diamond",
        "outline_probability": 1.0,
        "turn_deg": 60.0,
        "turn_sd_deg": 6.0,
    }
    return Prediction(**(known | changes))  # pyright: ignore[reportArgumentType]


def test_a_turn_over_a_length_is_a_twist():
    told = with_length(bundle_answer(), 300.0)
    # 60 degrees over 30 nm.
    assert (told.twist_deg_per_nm, told.twist_sd_deg_per_nm) == (pytest.approx(2.0), pytest.approx(0.2))
    assert told.twist_is_measured
    # The shape is that of so long a bundle.
    np.testing.assert_allclose(told.shape, bundle_answer().shape * 300.0 / ASSUMED_LENGTH, rtol=1e-6)
    silent = with_length(bundle_answer(), None)
    assert silent.twist_deg_per_nm is None
    assert NO_LENGTH in silent.notes
    vague = with_length(bundle_answer(turn_sd_deg=LARGEST_TURN_SD + 1), 300.0)
    assert vague.twist_deg_per_nm is None
    assert "uncertain by 16 degrees" in vague.notes[-1]
    other = bundle_answer(turn_deg=None, turn_sd_deg=None, sites=None)
    assert with_length(other, 300.0) is other


def test_a_bundle_that_is_a_known_fibril_has_its_name():
    assert bundle_answer().fibril == "4x6"
    lacking = bundle_answer().sites.copy()
    lacking[tuple(np.argwhere(lacking)[5])] = 0.4
    assert bundle_answer(sites=lacking).fibril is None


def test_a_bundle_is_believed_with_a_low_misfit_and_a_sure_number_of_chains():
    assert bundle_answer().trusted
    assert decide_chains(20.0, 0.99 * LARGEST_DOUBT * 20, 0.99 * LARGEST_RATIO, 1.0).trusted
    misfit = decide_chains(20.0, 0.1, 1.01 * LARGEST_RATIO, 1.0)
    assert not misfit.trusted
    assert "no bundle" in misfit.reason
    few = decide_chains(20.0, 0.1, 1.0, 1.0, LEAST_PHOTONS - 1)
    assert not few.trusted
    assert "too few to tell" in few.reason
    assert decide_chains(20.0, 0.1, 1.0, 1.0, LEAST_PHOTONS).trusted
    noise = decide_chains(20.0, 0.1, 1.0, 1.0, 1e6, 1.01 * LARGEST_BACKGROUND)
    assert not noise.trusted
    assert "shows no bundle" in noise.reason
    assert decide_chains(20.0, 0.1, 1.0, 1.0, 1e6, 0.99 * LARGEST_BACKGROUND).trusted
    unsure = decide_chains(20.0, 1.01 * LARGEST_DOUBT * 20, 1.0, 1.0)
    assert not unsure.trusted
    assert "number of chains is uncertain" in unsure.reason
