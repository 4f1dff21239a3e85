"""Variants of the elastic network: twist, bonds, energies and repeatability."""

from dataclasses import replace

import numpy as np
import pytest

from argand.errors import ConfigError, InputError
from argand.physics.fibre.twist import DEG_PER_NM, twisted
from argand.systems.molmnist.ensemble.elastic_ensemble import (
    ModeEnsemble,
    ensemble,
    fibril_modes,
    read_parameters,
)
from argand.systems.molmnist.ensemble.fluctuation import chain_twists, fibril_twist, upright
from argand.systems.molmnist.fibril.fibril import build_fibril

PARAMETERS = read_parameters()
STILL = {"spring": 1e9, "glucose_rms": 0.0, "swelling": 0.0, "disorder": 1.0}
"""Atoms move by the crystal's U alone."""


@pytest.fixture(scope="module")
def source() -> ModeEnsemble:
    return ensemble("3x3", 120.0)


@pytest.mark.parametrize("rate", [-0.02, 0.0, 0.0087])
def test_the_twist_of_an_artificially_twisted_fibril_is_found(rate: float):
    fibril = build_fibril("2x2", 80.0)
    cart = twisted(fibril.cart, rate)
    assert fibril_twist(fibril, fibril.beads(cart)) == pytest.approx(rate, abs=2e-5)
    np.testing.assert_allclose(chain_twists(fibril, cart), rate, atol=3e-4)


def test_a_fibril_that_lies_askew_is_laid_upright_before_its_twist_is_measured():
    fibril = build_fibril("2x2", 80.0)
    beads = fibril.beads(twisted(fibril.cart, 0.01))
    angle = 0.4
    tilt = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    moved = beads @ tilt.T + 30.0
    rotation, shift = upright(fibril, moved)
    assert fibril_twist(fibril, moved @ rotation.T + shift) == pytest.approx(0.01, abs=5e-4)


def test_variants_have_the_twist_that_they_say(source: ModeEnsemble):
    random = np.random.default_rng(0)
    for number in range(4):
        variant = source.draw(number, random)
        measured = fibril_twist(source.fibril, source.fibril.beads(variant.cart.astype(float)))
        assert measured == pytest.approx(variant.twist, abs=0.03 * PARAMETERS.mean_twist(9))


def test_twists_have_the_mean_and_deviation_of_the_parameters(source: ModeEnsemble):
    random = np.random.default_rng(1)
    twists = np.array([source.draw(number, random).twist for number in range(200)])
    assert twists.mean() == pytest.approx(PARAMETERS.mean_twist(9), rel=0.02)
    assert twists.std() == pytest.approx(source.twist[1], rel=0.1)


def test_thicker_fibrils_twist_less():
    assert PARAMETERS.mean_twist(4) * DEG_PER_NM == pytest.approx(PARAMETERS.twist_2x2_deg_per_nm)
    assert PARAMETERS.mean_twist(36) < PARAMETERS.mean_twist(9)


def test_atoms_are_displaced_by_the_u_of_the_crystal(source: ModeEnsemble):
    calm = ModeEnsemble(source.fibril, replace(PARAMETERS, **STILL))
    random = np.random.default_rng(0)
    cart = calm.draw(0, random).cart.astype(float)
    rate = fibril_twist(source.fibril, source.fibril.beads(cart))
    away = twisted(cart, -rate) - source.fibril.cart
    heavy = np.array(source.fibril.elements) != "H"
    assert (away[heavy] ** 2).mean() == pytest.approx(0.036, rel=0.1)


def test_modes_come_out_of_the_cache_as_they_went_in(source: ModeEnsemble):
    again = fibril_modes(source.fibril, PARAMETERS)
    np.testing.assert_array_equal(again.shape, source.modes.shape)


def test_stiffer_springs_move_less(source: ModeEnsemble):
    alone = replace(PARAMETERS, glucose_rms=0.0)
    soft, stiff = (
        ModeEnsemble(source.fibril, replace(alone, spring=factor * alone.spring)).displacement(
            np.random.default_rng(0)
        )[0]
        for factor in (1, 4)
    )
    np.testing.assert_allclose(stiff, soft / 2, rtol=1e-3, atol=1e-4)


def test_a_glucose_moves_with_its_bead_and_by_itself(source: ModeEnsemble):
    fibril = source.fibril
    own = ModeEnsemble(fibril, replace(PARAMETERS, **STILL | {"disorder": 3.0, "glucose_rms": 0.5}))
    beads = fibril.beads(own.draw(0, np.random.default_rng(0)).cart.astype(float))
    random = np.random.default_rng(0)
    random.random()  # the twist's quantile
    moved = own.displacement(random)[0]
    expected = fibril.beads(fibril.cart) + moved
    untwisted = [twisted(one, -fibril_twist(fibril, one)) for one in (beads, expected)]
    np.testing.assert_allclose(*untwisted, atol=0.03)
    assert np.sqrt((moved**2).sum(1).mean()) == pytest.approx(0.5, rel=0.05)


def test_parameters_that_are_none_are_told(tmp_path):
    with pytest.raises(InputError, match="not parameters of an ensemble"):
        read_parameters(tmp_path / "none.json")
    (tmp_path / "odd.json").write_text('{"sprng": 1}')
    with pytest.raises(ConfigError, match="did you mean 'spring'"):
        read_parameters(tmp_path / "odd.json")
