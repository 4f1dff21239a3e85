"""Structures as the view of structures draws them: what was encoded beside what came back."""

from collections.abc import Sequence

import numpy as np

from argand.page.structure_view import DrawnStructure, Panel
from argand.physics.crystal.structure import Structure
from argand.systems.crystals.page.run import Item, Kind

_BEGINNINGS: dict[Kind, str] = {"altered": "as given"}
_ENDS: dict[Kind, str] = {"altered": "altered", "samples": "new structure"}


def panels(kind: Kind, items: Sequence[Item]) -> list[Panel]:
    """A frame for each item; two panels where the structures that they began from can be read."""
    decoded = [_decoded(one) for one in items]
    if kind == "path":
        return [Panel("interpolated", decoded)]
    end = Panel(_ENDS.get(kind, "decoded"), decoded)
    if not any(one.given for one in items):
        return [end]
    return [Panel(_BEGINNINGS.get(kind, "input"), [_given(one) for one in items]), end]


def plain(structure: Structure, title: str, note: str = "", trusted: bool = True) -> DrawnStructure:
    """A structure whose atoms are labelled by element and number."""
    labels = tuple(f"{symbol}{number}" for number, symbol in enumerate(structure.symbols, 1))
    return DrawnStructure(
        structure.symbols, structure.frac_coords, structure.lattice, labels, (), title=title, note=note,
        trusted=trusted,
    )  # fmt: skip


def _decoded(item: Item) -> DrawnStructure:
    return plain(item.structure, item.record["formula"], item.name, item.trusted)


def _given(item: Item) -> DrawnStructure:
    if item.given is None:
        nothing = np.zeros((0, 3))
        return DrawnStructure(
            (), nothing, item.structure.lattice, title="input", note="can no longer be read"
        )
    return plain(item.given, item.given.formula, item.name)
