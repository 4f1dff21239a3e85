"""Measured intensities as a diffractometer gives them, simulated from published crystal structures.

    from simulated_intensities import simulate

What is in them: all atoms, hydrogen too, with anisotropic displacements; anomalous scattering; every
equivalent of the half or whole sphere measured a few times, forbidden reflections with them; counting noise
and background; an error of a few per cent that varies slowly with direction, as absorption leaves it; an
error proportional to the intensity; for electrons what multiple scattering adds; a resolution, completeness
and radiation drawn as in small-molecule work. What is not: disorder, extinction, twins, bad reflections. Each
structure has its own seed, the CRC-32 of its name, so that the same file comes out each time.
"""

import zlib
from dataclasses import dataclass
from typing import Any

import gemmi
import numpy as np
from jaxtyping import Complex, Float

from argand.io.reflections import MeasuredIntensities
from argand.physics.crystal.atom import Atoms, formula_units, gaussians, is_hydrogen
from argand.physics.crystal.symmetry import Group, inverse_d_squared
from argand.typing import Miller, Points3

_WAVELENGTHS = (0.71073, 0.71073, 1.54178)
"""Mo Kα two times in three, else Cu Kα."""
_FINEST = {0.71073: (0.70, 0.84), 1.54178: (0.79, 0.84)}
"""d_min in Å, drawn evenly: what journals ask for, and what these wavelengths give in practice."""
_U_HEAVY, _U_LIGHT = (0.015, 0.04), (0.025, 0.065)
"""U in Å² of an atom without one in its file; the first beyond argon. Crystals at 100 to 300 K."""
_STRETCH = 0.3
"""Standard deviation of the logarithms of an ellipsoid's three axes squared over U_iso."""
_COMPLETE = (0.93, 1.0)
_REPEATS = (1, 4)
"""Share of the reflections that is measured, and times that each is measured."""
_PEAK_COUNTS = (2e3, 1e5)
"""Counts of the mean reflection, drawn on a logarithmic scale."""
_BACKGROUND = (0.05, 1.0)
"""Over the counts of the mean reflection, drawn on a logarithmic scale."""
_ABSORPTION, _PROPORTIONAL = (0.01, 0.06), (0.01, 0.04)
"""Standard deviations, relative, of the error that varies with direction and of that of each reflection."""
_MULTIPLE, _ADDED = 0.5, 0.02
"""Of electrons: standard deviation of the logarithm of the factor, and mean of the addition over the mean
intensity. With them right models have R1 of 0.2 to 0.35, as kinematic refinements of measured sets have."""
_CLOSEST = 0.95
"""Å; a published structure with two atoms but hydrogen nearer than this is left out: it cannot be right."""
_MOST_ATOMS = 120
"""Structures of more atoms but hydrogen are left out: they are beyond what the benchmark's time allows."""


@dataclass(frozen=True)
class Published:
    """A structure to simulate from: atoms of the asymmetric unit, hydrogens among them, in its group."""

    name: str
    group: Group
    cell: tuple[float, float, float, float, float, float]
    atoms: Atoms

    @property
    def orthogonalisation(self) -> np.ndarray:
        """Columns are a, b, c in Å."""
        return np.array(gemmi.UnitCell(*self.cell).orth.mat.tolist())

    @property
    def heavy(self) -> Atoms:
        """The atoms but hydrogen."""
        return self.atoms.take(np.flatnonzero([not is_hydrogen(name) for name in self.atoms.elements]))

    @property
    def cell_formula(self) -> str:
        """Contents of the whole cell."""
        counts: dict[str, float] = {}
        for element, occupancy in zip(self.atoms.elements, self.atoms.occupancy, strict=True):
            counts[element] = counts.get(element, 0.0) + occupancy * self.group.order
        return " ".join(f"{element}{count:.4f}" for element, count in counts.items())


def published(record: dict[str, Any]) -> Published | None:
    """A structure of the list; None where it is left out, by the rules at the top of this file."""
    group = Group.from_name(record["spacegroup"])
    cell = tuple(float(value) for value in record["cell"])
    orthogonalisation = np.array(gemmi.UnitCell(*cell).orth.mat.tolist())
    rng = np.random.default_rng([zlib.crc32(record["name"].encode()), 1])
    elements, places, displacements, occupancies = [], [], [], []
    for _, element, x, y, z, u_iso in record["atoms"]:
        _, place, kept = group.site(np.array([x, y, z], float), orthogonalisation, 0.3)
        drawn = rng.uniform(*(_U_HEAVY if gemmi.Element(element).atomic_number > 18 else _U_LIGHT))
        elements.append(element)
        places.append(place)
        displacements.append(float(np.clip(u_iso, 0.008, 0.12)) if u_iso > 0 else drawn)
        occupancies.append(1 / kept)
    atoms = Atoms(tuple(elements), np.array(places), np.array(displacements), np.array(occupancies))
    structure = Published(record["name"], group, cell, atoms)
    heavy = structure.heavy
    wrong = not group.keeps(orthogonalisation) or len(heavy) > _MOST_ATOMS
    if wrong or _closest(heavy.frac, group, orthogonalisation) < _CLOSEST:
        return None
    return structure


def _closest(frac: Points3, group: Group, orthogonalisation: np.ndarray) -> float:
    """Shortest distance in Å between atoms, images on one site left out."""
    images = group.images(frac)
    apart = images[:, :, None] - frac[None, None]
    apart -= np.rint(apart)
    length = np.linalg.norm(apart @ orthogonalisation.T, axis=-1)
    same = (np.arange(len(frac))[:, None] == np.arange(len(frac))[None])[None] & (length < 0.3)
    return float(np.where(same, np.inf, length).min())


def simulate(structure: Published, radiation: str = "xray") -> MeasuredIntensities:
    """Unmerged intensities of a structure, in the order in which they were measured; cell and wavelength
    alone come along."""
    rng = np.random.default_rng(zlib.crc32(structure.name.encode()))
    wavelength = float(rng.choice(_WAVELENGTHS)) if radiation == "xray" else 0.0251
    d_min = float(rng.uniform(*_FINEST[wavelength])) if radiation == "xray" else 0.8
    hkl = _measured_indices(structure, d_min, rng)
    factors = _structure_factors(structure, hkl, wavelength, radiation, rng)
    intensity = np.abs(factors) ** 2
    usual = float(intensity.mean())
    counts = np.exp(rng.uniform(*np.log(_PEAK_COUNTS))) / usual
    background = np.exp(rng.uniform(*np.log(_BACKGROUND))) * usual * counts
    proportional = rng.uniform(*_PROPORTIONAL)
    if radiation == "electron":
        intensity = _dynamical(structure, hkl, intensity, rng)
    repeats = int(rng.integers(_REPEATS[0], _REPEATS[1] + 1))
    hkl, intensity = np.tile(hkl, (repeats, 1)), np.tile(intensity, repeats)
    true = counts * intensity * _direction_error(hkl, structure.orthogonalisation, rng)
    true = true * (1 + proportional * rng.normal(size=len(true)))
    noise = np.sqrt(np.maximum(true, 0) + 2 * background)
    measured = true + noise * rng.normal(size=len(true))
    sigma = np.sqrt(np.maximum(measured, 0) + 2 * background + (0.8 * proportional * measured) ** 2)
    factor = 9e4 / measured.max()
    order = rng.permutation(len(hkl))
    hkl, measured, sigma = hkl[order], factor * measured[order], factor * sigma[order]
    return MeasuredIntensities(
        structure.name, hkl, measured, sigma, structure.cell, wavelength=wavelength, radiation=radiation
    )


def _dynamical(
    structure: Published, hkl: Miller, intensity: Float[np.ndarray, " n"], rng: np.random.Generator
) -> Float[np.ndarray, " n"]:
    """Intensities disturbed by multiple scattering: factors and an addition, the same for all equivalents."""
    unique = structure.group.representative(hkl)
    _, which = np.unique(unique, axis=0, return_inverse=True)
    which, count = which.ravel(), int(which.max()) + 1
    factor = np.exp(_MULTIPLE * rng.normal(size=count))[which]
    return factor * intensity + _ADDED * intensity.mean() * rng.exponential(size=count)[which]


def _measured_indices(structure: Published, d_min: float, rng: np.random.Generator) -> Miller:
    """Indices of both Friedel mates to d_min, without a share that was missed and the shadow of the beam
    stop."""
    lengths = np.linalg.norm(structure.orthogonalisation, axis=0)
    axes = [np.arange(-int(length / d_min), int(length / d_min) + 1) for length in lengths]
    hkl = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    squared = inverse_d_squared(hkl, structure.orthogonalisation)
    hkl = hkl[(squared > 1 / max(lengths.max(), 12.0) ** 2) & (squared <= d_min**-2)]
    # Of the lattice nothing is measured that its centring forbids: nobody integrates there.
    hkl = hkl[~structure.group.lattice.absent(hkl)]
    # What is missed is missed with all equivalents: a cone about an axis of the laboratory.
    unique = structure.group.representative(hkl)
    _, which = np.unique(unique, axis=0, return_inverse=True)
    lost = rng.random(which.max() + 1) > rng.uniform(*_COMPLETE)
    return hkl[~lost[which.ravel()]]


def _structure_factors(
    structure: Published, hkl: Miller, wavelength: float, radiation: str, rng: np.random.Generator
) -> Complex[np.ndarray, " n"]:
    """Σ occ (f + f' + i f'') exp(-2π² h·U·h) exp(2πi h·x), ellipsoids drawn about U_iso."""
    atoms, group = structure.atoms, structure.group
    inverse = np.linalg.inv(structure.orthogonalisation)
    tensors = _ellipsoids(atoms.u_iso, rng)
    stol = inverse_d_squared(hkl, structure.orthogonalisation) / 4
    tables = {name: _form_factor(name, stol, wavelength, radiation) for name in set(atoms.elements)}
    total = np.zeros(len(hkl), complex)
    for number, element in enumerate(atoms.elements):
        part = np.zeros(len(hkl), complex)
        for image, turn in zip(group.equivalents(hkl), group.phases(hkl), strict=True):
            cart = image @ inverse
            damping = np.exp(-2 * np.pi**2 * np.einsum("ni,ij,nj->n", cart, tensors[number], cart))
            part += damping * np.exp(1j * (2 * np.pi * (image @ atoms.frac[number]) + turn))
        total += atoms.occupancy[number] * tables[element] * part
    return total


def _ellipsoids(u_iso: Float[np.ndarray, " n"], rng: np.random.Generator) -> Float[np.ndarray, "n 3 3"]:
    """Cartesian displacement tensors of mean U."""
    axes = np.linalg.qr(rng.normal(size=(len(u_iso), 3, 3)))[0]
    size = np.exp(_STRETCH * rng.normal(size=(len(u_iso), 3)))
    size *= u_iso[:, None] / size.mean(1, keepdims=True)
    return np.einsum("nij,nj,nkj->nik", axes, size, axes)


def _form_factor(
    element: str, stol_squared: Float[np.ndarray, " n"], wavelength: float, radiation: str
) -> Complex[np.ndarray, " n"]:
    a, b, constant = gaussians(element, "electron" if radiation == "electron" else "xray")
    values = np.exp(-np.outer(stol_squared, b)) @ np.array(a) + constant
    if radiation == "electron":
        return values.astype(complex)
    real, imaginary = gemmi.cromer_liberman(gemmi.Element(element).atomic_number, 12398.4198 / wavelength)
    return values + real + 1j * imaginary


def _direction_error(
    hkl: Miller, orthogonalisation: np.ndarray, rng: np.random.Generator
) -> Float[np.ndarray, " n"]:
    """Factors that vary slowly with direction: a random form of fourth degree on the sphere."""
    direction = hkl @ np.linalg.inv(orthogonalisation)
    direction = direction / np.linalg.norm(direction, axis=1, keepdims=True)
    value = np.zeros(len(hkl))
    for degree in (1, 2, 3, 4):
        for _ in range(4):
            axis = rng.normal(size=3)
            value += rng.normal() * (direction @ (axis / np.linalg.norm(axis))) ** degree
    value = (value - value.mean()) / max(float(value.std()), 1e-9)
    return np.exp(rng.uniform(*_ABSORPTION) * value)


def z_of(structure: Published) -> float:
    """Formula units of one asymmetric unit in the cell, as a check of contents against volume."""
    counts: dict[str, float] = {}
    for element in structure.atoms.elements:
        counts[element] = counts.get(element, 0.0) + 1.0
    volume = float(np.linalg.det(structure.orthogonalisation))
    return formula_units(counts, volume, structure.group.order)
