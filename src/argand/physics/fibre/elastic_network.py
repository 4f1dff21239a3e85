"""Elastic networks: beads joined by springs, and their softest collective modes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from argand.errors import ConfigError
from argand.typing import Points3

RIGID = 6
"""Zero-energy displacements of the whole: three translations and three rotations."""
_SHIFT = 1e-6
"""Added to the stiffness, relative to its mean diagonal, so that it can be inverted.

Set by hand: far below the softest useful mode, far above rounding (1e-16).
"""


@dataclass(frozen=True)
class Modes:
    """Normal modes: stiffness of each (energy/Å², ascending) and unit displacements of the beads."""

    stiffness: Float[np.ndarray, " mode"]
    shape: Float[np.ndarray, "mode bead 3"]

    def __len__(self) -> int:
        return len(self.stiffness)


def hessian(
    beads: Points3, pairs: Int[np.ndarray, "m 2"], spring: Float[np.ndarray, " m"]
) -> sparse.csr_matrix:
    """Second derivatives [3n, 3n] of Σ ½ k (d - d0)² at rest (Atilgan et al., Biophys. J. 80, 505, 2001)."""
    bond = beads[pairs[:, 1]] - beads[pairs[:, 0]]
    unit = bond / np.linalg.norm(bond, axis=1, keepdims=True)
    block = spring[:, None, None] * unit[:, :, None] * unit[:, None, :]
    first, second = pairs.T
    rows = np.concatenate([first, second, first, second])
    columns = np.concatenate([first, second, second, first])
    values = np.concatenate([block, block, -block, -block])
    axis = np.arange(3)
    row = np.broadcast_to(3 * rows[:, None, None] + axis[:, None], values.shape)
    column = np.broadcast_to(3 * columns[:, None, None] + axis, values.shape)
    shape = (3 * len(beads), 3 * len(beads))
    return sparse.csr_matrix((values.ravel(), (row.ravel(), column.ravel())), shape=shape)


def lowest_modes(stiffness: sparse.csr_matrix, count: int) -> Modes:
    """The `count` softest modes except rigid motion; ConfigError if the network is not rigidly connected.

    The sign of each is chosen so that its largest component is positive.
    """
    from scipy.sparse.linalg import eigsh  # slow to import, and only ensembles need modes

    size = int(stiffness.diagonal().size)
    if count + RIGID >= size:
        raise ConfigError(f"a network of {size // 3} beads has fewer than {count} modes; use fewer")
    shift = _SHIFT * float(stiffness.diagonal().mean())
    start = np.random.default_rng(0).standard_normal(size)
    values, vectors = eigsh(stiffness.tocsc(), k=count + RIGID, sigma=-shift, v0=start)
    order = np.argsort(values)
    values, vectors = values[order], vectors[:, order]
    # Set by hand: below a hundredth of the shift counts as 0; then more than six displacements have zero
    # energy.
    if values[RIGID] < 10 * shift * 1e-3:
        raise ConfigError("the elastic network is not connected; raise its cut-off")
    shape = vectors[:, RIGID:].T
    largest = np.take_along_axis(shape, np.abs(shape).argmax(1)[:, None], 1)
    return Modes(values[RIGID:], (shape * np.sign(largest)).reshape(count, -1, 3))


def draw_amplitudes(modes: Modes, random: np.random.Generator) -> Float[np.ndarray, " mode"]:
    """Amplitudes in Å at thermal equilibrium, with stiffness in kT/Å²: variance 1 / stiffness."""
    return random.standard_normal(len(modes)) / np.sqrt(modes.stiffness)
