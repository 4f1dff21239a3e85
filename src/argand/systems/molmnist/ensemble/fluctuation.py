"""Twist and fluctuation of a fibril's frames."""

import numpy as np
from jaxtyping import Float

from argand.physics.fibre.twist import section_angles, superposition, twist_rate
from argand.systems.molmnist.fibril.fibril import Fibril
from argand.typing import Points3

_END = 4
"""Glucoses at either end of a chain that are left out: they fray. By hand, 20 Å; not measured."""


def inner(fibril: Fibril) -> slice:
    """The glucoses of a chain that are measured: all but the ends, or the middle half of a short one.

    Short is a chain of fewer than 16 glucoses, of which two ends of four would be more than half.
    """
    count = fibril.glucoses_per_chain
    end = min(_END, count // 4)
    return slice(end, count - end)


def sections(fibril: Fibril) -> int:
    """Number of glucoses along the axis over which a twist is measured."""
    middle = inner(fibril)
    return middle.stop - middle.start


def fibril_twist(fibril: Fibril, beads: Points3) -> float:
    """Twist in rad/Å of a frame of glucose centres (Å, axis near z) against the crystal."""
    middle = inner(fibril)
    layers = by_layer(fibril, beads)[middle]
    reference = by_layer(fibril, fibril.beads(fibril.cart))[middle]
    return twist_rate(layers[..., 2].mean(1), section_angles(layers[..., :2], reference[..., :2]))


def chain_twists(fibril: Fibril, cart: Points3) -> Float[np.ndarray, " chain"]:
    """Twist in rad/Å of each chain by itself, from the turns of its rings; takes all atoms."""
    shape = (fibril.chains, fibril.glucoses_per_chain, -1, 3)
    rings = cart[fibril.ring].reshape(shape)[:, inner(fibril)]
    reference = fibril.cart[fibril.ring].reshape(shape)[:, inner(fibril)]
    rates = [
        twist_rate(now[..., 2].mean(1), section_angles(now[..., :2], then[..., :2]))
        for now, then in zip(rings, reference, strict=True)
    ]
    return np.array(rates)


def by_layer(fibril: Fibril, beads: Points3) -> Float[np.ndarray, "layer chain 3"]:
    """Beads of all chains at each height."""
    return beads.reshape(fibril.chains, fibril.glucoses_per_chain, 3).transpose(1, 0, 2)


def upright(fibril: Fibril, beads: Points3) -> tuple[np.ndarray, np.ndarray]:
    """Rotation R and shift t that lay a frame on the crystal: its axis along z, its centre in the origin."""
    return superposition(beads, fibril.beads(fibril.cart))
