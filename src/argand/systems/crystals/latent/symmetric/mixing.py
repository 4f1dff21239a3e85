"""Paths through the space of symmetric vectors: between two of one kind, and away from one."""

import numpy as np

from argand.errors import InputError
from argand.systems.crystals.latent.interpolation import require_noise, require_steps
from argand.systems.crystals.latent.representation import Latent
from argand.systems.crystals.latent.symmetric.representation import WHOLE, SymmetricRepresentation
from argand.systems.crystals.latent.symmetric.setting import Standard, setting_of


def between(
    representation: SymmetricRepresentation, first: Standard, second: Standard, steps: int
) -> list[Latent]:
    """Vectors by linear interpolation from the first structure to the second, both ends included.

    Free lengths and angles change linearly, and so do the coefficients. ConfigError for fewer than two steps,
    InputError for structures that differ in group, numbers of atoms or elements: their vectors mean different
    things.
    """
    require_steps(steps)
    ends = [representation.encode(one) for one in (first, second)]
    kinds = [one[: WHOLE + round(float(one[WHOLE - 1]))].tolist() for one in ends]
    if kinds[0] != kinds[1]:
        raise InputError(
            "the structures differ in space group, atoms, orbits or elements, and symmetric vectors cannot "
            "be interpolated between them; use --model best"
        )
    setting, made = setting_of(first.hall), []
    start = len(kinds[0])
    cells = [one[start : start + len(setting.free)].astype(float) for one in ends]
    for share in np.linspace(0.0, 1.0, steps):
        lattice = representation.lattice(first.hall, (1 - share) * cells[0] + share * cells[1])
        mixed = [representation.encode(one, lattice=lattice).astype(float) for one in (first, second)]
        made.append(((1 - share) * mixed[0] + share * mixed[1]).astype(np.float32))
    return made


def add_noise(representation: SymmetricRepresentation, latent: Latent, noise: float, seed: int) -> Latent:
    """The vector with Gaussian noise of this share of its coefficients' root mean square; all else stays.

    ConfigError for a share below zero, InputError for no vector.
    """
    require_noise(noise)
    start = representation.head_size(latent)
    error = np.random.default_rng(seed).standard_normal(len(latent) - start)
    size = noise * float(np.sqrt(np.mean(latent[start:] ** 2)))
    return np.concatenate([latent[:start], latent[start:] + size * error]).astype(np.float32)
