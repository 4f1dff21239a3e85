"""A map of structures: the families they fall into, the plane in which their fingerprints differ most."""

from collections.abc import Sequence

import gemmi
import numpy as np
from jaxtyping import Float

from argand.physics.crystal.structure import Structure, parameters

_ANIONS = (9, 8, 17, 7, 35, 53, 16, 34, 6, 52, 15, 1)
"""By electronegativity (Pauling), the anion that names a compound; H last. Not quite: P (2.19) comes after Te
(2.1). What has none of these is told as metallic."""
_METALLIC = "no anion"


def families_of(structures: Sequence[Structure]) -> dict[str, list[str]]:
    """The family of each structure, by each property that tells families apart."""
    counts = [len(np.unique(one.species)) for one in structures]
    return {
        "anion": [_anion(one) for one in structures],
        "number of elements": [f"{count} element{'s' * (count > 1)}" for count in counts],
        # Steps in the number of atoms end where the sets MP-20 and MPTS-52 do.
        "atoms in the cell": [_bin(len(one), (4, 8, 12, 20, 52)) for one in structures],
        "shape of the cell": [_shape(one) for one in structures],
    }


def principal_plane(
    rows: Float[np.ndarray, "n size"], weights: Float[np.ndarray, " size"]
) -> Float[np.ndarray, "n 2"]:
    """The two principal components of the ranks in each column, which no outlier stretches.

    Ranks run from -0.5 to 0.5 and are weighted before; the sign of a component has no meaning.
    """
    ranks = (rows.argsort(0).argsort(0) / len(rows) - 0.5) * weights
    left, values, _ = np.linalg.svd(ranks - ranks.mean(0), full_matrices=False)
    return left[:, :2] * values[:2]


def _anion(structure: Structure) -> str:
    present = set(structure.species.tolist())
    found = next((number for number in _ANIONS if number in present), None)
    return _METALLIC if found is None else gemmi.Element(found).name


def _bin(count: int, edges: tuple[int, ...]) -> str:
    low = 1
    for edge in edges:
        if count <= edge:
            return f"{low} to {edge}"
        low = edge + 1
    return f"{low} or more"


def _shape(structure: Structure) -> str:
    """Which of lengths and angles of the cell are equal: to 0.5 % and to 0.3°, by hand."""
    cell = parameters(structure.lattice)
    equal = sum(
        abs(x / y - 1) < 0.005 for x, y in ((cell[0], cell[1]), (cell[1], cell[2]), (cell[0], cell[2]))
    )
    right = int((np.abs(cell[3:] - np.pi / 2) < 0.005).sum())
    lengths, angles = ("no", "two", "two", "three")[equal], ("no", "one", "two", "three")[right]
    return f"{lengths} equal lengths, {angles} right angles"
