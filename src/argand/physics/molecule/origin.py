"""Equivalence of crystals: origin and hand, which amplitudes leave open; special positions."""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
from jaxtyping import Float

from argand.physics.crystal.symmetry import Group
from argand.typing import Matrix3, Points3, Vector3

_STEPS = 24
"""Origins are searched in these fractions of the cell: multiples of 1/8 and 1/12, as for all space groups."""
NEAR = 0.5
"""Å within which two atoms are the same; less than half of any bond except those to hydrogen."""
_SAME = 0.9
"""Least share of matching atoms for two crystals to be the same; set by hand, as in
`benchmarks/patterson_truth.py`."""


def allowed_origins(group: Group, hand: int = 1) -> list[Vector3]:
    """Shifts s for which x -> hand x + s leaves the group invariant, except those along polar axes.

    An operator (R, t) is preserved if hand t + s - R s equals t up to a lattice translation. Empty if the
    other hand belongs to another group (P 41 and P 43).
    """
    parts = [step for step in range(_STEPS) if step % 2 == 0 or step % 3 == 0]
    candidates = np.array(list(product(parts, repeat=3)))
    candidates = candidates[(candidates[:, group.polar_axes()] == 0).all(1)]
    centrings = np.rint(group.centrings * _STEPS).astype(int)
    good = np.ones(len(candidates), bool)
    for rotation, translation in zip(group.rotations, group.translations, strict=True):
        moved = candidates - candidates @ rotation.T + np.rint((hand - 1) * translation * _STEPS).astype(int)
        good &= ((moved[:, None] - centrings[None]) % _STEPS == 0).all(-1).any(-1)
    return list(candidates[good] / _STEPS)


def same_crystal(
    first: Points3,
    second: Points3,
    group: Group,
    cell: Matrix3,
    origins: Mapping[int, Sequence[Vector3]] | None = None,
) -> bool:
    """Whether two lists of fractional positions are one crystal, up to an allowed origin and the hand.

    `origins` are `allowed_origins` of both hands, 1 and -1, if already computed.
    """
    origins = origins or {hand: allowed_origins(group, hand) for hand in (1, -1)}
    return any(
        _agreement(hand * first + origin, second, group, cell) >= _SAME
        for hand, shifts in origins.items()
        for origin in shifts
    )


def _agreement(first: Points3, second: Points3, group: Group, cell: Matrix3) -> float:
    """Share of atoms with an image of the other list nearby, at the best shift along polar axes."""
    polar = group.polar_axes()
    apart = first[:, None] - group.images(second).reshape(-1, 3)[None]
    apart -= np.rint(apart)
    if not polar.any():
        return _share(apart, cell, len(first), len(second))
    if (np.linalg.norm(np.where(polar, 0.0, apart) @ cell.T, axis=-1).min(1) < NEAR).mean() < _SAME:
        return 0.0
    # Shifts that put the first atoms of the list on some other one.
    slides = np.concatenate([apart[number] for number in range(min(3, len(first)))])
    off = np.linalg.norm(np.where(polar, 0.0, slides) @ cell.T, axis=1) < NEAR
    best = 0.0
    for slide in np.where(polar, slides, 0.0)[off]:
        moved = apart - slide
        best = max(best, _share(moved - np.rint(moved), cell, len(first), len(second)))
    return best


def _share(apart: np.ndarray, cell: Matrix3, count: int, others: int) -> float:
    """Share of the atoms of either list with one of the other nearby."""
    near = np.linalg.norm(apart @ cell.T, axis=-1) < NEAR
    reached = near.reshape(count, -1, others).any((0, 1))
    return float(min(near.any(1).mean(), reached.mean()))


def special_places(
    group: Group, orthogonalisation: Matrix3, keepers: int, count: int, rng: np.random.Generator
) -> Float[np.ndarray, "n 3"]:
    """At most `count` fractional positions fixed by exactly this many operators; none if there is no such
    site.

    A random position is moved to the mean of itself and its images under one operator, which fixes the mean
    if it has a fixed point at all; a second operator follows if one is not enough.
    """
    found: list[Vector3] = []
    powers = [_fixing(group, number) for number in range(group.order)]
    usable = [number for number, order in enumerate(powers) if order]
    for _ in range(20 * count):
        if not usable or len(found) == count:
            break
        place = rng.random(3)
        for number in rng.choice(usable, min(2, keepers)):
            shift = rng.integers(-1, 2, 3)
            rotation, translation = group.rotations[number], group.translations[number] + shift
            images = [place]
            for _ in range(powers[number] - 1):
                images.append(rotation @ images[-1] + translation)
            place = np.mean(images, axis=0)
        place = place - np.floor(place)
        if group.site(place, orthogonalisation, 0.05)[2] == keepers:
            found.append(place)
    return np.array(found).reshape(-1, 3)


def _fixing(group: Group, number: int) -> int:
    """Order of a rotation other than the identity."""
    power, rotation = np.eye(3, dtype=int), group.rotations[number]
    for order in range(1, 7):
        power = power @ rotation
        if (power == np.eye(3, dtype=int)).all():
            return order if order > 1 else 0
    return 0
