"""A solved crystal in 3-D: its Patterson map about the origin, its atoms and bonds in their density."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gemmi
import numpy as np

from argand.errors import InputError
from argand.io.map import sample_map
from argand.page.surface import surfaces
from argand.physics.crystal.bond import bonds, covalent_radii, grown
from argand.physics.crystal.symmetry import Group

COLOURS = {"C": "#444", "N": "#2850d0", "O": "#d02020", "F": "#50a050", "P": "#e08000", "S": "#c0a000"}
COLOURS |= {"Cl": "#20a020", "Br": "#8a2a1a", "I": "#7020a0"}
OTHER_COLOUR = "#c060a0"
BLUES: list[list[float | str]] = [[0.0, "#7fb2e5"], [1.0, "#08306b"]]
"""Of the lower and the higher surface."""
POINTS = 34
"""Points of a map along the longest side of what is drawn. By hand: more make the page slow. All of these are
for the drawing alone."""
REACH = 8.0
"""Most that is drawn of the Patterson map about its origin, in Å. By hand."""
MARGIN = 1.8
"""Å about the atoms in which their density is drawn. By hand: a little more than a bond."""
ORIGIN_PEAK = 0.9
"""Å about the origin in which the Patterson map is not drawn: its ripples are no vectors. By hand: shorter
than any bond but those of hydrogen."""


MOST_SITES, MOST_IMAGES = 1000, 20_000
"""Sites of a model that is drawn, and these times the operators. By hand: what solve finds has some hundred
sites, and the drawing takes memory with their square."""
MOST_CROWDED = 20.0
"""Sites times operators in an Å³. By hand: LiF, with two sites and 192 operators in 65 Å³, has 6."""
FARTHEST = 100.0
"""Cells from the origin that a site may be. By hand: solve puts all of them near it."""


def read_model(path: Path) -> gemmi.SmallStructure:
    """The model of a CIF that solve wrote; InputError where it is damaged."""
    try:
        model = gemmi.read_small_structure(str(path))
        images = len(model.sites) * len([gemmi.Op(triplet) for triplet in model.symops])
    # IndexError: of loops without columns.
    except (RuntimeError, ValueError, IndexError, OSError) as error:
        raise InputError(f"{path}: no whole CIF ({' '.join(str(error).split())})") from error
    places = np.array([site.fract.tolist() for site in model.sites])
    if not 0 < len(places) <= MOST_SITES or not (np.abs(places) < FARTHEST).all():
        raise InputError(f"{path}: no sites of a crystal that can be drawn")
    if not 0 < images < min(MOST_CROWDED * model.cell.volume, MOST_IMAGES):
        raise InputError(f"{path}: no cell and symmetry that have room for its sites")
    return model


def scene(files: Mapping[str, Path], structure: gemmi.SmallStructure) -> Any:
    """Plotly figure: Patterson map on the left; density, atoms, labels and bonds on the right."""
    from plotly.graph_objects import Figure
    from plotly.subplots import make_subplots

    titles = ("Patterson map, Å from its origin", "density and atoms, Å")
    figure: Figure = make_subplots(1, 2, specs=[[{"type": "scene"}] * 2], subplot_titles=titles)
    figure.add_trace(_vectors(files["patterson"], max(structure.cell.parameters[:3])), 1, 1)
    cell = np.array(structure.cell.orth.mat.tolist())
    sites, elements = structure.sites, tuple(site.element.name for site in structure.sites)
    frac = np.array([site.fract.tolist() for site in sites])
    group = Group.from_operations(gemmi.GroupOps([gemmi.Op(triplet) for triplet in structure.symops]))
    fragment = grown(frac, covalent_radii(elements), group, cell)
    shown = [elements[number] for number in fragment.source]
    figure.add_trace(_density(files["density"], fragment.cart), 1, 2)
    figure.add_trace(_sticks(fragment.cart, covalent_radii(tuple(shown))), 1, 2)
    words = [_words(sites[number]) for number in fragment.source]
    labels = [sites[number].label for number in fragment.source]
    figure.add_trace(_balls(fragment.cart, shown, labels, words), 1, 2)
    figure.update_layout(height=600, margin={"l": 0, "r": 0, "t": 60, "b": 0}, showlegend=False)
    figure.update_scenes(aspectmode="data")
    figure.update_scenes(camera_projection_type="orthographic", row=1, col=1)
    figure.update_scenes(camera_eye=_flat_on(fragment.cart), row=1, col=2)
    blank = {"visible": False}
    figure.update_scenes(xaxis=blank, yaxis=blank, zaxis=blank, row=1, col=2)
    return figure


def _flat_on(cart: np.ndarray) -> dict[str, float]:
    """Where to look from so that the atoms hide each other least: across their two longest directions."""
    _, _, directions = np.linalg.svd(np.vstack([cart - cart.mean(0), 1e-3 * np.eye(3)]))
    x, y, z = (1.2 * float(value) for value in directions[2])
    return {"x": x, "y": y, "z": z}


def _words(site: gemmi.SmallStructure.Site) -> str:
    """What hovering over an atom says."""
    x, y, z = site.fract.tolist()
    return f"{site.label}: {x:.4f} {y:.4f} {z:.4f}, U {site.u_iso:.3f} Å²"


def _box(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, float, tuple[int, int, int]]:
    """Places [3, points] of a box in Å, their step, and how many there are along each side."""
    step = max(float((high - low).max()) / (POINTS - 1), 0.2)
    x, y, z = (int(count) for count in np.ceil((high - low) / step) + 1)
    places = np.indices((x, y, z)).reshape(3, -1) * step + low[:, None]
    return places.astype(np.float32), step, (x, y, z)


def _vectors(path: Path, longest: float) -> Any:
    """Surfaces of the Patterson map round its origin, at 0.35 and 0.7 of its highest place (by hand)."""
    reach = np.full(3, min(REACH, longest / 2))
    places, step, shape = _box(-reach, reach)
    values = sample_map(path, -reach, step, shape)
    values[np.linalg.norm(places, axis=0).reshape(shape) < ORIGIN_PEAK] = 0
    top = float(values.max())
    return surfaces(places, values, (0.35 * top, 0.7 * top), BLUES)


def _density(path: Path, cart: np.ndarray) -> Any:
    """Surfaces of the density near the atoms, at a quarter and a half (by hand) of that at a usual atom."""
    low, high = cart.min(0) - MARGIN, cart.max(0) + MARGIN
    places, step, shape = _box(low, high)
    values = sample_map(path, low, step, shape)
    nearest = np.min([np.linalg.norm(places - atom[:, None], axis=0) for atom in cart], axis=0)
    values[nearest.reshape(shape) > MARGIN] = 0
    usual = float(np.median([sample_map(path, atom, 1.0, (1, 1, 1)) for atom in cart]))
    return surfaces(places, values, (0.25 * usual, 0.5 * usual), BLUES, 0.2)


def _balls(cart: np.ndarray, elements: list[str], labels: list[str], words: list[str]) -> Any:
    from plotly.graph_objects import Scatter3d

    colours = [COLOURS.get(element, OTHER_COLOUR) for element in elements]
    return Scatter3d(
        x=cart[:, 0],
        y=cart[:, 1],
        z=cart[:, 2],
        mode="markers+text",
        marker={"size": 9, "color": colours, "line": {"width": 1, "color": "#222"}},
        text=labels,
        textposition="top right",
        textfont={"size": 14, "color": "#111"},
        hovertext=words,
        hoverinfo="text",
    )


def _sticks(cart: np.ndarray, radii: np.ndarray) -> Any:
    """Bonds as lines; a gap ends each."""
    from plotly.graph_objects import Scatter3d

    ends = [np.vstack([cart[pair], np.full((1, 3), np.nan)]) for pair in bonds(cart, radii)]
    x, y, z = np.vstack(ends).T if ends else np.zeros((3, 0))
    line = {"color": "#777", "width": 7}
    return Scatter3d(x=x, y=y, z=z, mode="lines", line=line, hoverinfo="skip")
