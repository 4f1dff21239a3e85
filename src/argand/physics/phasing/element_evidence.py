"""Evidence in the intensities for each atom's element: its atomic number as a least-squares parameter.

The form factor of a number between two elements is interpolated. Numbers, displacements, positions and
hydrogen at its possible positions are fitted together, so that the error of each number includes all
correlations.
"""

from dataclasses import dataclass, replace

import gemmi
import numpy as np
from jaxtyping import Complex, Float

from argand.physics.crystal.atom import Atoms, Radiation, gaussians
from argand.physics.crystal.bond import covalent_radii
from argand.physics.crystal.symmetry import inverse_d_squared
from argand.physics.phasing.hydrogen_site import Bonds, HydrogenSites, hydrogen_sites, neighbours
from argand.physics.phasing.refinement import U_RANGE, Observed

NUMBERS = (2.0, 96.0)
"""Smallest and largest fitted atomic number: helium, and the last but two in the tables."""
_BOND_U, _USUAL_U = 0.35, 0.8
"""Relative standard deviations of U between bonded atoms, and of any U from the median.

Set by hand, tuned on simulated and measured crystals of the tuning half.
"""
_HYDROGEN_U = 1.3
"""Ratio of U of hydrogen to that of its parent: between the usual 1.2 and 1.5 of refinements."""
_HYDROGEN = 0.8
"""Prior standard deviation of the number of hydrogen atoms on a site, over its maximum; set by hand."""
_REFLECTIONS = 10
"""Sufficient reflections per parameter; set by hand, more only cost time."""
_MOVE, _U_STEP = 0.12, 0.02
"""Largest steps of a cycle, in Å and Å²; set by hand, as in `refinement`."""


@dataclass(frozen=True)
class Evidence:
    """Fitted atoms, their apparent atomic numbers, hydrogen by group of `sites`, and the covariance of both.

    `covariance` is of (numbers, hydrogens), [n + g, n + g]. All are on the scale of the fitted model: a
    common factor is free unless a formula fixes it. `misfit` is the weighted mean square residual.
    """

    atoms: Atoms
    numbers: Float[np.ndarray, " n"]
    hydrogens: Float[np.ndarray, " g"]
    sites: HydrogenSites
    bonds: Bonds
    covariance: Float[np.ndarray, "k k"]
    misfit: float


class NumberTable:
    """Form factors of whole and fractional atomic numbers at given (sin θ / λ)²."""

    def __init__(self, stol_squared: Float[np.ndarray, " n"], radiation: Radiation) -> None:
        self.stol_squared = stol_squared
        self.radiation: Radiation = radiation
        self._known: dict[int, np.ndarray] = {}

    def element(self, number: int) -> Float[np.ndarray, " n"]:
        """Form factor of an element."""
        if number not in self._known:
            a, b, constant = gaussians(gemmi.Element(number).name, self.radiation)
            self._known[number] = np.exp(-np.outer(self.stol_squared, b)) @ np.array(a) + constant
        return self._known[number]

    def at(self, numbers: Float[np.ndarray, " k"]) -> tuple[np.ndarray, np.ndarray]:
        """Form factors [n, k] of numbers, and their derivatives with respect to it: linear between
        elements."""
        low = np.floor(numbers).astype(int)
        first = np.column_stack([self.element(int(z)) for z in low])
        slope = np.column_stack([self.element(int(z) + 1) for z in low]) - first
        return first + slope * (numbers - low), slope


def number_evidence(
    atoms: Atoms, data: Observed, numbers: Float[np.ndarray, " n"], cycles: tuple[int, int] = (3, 3)
) -> Evidence:
    """Fit numbers from a start, first without and then with hydrogen, on the scale of the start."""
    data = _thinned(data, 5 * len(atoms))
    fit = _Fit(data, atoms, numbers)
    for _ in range(cycles[0]):
        fit.step()
    fit.place_hydrogens()
    for _ in range(cycles[1]):
        fit.step()
    return fit.evidence()


def _thinned(data: Observed, parameters: int) -> Observed:
    """At most `_REFLECTIONS` reflections per parameter, the same ones in every run."""
    most = max(_REFLECTIONS * parameters, 1500)
    if len(data.hkl) <= most:
        return data
    keep = np.zeros(len(data.hkl), bool)
    keep[np.random.default_rng(0).permutation(len(data.hkl))[:most]] = True
    return data.part(keep)


class _Fit:
    """Gauss-Newton on F² over positions, U, numbers and hydrogen, with the scale of the start."""

    def __init__(self, data: Observed, atoms: Atoms, numbers: Float[np.ndarray, " n"]) -> None:
        self.data, self.atoms, self.numbers = data, atoms, np.clip(numbers, *NUMBERS)
        self.squared = inverse_d_squared(data.hkl, data.orthogonalisation)
        self.table = NumberTable(self.squared / 4, data.radiation)
        rotations, translations, self.centred = data.group.generating
        self.images = np.einsum("ni,oij->onj", data.hkl, rotations)
        self.turns = (data.hkl @ translations.T).T
        repeats = data.group.lattice_factor(data.hkl) * (2 if self.centred else 1)
        self.repeats = repeats[:, None].astype(np.float32)
        self.inverse = np.linalg.inv(data.orthogonalisation)
        self.projectors = [
            data.group.site(place, data.orthogonalisation)[0] if occupancy < 0.999 else None
            for place, occupancy in zip(atoms.frac, atoms.occupancy, strict=True)
        ]
        empty = np.zeros(0, int)
        self.sites = HydrogenSites(empty, empty, empty, np.zeros((0, 3)), np.zeros(0))
        self.hydrogens = np.zeros(0)
        self.bonds = self._bonded()
        self.scale = 0.0
        self._covariance = np.zeros((0, 0))
        self._misfit = 0.0

    def _bonded(self) -> Bonds:
        radii = covalent_radii([round(float(number)) for number in self.numbers])
        reach = np.minimum(radii[:, None] + radii[None] + 0.4, 3.2)
        return neighbours(self.atoms.frac, self.data.group, self.data.orthogonalisation, reach)

    def place_hydrogens(self) -> None:
        """Hydrogen sites from the current bonds."""
        self.bonds = self._bonded()
        sites = hydrogen_sites(len(self.atoms), self.bonds)
        self.sites, self.hydrogens = sites, np.zeros(len(sites.atom))

    def _waves(self, frac: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """cos and sin [ops, n, k] for the generating operators."""
        cycles = np.einsum("onx,kx->onk", self.images, frac) + self.turns[:, :, None]
        angles = (2 * np.pi * (cycles - np.rint(cycles))).astype(np.float32)
        return np.cos(angles), np.sin(angles)

    def _sums(self, cosine: np.ndarray, sine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sums over all operators, real and imaginary parts."""
        real = cosine.sum(0) * self.repeats
        return real, np.zeros_like(real) if self.centred else sine.sum(0) * self.repeats

    def step(self) -> None:
        """One cycle; stores covariance and misfit."""
        n, data = len(self.atoms), self.data
        total, slopes = self._slopes()
        size = np.abs(total) ** 2
        if not self.scale:
            self.scale = self._fitted_scale(np.sqrt(size))
        factor = self.scale**2
        fitted = factor * size
        mean = (np.maximum(data.intensity, 0) + 2 * fitted) / 3
        root = 1 / np.sqrt(data.sigma**2 + (0.1 * mean) ** 2 + (1e-4 * data.intensity.max()) ** 2)
        rest = (data.intensity - fitted) * root
        usual = 1.48 * float(np.median(np.abs(rest)))
        root = root / np.sqrt(1 + (rest / max(4 * usual, 1e-12)) ** 2)
        rest = (data.intensity - fitted) * root
        parameters = slopes.shape[1]
        variance = float((rest**2).sum() / max(len(rest) - parameters, len(rest) / 5))
        design = slopes * (factor * root)[:, None].astype(np.float32)
        normal = (design.T @ design).astype(float) / variance
        slope = (design.T @ rest.astype(np.float32)).astype(float) / variance
        self._restrain(normal, slope)
        diagonal = np.diag(normal).copy()
        normal[np.diag_indices(parameters)] += 1e-6 * diagonal + 1e-12 * diagonal.max()
        inverse = np.linalg.inv(normal)
        move = inverse @ slope
        self._covariance = inverse[4 * n :, 4 * n :]
        self._misfit = variance
        self._apply(move)

    def _apply(self, move: np.ndarray) -> None:
        n = len(self.atoms)
        places = np.clip(move[: 3 * n].reshape(n, 3), -_MOVE, _MOVE) @ self.inverse.T
        for number, projector in enumerate(self.projectors):
            if projector is not None:
                places[number] = projector @ places[number]
        u_iso = self.atoms.u_iso + np.clip(move[3 * n : 4 * n], -_U_STEP, _U_STEP)
        self.atoms = replace(self.atoms, frac=self.atoms.frac + places, u_iso=np.clip(u_iso, *U_RANGE))
        most = np.maximum(3.0, 0.6 * self.numbers)
        change = np.clip(move[4 * n : 5 * n], -most, most)
        self.numbers = np.clip(self.numbers + change, *NUMBERS)
        self.hydrogens = self.hydrogens + np.clip(move[5 * n :], -1.5, 1.5)

    def _restrain(self, normal: np.ndarray, slope: np.ndarray) -> None:
        """Restrain U to those of neighbours, and hydrogen between zero and the maximum."""
        n, u_iso = len(self.atoms), self.atoms.u_iso
        usual = float(np.median(u_iso))
        for i, j in zip(self.bonds.first, self.bonds.second, strict=True):
            if i < j:
                weight = 1 / (_BOND_U * 0.5 * (u_iso[i] + u_iso[j])) ** 2
                a, b = 3 * n + i, 3 * n + j
                normal[[a, b], [a, b]] += weight
                normal[[a, b], [b, a]] -= weight
                slope[a] -= weight * (u_iso[i] - u_iso[j])
                slope[b] += weight * (u_iso[i] - u_iso[j])
        index = np.arange(3 * n, 4 * n)
        weight = 1 / (_USUAL_U * usual) ** 2
        normal[index, index] += weight
        slope[index] -= weight * (u_iso - usual)
        index = np.arange(5 * n, 5 * n + len(self.hydrogens))
        weights = 1 / (_HYDROGEN * self.sites.most) ** 2
        normal[index, index] += weights
        slope[index] -= weights * (self.hydrogens - 0.4 * self.sites.most)
        # Parameters not determined by the data stay unchanged.
        index = np.arange(4 * n, 5 * n)
        normal[index, index] += 1e-4

    def _slopes(self) -> tuple[Complex[np.ndarray, " n"], Float[np.ndarray, "n k"]]:
        """F_c, and the derivatives of |F_c|² by positions in Å, U, numbers and hydrogen."""
        n, atoms = len(self.atoms), self.atoms
        factors, by_number = self.table.at(self.numbers)
        damping = np.exp(-2 * np.pi**2 * np.outer(self.squared, atoms.u_iso)) * atoms.occupancy
        size, number_size = (factors * damping).astype(np.float32), (by_number * damping).astype(np.float32)
        cosine, sine = self._waves(atoms.frac)
        real, imaginary = self._sums(cosine, sine)
        hydrogen = self._hydrogen_factors()
        total = (real * size).sum(1) + 1j * (imaginary * size).sum(1) + hydrogen @ self.hydrogens
        first = total.real.astype(np.float32)[:, None]
        second = total.imag.astype(np.float32)[:, None]
        slopes = np.empty((len(total), 5 * n + len(self.hydrogens)), np.float32)
        turned = (second * cosine - first * sine) * (size * self.repeats)
        by_place = np.einsum(
            "ona,onx->nax", turned, (self.images @ self.inverse).astype(np.float32), optimize=True
        )
        slopes[:, : 3 * n] = 4 * np.pi * by_place.reshape(len(total), -1)
        along = 2 * (first * real + second * imaginary)
        slopes[:, 3 * n : 4 * n] = along * size * (-2 * np.pi**2 * self.squared[:, None])
        slopes[:, 4 * n : 5 * n] = along * number_size
        slopes[:, 5 * n :] = 2 * (first * np.real(hydrogen) + second * np.imag(hydrogen))
        return total, slopes

    def _hydrogen_factors(self) -> Complex[np.ndarray, "n g"]:
        """Structure factor of one hydrogen atom in each group."""
        groups, sites = len(self.sites.atom), self.sites
        out = np.zeros((len(self.squared), groups), np.complex64)
        if not groups:
            return out
        owner = sites.atom[sites.group]
        frac = self.atoms.frac[owner] + sites.offset @ self.inverse.T
        size = self.table.element(1)[:, None] * np.exp(
            -2 * np.pi**2 * _HYDROGEN_U * np.outer(self.squared, self.atoms.u_iso)
        )
        real, imaginary = self._sums(*self._waves(frac))
        waves = (real + 1j * imaginary) * (sites.weight * self.atoms.occupancy[owner])
        np.add.at(out.T, sites.group, waves.T.astype(np.complex64))
        return out * size[:, sites.atom].astype(np.float32)

    def _fitted_scale(self, size: np.ndarray) -> float:
        observed, strong = np.sqrt(np.clip(self.data.intensity, 0, None)), self.data.strong
        if not strong.any():
            strong = observed >= 0
        return float(observed[strong] @ size[strong] / max(size[strong] @ size[strong], 1e-20))

    def evidence(self) -> Evidence:
        """Result of the cycles."""
        found = self.sites, self.bonds, self._covariance, self._misfit
        return Evidence(self.atoms, self.numbers, self.hydrogens, *found)
