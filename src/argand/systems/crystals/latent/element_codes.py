"""The periodic table as points: neighbours in it stay near each other, but no two are on one place."""

from functools import cache

import gemmi
import numpy as np
from jaxtyping import Complex, Float, UInt8

from argand.physics.crystal.structure import MAX_Z

_NOBLE = (0, 2, 10, 18, 36, 54, 86, 118)
"""Atomic numbers at which the periods end."""
_ROUNDS = 400
"""Of pushing. By hand: the nearest two of 103 codes are 0.55 apart in four dimensions, 0.53 after half as
many rounds and 0.57 after twice as many. Any change makes other vectors: those that are stored would be read
wrongly."""
_PUSH = 0.02
"""How far a code moves in the first round; less and less later. By hand, in radii of the ball."""
_PRIOR = 0.7
"""Size of codes along an axis: what is known of an atom that no coefficient holds. By hand, somewhat more
than the codes have (root mean square 0.50 in four dimensions, 0.57 in two, 0.58 in one): the coefficients
decide."""


@cache
def codes(dims: int) -> Float[np.ndarray, "element dims"]:
    """Place of each element, row Z - 1, in `dims` dimensions: at most 1 from 0, spread out evenly.

    The start is period, group, place in the f block and covalent radius (one dimension: Z); then all elements
    push each other away within the unit ball, as charges do but falling faster, as 1 / r^(dims + 1), so that
    neighbours count and the rim is not crowded.
    """
    if dims == 1:
        return np.linspace(-1.0, 1.0, MAX_Z)[:, None]
    places = _descriptors(dims)
    for step in range(_ROUNDS):
        apart = places[:, None] - places[None]
        # The 1 keeps an element from dividing by its distance to itself, which pushes nothing.
        square = (apart**2).sum(-1) + np.eye(MAX_Z)
        push = (apart / square[..., None] ** (dims / 2 + 1)).sum(1)
        size = np.linalg.norm(push, axis=1, keepdims=True)
        places = places + _PUSH * (1 - step / _ROUNDS) * push / np.maximum(size, 1e-12)
        places = places / np.maximum(np.linalg.norm(places, axis=1, keepdims=True), 1.0)
    return places


def _descriptors(dims: int) -> Float[np.ndarray, "element dims"]:
    """What the start of the spreading is, each column within -0.5 and 0.5."""
    rows = [_place(z) for z in range(1, MAX_Z + 1)]
    table = np.array([[*row, gemmi.Element(z).covalent_r] for z, row in enumerate(rows, 1)])
    low, high = table.min(0), table.max(0)
    table = (table - low) / (high - low) - 0.5
    columns = np.zeros((MAX_Z, dims))
    used = min(dims, table.shape[1])
    columns[:, :used] = table[:, :used]
    # By hand: small waves over Z keep elements of one place apart, and open further dimensions to the
    # pushing.
    return columns + 0.05 * np.cos(np.arange(MAX_Z)[:, None] * (1 + np.arange(dims)))


def _place(z: int) -> tuple[int, int, int]:
    """Period, group (3 for the f block) and number in the f block, 0 outside it."""
    period = next(n for n, noble in enumerate(_NOBLE) if z <= noble)
    column, left = z - _NOBLE[period - 1], _NOBLE[period] - z
    if period >= 6 and 3 <= column <= 16:
        return period, 3, column - 2
    group = column if column <= 2 and z != 2 else 18 - left
    return period, group, 0


def code_weights(species: UInt8[np.ndarray, " atom"], dims: int) -> Float[np.ndarray, "atom dims"]:
    """Codes of atoms, from their atomic numbers."""
    return codes(dims)[species.astype(int) - 1]


def amplitudes(
    waves: Complex[np.ndarray, "hkl atom"],
    observed: Complex[np.ndarray, "hkl dims"],
    totals: Float[np.ndarray, " dims"],
    noise: float,
) -> tuple[Float[np.ndarray, "atom dims"], Float[np.ndarray, " atom"]]:
    """Likeliest weights of each atom in each channel and their standard deviation, for errors of `noise`.

    `totals` are the coefficients of 000. Least squares with a Gaussian prior of size 0.7 about 0. What the
    coefficients do not determine is left near 0, and its deviation is that of all codes.
    """
    count = waves.shape[1]
    design = np.concatenate([np.real(waves), np.imag(waves), np.ones((1, count))])
    wanted = np.concatenate([np.real(observed), np.imag(observed), totals[None]])
    inverse = np.linalg.inv(design.T @ design + (noise / _PRIOR) ** 2 * np.eye(count))
    return inverse @ (design.T @ wanted), noise * np.sqrt(np.diag(inverse))


def nearest(
    weights: Float[np.ndarray, "atom dims"],
    spread: Float[np.ndarray, " atom"],
    among: UInt8[np.ndarray, " element"] | None = None,
) -> tuple[UInt8[np.ndarray, " atom"], Float[np.ndarray, " atom"]]:
    """The element whose code is nearest to each atom's weights, and its probability for Gaussian errors.

    Of all elements, or of those `among` which it must be (atomic numbers).
    """
    numbers = np.arange(1, MAX_Z + 1, dtype=np.uint8) if among is None else among
    known = codes(weights.shape[1])[numbers.astype(int) - 1]
    square = ((weights[:, None] - known[None]) ** 2).sum(-1)
    best = square.argmin(1)
    logits = -0.5 * (square - square.min(1, keepdims=True)) / np.maximum(spread, 1e-6)[:, None] ** 2
    chance = np.exp(logits)
    return numbers[best], 1.0 / chance.sum(1)
