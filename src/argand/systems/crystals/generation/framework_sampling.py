"""New frameworks: crystals whose space group, sites, elements, places and cell are all drawn by a network."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from argand.errors import ConfigError
from argand.physics.crystal.structure import Structure
from argand.progress import ProgressDisplay
from argand.systems.crystals.generation.framework_drawing import Drawn, draw_frameworks
from argand.systems.crystals.generation.framework_network import FrameworkNetwork
from argand.systems.crystals.generation.framework_training import load_frameworks_network

_CHUNK = 128
"""Draws made at a time. Each chunk has a seed of its own: another number draws others."""
_MOST_DRAWS = 50
"""Draws for each crystal that is asked for before it is given up: a trained network needs fewer than two. By
hand."""


@dataclass(frozen=True)
class Composed:
    """Crystals that had room, and how many were drawn for them; the last chunk counts as a whole."""

    kept: list[Drawn]
    drawn: int
    with_room: int

    @property
    def acceptance(self) -> float:
        """Share of draws in which all atoms had room."""
        return self.with_room / self.drawn


def compose_frameworks(
    count: int, seed: int, temperature: float = 1.0, weights: Path | None = None
) -> list[tuple[str, Structure]]:
    """`count` new crystals, fixed by the seed, each with its origin, such as `frameworks:SG225`.

    The group named is the one drawn; a crystal whose free coordinates fall on special values may have more
    symmetry. Primitive cells of up to 20 atoms. Errors as of `compose`.
    """
    kept = compose(count, seed, temperature, weights).kept
    return [(f"frameworks:SG{one.group}", one.structure) for one in kept if one.structure is not None]


def compose(count: int, seed: int, temperature: float = 1.0, weights: Path | None = None) -> Composed:
    """`count` crystals as they were drawn, without those whose atoms had no room.

    ConfigError as of `draw_with_room`; InputError for no weights.
    """
    return draw_with_room(load_frameworks_network(weights), count, seed, temperature)


def draw_with_room(network: FrameworkNetwork, count: int, seed: int, temperature: float) -> Composed:
    """Draws of a network until `count` of them have room for all atoms.

    ConfigError where none are asked for, for a temperature that is not above zero, and where hardly any has
    room.
    """
    if count < 1:
        raise ConfigError(f"a count of {count} asks for nothing; give 1 or more")
    if not temperature > 0:
        raise ConfigError(f"a temperature of {temperature:g} draws nothing; give one above 0")
    kept: list[Drawn] = []
    drawn = 0
    with ProgressDisplay("compose", "structures") as display:
        while len(kept) < count:
            if drawn >= _MOST_DRAWS * count + _CHUNK:
                raise ConfigError(
                    f"at a temperature of {temperature:g} atoms have room in {len(kept)} of {drawn} draws "
                    "only; give one nearer to 1"
                )
            chunk = int(np.random.default_rng([seed, drawn]).integers(2**31))
            made = draw_frameworks(network, _CHUNK, chunk, temperature)
            kept += [one for one in made if one.structure is not None]
            drawn += _CHUNK
            display.update(min(len(kept) / count, 1.0), min(len(kept), count))
    return Composed(kept[:count], drawn, len(kept))
