"""From Patterson maps to atoms: the network on superpositions, refinement, and a check of its own answers.

What the network does not solve is tried by dual-space iteration, and every answer says which path it took.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from argand.errors import InputError
from argand.io.cell_map import is_cube
from argand.io.reflections import CellParameters
from argand.io.resource import shipped_weights
from argand.io.weights import load_weights, network_of, system_of
from argand.runs.answers import Answers
from argand.systems.patterson.maps.atom_matching import match_atoms
from argand.systems.patterson.maps.map_input import MapInput, require_cube
from argand.systems.patterson.maps.map_solver import MapSolver
from argand.systems.patterson.maps.prediction import Prediction
from argand.systems.patterson.simulate import simulate_batch
from argand.systems.patterson.solution.solve_file import solve_file
from argand.systems.patterson.system import Patterson

OneMap = np.ndarray | str | Path | Mapping[str, Any]
"""A map [x, y, z], the name of its file, or an item of a data set."""
WEIGHTS = shipped_weights("patterson-best") / "model.safetensors"
_VOXELS_PER_ATOM = 8
"""By hand: with fewer, atoms are not apart."""
BATCH = 32
"""Maps that are answered at once, for the memory that they take. By hand."""
SELFTEST_SEED = 3_000_017
"""Of no training, validation or evaluation: as for EVALUATION_SEED."""


class Predictor(MapSolver):
    """The trained network with reading, refinement, verification and a fallback behind it.

    `atoms` of each call is how many atoms there are, by default as many as the network was trained on.
    """

    def __init__(self, system: Patterson, network: nn.Module) -> None:
        super().__init__(system, network)
        self.system = system

    solve_file = staticmethod(solve_file)

    @overload
    def predict(
        self,
        patterson: OneMap,
        atoms: int | None = None,
        fallback: bool = True,
        *,
        cell: CellParameters | None = None,
        voxel: float | None = None,
        centred: bool = False,
        formula: str | None = None,
        time_limit: float = 30.0,
    ) -> Prediction: ...
    @overload
    def predict(
        self,
        patterson: Sequence[OneMap],
        atoms: int | None = None,
        fallback: bool = True,
        *,
        cell: CellParameters | None = None,
        voxel: float | None = None,
        centred: bool = False,
        formula: str | None = None,
        time_limit: float = 30.0,
    ) -> Answers[Prediction]: ...
    def predict(
        self,
        patterson: OneMap | Sequence[OneMap],
        atoms: int | None = None,
        fallback: bool = True,
        *,
        cell: CellParameters | None = None,
        voxel: float | None = None,
        centred: bool = False,
        formula: str | None = None,
        time_limit: float = 30.0,
    ) -> Prediction | Answers[Prediction]:
        """Atoms of a map: an array [x, y, z], the name of a file, an item of a data set, or a list of these.

        The origin of a map is at index 0, or in the middle where it is `centred`. A cube is searched for
        `atoms` equal atoms (by default the number in the data set's item, or that of the training). Where
        that fails, for other maps, and where a `formula` of the cell is given, the map is solved as a crystal
        within `time_limit` seconds, for which its `cell` (a, b, c in Å, angles in degrees) must be known, or
        its `voxel` size in Å. Without `fallback` neither iteration nor crystals are tried where the network
        fails.

        A list is answered by `Answers` in its order, in which a map that cannot be answered is a failure;
        a single one raises InputError.
        """
        options = {"cell": cell, "voxel": voxel, "centred": centred, "formula": formula}
        ask = partial(self._answer, atoms=atoms, fallback=fallback, time_limit=time_limit, **options)
        if isinstance(patterson, list | tuple) or (isinstance(patterson, np.ndarray) and patterson.ndim == 4):
            return Answers.of(patterson, ask)
        return ask(patterson)

    def _answer(
        self,
        patterson: OneMap,
        atoms: int | None,
        fallback: bool,
        cell: CellParameters | None,
        voxel: float | None,
        centred: bool,
        formula: str | None,
        time_limit: float,
    ) -> Prediction:
        given = MapInput.of(patterson, centred=centred)
        cell = cell or given.known_cell(voxel, formula)
        values, atoms = given.values, atoms or given.atoms
        if atoms is not None and not 1 <= atoms <= values.size // _VOXELS_PER_ATOM:
            raise InputError(f"a map of {values.size:,} voxels cannot show {atoms:,} atoms; check --atoms")
        if formula is not None and cell is None:
            raise InputError("the cell is not known, which --formula needs; give --voxel in Å")
        found = None
        if cell is None or (is_cube(values.shape, cell) and formula is None):
            (found,) = self.predict_maps(require_cube(values)[None], atoms, fallback)
            found = replace(found, cell=cell)
            if found.trusted or cell is None or not fallback:
                return found
        from argand.systems.patterson.maps.crystal_map import solve_crystal_map

        crystal = solve_crystal_map(values, cell, atoms, formula, time_limit=time_limit)
        return crystal if found is None or crystal.trusted else found

    def __repr__(self) -> str:
        return f"<Predictor patterson: {self.system.atoms.atoms} atoms, {self._weights:,} weights>"

    def _repr_html_(self) -> str:
        from argand.page.notebook import html_card

        own = self.system.atoms
        rows = {
            "maps": f"{own.atoms} equal atoms of radius {own.radius:g} in {own.box}³ voxels, as trained",
            "network": f"{self.system.network_name}, {self._weights:,} weights",
            "methods": ".predict(map), .solve_file(reflections)",
        }
        return html_card("Predictor of the system patterson", rows)

    @property
    def _weights(self) -> int:
        return sum(parameter.numel() for parameter in self.network.parameters())

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
            found = self.solve(maps, atoms, fallback=fallback).answers()
            answers += [replace(one, box=patterson.shape[1:]) for one in found]
        return answers


def load(path: Path | str | None = None) -> Predictor:
    """The predictor with argand's own weights, or with those of a file or folder.

    argand's own are read once in a process. Raises InputError where they cannot be read, or are of a network
    on the plain map.
    """
    return _kept(WEIGHTS) if path is None else _read(Path(path))


@cache
def _kept(source: Path) -> Predictor:
    return _read(source)


def _read(source: Path) -> Predictor:
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
