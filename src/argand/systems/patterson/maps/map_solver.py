"""The network at work on maps: superpositions, refinement, verification, and iteration where it fails."""

from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from argand.learn.device import channels_last, fast_order
from argand.physics.sphere.atom_profile import AtomProfile, as_spheres, unlike_spheres
from argand.physics.sphere.patterson import Map, intensities_of, map_of
from argand.systems.patterson.maps.map_refinement import MapRefinement
from argand.systems.patterson.maps.peak_assignment import read_atoms
from argand.systems.patterson.maps.phase_iteration import PhaseIteration, iterate, measured_resolution, mend
from argand.systems.patterson.maps.prediction import Solutions
from argand.systems.patterson.maps.superposition import PairFrame, features, pick_vectors
from argand.systems.patterson.simulate import AtomSet

VECTORS, CROWDED = 8, 30
"""Vectors tried, one after the other, before the network gives up, fewer the more atoms there are: at one
density the share of vectors that overlap grows with their number, and from `CROWDED` atoms on iteration alone
is faster. Measured shares of vectors that lead to the answer: 10 atoms all, 20 three quarters, 28 half, 36 an
eighth, 50 none. The 8 are by hand: with 10 atoms the first vector nearly always does (on average 1.002
attempts in benchmarks/patterson.py)."""
PROMISING = 0.45
"""Residual below which an answer is worth completing. By hand: about five atoms wrong of ten, each of which
leaves 0.6 / √10, added in quadrature."""
NETWORK_RESOLUTION = 0.75
"""Resolution, in shares of Nyquist, below which maps are unlike those that the network was trained on, all of
which had all reflections. By hand; benchmarks/patterson.py has half and a third of it, which go to
iteration."""
UNLIKE = 1.0
"""Difference of logarithms of squared form factors from which on atoms are not taken for our spheres. By
hand: maps of our own, of two and more atoms, with noise and at low resolution, show up to 0.63, exact
spheres 0.8 and Gaussians of the same weight, a standard deviation of 0.8 voxels, 2.9."""


@runtime_checkable
class Trained(Protocol):
    """The configuration that a network was trained with."""

    @property
    def atoms(self) -> AtomSet:
        """The atoms of the training maps."""
        ...

    @property
    def frame(self) -> PairFrame:
        """The cube about the middle of a vector that the network sees."""
        ...

    def decode(self, output: Tensor) -> Any:
        """The density that the output of the network stands for."""
        ...


class MapSolver:
    """A trained network with reading, refinement, verification and a fallback behind it."""

    def __init__(self, system: Trained, network: nn.Module) -> None:
        self._trained = system
        self.network = fast_order(network.eval())

    @torch.inference_mode()
    def solve(
        self, patterson: Map, atoms: int | None = None, vectors: int = VECTORS, fallback: bool = True
    ) -> Solutions:
        """Refined atoms of each map from the first attempt that verifies itself, else from the best one.

        Maps are [batch, box, box, box], origin at index 0, and `vectors` the most tried, before CROWDED.
        """
        atoms = atoms or self._trained.atoms.atoms
        patterson = self._of_spheres(patterson, atoms)
        refinement = MapRefinement(patterson, self._trained.atoms.radius, atoms)
        found = Solutions.none(len(patterson), atoms, patterson.device)
        if measured_resolution(refinement.half) >= NETWORK_RESOLUTION:
            self._try_network(patterson, refinement, found, round(vectors * max(0.0, 1 - atoms / CROWDED)))
        if fallback:
            iterate(patterson, refinement, found, self._settings(found.positions.shape[1]))
        solved = found.solved.nonzero()[:, 0]
        found.positions[solved] = refinement.sharpened(found.positions[solved], solved)
        return found

    @torch.inference_mode()
    def read(self, patterson: Map, atoms: int | None = None, vectors: int = 4) -> Solutions:
        """Atoms as read from the network's density, not refined: of several vectors, the best match.

        Four by default, by hand; benchmarks/patterson.py has the first alone beside it.
        """
        atoms = atoms or self._trained.atoms.atoms
        refinement = MapRefinement(patterson, self._trained.atoms.radius, atoms)
        found = Solutions.none(len(patterson), atoms, patterson.device)
        everything = torch.arange(len(patterson))
        candidates = pick_vectors(patterson, vectors, self._trained.atoms.radius)
        for number in range(vectors):
            positions = refinement.centred(self.read_vector(patterson, candidates[:, number], atoms))
            residual = refinement.residual(positions, everything)
            found.take(everything, positions, residual, residual <= refinement.limit, "network")
        return found

    def _try_network(self, patterson: Map, refinement: MapRefinement, found: Solutions, vectors: int) -> None:
        """One vector after the other, for the maps that are still open."""
        candidates = pick_vectors(patterson, vectors, self._trained.atoms.radius)
        for number in range(vectors):
            rows = found.open
            if not len(rows):
                break
            positions = self.read_vector(patterson[rows], candidates[rows, number], found.positions.shape[1])
            positions, residual = refinement.refined(positions, rows)
            trusted = refinement.trusted(positions, residual, rows)
            found.take(rows, positions, residual, trusted, "network")
            near = ~trusted & (residual < PROMISING)
            if near.any():
                search = PhaseIteration(patterson[rows[near]], self._settings(found.positions.shape[1]))
                mend(search, search.recycled(positions[near]), rows[near], refinement, found, "network")

    def _of_spheres(self, patterson: Map, atoms: int) -> Map:
        """The same maps, those of atoms of another shape or scale as if they were spheres of our own."""
        half, radius = intensities_of(patterson), self._trained.atoms.radius
        profile = AtomProfile.of(half, atoms, self._settings(atoms).inner_box)
        foreign = unlike_spheres(profile, patterson.shape[-1], radius) > UNLIKE
        if not foreign.any():
            return patterson
        alike = map_of(as_spheres(half, profile, radius), patterson.shape[-1])
        return torch.where(foreign[:, None, None, None], alike, patterson)

    def _settings(self, atoms: int) -> AtomSet:
        """What is known of so many atoms: their inner box grows with their number."""
        own = self._trained.atoms
        # At one density: the volume grows as the number.
        inner = own.inner_box * (atoms / own.atoms) ** (1 / 3)
        return replace(own, atoms=atoms, inner_box=inner)

    def read_vector(
        self, patterson: Map, vector: Float[Tensor, "batch 3"], atoms: int
    ) -> Float[Tensor, "batch atom 3"]:
        """Atoms as read from the maps superposed on themselves by one vector each."""
        frame = self.frame(atoms)
        density = self.densities(patterson, vector, frame)
        radius = self._trained.atoms.radius
        return read_atoms(density, patterson, vector, atoms, radius, frame.sigma).positions

    def frame(self, atoms: int) -> PairFrame:
        """A frame that grows with the atoms, at the density that was trained on."""
        own = self._trained.frame
        wanted = own.size * (atoms / self._trained.atoms.atoms) ** (1 / 3)
        # A multiple of 8, as the cubes of two voxels and the network's two levels below need, mostly rounded
        # up.
        size = own.size if wanted <= own.size else 8 * round(wanted / 8 + 0.3)
        return replace(own, size=size, margin=own.margin + (-(size // 2 + own.margin)) % 8)

    def densities(
        self, patterson: Map, vector: Float[Tensor, "batch 3"], frame: PairFrame
    ) -> Float[Tensor, "batch size size size"]:
        """What the network makes of the superpositions."""
        seen = features(intensities_of(patterson), vector, self._trained.atoms.radius, frame)
        return self._trained.decode(self.network(channels_last({"features": seen})["features"]))
