"""Variants of a fibril from the frames of a run of molecular dynamics."""

from pathlib import Path

import numpy as np

from argand.errors import ConfigError
from argand.systems.molmnist.ensemble.elastic_ensemble import Variant
from argand.systems.molmnist.ensemble.fluctuation import fibril_twist
from argand.systems.molmnist.ensemble.trajectory import Trajectory
from argand.systems.molmnist.fibril.fibril import build_fibril

BOLTZMANN_KJ_MOL_K = 8.31446261815324e-3
"""kJ/(mol K): k for a mole, the gas constant; exact, as the SI of 2019 defines k and N_A."""


class FrameEnsemble:
    """Production frames with all atoms. The energy is that of the fibril over the run's mean, in kT.

    It is the fibril's potential energy by itself: water's own, and what water does to the fibril, are not in
    it. A run in water of a version that did not keep it has none: not a number. ConfigError where the run is
    of another length (Å), InputError where there is none or it has no frames yet.
    """

    def __init__(self, folder: Path, length: float) -> None:
        trajectory = Trajectory(folder)
        settings = trajectory.settings
        if settings["length"] != length:
            raise ConfigError(
                f"{folder}: a fibril of {settings['length']:g} Å, not of {length:g}; give another run"
            )
        self.fibril = build_fibril(settings["fibril"], length)
        self.cart = trajectory.read("atoms", phase="production")["atoms"]
        energy = _fibril_energy(trajectory, len(self.cart))
        self.energy_kt = (energy - energy.mean()) / (BOLTZMANN_KJ_MOL_K * settings["temperature_k"])
        beads = (self.fibril.beads(cart.astype(float)) for cart in self.cart)
        self.twist = np.array([fibril_twist(self.fibril, one) for one in beads])

    def __len__(self) -> int:
        return len(self.cart)

    @property
    def period(self) -> int:
        """Variants after which the splits come round again."""
        return len(self)

    def draw(self, number: int, random: np.random.Generator) -> Variant:
        """Frame of this number, in time; beyond the last it begins again."""
        frame = number % len(self)
        return Variant(self.cart[frame], float(self.twist[frame]), float(self.energy_kt[frame]), "md")

    def split(self, number: int) -> int:
        """The first eight tenths of the run train, then one validates and one tests: neighbours are alike."""
        share = (number % len(self)) / len(self)
        return 0 if share < 0.8 else 1 if share < 0.9 else 2


def _fibril_energy(trajectory: Trajectory, frames: int) -> np.ndarray:
    """Potential energy in kJ/mol of the fibril by itself in each production frame with all atoms."""
    if trajectory.holds("fibril_energy_kj_mol"):
        return trajectory.read("fibril_energy_kj_mol", phase="production")["fibril_energy_kj_mol"]
    if trajectory.settings["solvent"] == "water":
        return np.full(frames, np.nan)
    # Without water the fibril is all there is.
    found = trajectory.read("atoms_time_ps", "time_ps", "energy_kj_mol", phase="production")
    # Times in ps; less by a millionth, so that rounding does not take the next frame.
    rows = np.searchsorted(found["time_ps"], found["atoms_time_ps"] - 1e-6)
    return found["energy_kj_mol"][rows]
