"""Scattering of matter of known composition, as if all of its electrons scattered equally."""

from collections.abc import Mapping

import gemmi
import numpy as np
from jaxtyping import Float

from argand.errors import ConfigError
from argand.physics.coherent.projection import Radiation, scattering_factors

ELECTRONS = {"H": 1.0, "C": 6.0, "O": 8.0}
"""Electrons of a neutral atom of each element of cellulose: its atomic number."""
CELLULOSE = {"C": 6, "H": 10, "O": 5}
"""Atoms of a glucose unit in a chain, the repeat unit of cellulose, C6H10O5."""


def electrons_of(element: str) -> float:
    """Electrons of a neutral atom of any element: its atomic number; ConfigError for an unknown element."""
    number = gemmi.Element(element).atomic_number
    if number == 0:
        raise ConfigError(f"unknown element '{element}'")
    return float(number)


def shared_factor(
    q: Float[np.ndarray, "*n"], radiation: Radiation = "xray", atoms: Mapping[str, int] = CELLULOSE
) -> Float[np.ndarray, "*n"]:
    """Form factor of these atoms at q (1/Å) divided by their electrons, as if all electrons scattered
    equally."""
    factors = scattering_factors(set(atoms), q, radiation)
    electrons = sum(count * electrons_of(name) for name, count in atoms.items())
    return np.asarray(sum(count * factors[name] for name, count in atoms.items())) / electrons
