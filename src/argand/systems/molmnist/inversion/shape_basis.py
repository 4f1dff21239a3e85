"""What the shapes of one fibril or molecule have in common: their mean, and the directions they differ in.

The directions are the principal components of aligned shapes blurred by 1 Å, the blur with which shapes are
scored; each is kept unblurred, as the same combination of the shapes themselves.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from argand.io.atomic import written
from argand.io.cache import cache_folder
from argand.systems.molmnist.fibril.fibril import Fibril

BLUR = 1.0
"""Å, standard deviation, as in scoring (`benchmark.scores`). By hand: the pixel of the standard
window. With it the leaderboard's figures are as they are; another blur gives others."""
DRAWS = 400
"""Training variants from which a fibril's directions come. By hand: six times the most directions that are
kept (66); they take part in every answer, but neither validation nor test variants are among them."""
_MARGIN = 7.0
"""Å around the crystal's fibril that a bent one may take. By hand: the farthest atom of 100 variants of 2x2
was 2.9 Å out, of 3x3 2.6; the rest is for the blur."""
_FEWEST, _SHARED = 16, 200
"""Directions of any fibril, and those that are shared out over its chains. By hand: 66 for 2x2, 18 for
9x9."""
_NOTHING = 1e-6
"""Electrons per pixel, root mean square, below which a direction is rounding error. By hand, far above that
of single precision and far below what an atom's motion makes."""

Image = Float[np.ndarray, "side side"]
Images = Float[np.ndarray, "count side side"]


@dataclass(frozen=True)
class ShapeBasis:
    """Mean and directions of a fibril's shapes, at one standard deviation, in electrons per pixel; its twist.

    Images are [slow, fast] with the fibril's axis in the middle and no rotation about it. `rest` is what the
    directions leave of a blurred shape, root mean square in electrons per pixel over the square. The twist in
    degrees/nm is `twist[0]` + `twist[1:]` · coefficients, up to the standard deviation `twist_rest`.
    """

    mean: Image
    modes: Images
    rest: float
    twist: Float[np.ndarray, " mode1"]
    twist_rest: float
    pixel: float

    def coefficients(self, blurred: Images) -> Float[np.ndarray, "count mode"]:
        """Components of blurred aligned shapes along the directions, in standard deviations."""
        away = (blurred - self.blurred_mean).reshape(len(blurred), -1)
        # Where all shapes are alike there are no directions, and no amounts of them.
        sizes = np.where(self.squares > self.blurred_mean.size * _NOTHING**2, self.squares, np.inf)
        return away @ self.blurred.reshape(len(self.modes), -1).T / sizes

    @cached_property
    def blurred_mean(self) -> Image:
        """The mean, blurred."""
        return blur(self.mean[None], BLUR / self.pixel)[0]

    @cached_property
    def squares(self) -> Float[np.ndarray, " mode"]:
        """Sum of squares of each blurred direction."""
        return (self.blurred**2).sum((1, 2))

    @cached_property
    def blurred(self) -> Images:
        """The directions, blurred."""
        return blur(self.modes, BLUR / self.pixel)


def mode_count(chains: int) -> int:
    """Directions kept: slender fibrils bend and twist more."""
    return _FEWEST + _SHARED // chains


def side_of(fibril: Fibril, pixel: float) -> int:
    """Pixels (of `pixel` Å) of the square that holds a fibril at any rotation; even."""
    radius = float(np.hypot(*fibril.cart[:, :2].T).max()) + _MARGIN
    return 2 * int(np.ceil(radius / pixel))


def blur(images: Images, pixels: float) -> Images:
    """Gaussian blur of each image by a standard deviation in pixels; what lies outside is empty."""
    return np.stack([ndimage.gaussian_filter(image, pixels, mode="constant") for image in images])


def middle(image: Float[np.ndarray, "slow fast"], side: int) -> Image:
    """The square of this side in the middle of an image, filled with nothing where it is larger."""
    out = np.zeros((side, side), image.dtype)
    take = min(side, len(image))
    here, there = (side - take) // 2, (len(image) - take) // 2
    out[here : here + take, here : here + take] = image[there : there + take, there : there + take]
    return out


Shapes = Callable[[], Iterable[tuple[Image, float]]]
"""Gives aligned shapes in electrons per pixel, of one side, and twists in degrees/nm."""


def stored_shapes(key: Mapping[str, Any], name: str, pixel: float, count: int, shapes: Shapes) -> ShapeBasis:
    """Mean and directions of shapes of this name, from the cache where `key`, which tells all, is known."""
    digest = hashlib.sha256(json.dumps(dict(key), sort_keys=True, default=str).encode()).hexdigest()[:16]
    path = cache_folder("molmnist") / f"shapes-{name}-{digest}.npz"
    if path.exists():
        with np.load(path) as file:
            rest, twist_rest, pixel = file["numbers"].tolist()
            return ShapeBasis(file["mean"], file["modes"], rest, file["twist"], twist_rest, pixel)
    found = analysed(pixel, count, shapes())
    with written(path) as temporary, temporary.open("wb") as file:
        numbers = np.array([found.rest, found.twist_rest, found.pixel])
        np.savez(file, mean=found.mean, modes=found.modes, twist=found.twist, numbers=numbers)
    return found


def analysed(pixel: float, count: int, shapes: Iterable[tuple[Image, float]]) -> ShapeBasis:
    """Mean and `count` directions of aligned shapes with pixels of this many Å, and how twists go with them.

    Directions are combinations of shapes: beyond their number less one, they are empty.
    """
    pairs = list(shapes)
    stack, twists = np.stack([shape for shape, _ in pairs]).astype(float), np.array([one for _, one in pairs])
    mean = stack.mean(0)
    away = (stack - mean).reshape(len(stack), -1)
    seen = blur(stack - mean, BLUR / pixel).reshape(len(stack), -1)
    left, size, _ = np.linalg.svd(seen, full_matrices=False)
    kept = min(count, len(stack) - 1)
    modes = np.zeros((count, *mean.shape), np.float32)
    modes[:kept] = ((left[:, :kept] / np.sqrt(len(stack))).T @ away).reshape(kept, *mean.shape)
    rest = float(np.sqrt((size[kept:] ** 2).sum() / seen.size))
    amount = np.zeros((len(stack), count))
    amount[:, :kept] = left[:, :kept] * np.sqrt(len(stack))
    twist = _linear(amount, twists)
    # Judged on the half that had no say.
    half = len(stack) // 2
    blind = _linear(amount[:half], twists[:half])
    off = twists[half:] - blind[0] - amount[half:] @ blind[1:]
    return ShapeBasis(mean.astype(np.float32), modes, rest, twist, float(off.std()), pixel)


def _linear(
    amount: Float[np.ndarray, "count mode"], twist: Float[np.ndarray, " count"]
) -> Float[np.ndarray, " mode1"]:
    """Constant and slopes of a ridge regression; amounts have unit variance.

    The ridge is 1 beside some hundred variants, so slopes shrink by less than a hundredth; the constant as
    well.
    """
    design = np.column_stack([np.ones(len(amount)), amount])
    return np.linalg.solve(design.T @ design + np.eye(design.shape[1]), design.T @ twist).astype(np.float32)
