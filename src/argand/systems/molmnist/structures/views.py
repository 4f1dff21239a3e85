"""How molecules of a set are seen: samples of shapes and patterns, and the shapes that training knows."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float

from argand.errors import ConfigError
from argand.physics.coherent.exposure import Detector, expose
from argand.physics.coherent.projection import Picture, Window, histogram
from argand.systems.molmnist.simulate import Imaging, Scene, measure
from argand.systems.molmnist.structures.source import StructureFile, Structures, molecule_of, upright
from argand.typing import Points3

MODEL_MODES, VIEW_MODES = 66, 100
"""Most directions kept of a molecule's shapes along one axis, and along all. By hand."""
MODEL_DRAWS, VIEW_DRAWS = 400, 1500
"""Most training models, and training views, from which they come. By hand, several times as many."""
_MARGIN = 4.0
"""Å round a molecule for the blur of its shapes: four of its standard deviations."""
_SEED = 0x5B
"""Of the views from which shapes are analysed; any number that no training run is likely to have."""
_HIGHEST_Q = 1.6
"""1/Å; by hand, as of `Polar`, where it is told."""

Sample = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Streams:
    """Where the random numbers of a sample come from: the words of the seed for training, and for splits."""

    training: int
    splits: int


def simulate_structure(
    structures: Structures,
    imaging: Imaging,
    detector: Detector | None,
    training_only: bool,
    streams: Streams,
    index: int,
    seed: int,
) -> Sample:
    """Pair number `index`, of the molecules in turn; of ten draws eight train, one validates, one tests.

    Each split has random numbers of its own, and models of its own where a molecule has ten or more.
    """
    number, kind = divmod(index, len(structures.files))
    split = 0 if training_only else max(number % 10 - 7, 0)
    random = np.random.default_rng(
        [seed, streams.training if training_only else streams.splits + split, index]
    )
    file = structures.files[kind]
    model = _model(file, split, number, training_only, random)
    elements, frames = molecule_of(file)
    turn, rotation = _turn(structures, frames[model], _weight(elements), imaging.rotate, random)
    cart, scene = turn.apply(frames[model]), _scene(elements)
    shape = scene.shape(cart, imaging.window)
    if shape.max() > np.iinfo(np.uint16).max:
        raise ConfigError(f"a pixel holds {shape.max():.0f} electrons, more than 65535; use smaller pixels")
    sample = {
        "shape": shape.astype(np.uint16),
        "kind": np.array(kind, np.uint16),
        "variant": np.array(model, np.uint32),
        "split": np.array(split, np.uint8),
        "rotation_deg": np.array(np.degrees(rotation), np.float32),
        "orientation": turn.as_quat().astype(np.float32),
    }
    return sample | _measured(scene.intensity(cart, shape, imaging), imaging, detector, random)


def _measured(
    intensity: Picture, imaging: Imaging, detector: Detector | None, random: np.random.Generator
) -> Sample:
    """The pattern; with a detector also what it was measured with."""
    if detector is None:
        return {"pattern": measure(intensity, imaging, random).astype(np.float32)}
    exposure = detector.draw(imaging.window, random)
    return {
        "pattern": expose(intensity, exposure, detector, imaging.window, random),
        "live": exposure.live,
        "photons": np.array(exposure.photons, np.float32),
        "background": np.array(exposure.background, np.float32),
        "blur_px": np.array(exposure.blur_px, np.float32),
    }


def _model(
    file: StructureFile, split: int, number: int, training_only: bool, random: np.random.Generator
) -> int:
    """Model of a draw: those of the split in turn, or any of them in training, where many draws follow."""
    part = file.parts[split]
    if training_only:
        return part[int(random.integers(len(part)))]
    place = number // 10 * 8 + number % 10 if split == 0 else number // 10
    return part[place % len(part)]


def _turn(
    structures: Structures,
    cart: Points3,
    weight: Float[np.ndarray, " n"],
    rotate: bool,
    random: np.random.Generator,
) -> tuple[Any, float]:
    """Rotation from the file's frame to the laboratory, and the one about the beam that is to be found.

    Where the axis is random that is the direction of the longer principal axis of the shape, which the
    pattern shows, between 0 and half a turn.
    """
    from scipy.spatial.transform import Rotation  # slow to import, and no prediction of fibrils turns any

    direction = structures.direction
    if direction is None:
        turn = Rotation.from_quat(random.normal(size=4))
        return turn, principal_angle(turn.apply(cart), weight)
    angle = float(random.uniform(0, 2 * np.pi)) if rotate else 0.0
    return Rotation.from_rotvec([0.0, 0.0, angle]) * upright(direction), angle


def principal_angle(cart: Points3, weight: Float[np.ndarray, " n"]) -> float:
    """Angle in radians, 0 to π, of the longer principal axis of weighted points across the beam."""
    x, y = (cart[:, axis] - np.average(cart[:, axis], weights=weight) for axis in (0, 1))
    return float(np.arctan2(2 * (weight * x * y).sum(), (weight * (x * x - y * y)).sum()) / 2 % np.pi)


def training_shapes(structures: Structures, number: int, window: Window) -> Iterator[Picture]:
    """Shapes in electrons per pixel of training models and views of one molecule, at rotation 0."""
    from scipy.spatial.transform import Rotation  # slow to import, and no prediction of fibrils turns any

    file, random = structures.files[number], np.random.default_rng([_SEED, number])
    elements, frames = molecule_of(file)
    weight, part, direction = _weight(elements), file.parts[0], structures.direction
    if direction is not None:
        stride = -(-len(part) // MODEL_DRAWS)
        for model in part[::stride]:
            yield histogram(upright(direction).apply(frames[model]), weight, window)
        return
    for _ in range(VIEW_DRAWS):
        cart = frames[part[int(random.integers(len(part)))]]
        turn, angle = _turn(structures, cart, weight, True, random)
        yield histogram((Rotation.from_rotvec([0, 0, -angle]) * turn).apply(cart), weight, window)


def shape_counts(structures: Structures) -> tuple[int, ...]:
    """Directions kept of the shapes of each molecule."""
    if structures.direction is None:
        return (VIEW_MODES,) * len(structures.files)
    return tuple(min(max(len(file.parts[0]) - 1, 1), MODEL_MODES) for file in structures.files)


def shape_sides(structures: Structures, pixel: float) -> tuple[int, ...]:
    """Pixels (of `pixel` Å) of the square that holds each molecule at any rotation; even."""
    return tuple(2 * int(np.ceil((file.radius + _MARGIN) / pixel)) for file in structures.files)


def polar_reach(window: Window, radii: int) -> float:
    """How far in q (1/Å) a network of so many radii looks: as far as rings a pixel apart reach.

    Speckles of a large molecule in a large window would fall between rings that are wider apart.
    """
    return min(_HIGHEST_Q, radii * 2 * np.pi / window.side, np.pi / window.pixel)


@lru_cache(maxsize=64)  # as of molecules
def _scene(elements: tuple[str, ...]) -> Scene:
    return Scene(elements)


def _weight(elements: tuple[str, ...]) -> Float[np.ndarray, " n"]:
    return _scene(elements).weight
