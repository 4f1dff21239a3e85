"""The twist that a fitted shape tells, how sure it is, and whether the pattern has told it at all.

The twist of a fibril's variants is linear in the amounts of its directions, up to a rest. A projection along
the axis has no hand: a fibril and its mirror image, by a plane across the axis, have one projection. So it
is |twist| that is told.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

INFORMATION = 6.0
"""What the fit takes for so many independent pieces of information is one: neighbouring pixels share the
errors of the model. Chosen on 120 validation patterns without noise and of 10⁵, 10⁴ and 10³ photons, whose
errors over standard deviations are then 0.97, 1.04, 0.92 and 1.05 (root mean square; 1.1 to 1.8 with 1)."""
LARGEST_SHARE, LARGEST_REST = 0.5, 0.25
"""Of the spread among the fibril's own variants: standard deviation up to which a twist is measured, and what
of the twist no direction may tell. Of the same patterns: below the first, errors are at most 0.56 of that
spread; the second leaves 2x2 (0.71) and 3x3 (0.31, errors of 1.6 standard deviations) out, and no other
fibril (0.22 or less)."""
_FARTHEST = 2.0
"""Standard deviations among the variants from their mean beyond which a twist is extrapolated. By hand:
variants with twists 20 % less or more (2 to 6 deviations) are pulled back by up to a half of that."""


@dataclass(frozen=True)
class TwistEstimate:
    """|Twist| in degrees/nm with its standard deviation, and mean and deviation among the fibril's variants.

    `rest` is the part of that deviation that no direction of the shapes tells.
    """

    twist: float
    sd: float
    prior_mean: float
    prior_sd: float
    rest: float

    @property
    def doubt(self) -> str | None:
        """Why the twist is not measured; None where it is."""
        if self.sd > LARGEST_SHARE * self.prior_sd or self.rest > LARGEST_REST * self.prior_sd:
            prior = f"{abs(self.prior_mean):.2f} ± {self.prior_sd:.2f} degrees/nm"
            return (
                f"the pattern does not tell the twist: ± is the prior's, {prior} among the fibril's variants"
            )
        low, high = (abs(self.prior_mean) + side * _FARTHEST * self.prior_sd for side in (-1, 1))
        if not low <= self.twist <= high:
            said = f"{self.twist:.2f} degrees/nm is beyond the {low:.2f} to {high:.2f} that were learnt from"
            return f"the twist is not measured: {said}, towards which it is pulled"
        return None


def read_twist(
    slope: Float[Tensor, " mode1"],
    rest: float,
    amount: Float[Tensor, " mode"],
    covariance: Float[Tensor, "mode mode"],
) -> TwistEstimate:
    """The twist of a shape of these amounts, as a fit found them with this covariance.

    `slope` is the mean twist and what a unit of each direction adds, in degrees/nm; amounts have unit
    variance among the variants, and `rest` is the standard deviation of the twist that they leave.
    """
    mean, slope = float(slope[0]), slope[1:].double()
    unit = torch.eye(len(slope), dtype=torch.float64)
    # The fit's precision is that of the pattern and, 1 each, of the variants.
    told = torch.linalg.inv(covariance.double()) - unit
    spread = torch.linalg.inv(told / INFORMATION + unit)
    return TwistEstimate(
        twist=abs(mean + float(slope @ amount.double())),
        sd=float((slope @ spread @ slope + rest**2).sqrt()),
        prior_mean=mean,
        prior_sd=float((slope @ slope + rest**2).sqrt()),
        rest=rest,
    )
