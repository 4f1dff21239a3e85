"""The map of structures: points whose neighbours are similar, and the structure that is shown beside it."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from argand.errors import InputError
from argand.io.structure import expand, usable
from argand.page.item import ItemText, item_view
from argand.page.parts import card
from argand.page.plot import plot_view, points
from argand.page.structure_view import Panel, structure_view
from argand.physics.crystal.structure import Structure
from argand.systems.crystals.database.families import families_of, principal_plane
from argand.systems.crystals.database.fingerprint import Measured, fingerprint, measured
from argand.systems.crystals.page.drawing import plain
from argand.systems.crystals.page.run import Run
from argand.systems.crystals.page.table import GROUP
from argand.systems.crystals.page.text import cell_text

MOST_MAPPED, LEAST_MAPPED = 1500, 12
"""Structures on the map; of a run, fewer than the last make none. By hand, for the size of the page."""
MOST_ATOMS = 200
"""Of a structure on the map that can be shown; larger ones would make the page heavy. By hand."""
_LEADING, _LEADING_WEIGHT = 5, 4.0
"""Columns of species and density in a fingerprint, and their weight on the map beside 48 of |F|². Weight by
hand."""
_GROUP = "map"
_CAPTION = (
    "Neighbours are alike in elements, density and |F|²: principal components of the fingerprint, which have "
    "no unit. A click on a point, or the arrow keys, show its structure."
)


def map_of_run(run: Run) -> str:
    """The map of the structures of a run, which its other views follow; nothing for few of them."""
    if run.kind == "path" or len(run.items) < LEAST_MAPPED:
        return ""
    return _map([(one.name, one.structure) for one in run.items], GROUP)


def map_among(patterns: Sequence[str]) -> str:
    """The map of the structures of some files. InputError where they have none."""
    return _map(_among(patterns), _GROUP)


def _map(named: Sequence[tuple[str, Structure]], group: str) -> str:
    """The map with the structure that is shown beside it; nothing where fewer than three have a fingerprint.

    Views of a group number all structures alike: where one has no fingerprint, the map is a group of its own.
    """
    mapped = list(measured(named, fingerprint))
    if len(mapped) < 3:
        return ""
    group = group if len(mapped) == len(named) else _GROUP
    plane = _plane(mapped)
    seen = structure_view(
        [Panel("structure", [plain(one, one.formula, name) for name, one, _ in mapped])],
        "the structure of the chosen point",
        group=group,
        name="map",
    )
    told = _told(mapped, plane) if group == _GROUP else ""
    both = f'<div class="pair">{_plot(mapped, plane, group)}<div>{seen}{told}</div></div>'
    return card(f"Map of {len(mapped)} structures", both)


def _plane(mapped: Sequence[Measured]) -> Float[np.ndarray, "n 2"]:
    rows = np.array([row for _, _, row in mapped])
    return principal_plane(rows, np.where(np.arange(rows.shape[1]) < _LEADING, _LEADING_WEIGHT, 1.0))


def _told(mapped: Sequence[Measured], plane: Float[np.ndarray, "n 2"]) -> str:
    """What is said of the structure shown: at first of that in the middle."""
    told = [
        ItemText(
            name,
            facts=[
                ("formula", one.formula),
                ("atoms in the cell", str(len(one))),
                ("a, b, c; α, β, γ", cell_text(one)),
                ("volume", f"{one.volume:.2f} Å³, {one.volume / len(one):.2f} Å³/atom"),
            ],
        )
        for name, one, _ in mapped
    ]
    middle = int(np.linalg.norm(plane - plane.mean(0), axis=1).argmin())
    return item_view(told, group=_GROUP, label="the structure of the chosen point", first=middle)


def _plot(mapped: Sequence[Measured], plane: Float[np.ndarray, "n 2"], group: str) -> str:
    plot = points(
        plane[:, 0],
        plane[:, 1],
        [f"{name}: {one.formula}" for name, one, _ in mapped],
        title="map of structures",
        x_name="first principal component",
        y_name="second principal component",
        colour_by=families_of([structure for _, structure, _ in mapped]),
    )
    label = f"map of {len(mapped)} structures; neighbours are similar"
    return plot_view([plot], label, _CAPTION, height=460, group=group)


def _among(patterns: Sequence[str]) -> list[tuple[str, Structure]]:
    """Structures of some files, an even choice where there are more than the map holds."""
    found = (named for path in expand(patterns) for named in usable(path))
    every = [(name, one) for name, one in found if len(one) <= MOST_ATOMS]
    if not every:
        raise InputError(f"{patterns[0]}: no structures for the map")
    return [every[k] for k in np.unique(np.linspace(0, len(every) - 1, MOST_MAPPED).astype(int))]
