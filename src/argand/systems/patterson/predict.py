"""From Patterson maps to atoms: the network on superpositions, refinement, and a check of its own answers.

What the network does not solve is tried by dual-space iteration, and every answer says which path it took.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from argand.errors import InputError
from argand.io.cell_map import is_cube
from argand.io.reflections import CellParameters
from argand.io.resource import shipped_weights
from argand.io.weights import load_weights, network_of, system_of
from argand.learn.device import channels_last, fast_order
from argand.physics.sphere.atom_profile import AtomProfile, as_spheres, unlike_spheres
from argand.physics.sphere.patterson import Map, intensities_of, map_of
from argand.systems.patterson.maps.atom_matching import match_atoms
from argand.systems.patterson.maps.map_refinement import MapRefinement
from argand.systems.patterson.maps.origin import require_origin
from argand.systems.patterson.maps.peak_assignment import read_atoms
from argand.systems.patterson.maps.phase_iteration import PhaseIteration, iterate, measured_resolution, mend
from argand.systems.patterson.maps.prediction import Prediction, Solutions
from argand.systems.patterson.maps.superposition import PairFrame, features, pick_vectors
from argand.systems.patterson.simulate import AtomSet, simulate_batch
from argand.systems.patterson.system import Patterson

WEIGHTS = shipped_weights("patterson-best") / "model.safetensors"
VECTORS, CROWDED = 8, 30
"""Vectors tried, one after the other, before the network gives up, fewer the more atoms there are: at one
density the share of vectors that overlap grows with their number, and from `CROWDED` atoms on iteration alone
is faster. Measured shares of vectors that lead to the answer: 10 atoms all, 20 three quarters, 28 half, 36 an
eighth, 50 none. The 8 are by hand: with 10 atoms the first vector nearly always does (on average 1.002
attempts in benchmarks/patterson.py)."""
PROMISING = 0.45
"""Residual below which an answer is worth mending. By hand: about five atoms wrong of ten, each of which
leaves 0.6 / √10, added in quadrature."""
NETWORK_RESOLUTION = 0.75
"""Resolution, in shares of Nyquist, below which maps are unlike those that the network was trained on, all of
which had all reflections. By hand; benchmarks/patterson.py has half and a third of it, which go to
iteration."""
UNLIKE = 1.0
"""Difference of logarithms of squared form factors from which on atoms are not taken for our spheres. By
hand: maps of our own, of two and more atoms, with noise and at low resolution, show up to 0.63, exact
spheres 0.8 and Gaussians of the same weight, a standard deviation of 0.8 voxels, 2.9."""
_VOXELS_PER_ATOM = 8
"""By hand: with fewer, atoms are not apart."""
BATCH = 32
"""Maps that are answered at once, for the memory that they take. By hand."""
SELFTEST_SEED = 3_000_017
"""Of no training, validation or evaluation: as for EVALUATION_SEED."""


class Predictor:
    """The trained network with reading, refinement, verification and a fallback behind it.

    `atoms` of each call is how many atoms there are, by default as many as the network was trained on.
    """

    def __init__(self, system: Patterson, network: nn.Module) -> None:
        self.system = system
        self.network = fast_order(network.eval())

    def predict(
        self,
        patterson: Float[np.ndarray, "x y z"],
        atoms: int | None = None,
        fallback: bool = True,
        *,
        cell: CellParameters | None = None,
        formula: str | None = None,
        time_limit: float = 30.0,
    ) -> Prediction:
        """Atoms of one map, its origin at index 0; InputError for what is no such map.

        A cube [box, box, box] is searched for equal atoms. Where that fails, for other maps and where a
        `formula` of the cell is given, the map is solved as a crystal, for which its `cell` must be known
        (a, b, c in Å, angles in degrees); that has `time_limit` seconds. Without `fallback` neither
        iteration nor crystals are tried where the network fails.
        """
        if atoms is not None and not 1 <= atoms <= patterson.size // _VOXELS_PER_ATOM:
            raise InputError(f"a map of {patterson.size:,} voxels cannot show {atoms:,} atoms; check --atoms")
        if formula is not None and cell is None:
            raise InputError(
                "the cell is not known, without which a formula says nothing; give --voxel, Å along a voxel"
            )
        cube = is_cube(patterson.shape, cell) and formula is None
        found = None
        if cube or cell is None:
            found = self.predict_maps(check_map(patterson)[None], atoms, fallback)[0]
            if found.solved or cell is None or not fallback:
                return found
        from argand.systems.patterson.maps.crystal_map import solve_crystal_map

        crystal = solve_crystal_map(patterson, cell, atoms, formula, time_limit=time_limit)
        return crystal if found is None or crystal.solved else found

    def predict_maps(
        self,
        patterson: Float[np.ndarray, "batch box box box"],
        atoms: int | None = None,
        fallback: bool = True,
    ) -> list[Prediction]:
        """Atoms of each map; positions in voxels, their mean at the box centre, of either hand."""
        answers: list[Prediction] = []
        for first in range(0, len(patterson), BATCH):
            maps = torch.from_numpy(np.ascontiguousarray(patterson[first : first + BATCH], np.float32))
            answers += self.solve(maps, atoms, fallback=fallback).answers()
        return answers

    @torch.inference_mode()
    def solve(
        self, patterson: Map, atoms: int | None = None, vectors: int = VECTORS, fallback: bool = True
    ) -> Solutions:
        """Refined atoms of each map from the first attempt that verifies itself, else from the best one.

        Maps are [batch, box, box, box], origin at index 0, and `vectors` the most tried, before CROWDED.
        """
        atoms = atoms or self.system.atoms.atoms
        patterson = self._of_spheres(patterson, atoms)
        refinement = MapRefinement(patterson, self.system.atoms.radius, atoms)
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
        atoms = atoms or self.system.atoms.atoms
        refinement = MapRefinement(patterson, self.system.atoms.radius, atoms)
        found = Solutions.none(len(patterson), atoms, patterson.device)
        everything = torch.arange(len(patterson))
        candidates = pick_vectors(patterson, vectors, self.system.atoms.radius)
        for number in range(vectors):
            positions = refinement.centred(self.read_vector(patterson, candidates[:, number], atoms))
            residual = refinement.residual(positions, everything)
            found.take(everything, positions, residual, residual <= refinement.limit, "network")
        return found

    def _try_network(self, patterson: Map, refinement: MapRefinement, found: Solutions, vectors: int) -> None:
        """One vector after the other, for the maps that are still open."""
        candidates = pick_vectors(patterson, vectors, self.system.atoms.radius)
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
        half, radius = intensities_of(patterson), self.system.atoms.radius
        profile = AtomProfile.of(half, atoms, self._settings(atoms).inner_box)
        foreign = unlike_spheres(profile, patterson.shape[-1], radius) > UNLIKE
        if not foreign.any():
            return patterson
        alike = map_of(as_spheres(half, profile, radius), patterson.shape[-1])
        return torch.where(foreign[:, None, None, None], alike, patterson)

    def _settings(self, atoms: int) -> AtomSet:
        """What is known of so many atoms: their inner box grows with their number."""
        own = self.system.atoms
        # At one density: the volume grows as the number.
        inner = own.inner_box * (atoms / own.atoms) ** (1 / 3)
        return replace(own, atoms=atoms, inner_box=inner)

    def read_vector(
        self, patterson: Map, vector: Float[Tensor, "batch 3"], atoms: int
    ) -> Float[Tensor, "batch atom 3"]:
        """Atoms as read from the maps superposed on themselves by one vector each."""
        frame = self.frame(atoms)
        density = self.densities(patterson, vector, frame)
        radius = self.system.atoms.radius
        return read_atoms(density, patterson, vector, atoms, radius, frame.sigma).positions

    def frame(self, atoms: int) -> PairFrame:
        """A frame that grows with the atoms, at the density that was trained on."""
        own = self.system.frame
        wanted = own.size * (atoms / self.system.atoms.atoms) ** (1 / 3)
        # A multiple of 8, as the cubes of two voxels and the network's two levels below need, mostly rounded
        # up.
        size = own.size if wanted <= own.size else 8 * round(wanted / 8 + 0.3)
        return replace(own, size=size, margin=own.margin + (-(size // 2 + own.margin)) % 8)

    def densities(
        self, patterson: Map, vector: Float[Tensor, "batch 3"], frame: PairFrame
    ) -> Float[Tensor, "batch size size size"]:
        """What the network makes of the superpositions."""
        seen = features(intensities_of(patterson), vector, self.system.atoms.radius, frame)
        return self.system.decode(self.network(channels_last({"features": seen})["features"]))


def check_map(patterson: np.ndarray) -> np.ndarray:
    """The map as float32; InputError where it is no finite cube with its origin, the highest point, first."""
    if patterson.ndim != 3 or len(set(patterson.shape)) != 1 or patterson.shape[0] < 8:
        raise InputError(
            f"a map of shape {patterson.shape}; "
            "give a cube of 8 voxels or more along each side, or the cell in Å"
        )
    if not np.isfinite(patterson).all():
        raise InputError("the map has values that are not finite; remove them")
    require_origin(patterson)
    return patterson.astype(np.float32)


def load(path: Path | str | None = None) -> Predictor:
    """The predictor with argand's own weights, or with those of a file or folder.

    Raises InputError where they cannot be read, or are of a network on the plain map.
    """
    source = Path(path) if path is not None else WEIGHTS
    state, header = load_weights(source)
    if header["system"] != "patterson":
        raise InputError(f"{source}: weights of the system '{header['system']}', not of patterson")
    system = system_of(Patterson, header, source)
    if system.network_name != "superposition":
        raise InputError(f"{source}: weights of the network '{system.network_name}'; give those of our own")
    return Predictor(system, network_of(system.network, state, source))


def selftest() -> str:
    """Solve a few simulated maps and say how it went; RuntimeError where one is not solved."""
    predictor = load()
    batch = simulate_batch(predictor.system.atoms, range(4), SELFTEST_SEED)
    found = predictor.solve(batch.patterson)
    match = match_atoms(found.positions, batch.positions.float())
    if not bool(match.solved.all()):
        raise RuntimeError(f"{int(match.solved.sum())} of {len(match.solved)} simulated maps solved")
    mean = match.figures()["mean_voxel"]
    return f"{len(match.solved)} simulated maps solved, atoms within {mean:.3f} voxels on average"
