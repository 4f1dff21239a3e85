"""Views of structures: atoms, cells and densities as a page's script draws them; films; side by side."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import gemmi
import numpy as np

from argand.errors import InputError
from argand.page.element_look import look
from argand.page.packed_density import packed_density
from argand.page.view import packed, view

Operation = tuple[Sequence[Sequence[int]], Sequence[float]]
"""Rotation [3][3] and translation [3] in fractions of the cell."""
IDENTITY: Operation = (((1, 0, 0), (0, 1, 0), (0, 0, 1)), (0.0, 0.0, 0.0))
"""x, y, z."""
STEP = 1e-5
"""Fractional coordinates are rounded to this. By hand: 0.0002 Å in a cell of 20 Å."""
_MOLECULE_STEP = 1e-4
"""Å; the same for molecules."""
_TURNS = 24
"""Translations of operations are kept in 24ths, of which those of all space groups are multiples."""


@dataclass(frozen=True)
class Density:
    """A density over the whole cell, whose contour is drawn about the atoms."""

    values: np.ndarray
    """[x, y, z], periodic; index i lies at fraction i/n."""
    name: str = "electron density"
    unit: str = "e/Å³"
    level: float = 1.0
    """First contour level, in the unit."""


@dataclass(frozen=True)
class DrawnStructure:
    """A crystal structure, or a molecule without a cell."""

    elements: Sequence[str]
    frac: np.ndarray
    """[atom, 3] in fractions of the cell; without one, Å."""
    lattice: np.ndarray | None
    """Rows a, b, c in Å; None for a molecule."""
    labels: Sequence[str] = ()
    """Of the sites; empty: element and number."""
    details: Sequence[str] = ()
    """What is said of each atom that is pointed at; empty: its label and coordinates."""
    operations: Sequence[Operation] = (IDENTITY,)
    """Of the space group; with the identity alone, the atoms are all those of the cell."""
    title: str = ""
    note: str = ""
    """Under the title."""
    trusted: bool = True
    """If not, it is drawn grey and labelled as a best guess."""
    density: Density | None = None


@dataclass(frozen=True)
class Panel:
    """One of the drawings that stand side by side; several frames are a film."""

    title: str
    frames: Sequence[DrawnStructure]


def structure_view(
    panels: Sequence[Panel],
    label: str,
    caption: str = "",
    *,
    height: int = 460,
    group: str | None = None,
    name: str = "structure",
    start: int = 0,
) -> str:
    """The element of a view of structures side by side, whose cameras turn together.

    `label` (plain text) says what it shows, `caption` (HTML) stands under it, `height` is that of the drawing
    in px, `name` that of saved pictures. The frames of all panels follow the item of `group`; at first frame
    `start` is shown (-1: the last). Raises InputError for a structure whose lists do not fit together or that
    has no finite coordinates.
    """
    return view("structure", packed_panels(panels, group, name, start), label, caption, height)


def packed_panels(panels: Sequence[Panel], group: str | None, name: str, start: int = 0) -> dict[str, Any]:
    """What the script draws from: lists that several frames share are stored once."""
    frames = [frame for panel in panels for frame in panel.frames]
    if not frames:
        raise InputError(f"{name}: no structure to be drawn")
    for frame in frames:
        _check(frame)
    store = _Store()
    told = [{"title": panel.title, "frames": [store.row(one) for one in panel.frames]} for panel in panels]
    places = [np.rint(np.asarray(one.frac) / _step(one)).reshape(-1, 3) for one in frames]
    lattices = [np.eye(3) if one.lattice is None else np.asarray(one.lattice) for one in frames]
    return {
        "name": name,
        "group": group,
        "start": start,
        "steps": [_MOLECULE_STEP, STEP],
        "turns": _TURNS,
        "looks": {number: look(symbol) for number, symbol in sorted(store.symbols.items())},
        **{kind: list(numbers) for kind, numbers in store.numbers.items()},
        "places": packed(np.concatenate(places).astype(np.int32)),
        "lattices": packed(np.stack(lattices).astype(np.float32)),
        "densities": store.densities,
        "panels": told,
    }


def _step(frame: DrawnStructure) -> float:
    return _MOLECULE_STEP if frame.lattice is None else STEP


class _Store:
    """Lists of frames, each kept once and known by its number."""

    def __init__(self) -> None:
        kinds = ("kinds", "labels", "details", "operations")
        self.numbers: dict[str, dict[Hashable, int]] = {kind: {} for kind in kinds}
        self.densities: list[dict[str, Any]] = []
        self.symbols: dict[int, str] = {}

    def row(self, frame: DrawnStructure) -> list[Any]:
        """A frame as the script reads it."""
        numbers = [gemmi.Element(one).atomic_number for one in frame.elements]
        self.symbols |= dict(zip(numbers, frame.elements, strict=True))
        if frame.density is not None:
            self.densities.append(packed_density(**vars(frame.density)))
        return [
            self._number("kinds", numbers),
            self._number("labels", frame.labels),
            self._number("details", frame.details),
            self._number("operations", _whole(frame.operations)),
            0 if frame.lattice is None else 1,
            int(frame.trusted),
            -1 if frame.density is None else len(self.densities) - 1,
            frame.title,
            frame.note,
        ]

    def _number(self, kind: str, items: Sequence[Any]) -> int:
        known = self.numbers[kind]
        return known.setdefault(tuple(items), len(known))


def _whole(operations: Sequence[Operation]) -> tuple[tuple[int, ...], ...]:
    """Each operation as twelve whole numbers: rotation, and translation in 24ths."""
    return tuple(
        (
            *(round(float(one)) for row in rotation for one in row),
            *(round(_TURNS * float(one)) for one in move),
        )
        for rotation, move in operations
    )


def _check(frame: DrawnStructure) -> None:
    atoms, places = len(frame.elements), np.asarray(frame.frac)
    if places.shape != (atoms, 3) or not np.isfinite(places).all() or np.abs(places).max(initial=0) > 1e4:
        raise InputError(f"{frame.title or 'structure'}: not {atoms} finite positions that fit its elements")
    for lists in (frame.labels, frame.details):
        if len(lists) not in (0, atoms):
            raise InputError(f"{frame.title or 'structure'}: {len(lists)} labels or details of {atoms} atoms")
    if frame.lattice is not None:
        lattice = np.asarray(frame.lattice)
        if lattice.shape != (3, 3) or not abs(np.linalg.det(lattice)) > 0:
            raise InputError(f"{frame.title or 'structure'}: no cell of three directions")
    elif frame.density is not None:
        raise InputError(f"{frame.title or 'structure'}: a density without a cell")
