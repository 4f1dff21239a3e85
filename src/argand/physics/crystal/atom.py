"""Atoms of an asymmetric unit: their form factors, volumes and structure factors."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import gemmi
import numpy as np
from jaxtyping import Complex, Float, Int

from argand.errors import ConfigError
from argand.physics.crystal.symmetry import Group, inverse_d_squared
from argand.typing import Matrix3, Miller, Points3

_VOLUME = {"H": 5.1, "D": 5.1, "C": 13.9, "N": 11.8, "O": 11.4, "F": 11.2}
"""Mean volumes in Å³ of atoms in organic crystals (Hofmann, Acta Cryst. B58, 489, 2002)."""
_OTHER_VOLUME = 23.0
"""Å³ of an atom of another element; set by hand, one number for very different elements."""
VOLUME_PER_ATOM = 18.0
"""Å³ per non-hydrogen atom, including its hydrogen, if no formula is known.

Set by hand, the rule of thumb for organic crystals; `benchmarks/patterson_solver.py` measures the
consequences.
"""

MOST_ATOMS = 1e6
"""Most atoms in a formula. Set by hand: far beyond any cell that is solved."""

Radiation = Literal["xray", "electron"]
_CARBON_ELECTRONS = 6.0
"""Atomic number of carbon, the reference for electron scattering strengths."""
_STRENGTH_STOL_SQUARED = 0.06
"""Where electron scattering strengths of elements are compared, in 1/Å²: half of the usual resolution.

(sin θ / λ)² = 1/(4 d²) at d = 2 Å; set by hand, not measured.
"""


@dataclass(frozen=True)
class Atoms:
    """Atoms of the asymmetric unit: elements, fractional positions, isotropic U in Å², site occupancy.

    The occupancy is crystallographic: 1 / (order of the site symmetry) for a fully occupied special position.
    """

    elements: tuple[str, ...]
    frac: Points3
    u_iso: Float[np.ndarray, " n"]
    occupancy: Float[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.elements)

    def take(self, chosen: Int[np.ndarray, " m"]) -> "Atoms":
        """The atoms with these indices."""
        elements = tuple(self.elements[int(i)] for i in chosen)
        return Atoms(elements, self.frac[chosen], self.u_iso[chosen], self.occupancy[chosen])


def form_factors(
    elements: tuple[str, ...], stol_squared: Float[np.ndarray, " n"], radiation: Radiation = "xray"
) -> dict[str, np.ndarray]:
    """Form factor of each element at (sin θ / λ)² in 1/Å² (International Tables C, Gaussians, via gemmi).

    For X-rays in electrons (table 6.1.1.4); for electrons in Å (table 4.3.2.2).
    """
    values = {}
    for element in set(elements):
        a, b, constant = gaussians(element, radiation)
        values[element] = np.exp(-np.outer(stol_squared, b)) @ np.array(a) + constant
    return values


def gaussians(element: str, radiation: Radiation) -> tuple[list[float], list[float], float]:
    """a, b and c of an element's form factor Σ a exp(-b sin²θ/λ²) + c, from the tables of `form_factors`.

    Raises ConfigError for an unknown element or one without a tabulated form factor (beyond Cf).
    """
    known = gemmi.Element(element)
    if known.atomic_number == 0:
        raise ConfigError(f"unknown element '{element}'; use a chemical symbol such as C")
    table = known.it92 if radiation == "xray" else known.c4322
    if table is None:
        raise ConfigError(f"no form factor is tabulated for {element}; use elements up to Cf")
    return list(table.a), list(table.b), known.it92.c if radiation == "xray" else 0.0


def strengths(elements: tuple[str, ...], radiation: Radiation = "xray") -> Float[np.ndarray, " n"]:
    """Scattering strengths of elements: atomic numbers, or for electrons equivalents scaled to 6 for carbon.

    For electrons, tabulated form factors at one angle relative to carbon, times 6. Raises ConfigError like
    `gaussians`.
    """
    if radiation == "xray":
        return np.array([gemmi.Element(element).atomic_number for element in elements], float)
    table = form_factors((*elements, "C"), np.array([_STRENGTH_STOL_SQUARED]), radiation)
    return _CARBON_ELECTRONS * np.array([table[element][0] for element in elements]) / table["C"][0]


def structure_factors(
    atoms: Atoms, hkl: Miller, group: Group, orthogonalisation: Matrix3, radiation: Radiation = "xray"
) -> Complex[np.ndarray, " n"]:
    """F(h) = Σ occ f exp(-8π² U sin²θ/λ²) exp(2πi h·x) over all atoms and operators.

    [n] complex for `hkl` [n, 3], in electrons for X-rays and Å for electrons, for the whole cell
    (International Tables B 1.2).
    """
    size = atom_sizes(atoms, hkl, orthogonalisation, radiation)
    real, imaginary = np.zeros_like(size), np.zeros_like(size)
    rotations, translations, centred = group.generating
    for rotation, translation in zip(rotations, translations, strict=True):
        cycles = (hkl @ rotation) @ atoms.frac.T + (hkl @ translation)[:, None]
        # Single precision is enough for a fraction of a turn, and three times as fast.
        angles = (2 * np.pi * (cycles - np.rint(cycles))).astype(np.float32)
        real += np.cos(angles)
        if not centred:
            imaginary += np.sin(angles)
    factor = group.lattice_factor(hkl)
    if centred:
        return 2 * factor * np.einsum("na,na->n", real, size) + 0j
    return factor * (np.einsum("na,na->n", real, size) + 1j * np.einsum("na,na->n", imaginary, size))


def atom_sizes(
    atoms: Atoms, hkl: Miller, orthogonalisation: Matrix3, radiation: Radiation = "xray"
) -> Float[np.ndarray, "n atoms"]:
    """occ f exp(-8π² U sin²θ/λ²) of each reflection and atom."""
    stol_squared = inverse_d_squared(hkl, orthogonalisation) / 4
    tables = form_factors(atoms.elements, stol_squared, radiation)
    factors = np.column_stack([tables[element] for element in atoms.elements])
    return factors * np.exp(-8 * np.pi**2 * np.outer(stol_squared, atoms.u_iso)) * atoms.occupancy


def parse_formula(text: str) -> dict[str, float]:
    """Counts of elements from `C12 H22 O11` or `C12H22O11`; ConfigError for an invalid formula."""
    found = re.findall(r"([A-Z][a-z]?)(\d+\.?\d*|\.\d+)?", text)
    if not found or "".join(a + b for a, b in found) != re.sub(r"[\s'\"]", "", text):
        raise ConfigError(f"'{text[:60]}' is not a formula; write it like C12H22O11")
    counts: dict[str, float] = {}
    for element, number in found:
        if gemmi.Element(element).atomic_number == 0:
            raise ConfigError(f"unknown element '{element}'; write the formula like C12H22O11")
        counts[element] = counts.get(element, 0.0) + (float(number) if number else 1.0)
    counts = {element: number for element, number in counts.items() if number > 0}
    if not 0 < sum(counts.values()) <= MOST_ATOMS:
        raise ConfigError(f"'{text[:60]}' has an impossible number of atoms; check the formula")
    return counts


def usual_volume(formula: Mapping[str, float]) -> float:
    """Typical volume in Å³ of the atoms of a formula, including hydrogen (Hofmann, Acta Cryst. B58, 489,
    2002)."""
    return sum(number * _VOLUME.get(element, _OTHER_VOLUME) for element, number in formula.items())


def named_elements(text: str | Sequence[str] | None) -> tuple[str, ...]:
    """Symbols of `C,H,N,O` or `C H N O`, each once; ConfigError for an unknown element."""
    words = re.split(r"[,;\s]+", text.strip()) if isinstance(text, str) else list(text or ())
    for word in words:
        if gemmi.Element(word).atomic_number == 0:
            raise ConfigError(f"unknown element '{word}'; write the elements like C,H,N,O")
    return tuple(dict.fromkeys(gemmi.Element(word).name for word in words))


def formula_units(formula: Mapping[str, float], volume: float, order: int) -> float:
    """Number of formula units Z in a cell of `volume` Å³: a multiple or a divisor of the group's order.

    The Z whose typical atomic volumes best fill the cell.
    """
    unit = usual_volume(formula)
    # Set by hand: more than 12 formula units per operator do not occur in practice.
    multiples = [order * k for k in range(1, 13)]
    choices = [*multiples, *(order / k for k in range(2, order + 1) if order % k == 0)]
    return min(choices, key=lambda count: abs(np.log(count * unit / volume)))


def is_hydrogen(element: str) -> bool:
    """Whether an element is hydrogen or deuterium, which is left to the subsequent refinement."""
    return element in ("H", "D")
