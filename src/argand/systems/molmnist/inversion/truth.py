"""The truth about a simulated pattern, and how similar a predicted shape is to the true one."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from argand.systems.molmnist.inversion.shape_basis import BLUR, blur
from argand.typing import Image

Shape = Float[np.ndarray, "slow fast"]


@dataclass(frozen=True, eq=False)
class PatternTruth:
    """The truth about a simulated pattern: its shape in electrons per pixel, and what else is known of it.

    `told` has `rotation_deg` and, of the ten fibrils, `fibril` and the absolute value `twist_deg_per_nm`; of
    bundles `chains`, `outline` and `turn_deg`; of molecules of one's own the class, as `fibril`.
    """

    shape: Image
    told: dict[str, Any]

    def nearest(self, shape: Shape, pixel: float) -> Shape | None:
        """The true shape, rotated by 180° where that is more similar: a pattern does not tell the two apart.

        `shape` is the predicted one, with pixels of this many Å. None where the two differ in size.
        """
        if self.shape.shape != shape.shape:
            return None
        # Pixels of an even side are symmetric about its middle, as shapes are.
        both = (self.shape, self.shape[::-1, ::-1])
        return max(both, key=lambda one: blurred_correlation(one, shape, pixel))


def blurred_correlation(truth: Shape, shape: Shape, pixel: float) -> float:
    """Pearson's correlation coefficient of two shapes with pixels of this many Å, both blurred by 1 Å."""
    one, other = (softened(part, pixel).ravel() for part in (truth, shape))
    return float(np.corrcoef(one, other)[0, 1])


def softened(image: Shape, pixel: float) -> Shape:
    """An image with pixels of this many Å after the blur with which shapes are compared."""
    return blur(image[None].astype(float), BLUR / pixel)[0]
