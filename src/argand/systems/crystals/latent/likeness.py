"""What vectors say of likeness: numbers that no choice of the setting changes, and a distance of two vectors.

Both are made of the vectors alone, without decoding, and of the part that says what the crystal is.
"""

import numpy as np
from jaxtyping import Complex, Float, Int

from argand.physics.crystal.alignment import Values, low_indices, nearest_fit, similar_cells, whole_inverse
from argand.physics.crystal.reciprocal import Indices, waves
from argand.systems.crystals.latent.representation import LOWEST_SHARE, Content, Latent, Representation

_SHELLS = np.linspace(0.0, 0.6, 25)[1:]
"""1/Å; centres of the shells in which products of coefficients are averaged. By hand, those of the
fingerprint."""
_SOFT = 0.3
"""1/Å; coefficients count exp(-(|h|/0.3)²) in a distance. By hand: features of 3 Å, about a bond and a half,
count, so that atoms displaced by a tenth of an ångström leave a crystal near itself."""
_COMPLETE, _FADING, _SPREAD = 0.95, 0.2, 1.15
"""Of the radius of a half sphere with as many indices: where the vector's are complete, over how much they
fade before, and beyond what they are spread ones, of which the first are complete. By hand: the coarse cell
bends the sphere by 5 %."""
_PLACES, _SPECIES, _MEAN, _DENSITY, _CELL = 1.0, 1.0, 1.0, 1.0, 1.0
"""Weights of what a distance is made of. By hand, all alike."""

Descriptor = Float[np.ndarray, " number"]


def descriptor(representation: Representation, latent: Latent) -> Descriptor:
    """Numbers of a vector that depend on neither cell, origin nor orientation of the crystal.

    The mean code of the elements, the logarithm of the volume for an atom in Å³, and Re F_a(h) F_b(h)*/N in
    24 shells of reciprocal space, smooth at their edges, for all pairs of the channels a and b: places, and
    the dimensions of the codes. They are relative to what atoms at random would have, logarithmic in size,
    and fade where the vector's indices end (those of codes end early). A mirror image has the same. Numbers
    of the setting do not count; InputError for anything but a vector.
    """
    content = representation.read(representation.parts(latent)[0])
    volume = abs(np.linalg.det(content.lattice))
    shells = [_in_shells(content, content.hkl, np.abs(content.density) ** 2, volume)]
    held = _rows(content.species_hkl, content.hkl)
    channels = np.concatenate([content.density[held, None], content.species], axis=1)
    for a in range(channels.shape[1]):
        for b in range(max(a, 1), channels.shape[1]):
            product = np.real(channels[:, a] * np.conj(channels[:, b]))
            shells.append(_in_shells(content, content.species_hkl, product, volume))
    mean = content.totals / content.count
    return np.concatenate([mean, [np.log(volume / content.count)], *shells])


def distance(
    representation: Representation, first: Float[np.ndarray, " first"], second: Float[np.ndarray, " second"]
) -> float:
    """How unlike the crystals of two vectors are: 0 for one crystal, about 1 and more for any two.

    The second is laid on the first, as `alignment.nearest_fit` does with structures, by what both vectors
    hold. The squares of five differences are summed: those of the coefficients of places and of species, each
    relative to coefficients of no relation, of the mean code, of the logarithm of the volume for an atom, and
    the strain between the cells. It has no unit, is symmetric but for ties, and changes sign of nothing: a
    mirror image is another crystal. InputError for anything but a vector.
    """
    ends = [representation.read(representation.parts(one)[0]) for one in (first, second)]
    here, there = ends
    changes, merits = similar_cells(here.lattice, there.lattice)
    held = [_held(one) for one in ends]
    hkl = low_indices()
    chosen, shift = nearest_fit(held[0](hkl), hkl, held[1], changes, merits)
    change = changes[chosen]
    wave = waves(here.hkl, shift[None])
    moved = held[1](here.hkl @ whole_inverse(change).T) * wave
    weight = np.exp(-((np.linalg.norm(here.hkl @ np.linalg.inv(here.lattice).T, axis=1) / _SOFT) ** 2))
    own = held[0](here.hkl)
    parts = [
        _PLACES * _unlike(own[:, :1], moved[:, :1], weight),
        _SPECIES * _unlike(own[:, 1:], moved[:, 1:], weight),
        _MEAN * float(((here.totals / here.count - there.totals / there.count) ** 2).sum()),
        _DENSITY * (_log_volume(here) - _log_volume(there)) ** 2,
        _CELL * float(merits[chosen]) ** 2,
    ]
    return float(np.sqrt(sum(parts)))


def _log_volume(content: Content) -> float:
    return float(np.log(abs(np.linalg.det(content.lattice)) / content.count))


def _unlike(
    first: Complex[np.ndarray, "hkl channel"],
    second: Complex[np.ndarray, "hkl channel"],
    weight: Float[np.ndarray, " hkl"],
) -> float:
    """Squared difference relative to that of coefficients without relation, where both are held."""
    both = (np.abs(first).sum(1) > 0) & (np.abs(second).sum(1) > 0)
    weight = weight * both
    total = weight @ (np.abs(first) ** 2 + np.abs(second) ** 2).sum(1)
    return float(weight @ (np.abs(first - second) ** 2).sum(1) / total) if total > 0 else 1.0


def _held(content: Content) -> Values:
    """Coefficients of places and of codes over √(2N), as far as the vector holds them; others are 0."""
    reach = np.abs(content.hkl).max(0)
    box = np.zeros((*(2 * reach + 1), 1 + content.species.shape[1]), complex)
    for sign in (1, -1):
        # F(-h) = F(h)*
        density, species = content.density, content.species
        if sign < 0:
            density, species = np.conj(density), np.conj(species)
        h, k, l = (reach + sign * content.hkl).T  # noqa: E741  the field's letter
        box[h, k, l, 0] = density
        h, k, l = (reach + sign * content.species_hkl).T  # noqa: E741
        box[h, k, l, 1:] = species
    box /= np.sqrt(2 * content.count)

    def values(hkl: Indices) -> Complex[np.ndarray, "hkl channel"]:
        inside = (np.abs(hkl) <= reach).all(1)
        found = np.zeros((len(hkl), box.shape[-1]), complex)
        found[inside] = box[tuple((reach + hkl[inside]).T)]
        return found

    return values


def _in_shells(
    content: Content, hkl: Indices, strength: Float[np.ndarray, " hkl"], volume: float
) -> Float[np.ndarray, " shell"]:
    """Products in shells, relative to atoms at random, logarithmic in size with their sign."""
    lengths = np.linalg.norm(hkl @ np.linalg.inv(content.lattice).T, axis=1)
    width = _SHELLS[1] - _SHELLS[0]
    reach = (3 * len(hkl) / (2 * np.pi * volume)) ** (1 / 3)
    if lengths.max() > _SPREAD * reach:
        reach *= LOWEST_SHARE ** (1 / 3)
    fade = np.clip((_COMPLETE - lengths / reach) / _FADING, 0.0, 1.0)
    near = fade * np.exp(-0.5 * ((_SHELLS[:, None] - lengths) / width) ** 2)
    # As in `fingerprint`: the points of half a shell, by its volume.
    expected = 2 * np.pi * _SHELLS**2 * width * np.sqrt(2 * np.pi) * volume
    values = near @ strength / expected / content.count
    return np.sign(values) * np.log1p(np.abs(values))


def _rows(wanted: Int[np.ndarray, "row 3"], among: Indices) -> Int[np.ndarray, " row"]:
    """Row of each wanted index among others that hold it."""
    rows = {tuple(one): row for row, one in enumerate(among.tolist())}
    return np.array([rows[tuple(one)] for one in wanted.tolist()])
