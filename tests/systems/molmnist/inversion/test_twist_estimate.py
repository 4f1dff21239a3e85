"""A twist is measured where the pattern tells it; its deviation grows to the prior's where it does not."""

import numpy as np
import pytest
import torch

from argand.systems.molmnist.inversion.twist_estimate import (
    INFORMATION,
    LARGEST_REST,
    LARGEST_SHARE,
    TwistEstimate,
    read_twist,
)

SLOPE = torch.tensor([4.0, 0.3, 0.4])
REST = 0.05
PRIOR_SD = float(np.hypot(0.5, REST))


def covariance(information: float) -> torch.Tensor:
    """Of a fit to whose unit precision the pattern adds this for each direction."""
    return torch.eye(2) / (1 + information)


def test_the_twist_is_linear_in_the_amounts_and_has_no_hand():
    amount = torch.tensor([1.0, -2.0])
    found = read_twist(SLOPE, REST, amount, covariance(1e4))
    assert found.twist == pytest.approx(4.0 + 0.3 - 0.8, rel=1e-6)
    mirrored = read_twist(-SLOPE, REST, amount, covariance(1e4))
    assert mirrored.twist == found.twist
    assert mirrored.doubt is found.doubt is None
    assert found.prior_sd == pytest.approx(PRIOR_SD, rel=1e-6)


def test_a_pattern_that_tells_nothing_leaves_the_priors_deviation():
    found = read_twist(SLOPE, REST, torch.zeros(2), covariance(0.0))
    assert found.sd == pytest.approx(PRIOR_SD, rel=1e-6)
    assert found.doubt is not None
    assert "does not tell the twist: ± is the prior's, 4.00 ± 0.50 degrees/nm" in found.doubt


@pytest.mark.parametrize("information", [1.0, 30.0, 1e4])
def test_information_counts_in_part(information: float):
    found = read_twist(SLOPE, REST, torch.zeros(2), covariance(information))
    assert found.sd == pytest.approx(np.hypot(0.5 / np.sqrt(1 + information / INFORMATION), REST), rel=1e-4)


def test_the_limits_are_shares_of_the_priors_deviation():
    def estimate(twist: float = 4.0, sd: float = 0.1, rest: float = 0.05) -> TwistEstimate:
        return TwistEstimate(twist, sd, 4.0, 0.5, rest)

    assert estimate(sd=0.49 * LARGEST_SHARE).doubt is None
    assert estimate(sd=0.51 * LARGEST_SHARE).doubt is not None
    assert estimate(rest=0.49 * LARGEST_REST).doubt is None
    assert estimate(rest=0.51 * LARGEST_REST).doubt is not None
    assert estimate(twist=4.9).doubt is None
    for far in (2.9, 5.1):
        doubt = estimate(twist=far).doubt
        assert doubt is not None
        assert f"{far:.2f} degrees/nm is beyond the 3.00 to 5.00" in doubt
