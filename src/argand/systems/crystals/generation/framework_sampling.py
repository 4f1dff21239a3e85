"""New frameworks: crystals whose space group, sites, elements, places and cell are all drawn by a network."""

from pathlib import Path

from argand.errors import InputError
from argand.physics.crystal.structure import Structure


def compose_frameworks(
    count: int, seed: int, temperature: float = 1.0, weights: Path | None = None
) -> list[tuple[str, Structure]]:
    """`count` new crystals, fixed by the seed, each with its origin, such as `frameworks:SG225`.

    InputError where there are no weights.
    """
    raise InputError("no weights of frameworks yet; train some with `argand crystals train frameworks`")
