"""Atoms that are too close, and how to separate them with the least change otherwise."""

import numpy as np
from jaxtyping import Complex, Float, UInt8

from argand.physics.crystal.bond import covalent_radii
from argand.physics.crystal.reciprocal import Indices, Places, waves
from argand.physics.crystal.structure import (
    NEIGHBOUR_CELLS,
    Structure,
    distances,
    reduced_lattice,
    shortest_vector,
    wrapped,
)
from argand.typing import Matrix3

TOUCHING = 0.7
"""Fraction of the sum of covalent radii below which atoms are too close: true of 1 % of 1,500 known crystals.

Counted during development; no command is kept for it.
"""
_STIFFNESS = 10.0
"""Weight of the contacts relative to the misfit of the coefficients: both are 1 if all is wrong.

Set by hand: contacts dominate, as an interpolated vector does not correspond to a crystal anyway.
"""
_STEPS = 100
"""Most steps of L-BFGS; set by hand, a bound on time."""


def least_distances(species: UInt8[np.ndarray, " n"]) -> Float[np.ndarray, "n n"]:
    """Distance in Å below which two atoms of these species are too close."""
    radii = covalent_radii(species.tolist())
    return TOUCHING * (radii[:, None] + radii)


def touching(structure: Structure) -> bool:
    """Whether any two atoms are closer than `least_distances`; images of one atom in other cells count.

    The strict test of distances. `structure.MIN_DISTANCE` (0.5 Å for all species) is the loose one commonly
    used for validity since Xie et al. (CDVAE, ICLR 2022).
    """
    # The diagonal of `distances` is 0, for an atom with itself; its nearest image is a cell away.
    own = shortest_vector(structure.lattice) < TOUCHING * 2 * covalent_radii(structure.species.tolist())
    return bool(own.any()) or is_crowded(structure)


def is_crowded(structure: Structure) -> bool:
    """Whether two different atoms of the cell are too close."""
    apart = distances(structure.lattice, structure.frac_coords)
    np.fill_diagonal(apart, np.inf)
    return bool((apart < least_distances(structure.species)).any())


def separate_overlaps(
    structure: Structure, hkl: Indices, observed: Complex[np.ndarray, " hkl"]
) -> tuple[Structure, float]:
    """The structure with crowded atoms moved apart, as far as the coefficients `observed` at `hkl` allow.

    Minimises the squared misfit of point atoms of weight 1, relative to that of random atoms, plus the
    squared overlaps (1 - d / d_least)², by L-BFGS. Also returns the misfit.

    `hkl` [n, 3] and `observed` [n] as from `reciprocal.coefficients` with weights of 1.
    """
    from scipy.optimize import minimize  # slow to import, and few structures are crowded

    count = len(structure)
    least = least_distances(structure.species)
    reduced, change = reduced_lattice(structure.lattice)
    inner = np.rint(hkl @ change.T).astype(int)
    scale = count * len(hkl)

    def cost(flat: np.ndarray) -> tuple[float, np.ndarray]:
        frac = flat.reshape(-1, 3)
        wave = waves(inner, frac)
        left = observed - wave.sum(1)
        # d/dx of |left|² is -2 Re(left* dF/dx), and dF/dx of one atom is 2 pi i h exp(2 pi i h·x).
        slope = 4 * np.pi * (np.conj(left)[:, None] * wave).imag.T @ inner
        overlap, push = _overlap(frac, reduced, least)
        value = float(np.vdot(left, left).real) / scale + _STIFFNESS * overlap
        return value, (slope / scale + _STIFFNESS * push).ravel()

    start = structure.frac_coords @ np.linalg.inv(change)
    found = minimize(cost, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": _STEPS})
    frac = found.x.reshape(-1, 3)
    left = observed - waves(inner, frac).sum(1)
    misfit = float(np.vdot(left, left).real) / scale
    return Structure(structure.lattice, structure.species, wrapped(frac @ change)), misfit


def _overlap(frac: Places, lattice: Matrix3, least: Float[np.ndarray, "n n"]) -> tuple[float, Places]:
    """Half the sum of squared overlaps over all ordered pairs, and its gradient with respect to fractional
    coordinates."""
    apart = frac[:, None] - frac[None]
    vectors = (apart - np.round(apart))[:, :, None] + NEIGHBOUR_CELLS
    length = np.linalg.norm(vectors @ lattice, axis=-1)
    length[np.arange(len(frac)), np.arange(len(frac))] = np.inf
    length = np.maximum(length, 1e-6)
    over = np.maximum(1 - length / least[..., None], 0.0)
    pull = -2 * over / (least[..., None] * length)
    metric = lattice @ lattice.T
    return 0.5 * float((over**2).sum()), ((pull[..., None] * vectors).sum((1, 2))) @ metric
