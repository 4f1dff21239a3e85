"""The prior of the twist lies between the ensemble's mean and what is measured, each one deviation off."""

from pathlib import Path

import numpy as np
import pytest

from argand.errors import InputError
from argand.physics.fibre.twist import DEG_PER_NM
from argand.systems.molmnist.ensemble.elastic_ensemble import read_parameters
from argand.systems.molmnist.ensemble.twist_prior import (
    TwistPrior,
    measured_twists,
    published_twists,
    twist_prior,
)


def test_every_row_of_the_literature_has_a_source_and_says_what_of_it_was_read():
    rows = published_twists()
    assert len(rows) >= 10
    for row in rows:
        assert row["kind"] in ("measured", "simulated")
        assert all(row[key] for key in ("fibril", "says", "method", "source", "read"))
        for key in ("twist", "chains"):
            assert row[key] is None or 0 < row[key][0] <= row[key][1]


def test_the_guide_shows_every_row_of_the_literature():
    text = (Path(__file__).parents[4] / "docs" / "theory" / "molmnist.md").read_text(encoding="utf-8")
    for row in published_twists():
        twist = "" if row["twist"] is None else "{:g} to {:g}".format(*row["twist"])
        (line,) = [line for line in text.splitlines() if row["source"] in line and row["says"] in line]
        assert line.split(" | ")[2].strip() == twist


def test_the_range_of_the_wood_is_half_a_turn_to_a_turn_of_232_nm_and_chains_of_2_to_3_nm():
    (wood,) = measured_twists()
    np.testing.assert_allclose(wood["twist"], [180 / 232, 360 / 232], atol=0.006)
    # A cell of cellulose Iβ holds 2 chains in 658.3 Å3 over 10.38 Å.
    np.testing.assert_allclose(wood["chains"], [n**2 / (0.6583 / 2.076) for n in (2.0, 3.0)], atol=0.5)


def test_the_two_sources_are_each_about_one_deviation_off_where_they_can_be_compared():
    (wood,) = measured_twists()
    chains = round(np.sqrt(wood["chains"][0] * wood["chains"][1]))
    prior = twist_prior(chains)
    simulated = DEG_PER_NM * read_parameters().mean_twist(chains)
    measured = np.sqrt(wood["twist"][0] * wood["twist"][1])
    assert np.log(simulated / prior.median) == pytest.approx(np.log(prior.median / measured))
    assert 0.8 < np.log(simulated / prior.median) / prior.log_deviation < 1.0


def test_the_prior_follows_the_ensembles_law_of_the_number_of_chains():
    law = read_parameters()
    assert twist_prior(36).median / twist_prior(4).median == pytest.approx(
        law.mean_twist(36) / law.mean_twist(4)
    )


def test_a_range_holds_the_share_that_it_says():
    prior = TwistPrior(2.0, 0.7)
    low, high = prior.interval(0.9)
    drawn = 2.0 * np.exp(0.7 * np.random.default_rng(0).standard_normal(20_000))
    assert np.mean(drawn < low) == pytest.approx(0.05, abs=0.005)
    assert np.mean(drawn > high) == pytest.approx(0.05, abs=0.005)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_share_of_none_or_all_is_refused(share: float):
    with pytest.raises(InputError, match="give one from 0 to 1"):
        TwistPrior(2.0, 0.7).interval(share)
