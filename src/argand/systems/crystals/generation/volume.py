"""The volume that a crystal takes when its elements are replaced, by the network of occupations."""

import numpy as np

from argand.physics.crystal.canonical import canonical
from argand.physics.crystal.structure import Structure
from argand.systems.crystals.generation.element_assignment import predicted_sizes
from argand.systems.crystals.generation.local_environment import fits
from argand.systems.crystals.generation.occupation_training import load_occupation


def predicted_scale(before: Structure, after: Structure) -> float | None:
    """How much longer cell vectors become when the species of `before` are replaced by those of `after`.

    The ratio of what the network says of both, so that what it errs by on this crystal cancels; both have
    atoms in one order. None for what it does not take: cells of more than 20 atoms that repeat no smaller
    one.
    """
    ends = [canonical(one).structure for one in (before, after)]
    if not all(fits(one) for one in ends):
        return None
    sizes = predicted_sizes(load_occupation(), ends)
    return float(np.exp(np.log(sizes[1]) - np.log(sizes[0])))
