"""How matter of known composition scatters, as if all of its electrons scattered alike."""

import numpy as np
from jaxtyping import Float

from argand.physics.coherent.projection import Radiation, scattering_factors

ELECTRONS = {"H": 1.0, "C": 6.0, "O": 8.0}
"""Electrons of a neutral atom: its atomic number."""
CELLULOSE = {"C": 6, "H": 10, "O": 5}
"""Atoms of a glucose in a chain: the repeat unit of cellulose, C6H10O5."""


def shared_factor(q: Float[np.ndarray, "*n"], radiation: Radiation = "xray") -> Float[np.ndarray, "*n"]:
    """Form factor of cellulose at q (1/Å) over its electrons, as if all of them scattered alike."""
    factors = scattering_factors(set(CELLULOSE), q, radiation)
    electrons = sum(count * ELECTRONS[name] for name, count in CELLULOSE.items())
    return np.asarray(sum(count * factors[name] for name, count in CELLULOSE.items())) / electrons
