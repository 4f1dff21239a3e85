"""Files of molecules as the classes of a set, with what must be known of them where the files are not."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from argand.errors import ConfigError, InputError
from argand.io.molecule import Molecule, parts_of, read_molecule
from argand.physics.coherent.composition import electrons_of
from argand.typing import Points3

AXES: dict[str, tuple[float, float, float]] = {"x": (1, 0, 0), "y": (0, 1, 0), "z": (0, 0, 1)}
"""Directions by name, in the frame of the file."""
SPLIT_MODELS = 10
"""Models from which a molecule's splits are parts of its models. By hand: of ten, eight train, one validates,
one tests; of fewer nothing would be left to vary."""
OVERSAMPLED = 2.0
"""Side of the window over the molecule's diameter from which a pattern tells the phases (Miao, Sayre &
Chapman, J. Opt. Soc. Am. A 15, 1662, 1998)."""

Axis = Literal["random", "x", "y", "z"] | tuple[float, float, float]
"""Where the beam goes through the molecule, in the frame of its file."""


@dataclass(frozen=True)
class StructureFile:
    """One class: a molecule, and what a network must know of it without its file.

    `path` is as it was given, `sha256` of the file's bytes (and the trajectory's). `models` are its variants;
    `radius` in Å that of its farthest atom about the middle, across the beam, in all of them. `left_out` says
    what of the file is not in the molecule.
    """

    name: str
    path: str
    sha256: str
    models: int
    radius: float
    composition: tuple[tuple[str, int], ...]
    left_out: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[range, ...]:
        """Models of each split: parts of the whole one after the other, or all in each where they are few."""
        if self.models < SPLIT_MODELS:
            return (range(self.models),) * 3
        ends = (0, self.models * 8 // 10, self.models * 9 // 10, self.models)
        return tuple(range(first, last) for first, last in pairwise(ends))


@dataclass(frozen=True)
class Structures:
    """The molecules of a set, a class each, and how the beam goes through them.

    `axis` is `random` (every orientation with equal chances), `x`, `y`, `z`, or a direction, in the frame of
    the file; models are laid on the first one. `read_structures` makes it of files. ConfigError for no
    molecule, two of one name, or no direction.
    """

    files: tuple[StructureFile, ...]
    axis: Axis = "random"

    def __post_init__(self) -> None:
        if not self.files:
            raise ConfigError("a set needs a molecule; give one or more PDB or mmCIF files")
        double = [name for name, count in Counter(self.names).items() if count > 1]
        if double:
            raise ConfigError(f"two molecules are called '{double[0]}'; rename one of the files")
        beam_direction(self.axis)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the classes, in their order."""
        return tuple(file.name for file in self.files)

    @property
    def direction(self) -> Float[np.ndarray, " 3"] | None:
        """Unit vector of the beam in the molecule; None where it is random."""
        return beam_direction(self.axis)

    def require_window(self, side: float) -> None:
        """ConfigError where a window of this side in Å does not hold all molecules, with the size needed."""
        widest = max(self.files, key=lambda file: file.radius)
        if 2 * widest.radius > side:
            raise ConfigError(
                f"{widest.name} is {2 * widest.radius:.0f} Å wide and the window {side:g} Å; "
                f"take a window of {self.advised_window} Å or more"
            )

    @property
    def advised_window(self) -> int:
        """Side in Å, in whole tens, at which all patterns are oversampled."""
        return 10 * int(np.ceil(OVERSAMPLED * 2 * max(file.radius for file in self.files) / 10))

    def window_warning(self, side: float) -> str:
        """What is to be said where a window of this side in Å is too narrow for patterns to tell phases."""
        times = side / (2 * max(file.radius for file in self.files))
        if times >= OVERSAMPLED:
            return ""
        return (
            f"the window is {times:.2f} times as wide as the widest molecule; from {OVERSAMPLED:g} times, "
            f"--window {self.advised_window}, a pattern tells its phases"
        )


def read_structures(files: Sequence[str | Path], axis: Axis = "random") -> Structures:
    """A set's classes from files: PDB, mmCIF (also .gz), or `TOPOLOGY:TRAJECTORY`; errors as `read_molecule`.

    A class is called after its file, without endings.
    """
    direction = beam_direction(axis)
    return Structures(tuple(_described(str(file), direction) for file in files), axis)


def beam_direction(axis: Axis) -> Float[np.ndarray, " 3"] | None:
    """Unit vector of an axis in the molecule, None for a random one; ConfigError where it has none."""
    if axis == "random":
        return None
    vector = np.array(AXES[axis] if isinstance(axis, str) else axis, float)
    if not 0 < np.linalg.norm(vector) < np.inf:
        raise ConfigError("an axis needs a direction; write x, y, z, random, or a direction such as 1,1,0")
    return vector / np.linalg.norm(vector)


def axis_named(text: str) -> Axis:
    """The axis that a text names: `random`, `x`, `y`, `z` or three numbers; ConfigError for another."""
    if text in ("random", "x", "y", "z"):
        return text
    try:
        x, y, z = map(float, text.split(","))
    except ValueError as error:
        raise ConfigError(
            f"'{text}' is not an axis; write random, x, y, z, or a direction such as 1,1,0"
        ) from error
    return x, y, z


def _described(path: str, direction: Float[np.ndarray, " 3"] | None) -> StructureFile:
    molecule = read_molecule(path)
    frames = laid_together(molecule)
    if direction is not None:
        frames = frames - (frames @ direction)[..., None] * direction
    radius = float(np.sqrt((frames**2).sum(-1).max()))
    formula = tuple(sorted(Counter(molecule.elements).items()))
    name = (parts_of(path)[1] or parts_of(path)[0]).name.split(".")[0]
    return StructureFile(name, path, _digest(path), len(frames), radius, formula, molecule.notes)


def _digest(path: str) -> str:
    found = hashlib.sha256()
    for part in parts_of(path):
        if part is not None:
            found.update(part.read_bytes())
    return found.hexdigest()


@lru_cache(maxsize=64)  # by hand: more molecules than anybody's set has, and no more memory than they take
def molecule_of(file: StructureFile) -> tuple[tuple[str, ...], Float[np.ndarray, "frame atom 3"]]:
    """Elements and models of a class, laid on the first; InputError where its file has changed or is gone."""
    if _digest(file.path) != file.sha256:
        raise InputError(f"{file.path}: has changed since the set was made; write a new set from it")
    molecule = read_molecule(file.path)
    return molecule.elements, laid_together(molecule)


def laid_together(molecule: Molecule) -> Float[np.ndarray, "frame atom 3"]:
    """All models about their centres of electrons, turned onto the first by least squares (Å)."""
    weight = np.array([electrons_of(element) for element in molecule.elements])
    frames = molecule.frames - np.average(molecule.frames, axis=1, weights=weight)[:, None]
    for number in range(1, len(frames)):
        turn = best_turn(frames[number], frames[0], weight)
        frames[number] = frames[number] @ turn.T
    return frames


def best_turn(moving: Points3, fixed: Points3, weight: Float[np.ndarray, " n"]) -> Float[np.ndarray, "3 3"]:
    """Rotation that lays centred points on others by weighted least squares (Kabsch 1976, Acta A32, 922)."""
    left, _, right = np.linalg.svd((fixed * weight[:, None]).T @ moving)
    left[:, -1] *= np.sign(np.linalg.det(left @ right))
    return left @ right


def upright(direction: Float[np.ndarray, " 3"]) -> Any:
    """The shortest rotation (of scipy) that takes a unit vector to +z, about x where it is -z."""
    from scipy.spatial.transform import Rotation  # slow to import, and no prediction of fibrils turns any

    across = np.cross(direction, (0.0, 0.0, 1.0))
    sine, cosine = float(np.linalg.norm(across)), float(direction[2])
    unit = across / sine if sine > 0 else np.array([1.0, 0.0, 0.0])
    return Rotation.from_rotvec(unit * np.arctan2(sine, cosine))
