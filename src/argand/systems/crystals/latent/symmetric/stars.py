"""The independent Fourier coefficients of a space group: which there are, and all others from them.

Operators take h to hR, with F(hR) = exp(-2πi h·t) F(h). Of each such star one index is kept; coefficients
that the operators make zero are left out, and those whose phase they fix up to a sign are one number, not
two (International Tables B, 1.4.2).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float, Int

from argand.physics.crystal.reciprocal import Indices, shortest_hkl
from argand.physics.crystal.symmetry import index_key
from argand.systems.crystals.latent.symmetric.setting import Setting
from argand.typing import Matrix3

_EXACT = 1e-4
"""Turns by which a phase that is taken for 0 may differ from it. By hand: translations are 24ths."""
_MOST_GROWTH = 8
"""Doublings of the list of indices in search of enough numbers. By hand: the first list is nearly always
enough."""


@dataclass(frozen=True)
class Stars:
    """Independent indices in order of length, each with one number or two.

    A coefficient is `root` times (its number times `phase`, or its two numbers as real and imaginary part);
    root = √ε makes all of one size, ε being the operators that keep h.
    """

    hkl: Int[np.ndarray, "star 3"]
    sizes: Int[np.ndarray, " star"]
    phase: Complex[np.ndarray, " star"]
    root: Float[np.ndarray, " star"]

    def first(self, numbers: int) -> "Stars":
        """The first ones, that take as many numbers or one fewer."""
        count = int(np.searchsorted(np.cumsum(self.sizes), numbers, side="right"))
        return Stars(self.hkl[:count], self.sizes[:count], self.phase[:count], self.root[:count])

    @property
    def numbers(self) -> int:
        """How many numbers all stars take."""
        return int(self.sizes.sum())

    def pack(self, values: Complex[np.ndarray, " star"]) -> Float[np.ndarray, " number"]:
        """Coefficients as numbers."""
        values = values / self.root
        turned = values * np.conj(self.phase)
        first = np.where(self.sizes == 1, np.real(turned), np.real(values))
        pairs = np.stack([first, np.imag(values)], 1)
        return pairs[np.stack([self.sizes > 0, self.sizes > 1], 1)]

    def unpack(self, numbers: Float[np.ndarray, " number"]) -> Complex[np.ndarray, " star"]:
        """Numbers as coefficients."""
        pairs = np.zeros((len(self.sizes), 2))
        pairs[np.stack([self.sizes > 0, self.sizes > 1], 1)] = numbers
        values = np.where(self.sizes == 1, pairs[:, 0] * self.phase, pairs[:, 0] + 1j * pairs[:, 1])
        return values * self.root

    def expanded(
        self, setting: Setting, values: Complex[np.ndarray, " star"]
    ) -> tuple[Indices, Complex[np.ndarray, " hkl"]]:
        """All indices of the stars, one of each pair h and -h, with their coefficients."""
        images = _images(self.hkl, setting).reshape(-1, 3)
        turns = self.hkl @ setting.translations.T
        coefficients = (values[:, None] * np.exp(-2j * np.pi * turns)).ravel()
        keys, other = index_key(images), index_key(-images)
        flipped = keys < other
        images = np.where(flipped[:, None], -images, images)
        _, kept = np.unique(np.where(flipped, other, keys), return_index=True)
        return images[kept], np.where(flipped, np.conj(coefficients), coefficients)[kept]


def stars_of(setting: Setting, lattice: Matrix3, numbers: int) -> Stars:
    """The stars of shortest reciprocal vectors that take at least so many numbers.

    `lattice` has the primitive vectors in Å as rows, and must be as symmetric as the group.
    """
    count = 2 * numbers * max(1, len(setting.rotations) // 3)
    for _ in range(_MOST_GROWTH):
        found = _stars(shortest_hkl(lattice, count), setting)
        if found.numbers >= numbers:
            break
        count *= 2
    return found


def _images(hkl: Indices, setting: Setting) -> Int[np.ndarray, "n g 3"]:
    return np.einsum("ni,gij->ngj", hkl, setting.rotations)


def _stars(hkl: Indices, setting: Setting) -> Stars:
    images = _images(hkl, setting)
    keys = np.maximum(index_key(images), index_key(-images)).max(1)
    _, first = np.unique(keys, return_index=True)
    first = np.sort(first)
    hkl, images = hkl[first], images[first]
    turns = hkl @ setting.translations.T
    turns -= np.rint(turns)
    kept, turned = (images == hkl[:, None]).all(-1), (images == -hkl[:, None]).all(-1)
    absent = (kept & (np.abs(turns) > _EXACT)).any(1)
    fixed = turned.any(1)
    # F(-h) = F(h)* fixes the phase: π h·t for an operator that takes h to -h.
    operator = turned.argmax(1)
    phase = np.where(fixed, np.exp(1j * np.pi * turns[np.arange(len(hkl)), operator]), 1.0)
    there = ~absent
    sizes = np.where(fixed, 1, 2)
    return Stars(hkl[there], sizes[there], phase[there], np.sqrt(kept.sum(1))[there])
