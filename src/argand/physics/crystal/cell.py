"""Unit cells: the reciprocal basis, random cells of every crystal system, random orientations."""

from dataclasses import dataclass

import gemmi
import numpy as np

from argand.errors import ConfigError
from argand.typing import Matrix3, Miller

CRYSTAL_SYSTEMS = (
    "triclinic",
    "monoclinic",
    "orthorhombic",
    "tetragonal",
    "trigonal",
    "hexagonal",
    "cubic",
)
"""The seven crystal systems of International Tables A; trigonal and hexagonal share their cells here."""
CENTRINGS = {
    "triclinic": "P",
    "monoclinic": "PC",
    "orthorhombic": "PCIF",
    "tetragonal": "PI",
    "trigonal": "PR",
    "hexagonal": "P",
    "cubic": "PIF",
}
"""Centrings of each system's Bravais lattices in their conventional setting (International Tables A)."""


@dataclass(frozen=True)
class Cell:
    """A unit cell: lengths in Å, angles in radians, and the lattice centring (P, C, I, F, R)."""

    a: float
    b: float
    c: float
    alpha: float = np.pi / 2
    beta: float = np.pi / 2
    gamma: float = np.pi / 2
    centring: str = "P"

    @property
    def lengths(self) -> tuple[float, float, float]:
        """a, b and c in Å."""
        return self.a, self.b, self.c

    @property
    def orthogonalisation(self) -> Matrix3:
        """Columns are a, b, c in Å: a along x, b in the xy plane (International Tables B 3.3)."""
        ca, cb, cg, sg = np.cos(self.alpha), np.cos(self.beta), np.cos(self.gamma), np.sin(self.gamma)
        third = (ca - cb * cg) / sg
        height = np.sqrt(max(1.0 - cb**2 - third**2, 0.0))
        return np.array(
            [
                [self.a, self.b * cg, self.c * cb],
                [0.0, self.b * sg, self.c * third],
                [0.0, 0.0, self.c * height],
            ]
        )

    @property
    def reciprocal(self) -> Matrix3:
        """Columns are a*, b*, c* in 1/Å, so that q = reciprocal @ hkl and |q| = 1/d."""
        return np.linalg.inv(self.orthogonalisation).T

    @property
    def volume(self) -> float:
        """Cell volume in Å³."""
        return float(np.linalg.det(self.orthogonalisation))

    def present(self, hkl: Miller) -> np.ndarray:
        """Which reflections the centring allows (bool, one per row); R is obverse on hexagonal axes.

        `hkl` [n, 3]. Raises ConfigError for an unknown centring.
        """
        if self.centring not in tuple("PCIFR"):
            raise ConfigError(f"unknown lattice centring {self.centring!r}; use one of P, C, I, F, R")
        lattice = gemmi.symops_from_hall(f"{self.centring} 1")
        return ~lattice.systematic_absences(hkl.astype(np.int32))


def random_cell(
    rng: np.random.Generator, shortest: float, longest: float, crystal_system: str | None = None
) -> Cell:
    """A random cell with lengths between `shortest` and `longest` Å (log-uniform, aspect ratio <= 4).

    Raises ConfigError for an unknown crystal system.
    """
    system = crystal_system or str(rng.choice(CRYSTAL_SYSTEMS))
    if system not in CENTRINGS:
        raise ConfigError(f"unknown crystal system {system!r}; use one of {', '.join(CRYSTAL_SYSTEMS)}")
    centring = str(rng.choice(list(CENTRINGS[system])))
    first = np.exp(rng.uniform(np.log(shortest), np.log(longest)))
    # Ranges here and below are set by hand: they determine which cells networks see, and were not measured.
    low, high = max(shortest, first / 2), min(longest, first * 2)
    a, b, c = (float(v) for v in rng.uniform(low, high, 3))
    right = np.pi / 2
    if system == "triclinic":
        alpha, beta, gamma = (float(v) for v in np.radians(rng.uniform(70, 110, 3)))
        return Cell(a, b, c, alpha, beta, gamma, centring)
    if system == "monoclinic":
        return Cell(a, b, c, right, float(np.radians(rng.uniform(90, 120))), right, centring)
    if system == "orthorhombic":
        return Cell(a, b, c, centring=centring)
    if system == "tetragonal":
        return Cell(a, a, c, centring=centring)
    if system in ("trigonal", "hexagonal"):
        return Cell(a, a, c, right, right, 2 * np.pi / 3, centring)
    return Cell(a, a, a, centring=centring)


def random_rotation(rng: np.random.Generator) -> Matrix3:
    """A rotation drawn uniformly from SO(3), from a normalised random quaternion."""
    w, x, y, z = (v := rng.standard_normal(4)) / np.linalg.norm(v)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
