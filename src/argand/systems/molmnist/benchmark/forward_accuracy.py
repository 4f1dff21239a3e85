"""How accurate the forward model is, against sums over atoms one by one."""

import numpy as np

from argand.physics.coherent.composition import ELECTRONS
from argand.physics.coherent.projection import Camera, Radiation, Window, direct_intensity
from argand.systems.molmnist.ensemble.elastic_ensemble import ensemble
from argand.systems.molmnist.fibril.fibril import LENGTH
from argand.systems.molmnist.simulate import Scene

PIXELS = 200
"""Pixels of a pattern that are compared, drawn by the variant's number. By hand: sums over all atoms are
slow."""


def amplitude_r(
    name: str,
    number: int,
    window: Window,
    *,
    lowest_q: float = 0.0,
    highest_q: float = 1.7,
    wavelength: float | None = None,
    radiation: Radiation = "xray",
    length: float = LENGTH,
) -> float:
    """Σ | |F| - |F direct| | / Σ |F direct| over pixels with q (1/Å) in this range, for one variant.

    Wavelength and length in Å; without a wavelength the sphere is flat. ConfigError for an unknown fibril.
    The default of 1.7 is where patterns are cut for the network.
    """
    random = np.random.default_rng([1, number])
    source = ensemble(name, length)
    cart = source.draw(number, random).cart
    atoms = {element: cart[members] for element, members in Scene(source.fibril.elements).members.items()}
    intensity = Camera(set(ELECTRONS), window, radiation, wavelength).intensity(atoms)
    inside = np.argwhere((window.q >= lowest_q) & (window.q < highest_q))
    pixels = inside[random.permutation(len(inside))[:PIXELS]]
    q = 2 * np.pi * (pixels[:, ::-1] - window.size // 2) / window.side
    along = np.zeros(len(q))
    if wavelength is not None:
        k = 2 * np.pi / wavelength
        # q_z of a pixel on Ewald's sphere, which bends back from the beam along +z.
        along = np.sqrt(k**2 - (q**2).sum(1)) - k
    exact = {element: places.astype(float) for element, places in atoms.items()}
    truth = np.sqrt(direct_intensity(exact, np.column_stack([q, along]), radiation))
    found = np.sqrt(intensity[pixels[:, 0], pixels[:, 1]])
    return float(np.abs(found - truth).sum() / truth.sum())
